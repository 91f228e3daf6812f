"""Witnesses that misbehave, each in its own way: real servers on real sockets."""

import gzip
import socketserver
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from app.chain.checkpoint import Checkpoint
from app.chain.note import COSIGNATURE, Note, NoteKey
from app.chain.witness import Question

TIME = 1_800_000_000
Answering = Callable[["BadWitness", Note, Any], None]
"""Answers a question about a note into a socket."""


class BadWitness:
    """A misbehaving witness: its key, its address, and how often it was asked."""

    def __init__(self, name: str, answering: Answering) -> None:
        self.name = f"{name}.example/w"
        self.key = NoteKey(self.name, Ed25519PrivateKey.generate(), COSIGNATURE)
        self.asked = 0
        self.over = threading.Event()
        self.address = ""
        self.answering = answering

    @property
    def line(self) -> str:
        return f"witness {self.name} {self.key.verifier} {self.address}"

    def cosignature(self, note: Note) -> str:
        return note.cosigned_by(self.key, TIME).signatures[-1].line()


@contextmanager
def doing_harm(witness: BadWitness) -> Iterator[BadWitness]:
    """The witness serves until the block ends."""

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            with suppress(OSError):
                length = 0
                while (line := self.rfile.readline()) not in (b"\r\n", b""):
                    if line.lower().startswith(b"content-length:"):
                        length = int(line.split(b":")[1])
                body = self.rfile.read(length)
                witness.asked += 1
                witness.answering(witness, Note.parse(Question.parse(body).note), self.wfile)

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True
        block_on_close = False

    with Server(("127.0.0.1", 0), Handler) as server:
        witness.address = f"http://127.0.0.1:{server.server_address[1]}"
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        try:
            yield witness
        finally:
            witness.over.set()
            server.shutdown()


def send(out: Any, body: str | bytes, status: str = "200 OK", *headers: str) -> None:
    content = body.encode() if isinstance(body, str) else body
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(content)}", "Connection: close", *headers]
    out.write("\r\n".join([*lines, "", ""]).encode() + content)


def never(me: BadWitness, note: Note, out: Any) -> None:
    me.over.wait(60)


def drop_by_drop(me: BadWitness, note: Note, out: Any) -> None:
    """Sends one byte at a time, so that no single read times out."""
    out.write(b"HTTP/1.1 200 OK\r\n\r\n")
    while not me.over.wait(0.2):
        out.write(b"-")


def without_end(me: BadWitness, note: Note, out: Any) -> None:
    out.write(b"HTTP/1.1 200 OK\r\n\r\n")
    while not me.over.is_set():
        out.write(me.cosignature(note).encode() * 100)


def headers_without_end(me: BadWitness, note: Note, out: Any) -> None:
    out.write(b"HTTP/1.1 200 OK\r\n")
    while not me.over.is_set():
        out.write(b"X-More: " + b"x" * 8_000 + b"\r\n")


def a_broken_signature(me: BadWitness, note: Note, out: Any) -> None:
    other = NoteKey(me.name, Ed25519PrivateKey.generate(), COSIGNATURE)
    signed = note.cosigned_by(other, TIME).signatures[-1]
    send(out, type(signed)(me.name, me.key.verifier.id, signed.value).line())


def of_another_log(me: BadWitness, note: Note, out: Any) -> None:
    said = Checkpoint.parse(note.text)
    other = Checkpoint("elsewhere.example/era", said.size, said.root).note()
    send(out, me.cosignature(other))


def of_another_size(me: BadWitness, note: Note, out: Any) -> None:
    said = Checkpoint.parse(note.text)
    send(out, me.cosignature(Checkpoint(said.origin, said.size + 1, said.root).note()))


def by_somebody_else(me: BadWitness, note: Note, out: Any) -> None:
    stranger = NoteKey("stranger.example/w", Ed25519PrivateKey.generate(), COSIGNATURE)
    send(out, note.cosigned_by(stranger, TIME).signatures[-1].line())


def a_text_of_its_own(me: BadWitness, note: Note, out: Any) -> None:
    """Sends a blank line, which would turn the rest of the answer into another note."""
    other = Checkpoint("elsewhere.example/era", 1, b"x" * 32).note()
    send(out, f"\n{other.text}\n{me.cosignature(other)}")


def nothing(me: BadWitness, note: Note, out: Any) -> None:
    send(out, "")


def not_text(me: BadWitness, note: Note, out: Any) -> None:
    send(out, b"\xff\x00" * 50)


def a_thousand_lines(me: BadWitness, note: Note, out: Any) -> None:
    send(out, "\u2014 x AAAAAAAA\n" * 1_000 + me.cosignature(note))


def elsewhere_for_ever(me: BadWitness, note: Note, out: Any) -> None:
    """Always answers that it has cosigned another size."""
    size = me.asked % 2
    send(out, f"{size}\n", "409 Conflict", "Content-Type: text/x.tlog.size")


def a_size_in_other_digits(me: BadWitness, note: Note, out: Any) -> None:
    sizes = ("07", "1_0", "\u0661", "-1", "1e3", "9" * 400, "", " 1")
    size = sizes[me.asked % len(sizes)]
    send(out, f"{size}\n", "409 Conflict", "Content-Type: text/x.tlog.size")


def ahead(me: BadWitness, note: Note, out: Any) -> None:
    send(out, "9000000000000000000\n", "409 Conflict", "Content-Type: text/x.tlog.size")


def to_another_address(me: BadWitness, note: Note, out: Any) -> None:
    send(out, "", "307 Temporary Redirect", "Location: http://127.0.0.1:9/add-checkpoint")


def broken_off(me: BadWitness, note: Note, out: Any) -> None:
    out.write(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n\xe2\x80\x94 x")


BOMB_BYTES = 300_000_000
_BOMB = gzip.compress(gzip.compress(b"\0" * BOMB_BYTES, 1), 9)


def packed_twice(me: BadWitness, note: Note, out: Any) -> None:
    """Sends a few kilobytes that unpack to hundreds of megabytes."""
    send(out, _BOMB, "200 OK", "Content-Encoding: gzip, gzip")


def slowly_but_well(me: BadWitness, note: Note, out: Any) -> None:
    time.sleep(1)
    send(out, me.cosignature(note))
