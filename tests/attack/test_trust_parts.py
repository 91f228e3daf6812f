"""A part of a log, forged: its frontier, its place, its proof of growth. It is never called ok."""

import json
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from app.audit.format.archive import CannotTell
from app.audit.report import Pins, Report
from app.audit.verify import verify
from app.chain.canonical import encode
from app.chain.checkpoint import Checkpoint
from app.chain.note import COSIGNATURE, Note, NoteKey
from app.chain.tree import Frontier, leaf_hash
from app.export.bundle import Wanted, write_bundle
from app.runtime.clock import now
from tests.support.attack.trust import (
    a_fund_of_pledges,
    copied,
    head,
    note_of,
    one_more,
)
from tests.support.service import Service, running, settings_of
from tests.support.tampering import Bundle, made_by

START, SINCE = 3, 2
FRONTIER, CONSISTENCY = "frontier.json", "consistency.json"


@dataclass(frozen=True)
class Parted:
    """A log, whole and in parts that begin at different entries."""

    whole: Bundle
    parts: dict[tuple[int, int], Bundle]


def exported(service: Service, folder: Path, start: int, since: int) -> Bundle:
    here, path = service.inside, folder / f"{start}-{since}.zip"
    wanted = Wanted(start, since or None)
    with here.database.read() as connection:
        pieces = write_bundle(connection, "test-fund", here.notary.keys, now(), wanted)
        path.write_bytes(b"".join(pieces))
    with zipfile.ZipFile(path) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    return Bundle(files, here.notary.keys, folder)


