"""The proof in a bundle that the log continues an earlier, smaller one: `consistency.json`."""

from app.audit.format.archive import Archive, CannotTell
from app.audit.format.layout import CONSISTENCY, MAX_SMALL_FILE_BYTES
from app.chain.canonical import decode


def read_proof(archive: Archive) -> tuple[int, list[bytes]]:
    """The size of the smaller log, and the hashes of RFC 9162 section 2.1.4. Raises CannotTell."""
    try:
        members = decode(archive.small(CONSISTENCY, MAX_SMALL_FILE_BYTES))
        size, proof = members["size"], [bytes.fromhex(value) for value in members["proof"]]
    except (KeyError, TypeError, ValueError) as error:
        raise CannotTell(f"{CONSISTENCY}: {error}") from None
    if type(size) is not int or members.keys() != {"proof", "size"}:
        raise CannotTell(f"{CONSISTENCY} does not have the form of a proof")
    return size, proof
