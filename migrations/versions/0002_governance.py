"""Governance: keys, mandates, proposals, votes, and what is kept beside them.

Revision: 0002, after: 0001
"""

import sqlalchemy as sa
from alembic import op

from app.store.guards import verify_guards

GUARDED = ("entries", "tile_hashes", "postings", "idempotency", "checkpoints", "heads")
"""As of this revision."""

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Create the tables; the log's guards stand as they were."""
    op.create_table(
        "keyrings",
        sa.Column("fund", sa.Text(), nullable=False),
        sa.Column("party", sa.Text(), nullable=False),
        sa.Column("active", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("fund", "party", name=op.f("pk_keyrings")),
    )
    op.create_table(
        "mandates",
        sa.Column("fund", sa.Text(), nullable=False),
        sa.Column("mandate_id", sa.Text(), nullable=False),
        sa.Column("party", sa.Text(), nullable=False),
        sa.Column("citation", sa.Text(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("cap_minor", sa.BigInteger(), nullable=False),
        sa.Column("agreed_minor", sa.BigInteger(), nullable=False),
        sa.Column("released_minor", sa.BigInteger(), nullable=False),
        sa.Column("purposes", sa.Text(), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_through", sa.Date(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("registered_seq", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.CheckConstraint("agreed_minor BETWEEN 0 AND cap_minor", name=op.f("ck_mandates_agreed")),
        sa.CheckConstraint(
            "released_minor BETWEEN 0 AND cap_minor", name=op.f("ck_mandates_released")
        ),
        sa.PrimaryKeyConstraint("fund", "mandate_id", name=op.f("pk_mandates")),
    )
    op.create_index(
        op.f("ix_mandates_fund_registered_seq"),
        "mandates",
        ["fund", "registered_seq"],
        unique=False,
    )
    op.create_table(
        "mandates_of",
        sa.Column("fund", sa.Text(), nullable=False),
        sa.Column("party", sa.Text(), nullable=False),
        sa.Column("mandate_ids", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("fund", "party", name=op.f("pk_mandates_of")),
    )
    op.create_table(
        "party_keys",
        sa.Column("fund", sa.Text(), nullable=False),
        sa.Column("kid", sa.Text(), nullable=False),
        sa.Column("party", sa.Text(), nullable=False),
        sa.Column("jwk", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("registered_seq", sa.BigInteger(), nullable=False),
        sa.Column("active_seq", sa.BigInteger(), nullable=True),
        sa.Column("endorsed_by", sa.Text(), nullable=True),
        sa.Column("trusted_through", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("fund", "kid", name=op.f("pk_party_keys")),
    )
    op.create_index(
        op.f("ix_party_keys_fund_registered_seq"),
        "party_keys",
        ["fund", "registered_seq"],
        unique=False,
    )
    op.create_table(
        "polls",
        sa.Column("fund", sa.Text(), nullable=False),
        sa.Column("matter_id", sa.Text(), nullable=False),
        sa.Column("decision", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("charter_seq", sa.BigInteger(), nullable=False),
        sa.Column("vote", sa.Text(), nullable=False),
        sa.Column("after_objection", sa.Text(), nullable=True),
        sa.Column("electorate", sa.Text(), nullable=False),
        sa.Column("ballots", sa.Text(), nullable=False),
        sa.Column("opened_seq", sa.BigInteger(), nullable=False),
        sa.Column("opened_at", sa.Text(), nullable=False),
        sa.Column("closes_at", sa.Text(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("fund", "matter_id", name=op.f("pk_polls")),
    )
    op.create_index(op.f("ix_polls_fund_opened_seq"), "polls", ["fund", "opened_seq"], unique=False)
    op.create_index(op.f("ix_polls_fund_state"), "polls", ["fund", "state"], unique=False)
    op.create_index(op.f("ix_polls_state_closes_at"), "polls", ["state", "closes_at"], unique=False)
    op.create_table(
        "proposals",
        sa.Column("fund", sa.Text(), nullable=False),
        sa.Column("proposal_id", sa.Text(), nullable=False),
        sa.Column("party", sa.Text(), nullable=False),
        sa.Column("decision", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("charter_digest", sa.Text(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("opened_seq", sa.BigInteger(), nullable=False),
        sa.Column("decided_seq", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("fund", "proposal_id", name=op.f("pk_proposals")),
    )
    op.create_index(
        op.f("ix_proposals_fund_opened_seq"), "proposals", ["fund", "opened_seq"], unique=False
    )
    op.create_table(
        "seats",
        sa.Column("fund", sa.Text(), nullable=False),
        sa.Column("deciders", sa.Text(), nullable=False),
        sa.Column("lost_seq", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("fund", name=op.f("pk_seats")),
    )
    op.create_table(
        "signatures",
        sa.Column("fund", sa.Text(), nullable=False),
        sa.Column("party", sa.Text(), nullable=False),
        sa.Column("nonce", sa.Text(), nullable=False),
        sa.Column("kid", sa.Text(), nullable=False),
        sa.Column("signed_seq", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("fund", "party", "nonce", name=op.f("pk_signatures")),
    )

    verify_guards(op.get_bind(), GUARDED)


def downgrade() -> None:
    raise NotImplementedError("a ledger is not taken back; restore a backup instead")
