"""Trust: what the log says of its own keys, and witnesses' cosignatures.

Funds that were opened before have no row in `logs` until their read tables are rebuilt, which
`fundledger migrate` does.

Revision: 0003, after: 0002
"""

import sqlalchemy as sa
from alembic import op

from app.store.guards import create_guards, verify_guards

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Create the tables, and the guards of the new log table."""
    op.create_table(
        "cosignatures",
        sa.Column("fund", sa.Text(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("witness", sa.Text(), nullable=False),
        sa.Column("line", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("fund", "size", "witness", name=op.f("pk_cosignatures")),
        sqlite_with_rowid=False,
    )
    op.create_index(
        op.f("ix_cosignatures_fund_witness_size"),
        "cosignatures",
        ["fund", "witness", "size"],
        unique=False,
    )
    op.create_table(
        "logs",
        sa.Column("fund", sa.Text(), nullable=False),
        sa.Column("keys", sa.Text(), nullable=False),
        sa.Column("export_keys", sa.Text(), nullable=False),
        sa.Column("witnessed", sa.Text(), nullable=True),
        sa.Column("stamped", sa.Text(), nullable=True),
        sa.Column("closed_seq", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("fund", name=op.f("pk_logs")),
    )
    op.add_column("disbursements", sa.Column("reserved_seq", sa.BigInteger(), nullable=True))
    create_guards(op.get_bind(), ("cosignatures",))
    verify_guards(op.get_bind())


def downgrade() -> None:
    raise NotImplementedError("a ledger is not taken back; restore a backup instead")
