"""The limits on the contract's page are those that the code keeps."""

import pytest

from app.api.routes.batches import MAX_COMMANDS, MAX_LINE_BYTES
from app.audit.format.layout import ENTRIES_PER_FILE, MAX_MANIFEST_BYTES, MAX_SMALL_FILE_BYTES
from app.chain.canonical import MAX_DEPTH
from app.chain.entry import MAX_ENTRY_BYTES
from app.chain.jws import MAX_JWS_BYTES
from app.chain.note import MAX_NOTE_BYTES, MAX_SIGNATURES
from app.chain.policy import MAX_POLICY_BYTES
from app.chain.proof import MAX_RECEIPT_BYTES
from app.chain.tree import MAX_PROOF
from app.chain.witness import MAX_ANSWER_BYTES, MAX_QUESTION_BYTES
from app.domain.governance.checkpoints import MAX_STATEMENTS, CheckpointWitnessed
from app.runtime.settings import Settings
from app.trust.timestamps import MAX_STAMP_BYTES
from tests.support import contract_page

SETTINGS = Settings()
COSIGNATURES = CheckpointWitnessed.model_json_schema()["properties"]["cosignatures"]["maxItems"]
LIMITS = [
    ("an entry", f"{MAX_ENTRY_BYTES:,} bytes"),
    ("entries in a file of a bundle", f"{ENTRIES_PER_FILE:,}"),
    ("nesting", f"{MAX_DEPTH} levels"),
    (
        "body of a request; of a batch; a line of it",
        f"{SETTINGS.max_body_bytes:,} bytes; {SETTINGS.max_batch_bytes:,} bytes; "
        f"{MAX_LINE_BYTES:,} bytes",
    ),
    ("commands in a batch", f"{MAX_COMMANDS:,}"),
    ("detached JWS; one in a statement", f"{MAX_JWS_BYTES:,};"),
    ("hashes in a proof", f"{MAX_PROOF}"),
    ("a note; signatures on it", f"{MAX_NOTE_BYTES:,} bytes; {MAX_SIGNATURES}"),
    ("a receipt", f"{MAX_RECEIPT_BYTES:,} bytes"),
    ("a trust file", f"{MAX_POLICY_BYTES:,} bytes"),
    (
        "`manifest.json`; other small files of a bundle",
        f"{MAX_MANIFEST_BYTES:,}; {MAX_SMALL_FILE_BYTES:,} bytes",
    ),
    ("a time stamp", f"{MAX_STAMP_BYTES:,} bytes"),
    ("question to a witness; its answer", f"{MAX_QUESTION_BYTES:,}; {MAX_ANSWER_BYTES:,} bytes"),
    ("cosignatures, statements in an entry", f"{COSIGNATURES}; {MAX_STATEMENTS}"),
]


@pytest.mark.parametrize(("what", "limit"), LIMITS)
def test_a_limit_on_the_page_is_the_one_that_the_code_keeps(what: str, limit: str) -> None:
    assert f"\n| {what} | {limit}" in contract_page.PAGE.read_text()
