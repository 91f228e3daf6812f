"""Decisions that were tampered with by whoever holds the log's own key: the verifier names the
entry and the rule.

Every copy is chained, hashed and signed anew, so that only re-execution and the parties' own
signatures are left to find it.
"""

import shutil
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

import pytest

from app.audit.report import Pins
from app.audit.verify import verify
from app.runtime.clock import new_id
from app.runtime.settings import Settings
from tests.support import tampering
from tests.support.attack.forger import Entry, drop, entries, find, move, put, signed_anew
from tests.support.builders import money
from tests.support.decision_story import NEW_NL, OLD_NL, told
from tests.support.service import running
from tests.support.signers import a_key, jwk_of, kid_of
from tests.support.tampering import Bundle
from tests.support.waiting import without_pauses

DE_KEY, FORGER = a_key(10), a_key(666)
Tamper = Callable[[Bundle], tuple[int, str]]
"""Changes a bundle; the entry that must be found, and a word of the reason."""


@pytest.fixture(scope="module")
def life(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bundle]:
    """The story of a decision, exported."""
    folder = tmp_path_factory.mktemp("decisions")
    shutil.copy(sqlite_template, folder / "ledger.db")
    settings = Settings(database_url=f"sqlite:///{folder / 'ledger.db'}", data_dir=folder)
    with pytest.MonkeyPatch.context() as patch:
        without_pauses(patch)
        with running(settings) as service:
            told(service, patch)
            yield tampering.made_by(service, folder)


@pytest.fixture
def bundle(life: Bundle, tmp_path: Path) -> Bundle:
    return Bundle(dict(life.files), life.keys, tmp_path)


# -- approvals -------------------------------------------------------------------------------------


def an_approval_pointed_at_another_request(bundle: Bundle) -> tuple[int, str]:
    request = find(bundle, "disbursement.requested", find(bundle, "disbursement.requested"))
    later = find(bundle, "approval.given", request)
    other = bundle.entry(later)["data"]
    seq = find(bundle, "approval.given", step=other["step"], party="FR")
    named = {name: other[name] for name in ("disbursement_id", "digest")}
    bundle.change(seq, lambda entry: entry["data"].update(named))
    return seq, "signature does not hold"


def an_approval_counted_twice(bundle: Bundle) -> tuple[int, str]:
    seq = find(bundle, "approval.given")
    entry = bundle.entry(seq)
    copied = {**entry, "id": new_id(datetime.fromisoformat(entry["at"]))}
    put(bundle, [*entries(bundle)[: seq + 1], copied, *entries(bundle)[seq + 1 :]])
    return seq + 1, "serves once"


def an_approval_counted_twice_with_a_signature_of_its_own(bundle: Bundle) -> tuple[int, str]:
    """The party itself helps: the rules still count one answer."""
    seq, _ = an_approval_counted_twice(bundle)
    bundle.change(seq, lambda entry: signed_anew(entry, DE_KEY, nonce="another"))
    return seq, "already_decided"


def an_approval_under_a_revoked_key(bundle: Bundle) -> tuple[int, str]:
    seq = find(bundle, "approval.given", find(bundle, "key.revoked"), party="NL")
    bundle.change(seq, lambda entry: signed_anew(entry, OLD_NL))
    return seq, "does not speak for your party"


def an_approval_under_a_key_that_came_later(bundle: Bundle) -> tuple[int, str]:
    seq = find(bundle, "approval.given", party="NL")
    bundle.change(seq, lambda entry: signed_anew(entry, NEW_NL))
    return seq, "nobody registered"


def an_approval_under_another_partys_key(bundle: Bundle) -> tuple[int, str]:
    seq = find(bundle, "approval.given", party="FR")
    bundle.change(seq, lambda entry: signed_anew(entry, DE_KEY))
    return seq, "does not speak for your party"


def an_approval_of_a_party_that_is_none(bundle: Bundle) -> tuple[int, str]:
    seq = find(bundle, "approval.given", party="FR")
    bundle.change(seq, lambda entry: entry["by"].update(party="XX"))
    return seq, "not a member of XX"


