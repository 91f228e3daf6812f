"""Compatibility: what a new charter must keep, and which open matters it would decide otherwise."""

from collections.abc import Iterable
from typing import Any

from app.domain.charter.charter import Charter
from app.domain.charter.decision_rules import DecisionClass
from app.domain.refusals.decisions import CharterIncompatible


def require_compatible(old: Charter, new: Charter) -> None:
    """Check that the new charter keeps everything that money or obligations depend on. Raises
    CharterIncompatible.
    """
    if new.fund != old.fund:
        raise CharterIncompatible(f"The fund is named {old.fund}.")
    if new.succeeds != old.succeeds:
        raise CharterIncompatible("What the fund succeeds was said when it was opened.")
    if new.holding_currency != old.holding_currency:
        raise CharterIncompatible(f"The holding currency is {old.holding_currency}.")
    if not set(old.currencies) <= set(new.currencies):
        raise CharterIncompatible("A currency that the fund takes cannot be taken out.")
    for name, before, after in (
        ("party", old.parties, new.parties),
        ("window", old.windows, new.windows),
        ("bank account", old.bank_accounts, new.bank_accounts),
        ("restriction", old.restrictions, new.restrictions),
        ("account", old.accounts, new.accounts),
    ):
        kept = {part.id: _essence(part) for part in after}
        for part in before:
            if kept.get(part.id) != _essence(part):
                raise CharterIncompatible(f"The {name} {part.id} must stay what it is.")
    if old.exchange_rates is not None and (
        new.exchange_rates is None or new.exchange_rates.base != old.exchange_rates.base
    ):
        raise CharterIncompatible("Exchange rates stay on their base.")
    foreign = sorted(set(old.currencies) - {old.holding_currency})
    if foreign and old.exchange_rates is None and new.exchange_rates is not None:
        # Money that has come in was not valued at a cost, so it could not leave at one.
        raise CharterIncompatible(f"The fund takes {foreign[0]} without exchange rates already.")
    known = {party.id for party in old.parties}
    if any(member.party in known for member in new.members):
        raise CharterIncompatible("Members of a party that is there are its admins' to add.")


def reread(old: Charter, new: Charter) -> set[DecisionClass]:
    """The classes of decisions that would be made otherwise under the new charter.

    Always the class of charters, because open proposals were compared with the old charter.
    """
    changed = {kind for kind in DecisionClass if _read_as(old, kind) != _read_as(new, kind)}
    return changed | {DecisionClass.CHARTER}


def _read_as(charter: Charter, decision: DecisionClass) -> tuple[Any, ...]:
    """Everything in a charter on which decisions of this class depend."""
    parties = [(party.id, party.kind, party.weight_bp, party.mandated) for party in charter.parties]
    named = decision in charter.decision_rules
    rule = (charter.rule(decision), named, charter.calendars, charter.signed)
    if decision is not DecisionClass.RELEASE:
        return (*rule, parties)
    windows = [(part.id, part.purposes, part.unrestricted, part.source) for part in charter.windows]
    ties = [(part.id, part.only, part.excludes) for part in charter.restrictions]
    return (*rule, parties, charter.approval_steps, windows, ties, charter.draw_order)


def _essence(part: Any) -> tuple[Any, ...]:
    """The members of a part that cannot change; names, weights and purposes can."""
    names: Iterable[str] = ("kind", "currency", "source", "only", "excludes")
    return tuple(getattr(part, name, None) for name in names)
