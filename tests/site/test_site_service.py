"""The service as pages meet it: over HTTP, with everything a stranger may send."""

from __future__ import annotations

import asyncio
import hashlib
import json
import socket
from pathlib import Path
from typing import Any

import httpx2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from site_served import CHROME, ORIGIN, Served
from visiting import ADS, DEFAULT, PRINTED, PRINTED_KEY, a_directory, pool_numbers, shown

from bridge.core.site import Visit
from bridge.web.site import script
from bridge.web.site.bodies import MAX_BYTES, BeatBody, EventBody, VisitBody

VISIT: dict[str, Any] = {
    "site": "main",
    "visitor": None,
    "visit": None,
    "page": ADS,
    "referrer": "https://yandex.ru/",
    "ids": {"yclid": "1", "ym": "17"},
    "mobile": True,
    "consent": "full",
}


async def ask(served: Served, what: str, body: object, **headers: str) -> httpx2.Response:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return await served.page.post(f"/s/v1/{what}", content=content, headers=headers)


async def stored(served: Served, visit_id: str, pages: int = 1) -> Visit:
    """The visit as soon as it is in the store, with so many pages."""
    async with asyncio.timeout(20):
        while (visit := await served.store.visit(visit_id)) is None or len(visit.pages) < pages:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    return visit


async def test_a_visit_from_its_first_page_to_its_last(served: Served) -> None:
    answer = await ask(served, "visit", VISIT)
    assert answer.status_code == 200
    told = answer.json()
    assert set(told) == {"visitor", "visit", "swap", "beat", "ttl"}
    assert (told["beat"], told["ttl"]) == (15, 1800)
    number = shown(told["swap"])
    assert number in pool_numbers(20)
    assert told["swap"][PRINTED_KEY] == {
        "e164": number,
        "national": f"8 (495) {number[5:8]}-{number[8:10]}-{number[10:]}",
        "international": f"+7 495 {number[5:8]}-{number[8:10]}-{number[10:]}",
        "tel": number,
    }
    ids = {"site": "main", "visit": told["visit"]}
    assert (await ask(served, "beat", {**ids, "page": ADS, "active": True})).status_code == 204
    for event in (
        {"kind": "page", "page": "https://example.org/prices"},
        {"kind": "tap", "number": number, "at": served.clock.now.timestamp() * 1000},
        {"kind": "leave"},
    ):
        assert (await ask(served, "event", {**ids, **event})).status_code == 204
    again = (await ask(served, "visit", {**VISIT, "visit": told["visit"], "visitor": told["visitor"]})).json()
    assert (again["visit"], again["swap"]) == (told["visit"], told["swap"])
    visit = await stored(served, told["visit"], pages=3)
    assert (visit.ids, visit.mobile, visit.credited.keyword) == ({"yclid": "1", "ym": "17"}, True, "locks")
    assert [page.url for page in visit.pages] == [ADS, "https://example.org/prices", ADS]
    assert len((await served.store.latest_leases(1, served.clock.now))[0].taps) == 1


async def test_a_page_that_lost_its_number_is_told(served: Served) -> None:
    told = (await ask(served, "visit", VISIT)).json()
    beat = {"site": "main", "visit": told["visit"], "page": ADS, "active": False}
    served.visits.set_directory(a_directory(0), served.sites)
    answer = await ask(served, "beat", beat)
    assert answer.status_code == 200
    assert shown(answer.json()["swap"]) == DEFAULT
    assert "ask" not in answer.json()
    nobody = (await ask(served, "beat", {**beat, "visit": "x" * 16})).json()
    assert (shown(nobody["swap"]), nobody["ask"]) == (PRINTED, True)


async def test_two_hundred_at_once(served: Served) -> None:
    served.service._beginnings.burst = 1000
    answers = await asyncio.gather(*(ask(served, "visit", VISIT) for _ in range(200)))
    assert {answer.status_code for answer in answers} == {200}
    await served.visits.writing.flush()
    shows = []
    for told in (answer.json() for answer in answers):
        beat = await ask(served, "beat", {"site": "main", "visit": told["visit"], "page": "", "active": False})
        shows.append(shown(beat.json()["swap"] if beat.status_code == 200 else told["swap"]))
    assert sorted(str(number) for number in shows if number != DEFAULT) == sorted(pool_numbers(20))


@pytest.mark.parametrize(
    "agent", ["", "curl/8.5", CHROME.replace("Chrome", "HeadlessChrome"), "Googlebot/2.1 (+http://x)"]
)
async def test_programs_get_no_number(served: Served, agent: str) -> None:
    assert (await ask(served, "visit", VISIT, **{"User-Agent": agent})).status_code == 204
    assert served.visits.counters.begun == 0


