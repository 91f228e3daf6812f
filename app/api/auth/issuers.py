"""The issuer registry: who may sign tokens for whom.

One issuer speaks for exactly one party. Its row pins everything that a token could otherwise
choose for itself: the exact issuer name, the keys or the address they are fetched from, the
algorithms, the audience, the longest lifetime, and the roles that it may hand out at most.
"""

import json
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Protocol, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from app.chain.canonical import encode
from app.domain.values import PartyId, Role
from app.runtime.faults import Fault

ALGORITHMS: Final = ("ES256", "ES384", "RS256", "PS256")
MAX_MAPPED: Final = 100


class RegistryUnusable(Fault):
    """The registry's file cannot be read, or one of its rows is not safe."""


class Issuer(BaseModel):
    """One row of the registry."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    issuer: Annotated[str, Field(min_length=1, max_length=500)]
    party: PartyId
    audience: Annotated[str, Field(min_length=1, max_length=500)]
    algorithms: Annotated[tuple[str, ...], Field(min_length=1)]
    roles: frozenset[Role]
    max_lifetime_s: Annotated[int, Field(ge=1, le=86_400)]
    jwks: dict[str, Any] | None = None
    jwks_uri: str | None = None
    discovery: Literal[True] | None = None
    """Take the keys' address from the issuer's discovery document."""
    token_type: Literal["JWT"] | None = None
    """Also take tokens whose `typ` is JWT: those of Keycloak and Entra ID."""
    roles_claims: tuple[str, ...] | None = None
    """Where a token's roles stand: `realm_access.roles`, `groups`; default `roles`."""
    role_names: dict[str, Role] | None = None
    """What the issuer calls our roles. All its other roles and groups mean nothing here."""

    @model_validator(mode="after")
    def _pins_its_keys(self) -> Self:
        if sum(one is not None for one in (self.jwks, self.jwks_uri, self.discovery)) != 1:
            raise ValueError("an issuer has one of jwks, jwks_uri and discovery")
        if self.jwks is not None and type(self.jwks.get("keys")) is not list:
            raise ValueError('a key set is like {"keys": [{…}]}')
        if self.discovery and not self.issuer.startswith("https://"):
            raise ValueError("a discovery document is fetched over https only")
        if self.jwks_uri is not None and not self.jwks_uri.startswith("https://"):
            raise ValueError("keys are fetched over https only")
        if not set(self.algorithms) <= set(ALGORITHMS):
            raise ValueError(f"algorithms are of {', '.join(ALGORITHMS)}")
        if Role.LEDGER in self.roles:
            raise ValueError("no issuer speaks for the ledger itself")
        if self.role_names is not None:
            if len(self.role_names) > MAX_MAPPED:
                raise ValueError(f"at most {MAX_MAPPED} names of roles")
            if not set(self.role_names.values()) <= self.roles:
                raise ValueError("role_names gives a role that the issuer may not hand out")
        return self

    @cached_property
    def digest(self) -> str:
        """SHA-256 (hex) of this row in canonical JSON, which the partners of a fund agree on."""
        row = self.model_dump(mode="json", exclude_none=True)
        return sha256(encode({**row, "roles": sorted(row["roles"])})).hexdigest()


class Registry(Protocol):
    """Finds an issuer's row: in the registry's file, or of the development issuer."""

    def find(self, issuer: str) -> Issuer | None: ...


_FORM: Final = 'it is like {"issuers": [{…}]}'


def _read_row(number: int, row: object) -> Issuer:
    """One issuer, the first being number 1. Raises ValueError, with all that is wrong in it."""
    try:
        return Issuer.model_validate(row)
    except ValidationError as error:
        said = [
            f"{'.'.join(map(str, one['loc'])) or 'the row'}: {one['msg']}"
            for one in error.errors(include_url=False, include_input=False)
        ]
        raise ValueError(f"issuer {number}: {'; '.join(said)}") from None


class FileRegistry:
    """The registry in a JSON file: `{"issuers": [{...}, ...]}`."""

    def __init__(self, path: Path) -> None:
        try:
            rows = json.loads(path.read_text())["issuers"]
            issuers = [_read_row(number, row) for number, row in enumerate(rows, 1)]
        except (OSError, KeyError, TypeError, ValueError) as error:
            why = str(error) if not isinstance(error, KeyError | TypeError) else _FORM
            raise RegistryUnusable(f"issuer registry {path}: {why}") from None
        self._by_name = {row.issuer: row for row in issuers}
        if len(self._by_name) != len(issuers):
            raise RegistryUnusable(f"issuer registry {path}: an issuer stands twice")

    @property
    def rows(self) -> list[Issuer]:
        """All rows of the file."""
        return list(self._by_name.values())

    def find(self, issuer: str) -> Issuer | None:
        """The row with exactly this name."""
        return self._by_name.get(issuer)
