"""The service: builds all parts from the settings and connects them."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial
from typing import Any

from anyio import create_task_group

from app.api.application import Application
from app.api.auth.devissuer import DevelopmentIssuer
from app.api.auth.issuers import FileRegistry
from app.api.auth.key_sets import KeySets
from app.api.auth.request_signatures import PartyKeys
from app.api.auth.tokens import TokenVerifier
from app.api.http.frame import BodyLimits
from app.api.services import ExportSlots, Services
from app.ledger.clock_guard import ClockGuard
from app.ledger.notary import Notary
from app.ledger.writer import Ledger
from app.runtime import clock, gctuning
from app.runtime.faults import Fault
from app.runtime.metrics import Metrics
from app.runtime.settings import Settings
from app.runtime.tracing import tracing
from app.store.engine import Database
from app.store.guards import verify_guards
from app.store.migrate import check_schema
from app.store.roles import require_rights
from app.store.second_store.opening import open_second_store
from app.store.suitability import require_suitable
from app.trust.keyring import open_keys
from app.trust.timestamps import read_certificates
from app.workers.approval_gauges import ApprovalGauges
from app.workers.cosigning import CosigningWorker, read_witnesses
from app.workers.deadlines import DeadlineWorker
from app.workers.readiness import Readiness, ReadinessMetrics
from app.workers.scrub import Scrub
from app.workers.timestamping import Authority, TimestampWorker

EXPORTS_AT_ONCE = 8
BATCHES_AT_ONCE = 8


def create_app(settings: Settings | None = None) -> Application:
    """The ASGI application. Database and keys are opened when its lifespan begins."""
    settings = settings or Settings()
    metrics = Metrics()

    @asynccontextmanager
    async def lifespan(app: Any) -> AsyncIterator[None]:
        with tracing() as app.state.tracer:
            async with _serving(app):
                yield

    @asynccontextmanager
    async def _serving(app: Any) -> AsyncIterator[None]:
        here, scrub = assemble(settings, metrics)
        app.state.services = here
        try:
            here.ledger.start()
            scrub.start()
            # The group ends only when its threads have, before the database is closed: a later
            # reader would return its connection to a closed pool, which never closes it.
            async with create_task_group() as beside:
                for work in _beside(here):
                    beside.start_soon(work)
                gctuning.relax()
                yield
                beside.cancel_scope.cancel()
        finally:
            scrub.stop()
            here.ledger.stop()
            here.database.close()

    limits = BodyLimits(settings.max_body_bytes, settings.max_batch_bytes)
    return Application(metrics, limits, lifespan)


def _beside(here: Services) -> Iterator[Callable[[], Coroutine[Any, Any, None]]]:
    """The background tasks that run beside requests until they are cancelled."""
    yield here.readiness.run
    yield partial(here.issuer_keys.keep_fresh, here.issuers)
    yield DeadlineWorker(here.database, here.ledger, here.metrics).run
    yield ApprovalGauges(here.database, here.metrics).run
    if here.witnesses is not None:
        yield CosigningWorker(here.database, here.ledger, here.metrics, here.witnesses).run
    settings = here.settings
    if settings.time_authority_roots is not None:
        roots = read_certificates(settings.time_authority_roots)
        authority = Authority(settings.time_authority_url, roots, settings.time_period_s)
        yield TimestampWorker(here.database, here.ledger, here.metrics, authority).run


def assemble(
    settings: Settings, metrics: Metrics, *, guarded: bool = True
) -> tuple[Services, Scrub]:
    """Open database, keys and writer; refuse a wrong schema or, if `guarded`, missing guards.

    Raises Unsuitable, WrongSchema, GuardsMissing, KeyUnusable, Unavailable.
    """
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    database = Database(settings.database)
    try:
        with database.read() as connection:
            require_suitable(connection, durable=settings.env == "production")
            check_schema(connection)
            require_rights(connection, production=settings.env == "production" and guarded)
            if guarded:
                verify_guards(connection)
    except Exception:
        database.close()
        raise
    metrics.of(ReadinessMetrics).guards_ok.set(1)
    keys = open_keys(settings, create=settings.env == "development")
    second_store = open_second_store(settings.second_store_url, settings.second_store_dir)
    notary = Notary(database, second_store, keys)
    ledger = Ledger(
        database,
        notary,
        metrics,
        batch_limit=settings.batch_limit,
        queue_limit=settings.queue_limit,
        guard=ClockGuard(database, metrics, timedelta(days=settings.clock_gap_days)),
    )
    registry = (
        FileRegistry(settings.issuers_file)
        if settings.issuers_file
        else DevelopmentIssuer.open(settings)
    )
    keys_of_issuers = KeySets(metrics)
    tokens = TokenVerifier(registry, keys_of_issuers, clock.now)
    here = Services(
        settings=settings,
        database=database,
        ledger=ledger,
        notary=notary,
        tokens=tokens,
        issuers=registry.rows if isinstance(registry, FileRegistry) else [],
        issuer_keys=keys_of_issuers,
        metrics=metrics,
        exports=ExportSlots(EXPORTS_AT_ONCE),
        readiness=Readiness(database, ledger, metrics, settings.data_dir),
        party_keys=PartyKeys(database),
        witnesses=read_witnesses(settings.witnesses_file),
        batches=asyncio.Semaphore(BATCHES_AT_ONCE),
    )
    return here, Scrub(database, notary, ledger.damages, metrics)


def unreadable(settings: Settings) -> Iterator[str]:
    """What the settings name and the service could not use, a sentence each. It makes nothing."""
    readers: list[Callable[[], object]] = [partial(read_witnesses, settings.witnesses_file)]
    if settings.issuers_file is not None:
        readers.append(partial(FileRegistry, settings.issuers_file))
    if settings.time_authority_roots is not None:
        readers.append(partial(read_certificates, settings.time_authority_roots))
    if settings.env == "production":
        readers.append(partial(open_keys, settings, create=False))
    for read in readers:
        try:
            read()
        except (Fault, OSError) as error:
            yield str(error)


def check_start(settings: Settings) -> None:
    """Start and stop everything, so that faults are found before anything is served.

    Raises what `assemble` raises, and ForkDetected.
    """
    here, _ = assemble(settings, Metrics())
    try:
        here.ledger.start()
    finally:
        here.ledger.stop()
        here.database.close()
