"""Tokens of real providers, Keycloak and Entra ID; and each refusal has a reason of its own."""

import asyncio
from typing import Any

import pytest

from app.api.auth.issuers import Issuer
from app.api.auth.key_sets import KeySets
from app.api.auth.tokens import BadToken, RoleNotInRegistry, TokenVerifier
from app.domain.command import Actor
from app.domain.values import Role
from app.runtime import clock
from tests.support.issuers import a_token, an_issuer


class One:
    """A registry of one row."""

    def __init__(self, issuer: Issuer) -> None:
        self._issuer = issuer

    def find(self, issuer: str) -> Issuer | None:
        return self._issuer if issuer == self._issuer.issuer else None


def verified(token: str, **row: Any) -> Actor:
    verifier = TokenVerifier(One(an_issuer(**row)), KeySets(), clock.now)
    return asyncio.run(verifier.verify(token))


KEYCLOAK: dict[str, Any] = {
    "token_type": "JWT",
    "roles_claims": ["realm_access.roles", "resource_access.fundledger.roles"],
    "role_names": {"fund-clerk": "treasury", "fund-lawyer": "legal_reviewer"},
    "roles": ["treasury", "legal_reviewer"],
}
"""A row for a realm of Keycloak: plain JWTs, roles in two places, most of them not ours."""
KEYCLOAK_CLAIMS: dict[str, Any] = {
    "typ": "Bearer",
    "azp": "desk",
    "aud": ["fundledger", "account"],
    "roles": None,
    "realm_access": {"roles": ["offline_access", "uma_authorization", "fund-clerk"]},
    "resource_access": {"fundledger": {"roles": ["fund-lawyer"]}, "account": {"roles": ["x"]}},
    "scope": "openid",
}


def test_a_token_of_keycloak_is_taken_where_its_row_says_so() -> None:
    actor = verified(a_token("JWT", **KEYCLOAK_CLAIMS), **KEYCLOAK)

    assert actor.roles == {Role.TREASURY, Role.LEGAL_REVIEWER}
    assert actor.subject == "de-1"


def test_a_token_of_entra_is_taken_where_its_row_says_so() -> None:
    """No `jti`, groups by their ids, a claim whose name has dots in it."""
    group = "3f2504e0-4f89-11d3-9a0c-0305e82c3301"
    row: dict[str, Any] = {
        "token_type": "JWT",
        "roles_claims": ["groups", "https://login.example/roles"],
        "role_names": {group: "treasury"},
    }
    claims = {
        "jti": None,
        "roles": None,
        "groups": [group, "another"],
        "ver": "2.0",
        "scp": "access_as_user",
    }

    assert verified(a_token("JWT", **claims), **row).roles == {Role.TREASURY}
    named = {"groups": None, "https://login.example/roles": [group]}
    assert verified(a_token("JWT", **{**claims, **named}), **row).roles == {Role.TREASURY}


def test_a_token_whose_header_says_what_it_is_for_need_say_no_more() -> None:
    assert verified(a_token("at+jwt", nonce="n"), token_type="JWT").roles


@pytest.mark.parametrize(
    ("token", "row", "reason", "claim"),
    [
        (a_token("JWT"), {}, "type", None),
        (a_token("id+jwt"), {"token_type": "JWT"}, "type", None),
        (a_token("JWT", typ="ID"), {"token_type": "JWT"}, "not_an_access_token", None),
        (a_token("JWT", typ="Refresh"), {"token_type": "JWT"}, "not_an_access_token", None),
        (a_token("JWT", at_hash="x"), {"token_type": "JWT"}, "not_an_access_token", None),
        (a_token("JWT"), {"token_type": "JWT"}, "not_an_access_token", None),
        (a_token("JWT", azp="desk"), {"token_type": "JWT"}, "not_an_access_token", None),
        (a_token("JWT", scp="x", nonce="n"), {"token_type": "JWT"}, "not_an_access_token", None),
        (a_token(at_hash="x"), {}, "not_an_access_token", None),
        (a_token(jti=None), {}, "claim_missing", "jti"),
        (a_token(sub=None), {}, "claim_missing", "sub"),
        (a_token(exp=None), {}, "claim_missing", "exp"),
        (a_token(sub=7), {}, "claim_malformed", "sub"),
        (a_token(jti=7), {}, "claim_malformed", "jti"),
        (a_token(exp="soon"), {}, "claim_malformed", "exp"),
        (a_token(roles="treasury"), {}, "claim_malformed", "roles"),
        (a_token(roles=[1]), {}, "claim_malformed", "roles"),
        (a_token(aud="elsewhere"), {}, "audience", None),
        (a_token(iat=1, exp=2), {}, "expired", None),
        (a_token(exp=10**10), {}, "lifetime", None),
        (a_token(iat=10**10, exp=10**10 + 9), {}, "not_yet_valid", None),
        (a_token(iss="https://elsewhere.example"), {}, "issuer", None),
        (a_token()[:-4] + "AAAA", {}, "signature", None),
        (a_token(), {"algorithms": ["RS256"]}, "algorithm", None),
        (a_token(), {"jwks": {"keys": []}}, "key", None),
        ("a.b", {}, "malformed", None),
    ],
)
def test_each_refusal_has_a_reason_of_its_own(
    token: str, row: dict[str, Any], reason: str, claim: str | None
) -> None:
    with pytest.raises(BadToken) as refused:
        verified(token, **row)

    assert (refused.value.reason, refused.value.claim) == (reason, claim)
    assert refused.value.issuer in (None, "https://login.example")


@pytest.mark.parametrize(
    ("claims", "row"),
    [
        ({"roles": ["treasury", "trustee"]}, {}),
        ({"roles": ["treasury", "offline_access"]}, {}),
        ({"party": "FR"}, {}),
        ({"party": "FR"}, {"role_names": {"treasury": "treasury"}}),
    ],
)
def test_what_an_issuer_may_not_hand_out_is_refused(
    claims: dict[str, Any], row: dict[str, Any]
) -> None:
    with pytest.raises(RoleNotInRegistry):
        verified(a_token(**claims), **row)


def test_with_a_mapping_the_names_of_our_own_roles_mean_nothing() -> None:
    row = {"role_names": {"clerk": "treasury"}, "roles": ["treasury", "legal_reviewer"]}

    assert verified(a_token(roles=["legal_reviewer"]), **row).roles == frozenset()


@pytest.mark.parametrize("claim", [{"other": []}, {}])
def test_a_path_that_leads_to_nothing_gives_no_role(claim: Any) -> None:
    token = a_token("JWT", **{**KEYCLOAK_CLAIMS, "realm_access": claim})

    assert verified(token, **KEYCLOAK).roles == {Role.LEGAL_REVIEWER}


@pytest.mark.parametrize("claim", [{"roles": {}}, {"roles": None}, [], "roles", 7])
def test_a_path_that_leads_to_no_list_is_malformed(claim: Any) -> None:
    token = a_token("JWT", **{**KEYCLOAK_CLAIMS, "realm_access": claim})

    with pytest.raises(BadToken, match="claim_malformed"):
        verified(token, **KEYCLOAK)
