"""The catalogue: every subject of the domain, found by walking the package.

Importing EVENTS, COMMANDS and STATES from here imports every module of the domain first, so that
they are complete: a new subject is a file in its room, and nothing else names it.
"""

from importlib import import_module
from pkgutil import walk_packages
from typing import Final

from app import domain
from app.domain.book import STATES
from app.domain.command import COMMANDS
from app.domain.event import EVENTS

__all__ = ["COMMANDS", "EVENTS", "STATES"]

_ABOVE: Final = frozenset({f"{domain.__name__}.{name}" for name in ("admission", "catalogue")})
"""Modules that import this one."""


def _import_all() -> None:
    for found in walk_packages(domain.__path__, prefix=f"{domain.__name__}."):
        if found.name not in _ABOVE:
            import_module(found.name)


_import_all()
