"""What outsiders attest, forged on the record by the holder of the log's own key.

Chain, root, checkpoint, digests and manifest are made to fit again each time.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from app.audit.report import NO_AUTHORITY, Pins, Report
from app.audit.verify import verify
from app.chain.checkpoint import Checkpoint
from app.chain.entry import time_text
from app.chain.note import COSIGNATURE, NoteKey
from app.chain.spelling import write_base64
from app.domain.governance.checkpoints import RecordStamp
from app.domain.refusals.record import AttestationFalse
from app.runtime.clock import new_id
from tests.support.attack.record_story import DE, NAMES, WITNESSES, cosigned, stated, told
from tests.support.attack.trust import copied, head, recorded
from tests.support.authority import Authority
from tests.support.service import running, settings_of
from tests.support.signers import a_key
from tests.support.tampering import Bundle, made_by

FORGER = a_key(666)
WITNESSED, STAMPED, RECOVERED = "checkpoint.witnessed", "checkpoint.stamped", "log.recovered"


@dataclass(frozen=True)
class Story:
    """A bundle with all three on the record, and the authority that stamped."""

    bundle: Bundle
    authority: Authority


@pytest.fixture(scope="module")
def story(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Story:
    folder = tmp_path_factory.mktemp("record")
    authority = Authority(folder / "authority")
    with running(settings_of(folder, sqlite_template)) as service:
        told(service, folder, authority)
        return Story(made_by(service, folder), authority)


@pytest.fixture
def bundle(story: Story, tmp_path: Path) -> Bundle:
    return copied(story.bundle, tmp_path)


@pytest.fixture
def authority(story: Story) -> Authority:
    return story.authority


def judged(bundle: Bundle, authority: Authority) -> Report:
    return verify(bundle.write(), bundle.policy(), Pins(time_roots=authority.roots))


def first_of(report: Report) -> tuple[int, int | None, str]:
    """The check that found the first problem, the entry, and why."""
    assert report.first is not None
    return report.first.check, report.first.seq, report.first.why


def forged(bundle: Bundle, kind: str, edit: Callable[[dict[str, Any]], None]) -> int:
    """Edit the first entry of a kind and make everything fit; where it stands."""
    seq = bundle.first(kind)
    bundle.change(seq, lambda entry: edit(entry["data"]))
    bundle.rechain()
    bundle.resign(log=True)
    return seq


def test_what_is_attested_holds(bundle: Bundle, authority: Authority) -> None:
    report = judged(bundle, authority)

    assert report.problems == []
    assert [anchor["size"] for anchor in report.anchors] == [bundle.first(STAMPED)]
    assert NO_AUTHORITY in bundle.report().not_checked


def origin_of(bundle: Bundle) -> str:
    return str(bundle.manifest["origin"])


def with_a_broken_cosignature(data: dict[str, Any], _: Bundle) -> str:
    value = data["cosignatures"][0]["signature"]
    data["cosignatures"][0]["signature"] = (
        f"{value[:40]}{'A' if value[40] != 'A' else 'B'}{value[41:]}"
    )
    return "invalid signature"


def with_a_cosignature_of_another_root(data: dict[str, Any], bundle: Bundle) -> str:
    other = Checkpoint(origin_of(bundle), data["size"], b"\1" * 32)
    data["cosignatures"] = cosigned(other, *WITNESSES[:2])
    return "invalid signature"


def with_a_cosignature_of_another_size(data: dict[str, Any], bundle: Bundle) -> str:
    other = Checkpoint(origin_of(bundle), data["size"] - 1, bytes.fromhex(data["root"]))
    data["cosignatures"] = cosigned(other, *WITNESSES[:2])
    return "invalid signature"


def of_another_log(data: dict[str, Any], _: Bundle) -> str:
    other = Checkpoint("elsewhere.example/fund", data["size"], bytes.fromhex(data["root"]))
    data["cosignatures"] = cosigned(other, *WITNESSES[:2])
    return "invalid signature"


def with_one_witness_twice(data: dict[str, Any], bundle: Bundle) -> str:
    data["cosignatures"] = [data["cosignatures"][0]] * 2
    return "not_witnessed"


def with_too_few(data: dict[str, Any], _: Bundle) -> str:
    data["cosignatures"] = data["cosignatures"][:1]
    return "not_witnessed"


def with_a_stranger(data: dict[str, Any], bundle: Bundle) -> str:
    stranger = NoteKey("stranger.example/w", Ed25519PrivateKey.generate(), COSIGNATURE)
    said = Checkpoint(origin_of(bundle), data["size"], bytes.fromhex(data["root"]))
    data["cosignatures"] = cosigned(said, WITNESSES[0], stranger)
    return "no verifiable signatures"


def with_a_witness_under_anothers_name(data: dict[str, Any], bundle: Bundle) -> str:
    first = data["cosignatures"][0]
    data["cosignatures"] = [first, {**first, "witness": NAMES[1]}]
    return "no verifiable signatures"


def with_spare_bits(data: dict[str, Any], _: Bundle) -> str:
    """76 bytes end in one sign of padding and two spare bits."""
    value = data["cosignatures"][0]["signature"].rstrip("=")
    data["cosignatures"][0]["signature"] = value + "==" * 2
    return "cosignatures"


@pytest.mark.parametrize(
    "edit",
    [
        with_a_broken_cosignature,
        with_a_cosignature_of_another_root,
        with_a_cosignature_of_another_size,
        of_another_log,
        with_one_witness_twice,
        with_too_few,
        with_a_stranger,
        with_a_witness_under_anothers_name,
        with_spare_bits,
    ],
)
def test_cosignatures_that_do_not_hold_are_found_at_their_entry(
    bundle: Bundle, authority: Authority, edit: Callable[[dict[str, Any], Bundle], str]
) -> None:
    told: list[str] = []
    seq = forged(bundle, WITNESSED, lambda data: told.append(edit(data, bundle)))

    check, found, why = first_of(judged(bundle, authority))
    assert (check, found) == (5, seq)
    assert told[0] in why


def test_a_root_that_witnesses_did_cosign_and_the_log_does_not_have_is_found(
    bundle: Bundle, authority: Authority
) -> None:
    """Even where a quorum of witnesses helps."""

    def another(data: dict[str, Any]) -> None:
        data["root"] = "01" * 32
        other = Checkpoint(origin_of(bundle), data["size"], b"\1" * 32)
        data["cosignatures"] = cosigned(other, *WITNESSES)

    seq = forged(bundle, WITNESSED, another)

    check, found, why = first_of(judged(bundle, authority))
    assert (check, found) == (5, seq)
    assert "another log" in why


def test_a_token_for_another_text_is_found(bundle: Bundle, authority: Authority) -> None:
    other = write_base64(authority.stamp(b"something else"))

    seq = forged(bundle, STAMPED, lambda data: data.update(token=other))

    for report in (judged(bundle, authority), bundle.report()):
        check, found, why = first_of(report)
        assert (check, found) == (5, seq)
        assert "something else" in why


def test_a_token_for_a_root_that_the_log_does_not_have_is_found(
    bundle: Bundle, authority: Authority
) -> None:
    size = bundle.entry(bundle.first(STAMPED))["data"]["size"]
    other = Checkpoint(origin_of(bundle), size, b"\1" * 32)
    token = write_base64(authority.stamp(other.text().encode()))

    seq = forged(bundle, STAMPED, lambda data: data.update(token=token, root="01" * 32))

    assert (5, seq) in {(p.check, p.seq) for p in judged(bundle, authority).problems}


def test_a_token_of_another_authority_is_found_by_who_pinned_one(
    bundle: Bundle, authority: Authority, tmp_path: Path
) -> None:
    said = bundle.entry(bundle.first(STAMPED))["data"]
    text = Checkpoint(origin_of(bundle), said["size"], bytes.fromhex(said["root"])).text()
    foreign = write_base64(Authority(tmp_path / "foreign").stamp(text.encode()))

    seq = forged(bundle, STAMPED, lambda data: data.update(token=foreign))

    assert first_of(judged(bundle, authority))[:2] == (11, seq)


def test_a_history_dated_back_is_exposed_by_its_stamp(bundle: Bundle, authority: Authority) -> None:
    """Every entry an hour earlier, with a true stamp of the false history."""
    entries = [json.loads(line) for line in bundle.lines[: bundle.first(STAMPED) + 1]]
    entries = [entry for entry in entries if entry["type"] not in (WITNESSED, "key.registered")]
    for seq, entry in enumerate(entries):
        at = datetime.fromisoformat(entry["at"]) - timedelta(hours=1)
        entry.update(at=time_text(at), id=new_id(at), seq=seq)
    bundle.lines = [json.dumps(entry).encode() for entry in entries]
    bundle.rechain()
    seq = len(entries) - 1
    said = head(bundle.lines, seq, origin_of(bundle))
    token = write_base64(authority.stamp(said.text().encode()))
    told = {"size": seq, "root": said.root.hex(), "token": token}
    bundle.change(seq, lambda entry: entry.update(data=told))
    bundle.resign(log=True)

    problems = judged(bundle, authority).problems

    assert {problem.check for problem in problems} == {6, 11}
    assert (11, seq) in {(problem.check, problem.seq) for problem in problems}
    assert any("but its stamp was made at" in problem.why for problem in problems)


def by_somebody_elses_key(one: dict[str, Any]) -> dict[str, Any]:
    return {**stated("DE", FORGER, one["size"], one["root"]), "kid": one["kid"]}


def for_another_size(one: dict[str, Any]) -> dict[str, Any]:
    return {**one, "size": one["size"] - 1}


def for_another_root(one: dict[str, Any]) -> dict[str, Any]:
    return {**one, "root": "01" * 32}


def signed_for_something_else(one: dict[str, Any]) -> dict[str, Any]:
    return stated("DE", DE, one["size"], one["root"], op="approval.given")


def signed_for_another_fund(one: dict[str, Any]) -> dict[str, Any]:
    return stated("DE", DE, one["size"], one["root"], fund="other-fund")


def by_a_key_nobody_registered(one: dict[str, Any]) -> dict[str, Any]:
    return stated("DE", FORGER, one["size"], one["root"])


def in_anothers_name(one: dict[str, Any]) -> dict[str, Any]:
    return {**one, "party": "FR"}


@pytest.mark.parametrize(
    "edit",
    [
        by_somebody_elses_key,
        for_another_size,
        for_another_root,
        signed_for_something_else,
        signed_for_another_fund,
        by_a_key_nobody_registered,
        in_anothers_name,
    ],
)
def test_a_forged_statement_recovers_nothing(
    bundle: Bundle,
    authority: Authority,
    edit: Callable[[dict[str, Any]], dict[str, Any]],
) -> None:
    def another(data: dict[str, Any]) -> None:
        data["statements"] = [edit(data["statements"][0]), *data["statements"][1:]]

    seq = forged(bundle, RECOVERED, another)

    assert first_of(judged(bundle, authority))[:2] == (5, seq)


def test_one_government_saying_it_twice_recovers_nothing(
    bundle: Bundle, authority: Authority
) -> None:
    seq = forged(
        bundle, RECOVERED, lambda data: data.update(statements=[data["statements"][0]] * 2)
    )

    check, found, why = first_of(judged(bundle, authority))
    assert (check, found) == (5, seq)
    assert "wrong_party" in why


def test_a_true_statement_of_another_history_exposes_the_log(
    bundle: Bundle, authority: Authority
) -> None:
    """A government has signed what it saw; the log that recovers is another one."""

    def another(data: dict[str, Any]) -> None:
        data["statements"][0] = stated("DE", DE, 3, "01" * 32)

    seq = forged(bundle, RECOVERED, another)

    check, found, why = first_of(judged(bundle, authority))
    assert (check, found) == (5, seq)
    assert "another log of 3 entries" in why


def test_the_ledger_does_not_record_what_does_not_hold(
    sqlite_template: Path, tmp_path: Path, authority: Authority
) -> None:
    token = write_base64(authority.stamp(b"something else"))
    with running(settings_of(tmp_path, sqlite_template)) as service:
        service.open()
        wrong = RecordStamp(size=1, root="01" * 32, token=token)
        with pytest.raises(AttestationFalse):
            recorded(service, wrong)
        assert len(made_by(service, tmp_path).lines) == 1
