"""Rows D5-D18: values that look like money, names, dates or pages and are not."""

import json
from typing import Any

from tests.support.attack.hostile import (
    Attacker,
    assert_refused,
    nothing_recorded,
    size_of,
    wrong,
)
from tests.support.builders import (
    AUDITOR,
    REQUESTER,
    TRUSTEE,
    a_charter,
    a_pledge,
    a_recent_receipt,
    a_request,
    an_agreement,
    money,
    treasury,
)
from tests.support.service import Service

DE = treasury("DE")


def _amounts(attacker: Attacker, amounts: list[Any], currency: Any = "EUR") -> list[Any]:
    """The answers to a pledge and to a request of each amount."""
    values = [{"amount": amount, "currency": currency} for amount in amounts]
    return [
        answer
        for value in values
        for answer in (
            attacker.post(DE, "/pledges", {"window": "budget", "amount": value}),
            attacker.post(REQUESTER, "/disbursements", a_request(value)),
        )
    ]


def test_an_amount_has_one_spelling(fund: Service, attacker: Attacker) -> None:
    amounts: list[Any] = [
        5,
        5.0,
        -5,
        0,
        True,
        "1e5",
        "+5.00",
        " 5.00",
        "5.00 ",
        "05.00",
        "1_000.00",
    ]
    amounts += ["1,000.00", "5,00", "\uff15.00", "\u0665.00", "-0", "-0.00", "NaN", "0x10", "", "."]
    amounts += [".50", "5.", "5.0.0", "Infinity", "5.00\n", "\x005.00", "\u200b5.00", "--5.00"]
    amounts += [[], {}, ["5.00"], {"amount": "5.00"}, "\u22125.00", "5\u00b700", "1 000.00"]

    with nothing_recorded(fund):
        answers = _amounts(attacker, amounts)

    assert [wrong(answer, 422, "invalid_amount") for answer in answers] == [""] * 2 * len(amounts)


def test_an_amount_is_more_than_nothing(fund: Service, attacker: Attacker) -> None:
    with nothing_recorded(fund):
        answers = _amounts(attacker, ["0.00", "-0.01", "-5.00", "-9999999999999999.99"])

    assert [wrong(answer, 422, "amount_not_positive") for answer in answers] == [""] * 8


def test_an_amount_beyond_the_range_is_named_so(fund: Service, attacker: Attacker) -> None:
    amounts = ["10000000000000000.00", "9" * 19 + ".00", "9" * 400 + ".00", "9" * 5_000 + ".00"]
    amounts += ["92233720368547758.08", "-10000000000000000.00"]

    with nothing_recorded(fund):
        answers = _amounts(attacker, amounts)

    assert [wrong(a, 422, "amount_out_of_range", "9" * 19) for a in answers] == [""] * 12


def test_a_total_that_would_overflow_is_refused_and_the_fund_goes_on(
    fund: Service, attacker: Attacker
) -> None:
    most = money("9999999999999999.99")
    fund.post(DE, "/pledges", a_pledge(most))
    many = {**an_agreement(most), "instalments": [{"due": "2026-12-31", "amount": most}] * 100}
    first, second = fund.agreed("DE", most), fund.agreed("FR", most)
    fund.post(DE, "/receipts", a_recent_receipt(first, most, "ALL"))

    with nothing_recorded(fund):
        pledged = attacker.post(DE, "/pledges", a_pledge(money("0.01")))
        drafted = attacker.post(DE, "/agreements", many)
        received = attacker.post(
            treasury("FR"), "/receipts", a_recent_receipt(second, most, "MORE")
        )

    for answer in (pledged, drafted, received):
        assert_refused(answer, 422, "amount_out_of_range")
    assert attacker.post(DE, "/pledges", a_pledge(money(1, "JPY"))).status == 201