# --- whose page ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("origin", [ORIGIN, "https://www.example.org", "http://shop.example.org:8080"])
async def test_pages_of_the_site_may_ask(served: Served, origin: str) -> None:
    answer = await ask(served, "visit", VISIT, Origin=origin)
    assert (answer.status_code, answer.headers["Access-Control-Allow-Origin"]) == (200, origin)
    assert "Access-Control-Allow-Credentials" not in answer.headers
    assert answer.headers["Vary"] == "Origin"


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example",
        "https://example.org.evil.example",
        "https://badexample.org",
        "https://example.org@evil.example",
        "null",
        "file://",
        "https://[",
        "\u00e9",
    ],
)
async def test_pages_of_others_may_not(served: Served, origin: str) -> None:
    answer = await served.page.post(
        "/s/v1/visit", content=json.dumps(VISIT), headers=[(b"Origin", origin.encode("latin-1"))]
    )
    assert answer.status_code == 403
    assert "Access-Control-Allow-Origin" not in answer.headers
    assert (await ask(served, "visit", {**VISIT, "site": "other"})).status_code == 404


async def test_a_preflight_is_answered_for_json(served: Served) -> None:
    answer = await served.page.options("/s/v1/visit", headers={"Access-Control-Request-Method": "POST"})
    assert answer.status_code == 204
    assert answer.headers["Access-Control-Allow-Headers"] == "Content-Type"
    assert (await ask(served, "visit", VISIT, **{"Content-Type": "application/json"})).status_code == 200


async def test_the_visitor_behind_a_trusted_server_counts(served: Served) -> None:
    served.service._proxies = type(served.service._proxies)(("127.0.0.0/8", "10.0.0.0/8"))
    sent = [(b"X-Forwarded-For", b"198.51.100.1, 203.0.113.9, 10.0.0.2"), (b"X-Region", "Москва".encode())]
    told = (await served.page.post("/s/v1/visit", content=json.dumps(VISIT), headers=sent)).json()
    visit = await stored(served, told["visit"])
    assert (visit.address, visit.region) == ("203.0.113.0/24", "Москва")
    assert (await ask(served, "visit", VISIT, **{"X-Forwarded-For": "nonsense"})).status_code == 400


async def test_a_browser_that_asks_not_to_be_followed_is_not(served: Served) -> None:
    told = (await ask(served, "visit", VISIT, DNT="1")).json()
    assert told["visitor"] is None
    told = (await ask(served, "visit", {**VISIT, "consent": "cookieless", "visitor": "v" * 16})).json()
    assert told["visitor"] is None


# --- limits ----------------------------------------------------------------------------------------------------------


async def test_one_address_cannot_empty_a_pool_nor_keep_the_service_busy(served: Served) -> None:
    for buckets in (served.service._beginnings, served.service._addresses, served.service._visitors):
        buckets.clock = lambda: 0.0
    codes = [(await ask(served, "visit", VISIT)).status_code for _ in range(70)]
    assert codes == [200] * 60 + [429] * 10
    other = await ask(served, "visit", VISIT, **{"X-Forwarded-For": "203.0.113.9"})
    assert other.status_code == 200
    beat = {"site": "main", "visit": other.json()["visit"], "page": "", "active": True}
    codes = [(await ask(served, "beat", beat)).status_code for _ in range(32)]
    assert codes == [204] * 30 + [429] * 2


async def test_a_service_that_cannot_write_answers_all_the_same(served: Served) -> None:
    served.visits.loaded = False
    assert (await ask(served, "visit", VISIT)).status_code == 204
    assert (await ask(served, "beat", {"site": "main", "visit": "x" * 16})).status_code == 204


# --- what strangers send -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", 400),
        (b"{", 400),
        (b"[]", 400),
        (b"[" * 8000, 400),
        (b'{"site": "main", "page": "\xff"}', 400),
        (b'{"site": "main", "page": "\\ud800"}', 400),
        (b'{"site": 1}', 400),
        (b'{"site": "main", "mobile": "yes"}', 400),
        (b'{"site": "main", "page": "' + b"x" * MAX_BYTES + b'"}', 413),
        (json.dumps({**VISIT, "visit": {"a": 1}, "visitor": 7, "ids": {"gclid": 1, "x": "y"}}).encode(), 200),
        (json.dumps({**VISIT, "page": "javascript:alert(1)", "referrer": "\0\n<script>"}).encode(), 200),
        (json.dumps({"site": "main"}).encode(), 200),
    ],
)
async def test_bodies_of_all_kinds(served: Served, body: bytes, code: int) -> None:
    answer = await ask(served, "visit", body)
    assert answer.status_code == code, answer.text
    assert served.service.counters.failed == 0
    assert "Traceback" not in answer.text


