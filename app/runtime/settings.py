"""Settings: everything that a deployment decides, read once at start from `FUNDLEDGER_…`."""

import os
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

LOCAL_ORIGIN = "ledger.localhost"


class Settings(BaseSettings):
    """Names are the environment's in lower case: FUNDLEDGER_DATABASE_URL is `database_url`."""

    model_config = SettingsConfigDict(env_prefix="FUNDLEDGER_", extra="forbid", frozen=True)

    env: Literal["development", "production"] = "development"
    data_dir: Path = Path("data")
    """Keys, the second store and, by default, the SQLite file."""
    database_url: str = ""
    """`sqlite:///path` or `postgresql://…`; default: `ledger.db` in `data_dir`."""
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

    @model_validator(mode="after")
    def _is_safe(self) -> Self:
        if not self.database.startswith(("sqlite:///", "postgresql://", "postgresql+psycopg://")):
            raise ValueError("FUNDLEDGER_DATABASE_URL is sqlite:///… or postgresql://…")
        if bool(self.time_authority_url) != (self.time_authority_roots is not None):
            raise ValueError("FUNDLEDGER_TIME_AUTHORITY_URL and _ROOTS come together")
        token = [bool(self.pkcs11_module), bool(self.pkcs11_token), bool(self.pkcs11_pin_file)]
        if any(token) and not all(token):
            raise ValueError(
                "FUNDLEDGER_PKCS11_MODULE, FUNDLEDGER_PKCS11_TOKEN and FUNDLEDGER_PKCS11_PIN_FILE "
                "go together: set all three, or none"
            )
        if self.env != "production":
            return self
        if self.issuers_file is None:
            raise ValueError("production needs FUNDLEDGER_ISSUERS_FILE: no development issuer")
        if not self.database_url.startswith("postgresql"):
            raise ValueError("production needs FUNDLEDGER_DATABASE_URL of a PostgreSQL")
        if self.log_origin == LOCAL_ORIGIN:
            raise ValueError("production needs FUNDLEDGER_LOG_ORIGIN, a name of its own")
        return self

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
