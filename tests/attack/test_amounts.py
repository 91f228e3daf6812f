"""Rows D6-D11 and D18 for every amount, rate and date of every command, as the models name them.

What each command takes is read from its JSON schema; nothing is listed by hand but what a value
must refer to. One batch (mode=each) carries all variants of one attack.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from app.domain.command import Command
from app.domain.values import Role
from tests.support.attack.fields import Field, fields, sample_of
from tests.support.attack.hostile import Attacker, fresh_key, nothing_recorded, wrong
from tests.support.builders import TRUSTEE, Person, a_line, money, treasury, valued
from tests.support.service import Service
from tests.support.steps import agreed, day, published

DE = treasury("DE")
UA = Person("UA", Role.REQUESTER)
FREE = ("AnnouncePledge/amount", "RequestDisbursement/amount", "RegisterMandate/cap")
"""Amounts that may be in any of the fund's currencies."""
CLERK = Person("DE", Role.LEGISLATURE_CLERK)
MOST = "9999999999999999.99"


AMOUNTS, RATES, DATES = fields("Money"), fields("Rate"), fields("date")


@pytest.fixture
def opened(shared: Service) -> Service:
    """A fund with rates in which DE owes a lot."""
    fund = shared.another(**valued())
    published(fund, day(3))
    return fund


@pytest.fixture
def sender(opened: Service) -> Iterator["Sender"]:
    attacker = Attacker(opened)
    yield Sender(attacker)
    attacker.close()


class Sender:
    """Sends bodies of commands, all in one batch, and gives each one's problem."""

    def __init__(self, attacker: Attacker) -> None:
        self._attacker = attacker

    def __call__(
        self, bodies: list[tuple[type[Command], dict[str, Any]]], who: Person = DE
    ) -> list[dict[str, Any]]:
        items = [
            {"op": command.event.type, "key": fresh_key(), "data": body} for command, body in bodies
        ]
        answer = self._attacker.post(who, "/batches?mode=each", items)
        assert answer.status == 200, answer.body[:300]
        return [result.get("problem", {"code": "recorded"}) for result in answer.content["results"]]

    def faults(self, found: list[Field], values: list[Any], code: str) -> dict[str, str]:
        """Every field and value that is not refused with `code` at its own place."""
        asked = [(field, value) for field in found for value in values]
        problems = self([(field.command, field.with_value(value)) for field, value in asked])
        return {
            f"{field.name} = {json.dumps(value)[:40]}": json.dumps(problem)[:200]
            for (field, value), problem in zip(asked, problems, strict=True)
            if problem["code"] != code
            or problem["status"] != 422
            or problem["errors"][0]["pointer"] != field.pointer
            or (isinstance(value, str) and len(value) > 4 and value in json.dumps(problem))
        }


def of(amounts: list[Any], currency: Any = "EUR") -> list[dict[str, Any]]:
    return [{"amount": amount, "currency": currency} for amount in amounts]


def test_every_command_that_takes_money_is_tried() -> None:
    names = {field.name for field in AMOUNTS}
    dates = {field.name for field in DATES}

    assert len(names) == len(AMOUNTS) >= 9
    assert {"BookConversion/sold", "PostJournal/lines/0/amount"} <= names
    assert {"DraftAgreement/instalments/0/due", "BookReceipt/effective_date"} <= dates
    assert {field.name for field in RATES} >= {"BookConversion/rate", "PublishRates/rates/JPY"}


SPELLINGS: list[Any] = [5, 5.0, 1e5, -5, 0, True, "1e5", "+5.00", " 5.00", "5.00 ", "05.00"]
SPELLINGS += ["1_000.00", "1,000.00", "5,00", "\uff15.00", "\u0665.00", "-0", "-0.00", "NaN"]
SPELLINGS += ["0x10", "", ".", ".50", "5.", "5.0.0", "Infinity", "5.00\n", "\u22125.00", [], {}]
SPELLINGS += ["\x005.00", "--5.00", ["5.00"]]


def test_every_amount_has_one_spelling(opened: Service, sender: Sender) -> None:
    bare: list[Any] = ["5.00", 5, [], {}, {"amount": "5.00"}, {"currency": "EUR"}, True]
    bare += [{**money(5), "extra": 1}]

    with nothing_recorded(opened):
        faults = sender.faults(AMOUNTS, [*of(SPELLINGS), *bare], "invalid_amount")

    assert faults == {}


def test_every_amount_is_more_than_nothing(opened: Service, sender: Sender) -> None:
    with nothing_recorded(opened):
        values = of(["0.00", "-0.01", "-5.00", f"-{MOST}"])
        assert sender.faults(AMOUNTS, values, "amount_not_positive") == {}


