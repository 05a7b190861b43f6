"""What the service is told and when, and what becomes of its answers."""

from __future__ import annotations

import time

import pytest
from playwright.sync_api import Browser, Page, expect
from snippet_servers import DEFAULT, OURS, PRINTED, Service, Site, Visitor, swapped

NUMBER = "<p id=it>8 (495) 111-22-33</p><a id=link href='tel:84951112233'>call</a>"
PLAIN, SWAPPED, BACK = "8 (495) 111-22-33", "8 (495) 777-88-99", "8 (495) 000-00-01"


def test_a_visit_tells_where_it_came_from(visitor: Visitor, service: Service, site: Site) -> None:
    visitor.context.add_cookies(
        [
            {"name": name, "value": value, "url": site.origin}
            for name, value in {
                "_ga": "GA1.1.1234567890.1767225600",
                "_ga_AB12CD": "GS2.1.s1767225601$o3$g1$t1767225700",
                "_ym_uid": "1767225599123456789",
            }.items()
        ]
    )
    site.page(NUMBER, "/landing")
    query = (
        "utm_source=yandex&utm_term=%D0%BE%D0%BA%D0%BD%D0%B0&yclid=7&gclid=G-1_x&gbraid=b&wbraid=w"
        "&ysclid=y&fbclid=f&msclkid=m&ttclid=t&rb_clickid=v"
    )
    start = visitor.open(site.page(f"<a id=go href='/landing?{query}'>go</a>", "/from", tag=""))
    start.click("#go")
    swapped(start, "#it", SWAPPED)
    said = service.of("visit")[0]
    assert said == {
        "site": "main",
        "visitor": None,
        "visit": None,
        "page": f"{site.origin}/landing?{query}",
        "referrer": f"{site.origin}/from",
        "ids": {
            "gclid": "G-1_x",
            "gbraid": "b",
            "wbraid": "w",
            "yclid": "7",
            "ysclid": "y",
            "fbclid": "f",
            "msclkid": "m",
            "ttclid": "t",
            "vk": "v",
            "ga": "1234567890.1767225600",
            "ga_session": "1767225601",
            "ym": "1767225599123456789",
        },
        "mobile": False,
        "consent": "full",
    }
    assert {x.partition(";")[0] for x in service.types} == {"text/plain"}  # no preflight


def test_ids_that_come_later_are_told_then(visitor: Visitor, service: Service) -> None:
    page = visitor.open(visitor.site.page(NUMBER))
    swapped(page, "#it", SWAPPED)
    page.evaluate("document.cookie = '_ga=GA1.2.55.66'; document.cookie = '_ga_X=GS1.1.77.1.0'")
    page.mouse.move(10, 10)
    service.wait(lambda x: len(x.of("visit")) == 2)
    assert service.of("visit")[0]["ids"] == {}
    assert service.of("visit")[1]["ids"] == {"ga": "55.66", "ga_session": "77"}
    assert service.of("visit")[1]["visit"] == "v1"


@pytest.mark.parametrize("status", [204, 404, 429, 500])
def test_any_other_answer_leaves_the_printed_number(visitor: Visitor, service: Service, status: int) -> None:
    service.status = status
    page = visitor.tab()
    page.add_init_script("document.addEventListener('callbridge:ready', e => window.told = e.detail)")
    page.goto(visitor.site.page(NUMBER))
    page.wait_for_function("window.told")
    assert page.evaluate("told.numbers") == {}
    assert page.text_content("#it") == PLAIN


def test_a_service_that_is_down(visitor: Visitor, service: Service, site: Site) -> None:
    page = visitor.tab()
    page.route("**/s/v1/**", lambda route: route.abort())
    page.add_init_script("document.addEventListener('callbridge:ready', e => window.told = e.detail)")
    page.goto(site.page(NUMBER))
    page.wait_for_function("window.told")
    assert page.text_content("#it") == PLAIN
    page.unroute_all()
    page.evaluate("history.pushState(0, '', '/next')")  # the next page asks again
    swapped(page, "#it", SWAPPED)


def test_a_service_that_comes_back_is_asked_by_whoever_is_still_active(visitor: Visitor, service: Service) -> None:
    service.status = 503
    page = visitor.tab()
    page.clock.install()
    page.goto(visitor.site.page(NUMBER))
    service.wait(lambda x: x.of("visit"))
    service.status = 200
    page.mouse.move(10, 10)
    page.clock.run_for(16_000)
    swapped(page, "#it", SWAPPED)


def test_nothing_to_swap_is_not_asked_again_on_the_same_page(visitor: Visitor, service: Service) -> None:
    service.status = 204
    page = visitor.tab()
    page.clock.install()
    page.goto(visitor.site.page(NUMBER))
    service.wait(lambda x: x.of("visit"))
    for _ in range(5):
        page.mouse.move(10, 10)
        page.clock.run_for(16_000)
    assert [kind for kind, _ in service.heard] == ["visit"]


