"""The catalogue is complete because it walks the package: nobody keeps a list of subjects."""

import importlib
import pkgutil
import subprocess
import sys

from app import domain
from app.domain.catalogue import COMMANDS, EVENTS, STATES


def test_every_module_of_the_domain_is_imported() -> None:
    names = {found.name for found in pkgutil.walk_packages(domain.__path__, "app.domain.")}

    assert len(names) > 60
    assert names <= sys.modules.keys() | {"app.domain.admission"}


def test_a_fresh_interpreter_that_imports_the_catalogue_knows_every_subject() -> None:
    program = (
        "from app.domain.catalogue import COMMANDS, EVENTS, STATES;"
        "print(len(EVENTS), len(COMMANDS), len(STATES))"
    )

    said = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True)

    assert said.stdout.decode().split() == [str(len(one)) for one in (EVENTS, COMMANDS, STATES)]


def test_each_is_known_by_its_own_name() -> None:
    assert all(name == kind.type for name, kind in EVENTS.items())
    assert all(name == kind.__name__ for name, kind in COMMANDS.items())
    assert all(name == kind.table for name, kind in STATES.items())
    for kind in (*EVENTS.values(), *COMMANDS.values(), *STATES.values()):
        assert getattr(importlib.import_module(kind.__module__), kind.__name__) is kind