def test_every_amount_has_a_limit(opened: Service, sender: Sender) -> None:
    digits = ["10000000000000000.00", "92233720368547758.08", "9" * 19 + ".00", "9" * 400 + ".00"]
    digits += ["9" * 5_000 + ".00", "-10000000000000000.00"]

    with nothing_recorded(opened):
        assert sender.faults(AMOUNTS, of(digits), "amount_out_of_range") == {}


def test_every_amount_is_written_with_its_currencys_digits(opened: Service, sender: Sender) -> None:
    wrong_digits = [*of(["1.50", "1.00"], "JPY"), *of(["1.2345", "1.20"], "KWD")]
    wrong_digits += of(["1.2", "1", "1.234", "1.000000000000000"])
    none: list[Any] = ["eur", "XXX", "XTS", "DEM", "EURO", "", "\u0415UR", "EUR ", 978, ["EUR"]]

    with nothing_recorded(opened):
        assert sender.faults(AMOUNTS, wrong_digits, "currency_precision") == {}
        unknown = [value for code in none for value in of(["1.00"], code)]
        assert sender.faults(AMOUNTS, unknown, "unknown_currency") == {}


def test_every_rate_is_a_number_above_zero_in_one_spelling(opened: Service, sender: Sender) -> None:
    rates: list[Any] = ["0", "0.0", "-1", "-0.5", "1e3", " 1", "1 ", "01.5", "1.50", "1.", ".5", ""]
    rates += ["1234567890", "0.0000000001", "0.1234567891", 1, 1.5, True, "NaN", "Infinity", [], {}]
    rates += ["1,5", "\uff11", "+1", "0x1", "1/2"]

    with nothing_recorded(opened):
        assert sender.faults(RATES, rates, "invalid_rate") == {}


def test_every_date_is_a_day_of_this_ledgers_time(opened: Service, sender: Sender) -> None:
    malformed: list[Any] = ["2026-02-30", "2026-13-01", "2026-00-10", "0000-01-01", "10000-01-01"]
    malformed += ["2026-1-5", "20260115", "2026-W03-4", "2026-01-15T00:00:00Z", "15.01.2026", ""]
    malformed += [
        "2026-12-31T23:59:60Z",
        " 2026-01-15",
        "2026-01-15\n",
        "\uff12026-01-15",
        20260115,
    ]
    malformed += ["-2026-01-15", 1_768_435_200, 1.5, True, [], {}, "2026\u201101\u201115"]
    outside = ["1999-12-31", "0001-01-01", "2200-01-01", "9999-12-31"]

    with nothing_recorded(opened):
        assert sender.faults(DATES, malformed, "invalid_date") == {}
        assert sender.faults(DATES, outside, "date_out_of_range") == {}


def actor_of(command: type[Command]) -> Person:
    roles = command.event.actor_roles
    return next(who for who in (TRUSTEE, DE, UA, CLERK) if who.role in roles)


def good_bodies(service: Service) -> dict[type[Command], dict[str, Any]]:
    """Every command with an amount, in a body that this fund would take."""
    agreement = agreed(service, "DE", money(1))
    refers: dict[str, Any] = {
        "agreement_id": agreement,
        "window": "budget",
        "purpose": "pensions",
        "purposes": ["pensions"],
        "valid_through": day(-30),
        "bank_account": "BANK-EUR",
        "from_account": "BANK-EUR",
        "to_account": "BANK-USD",
        "bought": money("1.08", "USD"),
        "rate": "1.0825",
        "lines": [
            a_line("bank-charges", "debit", money(1)),
            a_line("accruals", "credit", money(1)),
        ],
    }
    bodies = {}
    for command in dict.fromkeys(field.command for field in AMOUNTS):
        body = sample_of(command)
        body |= {name: value for name, value in refers.items() if name in body}
        for name in ("bank_reference", "out_reference", "in_reference"):
            body |= {name: f"{name}-{fresh_key()}"} if name in body else {}
        bodies[command] = body
    return bodies


@contextmanager
def refused_but_good(service: Service, sender: Sender) -> Iterator[dict[Any, dict[str, Any]]]:
    """Nothing is recorded inside; afterwards the good bodies are, so nothing else was wrong."""
    bodies = good_bodies(service)
    with nothing_recorded(service):
        yield bodies
    order = sorted(bodies, key=lambda command: command.__name__ == "BookConversion")
    codes = {
        command.__name__: sender([(command, bodies[command])], actor_of(command))[0]["code"]
        for command in order
    }
    assert set(codes.values()) == {"recorded"}, codes


