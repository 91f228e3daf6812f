"""The catalogue: every module of the domain, found by walking the package.

Importing EVENTS, COMMANDS and STATES from here imports all of them first, so that the three are
complete. A new subject is a new file in its package; no list has to be changed.
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
