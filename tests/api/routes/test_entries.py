"""Reading: lists and their pages, single things, entries with proofs, the log's head."""

import pytest

from app.chain.canonical import encode
from app.chain.checkpoint import open_checkpoint
from app.chain.proof import TlogProof
from app.chain.tree import leaf_hash, verify_consistency
from app.client import Refused
from app.domain.values import Role
from tests.support.builders import AUDITOR, REQUESTER, TRUSTEE, Person, a_pledge, money, treasury
from tests.support.service import Service
from tests.support.steps import everything


def test_a_fund_shows_its_charter_and_what_a_trust_file_needs(alone: Service) -> None:
    shown = alone.get(AUDITOR, "")

    assert shown["charter"]["title"] == "A fund for tests"
    assert shown["log_vkey"] == str(alone.inside.notary.keys.of_log(alone.fund).verifier)
    assert shown["size"] == 1
    assert alone.client(AUDITOR).get("/v1/funds")["items"] == ["test-fund"]


def test_to_a_party_that_is_not_in_the_fund_it_does_not_exist(fund: Service) -> None:
    stranger = Person("XX", Role.TREASURY)

    present = fund.raw(stranger, "GET", fund.path)
    absent = fund.raw(stranger, "GET", "/v1/funds/no-such-fund")

    assert present.status_code == absent.status_code == 404
    assert {**present.json(), "instance": ""} == {**absent.json(), "instance": ""}
    assert fund.client(stranger).get("/v1/funds")["items"] == []


def test_pages_hold_every_row_once_and_in_order(fund: Service) -> None:
    for number in range(1, 8):
        fund.post(treasury("DE"), "/pledges", a_pledge(money(number)))

    listed = everything(fund, "/pledges?limit=3")

    assert [row["amount"] for row in listed] == [money(number) for number in range(1, 8)]
    assert everything(fund, "/pledges?limit=7") == listed


def test_entries_are_filtered_by_type_and_by_party(fund: Service) -> None:
    fund.post(treasury("DE"), "/pledges", a_pledge(money(1)))
    fund.post(treasury("FR"), "/pledges", a_pledge(money(2)))
    fund.agreed("FR", money(3))

    pledges = everything(fund, "/entries?type=pledge.announced&limit=1")
    french = everything(fund, "/entries?party=FR")
    ledger = everything(fund, "/entries?party=%40ledger")

    assert [entry["by"]["party"] for entry in pledges] == ["DE", "FR"]
    assert {entry["by"]["party"] for entry in french} == {"FR"}
    assert [entry["type"] for entry in ledger] == ["agreement.entered_into_force"]


def test_a_list_of_entries_does_not_grow_while_it_is_read(fund: Service) -> None:
    for number in range(1, 4):
        fund.post(treasury("DE"), "/pledges", a_pledge(money(number)))

    first = fund.get(AUDITOR, "/entries?limit=2")
    fund.post(treasury("DE"), "/pledges", a_pledge(money(9)))
    second = fund.client(AUDITOR).get(first["next"])
    third = fund.client(AUDITOR).get(second["next"])

    assert [entry["seq"] for entry in first["items"] + second["items"]] == [0, 1, 2, 3]
    assert third == {"items": [], "next": None}
    assert len(fund.get(AUDITOR, "/entries?as_of=2")["items"]) == 3


def test_an_entry_comes_with_its_sentence_and_a_proof_that_holds(fund: Service) -> None:
    posted = fund.post(treasury("DE"), "/pledges", a_pledge(money(1_000_000)))
    fund.post(treasury("FR"), "/pledges", a_pledge(money(2)))

    view = fund.get(AUDITOR, "/entries/1")

    assert view["sentence"] == "DE pledged 1,000,000.00 EUR to window budget."
    assert view["entry"] == posted["entry"]
    assert view["receipt"] == posted["receipt"]
    line = encode(view["entry"])
    log = fund.inside.notary.keys.of_log(fund.fund).verifier
    checkpoint = TlogProof.parse(view["receipt"]).verify(line, log)
    assert checkpoint.size == 2
    assert leaf_hash(line).hex() == view["leaf_hash"]


@pytest.mark.parametrize("seq", ["99", "-1", "x", "1e0", "%00", "9" * 30])
def test_an_entry_that_is_not_there_is_not_found(fund: Service, seq: str) -> None:
    with pytest.raises(Refused, match="404 not_found"):
        fund.get(AUDITOR, f"/entries/{seq}")


