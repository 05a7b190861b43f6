"""Pools as they are, the site's past as traffic, and a person's corrections: over real books that real visits filled."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import Result

sys.path.append(str(Path(__file__).parents[1] / "flows"))  # visiting.py

from store_samples import a_call
from visiting import ADS, DEFAULT, PRINTED, Company, pool_numbers, shown

from bridge.core.model import AttributionKind, BindingKind
from bridge.store.traffic import Past

Run = Callable[..., Result]
CONFIG = f"""
store: {{url: bridge.db}}
asterisk: {{ami: {{user: callbridge, secret: {{env: NOT_NEEDED_HERE}}}}}}
lines: {{main: {{ring: [{{phone: PJSIP/101}}]}}}}
fallback: {{line: main}}
sources: {{yandex-direct: {{}}, radio: {{}}}}
numbers: {{"{DEFAULT}": {{default_of: yandex-direct}}}}
pools: {{direct: {{source: yandex-direct, numbers: {json.dumps(pool_numbers(3))}, hold: 15m}}}}
site:
  sites:
    main:
      domains: [example.org]
      replace: ["{PRINTED}"]
      rules: [{{source: radio, landing: /radio}}]
"""


@pytest.fixture
def company(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Company:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bridge.yaml").write_text(CONFIG)
    company = Company(tmp_path)
    company.clock.now = datetime.now(UTC) - timedelta(hours=2)
    return company


@pytest.fixture
def call_id(company: Company) -> str:
    """Five visits two hours ago, of which the first called; the id of its call."""

    async def work() -> str:
        visits = await company.begin()
        told = [await company.open(mobile=True) for _ in range(5)]
        number = str(shown(told[0]))
        company.clock.forward(50)
        visits.event(company.site, told[0].visit, "tap", "", number, None)
        company.clock.forward(4)
        at = company.clock.now
        call = a_call(1, number=number, source="yandex-direct", binding=BindingKind.POOL, started_at=at)
        call = visits.attributing.attributed(call)
        await company.calls.save(replace(call, ended_at=at + timedelta(seconds=60)))
        for one in told:
            visits.event(company.site, one.visit, "leave", "", "", None)
        company.clock.forward(10)
        visits._close_pages(visits._now())
        await visits.stop()
        await company.die()
        return call.id

    return asyncio.run(work())


def test_every_pool_as_it_is(call_id: str, callbridge: Run) -> None:
    (pool,) = json.loads(callbridge("pools", "--json").stdout)
    assert pool["source"] == "yandex-direct"
    assert (pool["numbers"], pool["busy"], pool["held"]) == (3, 0, 3)
    assert (pool["visits"], pool["coverage"], pool["utilisation"]) == (5, 0.6, 1.0)
    assert (pool["calls"], pool["bound"], pool["hold"], pool["auto"]) == (1, 1, 900.0, False)
    assert 0 < pool["forecast_right"] <= pool["forecast_coverage"] <= 1
    assert "yandex-direct" in callbridge("pools").stdout


def test_no_pools(company: Company, callbridge: Run, tmp_path: Path) -> None:
    asyncio.run(_migrated(company))
    text = CONFIG.replace("pools:", "# pools:")
    (tmp_path / "bridge.yaml").write_text(text)
    assert "no pools" in callbridge("pools").stdout


async def _migrated(company: Company) -> None:
    await company.begin()
    await company.die()


def test_the_sites_own_past_is_traffic(call_id: str, callbridge: Run, company: Company) -> None:
    async def work() -> list[object]:
        await company.begin()
        found = await Past(company.database).traffic(company.clock.now - timedelta(days=1))
        await company.die()
        return list(found)

    visits = asyncio.run(work())
    assert len(visits) == 5
    assert [len(visit.calls) for visit in visits] == [1, 0, 0, 0, 0]  # type: ignore[attr-defined]
    assert len(visits[0].taps) == 1  # type: ignore[attr-defined]
    played = json.loads(callbridge("simulate", "--from-store", "--numbers", "yandex-direct=9", "--json").stdout)
    assert (played["visits"], played["calls"], played["coverage"], played["right"]) == (5, 1, 1.0, 1.0)
    (advice,) = json.loads(callbridge("pools", "advise", "--from-store", "--json").stdout)
    assert (advice["source"], advice["visits"], advice["calls"]) == ("yandex-direct", 5, 1)
    assert "one of TRAFFIC and --from-store" in callbridge("simulate", "--numbers", "a=1", exit_code=2).output


def test_books_without_visits_say_so(company: Company, callbridge: Run) -> None:
    asyncio.run(_migrated(company))
    assert (
        "no visits of the last 3 days"
        in callbridge("pools", "advise", "--from-store", "--days", "3", exit_code=1).output
    )


def test_the_card_of_a_call_names_its_visit(call_id: str, callbridge: Run) -> None:
    card = callbridge("calls", "show", call_id).stdout
    assert "tapped it 4 s before the call" in card
    for word in ("spring", "locks", "mobile", "yandex-direct", ADS):
        assert word in card
    shown_as = json.loads(callbridge("calls", "show", call_id, "--json").stdout)
    assert shown_as["visit"]["credited"]["keyword"] == "locks"
    assert shown_as["attributions"][0]["by"] == "bridge"


def test_a_person_corrects_with_a_trace(call_id: str, callbridge: Run) -> None:
    before = json.loads(callbridge("calls", "show", call_id, "--json").stdout)
    said = ("--reason", "he heard it on the radio", "--by", "anna")
    assert "radio, before:" in callbridge("calls", "attribute", call_id, "--source", "radio", *said).stdout
    after = json.loads(callbridge("calls", "show", call_id, "--json").stdout)
    assert after["attribution"] == {
        "kind": AttributionKind.SOURCE_DEFAULT,
        "source": "radio",
        "visit": None,
        "confidence": 1.0,
        "reason": "anna: he heard it on the radio",
    }
    assert [note["by"] for note in after["attributions"]] == ["bridge", "anna"]
    assert after["attributions"][0]["visit"] == before["visit"]["id"]
    back = ("calls", "attribute", call_id, "--visit", before["visit"]["id"], "--reason", "no", "--by", "ivan")
    callbridge(*back)
    card = callbridge("calls", "show", call_id).stdout
    assert "by anna: radio" in card
    assert "by ivan" in card


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        (("--source", "tv", "--reason", "x"), 1, "there is no source 'tv'"),
        (("--visit", "v", "--reason", "x"), 1, "there is no visit 'v'"),
        (("--reason", "x"), 2, "one of --source and --visit"),
        (("--source", "radio", "--reason", " "), 2, "--reason says nothing"),
        (("--source", "radio"), 2, "Missing option"),
    ],
)
def test_wrong_corrections(call_id: str, callbridge: Run, options: tuple[str, ...], code: int, message: str) -> None:
    assert message in callbridge("calls", "attribute", call_id, *options, exit_code=code).output


def test_a_sites_own_rules_are_tried(company: Company, callbridge: Run) -> None:
    found = json.loads(callbridge("source", "https://example.org/radio/7", "--json").stdout)
    assert found["source"] == "radio"
    own = callbridge("source", "https://example.org/", "--referrer", "https://www.example.org/x", "--json").stdout
    assert json.loads(own)["source"] == "direct"
