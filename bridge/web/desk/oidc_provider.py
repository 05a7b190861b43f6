"""An OpenID Connect provider: authorization code with PKCE, and a signed token about a person. Needs the extra `oidc`.

OpenID Connect Core 1.0 (3.1.2, 3.1.3.7), Discovery 1.0 (4), RFC 7636.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

from bridge.core.desk.settings import Oidc

#: Only what a provider alone can sign: neither `none` nor anything with the client's secret.
_ALGORITHMS: Final = (
    "RS256",
    "RS384",
    "RS512",
    "PS256",
    "PS384",
    "PS512",
    "ES256",
    "ES384",
    "ES512",
    "Ed25519",
    "EdDSA",
)
_KEEP: Final = 3600.0  #: seconds what the provider says of itself holds
_AGAIN: Final = 30.0  #: seconds between looks for a new key
_LEEWAY: Final = timedelta(minutes=2)
_TIMEOUT: Final = 10.0
_MOST: Final = 512 * 1024
_SCOPE: Final = "openid profile email"


class OidcError(Exception):
    """Why nobody gets in; `text` is English with ``%(names)s`` for `values`."""

    def __init__(self, reason: str, **values: object) -> None:
        super().__init__(reason % values if values else reason)
        self.text = reason
        self.values = values


@dataclass(frozen=True, slots=True)
class Person:
    """Whom the provider names. `subject` is ``issuer|sub``; `groups` the values of the claim that says what he is."""

    subject: str
    name: str
    email: str | None
    groups: tuple[str, ...]


def challenge_of(verifier: str) -> str:
    """S256 of PKCE."""
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()


class Provider:
    """One provider as `settings` name it. What it says of itself is read when it is needed, and kept for an hour."""

    def __init__(self, settings: Oidc) -> None:
        self.settings = settings
        self._about: dict[str, Any] = {}
        self._about_at = float("-inf")
        self._keys: Any = None
        self._keys_at = float("-inf")

    async def where_to(self, back: str, state: str, nonce: str, verifier: str) -> str:
        """The address people are sent to. Raises OidcError."""
        about = await self._discover()
        wanted = {
            "response_type": "code",
            "client_id": self.settings.client_id,
            "redirect_uri": back,
            "scope": _SCOPE,
            "state": state,
            "nonce": nonce,
            "code_challenge": challenge_of(verifier),
            "code_challenge_method": "S256",
        }
        address = str(about["authorization_endpoint"])
        return f"{address}{'&' if urlsplit(address).query else '?'}{urlencode(wanted)}"

    async def person(self, code: str, back: str, nonce: str, verifier: str, now: datetime) -> Person:
        """Whom `code` stands for. Raises OidcError."""
        about = await self._discover()
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": back, "code_verifier": verifier}
        auth: tuple[str, str] | None = (self.settings.client_id, self.settings.client_secret)
        if "client_secret_basic" not in about.get("token_endpoint_auth_methods_supported", ["client_secret_basic"]):
            form |= {"client_id": self.settings.client_id, "client_secret": self.settings.client_secret}
            auth = None
        told = await self._ask("POST", str(about["token_endpoint"]), data=form, auth=auth)
        claims = await self._claims(str(told.get("id_token", "")), nonce, now)
        groups = _values(claims, self.settings.claim)
        if not groups and about.get("userinfo_endpoint") and told.get("access_token"):
            headers = {"Authorization": f"Bearer {told['access_token']}"}
            more = await self._ask("GET", str(about["userinfo_endpoint"]), headers=headers)
            if more.get("sub") != claims["sub"]:
                raise OidcError("The provider speaks of another person than the one who signed in.")
            claims = {**more, **claims}
            groups = _values(claims, self.settings.claim)
        name = claims.get("preferred_username") or claims.get("email") or claims["sub"]
        email = claims.get("email")
        return Person(
            f"{about['issuer']}|{claims['sub']}", str(name), email if isinstance(email, str) else None, groups
        )

    async def _claims(self, token: str, nonce: str, now: datetime) -> Mapping[str, Any]:
        from joserfc import errors, jwt

        if not token:
            raise OidcError("The provider's answer has no token.")
        for fresh in (False, True):
            keys = await self._key_set(fresh=fresh)
            try:
                claims = jwt.decode(token, keys, algorithms=list(_ALGORITHMS)).claims
                break
            except (errors.JoseError, ValueError) as error:
                # a key that came since; any other mistake stays one
                if fresh or time.monotonic() - self._keys_at < _AGAIN:
                    raise OidcError("The provider's token is not signed as it must be.") from error
        self._check(claims, nonce, now)
        return claims

    def _check(self, claims: Mapping[str, Any], nonce: str, now: datetime) -> None:
        audience = claims.get("aud")
        audiences = [audience] if isinstance(audience, str) else audience
        mine = self.settings.client_id
        if claims.get("iss") != self._about["issuer"]:
            raise OidcError("The token is of another provider.")
        if not isinstance(audiences, list) or mine not in audiences:
            raise OidcError("The token is not meant for the desk.")
        if (len(audiences) > 1 or "azp" in claims) and claims.get("azp") != mine:
            raise OidcError("The token is not meant for the desk.")
        expires = claims.get("exp")
        if not isinstance(expires, int | float) or now.timestamp() > expires + _LEEWAY.total_seconds():
            raise OidcError("The token is too old. Is the clock of this machine right?")
        issued = claims.get("iat")
        if isinstance(issued, int | float) and issued > now.timestamp() + _LEEWAY.total_seconds():
            raise OidcError("The token is of the future. Is the clock of this machine right?")
        if not hmac.compare_digest(str(claims.get("nonce", "")).encode(), nonce.encode()):
            raise OidcError("The token does not belong to this try to sign in.")
        if not isinstance(claims.get("sub"), str) or not claims["sub"]:
            raise OidcError("The token names nobody.")

    async def _discover(self) -> Mapping[str, Any]:
        if time.monotonic() - self._about_at < _KEEP:
            return self._about
        issuer = self.settings.issuer
        about = await self._ask("GET", f"{issuer}/.well-known/openid-configuration")
        if str(about.get("issuer", "")).rstrip("/") != issuer:
            raise OidcError("The provider names itself otherwise than desk.oidc.issuer.")
        for name in ("authorization_endpoint", "token_endpoint", "jwks_uri"):
            # over https only, unless the provider itself is not (on this machine, for trying it out)
            if urlsplit(str(about.get(name, ""))).scheme not in ("https", urlsplit(issuer).scheme):
                raise OidcError("The provider does not say where its %(name)s is.", name=name)
        self._about, self._about_at = about, time.monotonic()
        return about

    async def _key_set(self, *, fresh: bool) -> Any:
        from joserfc import errors
        from joserfc.jwk import KeySet

        if self._keys is None or fresh or time.monotonic() - self._keys_at > _KEEP:
            told = await self._ask("GET", str(self._about["jwks_uri"]))
            given = told.get("keys")
            usable = [
                key
                for key in (given if isinstance(given, list) else [])
                if isinstance(key, dict) and key.get("kty") in ("RSA", "EC", "OKP") and key.get("use", "sig") == "sig"
            ]
            try:
                self._keys, self._keys_at = KeySet.import_key_set({"keys": usable}), time.monotonic()
            except (errors.JoseError, ValueError, KeyError) as error:
                raise OidcError("The provider's keys cannot be read.") from error
        return self._keys

    async def _ask(self, method: str, url: str, **more: Any) -> dict[str, Any]:
        import httpx2

        try:
            async with httpx2.AsyncClient(timeout=_TIMEOUT, follow_redirects=False) as client:
                answer = await client.request(method, url, **more)
            told = answer.json() if len(answer.content) < _MOST else None
        except (httpx2.HTTPError, ValueError) as error:
            raise OidcError("The provider does not answer as it should. Try again in a moment.") from error
        if answer.status_code != 200 or not isinstance(told, dict):
            why = str(told.get("error", ""))[:80] if isinstance(told, dict) else ""
            raise OidcError("The provider said no: %(why)s", why=why or answer.status_code)
        return told


def _values(claims: Mapping[str, Any], name: str) -> tuple[str, ...]:
    """The values of a claim, ``groups``, or one inside of others, ``realm_access.roles``."""
    found: Any = claims.get(name)
    if found is None and "." in name:
        found = claims
        for part in name.split("."):
            found = found.get(part) if isinstance(found, Mapping) else None
    if isinstance(found, str):
        return (found,)
    return tuple(value for value in found if isinstance(value, str)) if isinstance(found, list) else ()
