"""Queries for answers and gauges: lists, single rows, summaries, pending matters. None changes
anything.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar, cast

from sqlalchemy import Connection, func, select

from app.domain.book import Book, Key, State, key
from app.domain.books.positions import Position
from app.domain.charter.decision_rules import DecisionClass
from app.domain.governance.funds import Fund
from app.domain.governance.polls import Poll, PollState
from app.domain.outflow.disbursements import Disbursement, DisbursementState
from app.domain.outflow.steps import Answer, Approval
from app.store import read_tables
from app.store.tables import READ_TABLES

MAX_OVERDUE = 1_000
"""Upper limit of ended clocks of one fund that one query returns."""
S = TypeVar("S", bound=State)


@dataclass(frozen=True, slots=True)
class Waiting:
    """Pending approvals of one step, over all funds."""

    step: str
    count: int
    oldest_since: datetime


def fund(connection: Connection, slug: str) -> Fund | None:
    """The fund's charter in force; None when there is no such fund."""
    return one(connection, slug, Fund)


def one(connection: Connection, slug: str, kind: type[S], *identity: str) -> S | None:
    """One row by its key."""
    ((_, state),) = read_tables.load(connection, slug, [key(kind, *identity)])
    return cast("S | None", state)


def many(
    connection: Connection,
    slug: str,
    kind: type[S],
    after: int,
    limit: int,
    only: Mapping[str, str] | None = None,
) -> list[S]:
    """Up to `limit` rows that were created after entry `after`, in that order.

    `only` names fields and the values that they must have.
    """
    plan = READ_TABLES[kind]
    assert kind.listed_by is not None, "a kind that has lists"  # noqa: S101
    position = plan.table.c[kind.listed_by]
    query = (
        select(plan.table)
        .where(plan.table.c.fund == slug, position > after)
        .order_by(position, *(plan.table.c[name] for name in kind.key))
        .limit(limit)
    )
    for name, value in (only or {}).items():
        query = query.where(plan.table.c[name] == value)
    rows = connection.execute(query).mappings()
    return [cast("S", read_tables.from_row(plan, row)) for row in rows]


def matching(
    connection: Connection, slug: str, kind: type[S], only: Mapping[str, str | int], limit: int
) -> list[S]:
    """Up to `limit` rows whose fields have these values, by key."""
    plan = READ_TABLES[kind]
    query = select(plan.table).where(plan.table.c.fund == slug)
    for name, value in only.items():
        query = query.where(plan.table.c[name] == value)
    query = query.order_by(*(plan.table.c[name] for name in kind.key)).limit(limit)
    rows = connection.execute(query).mappings()
    return [cast("S", read_tables.from_row(plan, row)) for row in rows]


def book_of(connection: Connection, slug: str, naming: Callable[[Book], Iterable[Key]]) -> Book:
    """A book with the rows that `naming` names, asked again until it names nothing new."""
    book = Book()
    while missing := {row for row in naming(book) if not book.knows(row)}:
        book = book.loaded(read_tables.load(connection, slug, missing))
    return book


def overdue(connection: Connection, now: str) -> list[tuple[str, str, str]]:
    """Fund, matter and deadline of clocks that have ended and are not recorded, over all funds."""
    polls, answers = READ_TABLES[Poll].table, READ_TABLES[Approval].table
    votes = select(polls.c.fund, polls.c.matter_id, polls.c.closes_at).where(
        polls.c.state == PollState.OPEN, polls.c.closes_at < now
    )
    late = select(answers.c.fund, answers.c.disbursement_id, answers.c.due_at).where(
        answers.c.answer.in_([Answer.PENDING, Answer.ABSTAINED]),
        answers.c.passes == 0,
        answers.c.due_at < now,
    )
    found: list[tuple[str, str, str]] = []
    for slug in connection.execute(select(READ_TABLES[Fund].table.c.fund)).scalars().all():
        # Each fund by itself, so that matters stuck in one do not fill another's limit.
        for query, table in ((votes, polls), (late, answers)):
            mine = query.where(table.c.fund == slug).limit(MAX_OVERDUE)
            found += [(row[0], row[1], row[2]) for row in connection.execute(mine)]
    return list(dict.fromkeys(found))


def dropped(connection: Connection) -> list[tuple[str, str, str]]:
    """Fund, matter and charter of matters that a newer charter has ended, not recorded yet."""
    found: list[tuple[str, str, str]] = []
    funds, requests, polls = (READ_TABLES[kind].table for kind in (Fund, Disbursement, Poll))
    amended = select(funds.c.fund, funds.c.reread).where(funds.c.reread != "{}")
    for slug, text in connection.execute(amended).all():
        for decision, seq in json.loads(text).items():
            stale = select(polls.c.matter_id).where(
                polls.c.fund == slug,
                polls.c.state == PollState.OPEN,
                polls.c.decision == decision,
                polls.c.charter_seq < seq,
            )
            if decision == DecisionClass.RELEASE:
                stale = select(requests.c.disbursement_id).where(
                    requests.c.fund == slug,
                    requests.c.state == DisbursementState.REQUESTED,
                    requests.c.charter_seq < seq,
                )
            rows = connection.execute(stale.limit(MAX_OVERDUE)).scalars()
            found += [(slug, matter, str(seq)) for matter in rows]
    return found


def positions(connection: Connection, slug: str) -> Sequence[Position]:
    """Every contributor's position; as many as parties times windows times currencies."""
    return list(read_tables.all_rows(connection, slug, Position))


def approvals(connection: Connection, slug: str, disbursement_id: str) -> list[Approval]:
    """Every answer to one request, given or awaited."""
    plan = READ_TABLES[Approval]
    query = (
        select(plan.table)
        .where(plan.table.c.fund == slug, plan.table.c.disbursement_id == disbursement_id)
        .order_by(plan.table.c.step, plan.table.c.party)
    )
    rows = connection.execute(query).mappings()
    return [cast("Approval", read_tables.from_row(plan, row)) for row in rows]


def waiting(connection: Connection) -> list[Waiting]:
    """Pending approvals by step: how many, and since when the oldest waits."""
    table = READ_TABLES[Approval].table
    query = (
        select(table.c.step, func.count(), func.min(table.c.waiting_since))
        .where(table.c.answer == Answer.PENDING)
        .group_by(table.c.step)
        .order_by(table.c.step)
    )
    return [
        Waiting(step, count, datetime.fromisoformat(since))
        for step, count, since in connection.execute(query)
    ]


def first_unwitnessed(connection: Connection, slug: str, known: int) -> int | None:
    """The first reservation after the first `known` entries, which are witnessed; or None."""
    table = READ_TABLES[Disbursement].table
    query = select(func.min(table.c.reserved_seq)).where(
        table.c.fund == slug,
        table.c.state == str(DisbursementState.RESERVED),
        table.c.reserved_seq >= known,
    )
    return cast("int | None", connection.execute(query).scalar_one())
