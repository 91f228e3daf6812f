"""The demo: a server of its own, the ERA history over HTTP, attempts to cheat, the audit.

Ends well only if everything happened as it should; whatever does not is an exception.
"""

import itertools
import json
import socket
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import httpx

from app.api.devissuer import DevelopmentIssuer
from app.client import Client, Refused
from app.demo import era
from app.domain.values import Money, Role
from app.settings import LOCAL_ORIGIN, Settings

START_TIMEOUT_S: Final = 20.0
_WINDOW_OF_PURPOSE: Final = {
    "military": "defence",
    "non-military": "budget-support",
    "unrestricted": "budget-support",
}


class DemoFailed(AssertionError):
    """Something did not happen as it should have."""


def play(out: Path) -> int:
    """Play the whole story, write its bundle and trust file into `out`; 0 if all of it happened."""
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="fundledger-demo-") as folder:
        # Everything is said explicitly: nothing of the caller's own service is touched.
        settings = Settings(
            env="development",
            data_dir=Path(folder),
            database_url=f"sqlite:///{folder}/ledger.db",
            log_origin=LOCAL_ORIGIN,
            issuers_file=None,
            audience="demo",
        )
        with _server(settings) as address:
            story = _Story(address, settings)
            story.lenders_pledge_and_agree()
            story.money_moves()
            story.show_summary()
            story.answer_a_parliament()
            story.cheating_is_refused()
            story.export(out)
            story.close()
    _verify_and_tamper(out)
    print(f"\nWritten: {out / 'era-audit.zip'} and {out / 'trust.policy'}")
    return 0


class _Story:
    """Everybody's clients, and what they do."""

    def __init__(self, address: str, settings: Settings) -> None:
        self._issuer = DevelopmentIssuer.open(settings)
        self._address = address
        self._clients: dict[era.Person, Client] = {}
        self._agreements: dict[str, str] = {}
        self._keys = (f"demo-{number}" for number in itertools.count(1))
        self._charter = era.charter()
        self._history = era.history()
        print(f"{era.NOTICE}\n")

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
            drafted = self._post(treasury, "/agreements", terms)["entry"]["derived"]
            self._agreements[party] = identifier = drafted["agreement_id"]
            digest = self._get(treasury, f"/agreements/{identifier}")["digest"]
            signature = {"agreement_id": identifier, "digest": digest}
            self._post(treasury, f"/agreements/{identifier}/signatures", signature)
            signed = self._post(
                (era.TRUSTEE, Role.TRUSTEE), f"/agreements/{identifier}/signatures", signature
            )
            _expect(signed["consequences"][0]["type"], "agreement.entered_into_force")
            print(f"  {party}  {_shown(amount):>25}  window {window}")

    def _instalments(self, lender: dict[str, Any]) -> list[dict[str, Any]]:
        """What was paid on its day; what is still open falls due at the end of the programme."""
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
            print(f"  {day}  {party}  {_shown(amount):>25}  {movement['kind']}")

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
        """Every answer that waits, in the charter's order; the last entry's answer."""
        path = f"/disbursements/{identifier}"
        view = self._get((era.AUDITOR, Role.AUDITOR), path)
        order = [step["id"] for step in self._charter["approval_steps"]]
        waiting = sorted(
            view["approvals"], key=lambda row: (order.index(row["step"]), row["party"])
        )
        answer: dict[str, Any] = {}
        for row in waiting[: -1 if but_the_last else None]:
            body = self._approval(identifier, row["step"], view["disbursement"]["digest"])
            answer = self._post((row["party"], Role(row["role"])), f"{path}/approvals", body)
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
            amounts = "".join(f"{_shown(row[name]):>24}" for name in names)
            print(f"  {row['party']:<5}{amounts}")
        (union,) = [row for row in rows if row["party"] == "EU"]
        agreement = self._get(auditor, f"/agreements/{self._agreements['EU']}")
        _expect(union["disbursed"], era.money("18100000000", "EUR"))
        _expect(agreement["outstanding"], era.money("15000000", "EUR"))
        print(
            f"  After its tenth tranche the EU has paid {_shown(union['received'])}; "
            f"{_shown(agreement['outstanding'])} of its share remains."
        )

    def answer_a_parliament(self) -> None:
        """Where a lender's money went, and the entries that prove it; the books balance."""
        print("\nA parliament asks where the UK's money went:")
        asked = self._get(("UK", Role.TREASURY), "/attribution?party=UK")
        for line in asked["lines"]["items"]:
            share, seqs = line["attribution"], [proof["entry"]["seq"] for proof in line["entries"]]
            proven = " and ".join(map(str, seqs))
            amount = _shown(share["amount"])
            print(f"  {amount:>25}  {share['purpose']}, proven by the receipts of entries {proven}")
        books = self._get((era.AUDITOR, Role.AUDITOR), "/trial-balance")
        _expect(books["debits"], books["credits"])
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
        _expect((same, second["receipt"]), (True, first["receipt"]))
        print("  a replayed request   the first answer again, nothing recorded twice")
        try:
            other = {**pledge, "amount": era.money("2", "EUR")}
            client.post(address, other, "replayed-request")
        except Refused as refused:
            _expect((refused.status, refused.code), (422, "idempotency_key_reused"))
            print(f"  its key, reused      {refused}")
        else:
            raise DemoFailed("a reused key was accepted")
        after = self._get((era.AUDITOR, Role.AUDITOR), "")["size"]
        _expect(after, size + 1 + 20 + 1)

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
            self._post(who, f"{path}/approvals", body)
        except Refused as refused:
            _expect((refused.status, refused.code), (status, code))
            print(f"  {what:<20} {refused}")
            return
        raise DemoFailed(f"{what} was accepted")

    def export(self, out: Path) -> None:
        auditor = (era.AUDITOR, Role.AUDITOR)
        bundle = self._client(auditor).download(f"/v1/funds/{era.FUND}/exports/audit")
        with (out / "era-audit.zip").open("wb") as file:
            for piece in bundle:
                file.write(piece)
        # In earnest an auditor has this line from the partners, not from the service.
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
            self._clients[person] = Client(self._address, token)
        return self._clients[person]

    def _post(self, who: tuple[str, Role], path: str, body: dict[str, Any]) -> dict[str, Any]:
        address = f"/v1/funds/{era.FUND}{path}"
        return self._client(who).post(address, body, next(self._keys))

    def _get(self, who: tuple[str, Role], path: str) -> dict[str, Any]:
        return self._client(who).get(f"/v1/funds/{era.FUND}{path}")


