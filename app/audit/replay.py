"""Replay: the log executed again, from its first entry, by the rules that the server ran.

Every event must have been permitted when it was recorded; every consequence must be where the rules
put it, neither invented nor left out. Besides the fold, a second sum of the journal keeps its own
totals: a mistake in a fold shows as a difference.
"""

from collections import deque
from datetime import datetime
from hashlib import sha256
from typing import Any, Final, NoReturn

from pydantic import ValidationError

from app.audit.checks.seen_checkpoints import Sighting, seen_in
from app.audit.checks.time_stamps import Anchor
from app.audit.format.views.base import JournaledEntry
from app.audit.spilled_rows import SpilledRows
from app.chain.canonical import digest_of, encode
from app.chain.entry import Entry
from app.chain.jws import SignatureError, protected_header
from app.domain.admission import UnknownEvent, admit, event_of
from app.domain.book import Book, Posting
from app.domain.catalogue import STATES
from app.domain.charter.chart import BalanceRule, heading_of
from app.domain.event import Act, Event, TimedEvent
from app.domain.governance.checkpoints import CheckpointStamped
from app.domain.governance.log_keys import Log
from app.domain.governance.party_keys import KeyRegistered, PartyKey
from app.domain.governance.polls import DeadlineFarOff, deadline_remark
from app.domain.refusals.base import Refusal
from app.domain.value_faults import UNKNOWN_CURRENCY
from app.domain.values import LEDGER_PARTY, LEDGER_SUBJECT, Role
from app.trust.attestations import attest, checkpoint_text
from app.trust.signatures import PartySignature, check_signature, named_key

_MATTERS: Final = tuple(kind for kind in STATES.values() if kind.is_matter)
_OF_TABLES: Final = frozenset({UNKNOWN_CURRENCY.code})
"""Faults that depend on a table which grows: a newer version may know what this one does not."""
MAX_ROWS_AT_HAND: Final = 30_000


class NotPermitted(ValueError):
    """The entry at `seq` breaks a rule; the message says which."""

    def __init__(self, seq: int, why: str) -> None:
        super().__init__(f"seq {seq} was not permitted: {why}")
        self.seq = seq


class NotKnown(NotPermitted):
    """This version cannot judge the entry; a newer one may."""


