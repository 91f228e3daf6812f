"""Events: what was stated and what was worked out, each in its half of the entry."""

import pytest
from pydantic import ValidationError

from app.domain.book import Book
from app.domain.catalogue import EVENTS
from app.domain.event import Act, Event, LedgerEvent, Terms, TimedEvent
from app.domain.inflow.pledges import AnnouncePledge, PledgeAnnounced
from app.domain.values import LEDGER_PARTY, LEDGER_SUBJECT, Role
from tests.support.builders import a_pledge, money
from tests.support.domain import UNKNOWN_ID, funded
from tests.support.paper import START

PLEDGED = {**a_pledge(money(5)), "pledge_id": UNKNOWN_ID}


def an_act() -> Act:
    return Act(
        seq=7,
        at=START,
        party="DE",
        subject="de-treasury",
        role=Role.TREASURY,
        digest="0" * 64,
        new_id=lambda: UNKNOWN_ID,
    )


def test_data_is_exactly_what_was_stated() -> None:
    event = PledgeAnnounced.model_validate(PLEDGED)

    assert event.data() == a_pledge(money(5))
    assert event.derived() == {"pledge_id": UNKNOWN_ID}


def test_a_default_that_was_stated_stays_stated() -> None:
    event = PledgeAnnounced.model_validate({**PLEDGED, "note": None})

    assert event.data() == {**a_pledge(money(5)), "note": None}


def test_an_event_is_read_from_its_halves() -> None:
    event = PledgeAnnounced.read(a_pledge(money(5)), {"pledge_id": UNKNOWN_ID})

    assert event == PledgeAnnounced.model_validate(PLEDGED)
    assert event.data() == a_pledge(money(5))


@pytest.mark.parametrize(
    ("data", "derived"),
    [
        (PLEDGED, {}),
        ({}, PLEDGED),
        (a_pledge(money(5)), {"pledge_id": UNKNOWN_ID, "note": "Moved"}),
        ({**a_pledge(money(5)), "seq": 1}, {"pledge_id": UNKNOWN_ID}),
    ],
)
def test_a_member_in_the_wrong_half_is_refused(
    data: dict[str, object], derived: dict[str, object]
) -> None:
    with pytest.raises(ValueError, match="mixed up"):
        PledgeAnnounced.read(data, derived)


@pytest.mark.parametrize(
    "derived", [{}, {"pledge_id": "1"}, {"pledge_id": UNKNOWN_ID, "hash": "0"}]
)
def test_what_was_worked_out_is_checked_as_well(derived: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        PledgeAnnounced.read(a_pledge(money(5)), derived)


@pytest.mark.parametrize("name", ["__proto__", "id", "seq", "hash", "created_at", "pledge_id"])
def test_terms_take_no_unknown_member(name: str) -> None:
    with pytest.raises(ValidationError) as caught:
        AnnouncePledge.model_validate({**a_pledge(money(5)), name: "1"})

    assert caught.value.errors()[0]["type"] == "extra_forbidden"


def test_two_classes_cannot_share_a_name() -> None:
    with pytest.raises(TypeError, match=r"two classes for pledge\.announced"):
        type("Again", (PledgeAnnounced,), {}, type="pledge.announced")

    assert EVENTS["pledge.announced"] is PledgeAnnounced


def test_every_event_is_permitted_to_somebody_or_to_the_ledger_alone() -> None:
    for event in EVENTS.values():
        assert bool(event.actor_roles) != issubclass(event, LedgerEvent | TimedEvent)
        assert Role.LEDGER not in event.actor_roles


def test_a_consequence_is_recorded_by_the_ledger_at_the_time_of_its_cause() -> None:
    act = an_act().by_ledger(8, "1" * 64)

    assert (act.party, act.subject, act.role) == (LEDGER_PARTY, LEDGER_SUBJECT, Role.LEDGER)
    assert (act.seq, act.digest, act.at) == (8, "1" * 64, START)


def test_an_event_that_says_nothing_of_itself_is_incomplete() -> None:
    bare, book = Event(), Book(complete=True)

    assert bare.consequences(book, an_act()) == ()
    for method in (lambda: bare.permit(book, an_act()), lambda: bare.fold(book, an_act())):
        with pytest.raises(NotImplementedError):
            method()
    with pytest.raises(NotImplementedError):
        bare.sentence(an_act())


def test_terms_and_events_do_not_change() -> None:
    event = PledgeAnnounced.model_validate(PLEDGED)

    with pytest.raises(ValidationError):
        event.window = "defence"  # type: ignore[misc]
    assert Terms.model_config["frozen"] is True


def test_what_a_whole_life_records_is_read_again() -> None:
    paper = funded(DE=60, FR=40)
    paper.settled(paper.instructed(paper.approved(paper.requested(money(50)))))

    for line in paper.log:
        event = type(line.event).read(line.event.data(), line.event.derived())
        assert event == line.event
        assert event.data() == line.event.data()
        assert event.derived() == line.event.derived()


def test_an_event_that_gives_out_an_id_says_what_it_creates() -> None:
    """The replay checks that such an id is new: a forgotten declaration would be silent."""
    silent = [
        kind.__name__
        for kind in EVENTS.values()
        for name in kind.model_fields.keys() - kind._stated()
        if name.endswith("_id") and not issubclass(kind, LedgerEvent | TimedEvent)
        if kind.creates is None or kind.creates.key != (name,)
    ]

    assert silent == []


def test_what_an_event_creates_is_known_by_one_id_that_the_event_holds() -> None:
    creating = [kind for kind in EVENTS.values() if kind.creates is not None]

    assert len(creating) > 10
    for kind in creating:
        assert kind.creates is not None
        (name,) = kind.creates.key
        assert name in kind.model_fields
