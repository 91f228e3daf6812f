"""Versions of the bundle's format, and what each holds.

A manifest names its format, and the verifier recomputes the views of that format. Views are found
by walking `views/`; each names the formats that it belongs to. A new view, a new column or another
spelling is a new format; the old one stays as long as its bundles exist.
"""

from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from typing import Final

from app.audit.format import views
from app.audit.format.views.base import CsvView

NEWEST: Final = 2
OLDEST: Final = 2
"""Format 1 was never released, so there are no bundles of it."""
_NAME: Final = "fund-ledger-audit/"


@dataclass(frozen=True, slots=True)
class BundleFormat:
    """One format: its number, and its views in the order in which they are written."""

    number: int
    views: tuple[CsvView, ...]

    @property
    def name(self) -> str:
        """Its name in a manifest."""
        return f"{_NAME}{self.number}"

    @property
    def view_paths(self) -> tuple[str, ...]:
        """The files of its views."""
        return tuple(view.path for view in self.views)


@cache
def format_of(number: int) -> BundleFormat:
    """The format of this number."""
    found = [
        view
        for view in _all_views()
        if view.since <= number and (view.until is None or number < view.until)
    ]
    return BundleFormat(number, tuple(found))


def newest() -> BundleFormat:
    """The format in which bundles are written."""
    return format_of(NEWEST)


def named(name: str) -> BundleFormat | None:
    """The format that a manifest names; None where this version does not know it."""
    return next(
        (one for one in map(format_of, range(OLDEST, NEWEST + 1)) if one.name == name), None
    )


@cache
def _all_views() -> tuple[CsvView, ...]:
    names = sorted(found.name for found in iter_modules(views.__path__))
    modules = [import_module(f"{views.__name__}.{name}") for name in names]
    return tuple(
        value for module in modules for value in vars(module).values() if isinstance(value, CsvView)
    )