def _verify_and_tamper(out: Path) -> None:
    """The bundle verifies; a copy with one byte changed does not, and its entry is named."""
    bundle, trust = out / "era-audit.zip", out / "trust.policy"
    print("\nThe auditor verifies, offline:")
    _expect(_fundledger("verify", str(bundle), "--trust", str(trust), "--quiet"), 0)
    copy = out / "tampered.zip"
    seq = _change_one_byte(bundle, copy)
    print(f"\nOne byte of entry {seq} changed in a copy:")
    report = json.loads(_output("verify", str(copy), "--trust", str(trust), "--quiet", "--json"))
    _expect((report["result"], report["first_bad_seq"]), ("wrong", seq))
    _expect(_fundledger("verify", str(copy), "--trust", str(trust), "--quiet"), 1)


def _change_one_byte(bundle: Path, copy: Path) -> int:
    """Copy the archive with one digit of one receipt changed; the entry that holds it."""
    with zipfile.ZipFile(bundle) as old, zipfile.ZipFile(copy, "w") as new:
        for name in old.namelist():
            content = old.read(name)
            if name == "entries/00000000.jsonl":
                lines = content.split(b"\n")
                seq = next(n for n, line in enumerate(lines) if b'"receipt.booked"' in line)
                lines[seq] = lines[seq].replace(b'"amount":"2', b'"amount":"1', 1)
                content = b"\n".join(lines)
            new.writestr(name, content)
    return seq


def _fundledger(*arguments: str) -> int:
    return subprocess.run([sys.executable, "-m", "app.cli", *arguments], check=False).returncode


def _output(*arguments: str) -> str:
    command = [sys.executable, "-m", "app.cli", *arguments]
    return subprocess.run(command, check=False, capture_output=True, text=True).stdout


@contextmanager
def _server(settings: Settings) -> Iterator[str]:
    """`fundledger serve --demo` on a free port, ended when the block ends."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = subprocess.Popen(
        [sys.executable, "-m", "app.cli", "serve", "--demo", "--port", str(port)],
        env=settings.environment(),
        stdout=subprocess.DEVNULL,
    )
    try:
        address = f"http://127.0.0.1:{port}"
        _wait_until_ready(address, server)
        yield address
    finally:
        server.terminate()
        server.wait(timeout=30)


def _wait_until_ready(address: str, server: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline and server.poll() is None:
        try:
            if httpx.get(f"{address}/readyz").is_success:
                return
        except httpx.TransportError:
            time.sleep(0.1)
    raise DemoFailed("the server did not become ready")


def _shown(value: Any) -> str:
    return str(Money.read(value)) if isinstance(value, dict) else str(value)


def _expect(found: object, expected: object) -> None:
    if found != expected:
        raise DemoFailed(f"expected {expected}, found {found}")