def test_no_amount_changes_its_currency_unnoticed(opened: Service, sender: Sender) -> None:
    allowed = {"currency_mismatch", "currency_not_in_charter", "unbalanced", "rate_out_of_range"}

    with refused_but_good(opened, sender) as bodies:
        for field in AMOUNTS:
            who, body = actor_of(field.command), bodies[field.command]
            for value in (money("1.08", "GBP"), {"amount": "1.00", "currency": "CHF"}):
                free = field.name in FREE
                if not (free and value["currency"] == "GBP"):
                    (problem,) = sender([(field.command, field.with_value(value, body))], who)
                    assert problem["code"] in allowed, field.name


def test_no_part_of_a_whole_is_a_cent_off(opened: Service, sender: Sender) -> None:
    parts = [field for field in AMOUNTS if len(field.place) > 2]

    with refused_but_good(opened, sender) as bodies:
        for field in parts:
            for amount in ("0.99", "1.01", MOST):
                body = field.with_value(money(amount), bodies[field.command])
                (problem,) = sender([(field.command, body)], actor_of(field.command))
                assert problem["code"] in ("unbalanced", "instalments_do_not_add_up")
    assert {field.command.__name__ for field in parts} == {"DraftAgreement", "PostJournal"}


def test_no_total_runs_over(opened: Service, sender: Sender) -> None:
    """The most that there is, twice: the first is recorded, the second named for what it is."""
    bodies = good_bodies(opened)
    most = {
        name: next(command for command in bodies if command.__name__ == name)
        for name in ("AnnouncePledge", "BookUnidentified", "PostJournal")
    }
    fields_of = [field for field in AMOUNTS if field.command in most.values()]

    for command in most.values():
        body = bodies[command]
        for place in ((1,), (0,)) if command.__name__ == "PostJournal" else ((),):
            for field in [one for one in fields_of if one.command is command]:
                where = Field(command, (field.place[0], *place, *field.place[2:]))
                body = where.with_value(money(MOST), body)
        first, second = (
            sender([(command, renamed(body))], actor_of(command))[0]["code"] for _ in range(2)
        )
        assert (first, second) == ("recorded", "amount_out_of_range"), command


def renamed(body: dict[str, Any]) -> dict[str, Any]:
    """The body as another line of the bank's statement."""
    reference = {"bank_reference": fresh_key()} if "bank_reference" in body else {}
    return {**body, **reference}


def test_no_movement_counts_for_a_day_that_is_to_come(opened: Service, sender: Sender) -> None:
    bodies = good_bodies(opened)
    may_be_later = {
        "DraftAgreement/instalments/0/due",
        "RegisterMandate/valid_from",
        "RegisterMandate/valid_through",
    }
    asked = [f for f in DATES if f.command in bodies and f.name not in may_be_later]

    with nothing_recorded(opened):
        for field in asked:
            body = field.with_value(day(-2), bodies[field.command])
            (problem,) = sender([(field.command, body)], actor_of(field.command))
            assert problem["code"] == "date_out_of_range", field.name
    assert len(asked) >= 5


def test_a_rate_that_is_absurd_or_stale_is_refused(opened: Service, sender: Sender) -> None:
    publish, convert = (
        next(field.command for field in RATES if field.name.startswith(name))
        for name in ("PublishRates", "BookConversion")
    )
    body = {"day": day(2), "evidence": "0" * 64}
    absurd = ["999999999", "0.000000001", "329", "82"]
    published(opened, day(60))
    opened.paid("DE", money(1000))
    good = good_bodies(opened)[convert]

    with nothing_recorded(opened):
        rates = [(publish, {**body, "rates": {"JPY": rate}}) for rate in absurd]
        slips = sender(rates, TRUSTEE)
        off = [(convert, {**good, "rate": rate}) for rate in ("0.000000001", "999999999", "1.2")]
        far = sender(off, TRUSTEE)
        # Before the first rate, and when the last one was two months old.
        days = [day(61), day(4)]
        stale = sender([(convert, {**good, "value_date": one}) for one in days], TRUSTEE)

    assert {problem["code"] for problem in slips} == {"rate_out_of_range"}
    assert {problem["code"] for problem in far} == {"rate_out_of_range"}
    assert {problem["code"] for problem in stale} == {"rate_missing"}
    assert sender([(convert, good)], TRUSTEE)[0]["code"] == "recorded"


def test_the_routes_refuse_as_the_batch_does(opened: Service) -> None:
    attacker = Attacker(opened)
    bad = {"amount": 5.0, "currency": "EUR"}
    paths = {"AnnouncePledge": (DE, "/pledges"), "PostJournal": (TRUSTEE, "/journals")}
    paths |= {"BookUnidentified": (TRUSTEE, "/suspense"), "BookReceipt": (DE, "/receipts")}

    with nothing_recorded(opened):
        answers = [
            attacker.post(*paths[field.command.__name__], field.with_value(bad))
            for field in AMOUNTS
            if field.command.__name__ in paths
        ]
    attacker.close()

    assert [wrong(answer, 422, "invalid_amount") for answer in answers] == [""] * 4
