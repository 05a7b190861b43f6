"""The snippet as a guest in the page: the API, test mode, no jump, no flash, no error."""

from __future__ import annotations

import re

from snippet_servers import OURS, PRINTED, SNIPPET, Service, Site, Visitor, swapped

NUMBER = "<p id=it>8 (495) 111-22-33</p>"
SWAPPED = "8 (495) 777-88-99"


def test_ready_and_numbers(visitor: Visitor, service: Service) -> None:
    page = visitor.tab()
    page.add_init_script(
        "document.addEventListener('callbridge:ready', e => (window.told = window.told || []).push(e.detail))"
    )
    page.goto(visitor.site.page(NUMBER))
    page.wait_for_function("window.told")
    assert page.evaluate("told") == [{"visit": "v1", "numbers": {PRINTED: OURS}}]
    page.evaluate("callbridge.numbers(numbers => (window.numbers = window.numbers || []).push(numbers))")
    page.wait_for_function("window.numbers")
    changed = OURS | {"tel": "+74950000001"}
    service.changed = {PRINTED: changed}
    page.wait_for_function("numbers.slice(-1)[0][74951112233].tel === '+74950000001'")
    assert page.evaluate("numbers[0]") == {PRINTED: OURS}


def test_what_the_page_does_not_show_yet_can_be_swapped(visitor: Visitor) -> None:
    page = visitor.open(visitor.site.page(NUMBER))
    swapped(page, "#it", SWAPPED)
    text = "(() => { const p = document.createElement('p'); p.textContent = '+7 495 111-22-33'; callbridge.swap(p); return p.textContent })()"
    assert page.evaluate(text) == "+7 495 777-88-99"
    shadow = """(() => {
        const root = document.body.appendChild(document.createElement('div')).attachShadow({mode: 'open'})
        root.innerHTML = '<b>8 495 1112233</b>'
        callbridge.swap(root)
        return root.textContent
    })()"""
    assert page.evaluate(shadow) == "8 495 7778899"


def test_one_global_and_no_storage_but_its_own(visitor: Visitor, site: Site) -> None:
    page = visitor.tab()
    page.goto(site.page(NUMBER, "/plain", tag=""))
    before = set(page.evaluate("Object.getOwnPropertyNames(window)"))
    page.goto(site.page(NUMBER))
    swapped(page, "#it", SWAPPED)
    assert set(page.evaluate("Object.getOwnPropertyNames(window)")) - before == {"callbridge"}
    assert page.evaluate("[Object.keys(localStorage), Object.keys(sessionStorage), document.cookie]") == [
        ["callbridge"],
        [],
        "",
    ]


def test_included_twice(visitor: Visitor, service: Service, site: Site) -> None:
    page = visitor.open(site.page(NUMBER, tag=site.tag() + site.tag()))
    swapped(page, "#it", SWAPPED)
    page.wait_for_timeout(300)
    assert len(service.of("visit")) == 1


def test_test_mode(visitor: Visitor, site: Site) -> None:
    body = NUMBER + "<a href='tel:84951112233'>+7 (495) 111-22-33</a><i>+7 499 111-22-33</i>"
    page = visitor.open(site.page(body) + "?callbridge=test")
    swapped(page, "#it", "8 (999) 999-99-99")
    assert page.text_content("a") == "+7 (999) 999-99-99"
    assert page.get_attribute("a", "href") == "tel:+79999999999"
    assert page.text_content("i") == "+7 499 111-22-33"
    assert any("8 (495) 111-22-33 8 (999) 999-99-99" in x for x in visitor.console)


def test_it_is_silent_otherwise(visitor: Visitor, service: Service, site: Site) -> None:
    page = visitor.open(site.page(NUMBER))
    swapped(page, "#it", SWAPPED)
    page.wait_for_timeout(300)
    assert [x for x in visitor.console if "favicon" not in x and "404" not in x] == []


