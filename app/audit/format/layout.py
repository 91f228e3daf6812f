"""The layout of a bundle: names, formats and limits that writer and verifier share."""

import re
from typing import Final

JWS_TYPE: Final = "fund-ledger-export+jws"
ENTRIES_PER_FILE: Final = 65_536
MANIFEST: Final = "manifest.json"
MANIFEST_JWS: Final = "manifest.jws"
CHECKPOINT: Final = "checkpoint"
KEYS: Final = "keys.json"
README: Final = "README.txt"
FRONTIER: Final = "frontier.json"
"""In the bundle of a part: the entries left out, as the roots of their perfect subtrees."""
CONSISTENCY: Final = "consistency.json"
"""The proof from a size that the auditor named: `{"proof":[…],"size":…}`, hashes in hex."""

MAX_MANIFEST_BYTES: Final = 16_000_000
MAX_SMALL_FILE_BYTES: Final = 1_000_000
KNOWN_PATH: Final = re.compile(
    r"manifest\.(json|jws)|checkpoint|(keys|frontier|consistency)\.json|README\.txt"
    r"|(access/)?entries/[0-9]{8}\.jsonl|views/[a-z_]+\.csv|access/checkpoint"
)
ACCESS: Final = "access/"
"""The folder of a fund's second log, which has the same forms."""


def entries_path(number: int) -> str:
    """`entries/00000000.jsonl` holds entries 0 to 65,535, and so on."""
    return f"entries/{number:08d}.jsonl"
