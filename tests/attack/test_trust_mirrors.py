"""A mirror is shown forged logs: it keeps what it had, says so, and keeps real evidence only."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from app.chain.canonical import encode
from app.chain.note import Note, NoteKey
from app.mirror.follow import Alarm, Mirror
from app.mirror.kept import Kept
from app.mirror.source import LogSource, Unreadable
from tests.support.attack.trust import Shown, a_stranger, note_of, one_more, showing, small_bundle
from tests.support.tampering import Bundle


@pytest.fixture(scope="module")
def bundle(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return small_bundle(tmp_path_factory.mktemp("mirrored"), sqlite_template)


@pytest.fixture
def key(bundle: Bundle) -> NoteKey:
    return bundle.keys.of_log("test-fund")


@pytest.fixture(scope="module")
def server(bundle: Bundle) -> Iterator[Shown]:
    with showing(Shown(bundle.lines, bundle.files["checkpoint"])) as one:
        yield one


@pytest.fixture
def shown(server: Shown, bundle: Bundle) -> Shown:
    """A server that shows the fund's log as it is."""
    server.lines, server.note = bundle.lines, bundle.files["checkpoint"]
    server.spoil = lambda raw: raw
    return server


@contextmanager
def following(shown: Shown, bundle: Bundle, folder: Path) -> Iterator[Mirror]:
    origin = bundle.manifest["origin"]
    with (
        LogSource(shown.address, "test-fund", lambda: "token") as source,
        Mirror(Kept(folder), source, bundle.policy(), origin) as mirror,
    ):
        yield mirror


def evidence(alarm: Alarm) -> str:
    assert alarm.evidence is not None
    return Path(alarm.evidence).read_text()


def test_a_longer_log_by_an_unlisted_key_leaves_no_trace(
    shown: Shown, bundle: Bundle, key: NoteKey, tmp_path: Path
) -> None:
    """Whoever stands on the line can make entries and a note, but not the log's signature."""
    honest = shown.lines
    with following(shown, bundle, tmp_path) as mirror:
        assert mirror.fetch() == []
        kept = Kept(tmp_path).note()
        shown.lines = [*honest, one_more(honest)]
        shown.note = note_of(shown.lines, a_stranger(key))
        (alarm,) = mirror.fetch()
        again = mirror.fetch()

        assert "no verifiable signatures" in alarm.why
        assert again == [alarm]
        assert (mirror.size, Kept(tmp_path).note()) == (len(honest), kept)
        shown.lines = [*honest, one_more(honest)]
        shown.note = note_of(shown.lines, key)
        assert mirror.fetch() == []
        assert mirror.size == len(honest) + 1


def test_a_first_log_by_an_unlisted_key_leaves_no_trace(
    shown: Shown, bundle: Bundle, key: NoteKey, tmp_path: Path
) -> None:
    honest = shown.note
    shown.note = note_of(shown.lines, a_stranger(key))
    with following(shown, bundle, tmp_path) as mirror:
        (alarm,) = mirror.fetch()

        assert (mirror.size, Kept(tmp_path).note()) == (0, None)
        assert alarm.evidence is None
        shown.note = honest
        assert mirror.fetch() == []


def test_entries_that_no_rule_permits_do_not_open_the_door_for_any_signature(
    shown: Shown, bundle: Bundle, key: NoteKey, tmp_path: Path
) -> None:
    honest = shown.lines
    with following(shown, bundle, tmp_path) as mirror:
        mirror.fetch()
        shown.lines = [*honest, one_more(honest, type="approval.given")]
        shown.note = note_of(shown.lines, a_stranger(key))
        (alarm,) = mirror.fetch()

        assert "no verifiable signatures" in alarm.why
        assert mirror.size == len(honest)


def test_what_the_log_itself_signed_against_its_rules_is_kept_and_told(
    shown: Shown, bundle: Bundle, key: NoteKey, tmp_path: Path
) -> None:
    with following(shown, bundle, tmp_path) as mirror:
        mirror.fetch()
        shown.lines = [*shown.lines, one_more(shown.lines, type="approval.given")]
        shown.note = note_of(shown.lines, key)
        (alarm,) = mirror.fetch()

    assert f"seq {len(shown.lines) - 1} was not permitted" in alarm.why
    with following(shown, bundle, tmp_path) as again:
        assert again.size == len(shown.lines)
        assert len(again.fetch()) == 1


