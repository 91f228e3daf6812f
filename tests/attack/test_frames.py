"""Rows D1-D4 and F: frames that lie, bodies that are not what they say, methods nobody offers."""

import gzip
import json
import time

import pytest

from tests.support.attack.corpus import WRITES
from tests.support.attack.hostile import (
    Answer,
    Attacker,
    assert_refused,
    exchange,
    fresh_key,
    nothing_recorded,
    read_answer,
    size_of,
    wrong,
)
from tests.support.builders import AUDITOR, a_pledge, money, treasury
from tests.support.service import Service

DE = treasury("DE")
BODY = json.dumps(a_pledge(money(1))).encode()
LIMIT = 65_536


@pytest.fixture(scope="module")
def fund(on_sqlite: Service) -> Service:
    """One fund for all tests here: next to nothing is recorded."""
    on_sqlite.open()
    return on_sqlite


def _head(
    fund: Service, *lines: str, path: str = "/pledges", media: str = "application/json"
) -> bytes:
    """The head of a POST that would be fine, with more lines."""
    fixed = [
        f"POST {fund.path}{path} HTTP/1.1",
        "Host: ledger",
        f"Authorization: Bearer {fund.token(DE)}",
        f"Idempotency-Key: {fresh_key()}",
        f"Content-Type: {media}",
        "Connection: close",
    ]
    return "\r\n".join([*fixed, *lines, "", ""]).encode("latin-1")


def _sized(fund: Service, body: bytes, *lines: str, media: str = "application/json") -> Answer:
    head = _head(fund, *lines, f"Content-Length: {len(body)}", media=media)
    return read_answer(exchange(fund, head + body))


def _chunked(body: bytes, size: int = 4_096) -> bytes:
    pieces = [body[i : i + size] for i in range(0, len(body), size)]
    return b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"


def test_a_body_of_exactly_the_limit_is_read_and_one_byte_more_is_not(shared: Service) -> None:
    fund = shared.another()
    fits, over = BODY.ljust(LIMIT), BODY.ljust(LIMIT + 1)

    assert _sized(fund, fits).status == 201
    with nothing_recorded(fund):
        assert_refused(_sized(fund, over), 413, "body_too_large")


def test_too_large_a_body_is_cut_off_however_it_is_announced(fund: Service) -> None:
    huge = BODY.ljust(4 * LIMIT)
    chunked = _head(fund, "Transfer-Encoding: chunked").replace(b"Connection: close\r\n", b"")
    announced = _head(fund, f"Content-Length: {10**15}").replace(b"Connection: close\r\n", b"")

    with nothing_recorded(fund):
        answers = [
            _sized(fund, huge),
            read_answer(exchange(fund, chunked + _chunked(huge))),
            read_answer(exchange(fund, announced)),
        ]

    assert [wrong(answer, 413, "body_too_large") for answer in answers] == [""] * 3
    assert {answer.headers["connection"] for answer in answers} == {"close"}


def test_a_chunked_body_within_the_limit_is_a_body_like_any_other(fund: Service) -> None:
    head = _head(fund, "Transfer-Encoding: chunked")

    assert read_answer(exchange(fund, head + _chunked(BODY, 3))).status == 201


def test_a_body_that_ends_early_records_nothing(fund: Service) -> None:
    head = _head(fund, f"Content-Length: {len(BODY) + 10}")

    with nothing_recorded(fund):
        with pytest.raises(TimeoutError):
            exchange(fund, head + BODY, timeout=0.2)
        time.sleep(0.1)


def test_bytes_behind_the_announced_body_are_not_a_second_request_of_ours(fund: Service) -> None:
    before = size_of(fund)
    head = _head(fund, f"Content-Length: {len(BODY)}").replace(b"Connection: close\r\n", b"")

    data = exchange(fund, head + BODY + b"GARBAGE\r\n\r\n")

    assert read_answer(data).status == 201
    assert size_of(fund) == before + 1
    assert b"HTTP/1.1 400" in data