def test_a_strict_policy(visitor: Visitor, service: Service, site: Site) -> None:
    policy = f"default-src 'none'; script-src {service.origin}; connect-src {service.origin}; require-trusted-types-for 'script'"
    page = visitor.open(site.page(NUMBER, Content_Security_Policy=policy))
    swapped(page, "#it", SWAPPED)
    assert not any("Content Security Policy" in x and "favicon" not in x for x in visitor.console)


def test_a_policy_that_forbids_the_service(visitor: Visitor, service: Service, site: Site) -> None:
    page = visitor.tab()
    page.add_init_script("document.addEventListener('callbridge:ready', () => window.told = true)")
    page.goto(site.page(NUMBER, Content_Security_Policy=f"script-src {service.origin}; connect-src 'none'"))
    page.wait_for_function("window.told")
    assert page.text_content("#it") == "8 (495) 111-22-33"


def test_nothing_jumps(visitor: Visitor, service: Service, site: Site) -> None:
    service.delay = 0.6  # seen first, swapped later
    body = f"<style>body{{font:20px sans-serif;text-align:center}}</style><h1>Call {NUMBER[7:-4]} now</h1><p>{'text ' * 200}</p>{NUMBER}<p>more</p>"
    page = visitor.tab()
    page.add_init_script(
        """window.shift = 0
        new PerformanceObserver(list => list.getEntries().forEach(e => window.shift += e.value)).observe({type: 'layout-shift', buffered: true})"""
    )
    page.goto(site.page(body))
    height = page.evaluate("document.body.scrollHeight")
    swapped(page, "#it", SWAPPED)
    page.wait_for_timeout(500)
    assert page.evaluate("[window.shift, document.body.scrollHeight]") == [0, height]


def test_a_known_visit_never_sees_the_printed_number(visitor: Visitor, service: Service, site: Site) -> None:
    swapped(visitor.open(site.page(NUMBER)), "#it", SWAPPED)
    service.delay = 1
    watch = """<script>
        window.seen = new Set()
        const look = () => {
            const it = document.querySelector('#it')
            if (it) seen.add(it.textContent)
            requestAnimationFrame(look)
        }
        requestAnimationFrame(look)
    </script>"""
    page = visitor.tab()
    page.goto(site.page("<header>Company</header>", "/second", head=watch, late=NUMBER), wait_until="commit")
    page.wait_for_function("window.callbridge")
    site.release.set()
    swapped(page, "#it", SWAPPED)
    page.wait_for_function("seen.size")
    assert page.evaluate("[...seen]") == [SWAPPED]


def test_whoever_puts_the_printed_number_back_wins(visitor: Visitor, site: Site) -> None:
    rival = """<script>
        window.writes = 0
        new MutationObserver(() => {
            const text = document.querySelector('#it').firstChild
            if (text.data !== '8 (495) 111-22-33') { writes++; text.data = '8 (495) 111-22-33' }
        }).observe(document.querySelector('#it'), {characterData: true, subtree: true})
    </script>"""
    page = visitor.open(site.page(NUMBER + rival + "<p id=other>84951112233"))
    swapped(page, "#other", "84957778899")
    assert page.text_content("#it") == "8 (495) 111-22-33"
    assert 0 < page.evaluate("writes") < 50


def test_hostile_answers(visitor: Visitor, service: Service, site: Site) -> None:
    evil = "<img src=x onerror=window.evil=1>"
    service.swap = {
        PRINTED: {"e164": evil, "national": evil, "international": evil, "tel": f'+7" onclick="evil=1{evil}'}
    }
    page = visitor.open(site.page(NUMBER + "<a href='tel:84951112233'>call</a>"))
    page.wait_for_function("document.querySelector('a').getAttribute('href').includes('onclick')")
    assert page.evaluate("[window.evil, document.querySelectorAll('img').length]") == [None, 0]
    assert page.get_attribute("a", "onclick") is None


def test_the_script_makes_no_code_of_text() -> None:
    code = SNIPPET.read_text()
    assert not re.search(r"\beval\b|\bFunction\(|innerHTML|document\.write", code)