def test_a_currency_has_its_own_digits(fund: Service, attacker: Attacker) -> None:
    wrong_digits = [("1.50", "JPY"), ("1.2", "EUR"), ("1", "EUR"), ("1.234", "EUR")]
    wrong_digits += [("1.2345", "KWD"), ("1.00", "JPY"), ("1.000000000000000", "EUR")]
    currencies: list[Any] = ["eur", "XXX", "XTS", "DEM", "EURO", "EU", "", "\u0415UR", "EUR "]
    currencies += [978, None, ["EUR"], {"code": "EUR"}, "XAU", "EUR\n", "\uff25\uff35\uff32"]

    with nothing_recorded(fund):
        digits = [a for text, code in wrong_digits for a in _amounts(attacker, [text], code)]
        unknown = [a for code in currencies[:9] for a in _amounts(attacker, ["1.00"], code)]
        typed = [a for code in currencies[9:] for a in _amounts(attacker, ["1.00"], code)]
        foreign = _amounts(attacker, ["1.00"], "USD")

    assert [wrong(a, 422, "currency_precision") for a in digits] == [""] * len(digits)
    assert [wrong(a, 422, "unknown_currency") for a in unknown] == [""] * len(unknown)
    assert {a.code for a in typed} == {"unknown_currency", "null_not_allowed"}
    assert [wrong(a, 422, "currency_not_in_charter") for a in foreign] == ["", ""]


def test_currencies_are_not_mixed_and_parts_add_up(fund: Service, attacker: Attacker) -> None:
    agreement = fund.agreed("DE", money(9))
    yen = {**a_recent_receipt(agreement, money(9), "R-1"), "amount": money(9, "JPY")}
    elsewhere = a_recent_receipt(agreement, money(9), "R-2", bank_account="BANK-JPY")
    both = an_agreement(money(9))
    mixed = {**both, "instalments": [{"due": "2026-12-31", "amount": money(9, "JPY")}]}
    short = {**both, "instalments": [{"due": "2026-12-31", "amount": money(8)}]}
    parts = [{"due": d, "amount": money("4.50")} for d in ("2026-12-31", "2026-01-31")]

    with nothing_recorded(fund):
        mismatches = [
            attacker.post(DE, path, body)
            for path, body in (("/receipts", yen), ("/receipts", elsewhere), ("/agreements", mixed))
        ]
        unbalanced = [
            attacker.post(DE, "/agreements", body)
            for body in (short, {**both, "instalments": parts})
        ]
        too_much = attacker.post(DE, "/receipts", a_recent_receipt(agreement, money("9.01"), "R-3"))

    assert [wrong(answer, 422, "currency_mismatch") for answer in mismatches] == [""] * 3
    assert [wrong(a, 422, "instalments_do_not_add_up") for a in unbalanced] == ["", ""]
    assert_refused(too_much, 409, "exceeds_agreement")


HIDDEN = ["\x00", "\x07", "\x1b[31m", "\x7f", "\x85", "\x9b", "\t", "\n", "\r", "\u200b", "\u200d"]
HIDDEN += ["\u200e", "\u202a", "\u202e", "\u2066", "\u2069", "\u2028", "\u2029", "\ufeff", "\u00ad"]
HIDDEN += [
    "\u061c",
    "\u180e",
    "\ue000",
    "\U000f0000",
    "\ufffe",
    "\U0001ffff",
    "\u0378",
    "\U000e0041",
]


def test_text_holds_no_character_that_hides_or_reorders(fund: Service, attacker: Attacker) -> None:
    texts = [f"a{character}b" for character in HIDDEN]
    texts += ["e\u0301", "\u212b", "\uf900", " a", "a ", "\u3000a", "a\u00a0", " "]

    with nothing_recorded(fund):
        notes = [attacker.post(DE, "/pledges", {**a_pledge(money(1)), "note": t}) for t in texts]
        titles = [
            attacker.post(TRUSTEE, "/v1/funds", a_charter(fund=fund.fund, title=t)) for t in texts
        ]

    for answers in (notes, titles):
        found = dict(zip(texts, answers, strict=True))
        faults = {t: w for t, a in found.items() if (w := wrong(a, 422, "forbidden_character", t))}
        assert faults == {}


def test_text_holds_no_character_that_nobody_can_see(fund: Service, attacker: Attacker) -> None:
    # Default-ignorable letters and marks: not format characters, and just as invisible.
    texts = ["\u3164", "\u115f", "\uffa0", "a\u034fb", "a\u17b4b", "a\ufe0fb", "a\U000e0100b"]

    with nothing_recorded(fund):
        answers = [attacker.post(DE, "/pledges", {**a_pledge(money(1)), "note": t}) for t in texts]

    assert [wrong(a, 422, "forbidden_character") for a in answers] == [""] * len(texts)


