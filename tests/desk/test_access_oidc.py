"""Signing in with an account of the company: a real provider on loopback, honest and lying in every way."""

from __future__ import annotations

import base64
import hashlib
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

import httpx2
import pytest
from desk_house import House
from joserfc import jwt
from joserfc.jwk import OctKey, RSAKey
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from bridge.core.desk.access import Role
from bridge.core.desk.settings import Oidc
from bridge.serving import WebServer
from bridge.web.desk import oidc
from bridge.web.site.limits import Buckets

KEY, OTHER = (RSAKey.generate_key(2048, {"kid": "one", "use": "sig"}) for _ in range(2))


class FakeProvider:
    """Signs what a test wants. `claims` and `sign` change the token; `wrong` makes it lie elsewhere."""

    def __init__(self) -> None:
        self.key = KEY
        self.claims: dict[str, Any] = {}
        self.sign: Callable[[dict[str, Any]], str] = self.signed
        self.wrong: dict[str, Any] = {}
        self.userinfo: dict[str, Any] = {}
        self.codes: dict[str, dict[str, str]] = {}
        self.issuer = ""
        self.published = [self.key]
        self.app = Starlette(
            routes=[
                Route("/.well-known/openid-configuration", self._about),
                Route("/keys", self._keys),
                Route("/token", self._token, methods=["POST"]),
                Route("/me", self._me),
            ]
        )

    def signed(self, claims: dict[str, Any]) -> str:
        return jwt.encode({"alg": "RS256", "kid": "one"}, claims, self.key)

    def grant(self, address: str) -> str:
        """What a person's browser does at the provider: he agrees. The address he is sent back to."""
        asked = dict(parse_qsl(urlsplit(address).query))
        assert asked["response_type"] == "code"
        assert asked["code_challenge_method"] == "S256"
        assert "openid" in asked["scope"].split()
        code = f"code-{len(self.codes)}"
        self.codes[code] = asked
        return f"{asked['redirect_uri']}?code={code}&state={asked['state']}"

    async def _about(self, _: Request) -> Response:
        about = {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/keys",
            "userinfo_endpoint": f"{self.issuer}/me",
        }
        return JSONResponse(about | self.wrong)

    async def _keys(self, _: Request) -> Response:
        return JSONResponse({"keys": [key.as_dict(private=False) for key in self.published]})

    async def _me(self, request: Request) -> Response:
        assert request.headers["authorization"] == "Bearer access"
        return JSONResponse(self.userinfo)

    async def _token(self, request: Request) -> Response:
        given = {name: values[0] for name, values in parse_qs((await request.body()).decode()).items()}
        asked = self.codes.pop(given["code"], None)
        secret = base64.b64decode(request.headers["authorization"].removeprefix("Basic ")).decode()
        proof = base64.urlsafe_b64encode(hashlib.sha256(given["code_verifier"].encode()).digest()).rstrip(b"=").decode()
        if asked is None or secret != "callbridge:s3cret" or proof != asked["code_challenge"]:
            return JSONResponse({"error": "invalid_grant"}, 400)
        now = int(time.time())
        claims = {
            "iss": self.issuer,
            "aud": "callbridge",
            "sub": "17",
            "iat": now,
            "exp": now + 300,
            "nonce": asked["nonce"],
            "preferred_username": "Vera P.",
            "email": "vera@example.org",
            "groups": ["everybody", "marketing"],
        }
        claims |= self.claims
        token = self.sign({name: value for name, value in claims.items() if value is not None})
        return JSONResponse({"access_token": "access", "token_type": "Bearer", "id_token": token})


@pytest.fixture
def provider(house: House, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeProvider]:
    monkeypatch.setattr(oidc, "_TRIES", Buckets(1000, 1000))
    fake = FakeProvider()
    server = WebServer(fake.app, "provider")
    house.do(server.start("127.0.0.1", 0))
    fake.issuer = "http://{}:{}".format(*server.address)
    roles = {"it": "admin", "marketing": "marketer", "sales": "operator"}
    before = house.side.desk.settings
    wish = Oidc(fake.issuer, "callbridge", "s3cret", roles=roles, title="By the company")
    house.side.desk.settings = replace(before, url=house.url, oidc=wish)
    yield fake
    house.side.desk.settings = before
    house.do(server.stop())


