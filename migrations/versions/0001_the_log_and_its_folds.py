"""The log and its folds: the first schema.

Revision: 0001, after: nothing
"""

import sqlalchemy as sa
from alembic import op

from app.store.guards import create_guards

GUARDED = ("entries", "tile_hashes", "postings", "idempotency", "checkpoints", "heads")
"""As of this revision."""

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create every table, then the guards."""

    op.create_table(
        "account_days",
        sa.Column("fund", sa.Text(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("debits_minor", sa.BigInteger(), nullable=False),
        sa.Column("credits_minor", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "debits_minor >= 0 AND credits_minor >= 0", name=op.f("ck_account_days_turnover")
        ),
        sa.PrimaryKeyConstraint("fund", "account", "currency", "day", name=op.f("pk_account_days")),
    )
    op.create_table(
        "account_months",
        sa.Column("fund", sa.Text(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("month", sa.Date(), nullable=False),
        sa.Column("debits_minor", sa.BigInteger(), nullable=False),
        sa.Column("credits_minor", sa.BigInteger(), nullable=False),
        sa.Column("month_debits_minor", sa.BigInteger(), nullable=False),
        sa.Column("month_credits_minor", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "debits_minor >= 0 AND credits_minor >= 0", name=op.f("ck_account_months_totals")
        ),
        sa.PrimaryKeyConstraint(
            "fund", "account", "currency", "month", name=op.f("pk_account_months")
        ),
    )
    op.create_table(
        "accounts",
        sa.Column("fund", sa.Text(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("debits_minor", sa.BigInteger(), nullable=False),
        sa.Column("credits_minor", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("day_debits_minor", sa.BigInteger(), nullable=False),
        sa.Column("day_credits_minor", sa.BigInteger(), nullable=False),
        sa.Column("month_debits_minor", sa.BigInteger(), nullable=False),
        sa.Column("month_credits_minor", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "debits_minor >= 0 AND credits_minor >= 0 AND version >= 1",
            name=op.f("ck_accounts_totals"),
        ),
        sa.PrimaryKeyConstraint("fund", "account", "currency", name=op.f("pk_accounts")),
    )
    op.create_table(
        "agreements",
        sa.Column("fund", sa.Text(), nullable=False),
        sa.Column("agreement_id", sa.Text(), nullable=False),
        sa.Column("party", sa.Text(), nullable=False),
        sa.Column("window", sa.Text(), nullable=False),
        sa.Column("instrument", sa.Text(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("received_minor", sa.BigInteger(), nullable=False),
        sa.Column("instalments", sa.Text(), nullable=False),
        sa.Column("pledge_id", sa.Text(), nullable=True),
        sa.Column("restriction", sa.Text(), nullable=True),
        sa.Column("mandate_id", sa.Text(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("signed_by", sa.Text(), nullable=False),
        sa.Column("drafted_seq", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "received_minor BETWEEN 0 AND amount_minor", name=op.f("ck_agreements_received")
        ),
        sa.PrimaryKeyConstraint("fund", "agreement_id", name=op.f("pk_agreements")),
    )
    op.create_index(
        op.f("ix_agreements_fund_drafted_seq"), "agreements", ["fund", "drafted_seq"], unique=False
    )
    op.create_table(
        "approvals",
        sa.Column("fund", sa.Text(), nullable=False),
        sa.Column("disbursement_id", sa.Text(), nullable=False),
        sa.Column("step", sa.Text(), nullable=False),
        sa.Column("party", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.Column("passes", sa.BigInteger(), nullable=False),
        sa.Column("waiting_since", sa.Text(), nullable=False),
        sa.Column("due_at", sa.Text(), nullable=True),
        sa.Column("subject", sa.Text(), nullable=True),
        sa.Column("answered_seq", sa.BigInteger(), nullable=True),
        sa.Column("holds_until", sa.Text(), nullable=True),
        sa.Column("conditions", sa.Text(), nullable=False),
        sa.Column("conditions_met_seq", sa.BigInteger(), nullable=True),
        sa.Column("kid", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint(
            "fund", "disbursement_id", "step", "party", name=op.f("pk_approvals")
        ),
    )
    op.create_index(
        op.f("ix_approvals_answer_due_at"), "approvals", ["answer", "due_at"], unique=False
    )
    op.create_index(
        op.f("ix_approvals_fund_answer_party"),
        "approvals",
        ["fund", "answer", "party"],
        unique=False,
    )
    op.create_table(
        "attributions",
        sa.Column("fund", sa.Text(), nullable=False),
        sa.Column("party", sa.Text(), nullable=False),
        sa.Column("disbursement_id", sa.Text(), nullable=False),
        sa.Column("recipient", sa.Text(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("reserved_seq", sa.BigInteger(), nullable=False),
        sa.Column("settled_seq", sa.BigInteger(), nullable=True),
        sa.Column("ended_seq", sa.BigInteger(), nullable=True),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("fund", "party", "disbursement_id", name=op.f("pk_attributions")),
    )
    op.create_index(
        op.f("ix_attributions_fund_reserved_seq"),
        "attributions",
        ["fund", "reserved_seq"],
        unique=False,
    )
    op.create_table(
        "bank_lines",
        sa.Column("fund", sa.Text(), nullable=False),
        sa.Column("bank_account", sa.Text(), nullable=False),
        sa.Column("bank_reference", sa.Text(), nullable=False),
        sa.Column("direction", sa.Text(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("value_date", sa.Date(), nullable=False),
        sa.Column("booked_seq", sa.BigInteger(), nullable=False),
        sa.Column("corrected_seq", sa.BigInteger(), nullable=True),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint(
            "fund", "bank_account", "bank_reference", name=op.f("pk_bank_lines")
        ),
    )
    op.create_table(
        "checkpoints",
        sa.Column("fund", sa.Text(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("fund", "size", name=op.f("pk_checkpoints")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "closings",
        sa.Column("fund", sa.Text(), nullable=False),
        sa.Column("through", sa.Date(), nullable=True),
        sa.Column("decided_seq", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("fund", name=op.f("pk_closings")),
    )
    op.create_table(
        "conversions",
        sa.Column("fund", sa.Text(), nullable=False),
        sa.Column("conversion_id", sa.Text(), nullable=False),
        sa.Column("window", sa.Text(), nullable=False),
        sa.Column("restriction", sa.Text(), nullable=False),
        sa.Column("exchange", sa.Text(), nullable=False),
        sa.Column("rate", sa.Text(), nullable=False),
        sa.Column("rate_source", sa.Text(), nullable=False),
        sa.Column("evidence", sa.Text(), nullable=False),
        sa.Column("booked_seq", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("fund", "conversion_id", name=op.f("pk_conversions")),
    )
    op.create_index(
        op.f("ix_conversions_fund_booked_seq"), "conversions", ["fund", "booked_seq"], unique=False
    )
    op.create_table(
        "disbursements",
        sa.Column("fund", sa.Text(), nullable=False),
        sa.Column("disbursement_id", sa.Text(), nullable=False),
        sa.Column("recipient", sa.Text(), nullable=False),
        sa.Column("window", sa.Text(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("requested_seq", sa.BigInteger(), nullable=False),
        sa.Column("charter_seq", sa.BigInteger(), nullable=False),
        sa.Column("asked", sa.Text(), nullable=False),
        sa.Column("outstanding", sa.BigInteger(), nullable=False),
        sa.Column("ballots", sa.Text(), nullable=False),
        sa.Column("draws", sa.Text(), nullable=False),
        sa.Column("mandates", sa.Text(), nullable=False),
        sa.Column("bank_account", sa.Text(), nullable=True),
        sa.Column("bank_reference", sa.Text(), nullable=True),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.CheckConstraint("amount_minor > 0", name=op.f("ck_disbursements_amount")),
        sa.CheckConstraint("outstanding >= 0", name=op.f("ck_disbursements_outstanding")),
        sa.PrimaryKeyConstraint("fund", "disbursement_id", name=op.f("pk_disbursements")),
    )
    op.create_index(
        op.f("ix_disbursements_fund_requested_seq"),
        "disbursements",
        ["fund", "requested_seq"],
        unique=False,
    )
    op.create_index(
        op.f("ix_disbursements_fund_state_charter_seq"),
        "disbursements",
        ["fund", "state", "charter_seq"],
        unique=False,
    )
    op.create_table(
        "entries",
        sa.Column("fund", sa.Text(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("party", sa.Text(), nullable=False),
        sa.Column("at", sa.Text(), nullable=False),
        sa.Column("prev", sa.LargeBinary(), nullable=False),
        sa.Column("leaf", sa.LargeBinary(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.CheckConstraint("seq >= 0", name=op.f("ck_entries_seq")),
        sa.PrimaryKeyConstraint("fund", "seq", name=op.f("pk_entries")),
        sa.UniqueConstraint("fund", "id", name=op.f("uq_entries_fund_id")),
        sa.UniqueConstraint("fund", "prev", name=op.f("uq_entries_fund_prev")),
        sqlite_with_rowid=False,
    )
    op.create_index(
        op.f("ix_entries_fund_party_seq"), "entries", ["fund", "party", "seq"], unique=False
    )
    op.create_index(
        op.f("ix_entries_fund_type_seq"), "entries", ["fund", "type", "seq"], unique=False
    )
    op.create_table(
        "funds",
        sa.Column("fund", sa.Text(), nullable=False),
        sa.Column("charter", sa.Text(), nullable=False),
        sa.Column("charter_seq", sa.BigInteger(), nullable=False),
        sa.Column("charter_digest", sa.Text(), nullable=False),
        sa.Column("issuers", sa.Text(), nullable=False),
        sa.Column("reread", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("fund", name=op.f("pk_funds")),
    )
    op.create_table(
        "heads",
        sa.Column("fund", sa.Text(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("frontier", sa.LargeBinary(), nullable=False),
        sa.Column("last_leaf", sa.LargeBinary(), nullable=False),
        sa.Column("last_at", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("fund", name=op.f("pk_heads")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "holdings",
        sa.Column("fund", sa.Text(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("held_minor", sa.BigInteger(), nullable=False),
        sa.Column("cost_minor", sa.BigInteger(), nullable=False),
        sa.Column("realised_minor", sa.BigInteger(), nullable=False),
        sa.Column("unrealised_minor", sa.BigInteger(), nullable=False),
        sa.Column("revalued_seq", sa.BigInteger(), nullable=True),
        sa.Column("revalued_day", sa.Date(), nullable=True),
        sa.PrimaryKeyConstraint("fund", "currency", name=op.f("pk_holdings")),
    )
    op.create_table(
        "involvements",
        sa.Column("fund", sa.Text(), nullable=False),
        sa.Column("disbursement_id", sa.Text(), nullable=False),
        sa.Column("party", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("capacity", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint(
            "fund", "disbursement_id", "party", "subject", name=op.f("pk_involvements")
        ),
    )
    op.create_table(
        "journal_entries",
        sa.Column("fund", sa.Text(), nullable=False),
        sa.Column("journal_id", sa.Text(), nullable=False),
        sa.Column("effective_date", sa.Date(), nullable=False),
        sa.Column("memo", sa.Text(), nullable=False),
        sa.Column("lines", sa.Text(), nullable=False),
        sa.Column("posted_seq", sa.BigInteger(), nullable=False),
        sa.Column("corrected_seq", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("fund", "journal_id", name=op.f("pk_journal_entries")),
    )
    op.create_index(
        op.f("ix_journal_entries_fund_posted_seq"),
        "journal_entries",
        ["fund", "posted_seq"],
        unique=False,
    )
    op.create_table(
        "members",
        sa.Column("fund", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("party", sa.Text(), nullable=False),
        sa.Column("roles", sa.Text(), nullable=False),
        sa.Column("since_seq", sa.BigInteger(), nullable=False),
        sa.Column("until_seq", sa.BigInteger(), nullable=True),
        sa.Column("delegations", sa.Text(), nullable=False),
        sa.Column("denied", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("fund", "subject", name=op.f("pk_members")),
    )
    op.create_index(
        op.f("ix_members_fund_since_seq"), "members", ["fund", "since_seq"], unique=False
    )
    op.create_table(
        "pledges",
        sa.Column("fund", sa.Text(), nullable=False),
        sa.Column("pledge_id", sa.Text(), nullable=False),
        sa.Column("party", sa.Text(), nullable=False),
        sa.Column("window", sa.Text(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("converted_minor", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("announced_seq", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "converted_minor BETWEEN 0 AND amount_minor", name=op.f("ck_pledges_converted")
        ),
        sa.PrimaryKeyConstraint("fund", "pledge_id", name=op.f("pk_pledges")),
    )
    op.create_index(
        op.f("ix_pledges_fund_announced_seq"), "pledges", ["fund", "announced_seq"], unique=False
    )
    op.create_table(
        "pools",
        sa.Column("fund", sa.Text(), nullable=False),
        sa.Column("window", sa.Text(), nullable=False),
        sa.Column("restriction", sa.Text(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("available_minor", sa.BigInteger(), nullable=False),
        sa.Column("balances", sa.Text(), nullable=False),
        sa.Column("weights", sa.Text(), nullable=False),
        sa.Column("released_minor", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("available_minor >= 0", name=op.f("ck_pools_available")),
        sa.PrimaryKeyConstraint("fund", "window", "restriction", "currency", name=op.f("pk_pools")),
    )
    op.create_table(
        "positions",
        sa.Column("fund", sa.Text(), nullable=False),
        sa.Column("party", sa.Text(), nullable=False),
        sa.Column("window", sa.Text(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("pledged_minor", sa.BigInteger(), nullable=False),
        sa.Column("agreed_minor", sa.BigInteger(), nullable=False),
        sa.Column("received_minor", sa.BigInteger(), nullable=False),
        sa.Column("converted_minor", sa.BigInteger(), nullable=False),
        sa.Column("reserved_minor", sa.BigInteger(), nullable=False),
        sa.Column("disbursed_minor", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "received_minor <= agreed_minor AND received_minor >= 0", name=op.f("ck_positions_sums")
        ),
        sa.PrimaryKeyConstraint("fund", "party", "window", "currency", name=op.f("pk_positions")),
    )
    op.create_table(
        "rate_days",
        sa.Column("fund", sa.Text(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("rates", sa.Text(), nullable=False),
        sa.Column("evidence", sa.Text(), nullable=False),
        sa.Column("entered_by", sa.Text(), nullable=False),
        sa.Column("published_seq", sa.BigInteger(), nullable=False),
        sa.Column("corrected_seq", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("fund", "day", name=op.f("pk_rate_days")),
    )
    op.create_index(
        op.f("ix_rate_days_fund_published_seq"),
        "rate_days",
        ["fund", "published_seq"],
        unique=False,
    )
    op.create_table(
        "receipts",
        sa.Column("fund", sa.Text(), nullable=False),
        sa.Column("receipt_id", sa.Text(), nullable=False),
        sa.Column("agreement_id", sa.Text(), nullable=False),
        sa.Column("party", sa.Text(), nullable=False),
        sa.Column("window", sa.Text(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("bank_account", sa.Text(), nullable=False),
        sa.Column("bank_reference", sa.Text(), nullable=False),
        sa.Column("value_date", sa.Date(), nullable=False),
        sa.Column("effective_date", sa.Date(), nullable=False),
        sa.Column("booked_seq", sa.BigInteger(), nullable=False),
        sa.Column("corrected_seq", sa.BigInteger(), nullable=True),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.CheckConstraint("amount_minor > 0", name=op.f("ck_receipts_amount")),
        sa.PrimaryKeyConstraint("fund", "receipt_id", name=op.f("pk_receipts")),
    )
    op.create_index(
        op.f("ix_receipts_fund_booked_seq"), "receipts", ["fund", "booked_seq"], unique=False
    )
    op.create_table(
        "reopenings",
        sa.Column("fund", sa.Text(), nullable=False),
        sa.Column("reopening_id", sa.Text(), nullable=False),
        sa.Column("from_day", sa.Date(), nullable=False),
        sa.Column("closed_through", sa.Date(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("awaiting", sa.Text(), nullable=False),
        sa.Column("ballots", sa.Text(), nullable=False),
        sa.Column("proposed_seq", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("fund", "reopening_id", name=op.f("pk_reopenings")),
    )
    op.create_index(
        op.f("ix_reopenings_fund_proposed_seq"),
        "reopenings",
        ["fund", "proposed_seq"],
        unique=False,
    )
    op.create_table(
        "suspense_items",
        sa.Column("fund", sa.Text(), nullable=False),
        sa.Column("suspense_id", sa.Text(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("bank_account", sa.Text(), nullable=False),
        sa.Column("bank_reference", sa.Text(), nullable=False),
        sa.Column("value_date", sa.Date(), nullable=False),
        sa.Column("effective_date", sa.Date(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("booked_by", sa.Text(), nullable=False),
        sa.Column("booked_seq", sa.BigInteger(), nullable=False),
        sa.Column("closed_seq", sa.BigInteger(), nullable=True),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("fund", "suspense_id", name=op.f("pk_suspense_items")),
    )
    op.create_index(
        op.f("ix_suspense_items_fund_booked_seq"),
        "suspense_items",
        ["fund", "booked_seq"],
        unique=False,
    )
    op.create_table(
        "tile_hashes",
        sa.Column("fund", sa.Text(), nullable=False),
        sa.Column("level", sa.Integer(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("fund", "level", "position", name=op.f("pk_tile_hashes")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "idempotency",
        sa.Column("fund", sa.Text(), nullable=False),
        sa.Column("party", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("entry_count", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["fund", "seq"], ["entries.fund", "entries.seq"], name=op.f("fk_idempotency_entries")
        ),
        sa.PrimaryKeyConstraint("fund", "party", "key", name=op.f("pk_idempotency")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "postings",
        sa.Column("fund", sa.Text(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("line", sa.Integer(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("effective", sa.Date(), nullable=False),
        sa.Column("minor", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("debits", sa.BigInteger(), nullable=False),
        sa.Column("credits", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("debits >= 0 AND credits >= 0", name=op.f("ck_postings_totals")),
        sa.CheckConstraint("minor <> 0", name=op.f("ck_postings_minor")),
        sa.CheckConstraint("version >= 1", name=op.f("ck_postings_version")),
        sa.ForeignKeyConstraint(
            ["fund", "seq"], ["entries.fund", "entries.seq"], name=op.f("fk_postings_entries")
        ),
        sa.PrimaryKeyConstraint("fund", "seq", "line", name=op.f("pk_postings")),
        sa.UniqueConstraint(
            "fund",
            "account",
            "currency",
            "version",
            name=op.f("uq_postings_fund_account_currency_version"),
        ),
        sqlite_with_rowid=False,
    )
    op.create_index(
        op.f("ix_postings_fund_account_currency_seq"),
        "postings",
        ["fund", "account", "currency", "seq"],
        unique=False,
    )

    create_guards(op.get_bind(), GUARDED)


def downgrade() -> None:
    raise NotImplementedError("a ledger is not taken back; restore a backup instead")
