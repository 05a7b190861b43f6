"""The JSON API by hand, its document, and schemathesis over both."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from calls_house import calls_house
from desk_house import House

from bridge.core.desk.query import NAMES
from bridge.web.desk.api import _CALLS, FILTERS
from bridge.web.desk.openapi import document
from bridge.web.desk.routes import ROUTES

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with calls_house(tmp_path_factory.mktemp("api"), days=4, calls_per_day=40) as (running, _):
        yield running


def get(house: House, path: str, who: str = "admin", status: int = 200) -> Any:
    with house.client(who) as client:
        answer = client.get(path)
        assert answer.status_code == status, answer.text
        assert answer.headers["content-type"] == "application/json"
        return answer.json()


def test_calls_are_read_to_their_end_page_by_page(house: House) -> None:
    seen: list[str] = []
    path = "/v1/calls?limit=50"
    cursor: str | None = ""
    while cursor is not None:
        told = get(house, path + (f"&cursor={cursor.replace('+', '%2B')}" if cursor else ""))
        seen += [call["id"] for call in told["calls"]]
        cursor = told["cursor"]
    assert len(seen) == len(set(seen)) > 60
    assert seen == sorted(seen, reverse=True)


def test_times_have_the_companys_offset_and_callers_are_masked_by_role(house: House) -> None:
    call = get(house, "/v1/calls?limit=1&first=no")["calls"][0]
    at = datetime.fromisoformat(call["started_at"])
    assert at.utcoffset() is not None
    assert call["started_at"].endswith("+03:00")
    assert re.fullmatch(r"\+[0-9]{10,15}", call["caller"])
    assert "•" in get(house, f"/v1/calls/{call['id']}", "marketer")["caller"]


def test_filters_are_those_of_the_page(house: House) -> None:
    told = get(house, "/v1/calls?source=avito&outcome=answered&talk_min=10")["calls"]
    assert told
    assert {(call["source"], call["outcome"]) for call in told} == {("avito", "answered")}
    assert all(call["talk"] >= 10 for call in told)
    assert get(house, "/v1/calls?sorce=avito", status=400)["error"]
    for wrong in ("limit=0", "limit=201", "limit=x", "cursor=x", "talk_min=-1", "period=x", "limit=%D9%A3"):
        assert set(get(house, f"/v1/calls?{wrong}", status=400)) == {"error"}


def test_everybody_has_his_own_bounds(house: House) -> None:
    every = {call["line"] for call in get(house, "/v1/calls?limit=200")["calls"]}
    assert {"sales", "service"} <= every
    assert {call["line"] for call in get(house, "/v1/calls?limit=200", "operator")["calls"]} == {"sales"}
    foreign = get(house, "/v1/calls?line=service&limit=1")["calls"][0]["id"]
    assert get(house, f"/v1/calls/{foreign}", "operator", 404) == {"error": "There is no such call."}
    with house.client("operator") as client:
        assert client.patch(f"/v1/calls/{foreign}", json={"class": "spam"}).status_code == 404


def test_saying_something_of_a_call(house: House) -> None:
    call = get(house, "/v1/calls?limit=1&line=sales")["calls"][0]["id"]
    said = {
        "class": "target",
        "tags": ["b", "a"],
        "comment": "ждёт замера",
        "value": 1250000,
        "checklist": {"offer": True},
    }
    with house.client("operator") as client:
        answer = client.patch(f"/v1/calls/{call}", json=said)
        assert answer.status_code == 200, answer.text
        now = answer.json()
        assert {name: now[name] for name in said} == said | {"tags": ["a", "b"]}
        assert now["score"] == 1.0
        now = client.patch(f"/v1/calls/{call}", json={"class": None, "tags": None, "checklist": {"offer": None}}).json()
        assert (now["class"], now["tags"], now["checklist"], now["comment"]) == (None, [], {}, "ждёт замера")
        for wrong in (
            {"clas": "target"}, {"class": "nothing"}, {"class": 7}, {"value": -1}, {"value": "12"}, {"value": 1.5}, {"tags": ["x" * 61]},
            {"tags": ["x\x00"]}, {"comment": "x" * 4001}, {"checklist": {"nothing": True}}, {"checklist": {"offer": "yes"}}, [], 7,
        ):  # fmt: skip
            answer = client.patch(f"/v1/calls/{call}", json=wrong)
            assert answer.status_code == 400, (wrong, answer.text)
            assert set(answer.json()) == {"error"}
        # wrong in one part: nothing of it is done
        assert client.patch(f"/v1/calls/{call}", json={"class": "spam", "checklist": {"x": True}}).status_code == 400
        assert client.get(f"/v1/calls/{call}").json()["class"] is None
        assert client.patch(f"/v1/calls/{call}", content=b"{", headers={"Content-Type": "application/json"}).status_code == 400  # fmt: skip
        assert client.patch(f"/v1/calls/{call}", data={"class": "spam"}).status_code == 415
        assert client.put(f"/v1/calls/{call}").status_code == 405


def test_reports_and_pools(house: House) -> None:
    told = get(house, "/v1/report?period=30d")
    assert set(told) == {"begin", "end", "sources"}
    assert [row for row in told["sources"] if row["source"] == "avito"] or told["sources"] == []
    assert set(get(house, "/v1/pools?period=7d")) == {"begin", "end", "pools"}
    for path in ("/v1/report", "/v1/pools"):
        assert get(house, f"{path}?period=never", status=400)["error"]
        assert get(house, f"{path}?what=1", status=400)["error"]
    assert set(get(house, "/v1/report", "guest")) == {"begin", "end", "sources"}


def test_an_address_that_is_not_there_says_so_in_json(house: House) -> None:
    assert get(house, "/v1/nothing", status=404) == {"error": "There is no such page."}


# --- the document -----------------------------------------------------------------------------------------------------


def test_every_route_stands_in_the_document(house: House) -> None:
    told = get(house, "/v1/openapi.json", "guest")
    assert told["openapi"].startswith("3.1")
    there = {(method.upper(), path) for path, methods in told["paths"].items() for method in methods}
    spoken = {(r.method, r.path) for r in ROUTES if r.path.startswith("/v1/")} - {("GET", "/v1/openapi.json")}
    assert there == spoken
    names = [operation["operationId"] for methods in told["paths"].values() for operation in methods.values()]
    assert len(set(names)) == len(names)


def test_every_filter_of_calls_is_documented() -> None:
    assert set(FILTERS) | {"period", "from", "to"} == NAMES
    assert {name for name, _, _ in _CALLS} == NAMES | {"limit", "cursor"}


def test_the_page_about_the_api_has_every_request_and_its_roles() -> None:
    page = (ROOT / "docs/api.md").read_text()
    for path, methods in document(ROUTES)["paths"].items():
        for method, operation in methods.items():
            row = re.search(rf"\| `{method.upper()} {re.escape(path)}` \| ([^|]+) \|", page)
            assert row is not None, f"{method} {path}"
            roles = operation["description"].removeprefix("For: ").rstrip(".").split(", ")
            assert len(roles) == 5 if row[1] == "all" else sorted(row[1].split(", ")) == roles


def test_schemathesis_finds_nothing(house: House, tmp_path: Path) -> None:
    """Requests made by the document, right and wrong ones: every answer is as the document says."""
    with house.client("admin") as client:
        described = client.get("/v1/openapi.json").json()
        token = client.cookies["callbridge-session"]
    (tmp_path / "openapi.json").write_text(json.dumps(described))
    command = [
        Path(sys.executable).with_name("schemathesis"), "run", tmp_path / "openapi.json", "--url", house.url,
        "--header", f"Cookie: callbridge-session={token}", "--header", "Sec-Fetch-Site: same-origin",
        "--phases", "examples,coverage,fuzzing", "--max-examples", "10", "--max-time", "12", "--seed", "1", "--no-color",
        "--exclude-checks", "positive_data_acceptance,ignored_auth", "--generation-database", "none",
        "--generation-with-security-parameters", "false",
    ]  # fmt: skip
    environment = {**os.environ, "PYTHONWARNINGS": "ignore"}
    done = subprocess.run(
        list(map(str, command)), capture_output=True, text=True, cwd=tmp_path, env=environment, timeout=180, check=False
    )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
