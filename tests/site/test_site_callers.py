"""Who asks: addresses behind web servers, programs and people, buckets of tokens."""

from __future__ import annotations

from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.core.site import Site, kept_address, network_of, written
from bridge.web.site.callers import Proxies, is_robot, read_address
from bridge.web.site.limits import MOST_KEPT, Buckets

PEOPLE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Mobile/15E148 Safari/604.1",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/138.0.0.0 YaBrowser/25.8.0.0 Safari/537.36",
    "Mozilla/5.0 (Linux; Android 13; CUBOT P80) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Mobile Safari/537.36",
    "Mozilla/5.0 (Linux; arm_64; Android 14; SM-A546E) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/138.0.0.0 YaSearchBrowser/25.81 Mobile",
    "Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:141.0) Gecko/20100101 Firefox/141.0",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Safari/605.1.15",
)
ROBOTS = (
    "Mozilla/5.0 (Linux; Android 6.0.1; Nexus 5X) AppleWebKit/537.36 Chrome/138.0 Mobile Safari/537.36 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
    "Mozilla/5.0 (compatible; YandexRenderResourcesBot/1.0; +http://yandex.com/bots) AppleWebKit/537.36 Chrome/108",
    "Mozilla/5.0 (compatible; YandexMetrika/2.0; +http://yandex.com/bots)",
    "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; bingbot/2.0) Chrome/116 Safari/537.36",
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/140.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Linux; Android 11; moto g power) AppleWebKit/537.36 Chrome/138 Mobile Safari/537.36 Chrome-Lighthouse",
    "python-requests/2.32",
    "x",
)


@pytest.mark.parametrize("agent", PEOPLE)
def test_people(agent: str) -> None:
    assert not is_robot(agent)


@pytest.mark.parametrize("agent", ROBOTS)
def test_programs(agent: str) -> None:
    assert is_robot(agent)


@pytest.mark.parametrize(
    ("peer", "forwarded", "found"),
    [
        ("198.51.100.7", [], "198.51.100.7"),
        ("198.51.100.7", ["203.0.113.1"], "198.51.100.7"),  # he says so himself
        ("127.0.0.1", ["203.0.113.1"], "203.0.113.1"),
        ("127.0.0.1", ["1.2.3.4, 203.0.113.1"], "203.0.113.1"),
        ("127.0.0.1", ["1.2.3.4", "203.0.113.1, 10.0.0.9"], "203.0.113.1"),
        ("127.0.0.1", ["[2001:db8::1]:443"], "2001:db8::1"),
        ("127.0.0.1", ["203.0.113.1:5678"], "203.0.113.1"),
        ("::ffff:127.0.0.1", ["203.0.113.1"], "203.0.113.1"),
        ("127.0.0.1", ["10.0.0.1"], "10.0.0.1"),
        ("127.0.0.1", ["unknown"], None),
        ("", [], None),
    ],
)
def test_the_visitors_address(peer: str, forwarded: list[str], found: str | None) -> None:
    proxies = Proxies(("127.0.0.0/8", "10.0.0.0/8"))
    assert proxies.visitor(peer, forwarded) == (found and ip_address(found))


@given(st.text())
def test_no_text_breaks_an_address(text: str) -> None:
    read_address(text)
    kept_address(text, "truncated", b"")
    is_robot(text)


def test_a_bucket_fills_again_and_memory_is_bounded() -> None:
    now = 0.0
    buckets = Buckets(2.0, 3.0, lambda: now)
    assert [buckets.take("a") for _ in range(4)] == [True, True, True, False]
    assert buckets.take("b")
    now = 1.0
    assert [buckets.take("a") for _ in range(3)] == [True, True, False]
    for n in range(MOST_KEPT + 10):
        buckets.take(str(n))
    assert len(buckets) == MOST_KEPT


def test_an_ipv6_household_counts_as_one() -> None:
    one, other = ip_address("2001:db8:1:2::1"), ip_address("2001:db8:1:2:ffff::9")
    assert network_of(one) == network_of(other)
    assert network_of(ip_address("::ffff:192.0.2.1")) == "192.0.2.1"


@pytest.mark.parametrize(
    ("host", "ours"),
    [
        ("example.org", True),
        ("a.example.org", True),
        ("example.org:8080", True),
        ("xexample.org", False),
        ("", False),
        ("127.0.0.1:81", True),
        ("127.0.0.1:82", False),
    ],
)
def test_whose_page_it_is(host: str, ours: bool) -> None:
    assert Site("s", ("example.org", "127.0.0.1:81"), (), ()).has(host) is ours


def test_numbers_are_written_as_their_country_does() -> None:
    assert dict(written("+442079460999")) == {
        "e164": "+442079460999",
        "national": "020 7946 0999",
        "international": "+44 20 7946 0999",
        "tel": "+442079460999",
    }
