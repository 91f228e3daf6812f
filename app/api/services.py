"""The parts of the service that requests use, built once by `main`."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Annotated

from fastapi import Depends, Request

from app.api.auth.issuers import Issuer
from app.api.auth.key_sets import KeySets
from app.api.auth.request_signatures import PartyKeys
from app.api.auth.tokens import TokenVerifier
from app.chain.policy import Policy
from app.ledger.notary import Notary
from app.ledger.writer import Ledger
from app.runtime.metrics import Metrics
from app.runtime.settings import Settings
from app.store.engine import Database
from app.workers.readiness import Readiness


class ExportSlots:
    """Exports in progress: one for each party of each fund, and at most `most` in all."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._taken: set[tuple[str, str]] = set()
        self._lock = Lock()

    def take(self, who: tuple[str, str]) -> bool:
        """Whether `who` (fund, party) may begin."""
        with self._lock:
            if who in self._taken or len(self._taken) >= self._most:
                return False
            self._taken.add(who)
            return True

    def give_back(self, who: tuple[str, str]) -> None:
        """The export of `who` has ended."""
        with self._lock:
            self._taken.discard(who)


@dataclass(frozen=True, slots=True)
class Services:
    """The parts of one running service."""

    settings: Settings
    database: Database
    ledger: Ledger
    notary: Notary
    tokens: TokenVerifier
    issuers: Sequence[Issuer]
    issuer_keys: KeySets
    metrics: Metrics
    exports: ExportSlots
    readiness: Readiness
    party_keys: PartyKeys
    witnesses: Policy | None
    """The witnesses that are asked for cosignatures; None where none are."""
    batches: asyncio.Semaphore
    """Limits batch requests in progress: each holds its body, and more, in memory."""


def services(request: Request) -> Services:
    """The application's services."""
    found: Services = request.app.state.services
    return found


ServicesHere = Annotated[Services, Depends(services)]
