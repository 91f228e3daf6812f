"""Settings: everything that a deployment decides, read once at start from `FUNDLEDGER_…`.

A variable with a name that nobody knows is an error, for what it was meant to say is not heard.
"""

import os
import re
from collections.abc import Iterator
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final, Literal, Self
from urllib.parse import parse_qs, urlsplit

from pydantic import Field, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from app.runtime.faults import Fault

LOCAL_ORIGIN: Final = "ledger.localhost"
CLOCK_GAP_DAYS: Final = 30
PREFIX: Final = "FUNDLEDGER_"
_ORIGIN: Final = re.compile(r"[!-*,-.0-~]+(/[!-*,-.0-~]+)*")
_LOCAL_HOSTS: Final = ("", "localhost", "127.0.0.1", "::1")
_ENCRYPTED: Final = ("verify-ca", "verify-full")
"""With `require` anybody on the way can be the server."""


class SettingsUnusable(Fault):
    """Some variables are not valid; the message has a line for each."""


class Settings(BaseSettings):
    """Names are the environment's in lower case: FUNDLEDGER_DATABASE_URL is `database_url`."""

    model_config = SettingsConfigDict(env_prefix="FUNDLEDGER_", extra="forbid", frozen=True)

    env: Literal["development", "production"] = "development"
    data_dir: Path = Path("data")
    """Keys, the second store and, by default, the SQLite file."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """From which level on lines are written to the service's own log."""
    log_format: Literal["", "json", "text"] = ""
    """One JSON object a line, or text for people; default: JSON in production."""
    database_url: str = ""
    """`sqlite:///path` or `postgresql://…`; default: `ledger.db` in `data_dir`."""
    second_store_url: str = ""
    """Where the newest signed checkpoints lie besides the database: `postgresql://…` of another
    server, or `s3://bucket/prefix?endpoint=https://…&region=…`; default: `checkpoints` in
    `data_dir`, for processes on one host.
    """
    clock_gap_days: int = Field(default=CLOCK_GAP_DAYS, ge=1, le=3_650)
    """How long a log may have been quiet before an operator has to confirm the time."""
    log_origin: str = LOCAL_ORIGIN
    """The prefix of the logs' names: a fund's origin is `<log_origin>/<fund>`."""
    issuers_file: Path | None = None
    """The issuer registry (JSON). Without one, the development issuer signs for everybody."""
    witnesses_file: Path | None = None
    """Witnesses to ask for cosignatures, with their addresses and the quorum (tlog-policy)."""
    time_authority_url: str = ""
    """A time authority (RFC 3161) that stamps checkpoints; none by default."""
    time_authority_roots: Path | None = None
    """Its root certificates, in PEM."""
    time_period_s: int = Field(default=3_600, ge=1, le=2_592_000)
    """How many seconds lie between stamps of a log that has grown."""
    audience: str = "fundledger"
    """What a token's `aud` must name when the development issuer signed it."""
    max_body_bytes: int = Field(default=65_536, ge=1_024, le=1_048_576)
    max_batch_bytes: int = Field(default=16_777_216, ge=65_536, le=268_435_456)
    """Longest body of a batch request; it is held in memory while it is read."""
    batch_limit: int = Field(default=256, ge=1, le=4_096)
    """About how many commands one transaction takes; a longer batch still is one transaction."""
    queue_limit: int = Field(default=4_096, ge=1, le=100_000)
    """Most requests that wait, a batch being one; beyond it the answer is 503."""
    pkcs11_module: str = ""
    """The library of a security module (PKCS#11) that holds the ledger's keys, instead of files."""
    pkcs11_token: str = ""
    """The label of the token in it."""
    pkcs11_pin_file: Path | None = None
    """A file that holds the token's PIN, mode 0600."""

    @field_validator("log_origin")
    @classmethod
    def _is_an_origin(cls, origin: str) -> str:
        """Check what becomes the first part of a C2SP log origin and of a note's key name."""
        if not _ORIGIN.fullmatch(origin):
            raise ValueError(
                "a log's name is like ledger.example/funds: visible ASCII without spaces and "
                "plus signs, parts divided by single slashes"
            )
        return origin

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        faults = [*self._faults(), *(self._unsafe() if self.env == "production" else ())]
        if faults:
            raise ValueError("\n".join(faults))
        return self

    def _faults(self) -> Iterator[str]:
        """What does not go together, a sentence each."""
        if not self.database.startswith(("sqlite:///", "postgresql://", "postgresql+psycopg://")):
            yield "FUNDLEDGER_DATABASE_URL: is sqlite:///… or postgresql://…"
        if self.second_store_url and not self.second_store_url.startswith(
            ("postgresql://", "postgresql+psycopg://", "s3://")
        ):
            yield "FUNDLEDGER_SECOND_STORE_URL: is postgresql://… or s3://bucket/prefix"
        for variable in ("database_url", "second_store_url"):
            if not _has_good_port(getattr(self, variable)):
                yield (
                    f"{PREFIX}{variable.upper()}: a port is a number up to 65535 (in a password, "
                    "/ is %2F, ? is %3F, # is %23 and [ is %5B)"
                )
        if bool(self.time_authority_url) != (self.time_authority_roots is not None):
            yield "FUNDLEDGER_TIME_AUTHORITY_URL: and FUNDLEDGER_TIME_AUTHORITY_ROOTS go together"
        token = [bool(self.pkcs11_module), bool(self.pkcs11_token), bool(self.pkcs11_pin_file)]
        if any(token) and not all(token):
            yield (
                "FUNDLEDGER_PKCS11_MODULE: goes together with FUNDLEDGER_PKCS11_TOKEN and "
                "FUNDLEDGER_PKCS11_PIN_FILE: set all three, or none"
            )

    def _unsafe(self) -> Iterator[str]:
        """What production must not have, a sentence each."""
        if self.issuers_file is None:
            yield "FUNDLEDGER_ISSUERS_FILE: production needs one: no development issuer"
        if not self.database_url.startswith("postgresql"):
            yield "FUNDLEDGER_DATABASE_URL: production needs a PostgreSQL"
        if self.log_origin == LOCAL_ORIGIN:
            yield "FUNDLEDGER_LOG_ORIGIN: production needs a name of its own"
        for variable, url in (
            ("DATABASE_URL", self.database_url),
            ("SECOND_STORE_URL", self.second_store_url),
        ):
            if not _is_private(url):
                yield (
                    f"{PREFIX}{variable}: production speaks to other hosts encrypted: "
                    f"sslmode={_ENCRYPTED[-1]} (or https for an endpoint)"
                )

    def shown(self) -> Iterator[tuple[str, str]]:
        """Every variable and its effective value; passwords are masked."""
        for name in type(self).model_fields:
            value = self.database if name == "database_url" else getattr(self, name)
            yield f"{PREFIX}{name.upper()}", masked("" if value is None else str(value))

    def environment(self) -> dict[str, str]:
        """The environment for another process of this service with the same settings."""
        mine = {
            f"FUNDLEDGER_{name.upper()}": str(getattr(self, name))
            for name in self.model_fields_set
            if getattr(self, name) is not None
        }
        everything = os.environ.items()  # noqa: TID251  this is the place
        inherited = {k: v for k, v in everything if not k.startswith("FUNDLEDGER_")}
        return {**inherited, **mine}

    @property
    def database(self) -> str:
        """The database's URL, with the default filled in."""
        return self.database_url or f"sqlite:///{self.data_dir / 'ledger.db'}"

    @property
    def keys_dir(self) -> Path:
        return self.data_dir / "keys"

    @property
    def second_store_dir(self) -> Path:
        return self.data_dir / "checkpoints"