def an_approval_made_for_another_fund(bundle: Bundle) -> tuple[int, str]:
    seq = find(bundle, "approval.given", party="DE")
    bundle.change(seq, lambda entry: signed_anew(entry, DE_KEY, fund="other-fund"))
    return seq, "made for another fund"


def an_approval_made_of_a_refusal(bundle: Bundle) -> tuple[int, str]:
    seq = find(bundle, "approval.given", party="DE")
    bundle.change(seq, lambda entry: signed_anew(entry, DE_KEY, op="approval.refused"))
    return seq, "another operation"


def a_signature_moved_to_another_entry(bundle: Bundle) -> tuple[int, str]:
    first = find(bundle, "approval.given", party="DE", step="legislature_consent")
    second = find(bundle, "approval.given", first, party="DE", step="risk_assessment")
    swapped = [bundle.entry(seq)["jws"] for seq in (second, first)]
    for seq, jws in zip((first, second), swapped, strict=True):
        bundle.change(seq, lambda entry, jws=jws: entry.update(jws=jws))  # type: ignore[misc]
    return first, "signature does not hold"


def a_signature_removed(bundle: Bundle) -> tuple[int, str]:
    seq = find(bundle, "approval.given", party="IFI")
    bundle.change(seq, lambda entry: entry.pop("jws"))
    return seq, "asks for your party's signature"


def a_signature_on_what_the_ledger_itself_recorded(bundle: Bundle) -> tuple[int, str]:
    seq = find(bundle, "disbursement.approved")
    jws = bundle.entry(find(bundle, "approval.given", party="DE"))["jws"]
    bundle.change(seq, lambda entry: entry.update(jws=jws))
    return seq, "the ledger itself signs no entry"


def a_step_out_of_order(bundle: Bundle) -> tuple[int, str]:
    first = find(bundle, "approval.given")
    seq = find(bundle, "approval.given", step="treasury_release", party="DE")
    move(bundle, range(seq, seq + 1), first)
    return first, "comes after"


def the_renewal_of_a_review_dropped(bundle: Bundle) -> tuple[int, str]:
    """The money would go on reviews that had grown too old."""
    approved = find(bundle, "disbursement.approved")
    seq = max(s for s in range(approved - 1) if bundle.entry(s)["type"] == "approval.given")
    drop(bundle, seq)
    return approved - 1, "nothing brought disbursement.approved about"


def an_approval_not_taken_back(bundle: Bundle) -> tuple[int, str]:
    seq = find(bundle, "approval.revoked")
    drop(bundle, seq)
    return seq, "nothing brought disbursement.unreserved about"


def a_stand_in_whom_nobody_named(bundle: Bundle) -> tuple[int, str]:
    grant = find(bundle, "delegation.granted")
    bundle.change(grant, lambda entry: entry["data"].update(role="risk_officer"))
    bundle.change(grant, lambda entry: entry["data"].pop("principal"))
    return find(bundle, "approval.given"), "role_not_permitted"


# -- votes and charters ----------------------------------------------------------------------------


def a_decision_without_a_quorum(bundle: Bundle) -> tuple[int, str]:
    """The ballot that decided it was never cast; the decision is kept."""
    decision = find(bundle, "decision.made")
    drop(bundle, decision - 1)
    return decision - 1, "nothing brought decision.made about"


def a_ballot_dropped(bundle: Bundle) -> tuple[int, str]:
    decision = find(bundle, "decision.made")
    drop(bundle, find(bundle, "ballot.cast"))
    return decision - 1, "nothing brought decision.made about"


def a_ballot_cast_by_another_government(bundle: Bundle) -> tuple[int, str]:
    seq = find(bundle, "ballot.cast", find(bundle, "ballot.cast"))
    by = bundle.entry(find(bundle, "ballot.cast"))["by"]
    bundle.change(seq, lambda entry: entry.update(by=by))
    return seq, "DE has voted"


def a_ballot_left_out_of_the_count(bundle: Bundle) -> tuple[int, str]:
    seq = find(bundle, "decision.made")
    bundle.change(seq, lambda entry: entry["derived"].update(ballots=[]))
    return seq, "decision.made had to be recorded here"