def test_a_body_with_two_lengths_is_refused(fund: Service) -> None:
    chunks = _chunked(BODY)
    both = [f"Content-Length: {len(BODY)}", "Transfer-Encoding: chunked"]
    heads = {
        "length and chunks": _head(fund, *both) + chunks,
        "chunks and length": _head(fund, *reversed(both)) + chunks,
        "two lengths": _head(fund, both[0], "Content-Length: 3") + BODY,
        "a list": _head(fund, f"Content-Length: {len(BODY)}, 3") + BODY,
        "negative": _head(fund, "Content-Length: -1") + BODY,
        "signed": _head(fund, f"Content-Length: +{len(BODY)}") + BODY,
        "hex": _head(fund, "Content-Length: 0x10") + BODY,
        "empty": _head(fund, "Content-Length:") + BODY,
        "not ascii": _head(fund, "Content-Length: \xb2") + BODY,
        "enormous": _head(fund, f"Content-Length: {'9' * 5_000}") + BODY,
        "twice chunked": _head(fund, both[1], both[1]) + chunks,
        "space in name": _head(fund, "Transfer-Encoding : chunked") + chunks,
        "no host": _head(fund, both[0]).replace(b"Host: ledger\r\n", b"") + BODY,
        "two hosts": _head(fund, "Host: other", both[0]) + BODY,
    }

    before = size_of(fund)

    found = {name: exchange(fund, data) for name, data in heads.items()}

    statuses = {name: read_answer(data).status for name, data in found.items()}
    assert statuses == dict.fromkeys(heads, 400)
    assert size_of(fund) == before


def test_an_encoding_of_the_body_is_refused_unread(fund: Service) -> None:
    bomb = gzip.compress(b" " * 5_000_000)
    names = ["gzip", "br", "deflate", "zstd", "GZIP", "gzip, gzip", "identity, gzip", "x", ""]

    with nothing_recorded(fund):
        answers = [_sized(fund, bomb, f"Content-Encoding: {name}") for name in names]
        plain = _sized(fund, gzip.compress(BODY))

    assert [wrong(answer, 415, "unsupported_media_type") for answer in answers] == [""] * len(names)
    assert_refused(plain, 400, "invalid_json")


def test_another_media_type_is_refused(fund: Service) -> None:
    types = ["", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "json"]
    types += ["application/json5", "application/vnd.api+json", "text/json", "application/*", "*/*"]
    types += [f"application/json; charset={c}" for c in ("utf-16", "latin-1", "utf-7", "utf8", "x")]
    types += ["application/json, text/plain", 'application/json; charset="utf-16"', "\xff/\xfe"]

    with nothing_recorded(fund):
        answers = [_sized(fund, BODY, media=media) for media in types]

    found = dict(zip(types, answers, strict=True))
    faults = {m: wrong(a, 415, "unsupported_media_type") for m, a in found.items()}
    assert faults == dict.fromkeys(types, "")


@pytest.mark.parametrize(
    "parameter",
    [
        "charset*=x; charset*1=y",
        "a*=x; a*1=y",
        f"charset*{'9' * 5_000}*=x",
        "charset*=utf-16''x",
        "charset*0*=utf-16''utf-;charset*1=8",
    ],
    ids=["mixed", "mixed-other", "digits", "encoded", "continued"],
)
def test_a_strangely_spelled_media_type_is_refused(fund: Service, parameter: str) -> None:
    with nothing_recorded(fund):
        answer = _sized(fund, BODY, media=f"application/json; {parameter}")

    assert_refused(answer, 415, "unsupported_media_type")


