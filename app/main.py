"""The service: everything put together, once, from its settings."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager
from typing import Any

from anyio import create_task_group
from fastapi import FastAPI
from fastapi.middleware.asyncexitstack import AsyncExitStackMiddleware
from fastapi.routing import APIRoute
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from starlette.middleware.exceptions import ExceptionMiddleware
from starlette.types import ASGIApp

from app.api import (
    access,
    batches,
    books,
    contributions,
    disbursements,
    funds,
    governance,
    health,
    inbox,
    log,
    problems,
    suspense,
    tiles,
    treasury,
)
from app.api.deps import ExportSlots, Services, require_policies
from app.api.devissuer import DevelopmentIssuer
from app.api.issuers import FileRegistry, Keys
from app.api.middleware import BodyLimits, Outermost
from app.api.signing import PartyKeys
from app.api.tokens import TokenVerifier
from app.api.writes import Writes
from app.ledger.notary import Notary
from app.ledger.writer import Ledger
from app.runtime import clock, gctuning
from app.runtime.metrics import Metrics
from app.runtime.settings import Settings
from app.store import queries
from app.store.engine import Database, Unavailable
from app.store.guards import verify_guards
from app.store.migrate import check_schema
from app.store.second_store import SecondStore
from app.trust.keyring import open_keys
from app.trust.timestamps import read_certificates
from app.workers.cosigning import Witnesses, read_witnesses
from app.workers.deadlines import Clockwork
from app.workers.scrub import Patrol
from app.workers.timestamping import Authority, Stamping

VERSION = "0.1.0"
EXPORTS_AT_ONCE = 8
BATCHES_AT_ONCE = 8
DESCRIPTION = """
An append-only, hash-chained ledger of contributions to a joint fund and of disbursements, with
role-based approval steps for each participating government. Tamper-evident, not tamper-proof:
every answer to a write carries a receipt, and an auditor checks an export offline.
"""


ROUTERS = (
    health.router,
    funds.router,
    contributions.router,
    suspense.router,
    disbursements.router,
    governance.router,
    inbox.router,
    treasury.router,
    books.router,
    batches.router,
    log.router,
    tiles.router,
    access.router,
)
ROUTES = [route for router in ROUTERS for route in router.routes]
require_policies(ROUTES)


def create_app(settings: Settings | None = None) -> FastAPI:
    """The ASGI application. Opens nothing before its lifespan begins."""
    settings = settings or Settings()
    metrics = Metrics()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        here, patrol = assemble(settings, metrics)
        app.state.services = here
        try:
            here.ledger.start()
            patrol.start()
            # A group is over when its threads are too: whoever still read would give a connection
            # back to a closed database, where it stays open for nobody.
            async with create_task_group() as beside:
                for work in _beside(here):
                    beside.start_soon(work)
                gctuning.relax()
                yield
                beside.cancel_scope.cancel()
        finally:
            patrol.stop()
            here.ledger.stop()
            here.database.close()

    app = Application(
        title="Joint Fund Ledger",
        version=VERSION,
        description=DESCRIPTION,
        lifespan=lifespan,
        redirect_slashes=False,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        telemetry={"auto_configure": False},
    )
    # As they are: FastAPI would make every included route anew, at the first request, and then
    # look for each request's route twice.
    app.router.routes.extend(ROUTES)
    app.state.methods_at = _methods_at
    app.state.metrics = metrics
    app.state.limits = BodyLimits(settings.max_body_bytes, settings.max_batch_bytes)
    return app


def _beside(here: Services) -> Iterator[Callable[[], Coroutine[Any, Any, None]]]:
    """What goes on beside requests, until it is cancelled."""
    yield Clockwork(here.database, here.ledger).run
    if here.witnesses is not None:
        yield Witnesses(here.database, here.ledger, here.metrics, here.witnesses).run
    settings = here.settings
    if settings.time_authority_roots is not None:
        roots = read_certificates(settings.time_authority_roots)
        authority = Authority(settings.time_authority_url, roots, settings.time_period_s)
        yield Stamping(here.database, here.ledger, here.metrics, authority).run


class Application(FastAPI):
    """FastAPI with the few layers that this service wants, in their order, and no others.

    What FastAPI would put around them (telemetry, its own body limit and error pages) is decided
    here already, by `Outermost` and `problems`.
    """

    def build_middleware_stack(self) -> ASGIApp:
        routes = AsyncExitStackMiddleware(self.router)
        writes = Writes(routes, ROUTES)
        answering = ExceptionMiddleware(writes, handlers=problems.handlers())
        return Outermost(answering, self.state.metrics, self.state.limits)


def assemble(settings: Settings, metrics: Metrics) -> tuple[Services, Patrol]:
    """Open database, keys and door; refuse to begin on a wrong schema or missing guards.

    Raises WrongSchema, GuardsMissing, KeyUnusable, Unavailable.
    """
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    database = Database(settings.database)
    try:
        with database.read() as connection:
            check_schema(connection)
            verify_guards(connection)
    except Exception:
        database.close()
        raise
    metrics.guards_ok.set(1)
    keys = open_keys(settings, create=settings.env == "development")
    notary = Notary(database, SecondStore(settings.second_store_dir), keys)
    ledger = Ledger(
        database,
        notary,
        metrics,
        batch_limit=settings.batch_limit,
        queue_limit=settings.queue_limit,
    )
    registry = (
        FileRegistry(settings.issuers_file)
        if settings.issuers_file
        else DevelopmentIssuer.open(settings)
    )
    tokens = TokenVerifier(registry, Keys(), clock.now)
    metrics.registry.register(_ApprovalsWaiting(database))
    here = Services(
        settings=settings,
        database=database,
        ledger=ledger,
        notary=notary,
        tokens=tokens,
        metrics=metrics,
        exports=ExportSlots(EXPORTS_AT_ONCE),
        party_keys=PartyKeys(database),
        witnesses=read_witnesses(settings.witnesses_file),
        batches=asyncio.Semaphore(BATCHES_AT_ONCE),
    )
    return here, Patrol(database, metrics)


def _methods_at(path: str) -> set[str]:
    """Every method that some route answers at this address."""
    return {
        method
        for route in ROUTES
        if isinstance(route, APIRoute) and route.path_regex.fullmatch(path)
        for method in route.methods or ()
    }


def check_start(settings: Settings) -> None:
    """Do what a start does and undo it, so that what is wrong is known before anything is served.

    Raises what `assemble` raises, and ForkDetected.
    """
    here, _ = assemble(settings, Metrics())
    try:
        here.ledger.start()
    finally:
        here.ledger.stop()
        here.database.close()


class _ApprovalsWaiting(Collector):
    """What waits for an approval, asked of the database at each scrape."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def collect(self) -> list[GaugeMetricFamily]:
        pending = GaugeMetricFamily(
            "ledger_approvals_pending", "Approvals that nobody has given.", labels=["step"]
        )
        oldest = GaugeMetricFamily(
            "ledger_approval_oldest_pending_seconds",
            "Age of the approval that has waited longest.",
            labels=["step"],
        )
        try:
            with self._database.read() as connection:
                found = queries.waiting(connection)
        except Unavailable:
            return []
        now = clock.now()
        for waiting in found:
            age = (now - waiting.oldest_since).total_seconds()
            pending.add_metric([waiting.step], waiting.count)
            oldest.add_metric([waiting.step], max(age, 0.0))
        return [pending, oldest]

    def describe(self) -> list[GaugeMetricFamily]:
        return []