def a_proposal_that_takes_the_id_of_a_request(bundle: Bundle) -> tuple[int, str]:
    """The vote on one would be read as the vote on the other."""
    request = find(bundle, "disbursement.requested")
    seq = find(bundle, "proposal.opened", request)
    other = bundle.entry(request)["derived"]["disbursement_id"]
    bundle.change(seq, lambda entry: entry["derived"].update(proposal_id=other))
    return seq, "belongs to something that is there already"


def a_verdict_flipped(bundle: Bundle) -> tuple[int, str]:
    seq = find(bundle, "decision.made")
    bundle.change(seq, lambda entry: entry["derived"].update(verdict="refused"))
    return seq, "decision.made had to be recorded here"


def a_vote_turned_round(bundle: Bundle) -> tuple[int, str]:
    seq = find(bundle, "ballot.cast")
    no = {"choice": "against", "reason": "Not like this"}
    bundle.change(seq, lambda entry: entry["data"].update(no))
    return find(bundle, "decision.made"), "nothing brought decision.made about"


def a_clock_that_ended_too_early(bundle: Bundle) -> tuple[int, str]:
    elapsed = find(bundle, "clock.elapsed")
    after = find(bundle, "proposal.opened") + 1
    move(bundle, range(elapsed, elapsed + 1), after)
    return after, "clock_runs"


def a_proposed_charter_edited(bundle: Bundle) -> tuple[int, str]:
    seq = find(bundle, "proposal.opened", title="Longer reviews")
    subject = bundle.entry(seq)["data"]["subject"]
    subject["charter"]["signed"] = []
    bundle.change(seq, lambda entry: entry["data"].update(subject=subject))
    return find(bundle, "ballot.cast", seq), "stale_proposal"


def another_charter_from_the_beginning(bundle: Bundle) -> tuple[int, str]:
    """The parties' own signatures are over its digest."""
    bundle.change(0, lambda entry: entry["data"].pop("signed"))
    return find(bundle, "key.registered"), "stale_proposal"


def a_charter_in_force_that_drops_nothing(bundle: Bundle) -> tuple[int, str]:
    seq = find(bundle, "charter.amended")
    bundle.change(seq, lambda entry: entry["derived"].update(rereads=[]))
    return seq, "charter.amended had to be recorded here"


def a_request_dropped_before_the_charter_changed(bundle: Bundle) -> tuple[int, str]:
    seq, after = find(bundle, "matter.dropped"), find(bundle, "charter.amended") - 2
    move(bundle, range(seq, seq + 1), after)
    return after, "clock_runs"


# -- money and keys --------------------------------------------------------------------------------


def an_amount_changed(bundle: Bundle) -> tuple[int, str]:
    """Ballots and approvals name the digest of what was asked."""
    seq = find(bundle, "disbursement.requested")
    bundle.change(seq, lambda entry: entry["data"].update(amount=money(399)))
    return find(bundle, "ballot.cast"), "stale_proposal"


def a_reservation_changed(bundle: Bundle) -> tuple[int, str]:
    seq = find(bundle, "disbursement.reserved")
    bundle.change(seq, lambda entry: entry["derived"].update(mandates=[]))
    return seq, "disbursement.reserved had to be recorded here"


def a_mandates_cap_raised(bundle: Bundle) -> tuple[int, str]:
    seq = find(bundle, "mandate.registered")
    bundle.change(seq, lambda entry: entry["data"].update(cap=money(6_000)))
    return seq, "signature does not hold"


def a_mandates_cap_lowered_by_its_own_party(bundle: Bundle) -> tuple[int, str]:
    """Signed anew: what was agreed under it was more."""
    seq = find(bundle, "mandate.registered")

    def lower(entry: Entry) -> None:
        entry["data"].update(cap=money(399))
        signed_anew(entry, DE_KEY)

    bundle.change(seq, lower)
    return find(bundle, "agreement.covered"), "exceeds_mandate"


def a_key_substituted(bundle: Bundle) -> tuple[int, str]:
    seq = find(bundle, "key.registered", party="DE")
    bundle.change(seq, lambda entry: entry["data"].update(jwk=jwk_of(FORGER)))
    return seq, "another algorithm or key"


