"""An outside auditor's verifier, written from LEDGER.md alone: it shares no code with the product.

python oracle.py BUNDLE.zip TRUST.policy     exit 0: ok, 1: something is wrong, 2: cannot tell
"""

import base64
import csv
import datetime
import hashlib
import io
import json
import re
import sys
import unicodedata
import zipfile
from collections import Counter, defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

DIGITS = {"EUR": 2, "USD": 2, "GBP": 2, "CAD": 2, "NOK": 2, "JPY": 0}
CHECKS = {
    1: "the archive holds each file once and only files that the contract knows",
    2: "manifest.json is canonical and has its fields",
    3: "every file has the length and digest of the manifest",
    4: "manifest.jws is by the export key that entry 0 names",
    5: "the checkpoint is signed by the trust file's log key and fits the manifest",
    6: "the trust file's quorum of witnesses has cosigned",
    7: "every line is canonical JSON, at most 65535 bytes, in whole lines and files",
    8: "every entry has the table's fields, in their forms",
    9: "seq counts without gaps",
    10: "prev is the hash of the entry before",
    11: "at is UTC with microseconds and never goes back",
    12: "ids are UUIDv7 and unique",
    13: "money has its currency's digits, text is NFC",
    14: "the entries make the signed root",
    15: "entry 0 is fund.opened and names the trust file's log key",
    16: "what the ledger does has an earlier cause",
    17: "the control totals come out the same",
    18: "the journal balances, per entry and per currency",
    19: "the trial balance follows from the journal",
    20: "views: text a spreadsheet would run is neutralised, rows name their entries",
}
MANIFEST = set("files format from fund origin root time to totals tree_size".split())
KNOWN = r"README\.txt|checkpoint|keys\.json|(?:frontier|consistency)\.json|entries/\d{8}\.jsonl"
KNOWN_FILE = re.compile(KNOWN + r"|views/[a-z_]+\.csv|access/(?:[a-z_]+/)?[0-9a-z_.]+", re.ASCII)
VIEWS = "journal trial_balance contributions disbursements approvals mandates events".split()
REQUIRED = {"README.txt", "checkpoint", "keys.json", "views/journal.csv", "views/trial_balance.csv"}
FIELDS = {"v", "fund", "seq", "id", "type", "at", "by", "data", "prev"}
HEX64 = r"[0-9a-f]{64}"
FORMS = {
    "fund": r"[a-z0-9][a-z0-9-]{1,62}",
    "id": r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}",
    "type": r"[a-z][a-z0-9_]*(?:\.[a-z][a-z0-9_]*)+",
    "prev": HEX64,
}
NUMBER = re.compile(r"-?[0-9]+(?:\.[0-9]+)?")


class CannotTellError(Exception):
    """Neither right nor wrong can be said."""


def form(pattern: str, text: object) -> bool:
    return isinstance(text, str) and re.fullmatch(pattern, text, re.ASCII) is not None


def whole(value: object) -> bool:
    return type(value) is int and value >= 0


# --- RFC 8785 for what the contract allows: objects, arrays, strings, integers, booleans
SHORT = {8: "\\b", 9: "\\t", 10: "\\n", 12: "\\f", 13: "\\r", 34: '\\"', 92: "\\\\"}


def quoted(text: str) -> str:
    out = [SHORT.get(ord(c)) or (f"\\u{ord(c):04x}" if c < " " else c) for c in text]
    return '"' + "".join(out) + '"'


def canonical(value: Any) -> str:
    if isinstance(value, dict):
        keys = sorted(value, key=lambda key: str(key).encode("utf-16-be"))
        return "{" + ",".join(quoted(key) + ":" + canonical(value[key]) for key in keys) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(canonical, value)) + "]"
    if isinstance(value, bool):
        return "true" if value else "false"
    return quoted(value) if isinstance(value, str) else str(value)


def refuse(what: str) -> Callable[[str], Any]:
    def hook(text: str) -> Any:
        raise ValueError(f"{what} {text[:40]}")

    return hook