@pytest.fixture(scope="module")
def parted(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Parted:
    folder = tmp_path_factory.mktemp("parted")
    with running(settings_of(folder, sqlite_template)) as service:
        a_fund_of_pledges(service)
        places = [(START, SINCE), (START, 1), (START, 0), (2, SINCE), (4, SINCE)]
        parts = {place: exported(service, folder, *place) for place in places}
        return Parted(made_by(service, folder), parts)


@pytest.fixture
def part(parted: Parted, tmp_path: Path) -> Bundle:
    return copied(parted.parts[START, SINCE], tmp_path)


def known(whole: Bundle, size: int) -> Pins:
    """An auditor who has verified the log of so many entries before."""
    remembered = head(whole.lines, size, whole.manifest["origin"])
    return Pins(recall=lambda _: [remembered])


def judged(part: Bundle, pins: Pins | None = None, **claims: Any) -> Report:
    """With digests that fit, and a manifest that says what is asked for."""
    part.resign(**claims)
    return verify(part.write(), part.policy(), pins)


def peaks(bundle: Bundle) -> list[str]:
    found: list[str] = json.loads(bundle.files[FRONTIER])["left"]
    return found


def refused(part: Bundle, pins: Pins | None = None, **claims: Any) -> int:
    """The check that finds it; 0 where nothing can be said at all."""
    try:
        report = judged(part, pins, **claims)
    except CannotTell:
        return 0
    assert report.result == "wrong"
    assert report.first is not None
    return report.first.check


def test_a_part_is_as_good_as_its_frontier(parted: Parted) -> None:
    for (start, since), part in parted.parts.items():
        report = judged(copied(part), known(parted.whole, since) if since else None)

        assert (report.problems, report.start, report.size) == ([], start, 6)


@pytest.mark.parametrize("place", [0, 1])
@pytest.mark.parametrize("byte", range(0, 32, 5))
def test_a_frontier_with_one_changed_byte_makes_another_root(
    part: Bundle, place: int, byte: int
) -> None:
    left = peaks(part)
    raw = bytearray.fromhex(left[place])
    raw[byte] ^= 1
    left[place] = raw.hex()
    part.files[FRONTIER] = encode({"left": left})

    assert refused(part) == 4


def another_logs(left: list[str]) -> Any:
    leaves = [leaf_hash(f"another {n}".encode()) for n in range(START)]
    return {"left": [peak.hex() for peak in Frontier.of(leaves).peaks]}


@pytest.mark.parametrize(
    ("forge", "check"),
    [
        (another_logs, 4),
        (lambda left: {"left": left[::-1]}, 4),
        (lambda left: {"left": [left[0], left[0]]}, 4),
        (lambda left: {"left": left[:1]}, 0),
        (lambda left: {"left": [*left, left[0]]}, 0),
        (lambda _: {"left": []}, 0),
        (lambda left: {"left": [left[0], left[1].upper()]}, 0),
        (lambda left: {"left": [left[0], left[1][:-2]]}, 0),
        (lambda left: {"left": [left[0], " ".join(left[1])]}, 0),
        (lambda left: {"left": left, "right": []}, 0),
        (lambda left: {"left": "".join(left)}, 0),
        (lambda left: {"left": {peak: peak for peak in left}}, 0),
        (lambda left: left, 0),
        (lambda left: {"left": left * 10_000}, 0),
    ],
)
def test_a_frontier_that_is_not_this_logs_in_its_one_form_is_refused(
    part: Bundle, forge: Callable[[list[str]], Any], check: int
) -> None:
    part.files[FRONTIER] = encode(forge(peaks(part)))

    assert refused(part) == check


def test_a_part_without_its_frontier_is_not_judged(part: Bundle) -> None:
    del part.files[FRONTIER]

    assert refused(part) == 0


@pytest.mark.parametrize("posix", [0, 2**64 - 1])
def test_whoever_makes_the_quorum_is_named_whatever_the_time_they_give(
    parted: Parted, part: Bundle, posix: int
) -> None:
    witness = NoteKey("no.example/w", Ed25519PrivateKey.generate(), COSIGNATURE)
    for bundle in (part, copied(parted.whole, part.folder)):
        note = Note.parse(bundle.files["checkpoint"]).cosigned_by(witness, posix)
        bundle.files["checkpoint"] = note.to_bytes()
        bundle.resign()
        report = verify(bundle.write(), bundle.policy(f"witness w {witness.verifier}\nquorum w"))

        assert (report.result, report.witnesses) == ("ok", ["no.example/w"])


# -- its place -------------------------------------------------------------------------------------


@pytest.mark.parametrize("start", [2, 4])
def test_entries_that_stand_elsewhere_than_the_manifest_says_are_found(
    parted: Parted, part: Bundle, start: int
) -> None:
    other = parted.parts[start, SINCE]
    shifted = copied(part)
    shifted.lines = other.lines
    claimed = copied(part)
    claimed.files[FRONTIER] = other.files[FRONTIER]

    assert refused(shifted) == 4
    assert refused(claimed, None, **{"from": start}) == 4


def test_entries_that_were_numbered_anew_make_another_root(parted: Parted, part: Bundle) -> None:
    """Entries 2, 3 and 4, passed off as 3, 4 and 5."""
    taken = [json.loads(line) for line in parted.parts[2, SINCE].lines[:3]]
    part.lines = [encode({**entry, "seq": entry["seq"] + 1}) for entry in taken]

    assert refused(part) == 4


def cut_at_the_end(lines: list[bytes]) -> list[bytes]:
    return lines[:-1]


def cut_in_the_middle(lines: list[bytes]) -> list[bytes]:
    return [lines[0], lines[2]]


def cut_at_the_beginning(lines: list[bytes]) -> list[bytes]:
    return lines[1:]


def swapped(lines: list[bytes]) -> list[bytes]:
    return [lines[1], lines[0], lines[2]]


def with_one_more(lines: list[bytes]) -> list[bytes]:
    return [*lines, one_more(lines)]


def with_another_prev(lines: list[bytes]) -> list[bytes]:
    """The first entry's `prev` has nothing before it to be compared with, but the tree has."""
    return [encode({**json.loads(lines[0]), "prev": "01" * 32}), *lines[1:]]


def with_another_end(lines: list[bytes]) -> list[bytes]:
    return [*lines[:-1], one_more(lines[:-1])]


def of_another_fund(lines: list[bytes]) -> list[bytes]:
    return [encode({**json.loads(line), "fund": "other-fund"}) for line in lines]


def emptied(_: list[bytes]) -> list[bytes]:
    return []


@pytest.mark.parametrize(
    "forge",
    [
        cut_at_the_end,
        cut_in_the_middle,
        cut_at_the_beginning,
        swapped,
        with_one_more,
        with_another_prev,
        with_another_end,
        of_another_fund,
        emptied,
    ],
)
def test_a_parts_entries_are_those_that_were_signed(
    part: Bundle, forge: Callable[[list[bytes]], list[bytes]]
) -> None:
    part.lines = forge(part.lines)

    assert refused(part) in (2, 4)


@pytest.mark.parametrize(
    "claims",
    [
        {"from": 6},
        {"from": 7},
        {"from": -1},
        {"from": 2**53 - 1},
        {"to": 3},
        {"to": 2**53 - 1},
        {"from": True},
        {"tree_size": 7},
        {"root": "01" * 32},
        {"fund": "other-fund"},
        {"origin": "elsewhere.example/test-fund"},
    ],
    ids=str,
)
def test_a_part_that_claims_what_was_not_signed_is_refused(
    part: Bundle, claims: dict[str, Any]
) -> None:
    assert refused(part, **claims) in (0, 2, 3, 4)


@pytest.mark.parametrize(
    "change",
    [
        {"entries": 4},
        {"entries": 6},
        {"by_type": {}},
        {"by_type": {"pledge.recorded": 3, "commitment.made": 0}},
        {"journal_lines": 0},
    ],
    ids=str,
)
def test_a_parts_control_totals_are_those_of_its_entries(
    part: Bundle, change: dict[str, Any]
) -> None:
    totals = part.manifest["totals"]

    assert sum(totals["by_type"].values()) == totals["entries"] == 3
    assert refused(part, None, totals={**totals, **change}) == 6


def test_a_part_is_not_passed_off_as_the_whole(part: Bundle) -> None:
    assert refused(part, None, **{"from": 0}) in (4, 7)


def test_a_part_brings_no_views_along(parted: Parted, part: Bundle) -> None:
    """Nothing could say that they are right."""
    part.files["views/journal.csv"] = parted.whole.files["views/journal.csv"]

    assert refused(part) == 7


# -- what the auditor knew -------------------------------------------------------------------------


def test_a_proof_from_another_size_proves_no_growth(parted: Parted, part: Bundle) -> None:
    other = parted.parts[START, 1].files[CONSISTENCY]
    mine = known(parted.whole, SINCE)
    relabelled = encode({**json.loads(other), "size": SINCE})

    for proof, check in ((other, 0), (relabelled, 9)):
        part.files[CONSISTENCY] = proof
        assert refused(part, mine) == check


@pytest.mark.parametrize(
    "change",
    [
        lambda proof: proof[:-1],
        lambda proof: [*proof, proof[0]],
        lambda proof: proof[::-1],
        lambda _: [],
        lambda proof: [*proof[:-1], "01" * 32],
        lambda proof: proof * 30,
        lambda proof: [proof[0][:-2], *proof[1:]],
    ],
)
def test_a_damaged_proof_proves_no_growth(
    parted: Parted, part: Bundle, change: Callable[[list[str]], list[str]]
) -> None:
    found = json.loads(part.files[CONSISTENCY])
    part.files[CONSISTENCY] = encode({**found, "proof": change(found["proof"])})

    assert refused(part, known(parted.whole, SINCE)) == 9


def test_a_part_without_a_proof_says_nothing_to_who_knew_the_log(parted: Parted) -> None:
    assert refused(copied(parted.parts[START, 0]), known(parted.whole, SINCE)) == 0


def test_a_part_of_a_smaller_log_than_was_known_is_refused(parted: Parted, part: Bundle) -> None:
    larger = [*parted.whole.lines, one_more(parted.whole.lines)]
    remembered = head(larger, len(larger), part.manifest["origin"])

    assert refused(part, Pins(recall=lambda _: [remembered])) == 9


def test_a_rewritten_past_under_the_logs_own_key_is_found_by_who_knew_it(
    parted: Parted, part: Bundle
) -> None:
    """What the part leaves out was forged; its own entries are chained behind it and signed."""
    pledge = parted.whole.entry(1)
    pledge["data"]["amount"]["amount"] = "9000.00"
    lines = [parted.whole.lines[0], encode(pledge)]
    while len(lines) < 6:
        lines.append(one_more(lines))
    part.lines = lines[START:]
    left = Frontier.of(list(map(leaf_hash, lines[:START]))).peaks
    part.files[FRONTIER] = encode({"left": [peak.hex() for peak in left]})
    part.files["checkpoint"] = note_of(lines, part.keys.of_log("test-fund"))
    root = Checkpoint.parse(Note.parse(part.files["checkpoint"]).text).root.hex()

    assert judged(part, root=root).problems == []
    assert refused(part, known(parted.whole, SINCE), root=root) == 9


def test_problems_without_end_are_not_all_reported(part: Bundle) -> None:
    part.files["entries/00000000.jsonl"] = b"\n" * 20_000

    assert 1_000 <= len(judged(part, to=START + 20_000).problems) < 1_100