def test_without_the_script_the_page_is_as_it_was(visitor: Visitor, site: Site) -> None:
    page = visitor.tab()
    page.route("**/s/v1.js", lambda route: route.abort())
    page.goto(site.page(NUMBER))
    assert page.text_content("#it") == PLAIN


def test_a_slow_answer_swaps_a_page_that_is_already_seen(visitor: Visitor, service: Service) -> None:
    service.delay = 0.7
    page = visitor.open(visitor.site.page(NUMBER))
    assert page.text_content("#it") == PLAIN
    swapped(page, "#it", SWAPPED)


def test_an_answer_after_two_seconds_is_not_waited_for(visitor: Visitor, service: Service) -> None:
    service.delay = 3
    page = visitor.tab()
    page.add_init_script("document.addEventListener('callbridge:ready', e => window.told = e.detail)")
    page.goto(visitor.site.page(NUMBER))
    page.wait_for_function("window.told")
    assert page.evaluate("told.numbers") == {}
    page.wait_for_timeout(1500)  # the answer has come by now
    assert page.text_content("#it") == PLAIN


def test_beats_tell_of_activity_and_stop_without_it(visitor: Visitor, service: Service) -> None:
    page = visitor.open(visitor.site.page(NUMBER))
    swapped(page, "#it", SWAPPED)
    page.mouse.move(10, 10)
    service.wait(lambda x: any(said["active"] for said in x.of("beat")))
    assert service.of("beat")[0] | {"active": 0} == {"site": "main", "visit": "v1", "page": page.url, "active": 0}
    heard = len(service.of("beat"))
    service.wait(lambda x: len(x.of("beat")) >= heard + 2)
    assert [said["active"] for said in service.of("beat")[heard:]] == [False, False]  # nobody moves: it only asks


def test_an_idle_page_changes_back(visitor: Visitor, service: Service) -> None:
    page = visitor.open(visitor.site.page(NUMBER))
    swapped(page, "#it", SWAPPED)
    service.changed = {PRINTED: DEFAULT}
    swapped(page, "#it", BACK)
    assert page.get_attribute("#link", "href") == "tel:+74950000001"
    assert not any(said["active"] for said in service.of("beat"))


def test_a_page_of_a_visit_that_is_over_asks_anew(visitor: Visitor, service: Service) -> None:
    page = visitor.open(visitor.site.page(NUMBER))
    swapped(page, "#it", SWAPPED)
    service.swap, service.delay = {PRINTED: DEFAULT}, 0.1
    service.lost.add("v1")
    swapped(page, "#it", PLAIN)  # at once: it may be somebody else's
    swapped(page, "#it", BACK)
    assert [(x["visitor"], x["visit"]) for x in service.of("visit")] == [(None, None), ("p1", "v1")]
    heard = len(service.of("beat"))
    service.wait(lambda x: len(x.of("beat")) > heard)
    assert service.of("beat")[-1]["visit"] == "v2"
    assert len(service.of("visit")) == 2


def test_a_number_that_nobody_confirms_any_more_is_not_shown(visitor: Visitor, service: Service) -> None:
    service.ttl = 1
    page = visitor.open(visitor.site.page(NUMBER))
    swapped(page, "#it", SWAPPED)
    service.status = 503
    swapped(page, "#it", PLAIN)
    service.status = 200
    service.changed = {PRINTED: OURS}
    page.evaluate("history.pushState(0, '', '/next')")
    swapped(page, "#it", SWAPPED)


def test_a_page_without_a_number_of_ours_does_not_poll(visitor: Visitor, service: Service) -> None:
    service.swap = {}
    page = visitor.open(visitor.site.page(NUMBER))
    service.wait(lambda x: x.of("visit"))
    page.wait_for_timeout(1500)
    assert service.of("beat") == []


def test_tap_and_copy_and_leave_are_told(visitor: Visitor, service: Service) -> None:
    page = visitor.open(visitor.site.page(NUMBER))
    swapped(page, "#it", SWAPPED)
    before = time.time() * 1000
    page.evaluate(
        "document.querySelector('#link').addEventListener('click', e => { e.preventDefault(); e.stopPropagation() })"
    )
    page.click("#link")
    service.wait(lambda x: x.events("tap"))
    tap = service.events("tap")[0]
    assert before - 1000 < tap.pop("at") < time.time() * 1000 + 1000
    assert tap == {"site": "main", "visit": "v1", "kind": "tap", "page": page.url, "number": "+74957778899"}
    page.dblclick("#it")  # selects a part of the number only
    page.keyboard.press("Control+C")
    page.click("#it", click_count=3)
    page.keyboard.press("Control+C")
    service.wait(lambda x: x.events("copy"))
    assert [x["number"] for x in service.events("copy")] == ["+74957778899"]
    page.goto("about:blank")
    service.wait(lambda x: x.events("leave"))
    assert service.events("leave")[0]["visit"] == "v1"


