"""The funds that are damaged, for one process: they are not written to, and say so."""

from collections.abc import Iterable
from threading import Lock

from app.chain.entry import time_text
from app.ledger.integrity import SOMEWHERE, Damage, sampled
from app.ledger.notary import Notary
from app.runtime import clock, logs
from app.store.damages import keep_damages, known_damages
from app.store.engine import READ_S, Database
from app.store.tables import DamageRow

_log = logs.get(__name__)


class EntryDamaged(Exception):
    """The entry that was asked for is not what was signed."""

    def __init__(self, seq: int, signed_hash: str) -> None:
        super().__init__(seq)
        self.seq = seq
        self.signed_hash = signed_hash


class DamageWatch:
    """What is known to be damaged: found by this process, or by another on the same database."""

    def __init__(self, database: Database, notary: Notary) -> None:
        self._database = database
        self._notary = notary
        self._lock = Lock()
        self._known: dict[str, dict[int, Damage]] = {}
        self._unkept: dict[str, dict[int, Damage]] = {}
        """What was found here and the database has not taken yet."""

    def why(self, fund: str) -> str | None:
        """Why a log must not be written to; None where nothing is wrong."""
        known = self._known.get(fund)
        if not known:
            return None
        first = known[min(known)]
        where = "some entries" if first.seq == SOMEWHERE else f"entry {first.seq}"
        more = f", and {len(known) - 1} more" if len(known) > 1 else ""
        return f"{where} of {fund} changed since it was signed: {first.why}{more}"

    @property
    def funds(self) -> list[str]:
        """The logs that are damaged."""
        return sorted(fund for fund, known in self._known.items() if known)

    def count(self, fund: str) -> int:
        """How many entries of a log are known to be damaged."""
        return len(self._known.get(fund, ()))

    def require_whole(self, fund: str, start: int, end: int) -> None:
        """Check that none of entries [start, end) is known to be damaged. Raises EntryDamaged."""
        for seq, damage in self._known.get(fund, {}).items():
            if start <= seq < end:
                raise EntryDamaged(seq, damage.signed_hash)

    def require_undamaged(self, fund: str) -> None:
        """Check that nothing of a log is known to be damaged. Raises EntryDamaged."""
        for damage in self._known.get(fund, {}).values():
            raise EntryDamaged(damage.seq, damage.signed_hash)

    def found(self, fund: str, damages: Iterable[Damage]) -> int:
        """Take note of damage; how much of it is new. It is kept in the database where that takes
        it.
        """
        with self._lock:
            known = self._known.setdefault(fund, {})
            new = [damage for damage in damages if damage.seq not in known]
            known.update({damage.seq: damage for damage in new})
            self._unkept.setdefault(fund, {}).update({damage.seq: damage for damage in new})
        for damage in new:
            _log.critical(
                "entry_damaged",
                fund=fund,
                seq=damage.seq,
                why=damage.why,
                signed_hash=damage.signed_hash,
            )
        if new:
            at = time_text(clock.now())
            rows = [
                DamageRow(fund=fund, seq=d.seq, found_at=at, why=d.why, signed_hash=d.signed_hash)
                for d in new
            ]
            try:
                with self._database.write() as connection:
                    keep_damages(connection, rows)
                with self._lock:
                    self._unkept.pop(fund, None)
            except Exception as error:  # noqa: BLE001  what is known here already stops the writing
                _log.error("damage_not_kept", fund=fund, exc_info=error)
        return len(new)

    def learn(self, patience_s: float = READ_S) -> None:
        """Take over what the database knows: found by others, or repaired. Raises Unavailable."""
        with self._database.read(patience_s) as connection:
            rows = known_damages(connection)
        with self._lock:
            known = {fund: dict(damages) for fund, damages in self._unkept.items()}
            for row in rows:
                known.setdefault(row.fund, {})[row.seq] = Damage(row.seq, row.why, row.signed_hash)
            self._known = known

    def check(self, fund: str) -> None:
        """Compare the newest entries of a log, and some others, with what was signed. Raises
        Unavailable.
        """
        signed = self._notary.signed(fund)
        if signed is None:
            return
        with self._database.read() as connection:
            damages = list(sampled(connection, fund, signed))
        self.found(fund, damages)
