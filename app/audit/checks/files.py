"""The files of a bundle: each has the digest that the manifest says, none is missing or extra."""

from collections.abc import Callable, Mapping, Set

from app.audit.format.archive import Archive, CannotTell
from app.audit.format.layout import KNOWN_PATH, MANIFEST, MANIFEST_JWS


def check_files(
    archive: Archive,
    listed: Mapping[str, tuple[str, int]],
    expected: Set[str],
    known: Mapping[str, tuple[str, int]],
    found: Callable[[str], None],
) -> None:
    """Compare the archive with the manifest's list (path to digest and length).

    `expected` are the files that such a bundle has; `known` has digests of files that were read
    before.
    """
    if len(set(archive.names)) != len(archive.names):
        found("a file stands twice in the archive")
    for name in sorted({*archive.names} - listed.keys() - {MANIFEST, MANIFEST_JWS}):
        why = "is not listed" if KNOWN_PATH.fullmatch(name) else "does not belong here"
        found(f"a file in the archive {why} in the manifest")
    for name in sorted(expected - listed.keys()):
        found(f"{name} is not listed in the manifest")
    for name in sorted(listed.keys() - expected):
        found(f"{name} is listed in the manifest, and nothing can check it")
    for name, claimed in listed.items():
        try:
            digest = known[name] if name in known else archive.digest(name, claimed[1])
        except CannotTell as error:
            found(str(error))
            continue
        if digest != claimed:
            found(f"{name} does not have the digest and length of the manifest")
