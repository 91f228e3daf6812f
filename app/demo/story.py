"""The demo: a server of its own, the ERA history over HTTP, attempts to cheat, the audit.

It ends normally only if every step gave what it should; otherwise it raises DemoFailed or the
step's error.
"""

import itertools
import tempfile
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric import ec

from app.api.auth.devissuer import DevelopmentIssuer
from app.client import Client, Refused
from app.demo import era
from app.demo.stage import DemoFailed, expect, server, shown, verify_and_tamper
from app.domain.values import Role
from app.runtime.settings import LOCAL_ORIGIN, Settings

_WINDOW_OF_PURPOSE: Final = {
    "military": "defence",
    "non-military": "budget-support",
    "unrestricted": "budget-support",
}


def play(out: Path) -> int:
    """Play the whole story, write its bundle and trust file into `out`; returns 0."""
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="fundledger-demo-") as folder:
        # Every setting is given, so that nothing of the caller's own service is used.
        settings = Settings(
            env="development",
            data_dir=Path(folder),
            database_url=f"sqlite:///{folder}/ledger.db",
            log_origin=LOCAL_ORIGIN,
            issuers_file=None,
            audience="demo",
        )
        with server(settings) as address:
            story = _Story(address, settings)
            story.parties_register_keys()
            story.a_parliament_allows_it()
            story.lenders_pledge_and_agree()
            story.money_moves()
            story.show_summary()
            story.answer_a_parliament()
            story.cheating_is_refused()
            story.export(out)
            story.close()
    verify_and_tamper(out)
    print(f"\nWritten: {out / 'era-audit.zip'} and {out / 'trust.policy'}")
    return 0


