"""Who asks: the visitor's address behind the web servers that are trusted, and whether it is a person at all."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import TypeAlias

Address: TypeAlias = IPv4Address | IPv6Address

#: Programs that run a page's script and are no visitors. A list of our own: of the thousand crawlers that public lists name, few run
#: scripts at all, and nearly all of those that do call themselves by one of these words.
_ROBOTS = re.compile(
    r"bot\b|bot[/_;-]|crawl|spider|slurp|headless|lighthouse|pagespeed|gtmetrix|pingdom|uptime|monitor|preview|scraper"
    r"|facebookexternalhit|whatsapp|telegram|skypeuri|vkshare|mediapartners|adsbot|google-(inspection|read|safety|site)|apis-google"
    r"|yandex(accessibility|mobile|render|direct|metrika|webmaster|favicon|images|video|media|news|screenshot|market|rca|search)"
    r"|bingpreview|baidu|ahrefs|semrush|mj12|dataforseo|gptbot|chatgpt|claude|perplexity|bytespider|petal|applebot"
    r"|phantomjs|electron|selenium|puppeteer|playwright|cypress|webdriver|jsdom|python|java/|okhttp|curl|wget|go-http|libwww|axios|node",
    re.IGNORECASE,
)
#: Browsers people use whose names hold one of the words.
_PEOPLE = re.compile(r"cubot|yabrowser|yandexsearch", re.IGNORECASE)


@lru_cache(maxsize=4096)
def is_robot(agent: str) -> bool:
    """Whether this User-Agent is a program's; also where there is none."""
    return len(agent) < 10 or _ROBOTS.search(_PEOPLE.sub("", agent)) is not None


class Proxies:
    """The web servers whose X-Forwarded-For is believed."""

    def __init__(self, networks: Sequence[str]) -> None:
        self._networks: list[IPv4Network | IPv6Network] = [ip_network(network) for network in networks]

    def trusts(self, address: Address) -> bool:
        return any(address in network for network in self._networks)

    def visitor(self, peer: str, forwarded: Sequence[str]) -> Address | None:
        """The visitor's address: the last one in X-Forwarded-For that no trusted server has; None where nothing can be believed."""
        address = read_address(peer)
        hops = [hop for header in forwarded for hop in header.split(",")][-20:]
        while address is not None and hops and self.trusts(address):
            address = read_address(hops.pop())
        return address


@lru_cache(maxsize=8192)
def read_address(text: str) -> Address | None:
    """An IP address as it stands in headers, perhaps with a port or brackets."""
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address(text)
    except ValueError:
        return None
    return (address.ipv4_mapped or address) if isinstance(address, IPv6Address) else address