@pytest.fixture(autouse=True)
def _nobody_new(house: House) -> Iterator[None]:
    yield
    for user in house.do(house.accounts.users()):
        if user.oidc_subject:
            house.do(house.accounts.remove_user(user.name))


def come_back(client: httpx2.Client, provider: FakeProvider, path: str = "/sign-in/oidc") -> httpx2.Response:
    away = client.get(path, follow_redirects=False)
    assert away.status_code == 303, away.text
    assert away.headers["location"].startswith(f"{provider.issuer}/authorize?")
    return client.get(provider.grant(away.headers["location"]), follow_redirects=False, headers={"Sec-Fetch-Site": "cross-site"})  # fmt: skip


def test_the_first_sign_in_makes_a_user_and_every_one_brings_the_role_of_now(
    house: House, provider: FakeProvider
) -> None:
    with house.client(None) as client:
        assert "By the company" in client.get("/sign-in").text
        back = come_back(client, provider, "/sign-in/oidc?next=/links")
        assert (back.status_code, back.headers["location"]) == (303, "/links")
        assert client.get("/links").status_code == 200
        assert "company account" in client.get("/account").text
        assert "callbridge-oidc" not in client.cookies
        user = house.do(house.accounts.user("vera-p."))
        assert (user.role, user.email, user.password) == (Role.MARKETER, "vera@example.org", None)
        provider.claims = {"groups": ["sales"]}
        come_back(client, provider)
        assert house.do(house.accounts.user("vera-p.")).role is Role.OPERATOR
        assert client.get("/links").status_code == 403
    log = [(entry.action, entry.detail) for _, entry in house.do(house.accounts.audited(by="vera-p."))]
    assert ("user-add", "vera-p.: marketer, oidc") in log
    assert ("user-change", "vera-p.: marketer -> operator, oidc") in log


def test_nobody_gets_in_by_bearing_the_name_of_another(house: House, provider: FakeProvider) -> None:
    provider.claims = {"preferred_username": "admin"}
    with house.client(None) as client:
        come_back(client, provider)
        assert client.get("/users").status_code == 403
    made = house.do(house.accounts.user("admin-2"))
    assert made.role is Role.MARKETER
    assert house.do(house.accounts.user("admin")).oidc_subject is None


def test_the_claim_may_be_told_apart_from_the_token(house: House, provider: FakeProvider) -> None:
    provider.claims = {"groups": None}
    provider.userinfo = {"sub": "17", "groups": ["it"]}
    with house.client(None) as client:
        come_back(client, provider)
        assert client.get("/users").status_code == 200


def signed_with_the_clients_secret(claims: dict[str, Any]) -> str:
    return jwt.encode({"alg": "HS256"}, claims, OctKey.import_key("s3cret" * 10))


def unsigned(claims: dict[str, Any]) -> str:
    import json

    parts = [json.dumps(part).encode() for part in ({"alg": "none"}, claims)]
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts) + "."


def signed_by_another(claims: dict[str, Any]) -> str:
    return jwt.encode({"alg": "RS256", "kid": "one"}, claims, OTHER)


@pytest.mark.parametrize(
    ("claims", "sign", "message"),
    [
        ({"nonce": "another"}, None, "does not belong to this try"),
        ({"nonce": None}, None, "does not belong to this try"),
        ({"aud": "another"}, None, "not meant for the desk"),
        ({"aud": ["another", "callbridge"]}, None, "not meant for the desk"),
        ({"aud": None}, None, "not meant for the desk"),
        ({"azp": "another"}, None, "not meant for the desk"),
        ({"iss": "https://evil.example"}, None, "of another provider"),
        ({"exp": 1_700_000_000}, None, "too old"),
        ({"exp": None}, None, "too old"),
        ({"iat": 4_000_000_000}, None, "of the future"),
        ({"sub": None}, None, "names nobody"),
        ({"groups": ["everybody"]}, None, "has no role at the desk"),
        ({"groups": {"it": True}}, None, "has no role at the desk"),
        ({}, unsigned, "not signed as it must be"),
        ({}, signed_with_the_clients_secret, "not signed as it must be"),
        ({}, signed_by_another, "not signed as it must be"),
        ({}, lambda _: "x.y.z", "not signed as it must be"),
        ({}, lambda _: "", "has no token"),
    ],
)
def test_a_lying_token_lets_nobody_in(
    house: House,
    provider: FakeProvider,
    claims: dict[str, Any],
    sign: Callable[[dict[str, Any]], str] | None,
    message: str,
) -> None:
    provider.claims = claims
    provider.userinfo = {"sub": "17"}
    provider.sign = sign or provider.signed
    with house.client(None) as client:
        answer = come_back(client, provider)
        assert answer.status_code == 401
        assert message in answer.text
        assert not [name for name in client.cookies if "session" in name]
    assert not [user for user in house.do(house.accounts.users()) if user.oidc_subject]


