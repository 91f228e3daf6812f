"""The manifest of a bundle: what it claims to hold, read strictly."""

import re
from dataclasses import dataclass
from typing import Any, Final

from app.audit.format.archive import CannotTell
from app.audit.format.layout import KNOWN_PATH
from app.audit.format.versions import BundleFormat, named, newest
from app.chain.canonical import NotCanonical, decode, encode
from app.chain.plain import FUND

_FORMS: Final = {
    "format": str,
    "fund": str,
    "origin": str,
    "from": int,
    "to": int,
    "tree_size": int,
    "root": str,
    "time": str,
    "totals": dict,
    "files": list,
}
_ORIGIN: Final = re.compile(r"[\x21-\x7e]{1,255}")
_FILE: Final = {"path": str, "sha256": str, "bytes": int}


@dataclass(frozen=True, slots=True)
class Manifest:
    """The claims: entries [start, end). `files` maps a path to its digest and length."""

    format: BundleFormat
    fund: str
    origin: str
    start: int
    end: int
    tree_size: int
    root: str
    time: str
    totals: dict[str, Any]
    files: dict[str, tuple[str, int]]

    @classmethod
    def parse(cls, raw: bytes) -> "Manifest":
        """Read a manifest of this version. Raises CannotTell."""
        try:
            members = decode(raw)
        except NotCanonical as error:
            raise CannotTell(f"manifest.json: {error}") from None
        if type(members) is not dict or type(members.get("format")) is not str:
            raise CannotTell("manifest.json does not have the form of a manifest")
        form = named(members["format"])
        if form is None:
            raise CannotTell(f"this version reads the format {newest().name}, not this one")
        _check_form(members, _FORMS, "manifest.json")
        if encode(members) != raw:
            raise CannotTell("manifest.json is not in canonical form")
        if not (FUND.fullmatch(members["fund"]) and _ORIGIN.fullmatch(members["origin"])):
            raise CannotTell("manifest.json: fund or origin is no name")
        if not 0 <= members["from"] < members["to"]:
            raise CannotTell("the bundle holds no entries")
        return cls(
            format=form,
            fund=members["fund"],
            origin=members["origin"],
            start=members["from"],
            end=members["to"],
            tree_size=members["tree_size"],
            root=members["root"],
            time=members["time"],
            totals=members["totals"],
            files=_files(members["files"]),
        )


def _files(listed: list[Any]) -> dict[str, tuple[str, int]]:
    files: dict[str, tuple[str, int]] = {}
    for file in listed:
        _check_form(file, _FILE, "a file of manifest.json")
        if not KNOWN_PATH.fullmatch(file["path"]) or file["path"] in files or file["bytes"] < 0:
            raise CannotTell("manifest.json lists a file twice, or one that does not belong here")
        files[file["path"]] = (file["sha256"], file["bytes"])
    return files


def _check_form(members: Any, forms: dict[str, type], what: str) -> None:
    if type(members) is not dict or members.keys() != forms.keys():
        raise CannotTell(f"{what} does not have exactly the members of this version")
    for name, kind in forms.items():
        if type(members[name]) is not kind:
            raise CannotTell(f"{what}: {name} is not of its kind")
