"""Visits and their numbers over a real store: who is shown what, what survives a kill, what a call is booked on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from databases import KINDS, empty_database
from visiting import ADS, DEFAULT, GOOGLE_DEFAULT, PRINTED, Company, a_directory, pool_numbers, shown, some_sites

from bridge.core.model import Attribution, AttributionKind, BindingKind, Call
from bridge.core.sources.policy import Policy
from bridge.flows.ports import StoreDownError
from bridge.flows.visit_ports import Batch, Note
from bridge.flows.visit_words import Hit
from bridge.store.visits import VisitStore

GOOGLE = "https://example.org/?gclid=abc"


@pytest.fixture(params=KINDS)
async def company(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Company]:
    """On each kind of database."""
    (tmp_path / "books").mkdir()
    async with empty_database(request.param, tmp_path) as url:
        company = Company(tmp_path, url=url)
        await company.begin()
        yield company
        await company.die()


def a_call(company: Company, number: str, caller: str | None = "+79161234567", seq: int = 1) -> Call:
    binding = company.directory.numbers[number].binding
    booked = Attribution(AttributionKind.SOURCE_DEFAULT, binding.source, "no visit held it")
    at = company.clock.now
    return Call(f"{at:%Y%m%d-%H%M%S}-{seq}-000001", number, caller, None, at, booked, "sales", binding=binding.kind)


# --- who is shown what ------------------------------------------------------------------------------------------------


async def test_each_visit_is_shown_a_number_of_its_own_and_the_rest_the_default(company: Company) -> None:
    told = [await company.open() for _ in range(5)]
    assert sorted(map(str, map(shown, told[:3]))) == sorted(pool_numbers(3))
    assert [shown(t) for t in told[3:]] == [DEFAULT, DEFAULT]
    assert len({t.visit for t in told} | {t.visitor for t in told}) == 10
    counters = company.visits.counters
    assert (counters.begun, counters.covered, counters.default) == (5, 3, 2)


async def test_sources_share_no_numbers(company: Company) -> None:
    google = [shown(await company.open(GOOGLE)) for _ in range(3)]
    assert not set(google) & {*pool_numbers(3), DEFAULT}


async def test_a_visit_of_no_source_with_numbers_keeps_the_printed_one(company: Company) -> None:
    told = await company.open("https://example.org/")
    assert told.swap == {}
    assert company.visits.beat(company.site, told.visit, True) is None


async def test_such_visits_may_belong_to_a_source(tmp_path: Path) -> None:
    company = Company(tmp_path, sites=some_sites(otherwise="yandex-direct"))
    await company.begin()
    assert shown(await company.open("https://example.org/")) in pool_numbers(3)
    await company.die()


async def test_the_next_page_goes_on_with_the_visit_and_its_number(company: Company) -> None:
    first = await company.open()
    company.clock.forward(60)
    second = await company.open("https://example.org/prices", visit=first.visit, visitor=first.visitor)
    assert (second.visit, shown(second)) == (first.visit, shown(first))
    company.clock.forward(2000)
    later = await company.open("https://example.org/prices", visit=first.visit, visitor=first.visitor)
    assert later.visit != first.visit
    assert shown(later) == shown(first)  # the returning visitor's own


async def test_a_click_on_another_advertisement_begins_another_visit(company: Company) -> None:
    first = await company.open()
    again = await company.open(ADS, visit=first.visit, visitor=first.visitor)
    assert again.visit == first.visit  # the landing page loaded anew
    other = await company.open(GOOGLE, visit=first.visit, visitor=first.visitor)
    assert other.visit != first.visit
    assert shown(other) not in pool_numbers(3)


@pytest.mark.parametrize(
    ("policy", "source"),
    [(Policy.LAST_TOUCH, "yandex-direct"), (Policy.FIRST_TOUCH, "yandex-direct"), (Policy.PAID_OVERRIDE, "google-ads")],
)
async def test_the_policy_says_which_visit_counts(tmp_path: Path, policy: Policy, source: str) -> None:
    company = Company(tmp_path, sites=some_sites(policy))
    await company.begin()
    first = await company.open(ADS)
    if policy is Policy.PAID_OVERRIDE:
        await company.open(GOOGLE, visitor=first.visitor)
    await company.die()  # what was credited is known after a start
    company.clock.forward(86400)
    await company.begin()
    back = await company.open("https://example.org/", visitor=first.visitor)
    visit = company.visits._visits[back.visit]
    assert (visit.source, visit.touch.source, visit.credited.source) == (source, "direct", source)
    await company.die()


async def test_an_id_made_up_or_of_another_visitor_opens_nobodys_visit(company: Company) -> None:
    first = await company.open()
    other = await company.open(visit=first.visit, visitor="x" * 16)
    assert other.visit != first.visit
    assert shown(other) != shown(first)


async def test_without_cookies_a_walk_through_the_site_is_one_visit(company: Company) -> None:
    def page(path: str, **more: object) -> Hit:
        return Hit(f"https://example.org{path}", consent="cookieless", address="192.0.2.7", agent="Firefox", **more)  # type: ignore[arg-type]

    async def go(hit: Hit) -> tuple[str | None, str, str | None]:
        told = await company.open(
            hit.page, referrer=hit.referrer, consent="cookieless", address=hit.address, agent=hit.agent
        )
        return told.visitor, told.visit, shown(told)

    one = await go(page("/?yclid=1", referrer="https://yandex.ru/"))
    assert one[0] is None
    two = await go(page("/prices", referrer="https://www.example.org/"))
    assert two == one
    assert (await go(page("/?yclid=2", referrer="https://yandex.ru/")))[1] != one[1]  # somebody else of the same office
    elsewhere = replace(page("/prices", referrer="https://example.org/"), address="192.0.2.8")
    assert (await go(elsewhere))[1] != one[1]
    stored = await company.store.visit(one[1])
    assert stored is not None
    assert (stored.visitor, stored.consent, dict(stored.ids)) == (None, "cookieless", {})


@pytest.mark.parametrize("kept", ["hashed", "truncated", "none"])
async def test_addresses_are_never_kept_whole(tmp_path: Path, kept: str) -> None:
    company = Company(tmp_path, sites=replace(some_sites(), address=kept))  # type: ignore[arg-type]
    await company.begin()
    told = await company.open(address="203.0.113.77")
    visit = await company.store.visit(told.visit)
    assert visit is not None
    assert {
        "hashed": len(visit.address or "") == 16,
        "truncated": visit.address == "203.0.113.0/24",
        "none": visit.address is None,
    }[kept]
    await company.die()


async def test_what_is_known_of_a_visit_is_in_the_books(company: Company) -> None:
    told = await company.open(ids={"ym": "17"}, referrer="https://yandex.ru/x", mobile=True, region="Moscow")
    await company.open("https://example.org/prices", visit=told.visit, visitor=told.visitor)
    company.visits.event(company.site, told.visit, "page", "https://example.org/#contacts", "", None)
    await company.visits.writing.flush()
    visit = await company.store.visit(told.visit)
    assert visit is not None
    assert (visit.credited.campaign, visit.credited.keyword, visit.touch.referrer_host) == (
        "spring",
        "locks",
        "yandex.ru",
    )
    assert (visit.ids, visit.mobile, visit.region, visit.covered) == ({"ym": "17"}, True, "Moscow", True)
    assert [page.url for page in visit.pages] == [ADS, "https://example.org/prices", "https://example.org/#contacts"]


# --- numbers go and come ----------------------------------------------------------------------------------------------


async def test_an_idle_page_loses_its_number_and_is_told_so(company: Company) -> None:
    first = await company.open()
    await company.open()
    await company.open()
    company.clock.forward(1000)  # longer than hold and idle
    taken = await company.open()
    assert shown(taken) == shown(first)
    swap = company.visits.beat(company.site, first.visit, False)
    assert shown(swap) == DEFAULT
    assert shown(company.visits.beat(company.site, first.visit, True)) == DEFAULT  # a second tab is told as well
    lease = company.visits.book.of_visit(first.visit)
    assert lease is not None
    assert lease.swapped


async def test_an_active_visitor_is_not_robbed(company: Company) -> None:
    told = [await company.open() for _ in range(3)]
    for _ in range(20):
        company.clock.forward(100)
        for one in told:
            assert company.visits.beat(company.site, one.visit, True) is None
    assert shown(await company.open()) == DEFAULT


async def test_a_page_nobody_remembers_goes_back_to_what_is_printed(company: Company) -> None:
    lost = company.visits.beat(company.site, "x" * 16, True)
    assert shown(lost) == PRINTED
    assert lost is not None
    assert lost.ask
    company.visits.event(company.site, "x" * 16, "tap", "", "", None)
    assert company.visits.counters.unknown == 2


async def test_who_comes_back_to_a_page_after_his_visit_is_to_ask_anew(company: Company) -> None:
    told = await company.open()
    company.clock.forward(1801)
    assert company.visits.beat(company.site, told.visit, False) is None  # nobody is there
    back = company.visits.beat(company.site, told.visit, True)
    assert back is not None
    assert back.ask
    anew = await company.open(visit=told.visit, visitor=told.visitor)
    assert anew.visit != told.visit
    assert shown(anew) == shown(told) == shown(back)


async def test_a_closed_page_is_closed_only_if_no_other_follows(company: Company) -> None:
    told = await company.open()
    lease = company.visits.book.of_visit(told.visit)
    assert lease is not None
    company.visits.event(company.site, told.visit, "leave", "", "", None)
    company.clock.forward(2)
    await company.open("https://example.org/2", visit=told.visit, visitor=told.visitor)
    company.clock.forward(60)
    company.visits._close_pages(company.visits._now())
    assert lease.left is None
    company.visits.event(company.site, told.visit, "leave", "", "", None)
    left = company.clock.now.timestamp()
    company.clock.forward(10)
    company.visits._close_pages(company.visits._now())
    assert lease.left == pytest.approx(left, abs=0.01)


async def test_a_reload_takes_numbers_away_and_adds_others(company: Company) -> None:
    told = [await company.open() for _ in range(3)]
    directory = a_directory(2)
    company.visits.set_directory(directory, company.sites)
    robbed = [one for one in told if shown(company.visits.beat(company.site, one.visit, True)) == DEFAULT]
    assert [shown(one) for one in robbed] == [pool_numbers(3)[2]]
    company.visits.set_directory(a_directory(4), company.sites)
    assert shown(await company.open()) == pool_numbers(4)[3]  # the one that came back rests
    assert shown(await company.open()) == DEFAULT


async def test_numbers_that_changed_hands_while_the_daemon_was_down_rest(company: Company) -> None:
    told = shown(await company.open())
    await company.die()
    company.clock.forward(60)
    company.directory = a_directory(0, google=0, also={told: "google-ads", "+74951130001": "google-ads"})
    await company.begin()
    assert shown(await company.open(GOOGLE)) == "+74951130001"
    assert shown(await company.open(GOOGLE)) == GOOGLE_DEFAULT
    company.clock.forward(3700)
    assert {shown(await company.open(GOOGLE)) for _ in range(2)} == {"+74951130001", told}


async def test_a_number_that_was_away_and_came_back_while_the_daemon_was_down_rests(company: Company) -> None:
    told = shown(await company.open())
    await company.die()
    company.directory = a_directory(0)
    await company.begin()
    await company.die()
    company.clock.forward(60)
    company.directory = a_directory(2)
    await company.begin()
    assert told == pool_numbers(1)[0]
    assert [shown(await company.open()) for _ in range(2)] == [pool_numbers(2)[1], DEFAULT]


# --- the store --------------------------------------------------------------------------------------------------------


async def test_two_hundred_visits_at_once_share_no_number(tmp_path: Path) -> None:
    company = Company(tmp_path, a_directory(150))
    visits = await company.begin()
    running = asyncio.create_task(visits.run())
    told = await asyncio.gather(*(visits.visit(company.site, Hit(ADS)) for _ in range(200)))
    numbers = [shown(one) for one in told]
    own = [number for number in numbers if number != DEFAULT]
    assert len(own) == len(set(own)) == 150
    held = {lease.number: lease.visit for lease in await company.store.latest_leases(1, company.clock.now)}
    assert held == {shown(one): one.visit for one in told if one and shown(one) != DEFAULT}
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await company.die()


async def test_everything_shown_is_in_the_store_already(company: Company) -> None:
    """So that a kill at any moment loses no number that a page shows."""
    told = [await company.open() for _ in range(3)]
    await company.die()  # nothing else is written
    visits = await company.begin()
    for one in told:
        again = await company.open(visit=one.visit, visitor=one.visitor)
        assert (again.visit, shown(again)) == (one.visit, shown(one))
        assert visits.beat(company.site, one.visit, True) is None
    assert shown(await company.open()) == DEFAULT


class Faulty:
    """A store that fails while `broken`."""

    def __init__(self, store: VisitStore) -> None:
        self._store = store
        self.broken: Exception | None = None

    def __getattr__(self, name: str) -> Callable[..., object]:
        async def ask(*given: object, **more: object) -> object:
            if self.broken is not None:
                raise self.broken
            return await getattr(self._store, name)(*given, **more)

        return ask


async def test_with_the_store_down_pages_keep_their_numbers_and_new_ones_get_theirs_later(tmp_path: Path) -> None:
    company = Company(tmp_path)
    faulty: list[Faulty] = []

    def wrap(store: VisitStore) -> Faulty:
        faulty.append(Faulty(store))
        return faulty[0]

    visits = await company.begin(wrap)
    first = await company.open()
    faulty[0].broken = StoreDownError("gone")
    new = await company.open(visitor="n" * 16)
    assert shown(new) == DEFAULT
    assert visits.counters.not_durable == 1
    again = await company.open("https://example.org/2", visit=first.visit, visitor=first.visitor)
    assert shown(again) == shown(first)
    assert visits.beat(company.site, new.visit, True) is None
    faulty[0].broken = None
    assert await visits.writing.flush()
    own = shown(visits.beat(company.site, new.visit, True))
    assert own in pool_numbers(3)
    held = {lease.number: lease.visit for lease in await company.store.latest_leases(1, company.clock.now)}
    assert held == {shown(first): first.visit, own: new.visit}
    await company.die()


async def test_what_the_store_refuses_is_not_shown_and_keeps_nothing_else_out(company: Company) -> None:
    """As if a second daemon worked on the same database."""
    other = Company(Path("/nonexistent"))
    other.url = company.url
    other.clock.forward(1)
    await other.begin()
    told = [shown(await company.open()) for _ in range(3)]
    others = [shown(await other.open()) for _ in range(3)]
    assert sorted(map(str, told)) == sorted(pool_numbers(3))
    assert others == [DEFAULT] * 3
    assert other.visits.writing.counters.refused == 3
    assert len(await company.store.recent_visits(company.clock.now)) == 6
    await other.die()


async def test_visits_wait_for_the_store_in_bounded_memory(company: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bridge.flows.writing.MOST_WAITING", 2)
    writing = company.visits.writing

    async def down(batch: Batch) -> None:
        raise StoreDownError("gone")

    monkeypatch.setattr(company.store, "write", down)
    for _ in range(6):
        await company.open(GOOGLE)
        await company.open()
    assert writing.problem == "gone"
    assert (writing.counters.waiting, len(writing._visits), len(writing._pages)) == (2, 2, 2)
    assert writing.counters.dropped > 0


async def test_old_visits_are_forgotten(company: Company) -> None:
    told = await company.open()
    company.clock.forward(91 * 86400)
    await company.open()
    assert await company.store.forget(company.clock.now - timedelta(days=90)) == 1
    assert await company.store.visit(told.visit) is None


# --- calls ------------------------------------------------------------------------------------------------------------


async def test_a_call_names_the_visit_that_was_shown_the_number(company: Company) -> None:
    told = await company.open(mobile=True)
    number = shown(told)
    assert number is not None
    company.clock.forward(60)
    company.visits.event(company.site, told.visit, "tap", "", number, company.clock.now.timestamp())
    company.clock.forward(5)
    call = company.visits.attributing.attributed(a_call(company, number))
    found = call.attribution
    assert (found.kind, found.source, found.visit) == (AttributionKind.VISIT, "yandex-direct", told.visit)
    assert found.confidence > 0.9
    assert "tapped it 5 s before the call" in found.reason
    await company.calls.save(call)
    await company.visits.writing.flush()
    story = await company.store.story(call.id)
    assert story.visit is not None
    assert story.visit.credited.keyword == "locks"
    assert [(note.by, note.attribution.visit) for note in story.notes] == [("bridge", told.visit)]
    assert story.notes[0].candidates[0][0] == told.visit


async def test_other_calls_stay_as_their_number_says(company: Company) -> None:
    unshown = a_call(company, pool_numbers(3)[0])
    assert company.visits.attributing.attributed(unshown) == unshown
    default = a_call(company, DEFAULT)
    assert company.visits.attributing.attributed(default) is default
    assert default.binding is BindingKind.DEFAULT


async def test_under_the_owners_threshold_only_the_source_is_named(tmp_path: Path) -> None:
    company = Company(tmp_path, sites=replace(some_sites(), threshold=1.0))
    await company.begin()
    number = shown(await company.open())
    assert number is not None
    found = company.visits.attributing.attributed(a_call(company, number)).attribution
    assert (found.kind, found.visit, found.source) == (AttributionKind.SOURCE_DEFAULT, None, "yandex-direct")
    assert "under the threshold of 1" in found.reason
    await company.die()


async def test_late_evidence_revises_and_the_old_one_stays_in_the_history(tmp_path: Path) -> None:
    company = Company(tmp_path, a_directory(1, hold=60))
    visits = await company.begin()
    first = await company.open()
    number = shown(first)
    assert number is not None
    company.clock.forward(400)
    second = await company.open()
    assert shown(second) == number
    company.clock.forward(20)
    call = visits.attributing.attributed(a_call(company, number))
    assert call.attribution.visit == second.visit
    company.clock.forward(2)
    # the first page's tap is reported late: the number had been written down there just before the call
    at = company.clock.now.timestamp() - 4
    visits.event(company.site, first.visit, "tap", "", number, at)
    assert [(call_id, after.visit) for call_id, _, after in company.revised] == [(call.id, first.visit)]
    await company.calls.save(replace(call, attribution=company.revised[0][2]))
    await visits.writing.flush()
    story = await company.store.story(call.id)
    assert [note.attribution.visit for note in story.notes] == [second.visit, first.visit]
    company.clock.forward(301)
    visits.attributing.settle(visits._now())
    visits.event(company.site, first.visit, "tap", "", number, None)
    assert len(company.revised) == 1  # too late
    await company.die()


async def test_a_caller_is_known_again_after_a_start(tmp_path: Path) -> None:
    company = Company(tmp_path, a_directory(1, hold=60))
    visits = await company.begin()
    first = await company.open()
    number = shown(first)
    assert number is not None
    call = visits.attributing.attributed(a_call(company, number))
    await company.calls.save(call)
    await company.die()
    company.clock.forward(3000)
    visits = await company.begin()
    second = await company.open()
    assert shown(second) == number
    company.clock.forward(30)
    known = visits.attributing.attributed(a_call(company, number, seq=2))
    assert (known.attribution.kind, known.attribution.visit) == (AttributionKind.CALLER_MEMORY, first.visit)
    stranger = visits.attributing.attributed(a_call(company, number, "+79160000000", seq=3))
    assert stranger.attribution.visit == second.visit
    await company.die()


async def test_learning_makes_no_call_wait(company: Company) -> None:
    """Who called before is known at once when he calls again; what that teaches of delays is learned later."""
    told = await company.open()
    number = str(shown(told))
    company.visits.attributing.attributed(a_call(company, number))
    company.clock.forward(30)
    again = company.visits.attributing.attributed(a_call(company, number, seq=2))
    assert again.attribution.kind is AttributionKind.CALLER_MEMORY
    learned = company.visits.delays.learned
    assert learned.since_begun.total == 0
    assert company.visits.attributing.learn_next()
    assert not company.visits.attributing.learn_next()
    assert learned.since_begun.total == 1


async def test_what_was_learned_is_known_after_a_start(company: Company) -> None:
    told = await company.open()
    company.clock.forward(30)
    company.visits.attributing.attributed(a_call(company, str(shown(told))))
    company.clock.forward(301)
    company.visits.attributing.settle(company.visits._now())
    learned = company.visits.delays.learned
    while company.visits.attributing.learn_next():
        pass
    assert learned.since_begun.total == 1
    await company.visits.stop()
    await company.die()
    await company.begin()
    assert company.visits.delays.learned == learned


async def test_a_broken_attributor_costs_no_call(company: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    number = str(shown(await company.open()))
    monkeypatch.setattr(company.visits.attributing._attributor, "attribute", lambda *_: 1 / 0)
    call = a_call(company, number)
    assert company.visits.attributing.attributed(call) is call
    assert company.visits.attributing.counters.failed == 1


async def test_a_persons_correction_reaches_the_caller_memory(company: Company) -> None:
    first, second = await company.open(), await company.open()
    number = str(shown(first))
    call = a_call(company, number)
    await company.calls.save(call)
    said = Attribution(AttributionKind.VISIT, "yandex-direct", "he said so", second.visit)
    await company.store.correct(
        Note(call.id, call.started_at, call.attribution), Note(call.id, company.clock.now, said, "anna")
    )
    assert [c.visit for c in await company.store.corrected_calls(company.clock.now)] == [second.visit]
