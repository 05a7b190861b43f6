"""From a visit on the site to a call through a real Asterisk: the books name the visit, its campaign and its keyword."""

from __future__ import annotations

import json
import urllib.request
from typing import Any

from house import next_caller, until
from lab.fixtures import MakeLab
from lab.ports import free_tcp
from lab.world import Lab

POOL = [f"+7495111{n:04}" for n in range(11, 15)]
DEFAULT, PRINTED = "+74951110010", "74951112233"
AGENT = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 Version/18.1 Mobile/15E148 Safari/604.1"
ANSWERS = {"answer_after": 0.1, "hang_up_after": 0.5}


class Site:
    """The company's site, as its pages speak to the service."""

    def __init__(self) -> None:
        self.port = free_tcp()

    def furnish(self, config: dict[str, Any], lab: Lab) -> None:
        config["sources"]["yandex-direct"] = {"title": "Yandex Direct", "prefix": "Direct: "}
        config["numbers"][DEFAULT] = {"default_of": "yandex-direct"}
        config["pools"] = {"direct": {"source": "yandex-direct", "numbers": POOL, "hold": "20m"}}
        config["defaults"]["notice"] = "none"
        site = {"domains": ["example.org"], "replace": [f"+{PRINTED}"]}
        config["site"] = {"listen": f"127.0.0.1:{self.port}", "sites": {"main": site}}

    def post(self, what: str, **body: Any) -> dict[str, Any]:
        headers = {"Origin": "https://example.org", "User-Agent": AGENT, "Content-Type": "text/plain"}
        data = json.dumps({"site": "main", "consent": "full", **body}).encode()
        url = f"http://127.0.0.1:{self.port}/s/v1/{what}"
        with urllib.request.urlopen(urllib.request.Request(url, data, headers), timeout=10) as answer:
            text = answer.read()
        return dict(json.loads(text)) if text else {}

    def visit(self, keyword: str) -> tuple[str, str]:
        """A visit by an advertisement: its id, and the number its page shows."""
        page = f"https://example.org/?utm_source=yandex&utm_medium=cpc&utm_campaign=spring&utm_term={keyword}"
        told = self.post("visit", page=page, referrer="https://yandex.ru/", mobile=True)
        self.post("event", visit=told["visit"], kind="page", page="https://example.org/prices")
        return told["visit"], told["swap"][PRINTED]["e164"]


def test_a_call_names_the_visit_that_saw_the_number(make_lab: MakeLab) -> None:
    site = Site()
    lab = make_lab(phones=("sales-1",), change=site.furnish)
    lab.phone("sales-1", **ANSWERS)
    visits = {keyword: site.visit(keyword) for keyword in ("locks", "doors")}
    assert len({number for _, number in visits.values()} & set(POOL)) == 2
    visit, number = visits["doors"]
    site.post("event", visit=visit, kind="tap", number=number)
    lab.call(number, caller=next_caller(), hang_up_after=None).wait()
    (booked,) = lab.wait_booked()
    assert booked["attribution"]["visit"] == visit
    assert booked["attribution"]["source"] == "yandex-direct"
    assert booked["attribution"]["confidence"] > 0.9
    card = lab.daemon.call(booked["id"])
    assert card["visit"]["credited"]["campaign"] == "spring"
    assert card["visit"]["credited"]["keyword"] == "doors"
    assert [page["url"] for page in card["visit"]["pages"]][1:] == ["https://example.org/prices"]
    assert "tapped it" in card["attribution"]["reason"]

    # to the default number nobody is named
    lab.call(DEFAULT, caller=next_caller(), hang_up_after=None).wait()
    default = lab.wait_booked(seen=1)[0]
    assert (default["attribution"]["kind"], default["attribution"]["visit"]) == ("source-default", None)

    # a call that comes while the daemon is dead is booked on its visit when it is back
    visit, number = visits["locks"]
    lab.daemon.kill9()
    lab.call(number, caller=next_caller(), hang_up_after=None).wait()
    lab.daemon.start()
    until(
        lambda: len([call for call in lab.daemon.calls() if call["attribution"]["visit"] == visit]) == 1,
        20,
        "the booking",
    )
    late = next(call for call in lab.daemon.calls() if call["attribution"]["visit"] == visit)
    assert late["decided_by"] != "daemon"
    assert lab.daemon.call(late["id"])["visit"]["credited"]["keyword"] == "locks"