async def test_other_ways_to_send_it(served: Served) -> None:
    assert (await ask(served, "visit", VISIT, **{"Content-Type": "text/html"})).status_code == 415
    assert (await served.page.get("/s/v1/visit")).status_code == 405
    assert (await served.page.get("/s/v1/other")).status_code == 404

    async def endless() -> Any:
        for _ in range(100):
            yield b"x" * 1000

    assert (await served.page.post("/s/v1/visit", content=endless())).status_code == 413
    host, port = served.service.address
    with socket.create_connection((host, port)) as wire:
        wire.sendall(b"POST /s/v1/visit HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n{")
    assert (await served.page.get("/s/healthz")).text == "ok\n"


_JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)
_FIELDS = sorted({*VisitBody.model_fields, *BeatBody.model_fields, *EventBody.model_fields} - {"site"})


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    what=st.sampled_from(["visit", "beat", "event"]),
    body=st.dictionaries(st.sampled_from(_FIELDS), _JSON, max_size=8),
    url=st.text() | st.from_regex(r"https?://[^ ]{0,40}\?utm_source=[^ ]{0,20}"),
)
def test_whatever_is_sent_is_answered(what: str, body: dict[str, Any], url: str) -> None:
    """Without a server in between, so that every failure shows."""
    kind = {"visit": VisitBody, "beat": BeatBody, "event": EventBody}[what]
    text = json.dumps({"site": "main", **body, "page": url})
    try:
        read = kind.model_validate_json(text.encode(errors="replace"))
    except ValueError:
        return
    assert len(getattr(read, "ids", {})) <= 12


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    page=st.text(max_size=300), referrer=st.text(max_size=300), agent=st.text(max_size=50), address=st.text(max_size=30)
)
async def test_no_page_and_no_address_breaks_a_visit(
    served: Served, page: str, referrer: str, agent: str, address: str
) -> None:
    served.clock.forward(100_000)
    told = await served.open(page, referrer=referrer, agent=agent, address=address, ids={"ga": page})
    served.visits.event(served.site, told.visit, "tap", page, referrer, None)
    await served.visits.writing.flush()
    assert served.visits.writing.counters.refused == 0


# --- the script ------------------------------------------------------------------------------------------------------


async def test_the_script_is_served_with_and_without_a_lasting_name(served: Served, tmp_path: Path) -> None:
    assert script.read_scripts(tmp_path) == []
    (tmp_path / "v1.js").write_text("// hello" * 100)
    (tmp_path / "v1.0badcafe.js").write_text("// earlier")
    served.service._serve_scripts(script.read_scripts(tmp_path))
    answer = await served.page.get("/s/v1.js", headers={"Origin": "https://anywhere.example"})
    assert answer.text == "// hello" * 100
    assert answer.headers["Content-Type"] == "text/javascript; charset=utf-8"
    assert answer.headers["Content-Encoding"] == "gzip"
    assert answer.headers["Cache-Control"] == "public, max-age=3600"
    again = await served.page.get("/s/v1.js", headers={"If-None-Match": answer.headers["ETag"]})
    assert again.status_code == 304
    for text in ("// hello" * 100, "// earlier"):
        lasting = await served.page.get(f"/s/v1.{hashlib.sha384(text.encode()).hexdigest()[:8]}.js")
        assert lasting.text == text
        assert lasting.headers["Cache-Control"] == "public, max-age=31536000, immutable"
        assert lasting.headers["Access-Control-Allow-Origin"] == "*"
    # a build goes by what is in it, not by what it is called
    assert (await served.page.get("/s/v1.0badcafe.js")).status_code == 404
    served.service._serve_scripts([])
    assert (await served.page.get("/s/v1.js")).status_code == 404


async def test_every_build_that_a_page_may_have_pinned_is_served(served: Served) -> None:
    builds = sorted(script.FOLDER.glob("v1.*.js"))
    assert builds
    for build in builds:
        answer = await served.page.get(f"/s/{build.name}")
        assert answer.content == build.read_bytes()


async def test_an_address_in_use_is_an_oserror(served: Served) -> None:
    with pytest.raises(OSError, match="in use"):
        await type(served.service)(served.visits, ()).start(*served.service.address)