def test_the_log_is_shown_to_have_grown_only(fund: Service) -> None:
    first = fund.raw(AUDITOR, "GET", f"{fund.path}/log/checkpoint")
    for number in range(1, 6):
        fund.post(treasury("DE"), "/pledges", a_pledge(money(number)))
    second = fund.raw(AUDITOR, "GET", f"{fund.path}/log/checkpoint")

    log = fund.inside.notary.keys.of_log(fund.fund).verifier
    old, new = open_checkpoint(first.content, log), open_checkpoint(second.content, log)
    path = f"{fund.path}/log/consistency?old={old.size}&new={new.size}"
    proof = [bytes.fromhex(value) for value in fund.raw(AUDITOR, "GET", path).json()["proof"]]

    verify_consistency(old.size, new.size, old.root, new.root, proof)
    assert first.headers["content-type"] == "text/plain; charset=utf-8"


@pytest.mark.parametrize("query", ["old=0&new=1", "old=2&new=1", "old=1&new=99"])
def test_a_consistency_proof_outside_the_log_is_refused(fund: Service, query: str) -> None:
    answer = fund.raw(AUDITOR, "GET", f"{fund.path}/log/consistency?{query}")

    assert (answer.status_code, answer.json()["code"]) == (422, "size_out_of_range")


def test_balances_are_paged_by_account(fund: Service) -> None:
    fund.paid("DE", money(10))
    fund.paid("FR", money(7, "JPY"))

    listed = everything(fund, "/balances?limit=2")

    names = [(row["account"], row["currency"]) for row in listed]
    assert names == sorted(set(names))
    (cash,) = [row for row in listed if row["account"] == "cash/BANK-EUR"]
    assert (cash["debits"], cash["balance"]) == (money(10), money(10))


def test_an_agreement_shows_what_is_still_owed(fund: Service) -> None:
    identifier = fund.agreed("DE", money(10))

    assert fund.get(AUDITOR, f"/agreements/{identifier}")["outstanding"] == money(10)
    assert everything(fund, "/agreements")[0]["state"] == "in_force"


def test_receipts_and_members_can_be_read(fund: Service) -> None:
    fund.paid("DE", money(10))

    (receipt,) = everything(fund, "/receipts")

    assert fund.get(AUDITOR, f"/receipts/{receipt['receipt_id']}") == receipt
    pledge = fund.post(treasury("DE"), "/pledges", a_pledge(money(1)))
    identifier = pledge["entry"]["derived"]["pledge_id"]
    assert fund.get(AUDITOR, f"/pledges/{identifier}")["amount"] == money(1)
    subjects = {row["subject"] for row in fund.get(AUDITOR, "/members")["items"]}
    assert {TRUSTEE.subject, REQUESTER.subject} <= subjects


@pytest.mark.parametrize("path", ["/agreements/none", f"/receipts/{'0' * 36}", "/pledges/%00"])
def test_a_malformed_id_is_as_absent_as_an_unknown_one(fund: Service, path: str) -> None:
    unknown = "/agreements/01947b6e-3c00-7000-8000-000000000001"

    malformed = fund.raw(AUDITOR, "GET", fund.path + path)
    absent = fund.raw(AUDITOR, "GET", fund.path + unknown)

    assert malformed.status_code == absent.status_code == 404
    assert malformed.json()["detail"] == absent.json()["detail"]


def test_a_disbursement_shows_what_it_waits_for(fund: Service) -> None:
    identifier = fund.requested(money(5))

    view = fund.get(AUDITOR, f"/disbursements/{identifier}")

    assert {row["answer"] for row in view["approvals"]} == {"pending"}
    assert len(view["approvals"]) == 9
    assert everything(fund, "/disbursements") == [view["disbursement"]]


def test_members_come_and_go(fund: Service) -> None:
    admin, newcomer = Person("DE", Role.ADMIN), Person("DE", Role.TREASURY)
    body = {"subject": "de-new", "roles": ["treasury"]}
    pledge = a_pledge(money(1))

    with pytest.raises(Refused, match="not_a_member"):
        fund.client(newcomer, subject="de-new").post(f"{fund.path}/pledges", pledge, fund.key())
    fund.post(admin, "/members", body)
    fund.client(newcomer, subject="de-new").post(f"{fund.path}/pledges", pledge, fund.key())
    fund.post(admin, "/members/removals", {"subject": "de-new"})

    with pytest.raises(Refused, match="not_a_member"):
        fund.client(newcomer, subject="de-new").post(f"{fund.path}/pledges", pledge, fund.key())
