"""React, Vue and plain single-page sites that write the printed number anew."""

from __future__ import annotations

from pathlib import Path

import pytest
from lab.asterisk import CHECKOUT
from snippet_servers import Service, Site, Visitor, swapped

PARTS = CHECKOUT / ".lab" / "web"

REACT = """
const e = React.createElement
function App() {
  const [clicks, click] = React.useState(0)
  const [view, show] = React.useState('home')
  return e('div', {id: 'app'},
    e('p', {id: 'same'}, '8 (495) 111-22-33'),
    e('p', {id: 'counted'}, 'Call +7 ', e('b', null, '495 111-22-33'), ' or ask (', clicks, ')'),
    e('p', {id: 'text'}, `8 495 111-22-33 · ${clicks}`),
    e('a', {id: 'link', href: 'tel:+74951112233', title: `8 495 111-22-33 · ${clicks}`, key: 'k' + clicks}, 'call'),
    view === 'contacts' && e('section', null, e('p', {id: 'late'}, '8-800-555-35-35')),
    e('button', {id: 'more', onClick: () => click(clicks + 1)}, 'more'),
    e('button', {id: 'go', onClick: () => { history.pushState(null, '', '/contacts'); show('contacts') }}, 'contacts'))
}
ReactDOM.createRoot(document.querySelector('#root')).render(e(React.StrictMode, null, e(App)))
"""

VUE = """
Vue.createApp({
  data: () => ({clicks: 0, view: 'home'}),
  methods: {go() { history.pushState(null, '', '/contacts'); this.view = 'contacts' }},
  render() {
    const h = Vue.h
    return h('div', {id: 'app'}, [
      h('p', {id: 'same'}, '8 (495) 111-22-33'),
      h('p', {id: 'counted'}, ['Call +7 ', h('b', '495 111-22-33'), ` or ask (${this.clicks})`]),
      h('p', {id: 'text'}, `8 495 111-22-33 · ${this.clicks}`),
      h('a', {id: 'link', href: 'tel:+74951112233', title: `8 495 111-22-33 · ${this.clicks}`, key: 'k' + this.clicks}, 'call'),
      this.view === 'contacts' ? h('section', [h('p', {id: 'late'}, '8-800-555-35-35')]) : null,
      h('button', {id: 'more', onClick: () => this.clicks++}, 'more'),
      h('button', {id: 'go', onClick: () => this.go()}, 'contacts'),
    ])
  },
}).mount('#root')
"""


@pytest.fixture(params=["react", "vue"])
def app(request: pytest.FixtureRequest, site: Site, tmp_path: Path) -> str:
    """The page of an application made with it; its URL."""
    files = {"react": ["react.js", "react-dom.js"], "vue": ["vue.js"]}[request.param]
    for name in files:
        if not (PARTS / name).exists():
            pytest.skip(f"no {name}: scripts/test fetches it with npm")
        site.file(f"/{name}", PARTS / name)
    code = tmp_path / "app.js"
    code.write_text(REACT if request.param == "react" else VUE)
    site.file("/app.js", code)
    scripts = "".join(f"<script defer src=/{name}></script>" for name in [*files, "app.js"])
    return site.page("<div id=root></div>", head=scripts)


def test_an_application_that_writes_the_number_anew(visitor: Visitor, service: Service, app: str) -> None:
    service.swap = (service.swap or {}) | {"78005553535": (service.swap or {})["74951112233"]}
    page = visitor.open(app)
    swapped(page, "#same", "8 (495) 777-88-99")
    for clicks in range(4):
        swapped(page, "#counted", f"Call +7 495 777-88-99 or ask ({clicks})")
        swapped(page, "#text", f"8 495 777-88-99 · {clicks}")
        assert page.inner_html("#counted b") == "495 777-88-99"
        assert page.get_attribute("#link", "href") == "tel:+74957778899"
        assert page.get_attribute("#link", "title") == f"8 495 777-88-99 · {clicks}"
        page.click("#more")
    page.click("#go")
    swapped(page, "#late", "8-495-777-88-99")
    service.wait(lambda x: x.events("page"))
    assert [x["page"] for x in service.events("page")] == [app + "contacts"]


def test_a_number_that_comes_later_is_swapped_without_asking_again(
    visitor: Visitor, service: Service, site: Site
) -> None:
    page = visitor.open(site.page("<main>nothing yet</main>"))
    page.wait_for_function("(localStorage.callbridge || '').includes('v1')")
    page.evaluate("document.querySelector('main').innerHTML = '<p id=it>+7 495 111-22-33</p>'")
    swapped(page, "#it", "+7 495 777-88-99")
    assert len(service.of("visit")) == 1


def test_routes(visitor: Visitor, service: Service, site: Site) -> None:
    page = visitor.open(site.page("<p id=it>84951112233</p>"))
    swapped(page, "#it", "84957778899")
    page.evaluate("history.replaceState({scroll: 5}, '')")  # the same address: no page of its own
    told = []
    for step in ("history.pushState(0, '', '/a?x=1')", "history.pushState(0, '', '#b')", "history.back()"):
        page.evaluate(step)
        service.wait(lambda x: len(x.events("page")) > len(told))
        told.append(service.events("page")[-1]["page"].removeprefix(site.origin))
    assert told == ["/a?x=1", "/a?x=1#b", "/a?x=1"]


def test_digits_that_are_no_number_of_the_company_are_told_to_nobody(
    visitor: Visitor, service: Service, site: Site
) -> None:
    service.beat = 60
    page = visitor.open(site.page("<p id=it>84951112233</p><p id=clock>"))
    swapped(page, "#it", "84957778899")
    page.evaluate("setInterval(() => { document.querySelector('#clock').textContent = String(Date.now()) }, 20)")
    page.wait_for_timeout(1000)
    assert [kind for kind, _ in service.heard] == ["visit"]
    assert page.text_content("#clock") not in str(service.heard)


def test_the_number_is_swapped_in_the_frame_in_which_it_is_written(visitor: Visitor, site: Site) -> None:
    page = visitor.open(site.page("<p id=it>84951112233</p>"))
    swapped(page, "#it", "84957778899")
    seen = page.evaluate("""async () => {
        const it = document.querySelector('#it')
        it.textContent = 'now 8 495 1112233'
        await null
        await null
        return it.textContent
    }""")
    assert seen == "now 8 495 7778899"