def _has_good_port(url: str) -> bool:
    try:
        return (urlsplit(url).port or 1) > 0
    except ValueError:
        return False


def _is_local(host: str) -> bool:
    """Whether it is this host, or a socket's folder; a port may follow a name."""
    return (
        host in _LOCAL_HOSTS or host.partition(":")[0] in _LOCAL_HOSTS[1:] or host.startswith("/")
    )


def _is_private(url: str) -> bool:
    """Whether nobody on the network can read what is sent there."""
    if not url.startswith(("postgresql", "s3")):
        return True
    parts = urlsplit(url)
    query = parse_qs(parts.query)
    if parts.scheme == "s3":
        return all(one.startswith("https://") for one in query.get("endpoint", []))
    named = [parts.hostname or "", *query.get("host", []), *query.get("hostaddr", [])]
    local = all(_is_local(host) for hosts in named for host in hosts.split(","))
    return local or query.get("sslmode", [""])[-1] in _ENCRYPTED


def masked(value: str) -> str:
    """A value without the password that a URL in it may hold."""
    hidden = re.sub(r"(://[^/@:?]*):.*@", r"\1:****@", value)
    return re.sub(r"(?i)([?&]\w*(?:password|secret|token)[^=]*)=[^&]*", r"\1=****", hidden)


def read_settings(*, production: bool = False) -> Settings:
    """The settings of this process's environment; if `production`, judged as for production.

    Raises SettingsUnusable, with every fault.
    """
    faults = list(_unknown_variables())
    try:
        settings = Settings(env="production") if production else Settings()
    except ValidationError as error:
        found = error.errors(include_url=False)
        faults += _named(found)
        if bad := {str(item["loc"][0]) for item in found if item["loc"]}:
            faults += _hidden_behind(bad)
    if faults:
        raise SettingsUnusable("\n".join(faults))
    return settings


def _unknown_variables() -> Iterator[str]:
    known = [f"{PREFIX}{name.upper()}" for name in Settings.model_fields]
    for name in sorted(os.environ):  # noqa: TID251  this is the place
        if name.upper().startswith(PREFIX) and name.upper() not in known:
            near = get_close_matches(name.upper(), known, n=1)
            yield f"{name}: nobody knows this variable" + (f"; {near[0]}?" if near else "")


def _named(found: list[Any]) -> Iterator[str]:
    """The faults by variable; those of several variables name them themselves."""
    for item in found:
        said = str(item["msg"]).removeprefix("Value error, ")
        yield f"{PREFIX}{str(item['loc'][0]).upper()}: {said}" if item["loc"] else said


def _hidden_behind(bad: set[str]) -> Iterator[str]:
    """The faults that only show once those of single variables are mended."""
    defaults: dict[str, Any] = {name: Settings.model_fields[name].default for name in bad}
    try:
        Settings(**defaults)
    except ValidationError as error:
        for line in "\n".join(_named(error.errors(include_url=False))).split("\n"):
            if line.partition(":")[0].removeprefix(PREFIX).lower() not in bad:
                yield line
