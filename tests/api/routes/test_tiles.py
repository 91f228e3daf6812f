"""Tiles: the log read by a client that knows the specification only (C2SP tlog-tiles)."""

import base64
import hashlib
from typing import Any

import httpx
import pytest

from app.runtime.outbound import trusted
from tests.support.builders import AUDITOR, a_pledge, money, treasury
from tests.support.service import FUND, Service

PLEDGES = 600


@pytest.fixture(scope="module")
def full(shared: Service) -> Service:
    """A fund whose log has 601 entries: two full tiles and a part."""
    shared.open()
    return filled(shared)


def filled(service: Service) -> Service:
    items = [
        {"op": "pledge.announced", "key": f"tile-{n}", "data": a_pledge(money(1))}
        for n in range(PLEDGES)
    ]
    service.client(treasury("DE")).batch(f"{service.path}/batches", items)
    return service


def fetched(service: Service, path: str) -> httpx.Response:
    """A tile of the tree, without any token; entries with an auditor's."""
    headers = {}
    if "entries" in path:
        headers["Authorization"] = f"Bearer {service.token(AUDITOR)}"
    return httpx.get(
        f"{service.address}{service.path}/log/{path}", headers=headers, verify=trusted()
    )


def head(service: Service) -> tuple[int, bytes]:
    """Size and root that the checkpoint states."""
    _, size, root, *_ = fetched(service, "checkpoint").text.split("\n")
    return int(size), base64.b64decode(root)


def split(data: bytes) -> list[bytes]:
    return [data[at : at + 32] for at in range(0, len(data), 32)]


def merkle(leaves: list[bytes]) -> bytes:
    """RFC 6962 section 2.1, by its definition."""
    if len(leaves) == 1:
        return leaves[0]
    half = 1 << (len(leaves) - 1).bit_length() - 1
    left, right = merkle(leaves[:half]), merkle(leaves[half:])
    return hashlib.sha256(b"\x01" + left + right).digest()


def unpacked(data: bytes) -> list[bytes]:
    """The entries of a bundle."""
    found = []
    while data:
        length = int.from_bytes(data[:2], "big")
        found.append(data[2 : 2 + length])
        data = data[2 + length :]
    return found


def test_the_leaves_of_all_tiles_make_the_signed_root(full: Service) -> None:
    size, root = head(full)

    leaves = [
        leaf
        for name in ("000", "001", f"002.p/{size - 512}")
        for leaf in split(fetched(full, f"tile/0/{name}").content)
    ]

    assert size == PLEDGES + 1
    assert len(leaves) == size
    assert merkle(leaves) == root


def test_a_tile_above_holds_the_roots_of_the_full_tiles_below(full: Service) -> None:
    below = [merkle(split(fetched(full, f"tile/0/00{n}").content)) for n in (0, 1)]

    assert split(fetched(full, "tile/1/000.p/2").content) == below


def test_a_bundles_entries_have_the_hashes_of_their_tile(full: Service) -> None:
    size, _ = head(full)

    for name in ("000", f"002.p/{size - 512}"):
        entries = unpacked(fetched(full, f"tile/entries/{name}").content)
        leaves = split(fetched(full, f"tile/0/{name}").content)
        assert [hashlib.sha256(b"\0" + entry).digest() for entry in entries] == leaves


def test_an_earlier_state_of_a_tile_is_served_for_ever(full: Service) -> None:
    whole = fetched(full, "tile/0/001")

    for width in (1, 17, 255):
        assert fetched(full, f"tile/0/001.p/{width}").content == whole.content[: 32 * width]
    assert "immutable" in whole.headers["cache-control"]
    assert whole.headers["content-type"] == "application/octet-stream"


@pytest.mark.parametrize(
    "name",
    [
        *("0/003", "0/002", "0/002.p/90", "0/000.p/0", "0/000.p/256", "0/000.p/257", "0/000.p/01"),
        *("1/000", "1/000.p/3", "2/000.p/1", "63/000", "64/000", "00/000", "-1/000", "0x0/000"),
        *("0/0", "0/00", "0/0000", "0/x000/000", "0/x000/001", "0/x001/000", "0/x00/000"),
        *("0/000.p", "0/000.p/", "0/000.p/1/", "0/000/", "0/%2e%2e/000", "0/\u0660"),
        *("entries/003", "entries/000.p/0", "entries/x000/000", "entries/..%2f..%2fentries/000"),
        *("entries/", "entries", "0/", "0", "data/000", "entries/000.p/1_0", "0/000%00"),
    ],
)
def test_what_is_no_tile_of_this_log_is_not_there(full: Service, name: str) -> None:
    answer = fetched(full, f"tile/{name}")

    assert answer.status_code == 404
    assert answer.json()["code"] == "not_found"


def test_entries_are_for_the_funds_parties_and_hashes_for_everybody(full: Service) -> None:
    path = f"{full.address}{FUND}/log/tile"

    assert httpx.get(f"{path}/entries/000").status_code == 401
    assert httpx.get(f"{path}/0/000").status_code == 200
    assert httpx.get(f"{full.address}/v1/funds/no-fund/log/tile/0/000").status_code == 404


def test_a_full_tile_stays_what_it_was_when_the_log_grows(shared: Service) -> None:
    growing = filled(shared.another())
    before: dict[str, Any] = {n: fetched(growing, f"tile/0/{n}").content for n in ("000", "001")}

    growing.post(treasury("DE"), "/pledges", a_pledge(money(2)))

    assert {n: fetched(growing, f"tile/0/{n}").content for n in before} == before


def test_a_client_that_has_the_bytes_is_not_sent_them_again(full: Service) -> None:
    for path in ("/log/checkpoint", "/log/tile/0/000", "/log/tile/entries/002.p/1"):
        first = full.raw(AUDITOR, "GET", FUND + path)
        tag = first.headers["etag"]

        known = full.raw(AUDITOR, "GET", FUND + path, headers={"If-None-Match": tag})
        other = full.raw(AUDITOR, "GET", FUND + path, headers={"If-None-Match": '"x"'})

        assert (known.status_code, known.content) == (304, b"")
        assert known.headers["etag"] == tag
        assert known.headers["cache-control"] == first.headers["cache-control"]
        assert (other.status_code, other.content) == (200, first.content)