class Replay:
    """The state of a fund after the entries stepped through so far."""

    def __init__(self, shelf: SpilledRows | None = None) -> None:
        """With a `shelf`, memory does not grow with the log: older rows are kept there."""
        self.book = Book(complete=True, shelf=shelf)
        self._shelf = shelf
        self._owed: deque[Event] = deque()
        self._cause: Act | None = None
        self._totals: dict[tuple[str, str], tuple[int, int, int]] = {}
        self._windows: dict[tuple[str, str], int] = {}
        self.signature_count = 0
        """Number of parties' signatures that were found valid."""
        self.seen: list[Sighting] = []
        """Checkpoints that the newest entry says somebody had seen."""
        self.anchors: list[Anchor] = []
        """Time stamps, not yet checked against an authority."""
        self.remarks: list[str] = []
        """Differences between this machine's tables (time zones) and the log, whose values hold."""
        self.party_keys: list[tuple[int, str, str]] = []
        """Every key that was registered: the entry, the party, its thumbprint."""

    def step(self, entry: Entry) -> JournaledEntry:
        """Execute the next entry. Raises NotPermitted; the state is then unusable."""
        try:
            return self._step(entry)
        except NotPermitted:
            raise
        except Refusal as refusal:
            raise NotPermitted(entry.seq, f"{refusal.code}: {refusal.sentence}") from None
        except (ValueError, TypeError, ArithmeticError) as error:
            # The rules fail on such values: no ledger has recorded them.
            why = f"the rules cannot be executed on it ({type(error).__name__})"
            raise NotPermitted(entry.seq, why) from None

    def _step(self, entry: Entry) -> JournaledEntry:
        data = encode(entry.data)
        event, signature = read_event(entry), self._signature(entry, data)
        act = act_of(entry, sha256(data).hexdigest())
        if signature is not None:
            act = act._replace(kid=signature.kid, nonce=signature.nonce)
        self._check_order(entry, event, act)
        self._check_new(entry.seq, event)
        self._put_away()
        attest(self.book, event)
        self.book = admit(self.book.saved(), event, act)
        self._add_up(entry.seq, self.book.postings)
        self._remark(event, act)
        self.seen = list(seen_in(entry.seq, event, signature))
        if isinstance(event, CheckpointStamped):
            text = checkpoint_text(self.book, event)
            self.anchors.append(Anchor(entry.seq, act.at, event.size, event.token, text))
        if isinstance(event, KeyRegistered):
            self.party_keys.append((entry.seq, act.party, event.kid))
        self._owed.extend(event.consequences(self.book, act))
        return JournaledEntry(entry, event, act, self.book.postings, self.book.find)

    def _remark(self, event: Event, act: Act) -> None:
        """Keep what the tables of this machine say otherwise. Raises NotKnown."""
        try:
            remark = deadline_remark(self.book, event, act)
        except DeadlineFarOff as error:
            raise NotKnown(act.seq, str(error)) from None
        if remark:
            self.remarks.append(f"seq {act.seq}: {remark}")

    def _signature(self, entry: Entry, data: bytes) -> PartySignature | None:
        """The party's signature, if the entry has one. Raises NotPermitted when it is not valid."""
        if entry.jws is None:
            return None
        if entry.by["party"] == LEDGER_PARTY:
            raise NotPermitted(entry.seq, "signature_mismatch: the ledger itself signs no entry")
        try:
            kid = named_key(entry.jws)
            jwk = self._jwk(entry, kid)
            signature = check_signature(entry.jws, data, entry.fund, jwk)
        except SignatureError as error:
            raise NotPermitted(entry.seq, f"signature_mismatch: {error}") from None
        if signature.op != entry.type:
            raise NotPermitted(entry.seq, "signature_mismatch: it was made for another operation")
        self.signature_count += 1
        return signature

    def _jwk(self, entry: Entry, kid: str) -> dict[str, Any]:
        """The public key of this thumbprint: registered before, or registered by this entry."""
        if entry.type == KeyRegistered.type:
            jwk: dict[str, Any] = entry.data["jwk"]
            return jwk
        registered = self.book.find(PartyKey, kid)
        if registered is None:
            raise NotPermitted(entry.seq, "key_not_valid: it is signed by a key nobody registered")
        return registered.jwk.model_dump()

    @property
    def log_state(self) -> Log | None:
        """The log's keys and attestations, as its entries state them."""
        return self.book.find(Log)

    def finish(self, seq: int) -> None:
        """Check that no consequence is missing after the last entry, `seq`. Raises NotPermitted."""
        if self._owed:
            raise NotPermitted(seq, f"{self._owed[0].type} must follow it and does not")

    def _put_away(self) -> None:
        """Move all rows to the shelf when too many are in memory; those that are read come back."""
        if self._shelf is not None and len(self.book.rows) > MAX_ROWS_AT_HAND:
            self._shelf.put(self.book.rows.items())
            self.book = Book(complete=True, shelf=self._shelf)

    def _check_new(self, seq: int, event: Event) -> None:
        """Check that what an event creates did not exist. Raises NotPermitted."""
        kind = type(event).creates
        if kind is None:
            return
        (name,) = kind.key
        # A vote is found by its matter's id, so a request and a proposal cannot share one.
        for one in _MATTERS if kind.is_matter else (kind,):
            if self.book.find(one, getattr(event, name)) is not None:
                raise NotPermitted(seq, f"its {name} belongs to something that is there already")

    def _check_order(self, entry: Entry, event: Event, act: Act) -> None:
        """Check that a consequence follows its cause, at its time, as the rules work it out."""
        by_ledger = (act.party, act.subject, act.role) == (
            LEDGER_PARTY,
            LEDGER_SUBJECT,
            Role.LEDGER,
        )
        if not self._owed:
            if act.party == LEDGER_PARTY and not (by_ledger and isinstance(event, TimedEvent)):
                raise NotPermitted(entry.seq, f"nothing brought {entry.type} about")
            self._cause = act
            return
        owed = self._owed.popleft()
        if not by_ledger or not event.is_what_follows(owed):
            raise NotPermitted(entry.seq, f"{owed.type} had to be recorded here, as worked out")
        if self._cause is not None and act.at != self._cause.at:
            raise NotPermitted(entry.seq, "a consequence is recorded at the time of its cause")

    def _add_up(self, seq: int, postings: tuple[Posting, ...]) -> None:
        """Check the second, independent sum: zero for each entry, for each account what the fold
        says.
        """
        sums: dict[str, int] = {}
        touched: set[tuple[str, str]] = set()
        for line in postings:
            sums[line.currency] = sums.get(line.currency, 0) + line.minor
            version, left, right = self._totals.get((line.account, line.currency), (0, 0, 0))
            left, right = left + max(line.minor, 0), right + max(-line.minor, 0)
            self._totals[line.account, line.currency] = (version + 1, left, right)
            if (version + 1, left, right) != (line.version, line.debits, line.credits):
                raise NotPermitted(seq, f"account {line.account} adds up to something else")
            balance = heading_of(line.account).balance
            if balance is BalanceRule.DEBIT and left < right:
                raise NotPermitted(seq, f"account {line.account} is overdrawn")
            if balance is BalanceRule.CREDIT and right < left:
                raise NotPermitted(seq, f"more leaves {line.account} than it holds")
            if balance is BalanceRule.CREDIT_BY_WINDOW:
                # A contributor's account may be below zero by roundings; its window's total never
                # is.
                window = (line.account.rpartition("/")[2], line.currency)
                self._windows[window] = self._windows.get(window, 0) - line.minor
                touched.add(window)
        if any(self._windows[window] < 0 for window in touched):
            raise NotPermitted(seq, "more leaves a window than it holds")
        if any(sums.values()):
            raise NotPermitted(seq, "its journal lines do not sum to zero")