def test_names_and_references_are_plain_ascii(fund: Service, attacker: Attacker) -> None:
    names = [
        "D\u0415",
        "\u0410",
        "de",
        "DE\n",
        "DE ",
        "",
        "A" * 40,
        "../DE",
        "D'E",
        "D\x00",
        "\uff24",
    ]
    agreement = fund.agreed("DE", money(9))
    receipt = a_recent_receipt(agreement, money(1), "R-1")

    with nothing_recorded(fund):
        answers = [
            attacker.post(who, path, body)
            for name in names
            for who, path, body in (
                (DE, "/pledges", a_pledge(money(1), window=name.lower() + "\u0430")),
                (DE, "/receipts", {**receipt, "bank_account": name}),
                (DE, "/receipts", {**receipt, "bank_reference": f"{name}\u0301"}),
                (DE, "/receipts", {**receipt, "agreement_id": name}),
                (REQUESTER, "/disbursements", a_request(money(1), purpose=f"{name}!")),
            )
        ]

    assert [wrong(answer, 422, "invalid_body") for answer in answers] == [""] * len(answers)


def test_sql_in_text_is_text(fund: Service, attacker: Attacker) -> None:
    texts = ["'; DROP TABLE entries; --", "' OR 1=1 --", "\\'; SELECT pg_sleep(9); --", "$$;$$"]
    texts += ["%(fund)s :fund ? {0} %s", "=cmd|' /C calc'!A0", "<script>alert(1)</script>"]
    before = size_of(fund)

    bodies = [{**a_pledge(money(1)), "note": note} for note in texts]
    answers = [attacker.post(DE, "/pledges", body) for body in bodies]
    bodies = [a_request(money(1), description=note) for note in texts]
    answers += [attacker.post(REQUESTER, "/disbursements", body) for body in bodies]

    data = [answer.content["entry"]["data"] for answer in answers]
    listed = [i["description"] for i in fund.get(AUDITOR, "/disbursements")["items"]]
    assert [item.get("note") or item["description"] for item in data] == texts * 2
    assert listed == texts
    assert size_of(fund) == before + 14


def test_a_date_is_a_day_of_this_ledgers_time(fund: Service, attacker: Attacker) -> None:
    malformed: list[Any] = ["2026-02-30", "2026-13-01", "2026-00-10", "0000-01-01", "10000-01-01"]
    malformed += ["2026-1-5", "20260115", "2026-W03-4", "2026-01-15T00:00:00Z", "15.01.2026", ""]
    malformed += ["2026-12-31T23:59:60Z", " 2026-01-15", "2026-01-15\n", "\uff12026-01-15"]
    malformed += ["-2026-01-15", 20260115, 1_768_435_200, True, [], {}, "2026\u201101\u201115"]
    outside = ["1999-12-31", "0001-01-01", "2200-01-01", "9999-12-31"]
    agreement = fund.agreed("DE", money(9))

    def posted(day: Any) -> list[Any]:
        receipt = a_recent_receipt(agreement, money(1), "R-1", value_date=day)
        due = {**an_agreement(money(1)), "instalments": [{"due": day, "amount": money(1)}]}
        return [attacker.post(DE, "/receipts", receipt), attacker.post(DE, "/agreements", due)]

    with nothing_recorded(fund):
        bad = [answer for day in malformed for answer in posted(day)]
        out = [answer for day in outside for answer in posted(day)]
        future = attacker.post(
            DE, "/receipts", a_recent_receipt(agreement, money(1), "R-1", value_date="2199-12-31")
        )

    assert [wrong(answer, 422, "invalid_date") for answer in bad] == [""] * 2 * len(malformed)
    assert [wrong(answer, 422, "date_out_of_range") for answer in out] == [""] * 8
    assert_refused(future, 422, "date_out_of_range")


def test_a_page_is_asked_for_in_plain_numbers(fund: Service, attacker: Attacker) -> None:
    limits = [
        "0",
        "-1",
        "501",
        "1000000000",
        "9" * 400,
        "%EF%BC%92",
        "1e2",
        "0x10",
        "",
        "ten",
        "1.5",
    ]
    limits += ["%00", "5%00", "NaN", "1;2", "'--", "[]", "true"]

    answers = [attacker.get(AUDITOR, f"{fund.path}/entries?limit={limit}") for limit in limits]
    answers += [
        attacker.get(AUDITOR, f"{fund.path}/pledges?after={a}") for a in ("-2", "9" * 30, "x")
    ]

    assert [wrong(answer, 422, "invalid_body") for answer in answers] == [""] * len(answers)


