"""Every route for every role, a guest, and nobody: what is answered follows from the route's Right alone. New routes are covered by themselves."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import httpx2
import pytest
from desk_house import House
from every_route import CHANGING, ROUTES, SAFE, address, name

from bridge.core.desk.access import RIGHTS, Right, Role
from bridge.web.desk import account, oidc, signing_in
from bridge.web.desk.routing import Route
from bridge.web.site.limits import Buckets

REFUSED = "Your role does not allow this."
FOREIGN = "This request does not come from a page of the desk."


@pytest.fixture(scope="module", autouse=True)
def _patient() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for module in (signing_in, account, oidc):
            patch.setattr(module, "_TRIES", Buckets(100_000, 100_000))
        yield


@pytest.fixture(scope="module")
def tokens(house: House) -> dict[Role, tuple[str, str]]:
    """A cookie of every role; those of users are made anew where a route ended one."""
    return {Role.GUEST: ("callbridge-link", house.link(lasts=timedelta(days=1)))}


def ask(house: House, route: Route, role: Role | None, tokens: dict[Role, tuple[str, str]], **headers: str) -> httpx2.Response:  # fmt: skip
    """What the route answers that role, without the body: some never end."""
    given = {"Sec-Fetch-Site": "same-origin", **headers}
    with httpx2.Client(base_url=house.url, timeout=30) as client:
        if role is not None:
            cookie = tokens[role] if role is Role.GUEST else ("callbridge-session", house.token(role.value))
            client.cookies.set(*cookie, "127.0.0.1")
        with client.stream(route.method, address(route), headers=given) as answer:
            if not answer.headers.get("content-type", "").startswith("text/event-stream"):
                answer.read()
            return answer


@pytest.mark.parametrize("route", ROUTES, ids=name)
def test_every_role_gets_what_its_right_says(house: House, tokens: dict[Role, tuple[str, str]], route: Route) -> None:
    for role in Role:
        answer = ask(house, route, role, tokens)
        allowed = route.right is None or route.right in RIGHTS[role]
        refused = answer.status_code == 403 and REFUSED in answer.text
        assert refused is not allowed, f"{role}: {answer.status_code}"
        assert answer.status_code < 500, f"{role}: {answer.status_code}"


@pytest.mark.parametrize("route", [r for r in ROUTES if r.right is not None], ids=name)
def test_nobody_gets_nothing(house: House, route: Route) -> None:
    answer = ask(house, route, None, {})
    if route.path.startswith("/v1/"):
        assert answer.status_code == 401
        assert set(answer.json()) == {"error"}
    elif route.method == "GET":
        assert answer.status_code == 303
        assert answer.headers["location"].startswith("/sign-in")
    else:
        assert answer.status_code == 401
        assert answer.content == b""


@pytest.mark.parametrize("route", CHANGING, ids=name)
@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "", "Origin": "https://evil.example"},
    ],
    ids=lambda headers: "-".join(headers.values()),
)
def test_nothing_is_changed_from_elsewhere(
    house: House, tokens: dict[Role, tuple[str, str]], route: Route, headers: dict[str, str]
) -> None:
    answer = ask(house, route, Role.ADMIN, tokens, **headers)
    assert answer.status_code == 403
    assert FOREIGN in answer.text


def test_what_is_read_changes_nothing_by_its_method() -> None:
    assert {route.method for route in SAFE} == {"GET"}
    assert {route.method for route in CHANGING} <= {"POST", "PUT", "PATCH", "DELETE"}


def test_every_right_is_somebodys_and_guests_and_listeners_have_few() -> None:
    assert {right for rights in RIGHTS.values() for right in rights} == set(Right)
    assert RIGHTS[Role.GUEST] == {Right.CALLS, Right.REPORTS}
    for right in (Right.USERS, Right.AUDIT, Right.SETUP):
        assert [role for role in Role if right in RIGHTS[role]] == [Role.ADMIN]
    for right in (Right.DOWNLOAD, Right.EXPORT, Right.BULK):
        assert not {Role.OPERATOR, Role.LISTENER, Role.GUEST} & {role for role in Role if right in RIGHTS[role]}


def test_only_the_way_in_is_open_to_everybody() -> None:
    assert {route.path for route in ROUTES if route.right is None} == {
        "/",
        "/sign-in",
        "/sign-out",
        "/sign-in/oidc",
        "/sign-in/oidc/done",
        "/l/{token}",
        "/language",
    }