def read_event(entry: Entry) -> Event:
    """The event in an entry. Raises NotPermitted when its members make no event."""
    try:
        event = event_of(entry.type, entry.data, entry.derived or {})
    except UnknownEvent as error:
        raise NotKnown(entry.seq, str(error)) from None
    except ValidationError as error:
        _malformed(entry.seq, error)
    except (ValueError, Refusal) as error:
        raise NotPermitted(entry.seq, str(error)) from None
    # As bytes: Python takes true for 1.
    if encode([event.data(), event.derived()]) != encode([entry.data, entry.derived or {}]):
        raise NotPermitted(entry.seq, "its members are not written as the ledger writes them")
    return event


def act_of(entry: Entry, digest: str = "") -> Act:
    """The circumstances that the entry names; `digest` is that of its `data`, where it is known.

    Raises NotPermitted.
    """
    try:
        role = Role(entry.by["role"])
    except ValueError:
        raise NotPermitted(entry.seq, "its role does not exist") from None
    return Act(
        seq=entry.seq,
        at=datetime.fromisoformat(entry.at),
        party=entry.by["party"],
        subject=entry.by["subject"],
        role=role,
        digest=digest or digest_of(entry.data),
        new_id=_no_new_ids,
        digest_of=digest_of,
    )


def signed_act(entry: Entry) -> Act:
    """As `act_of`, with the key that the entry's signature names; the signature is not verified
    again.
    """
    act = act_of(entry)
    if entry.jws is None:
        return act
    header = protected_header(entry.jws)
    return act._replace(kid=header["kid"], nonce=header["nonce"])


def _malformed(seq: int, error: ValidationError) -> NoReturn:
    first = error.errors(include_input=False, include_url=False)[0]
    where = "/".join(str(part) for part in first["loc"])
    kind = NotKnown if first["type"] in _OF_TABLES else NotPermitted
    raise kind(seq, f"{where or 'its data'}: {first['msg']}") from None


def _no_new_ids() -> str:
    raise AssertionError("a replay makes no new ids")