@pytest.mark.parametrize(
    "spoil",
    [
        lambda lines: [*lines, one_more(lines, prev="0" * 64)],
        lambda lines: [*lines, one_more(lines, seq=99)],
        lambda lines: [*lines, one_more(lines).replace(b'":', b'": ', 1)],
        lambda lines: [*lines, one_more(lines, at="2020-01-01T00:00:00.000000Z")],
    ],
    ids=["chain", "position", "form", "time"],
)
def test_a_broken_entry_under_the_logs_own_signature_stops_the_mirror_where_it_was(
    shown: Shown,
    bundle: Bundle,
    key: NoteKey,
    tmp_path: Path,
    spoil: Callable[[list[bytes]], list[bytes]],
) -> None:
    honest = shown.lines
    with following(shown, bundle, tmp_path) as mirror:
        mirror.fetch()
        shown.lines = spoil(honest)
        shown.note = note_of(shown.lines, key)
        assert len(mirror.fetch()) == 1
        assert len(mirror.fetch()) == 1
        assert mirror.size == len(honest)

    with following(shown, bundle, tmp_path) as again:
        assert again.size == len(honest)


def tail_cut(lines: list[bytes]) -> list[bytes]:
    return lines[:-1]


def rewritten(lines: list[bytes]) -> list[bytes]:
    """An amount was changed, and everything behind it chained anew."""
    changed = [lines[0], one_more(lines[:1] + lines[1:2], seq=1, prev=json.loads(lines[1])["prev"])]
    while len(changed) < len(lines):
        changed.append(one_more(changed))
    return changed


def rewritten_and_longer(lines: list[bytes]) -> list[bytes]:
    changed = rewritten(lines)
    return [*changed, one_more(changed)]


@pytest.mark.parametrize("forge", [tail_cut, rewritten, rewritten_and_longer])
def test_history_that_the_log_itself_has_signed_anew_is_kept_as_evidence(
    shown: Shown,
    bundle: Bundle,
    key: NoteKey,
    tmp_path: Path,
    forge: Callable[[list[bytes]], list[bytes]],
) -> None:
    honest = shown.note
    with following(shown, bundle, tmp_path) as mirror:
        mirror.fetch()
        shown.lines = forge(shown.lines)
        shown.note = note_of(shown.lines, key)
        (alarm,) = mirror.fetch()

    both = evidence(alarm).encode()
    assert both == honest + b"\n" + shown.note
    assert Note.parse(shown.note).verify(bundle.policy().logs)


def test_a_note_by_nobody_is_no_evidence_against_the_log(
    shown: Shown, bundle: Bundle, key: NoteKey, tmp_path: Path
) -> None:
    with following(shown, bundle, tmp_path) as mirror:
        mirror.fetch()
        longer = rewritten_and_longer(shown.lines)
        for lines in (longer, longer[:-1], longer[:-2]):
            shown.lines, shown.note = lines, note_of(lines, a_stranger(key))
            (alarm,) = mirror.fetch()
            assert alarm.evidence is None

    assert not (tmp_path / "evidence").exists()


@pytest.mark.parametrize(
    "spoil",
    [
        lambda raw: raw[:-1],
        lambda raw: raw + b"\0",
        lambda raw: b"\xff\xff" + raw,
        lambda raw: raw + raw,
        lambda _: b"",
        lambda _: b"\0\0" * 6,
        lambda _: b"\0" * 17_000_000,
    ],
    ids=["cut", "longer", "length", "twice", "empty", "hollow", "giant"],
)
def test_bundles_in_another_form_are_not_kept(
    shown: Shown, bundle: Bundle, tmp_path: Path, spoil: Callable[[bytes], bytes]
) -> None:
    shown.spoil = spoil
    with following(shown, bundle, tmp_path) as mirror:
        with suppress(Unreadable):
            assert mirror.fetch()
        assert (mirror.size, Kept(tmp_path).note()) == (0, None)
        shown.spoil = lambda raw: raw
        assert mirror.fetch() == []


@pytest.mark.parametrize(
    "note",
    [b"", b"\0" * 2_000_000, b"x\n", encode({"size": 1}), b"a\n1\nx\n\n\xe2\x80\x94 a AAAA\n"],
    ids=["empty", "giant", "text", "json", "short"],
)
def test_what_is_no_checkpoint_is_not_followed(
    shown: Shown, bundle: Bundle, tmp_path: Path, note: bytes
) -> None:
    shown.note = note
    with following(shown, bundle, tmp_path) as mirror:
        with suppress(Unreadable):
            assert mirror.fetch()
        assert mirror.size == 0


def test_the_checkpoint_of_another_fund_is_not_this_ones(
    shown: Shown, bundle: Bundle, tmp_path: Path
) -> None:
    shown.note = note_of(shown.lines, bundle.keys.of_log("other-fund"))
    with following(shown, bundle, tmp_path) as mirror:
        (alarm,) = mirror.fetch()

        assert (mirror.size, alarm.evidence) == (0, None)
