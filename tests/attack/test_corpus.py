"""Every hostile value in every place: never a fault, never an entry that should not be there."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote, quote_from_bytes

from tests.support.attack.corpus import (
    CHARTER,
    ID,
    MARK,
    READER,
    READS,
    SPELLINGS,
    TEXTS,
    WRITES,
    places,
    spelled,
)
from tests.support.attack.hostile import MEDIA_TYPE, Answer, Attacker, nothing_recorded, size_of
from tests.support.builders import TRUSTEE
from tests.support.service import Service

FRAME = {"code", "detail", "instance", "status", "title", "type", "errors"}


def _some(service: Service, values: Sequence[str], place: int = 0) -> Sequence[str]:
    """Every second value, in turns, so that each stands in half of all places.

    PostgreSQL sees only the few that pass, as SQLite does: a quarter of that.
    """
    step = 2 if service.settings.database.startswith("sqlite") else 8
    return values[place % step :: step]


def _fault(answer: Answer, spelling: str) -> str:
    """What is wrong with an answer to something hostile; empty when nothing is."""
    if answer.status < 300:
        return ""
    if not 400 <= answer.status < 500:
        return f"{answer.status} {answer.body[:80]!r}"
    if answer.headers.get("content-type") != MEDIA_TYPE or not answer.content.keys() <= FRAME:
        return f"not a problem: {answer.body[:80]!r}"
    sent = spelling.strip('"')
    if len(sent) > 5 and sent not in _OURS and sent.encode() in answer.body:
        return f"echo: {answer.body[:200]!r}"
    return ""


_OURS = {"ledger", "Infinity"}
"""Words of our own sentences."""


def test_no_hostile_value_in_any_member_is_a_fault_or_slips_into_the_log(
    fund: Service, attacker: Attacker
) -> None:
    faults: list[tuple[str, str, str]] = []
    accepted: list[tuple[str, str]] = []
    before = size_of(fund)

    for who, path, body in WRITES:
        for number, place in enumerate(places(body)):
            for spelling in _some(fund, SPELLINGS, number):
                answer = attacker.post(who, path, spelled(place, spelling))
                if fault := _fault(answer, spelling):
                    faults.append((path, str(place)[:90], f"{spelling[:40]} {fault}"))
                if answer.status == 201:
                    accepted.append((_where(place), spelling[:40]))

    assert faults[:10] == []
    assert size_of(fund) == before + len(accepted)
    assert {where for where, _ in accepted} <= FREE


FREE = {"note", "description", "documents", "subject"}
"""Where some texts may stand that only look dangerous; they are recorded as they are."""


def test_no_hostile_value_in_a_charter_is_a_fault_or_opens_a_fund(alone: Service) -> None:
    attacker = Attacker(alone)
    faults: list[tuple[str, str, str]] = []
    opened: list[str] = []

    for number, place in enumerate(places(CHARTER)):
        for spelling in _some(alone, SPELLINGS, number)[::3]:
            answer = attacker.post(TRUSTEE, "/v1/funds", spelled(place, spelling))
            if fault := _fault(answer, spelling):
                faults.append((_where(place), spelling[:40], fault))
            if answer.status == 201:
                opened.append(_where(place))

    assert faults[:10] == []
    # A name that is a slug is a fund of its own; all other places share one name.
    assert len([where for where in opened if where != "fund"]) <= 1
    assert len(attacker.get(TRUSTEE, "/v1/funds").content["items"]) == 1 + len(opened)
    attacker.close()


def _where(place: Any) -> str:
    if not isinstance(place, dict):
        return "the whole"
    return ", ".join(name for name, value in place.items() if MARK in str(value))


def test_no_hostile_text_in_a_query_or_a_path_is_a_fault(fund: Service, attacker: Attacker) -> None:
    names = ["after", "limit", "as_of", "type", "party", "old", "new", "__proto__", "fund"]
    texts = [quote(text, safe="") for text in _some(fund, TEXTS) if len(text) < 2_000]
    texts += [quote_from_bytes(raw) for raw in (b"\xff", b"\xc0\xaf", b"\xed\xa0\x80", b"\xf8")]
    paths = [f"{fund.path}{path}" for path in READS]
    asked = [f"{path}?{name}={t}" for path in paths[1:10:2] for name in names for t in texts]
    asked += [f"{fund.path}/balances?after={t}" for t in texts]
    asked += [f"{path}?{t}" for path in paths[:2] for t in texts]
    for path in paths:
        parts = path.split("/")
        asked += ["/".join([*parts[:3], t, *parts[4:]]) for t in texts[::3]]
        if path.endswith(("0", ID)):
            asked += ["/".join([*parts[:-1], t]) for t in texts]

    with nothing_recorded(fund):
        answers = [(path, attacker.get(READER, path)) for path in asked]

    faults = [(path[:99], _fault(answer, path.rpartition("=")[2])) for path, answer in answers]
    assert [fault for fault in faults if fault[1]][:10] == []
