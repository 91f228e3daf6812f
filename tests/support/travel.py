"""Moving time: every clock of this process goes ahead; database and keys stay."""

from datetime import datetime, timedelta, tzinfo

import pytest

from app.runtime import clock
from tests.support.service import Service

_ELAPSED = clock.elapsed


class _Ahead(datetime):
    """Stands in for `datetime` where the clock enters."""

    by = timedelta()

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
        return datetime.now(tz) + cls.by


def travel(service: Service, days: int, patch: pytest.MonkeyPatch) -> None:
    """Let it be so many days from today. Everybody signs in anew: tokens last for hours."""
    patch.setattr(_Ahead, "by", timedelta(days=days))
    patch.setattr("app.runtime.clock.datetime", _Ahead)
    patch.setattr("app.runtime.clock.elapsed", lambda: _ELAPSED() + _Ahead.by.total_seconds())
    patch.setattr("app.store.engine.Database.clock", lambda *_: None)
    service.sign_out()