def test_a_phone_and_a_tap_by_finger(chromium: Browser, service: Service, site: Site) -> None:
    context = chromium.new_context(
        viewport={"width": 390, "height": 800},
        has_touch=True,
        is_mobile=True,
        user_agent="Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0 Mobile Safari/537.36",
    )
    person = Visitor(context, site)
    page = person.open(site.page("<meta name=viewport content='width=device-width'>" + NUMBER))
    swapped(page, "#it", SWAPPED)
    assert service.of("visit")[0]["mobile"] is True
    page.tap("#link")
    service.wait(lambda x: x.events("tap"))
    assert service.events("tap")[0]["number"] == "+74957778899"
    context.close()
    assert person.errors == []


def test_two_tabs_are_one_visit(visitor: Visitor, service: Service, site: Site) -> None:
    first = visitor.open(site.page(NUMBER))
    swapped(first, "#it", SWAPPED)
    second = visitor.open(site.page(NUMBER, "/second"))
    swapped(second, "#it", SWAPPED)
    service.wait(lambda x: len(x.of("visit")) == 2)
    assert [(x["visitor"], x["visit"]) for x in service.of("visit")] == [(None, None), ("p1", "v1")]
    service.changed = {PRINTED: DEFAULT}
    for page in (first, second):
        swapped(page, "#it", BACK)


def test_after_half_an_hour_it_is_another_visit_of_the_same_visitor(
    visitor: Visitor, service: Service, site: Site
) -> None:
    service.beat = 60
    page = visitor.open(site.page(NUMBER))
    swapped(page, "#it", SWAPPED)
    page.evaluate("""{
        const kept = JSON.parse(localStorage.callbridge)
        kept.at -= 31 * 60 * 1000
        localStorage.callbridge = JSON.stringify(kept)
    }""")
    second = visitor.open(site.page(NUMBER, "/second"))
    swapped(second, "#it", SWAPPED)
    assert [(x["visitor"], x["visit"]) for x in service.of("visit")][1] == ("p1", None)


def test_back_and_forward(visitor: Visitor, service: Service, site: Site) -> None:
    service.beat = 60
    page = visitor.open(site.page(NUMBER + "<script>window.mark = Math.random()</script>"))
    swapped(page, "#it", SWAPPED)
    mark = page.evaluate("mark")
    page.goto(site.page("<p>other</p>", "/other", tag=""))
    service.wait(lambda x: x.events("leave"))
    service.changed = {PRINTED: DEFAULT}
    page.evaluate("history.back()")
    page.wait_for_url(site.origin + "/", wait_until="commit")
    assert page.evaluate("mark") == mark  # it is the very page, from the back/forward cache
    swapped(page, "#it", BACK)
    assert service.of("beat")[0]["active"] is True


def test_a_tab_that_is_seen_again_asks_at_once(visitor: Visitor, service: Service) -> None:
    service.beat = 60
    page = visitor.open(visitor.site.page(NUMBER))
    swapped(page, "#it", SWAPPED)
    service.changed = {PRINTED: DEFAULT}
    _hide(page, True)
    _hide(page, False)
    swapped(page, "#it", BACK)


def test_a_page_that_nobody_sees_takes_no_number(visitor: Visitor, service: Service) -> None:
    page = visitor.tab()
    page.add_init_script("Object.defineProperty(document, 'hidden', {value: true, configurable: true})")
    page.goto(visitor.site.page(NUMBER))
    page.wait_for_timeout(500)
    assert service.heard == []
    _hide(page, False)
    swapped(page, "#it", SWAPPED)


def _hide(page: Page, hidden: bool) -> None:
    page.evaluate(
        """hidden => {
            Object.defineProperty(document, 'hidden', {value: hidden, configurable: true})
            document.dispatchEvent(new Event('visibilitychange', {bubbles: true}))
        }""",
        hidden,
    )


@pytest.mark.parametrize("what", ["localStorage", "localStorage,cookie"])
def test_blocked_storage(visitor: Visitor, service: Service, site: Site, what: str) -> None:
    for name in what.split(","):
        holder = "Document.prototype" if name == "cookie" else "window"
        visitor.context.add_init_script(
            f"Object.defineProperty({holder}, '{name}', {{get() {{ throw new DOMException('no') }}, set() {{ throw new DOMException('no') }}}})"
        )
    page = visitor.open(site.page(NUMBER))
    swapped(page, "#it", SWAPPED)
    second = visitor.open(site.page(NUMBER, "/second"))
    swapped(second, "#it", SWAPPED)
    known = None if "cookie" in what else "v1"
    assert service.of("visit")[1]["visit"] == known  # the cookie is the way out
    page.click("#link")
    service.wait(lambda x: x.events("tap"))


