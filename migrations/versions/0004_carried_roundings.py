"""Carried roundings: what each contributor is ahead or behind when an epoch of a pool ends.

And which closing a proposal to reopen was made about. Both are folds of the log: `fundledger
migrate` folds the read tables anew, so the defaults here never stay.

Revision: 0004, after: 0003
"""

import sqlalchemy as sa
from alembic import op

from app.store.guards import verify_guards

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Add the columns."""
    op.add_column("pools", sa.Column("carry", sa.Text(), nullable=False, server_default="{}"))
    op.add_column(
        "reopenings",
        sa.Column("closing_seq", sa.BigInteger(), nullable=False, server_default="0"),
    )
    verify_guards(op.get_bind())


def downgrade() -> None:
    raise NotImplementedError("a ledger is not taken back; restore a backup instead")
