"""A second store for several hosts: objects in an S3-compatible store that knows conditions.

An object is created only if there is none (`If-None-Match: *`), and replaced only if it is the one
that was read (`If-Match`). The client takes credentials as every S3 client does: from AWS_…
variables, a profile, or the machine's role.
"""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qs, urlsplit

from app.store.second_store.protocol import (
    IDENTITY,
    SlotChanged,
    StoreUnavailable,
    StoreUnusable,
    file_name,
    fund_of,
)

if TYPE_CHECKING:
    from obstore.store import S3Store as ObjectStore

CONNECT_S: Final = 2
ANSWER_S: Final = 5


class ObjectSlot:
    """One log's object."""

    def __init__(self, store: "S3Store", fund: str) -> None:
        self._store = store
        self._key = file_name(fund)
        self._tag: str | None = None

    def read(self) -> bytes | None:
        note, self._tag = self._store.get(self._key)
        return note

    def replace(self, note: bytes) -> None:
        self._tag = self._store.swap(self._key, self._tag, note)

    def remove(self) -> None:
        self._store.delete(self._key)


class S3Store:
    """The objects under a prefix of a bucket: `s3://bucket/prefix?endpoint=https://…&region=…`."""

    def __init__(self, url: str) -> None:
        if find_spec("obstore") is None:
            raise StoreUnusable("a second store in S3 needs the library obstore: the extra `s3`")
        self._objects = _opened(url)

    def identity(self) -> str:
        known, tag = self.get(IDENTITY)
        if known is None:
            made = secrets.token_hex(16).encode()
            try:
                self.swap(IDENTITY, tag, made)
                known = made
            except SlotChanged:
                known, _ = self.get(IDENTITY)
        return (known or b"").decode()

    def funds(self) -> list[str]:
        import obstore  # noqa: PLC0415  an extra

        with _named():
            pages = list(obstore.list(self._objects))
        paths = [str(one["path"]).rpartition("/")[2] for page in pages for one in page]
        return sorted(fund_of(path) for path in paths if path.endswith(".checkpoint"))

    @contextmanager
    def locked(self, fund: str) -> Iterator[ObjectSlot]:
        yield ObjectSlot(self, fund)

    def close(self) -> None:
        """Connections end with the process."""

    def get(self, key: str) -> tuple[bytes | None, str | None]:
        """What is stored under a key, and its tag. Raises StoreUnavailable."""
        import obstore  # noqa: PLC0415  an extra

        try:
            with _named():
                found = obstore.get(self._objects, key)
                return bytes(found.bytes()), found.meta["e_tag"]
        except FileNotFoundError:
            return None, None

    def swap(self, key: str, tag: str | None, content: bytes) -> str | None:
        """Store if what has this tag is there still; the new tag. Raises SlotChanged,
        StoreUnavailable.
        """
        import obstore  # noqa: PLC0415  an extra
        from obstore.exceptions import AlreadyExistsError, PreconditionError  # noqa: PLC0415

        mode: Any = "create" if tag is None else {"e_tag": tag}
        try:
            with _named():
                try:
                    return obstore.put(self._objects, key, content, mode=mode)["e_tag"]
                except (AlreadyExistsError, PreconditionError, FileNotFoundError):
                    raise SlotChanged(key) from None
        except (SlotChanged, StoreUnavailable):
            # The client tries again by itself; its first try may have been the one that succeeded.
            stored, newest = self.get(key)
            if stored == content:
                return newest
            raise

    def delete(self, key: str) -> None:
        """Delete an object. Raises StoreUnavailable."""
        import obstore  # noqa: PLC0415  an extra

        with _named():
            obstore.delete(self._objects, key)


def _opened(url: str) -> "ObjectStore":
    from obstore.exceptions import BaseError  # noqa: PLC0415  an extra
    from obstore.store import S3Store as ObjectStore  # noqa: PLC0415

    parts = urlsplit(url)
    options = {name: values[-1] for name, values in parse_qs(parts.query).items()}
    known: dict[str, Any] = {"region": options.pop("region", "us-east-1")}
    if endpoint := options.pop("endpoint", ""):
        # The second name outweighs AWS_ENDPOINT_URL_S3 of the environment.
        known |= {"endpoint": endpoint, "aws_endpoint_url_s3": endpoint}
    if options or not parts.netloc:
        raise StoreUnusable("a second store is s3://bucket/prefix?endpoint=https://…&region=…")
    try:
        return ObjectStore(
            parts.netloc,
            prefix=parts.path.strip("/") or None,
            virtual_hosted_style_request=False,
            conditional_put="etag",
            client_options={
                "allow_http": endpoint.startswith("http://"),
                "connect_timeout": timedelta(seconds=CONNECT_S),
                "timeout": timedelta(seconds=ANSWER_S),
            },
            retry_config={
                "max_retries": 2,
                "retry_timeout": timedelta(seconds=2 * ANSWER_S),
                "backoff": {
                    "init_backoff": timedelta(milliseconds=100),
                    "max_backoff": timedelta(seconds=1),
                    "base": 2,
                },
            },
            **known,
        )
    except (BaseError, ValueError, TypeError) as error:
        raise StoreUnusable(str(error).partition("\n")[0]) from None


@contextmanager
def _named() -> Iterator[None]:
    from obstore.exceptions import BaseError  # noqa: PLC0415  an extra

    try:
        yield
    except BaseError as error:
        # What follows the first line is the client's own state.
        said = str(error).partition("\n")[0]
        raise StoreUnavailable(f"the second store does not answer: {said}") from error