def test_what_is_not_strict_json_is_refused_by_every_write(
    fund: Service, attacker: Attacker
) -> None:
    texts: list[bytes] = [
        b"x", b"{", b'{"a":1', b"{}{}", b"{} x",
        b" ", b"\xef\xbb\xbf{}", b'{"a":"\xff"}', b"\xff\xfe{",
        b'{"a":"\xc0\xaf"}', b'{"a":"\xed\xa0\x80"}', b'{"a":"\\ud800"}', b'{"\\udfff":1}',
        b'{"a":1,"a":1}', b'{"b":{"a":1,"\\u0061":2}}', b'{"a":NaN}', b'{"a":-Infinity}',
        b'{"a":9007199254740993}', b'{"a":-0}', b"[" * 18 + b"]" * 18, b"[" * 60_000,
        b'{"a":' * 9_000 + b"1" + b"}" * 9_000, b'{"a":' + b"9" * 60_000 + b"}", b"{'a':1}",
        b"{a:1}", b'{"a":1,}', b'{"a":01}', b'{"a":"\n"}', b'{"a":"\x00"}', b"\x00", b"//\n{}",
    ]  # fmt: skip

    with nothing_recorded(fund):
        answers = [
            (path, text, attacker.post(who, path, text))
            for who, path, _ in WRITES
            for text in texts
        ]

    faults = [(p, t[:30], w) for p, t, a in answers if (w := wrong(a, 400, "invalid_json"))]
    assert faults == []


def test_null_and_unknown_members_are_named_without_an_echo(
    fund: Service, attacker: Attacker
) -> None:
    names = ["__proto__", "constructor", "pledge_id", "seq", "hash", "created_at", "party", "at"]
    names += ["derived", "consequences", "model_config", "", "\x00", "a" * 10_000, "event", "_id"]

    with nothing_recorded(fund):
        unknown = [attacker.post(DE, "/pledges", {**a_pledge(money(1)), n: "x"}) for n in names]
        null = attacker.post(DE, "/pledges", {**a_pledge(money(1)), "note": None})

    found = zip(unknown, names, strict=True)
    assert [wrong(a, 422, "invalid_body", n, f"/{n}") for a, n in found] == [""] * len(names)
    assert {a.content["errors"][0]["code"] for a in unknown} == {"unknown_member"}
    assert_refused(null, 422, "null_not_allowed")


def test_a_slow_sender_holds_up_nobody_else(fund: Service, attacker: Attacker) -> None:
    host, port = fund.address.removeprefix("http://").split(":")
    import socket  # noqa: PLC0415  only here is a connection left hanging on purpose

    with nothing_recorded(fund):
        hanging = [socket.create_connection((host, int(port)), 5) for _ in range(100)]
        for number, connection in enumerate(hanging):
            connection.sendall(_head(fund, "Content-Length: 50")[: 40 if number % 2 else None])
        began = time.perf_counter()
        answers = [attacker.get(AUDITOR, fund.path) for _ in range(10)]
        took = time.perf_counter() - began
        for connection in hanging:
            connection.close()

    assert [answer.status for answer in answers] == [200] * 10
    assert took < 3


def test_oversized_heads_do_no_harm(fund: Service) -> None:
    bearer = f"Authorization: Bearer {fund.token(AUDITOR)}"
    get = f"GET {fund.path} HTTP/1.1\r\nHost: l\r\nConnection: close\r\n{bearer}\r\n"
    many = "".join(f"X-{number}: y\r\n" for number in range(10_000))
    target = f"GET {fund.path}?limit={'1' * 8_192} HTTP/1.1\r\nHost: l\r\nConnection: close\r\n\r\n"

    long_target = read_answer(exchange(fund, target.encode()))
    with nothing_recorded(fund):
        for head in (f"{get}X: {'a' * 200_000}\r\n\r\n", f"{get}{many}\r\n"):
            data = exchange(fund, head.encode())
            # How many headers are too many is for the proxy in front to say.
            assert data == b"" or read_answer(data).status in (200, 400, 431)

    assert_refused(long_target, 414, "target_too_long")