def test_a_sandboxed_frame(visitor: Visitor, site: Site) -> None:
    """Without an origin nobody knows whose page it is: it is refused, as the real service does, and the printed number stays."""
    asked = "document.addEventListener('callbridge:ready', () => document.body.id = 'asked')"
    site.page(f"{NUMBER}<script>{asked}</script>", "/inner")
    page = visitor.open(
        site.page(
            "<iframe id=a src=/inner sandbox=allow-scripts></iframe>"
            "<iframe id=b src=/inner sandbox='allow-scripts allow-same-origin'></iframe>",
            tag="",
        )
    )
    expect(page.frame_locator("#b").locator("#it")).to_have_text(SWAPPED)
    expect(page.frame_locator("#a").locator("#asked")).to_have_count(1)
    expect(page.frame_locator("#a").locator("#it")).to_have_text(PLAIN)


def test_rubbish_in_storage(visitor: Visitor, site: Site) -> None:
    visitor.context.add_init_script('localStorage.callbridge = \'{"swap":7,"visit":{},"at":"x"\'')
    swapped(visitor.open(site.page(NUMBER)), "#it", SWAPPED)
    visitor.context.add_init_script("localStorage.callbridge = 'null'")
    swapped(visitor.open(site.page(NUMBER)), "#it", SWAPPED)


def test_consent_is_waited_for(visitor: Visitor, service: Service, site: Site) -> None:
    page = visitor.open(site.page(NUMBER, tag=site.tag("data-consent=wait")))
    page.wait_for_function("window.callbridge")
    page.wait_for_timeout(500)
    assert service.heard == []
    page.evaluate("callbridge.consent(true)")
    swapped(page, "#it", SWAPPED)
    assert service.of("visit")[0]["consent"] == "full"


def test_consent_given_before_the_script_came(visitor: Visitor, site: Site) -> None:
    head = "<script>window.callbridge = {consent: true}</script>"
    swapped(visitor.open(site.page(NUMBER, head=head, tag=site.tag("data-consent=wait"))), "#it", SWAPPED)


def test_refused_consent_forgets_and_stops(visitor: Visitor, service: Service, site: Site) -> None:
    page = visitor.open(site.page(NUMBER))
    swapped(page, "#it", SWAPPED)
    page.evaluate("callbridge.consent(false)")
    swapped(page, "#it", PLAIN)
    assert "v1" not in page.evaluate("JSON.stringify(localStorage) + document.cookie")
    heard = len(service.heard)
    page.mouse.move(5, 5)
    page.click("#link")
    page.evaluate("history.pushState(0, '', '/next')")
    page.wait_for_timeout(800)
    assert len(service.heard) == heard


def test_consent_refused_while_the_answer_is_on_its_way(visitor: Visitor, service: Service, site: Site) -> None:
    service.delay = 0.5
    page = visitor.open(site.page(NUMBER))
    service.wait(lambda x: x.of("visit"))
    page.evaluate("callbridge.consent(false)")
    page.wait_for_timeout(1000)
    assert page.text_content("#it") == PLAIN
    assert "v1" not in page.evaluate("JSON.stringify(localStorage)")
    assert [kind for kind, _ in service.heard] == ["visit"]


def test_cookieless_keeps_nothing_until_consent(visitor: Visitor, service: Service, site: Site) -> None:
    page = visitor.open(site.page(NUMBER, tag=site.tag("data-cookieless")))
    swapped(page, "#it", SWAPPED)
    said = service.of("visit")[0]
    assert (said["consent"], said["visitor"]) == ("cookieless", None)
    assert "v1" not in page.evaluate("JSON.stringify([localStorage, sessionStorage]) + document.cookie")
    page.evaluate("callbridge.consent(true)")
    service.wait(lambda x: len(x.of("visit")) == 2)
    said = service.of("visit")[1]
    assert (said["consent"], said["visit"]) == ("full", "v1")
    page.wait_for_function("(localStorage.callbridge || '').includes('v1')")


@pytest.mark.parametrize(
    ("attribute", "sign"), [("data-dnt", "doNotTrack"), ("data-dnt", "globalPrivacyControl"), ("", "doNotTrack")]
)
def test_do_not_track(visitor: Visitor, service: Service, site: Site, attribute: str, sign: str) -> None:
    value = "'1'" if sign == "doNotTrack" else "true"
    visitor.context.add_init_script(f"Object.defineProperty(navigator, '{sign}', {{value: {value}}})")
    page = visitor.open(site.page(NUMBER, tag=site.tag(attribute)))
    page.wait_for_function("window.callbridge")
    if attribute:
        page.wait_for_timeout(500)
        assert service.heard == []
    else:
        swapped(page, "#it", SWAPPED)
