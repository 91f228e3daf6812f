"""Opening the demo fund before `serve --demo` begins to serve."""

import asyncio

from app.api.auth.devissuer import DevelopmentIssuer
from app.demo import era
from app.domain.command import Actor
from app.domain.governance.funds import OpenFund
from app.domain.refusals.base import AlreadyExists
from app.domain.refusals.record import IdempotencyKeyReused
from app.domain.values import Role
from app.ledger.submission import KeyedCommand
from app.main import assemble
from app.ops.rebuild import bring_up_to_date
from app.runtime.metrics import Metrics
from app.runtime.settings import Settings
from app.store.engine import Database


def open_demo_fund(settings: Settings, address: str) -> str:
    """Migrate, open the fund unless it is open, and say where to look. Raises in production."""
    DevelopmentIssuer.open(settings)
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    database = Database(settings.database)
    bring_up_to_date(database)
    database.close()
    here, _ = assemble(settings, Metrics())
    here.ledger.start()
    try:
        command = OpenFund.model_validate(era.charter())
        trustee = era.Person(era.TRUSTEE, Role.TRUSTEE)
        actor = Actor(trustee.party, trustee.subject, frozenset({trustee.role}))
        keyed = KeyedCommand(command, "open-the-demo-fund", b"demo")
        asyncio.run(here.ledger.submit(era.FUND, actor, keyed))
    except (AlreadyExists, IdempotencyKeyReused):
        # A demo fund that an earlier version opened is not changed.
        pass
    finally:
        here.ledger.stop()
        here.database.close()
    return _where_to_look(address)


def _where_to_look(address: str) -> str:
    fund = f"{address}/v1/funds/{era.FUND}"
    treasury = era.Person("EU", Role.TREASURY)
    return f"""
The demo fund {era.FUND!r} is open at {address}
{era.NOTICE}

A token for the EU's treasury (valid for twelve hours; development only):

    TOKEN=$(.venv/bin/fundledger token --party EU --role treasury --subject {treasury.subject})

What to look at:

    curl -H "Authorization: Bearer $TOKEN" {fund}
    curl -H "Authorization: Bearer $TOKEN" {fund}/summary
    curl -H "Authorization: Bearer $TOKEN" {fund}/entries/0
    curl {fund}/log/checkpoint
    curl {address}/metrics

Subjects are PARTY-ROLE in small letters: eu-treasury, us-legal-reviewer, ifi-supervisor,
trustee-trustee, ua-requester. Stop with Ctrl-C.
"""