def test_methods_that_nobody_offers_are_answered_with_those_that_are(
    fund: Service, attacker: Attacker
) -> None:
    bearer = {"Authorization": f"Bearer {fund.token(AUDITOR)}"}
    methods = ["TRACE", "FOO", "OPTIONS", "PUT", "PATCH", "DELETE", "PROPFIND", "get"]
    offered = {f"{fund.path}/summary": {"GET"}, f"{fund.path}/members/removals": {"POST"}}
    offered |= {f"{fund.path}/pledges": {"GET", "POST"}, "/v1/funds": {"GET", "POST"}}

    for path, allowed in offered.items():
        answers = [attacker.send(method, path, bearer) for method in methods]

        faults = [wrong(answer, 405, "method_not_allowed") for answer in answers]
        assert faults == [""] * len(methods)
        for answer in answers:
            assert allowed <= set(answer.headers["allow"].replace(" ", "").split(","))


def test_a_request_id_of_the_sender_is_taken_only_where_it_is_harmless(
    fund: Service, attacker: Attacker
) -> None:
    bearer = {"Authorization": f"Bearer {fund.token(AUDITOR)}"}
    hostile = ["a b", "a;b", "\x1b[31m", "a" * 65, "", "<x>", "\xe9", "a%0d%0ab", "../x"]

    kept = attacker.send("GET", fund.path, {**bearer, "Request-Id": "my-Own-1"})
    replaced = [
        read_answer(
            exchange(
                fund,
                f"GET /nowhere HTTP/1.1\r\nHost: l\r\nConnection: close\r\nUser-Agent: {text}\r\n"
                f"Request-Id: {text}\r\n\r\n".encode("latin-1"),
            )
        )
        for text in hostile
    ]

    assert kept.headers["request-id"] == "my-Own-1"
    for answer, text in zip(replaced, hostile, strict=True):
        assert answer.status == 400 or wrong(answer, 404, "not_found", text) == ""
        assert answer.headers.get("request-id", "") != text or text == ""


def test_headers_that_name_another_host_or_sender_change_nothing(
    fund: Service, attacker: Attacker
) -> None:
    bearer = {"Authorization": f"Bearer {fund.token(AUDITOR)}"}
    plain = attacker.send("GET", f"{fund.path}/members?", bearer)
    lies = [
        {"Host": host} for host in ("evil.example", "[", "a/b?x=", "x#", "a@b:9", "[::1", "a b")
    ]
    lies += [{"X-Forwarded-Host": "evil.example"}, {"X-Forwarded-Proto": "javascript"}]
    lies += [{"X-Forwarded-For": "["}, {"X-Forwarded-Prefix": "/x"}, {"Forwarded": "host=evil"}]
    lies += [{"X-HTTP-Method-Override": "DELETE"}, {"X-Original-URL": "/metrics"}]
    lies += [{"Range": "bytes=0-1"}, {"If-None-Match": "*"}, {"Upgrade": "websocket"}]

    for lie in lies:
        answer = attacker.send("GET", f"{fund.path}/members?", {**bearer, **lie})
        listed = attacker.send("GET", f"{fund.path}/entries?limit=1", {**bearer, **lie})

        assert (answer.status, answer.body) == (200, plain.body), lie
        assert listed.content["next"].startswith(f"{fund.path}/entries?limit=1&"), lie


def test_a_range_of_an_export_is_the_whole_of_it(fund: Service, attacker: Attacker) -> None:
    bearer = {"Authorization": f"Bearer {fund.token(AUDITOR)}"}
    ranges = ["bytes=0-0", "bytes=0-,0-,0-", "bytes=-1", "bytes=9-1", f"bytes=0-{'9' * 99}"]

    answers = [
        attacker.send("GET", f"{fund.path}/exports/audit", {**bearer, "Range": text})
        for text in ranges
    ]

    assert [(answer.status, answer.body[:2]) for answer in answers] == [(200, b"PK")] * 5


def test_a_signature_that_is_none_is_not_ignored(fund: Service, attacker: Attacker) -> None:
    with nothing_recorded(fund):
        answers = [
            attacker.post(DE, "/pledges", a_pledge(money(1)), X_JWS_Signature=text)
            for text in ("", "a..b", "x" * 5_000)
        ]

    assert [wrong(answer, 422, "signature_mismatch") for answer in answers] == [""] * 3
