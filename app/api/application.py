"""The ASGI application: all routes of `app/api/routes`, behind the outermost layer."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from importlib import import_module
from pkgutil import iter_modules
from typing import Final

from fastapi import FastAPI
from fastapi.middleware.asyncexitstack import AsyncExitStackMiddleware
from fastapi.routing import APIRoute
from starlette.middleware.exceptions import ExceptionMiddleware
from starlette.routing import BaseRoute
from starlette.types import ASGIApp

from app.api import routes
from app.api.auth.policies import require_policies
from app.api.command_route import CommandRoute
from app.api.http import problems
from app.api.http.frame import BodyLimits, Outermost
from app.runtime.metrics import Metrics

VERSION: Final = "0.1.0"
DESCRIPTION: Final = """
An append-only, hash-chained ledger of contributions to a joint fund and of disbursements, with
role-based approval steps for each participating government. Tamper-evident, not tamper-proof:
every answer to a write carries a receipt, and an auditor checks an export offline.
"""


def _found() -> list[BaseRoute]:
    """The routes of every module in `routes`; those that record come first: most requests are
    theirs.
    """
    names = sorted(found.name for found in iter_modules(routes.__path__))
    modules = [import_module(f"{routes.__name__}.{name}") for name in names]
    found = [route for module in modules for route in module.router.routes]
    reading = [route for route in found if not isinstance(route, CommandRoute)]
    for route in reading:
        # FastAPI keeps what a route's dependencies have opened on a stack. A command opens nothing.
        route.app = AsyncExitStackMiddleware(route.app)
    return [route for route in found if isinstance(route, CommandRoute)] + reading


ROUTES: Final = _found()
require_policies(ROUTES)


class Application(FastAPI):
    """FastAPI with only the layers that this service needs, in their order.

    What FastAPI would add (telemetry, its own body limit and error pages) is done by `Outermost`
    and `problems` instead.
    """

    def __init__(
        self,
        metrics: Metrics,
        limits: BodyLimits,
        lifespan: Callable[[FastAPI], AbstractAsyncContextManager[None]],
    ) -> None:
        super().__init__(
            title="Joint Fund Ledger",
            version=VERSION,
            description=DESCRIPTION,
            lifespan=lifespan,
            redirect_slashes=False,
            docs_url=None,
            redoc_url=None,
            openapi_url=None,
            telemetry={
                "tracing": False,
                "metrics": False,
                "logs": False,
                "auto_configure": False,
            },
        )
        # As they are: FastAPI would make every included route anew, at the first request, and then
        # look for each request's route twice.
        self.router.routes.extend(ROUTES)
        self.state.methods_at = methods_at
        self.state.metrics = metrics
        self.state.tracer = None
        self.state.limits = limits

    def build_middleware_stack(self) -> ASGIApp:
        answering = ExceptionMiddleware(self.router, handlers=problems.handlers())
        return Outermost(answering, self.state.metrics, self.state.limits)


def methods_at(path: str) -> set[str]:
    """Every method that some route answers at this path."""
    return {
        method
        for route in ROUTES
        if isinstance(route, APIRoute) and route.path_regex.fullmatch(path)
        for method in route.methods or ()
    }