class _Story:
    """The clients of all parties, and the steps of the story."""

    def __init__(self, address: str, settings: Settings) -> None:
        self._issuer = DevelopmentIssuer.open(settings)
        self._address = address
        self._clients: dict[era.Person, Client] = {}
        self._agreements: dict[str, str] = {}
        self._mandates: dict[str, str] = {}
        self._signing = {party: ec.generate_private_key(ec.SECP256R1()) for party in era.SIGNERS}
        self._keys = (f"demo-{number}" for number in itertools.count(1))
        self._charter = era.charter()
        self._history = era.history()
        print(f"{era.NOTICE}\n")

    # -- before anything moves -------------------------------------------------------------------

    def parties_register_keys(self) -> None:
        """Each party registers a key, over the charter and a checkpoint that it has seen."""
        print("Seven parties register keys of their own; their approvals will carry signatures.")
        for party in self._signing:
            self._client((party, Role.ADMIN)).register_key(era.FUND, next(self._keys))

    def a_parliament_allows_it(self) -> None:
        """Register the UK's act: a cap for every agreement and every release.

        The digest is that of its citation, because the simulation does not have its text.
        """
        for mandate in self._history["mandates"]:
            party, cap = mandate["party"], era.money(mandate["cap"], mandate["currency"])
            body = {
                "citation": mandate["citation"],
                "document": sha256(mandate["citation"].encode()).hexdigest(),
                "cap": cap,
                "purposes": ["defence"],
                "valid_from": mandate["valid_from"],
                "valid_through": mandate["valid_through"],
            }
            posted = self._post((party, Role.LEGISLATURE_CLERK), "/mandates", body)
            self._mandates[party] = posted["entry"]["derived"]["mandate_id"]
            print(f"{party}'s parliament allows {shown(cap)}: {mandate['citation']}\n")

    # -- inflow ----------------------------------------------------------------------------------

    def lenders_pledge_and_agree(self) -> None:
        print("Five lenders pledge and agree, each in its own currency:")
        for lender in self._history["lenders"]:
            party, window = lender["party"], lender["window"]
            amount = era.money(lender["amount"], lender["currency"])
            treasury = (party, Role.TREASURY)
            pledge = self._post(treasury, "/pledges", {"window": window, "amount": amount})
            terms = {
                "window": window,
                "instrument": "loan",
                "amount": amount,
                "instalments": self._instalments(lender),
                "pledge_id": pledge["entry"]["derived"]["pledge_id"],
            }
            if party in self._mandates:
                terms["mandate_id"] = self._mandates[party]
            drafted = self._post(treasury, "/agreements", terms)["entry"]["derived"]
            self._agreements[party] = identifier = drafted["agreement_id"]
            digest = self._get(treasury, f"/agreements/{identifier}")["digest"]
            signature = {"agreement_id": identifier, "digest": digest}
            self._post(treasury, f"/agreements/{identifier}/signatures", signature)
            signed = self._post(
                (era.TRUSTEE, Role.TRUSTEE), f"/agreements/{identifier}/signatures", signature
            )
            expect(signed["consequences"][0]["type"], "agreement.entered_into_force")
            print(f"  {party}  {shown(amount):>25}  window {window}")

    def _instalments(self, lender: dict[str, Any]) -> list[dict[str, Any]]:
        """The payments on their days; what is still owed falls due at the end of the programme."""
        parts, left = [], int(lender["amount"])
        for movement in self._history["movements"]:
            if movement["party"] == lender["party"] and "receipt" in movement["kind"]:
                amount = era.money(movement["amount"], movement["currency"])
                parts.append({"due": movement["date"], "amount": amount})
                left -= int(movement["amount"])
        if left:
            amount = era.money(str(left), lender["currency"])
            parts.append({"due": "2027-12-31", "amount": amount})
        return parts

    # -- outflow ---------------------------------------------------------------------------------

    def money_moves(self) -> None:
        print("\nMoney moves; each release takes 21 approvals:")
        for movement in self._history["movements"]:
            amount = era.money(movement["amount"], movement["currency"])
            party, day = movement["party"], movement["date"]
            if "receipt" in movement["kind"]:
                self._receive(party, amount, day, movement["number"])
            if "disbursement" in movement["kind"]:
                window = self._window(party)
                identifier = self._request(window, amount, f"ERA {party} {movement['number']}")
                self._approve(identifier)
                self._pay(identifier, amount, day, f"OUT-{party}-{movement['number']}")
            print(f"  {day}  {party}  {shown(amount):>25}  {movement['kind']}")

    def _receive(self, party: str, amount: dict[str, str], day: str, number: str) -> None:
        receipt = {
            "agreement_id": self._agreements[party],
            "amount": amount,
            "bank_account": era.bank_account(amount["currency"]),
            "bank_reference": f"IN-{party}-{number}",
            "value_date": day,
        }
        self._post((party, Role.TREASURY), "/receipts", receipt)

    def _request(self, window: str, amount: dict[str, str], description: str) -> str:
        terms = {
            "window": window,
            "amount": amount,
            "purpose": _WINDOW_OF_PURPOSE[window],
            "description": description,
        }
        requested = self._post((era.RECIPIENT, Role.REQUESTER), "/disbursements", terms)
        identifier: str = requested["entry"]["derived"]["disbursement_id"]
        return identifier

    def _approve(self, identifier: str, *, but_the_last: bool = False) -> dict[str, Any]:
        """Give every pending answer, in the charter's order; returns the last entry's answer."""
        path = f"/disbursements/{identifier}"
        view = self._get((era.AUDITOR, Role.AUDITOR), path)
        order = [step["id"] for step in self._charter["approval_steps"]]
        waiting = sorted(
            view["approvals"], key=lambda row: (order.index(row["step"]), row["party"])
        )
        answer: dict[str, Any] = {}
        for row in waiting[: -1 if but_the_last else None]:
            body = self._approval(identifier, row["step"], view["disbursement"]["digest"])
            who = (row["party"], Role(row["role"]))
            answer = self._post(who, f"{path}/approvals", body, "approval.given")
        return answer

    @staticmethod
    def _approval(identifier: str, step: str, digest: str) -> dict[str, str]:
        return {
            "disbursement_id": identifier,
            "step": step,
            "decision": "approve",
            "digest": digest,
        }

    def _pay(self, identifier: str, amount: dict[str, str], day: str, reference: str) -> None:
        path, trustee = f"/disbursements/{identifier}", (era.TRUSTEE, Role.TRUSTEE)
        account = era.bank_account(amount["currency"])
        instruction = {"disbursement_id": identifier, "bank_account": account}
        self._post(trustee, f"{path}/instruction", instruction)
        settlement = {
            "disbursement_id": identifier,
            "bank_reference": reference,
            "value_date": day,
        }
        self._post(trustee, f"{path}/settlement", settlement)

    # -- what it comes to ------------------------------------------------------------------------

    def show_summary(self) -> None:
        auditor = (era.AUDITOR, Role.AUDITOR)
        rows = self._get(auditor, "/summary")["positions"]
        print("\nWho pledged, who paid, what reached Ukraine:")
        names = ("pledged", "agreed", "received", "reserved", "disbursed")
        print("       " + "".join(f"{name:>24}" for name in names))
        for row in rows:
            amounts = "".join(f"{shown(row[name]):>24}" for name in names)
            print(f"  {row['party']:<5}{amounts}")
        (union,) = [row for row in rows if row["party"] == "EU"]
        agreement = self._get(auditor, f"/agreements/{self._agreements['EU']}")
        expect(union["disbursed"], era.money("18100000000", "EUR"))
        expect(agreement["outstanding"], era.money("15000000", "EUR"))
        print(
            f"  After its tenth tranche the EU has paid {shown(union['received'])}; "
            f"{shown(agreement['outstanding'])} of its share remains."
        )

    def answer_a_parliament(self) -> None:
        """Show where a lender's money went, with the entries that prove it; check that the books
        balance.
        """
        print("\nA parliament asks where the UK's money went:")
        asked = self._get(("UK", Role.TREASURY), "/attribution?party=UK")
        for line in asked["lines"]["items"]:
            share, seqs = line["attribution"], [proof["entry"]["seq"] for proof in line["entries"]]
            proven = " and ".join(map(str, seqs))
            amount = shown(share["amount"])
            print(f"  {amount:>25}  {share['purpose']}, proven by the receipts of entries {proven}")
        books = self._get((era.AUDITOR, Role.AUDITOR), "/trial-balance")
        expect(books["debits"], books["credits"])
        turnover = ", ".join(f"{amount} {name}" for name, amount in books["debits"].items())
        print(f"  The trial balance: debits equal credits, {turnover}.")

    # -- what must fail --------------------------------------------------------------------------

    def cheating_is_refused(self) -> None:
        print("\nAttempts that must fail:")
        size = self._get((era.AUDITOR, Role.AUDITOR), "")["size"]
        tranche = era.money("4100000000", "EUR")
        again = self._request("unrestricted", tranche, "The tenth tranche once more")
        path = f"/disbursements/{again}"
        view = self._get((era.AUDITOR, Role.AUDITOR), path)
        digest = view["disbursement"]["digest"]

        own = self._approval(again, "legal_review", digest)
        requester = (era.RECIPIENT, Role.REQUESTER)
        self._refused("self-approval", 403, "separation_of_duties", requester, path, own)

        self._approve(again, but_the_last=True)
        last = self._approval(again, "treasury_release", digest)
        approver = ("US", Role.TREASURY_APPROVER)
        self._refused("double spend", 409, "insufficient_funds", approver, path, last)

        pledge = {"window": "unrestricted", "amount": era.money("1", "EUR"), "note": "One euro"}
        client, address = self._client(("EU", Role.TREASURY)), f"/v1/funds/{era.FUND}/pledges"
        first = client.post(address, pledge, "replayed-request")
        second = client.post(address, pledge, "replayed-request")
        same = second["replayed"] and second["entry"] == first["entry"]
        expect((same, second["receipt"]), (True, first["receipt"]))
        print("  a replayed request   the first answer again, nothing recorded twice")
        try:
            other = {**pledge, "amount": era.money("2", "EUR")}
            client.post(address, other, "replayed-request")
        except Refused as refused:
            expect((refused.status, refused.code), (422, "idempotency_key_reused"))
            print(f"  its key, reused      {refused}")
        else:
            raise DemoFailed("a reused key was accepted")
        after = self._get((era.AUDITOR, Role.AUDITOR), "")["size"]
        expect(after, size + 1 + 20 + 1)

    def _refused(
        self,
        what: str,
        status: int,
        code: str,
        who: tuple[str, Role],
        path: str,
        body: dict[str, str],
    ) -> None:
        try:
            signed = "approval.given" if who[0] in self._signing else None
            self._post(who, f"{path}/approvals", body, signed)
        except Refused as refused:
            expect((refused.status, refused.code), (status, code))
            print(f"  {what:<20} {refused}")
            return
        raise DemoFailed(f"{what} was accepted")

    def export(self, out: Path) -> None:
        auditor = (era.AUDITOR, Role.AUDITOR)
        bundle = self._client(auditor).download(f"/v1/funds/{era.FUND}/exports/audit")
        with (out / "era-audit.zip").open("wb") as file:
            for piece in bundle:
                file.write(piece)
        # A real auditor gets this line from the partners, not from the service.
        vkey = self._get(auditor, "")["log_vkey"]
        (out / "trust.policy").write_text(f"log {vkey}\nquorum none\n")

    def close(self) -> None:
        for client in self._clients.values():
            client.close()

    def _window(self, party: str) -> str:
        (window,) = {row["window"] for row in self._history["lenders"] if row["party"] == party}
        return str(window)

    def _client(self, who: tuple[str, Role]) -> Client:
        person = era.Person(*who)
        if person not in self._clients:
            token = self._issuer.token(person.party, [str(person.role)], person.subject)
            self._clients[person] = Client(self._address, token, self._signing.get(person.party))
        return self._clients[person]

    def _post(
        self, who: tuple[str, Role], path: str, body: dict[str, Any], op: str | None = None
    ) -> dict[str, Any]:
        """Post a request, signed where `op` names the event that it asks for."""
        address = f"/v1/funds/{era.FUND}{path}"
        return self._client(who).post(address, body, next(self._keys), op)

    def _get(self, who: tuple[str, Role], path: str) -> dict[str, Any]:
        return self._client(who).get(f"/v1/funds/{era.FUND}{path}")