def integer(text: str) -> int:
    if len(text) > 17 or abs(int(text)) > 2**53 - 1:
        raise ValueError("an integer beyond 2^53-1")
    return int(text)


def members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len({key for key, _ in pairs}) != len(pairs):
        raise ValueError("a key stands twice")
    if any(value is None for _, value in pairs):
        raise ValueError("null")
    return dict(pairs)


def parse(data: bytes) -> Any:
    """The value, if these are its canonical bytes; ValueError says why not."""
    text = data.decode("utf-8")
    bad, constant = refuse("a float:"), refuse("not JSON:")
    try:
        value = json.loads(text, object_pairs_hook=members, parse_int=integer, parse_float=bad,
                           parse_constant=constant)  # fmt: skip
        same = canonical(value).encode("utf-8") == data
    except RecursionError:
        raise ValueError("nested too deeply") from None
    if not same:
        raise ValueError("not the canonical form")
    return value


def strings(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [*value, *(text for item in value.values() for text in strings(item))]
    if isinstance(value, list):
        if None in value:
            raise ValueError("null")
        return [text for item in value for text in strings(item)]
    return [value] if isinstance(value, str) else []


def minor(text: object, currency: object) -> int | None:
    """A decimal string in the currency's smallest unit; None if it has not its currency's form."""
    if currency not in DIGITS:
        raise CannotTellError(f"unknown currency {currency!r}")
    tail = r"\.[0-9]{2}" if DIGITS[str(currency)] == 2 else ""
    if not form(r"-?(?:0|[1-9][0-9]*)" + tail, text) or form(r"-[0.]+", text):
        return None
    return int(str(text).replace(".", ""))


def amounts(value: Any) -> list[tuple[object, object]]:
    if isinstance(value, list):
        return [money for item in value for money in amounts(item)]
    if not isinstance(value, dict):
        return []
    if "amount" in value and "currency" in value and not isinstance(value["amount"], dict):
        return [(value["amount"], value["currency"] if set(value) == {"amount", "currency"} else 0)]
    return [money for item in value.values() for money in amounts(item)]


def b64(text: str, *, url: bool = False) -> bytes:
    data = base64.b64decode(text + "=" * (-len(text) % 4) if url else text,
                            altchars=b"-_" if url else None, validate=True)  # fmt: skip
    again = base64.urlsafe_b64encode(data).rstrip(b"=") if url else base64.b64encode(data)
    if again.decode() != text:
        raise ValueError("base64 of another form")
    return data


def leaf_hash(line: bytes) -> bytes:
    return hashlib.sha256(b"\0" + line).digest()


def merkle_root(left: list[bytes], first: int, leaves: list[bytes]) -> bytes:
    peaks = list(left)
    for index, leaf in enumerate(leaves, first):
        node, height = leaf, index
        while height & 1:
            node, height = hashlib.sha256(b"\1" + peaks.pop() + node).digest(), height >> 1
        peaks.append(node)
    root = peaks.pop()
    while peaks:
        root = hashlib.sha256(b"\1" + peaks.pop() + root).digest()
    return root


class Trust:
    """A tlog-policy: the log's key, the witnesses, groups and the quorum."""

    def __init__(self, text: str) -> None:
        self.logs: dict[str, str] = {}
        self.witnesses: dict[str, str] = {}
        self.groups: dict[str, tuple[int, list[str]]] = {}
        self.quorum: str | None = None
        for line in text.split("\n"):
            match line.split():
                case ["log", vkey, *_]:
                    self.logs[vkey.split("+")[0]] = vkey
                case ["witness", name, vkey, *_]:
                    self.witnesses[name] = vkey
                case ["group", name, count, *names] if names:
                    need = {"any": 1, "all": len(names)}.get(count) or int(count)
                    self.groups[name] = (need, names)
                case ["quorum", name] if self.quorum is None:
                    self.quorum = name
                case [word, *_] if not word.startswith("#"):
                    raise ValueError(f"trust file: {line!r}")
        for vkey in (*self.logs.values(), *self.witnesses.values()):
            key_of(vkey)
        if not self.logs or self.quorum is None:
            raise ValueError("the trust file names no log, or no quorum")

    def met(self, name: str, signed: set[str]) -> bool:
        if name in self.groups:
            need, names = self.groups[name]
            return sum(self.met(member, signed) for member in names) >= need
        return name == "none" or name in signed


def key_of(vkey: str) -> tuple[str, bytes, int, bytes]:
    """Name, key id, type and public key of a verifier key."""
    name, hint, rest = vkey.split("+", 2)
    data = b64(rest)
    key_id = hashlib.sha256(name.encode() + b"\n" + data).digest()[:4]
    if key_id.hex() != hint or len(data) != 33 or data[0] not in {1, 4}:
        raise ValueError(f"not a verifier key: {vkey}")
    return name, key_id, data[0], data[1:]


def note(raw: bytes, vkeys: list[str]) -> tuple[list[str], set[str]]:
    """A signed note's lines and the verifier keys that signed it; ValueError if a known one failed."""
    if any(byte < 32 and byte != 10 for byte in raw):
        raise ValueError("control character in the note")
    text, split, tail = raw.decode().rpartition("\n\n")
    known = {key_of(vkey)[:2]: vkey for vkey in vkeys}
    signed: set[str] = set()
    if not split or not text or not tail.endswith("\n"):
        raise ValueError("not a signed note")
    for line in tail[:-1].split("\n"):
        dash, name, blob = line.split(" ")
        data = b64(blob)
        if dash != "\u2014" or not name or "+" in name or len(data) < 5:
            raise ValueError("not a signature line")
        if (name, data[:4]) not in known:
            continue
        vkey = known[name, data[:4]]
        *_, kind, public = key_of(vkey)
        message, signature = (text + "\n").encode(), data[4:]
        if kind == 4:
            time, signature = int.from_bytes(data[4:12], "big"), data[12:]
            message = f"cosignature/v1\ntime {time}\n".encode() + message
        try:
            ed25519.Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
        except InvalidSignature:
            raise ValueError(f"the signature of {name} is not good") from None
        signed.add(vkey)
    return text.split("\n"), signed


class Audit:
    def __init__(self, archive: zipfile.ZipFile, trust: Trust) -> None:
        self.archive, self.trust = archive, trust
        self.bad: list[tuple[float, int, str]] = []
        self.notes: list[str] = []
        self.files: dict[str, bytes] = {}
        self.lines: list[bytes] = []
        self.entries: list[dict[str, Any]] = []
        self.views: dict[str, list[dict[str, str]]] = {}
        self.manifest: dict[str, Any] = {}

    def need(self, ok: object, check: int, why: str, seq: float = float("inf")) -> bool:
        if not ok:
            self.bad.append((seq, check, why))
        return bool(ok)

    def run(self) -> None:
        names = self.archive.namelist()
        self.need(len(set(names)) == len(names), 1, "a file stands twice in the archive")
        self.files = {name: self.archive.read(name) for name in names}
        if "manifest.json" not in self.files:
            raise CannotTellError("no manifest.json")
        self.check_manifest()
        self.read_lines()
        if not self.lines and not self.bad:
            raise CannotTellError("zero entries")
        origin = self.manifest["origin"]
        if origin not in self.trust.logs:
            raise CannotTellError(f"the trust file knows no log {origin}")
        self.check_entries()
        self.check_checkpoint(self.trust.logs[origin])
        self.check_opening(self.trust.logs[origin])
        self.check_views()
        if {"views/journal.csv", "views/trial_balance.csv"} <= self.views.keys():
            self.check_money()

    def check_manifest(self) -> None:
        raw = self.files["manifest.json"]
        try:
            self.manifest = manifest = parse(raw)
        except ValueError as error:
            self.need(False, 2, f"manifest.json: {error}")
            raise CannotTellError("the manifest cannot be read") from None
        if not isinstance(manifest, dict) or manifest.get("format") != "fund-ledger-audit/1":
            raise CannotTellError("unknown format")
        fields = set(manifest) == MANIFEST and isinstance(manifest["files"], list)
        if fields:
            numbers = all(whole(manifest[key]) for key in ("from", "to", "tree_size"))
            fields = (
                numbers and form(HEX64, manifest["root"]) and form(FORMS["fund"], manifest["fund"])
            )
            fields = fields and isinstance(manifest["origin"], str) and at_form(manifest["time"])
            fields = fields and all(isinstance(f, dict) and set(f) == {"path", "sha256", "bytes"}
                                    for f in manifest["files"])  # fmt: skip
        if not self.need(fields, 2, "manifest.json: fields missing, unknown or of a wrong form"):
            raise CannotTellError("the manifest cannot be read")
        self.need(manifest["from"] <= manifest["to"] == manifest["tree_size"], 2, "from, to, size")
        self.need(manifest["origin"].endswith("/" + manifest["fund"]), 2, "origin is not .../fund")
        paths = [str(file["path"]) for file in manifest["files"]]
        self.need(len(set(paths)) == len(paths), 3, "the manifest names a file twice")
        for name in sorted(set(self.files) - {"manifest.json", "manifest.jws"} - set(paths)):
            self.need(False, 3, f"{name} is not in the manifest")
        for name in sorted((REQUIRED | set(paths)) - set(self.files)):
            self.need(False, 3, f"{name} is missing")
        for file in manifest["files"]:
            path, data = str(file["path"]), self.files.get(str(file["path"]))
            self.need(KNOWN_FILE.fullmatch(path), 1, f"the contract knows no file {path!r}")
            digest = data is None or hashlib.sha256(data).hexdigest() == file["sha256"]
            length = data is None or (whole(file["bytes"]) and len(data) == file["bytes"])
            self.need(digest and length, 3, f"{path} has not the manifest's digest and length")

    def read_lines(self) -> None:
        names = sorted(name for name in self.files if name.startswith("entries/"))
        for name in names:
            lines = self.files[name].split(b"\n")
            self.need(lines.pop() == b"", 7, f"{name} does not end with a newline")
            full = len(lines) == 65536 or (name == names[-1] and 0 < len(lines) < 65536)
            self.need(full, 7, f"{name} has {len(lines)} lines")
            self.lines += lines
        first, to = self.manifest["from"], self.manifest["to"]
        if len(self.lines) != to - first:
            self.need(False, 9, f"{len(self.lines)} entries, the manifest says {to - first}")

    def check_entries(self) -> None:
        first, time, ids = self.manifest["from"], "", set()
        leaves = [leaf_hash(line) for line in self.lines]
        prev = "0" * 64 if first == 0 else ""
        for index, line in enumerate(self.lines):
            seq = first + index
            try:
                entry = parse(line)
                texts = strings(entry)
            except ValueError as error:
                self.need(False, 7, f"{error}", seq)
                entry, texts = {}, []
            self.need(len(line) <= 65535, 7, "longer than 65535 bytes", seq)
            entry = entry if isinstance(entry, dict) else {}
            self.entries.append(entry)
            if not entry or not self.check_fields(entry, seq):
                prev = leaves[index].hex()
                continue
            self.need(entry["seq"] == seq, 9, f"says seq {entry['seq']}", seq)
            if prev and entry["prev"] != prev:
                after = self.lines[index + 1 : index + 2]
                sound = bool(after) and leaves[index].hex().encode() in after[0]
                blamed = seq - 1 if sound and index else seq
                self.need(False, 10, f"prev of seq {seq} is not the hash of the one before", blamed)
            prev = leaves[index].hex()
            self.need(entry["at"] >= time, 11, "earlier than the entry before", seq)
            self.need(entry["id"] not in ids, 12, "an id for the second time", seq)
            time = entry["at"]
            ids.add(entry["id"])
            nfc = all(unicodedata.is_normalized("NFC", text) for text in texts)
            self.need(nfc, 13, "text is not NFC", seq)
            money = all(minor(*pair) is not None for pair in amounts(entry))
            self.need(money, 13, "money without its currency's digits", seq)
            derived = entry.get("derived", {})
            if entry["by"]["party"] == "@ledger" or "cause" in derived:
                ok = whole(derived.get("cause")) and derived["cause"] < seq
                self.need(ok, 16, "no cause, or not an earlier one", seq)
        try:
            side = parse(self.files["frontier.json"])["left"] if first else []
            left = [bytes.fromhex(text) for text in side if form(HEX64, text)]
            if len(left) != first.bit_count():
                raise ValueError("not as many as subtrees")
        except (KeyError, TypeError, ValueError) as error:
            self.need(False, 14, f"frontier.json: {error}")
            return
        root = merkle_root(left, first, leaves).hex() if leaves else ""
        self.need(root == self.manifest["root"], 14, "the entries make another root")

    def check_fields(self, entry: dict[str, Any], seq: int) -> bool:
        if entry.get("v") != 1 or type(entry.get("v")) is not int:
            return self.need(False, 8, "unknown version", seq)
        for key in sorted(FIELDS - set(entry)):
            return self.need(False, 8, f"no {key}", seq)
        extra = set(entry) - FIELDS - {"derived", "jws"}
        ok = self.need(not extra, 8, f"unknown fields {sorted(extra)}", seq)
        for key, pattern in FORMS.items():
            check = 12 if key == "id" else 8
            ok &= self.need(form(pattern, entry[key]), check, f"{key} has a wrong form", seq)
        by, derived = entry["by"], entry.get("derived", {"": ""})
        person = isinstance(by, dict) and set(by) == {"party", "subject", "role"}
        person = person and all(isinstance(text, str) and text for text in by.values())
        ok &= self.need(person, 8, "by has a wrong form", seq)
        objects = isinstance(entry["data"], dict) and isinstance(derived, dict) and derived
        ok &= self.need(objects, 8, "data or derived has a wrong form", seq)
        jws = entry.get("jws", "a..a")
        ok &= self.need(form(r"[\w-]+\.\.[\w-]+", jws), 8, "jws has a wrong form", seq)
        ok &= self.need(whole(entry["seq"]), 9, "seq is not an integer", seq)
        self.need(entry["fund"] == self.manifest["fund"], 8, "of another fund", seq)
        return self.need(at_form(entry["at"]), 11, "at has a wrong form", seq) and ok

    def check_checkpoint(self, log_vkey: str) -> None:
        witnesses = self.trust.witnesses
        try:
            body, signed = note(self.files.get("checkpoint", b""), [log_vkey, *witnesses.values()])
            origin, size, root = body
            root = b64(root).hex()
        except ValueError as error:
            self.need(False, 5, f"checkpoint: {error}")
            return
        self.need(log_vkey in signed, 5, "the checkpoint is not signed by the trust file's log")
        manifest = self.manifest
        self.need(origin == manifest["origin"], 5, f"the checkpoint is of {origin}")
        self.need(size == str(manifest["tree_size"]), 5, f"the checkpoint has size {size}")
        self.need(root == manifest["root"], 5, f"the checkpoint has root {root}")
        names = {name for name, vkey in witnesses.items() if vkey in signed}
        met = self.trust.met(self.trust.quorum or "", names)
        self.need(met, 6, f"no quorum: cosigned by {sorted(names)}")

    def check_opening(self, log_vkey: str) -> None:
        if self.manifest["from"] or not self.entries:
            self.notes.append("manifest.jws and the chain's first link: this is a part of a log")
            return
        derived = self.entries[0].get("derived")
        named = derived if isinstance(derived, dict) else {}
        self.need(self.entries[0].get("type") == "fund.opened", 15, "not fund.opened", 0)
        self.need(named.get("log_vkey") == log_vkey, 15, "log_vkey is not the trust file's key", 0)
        try:
            self.check_jws(str(named.get("export_kid")))
        except (ValueError, KeyError, TypeError, InvalidSignature) as error:
            self.need(False, 4, f"manifest.jws: {error or 'the signature is not good'}")

    def check_jws(self, kid: str) -> None:
        head, empty, tail = self.files["manifest.jws"].decode("ascii").split(".")
        header, signature = (
            json.loads(b64(head, url=True), object_pairs_hook=members),
            b64(tail, url=True),
        )
        if (
            empty
            or header["alg"] != "ES256"
            or header["kid"] != kid
            or {"crit", "b64"} & set(header)
        ):
            raise ValueError("not a detached ES256 signature of the key that entry 0 names")
        for jwk in json.loads(self.files["keys.json"])["jwks"]["keys"]:
            print_of = {key: jwk[key] for key in ("crv", "kty", "x", "y")}
            thumb = hashlib.sha256(canonical(print_of).encode()).digest()
            if (
                base64.urlsafe_b64encode(thumb).rstrip(b"=").decode() == kid
                and len(signature) == 64
            ):
                x, y = (int.from_bytes(b64(jwk[key], url=True), "big") for key in "xy")
                r, s = (int.from_bytes(half, "big") for half in (signature[:32], signature[32:]))
                public = ec.EllipticCurvePublicNumbers(x, y, ec.SECP256R1()).public_key()
                manifest = base64.urlsafe_b64encode(self.files["manifest.json"]).rstrip(b"=")
                message = head.encode() + b"." + manifest
                public.verify(encode_dss_signature(r, s), message, ec.ECDSA(hashes.SHA256()))
                return
        raise ValueError(f"keys.json has no key of thumbprint {kid}")

    def check_views(self) -> None:
        for name in sorted(n for n in self.files if n.startswith("views/")):
            try:
                text = io.StringIO(self.files[name].decode("utf-8"), newline="")
                head, *rows = csv.reader(text, strict=True)
                self.views[name] = [dict(zip(head, row, strict=True)) for row in rows]
            except (ValueError, csv.Error) as error:
                self.need(False, 20, f"{name}: {error}")
                continue
            for row in self.views[name]:
                self.check_row(name, row)
        for view in VIEWS:
            if f"views/{view}.csv" not in self.files:
                self.notes.append(f"views/{view}.csv, which the contract lists: it is not there")
        for name, kind in (("events", ""), ("approvals", "approval.given")):
            seqs = [row.get("seq") for row in self.views.get(f"views/{name}.csv", [])]
            want = [e.get("seq") for e in self.entries if not kind or e.get("type") == kind]
            self.need(seqs == [*map(str, want)], 20, f"views/{name}.csv: not one row an entry")

    def check_row(self, name: str, row: dict[str, str]) -> None:
        text = row.get("seq", row.get("last_seq", ""))
        index = int(text) - self.manifest["from"] if form("0|[1-9][0-9]{0,15}", text) else -1
        if not self.need(0 <= index < len(self.entries), 20, f"{name}: a row names seq {text!r}"):
            return
        seq, entry = int(text), self.entries[index]
        runs = [cell for cell in row.values() if cell[:1] in {*"=+-@\t\r"} and cell]
        self.need(all(map(NUMBER.fullmatch, runs)), 20, f"{name}: {runs} would be run", seq)
        same = row.get("at", entry.get("at")) == entry.get("at")
        same = same and row.get("event", entry.get("type")) == entry.get("type")
        data = entry.get("data")
        for key in ("disbursement_id", "step", "decision", "purpose"):
            if same and isinstance(data, dict) and isinstance(data.get(key), str) and key in row:
                same = row[key] in {data[key], "'" + data[key]}
        self.need(same, 20, f"{name}: a row is not as its entry", seq)

    def check_money(self) -> None:
        accounts: dict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0, 0, 0])
        sides: dict[str, Counter[str]] = {"debits": Counter(), "credits": Counter()}
        saldo: Counter[tuple[int, str]] = Counter()
        before, line = -1, 0
        for row in self.views["views/journal.csv"]:
            if not form(r"[0-9]{1,15}", row.get("seq")):
                continue
            seq, currency = int(row["seq"]), row["currency"]
            debit, credit = (minor(row[side] or "-", currency) for side in ("debit", "credit"))
            one = (row["debit"] == "") != (row["credit"] == "")
            amount = debit if credit is None else -credit
            if not self.need(one and amount and max(debit or 0, credit or 0) > 0, 18, "a row", seq):
                continue
            line = line + 1 if seq == before else 0
            self.need(seq >= before and row["line"] == str(line), 18, "not in order", seq)
            before, change = seq, amount or 0
            total = accounts[row["account"], currency]
            total[:] = total[0] + max(change, 0), total[1] + max(-change, 0), seq, total[3] + 1
            if not self.manifest["from"]:
                same = minor(row["balance_after"], currency) == total[0] - total[1]
                same = same and row["account_version"] == str(total[3])
                self.need(same, 18, f"{row['account']}: another balance or version", seq)
            saldo[seq, currency] += change
            sides["debits"][currency] += max(change, 0)
            sides["credits"][currency] += max(-change, 0)
        for (seq, currency), rest in saldo.items():
            self.need(rest == 0, 18, f"debits and credits in {currency} differ", seq)
        self.check_totals(accounts, sides)

    def check_totals(self, accounts: dict[tuple[str, str], list[int]],
                     sides: dict[str, Counter[str]]) -> None:  # fmt: skip
        claimed = {}
        for row in self.views["views/trial_balance.csv"]:
            numbers = [minor(row[key], row["currency"]) for key in ("debits", "credits", "balance")]
            claimed[row["account"], row["currency"]] = [*numbers, int(row["last_seq"])]
        worked = {key: [d, c, d - c, seq] for key, (d, c, seq, _) in accounts.items()}
        for key in sorted(claimed.keys() | worked.keys()):
            self.need(claimed.get(key) == worked.get(key), 19, f"{key}: another balance")
        self.need(len(claimed) == len(self.views["views/trial_balance.csv"]), 19, "account twice")
        totals, kinds = self.manifest["totals"], Counter(e.get("type") for e in self.entries)
        if not self.need(isinstance(totals, dict), 17, "totals are no object"):
            return
        self.need(set(totals) == {"entries", "by_type", *sides}, 17, "other totals")
        self.need(totals.get("entries") == len(self.entries), 17, "entries")
        self.need(totals.get("by_type") == kinds, 17, "entries by type")
        for side, sums in sides.items():
            said = totals.get(side)
            said = {c: minor(v, c) for c, v in said.items()} if isinstance(said, dict) else None
            self.need(said == sums, 17, f"{side} by currency")


