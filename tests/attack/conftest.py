"""The attacker's fixture: a connection to the service with the fund."""

from collections.abc import Iterator
from contextlib import closing

import pytest

from tests.support.attack.hostile import Attacker
from tests.support.service import Service


@pytest.fixture
def attacker(fund: Service) -> Iterator[Attacker]:
    """Sends whatever it is told to, to the service with `test-fund`."""
    with closing(Attacker(fund)) as one:
        yield one