def test_a_number_in_a_query_has_one_spelling(fund: Service, attacker: Attacker) -> None:
    limits = ["1_0", "%2B5", "5.0", "%205", "5%20", "05", "-0"]

    answers = {text: attacker.get(AUDITOR, f"{fund.path}/entries?limit={text}") for text in limits}

    assert {text: answer.status for text, answer in answers.items()} == dict.fromkeys(limits, 422)


def test_a_parameter_stands_once_and_is_known(fund: Service, attacker: Attacker) -> None:
    twice = ["limit=1&limit=2", "limit=1&%6cimit=2", "party=DE&party=FR", "after=0&after=0", "a&a"]
    unknown = ["offset=1", "Limit=1", "sort=seq;DROP", "limit%00=1", "__proto__=1", "a", "%ff=1"]

    doubled = [attacker.get(AUDITOR, f"{fund.path}/entries?{query}") for query in twice]
    unheard = [attacker.get(AUDITOR, f"{fund.path}/entries?{query}") for query in unknown]

    assert [wrong(answer, 400, "duplicate_parameter") for answer in doubled] == [""] * 5
    assert [wrong(a, 422, "unknown_parameter", "offset", "DROP") for a in unheard] == [""] * 7


def test_an_entry_and_a_file_are_named_by_the_service_alone(
    fund: Service, attacker: Attacker
) -> None:
    names = [
        "-1",
        "1.0",
        "0x0",
        "99999",
        "9" * 40,
        "%EF%BC%90",
        "..%2f..%2fetc%2fpasswd",
        "%00",
        "''",
    ]
    paths = [f"{fund.path}/entries/{name}" for name in names]
    paths += [
        f"{fund.path}/exports/{name}" for name in (*names, "audit.zip", "audit%00", "..%5caudit")
    ]
    paths += [f"/v1/funds/{name}/exports/audit" for name in (*names, ".", "..", "%2e%2e", "%2fetc")]

    answers = [attacker.get(AUDITOR, path) for path in paths]
    export = attacker.get(AUDITOR, f"{fund.path}/exports/audit")

    assert [wrong(answer, 404, "not_found") for answer in answers] == [""] * len(paths)
    assert export.headers["content-disposition"] == f'attachment; filename="{fund.fund}-audit.zip"'


def test_a_charter_that_grants_itself_more_is_refused(service: Service) -> None:
    attacker = Attacker(service)
    good = a_charter()
    evil = {"subject": "evil", "party": "DE", "roles": ["ledger"]}
    charters: list[dict[str, Any]] = [
        {**good, "members": [*good["members"], evil]},
        {**good, "members": [*good["members"], {**evil, "roles": ["trustee"]}]},
        {**good, "members": [*good["members"], {**evil, "party": "XX", "roles": ["admin"]}]},
        {**good, "members": [*good["members"], good["members"][0]]},
        {**good, "parties": [*good["parties"], good["parties"][0]]},
        {**good, "parties": [*good["parties"], {"id": "T2", "name": "T", "kind": "trustee"}]},
        {**good, "approval_steps": [{**good["approval_steps"][0], "after": ["legal_review"]}]},
        {**good, "approval_steps": [{**good["approval_steps"][0], "role": "admin"}]},
        {**good, "holding_currency": "USD"},
    ]
    malformed = [
        {**good, "log_vkey": "x"},
        {**good, "approval_steps": []},
        {**good, "fund": "../x"},
    ]
    malformed += [{**good, "decision_rule": "majority"}, {**good, "fund": "x"}, [good]]  # type: ignore[list-item]

    invalid = [attacker.post(TRUSTEE, "/v1/funds", charter) for charter in charters]
    bad = [attacker.post(TRUSTEE, "/v1/funds", charter) for charter in malformed]
    foreign = attacker.post(treasury("NO"), "/v1/funds", good)
    funds = attacker.get(TRUSTEE, "/v1/funds").content["items"]
    attacker.close()

    assert [wrong(answer, 422, "charter_invalid") for answer in invalid] == [""] * len(charters)
    assert [wrong(answer, 422, "invalid_body") for answer in bad] == [""] * len(malformed)
    assert foreign.status == 403
    assert json.dumps(funds) == "[]"
