"""A book with a row of every kind."""

from app.domain.books.periods import ProposeReopening
from app.domain.governance.funds import Fund
from app.domain.governance.party_keys import RegisterKey
from app.domain.inflow.mandates import RegisterMandate
from app.domain.proposals.proposals import OpenProposal
from app.domain.values import Role
from tests.support.builders import (
    TRUSTEE,
    Person,
    a_key_registration,
    a_mandate,
    a_motion,
    money,
    valued,
)
from tests.support.paper import Paper


def a_book_with_everything() -> Paper:
    """A row of every kind, and of some more than one."""
    paper = Paper().open(**valued())
    paper.published()
    paper.pledged("DE", money(10))
    agreement = paper.agreed("DE", money(1000))
    paper.paid(agreement, money(800))
    # After January, so that rows of earlier days and months exist.
    paper.paid(agreement, money(100), value_date="2026-02-01")
    tied = paper.agreed("FR", money(471900000000, "JPY"), restriction="not-defence")
    paper.paid(tied, money(7, "JPY"))
    paper.converted(money(100), money("108.25", "USD"), "1.0825")
    paper.unplaced(money(3))
    paper.posted(money(2))
    paper.settled(paper.instructed(paper.approved(paper.requested(money(100)))))
    paper.requested(money(50))
    paper.revalued("2026-01-20")
    paper.closed("2026-01-31")
    reopening = {"from_day": "2026-01-31", "reason": "A late statement"}
    paper.do(TRUSTEE, ProposeReopening.model_validate(reopening))
    clerk = Person("DE", Role.LEGISLATURE_CLERK)
    paper.do(clerk, RegisterMandate.model_validate(a_mandate(money(10))))
    paper.do(TRUSTEE, OpenProposal.model_validate(a_motion()))
    key = a_key_registration(paper.book.get(Fund).charter_digest)
    paper.do(Person("FR", Role.ADMIN), RegisterKey.model_validate(key), kid="k" * 43)
    return paper