def test_a_key_that_came_since_is_looked_for(
    house: House, provider: FakeProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    with house.client(None) as client:
        assert come_back(client, provider).status_code == 303
        new = RSAKey.generate_key(2048, {"kid": "two", "use": "sig"})
        provider.published.append(new)
        provider.sign = lambda claims: jwt.encode({"alg": "RS256", "kid": "two"}, claims, new)
        assert come_back(client, provider).status_code == 401  # it has looked just now
        monkeypatch.setattr("bridge.web.desk.oidc_provider._AGAIN", 0.0)
        assert come_back(client, provider).status_code == 303


def test_an_answer_of_another_browser_lets_nobody_in(house: House, provider: FakeProvider) -> None:
    with house.client(None) as evil, house.client(None) as victim:
        back = provider.grant(evil.get("/sign-in/oidc", follow_redirects=False).headers["location"])
        answer = victim.get(back)
        assert answer.status_code == 401
        assert "belongs to no try" in answer.text
        victim.get("/sign-in/oidc", follow_redirects=False)
        assert victim.get(back).status_code == 401
        assert evil.get(back.partition("?")[0] + "?error=access_denied").status_code == 401


def test_a_code_serves_once(house: House, provider: FakeProvider) -> None:
    with house.client(None) as client:
        away = client.get("/sign-in/oidc", follow_redirects=False).headers["location"]
        cookie = client.cookies["callbridge-oidc"]
        back = provider.grant(away)
        assert client.get(back, follow_redirects=False).status_code == 303
        client.cookies.clear()
        client.cookies.set("callbridge-oidc", cookie, "127.0.0.1")
        assert "invalid_grant" in client.get(back).text


def test_the_providers_no_is_shown_as_text(house: House, provider: FakeProvider) -> None:
    with house.client(None) as client:
        away = client.get("/sign-in/oidc", follow_redirects=False).headers["location"]
        state = dict(parse_qsl(urlsplit(away).query))["state"]
        answer = client.get(f"/sign-in/oidc/done?state={state}&error=%3Cscript%3Ealert(1)%3C/script%3E")
        assert answer.status_code == 401
        assert "The provider said no: &lt;script&gt;" in answer.text


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"issuer": "https://evil.example"}, "names itself otherwise"),
        ({"token_endpoint": None}, "does not say where its token_endpoint is"),
        ({"authorization_endpoint": "javascript:alert(1)"}, "does not say where its authorization_endpoint is"),
    ],
)
def test_a_provider_that_is_another(house: House, provider: FakeProvider, wrong: dict[str, Any], message: str) -> None:
    provider.wrong = wrong
    with house.client(None) as client:
        answer = client.get("/sign-in/oidc")
        assert answer.status_code == 401
        assert message in answer.text


def test_a_user_who_is_locked_out_stays_out(house: House, provider: FakeProvider) -> None:
    with house.client(None) as client, house.client("admin") as admin:
        come_back(client, provider)
        admin.post("/users/vera-p./lock")
        assert client.get("/account", follow_redirects=False).status_code == 303
        assert "locked this user out" in come_back(client, provider).text


def test_without_a_provider_there_is_no_such_page(house: House) -> None:
    with house.client(None) as client:
        assert client.get("/sign-in/oidc").status_code == 404
        assert client.get("/sign-in/oidc/done").status_code == 404


def test_a_provider_that_does_not_answer(house: House, provider: FakeProvider) -> None:
    settings = house.side.desk.settings
    assert settings.oidc is not None
    house.side.desk.settings = replace(settings, oidc=replace(settings.oidc, issuer="http://127.0.0.1:9"))
    with house.client(None) as client:
        assert "does not answer as it should" in client.get("/sign-in/oidc").text