def at_form(text: object) -> bool:
    if not form(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", text):
        return False
    try:
        return datetime.datetime.fromisoformat(str(text)).tzinfo is not None
    except ValueError:
        return False


def verdict(bundle: Path, policy: Path) -> tuple[int, list[str]]:
    audit: Audit | None = None
    unsure = ""
    try:
        trust = Trust(policy.read_text("utf-8"))
        with zipfile.ZipFile(bundle) as archive:
            audit = Audit(archive, trust)
            audit.run()
    except (OSError, ValueError, KeyError, RuntimeError, EOFError) as error:
        unsure = f"{type(error).__name__}: {error}"
    except (CannotTellError, zipfile.BadZipFile, zipfile.LargeZipFile) as error:
        unsure = str(error)
    out = [f"not checked: {text}" for text in audit.notes] if audit else []
    if audit and audit.bad:
        said = []
        for seq, check, why in sorted(audit.bad):
            where = "no single seq" if seq == float("inf") else f"seq {seq}"
            said.append(f"{where}: {why} (check {check}: {CHECKS[check]})")
        return 1, ["WRONG: first bad " + said[0], *("  also " + text for text in said[1:20]), *out]
    if unsure or audit is None:
        return 2, [f"CANNOT TELL: {unsure}", *out]
    return 0, [f"ok: {len(audit.entries)} entries, root {audit.manifest['root']}", *out]


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(2)
    CODE, LINES = verdict(Path(sys.argv[1]), Path(sys.argv[2]))
    sys.stdout.write("\n".join(LINES) + "\n")
    sys.exit(CODE)
