"""What operators confirm, what the scrub found, which second store it is: no part of any log.

Revision: 0005, after: 0004
"""

import sqlalchemy as sa
from alembic import op

from app.store.guards import verify_guards

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "clock_confirmations",
        sa.Column("at", sa.Text(), nullable=False),
        sa.Column("off_ms", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("at", name="pk_clock_confirmations"),
    )
    op.create_table(
        "marks",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_marks"),
    )
    op.create_table(
        "damages",
        sa.Column("fund", sa.Text(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("found_at", sa.Text(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("signed_hash", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("fund", "seq", name="pk_damages"),
    )
    verify_guards(op.get_bind())


def downgrade() -> None:
    raise NotImplementedError("a ledger is not taken back; restore a backup instead")
