"""Every visit its number: what pages ask and report, in memory, written down at once, loaded again at a start.

A page is told a pool's number only when the store has it as this visit's; so whatever dies, a number is never handed out twice. While the
store does not answer, new visits see their source's default number (and their own with the next beat, once it is written), and those that
hold a number keep it. Before the store could be read at all, every page keeps the number printed on it.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import secrets
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Final, TypeVar
from urllib.parse import urlsplit

from bridge.core.attribution.attributor import Attributor
from bridge.core.attribution.delays import Delays, Learned
from bridge.core.attribution.memory import CallerMemory
from bridge.core.attribution.stake import at_stake
from bridge.core.directory import Directory
from bridge.core.pools.allocator import Allocator
from bridge.core.pools.book import LeaseBook
from bridge.core.pools.lease import Lease, VisitRequest
from bridge.core.site import RANDOM_BYTES, Consent, Site, Sites, Visit, kept_address, new_id, written
from bridge.core.sources.policy import credited
from bridge.core.sources.rules import DIRECT, classify
from bridge.core.sources.touch import Touch, clean
from bridge.flows.attributing import Attributing, Revised
from bridge.flows.counting import Occupancy, Use
from bridge.flows.learning import LEARNED, learned_text
from bridge.flows.pooling import HoldPerSource, pools_of
from bridge.flows.ports import Clock, StoreDownError
from bridge.flows.visit_loading import ADDRESS_KEY, VISIT_SECONDS, read_past, recall
from bridge.flows.visit_ports import VisitBook
from bridge.flows.visit_words import Changed, EventKind, Hit, Swap, Told, VisitCounters
from bridge.flows.writing import Writing

log = logging.getLogger(__name__)

K = TypeVar("K")
V = TypeVar("V")
LEAVE_SECONDS: Final = 5.0  #: a page that is followed by the next one so soon was not closed
CLOCK_SECONDS: Final = 120.0  #: how far a page's clock is believed
QUARANTINE_SECONDS: Final = 3600.0  #: a number that comes back into a pool, or into another one, rests
MOST_VISITS: Final = 200_000
MOST_CLASSIFIED: Final = 2_000
_MARKED_EVERY: Final = 60.0
_PURGED_EVERY: Final = 3600.0


class Visits:
    """Owns the allocator and the attributor; everything happens in one event loop. `revised` is told of calls booked otherwise now."""

    def __init__(self, store: VisitBook, clock: Clock, sites: Sites, directory: Directory, revised: Revised) -> None:
        self.counters = VisitCounters()
        self.sites = sites
        self.loaded = False
        self._store = store
        self._clock = clock
        self._directory = directory
        self._last_now = 0.0
        self._visits: dict[str, Visit] = {}  #: latest sign of life last
        self._touches: dict[str, Touch] = {}  #: by visitor, what he is credited to; latest last
        self._cookieless: dict[bytes, str] = {}  #: who walks through a site without cookies -> his visit; latest last
        self._salt = secrets.token_bytes(16)  #: in memory only, another every day
        self._salted_at = 0.0
        self._classified: dict[tuple[str, str, str], Touch] = {}
        self._leaving: dict[str, float] = {}
        self._address_key = b""
        self.delays = Delays()
        self.attributing: Attributing
        self._begin(Learned())
        self._revised = revised
        self.attributing = self._attribute_with()

    # -- start and end -------------------------------------------------------------------------------------------------

    def _begin(self, learned: Learned) -> None:
        self.delays = Delays(learned)
        self.memory = CallerMemory()
        self.book = LeaseBook()
        self.policy = HoldPerSource(self.delays.share_within, float(self.sites.idle))
        self.policy.set_pools(self._directory)
        pools = pools_of(self._directory)
        self._pools = {pool.source: pool for pool in pools}
        self.allocator = Allocator(pools, self.policy, self.book, self._risk, self.policy.is_auto)
        self.writing = Writing(self._store, self.allocator.drain)
        self._occupancy = Occupancy(self.allocator)

    def _attribute_with(self) -> Attributing:
        attributor = Attributor(self.book, self.delays, self.memory, zone=self._directory.zone)
        return Attributing(attributor, self.sites, self.writing.note, self._revised)

    async def load(self) -> None:
        """Put back what the store knows. Raises StoreDownError, and can be asked again. Once, before `run`."""
        now = self._clock()
        past = await read_past(self._store, now)
        self._begin(past.learned)
        self.allocator.restore(past.leases, past.in_pool, QUARANTINE_SECONDS)
        self.writing.know(past.leases)
        latest = max((lease.began for lease in past.leases), default=0.0)
        self._last_now = min(latest, now.timestamp() + 60.0)  # the clock may have gone back meanwhile
        recall(past, self.delays, self.memory, now)
        self._visits = {visit.id: visit for visit in past.visits}
        self._touches = {visit.visitor: visit.credited for visit in past.visits if visit.visitor}
        self._address_key = past.address_key or secrets.token_bytes(32)
        self.attributing = self._attribute_with()
        if past.address_key is None:
            self.writing.mark(ADDRESS_KEY, self._address_key.hex())
        self.loaded = True
        counts = len(past.leases), len(past.visits), len(past.calls)
        log.info("%d leases, %d visits under way and %d calls of known callers loaded", *counts)

    async def run(self) -> None:
        """Write, and look after what is due, until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self.writing.run(), name="visits-writing")
            group.create_task(self._look_after(), name="visits-sweep")

    async def stop(self) -> None:
        """Write down what is not written yet, if the store takes it."""
        if self.loaded:
            while self.attributing.learn_next():
                pass
            self.writing.mark(LEARNED, learned_text(self.delays.learned))
            with suppress(Exception):
                await self.writing.flush()
                await self._store.sync()
            with suppress(Exception):
                await self._store.close()

    def set_directory(self, directory: Directory, sites: Sites) -> None:
        """A reload: numbers that left their pool are given up at once, those that came rest if a visit saw them lately."""
        self._directory, self.sites = directory, sites
        self._classified.clear()
        self.policy.idle = float(sites.idle)
        self.policy.set_pools(directory)
        pools = pools_of(directory)
        self._pools = {pool.source: pool for pool in pools}
        self.allocator.set_pools(pools, self._now(), QUARANTINE_SECONDS)
        self.attributing.sites = sites
        self.writing.wake()

    def occupancy(self) -> dict[str, Use]:
        """By source: numbers in its pool, held by visits that may not be disturbed, held at all; a moment ago."""
        return self._occupancy.of(self._pools)

    # -- what pages ask and report -------------------------------------------------------------------------------------

    async def visit(self, site: Site, hit: Hit) -> Told | None:
        """A page opened. None where it is to show what is printed on it and nobody is to hear of the visit."""
        if not self.loaded:
            return None
        hit_consent: Consent = "cookieless" if "cookieless" in (site.consent, hit.consent) else "full"
        visitor = None if hit_consent == "cookieless" else hit.visitor or self._new_id()
        touch = self._touch(site, hit.page, hit.referrer)
        earlier = await self._earlier(hit.visitor) if visitor is not None and hit.visitor else None
        now = self._now()
        walker = self._walker(site, hit, now) if visitor is None else None
        visit = self._known(site, hit, touch, walker, now)
        if visit is None:
            visit = self._new(site, hit, touch, visitor, hit_consent, earlier, now)
            self.counters.begun += 1
        if walker is not None:
            _put_last(self._cookieless, walker, visit.id)
        self._sign_of_life(visit, now)
        self._page(visit, now, hit.page)
        number = await self._number(visit, now)
        visit.told.add(number)
        return Told(visit.visitor, visit.id, _shown_as(site, number) if number else {})

    def beat(self, site: Site, visit_id: str, active: bool) -> Changed | None:
        """A page is still there, and `active`: its visitor did something. What it must show, where it may show something else."""
        if not self.loaded:
            return None
        visit = self._of(site, visit_id)
        if visit is None:
            return Changed(_shown_as(site, ""), ask=True)  # whatever the page shows may be somebody else's by now
        self.counters.beats += 1
        now = self._now()
        over = now - visit.active > VISIT_SECONDS
        if active and not over:
            self._sign_of_life(visit, now)
            self.allocator.beat(visit.id, now)
            self.writing.visit(visit, soon=False)
        number = self._shown(visit)
        ask = active and over  # he is back: that is another visit, with a number of its own
        if visit.told == {number} and not ask:
            return None
        self.counters.swapped_back += number not in visit.told
        visit.told.add(number)
        return Changed(_shown_as(site, number), ask)

    def event(self, site: Site, visit_id: str, kind: EventKind, page: str, number: str, at: float | None) -> None:
        """A phone link was tapped, the number copied, a page of a single-page site opened, a page closed; `at` by the page's clock."""
        visit = self._of(site, visit_id)
        if visit is None:
            return
        now = self._now()
        when = at if at is not None and now - CLOCK_SECONDS <= at <= now else now
        match kind:
            case "leave":
                self._leaving[visit.id] = when
                return
            case "page":
                self._page(visit, now, page)
                self.allocator.beat(visit.id, now)
            case "tap" | "copy":
                lease = self.book.of_visit(visit.id)
                if lease is None or (number and lease.number.lstrip("+") != number.lstrip("+")):
                    return  # it was another number: the default one says nothing of a visit
                self.allocator.tap(visit.id, when)
                self.delays.tapped()
                self.counters.taps += 1
                self.attributing.evidence(lease.number, now)
                self.writing.wake()
        self._sign_of_life(visit, now)

    # -- inside --------------------------------------------------------------------------------------------------------

    def _now(self) -> float:
        """Epoch seconds; always later than the last time, so that a number and a beginning name one lease."""
        self._last_now = max(self._clock().timestamp(), self._last_now + 1e-5)
        return self._last_now

    def _new_id(self) -> str:
        return new_id(self._clock().timestamp(), secrets.token_bytes(RANDOM_BYTES))

    def _touch(self, site: Site, page: str, referrer: str) -> Touch:
        """Where a page view came from; most pages of a site are opened over and over."""
        key = (site.name, page, referrer)
        touch = self._classified.get(key)
        if touch is None:
            touch = classify(page, referrer, site.rules, site.domains)
            if len(self._classified) >= MOST_CLASSIFIED:
                self._classified.clear()
            self._classified[key] = touch
        return touch

    async def _earlier(self, visitor: str | None) -> Touch | None:
        if visitor is None or visitor in self._touches:
            return self._touches.get(visitor or "")
        if self.writing.problem is not None:
            return None
        try:
            async with asyncio.timeout(0.5):
                return await self._store.last_touch(visitor)
        except (StoreDownError, TimeoutError):
            return None

    def _known(self, site: Site, hit: Hit, touch: Touch, walker: bytes | None, now: float) -> Visit | None:
        """The visit that goes on with this page, if one does: a new advertisement, or a long rest, begins another."""
        visit_id = hit.visit
        if visit_id is None and walker is not None and _comes_from_the_site(site, hit):
            visit_id = self._cookieless.get(walker)
        visit = self._visits.get(visit_id) if visit_id else None
        if visit is None or visit.site != site.name or now - visit.active > VISIT_SECONDS:
            return None
        if visit.visitor is not None and hit.visitor not in (None, visit.visitor):
            return None
        anew = touch.source != DIRECT and (touch.source, touch.campaign, touch.keyword, touch.click_id) != (
            visit.touch.source,
            visit.touch.campaign,
            visit.touch.keyword,
            visit.touch.click_id,
        )
        return None if anew else visit

    def _new(
        self,
        site: Site,
        hit: Hit,
        touch: Touch,
        visitor: str | None,
        consent: Consent,
        earlier: Touch | None,
        now: float,
    ) -> Visit:
        booked = credited(site.policy, earlier, touch)
        if visitor is not None:
            _put_last(self._touches, visitor, booked)
        return Visit(
            id=self._new_id(),
            site=site.name,
            visitor=visitor,
            began=now,
            active=now,
            source=next((name for name in (booked.source, site.otherwise) if name and self._has_numbers(name)), None),
            touch=touch,
            credited=booked,
            landing=clean(hit.page, 2000),
            referrer=clean(hit.referrer, 1000),
            mobile=hit.mobile,
            region=hit.region,
            address=kept_address(hit.address, self.sites.address, self._address_key),
            consent=consent,
            ids=dict(hit.ids) if consent == "full" else {},
        )

    def _has_numbers(self, source: str) -> bool:
        return source in self._pools

    async def _number(self, visit: Visit, now: float) -> str:
        """What the visit's page is to show now; ``""``: what is printed on it."""
        first = not visit.told
        if visit.source is None or not self._has_numbers(visit.source):
            self.counters.printed += first
            self.writing.visit(visit, soon=first)
            return ""
        before = self.book.of_visit(visit.id)
        request = VisitRequest(visit.id, visit.source, visit.visitor, visit.mobile, visit.region)
        shown = self.allocator.assign(request, now)
        lease = shown.lease
        fresh = lease is not None and lease is not before
        visit.covered |= lease is not None
        self.writing.visit(visit, soon=first or fresh)
        if first:
            self.counters.covered += lease is not None
            self.counters.default += lease is None
        if lease is None or not fresh:
            return shown.number
        self.delays.visit_began(now, visit.mobile)
        if await self.writing.durable(lease):
            return shown.number
        self.counters.not_durable += 1
        return self._pools[visit.source].default

    def _shown(self, visit: Visit) -> str:
        """As `_number`, without asking for a number."""
        if visit.source is None or not self._has_numbers(visit.source):
            return ""
        lease = self.book.of_visit(visit.id)
        if lease is None or lease.ended is not None or not self.writing.has(lease):
            return self._pools[visit.source].default
        return lease.number

    def _of(self, site: Site, visit_id: str) -> Visit | None:
        visit = self._visits.get(visit_id)
        if visit is None or visit.site != site.name:
            self.counters.unknown += 1
            return None
        return visit

    def _sign_of_life(self, visit: Visit, now: float) -> None:
        visit.active = now
        self._leaving.pop(visit.id, None)
        _put_last(self._visits, visit.id, visit)
        self.counters.open = len(self._visits)

    def _page(self, visit: Visit, now: float, url: str) -> None:
        if visit.saw(now, clean(url, 1000)):
            self.writing.page(visit.id, len(visit.pages) - 1, visit.pages[-1])

    def _walker(self, site: Site, hit: Hit, now: float) -> bytes:
        """Who goes from page to page where nothing may be kept in his browser; of use for a day, and never written down."""
        if now - self._salted_at > 86_400.0:
            self._salt, self._salted_at, self._cookieless = secrets.token_bytes(16), now, {}
        seen = f"{site.name}\n{hit.address}\n{hit.agent}".encode(errors="replace")
        return hashlib.blake2b(seen, key=self._salt, digest_size=16).digest()

    def _risk(self, lease: Lease, now: float) -> float:
        return at_stake(self.delays, self.memory, lease, now)

    # -- what is due ---------------------------------------------------------------------------------------------------

    async def _look_after(self) -> None:
        marked = corrected = self._now()
        purged = 0.0
        while True:
            await asyncio.sleep(1.0)
            now = self._now()
            self._close_pages(now)
            self.attributing.settle(now)
            await self._learn()
            self._occupancy.step(self._pools, now)
            try:
                if now - marked > _MARKED_EVERY:
                    marked = now
                    self.writing.mark(LEARNED, learned_text(self.delays.learned))
                    self._forget_in_memory(now)
                    since, corrected = corrected, now
                    for call in await self._store.corrected_calls(datetime.fromtimestamp(since, UTC)):
                        people = {call.visit: (call.person, call.confidence)}
                        self.memory.remember(call.caller, call.number, call.at, people)
                if now - purged > _PURGED_EVERY:
                    purged = now
                    before = datetime.fromtimestamp(now, UTC) - timedelta(days=self.sites.keep)
                    self.counters.forgotten += await self._store.forget(before)
            except StoreDownError:
                pass  # the writer says so
            except Exception:
                log.exception("looking after the visits failed; it is tried again")

    async def _learn(self) -> None:
        for _ in range(self.attributing.lessons):
            self.attributing.learn_next()
            await asyncio.sleep(0)  # calls that ring now come first

    def _close_pages(self, now: float) -> None:
        for visit_id, at in [(v, at) for v, at in self._leaving.items() if now - at > LEAVE_SECONDS]:
            del self._leaving[visit_id]
            lease = self.book.of_visit(visit_id)
            self.allocator.leave(visit_id, at)
            if lease is not None:
                self.delays.closed(lease, at)
                self.attributing.evidence(lease.number, now)
            self.writing.wake()

    def _forget_in_memory(self, now: float) -> None:
        """Visits nobody has heard of for long, unless a page of theirs may still show their number."""
        for visit_id in [v.id for v in self._visits.values() if now - v.active > 2 * VISIT_SECONDS]:
            lease = self.book.of_visit(visit_id)
            if lease is None or lease.left is not None or now - lease.began > 2 * 86_400.0:
                del self._visits[visit_id]
        self.counters.open = len(self._visits)


def _shown_as(site: Site, number: str) -> Swap:
    """Every printed number as `number`; ``""``: as it is printed."""
    return {printed.lstrip("+"): written(number or printed) for printed in site.replace}


def _comes_from_the_site(site: Site, hit: Hit) -> bool:
    try:
        return site.has(urlsplit(hit.referrer).netloc.lower())
    except ValueError:
        return False


def _put_last(kept: dict[K, V], key: K, value: V) -> None:
    kept.pop(key, None)
    kept[key] = value
    if len(kept) > MOST_VISITS:
        del kept[next(iter(kept))]