def a_key_substituted_and_signed_with(bundle: Bundle) -> tuple[int, str]:
    """Then nothing that the party ever signed holds any more; and whoever registered a key after
    it had seen another log.
    """
    seq = find(bundle, "key.registered", party="DE")

    def substitute(entry: Entry) -> None:
        entry["data"].update(jwk=jwk_of(FORGER))
        entry["derived"].update(kid=kid_of(FORGER))
        signed_anew(entry, FORGER)

    bundle.change(seq, substitute)
    return seq + 1, "had seen another log"


def a_revocation_dropped(bundle: Bundle) -> tuple[int, str]:
    """The new key would have taken the old one's place; what was signed by the old one holds."""
    seq = find(bundle, "key.revoked")
    drop(bundle, seq)
    later = find(bundle, "approval.given", seq, party="NL")
    bundle.change(later, lambda entry: signed_anew(entry, OLD_NL))
    # The new key had acknowledged a log that was longer by what was dropped.
    return find(bundle, "key.registered", seq - 1, party="NL"), "stale_proposal"


TAMPERED: list[Tamper] = [
    an_approval_pointed_at_another_request,
    an_approval_counted_twice,
    an_approval_counted_twice_with_a_signature_of_its_own,
    an_approval_under_a_revoked_key,
    an_approval_under_a_key_that_came_later,
    an_approval_under_another_partys_key,
    an_approval_of_a_party_that_is_none,
    an_approval_made_for_another_fund,
    an_approval_made_of_a_refusal,
    a_signature_moved_to_another_entry,
    a_signature_removed,
    a_signature_on_what_the_ledger_itself_recorded,
    a_step_out_of_order,
    the_renewal_of_a_review_dropped,
    an_approval_not_taken_back,
    a_stand_in_whom_nobody_named,
    a_decision_without_a_quorum,
    a_ballot_dropped,
    a_ballot_cast_by_another_government,
    a_ballot_left_out_of_the_count,
    a_proposal_that_takes_the_id_of_a_request,
    a_verdict_flipped,
    a_vote_turned_round,
    a_clock_that_ended_too_early,
    a_proposed_charter_edited,
    another_charter_from_the_beginning,
    a_charter_in_force_that_drops_nothing,
    a_request_dropped_before_the_charter_changed,
    an_amount_changed,
    a_reservation_changed,
    a_mandates_cap_raised,
    a_mandates_cap_lowered_by_its_own_party,
    a_key_substituted,
    a_key_substituted_and_signed_with,
    a_revocation_dropped,
]


def test_the_story_itself_verifies(bundle: Bundle) -> None:
    report = bundle.report()

    assert (report.problems, report.result) == ([], "ok")


@pytest.mark.parametrize("tamper", TAMPERED)
def test_a_decision_that_was_tampered_with_is_found_and_named(
    bundle: Bundle, tamper: Tamper
) -> None:
    seq, word = tamper(bundle)
    bundle.rechain()
    bundle.resign(log=True)

    report = bundle.report()

    first = report.first
    assert first is not None
    assert (report.result, first.seq, first.check) == ("wrong", seq, 5), first.why
    assert word in first.why


def test_a_party_whose_key_was_substituted_from_the_beginning_is_told_by_others_and_by_pins(
    bundle: Bundle,
) -> None:
    """The log's key holder signed all of DE's anew; but others had acknowledged the true log."""
    registration = find(bundle, "key.registered", party="DE")
    for seq, entry in enumerate(entries(bundle)):
        if entry["by"]["party"] == "DE" and "jws" in entry:
            if seq == registration:
                entry["data"].update(jwk=jwk_of(FORGER))
                entry["derived"].update(kid=kid_of(FORGER))
            signed_anew(entry, FORGER)
            bundle.change(seq, lambda old, new=entry: old.update(new))  # type: ignore[misc]
    bundle.rechain()
    bundle.resign(log=True)
    parties = {"FR": 11, "IT": 12, "IFI": 13, "DE": 10}
    known = {party: [kid_of(a_key(number))] for party, number in parties.items()}
    known["NL"] = [kid_of(OLD_NL), kid_of(NEW_NL)]

    report = verify(bundle.write(), bundle.policy(), Pins(party_keys=known))

    found = {(problem.check, problem.seq) for problem in report.problems}
    others = {row for row in found if row[0] == 5}
    assert (9, registration) in found
    assert others
    assert all("had seen another log" in problem.why for problem in report.problems[: len(others)])
