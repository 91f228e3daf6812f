"""Formats: which views each holds, found by walking, and written down so that none slips in."""

from app.audit.format.versions import NEWEST, format_of, named, newest

FORMAT_2 = [
    "views/approvals.csv",
    "views/contributions.csv",
    "views/disbursements.csv",
    "views/events.csv",
    "views/journal.csv",
    "views/mandates.csv",
    "views/shares.csv",
    "views/trial_balance.csv",
]


def test_format_2_holds_these_views_and_no_others() -> None:
    assert list(format_of(2).view_paths) == FORMAT_2


def test_bundles_are_written_in_the_newest_format() -> None:
    assert newest() is format_of(NEWEST)
    assert newest().name == "fund-ledger-audit/2"


def test_a_format_is_known_by_its_name_or_not_at_all() -> None:
    assert named("fund-ledger-audit/2") is newest()
    assert named("fund-ledger-audit/1") is None
    assert named("fund-ledger-audit/02") is None


def test_no_path_stands_twice_and_every_view_has_its_header() -> None:
    assert len(set(newest().view_paths)) == len(newest().views)
    assert all("seq" in view.header for view in newest().views)
