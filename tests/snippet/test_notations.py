"""Which texts are numbers, and how the new number is written in their place."""

from __future__ import annotations

import json

import pytest
from snippet_servers import DEFAULT, OURS, PRINTED, Service, Visitor, shown, swapped

LONDON = {
    "e164": "+442079460999",
    "national": "020 7946 0999",
    "international": "+44 20 7946 0999",
    "tel": "+442079460999",
}
FREE = shown("8005553536")
YAROSLAVL = {
    "e164": "+74852334455",
    "national": "8 (4852) 33-44-55",
    "international": "+7 4852 33-44-55",
    "tel": "+74852334455",
}

# printed -> shown
IN_PLACE = {
    "+7 (495) 111-22-33": "+7 (495) 777-88-99",
    "+7 495 111-22-33": "+7 495 777-88-99",
    "+7(495)111-22-33": "+7(495)777-88-99",
    "+74951112233": "+74957778899",
    "7 495 111 22 33": "7 495 777 88 99",
    "8 (495) 111-22-33": "8 (495) 777-88-99",
    "8 495 1112233": "8 495 7778899",
    "8-495-111-22-33": "8-495-777-88-99",
    "8(495)1112233": "8(495)7778899",
    "84951112233": "84957778899",
    "8.495.111.22.33": "8.495.777.88.99",
    "8 495 11 12 233": "8 495 77 78 899",
    "(495) 111-22-33": "(495) 777-88-99",
    "(495)1112233": "(495)7778899",
    "495 111 2233": "495 777 8899",
    "4951112233": "4957778899",
    "+7\u00a0(495)\u00a0111-22-33": "+7\u00a0(495)\u00a0777-88-99",
    "+7\u2009495\u2009111\u201322\u201333": "+7\u2009495\u2009777\u201388\u201399",
    "8\u202f495\u202f111\u201122\u201133": "8\u202f495\u202f777\u201188\u201199",
    "8 (495) 111 — 22 — 33": "8 (495) 777 — 88 — 99",
    "8 (495) 111\u00ad22\u00ad33": "8 (495) 777\u00ad88\u00ad99",
    "+7 (495)\n      111-22-33": "+7 (495)\n      777-88-99",
    "Звоните:8(495)111-22-33!": "Звоните:8(495)777-88-99!",
    "с 9 до 18, 8 495 111-22-33": "с 9 до 18, 8 495 777-88-99",
    "9-18 8 495 111-22-33": "9-18 8 495 777-88-99",
    "(8 495 111-22-33)": "(8 495 777-88-99)",
    "8 495 111-22-33 8 495 111-22-33": "8 495 777-88-99 8 495 777-88-99",
    "8 495 111-22-33, доб. 12": "8 495 777-88-99, доб. 12",
    "+7 495 111-22-33 8 800 555-35-35": "+7 495 777-88-99 8 800 555-35-36",
    "8-800-555-35-35": "8-800-555-35-36",
    "8 (800) 555 35 35": "8 (800) 555 35 36",
    "+44 20 7946 0958": "+44 20 7946 0999",
    "020-7946-0958": "020-7946-0999",
    # a code of another length has brackets of its own
    "8 (4852) 11-22-33": "8 (4852) 33-44-55",
    "8 (812) 111-22-33": "8 (4852) 33-44-55",
    "+7 (812) 111-22-33": "+7 4852 33-44-55",
    "(812) 111-22-33": "8 (4852) 33-44-55",
    "8 812 111 22 33": "8 485 233 44 55",
    "(020) 7946-0958": "020 7946 0999",
    # another length altogether
    "8 (343) 111-22-33": "020 7946 0999",
    "+7 343 111-22-33": "+44 20 7946 0999",
}

UNTOUCHED = (
    "84951112234",
    "8 (499) 111-22-33",
    "184951112233",
    "849511122330",
    "8 495 111-22-330",
    "+1 495 111-22-33",
    "8 495 111/22/33",
    "1 250 000 руб.",
    "2024-05-12",
)


@pytest.fixture
def numbers(service: Service) -> None:
    service.swap = {
        PRINTED: OURS,
        "78005553535": FREE,
        "442079460958": LONDON,
        "02079460958": LONDON,
        "74852112233": YAROSLAVL,
        "78121112233": YAROSLAVL,
        "73431112233": LONDON,
    }


@pytest.mark.usefixtures("numbers")
def test_every_notation_is_kept(visitor: Visitor) -> None:
    texts = [*IN_PLACE, *UNTOUCHED]
    page = visitor.open(visitor.site.page("".join(f"<p>{x}</p>" for x in texts) + "<i id=last>84951112233</i>"))
    swapped(page, "#last", "84957778899")
    now = page.eval_on_selector_all("p", "all => all.map(x => x.textContent)")
    assert dict(zip(texts, now, strict=True)) == IN_PLACE | {x: x for x in UNTOUCHED}


@pytest.mark.parametrize(
    ("printed", "expected"),
    [
        ("+7 (495) <b>111-22-33</b>", "+7 (495) <b>777-88-99</b>"),
        (
            "<span>8</span> <span>(495)</span> <b><i>111</i>-22-3</b>3",
            "<span>8</span> <span>(495)</span> <b><i>777</i>-88-9</b>9",
        ),
        ("+7 495<!-- --> <!-- -->111-22-33", "+7 495<!-- --> <!-- -->777-88-99"),
        ("<span>84951112233</span><span>84951112233</span>", "<span>84957778899</span><span>84957778899</span>"),
        (
            '<a href="tel:+74951112233">+7 <s>495</s> 111-22-33</a>',
            '<a href="tel:+74957778899">+7 <s>495</s> 777-88-99</a>',
        ),
        ("<b>+7 (343)</b> 111-22-33 <i>24/7</i>", "<b>+44 20 7946 0999</b> <i>24/7</i>"),
        ("8 495 111<br>22 33", "8 495 111<br>22 33"),
        ("<div>8 495</div><div>111 22 33</div>", "<div>8 495</div><div>111 22 33</div>"),
    ],
)
@pytest.mark.usefixtures("numbers")
def test_split_over_elements(visitor: Visitor, printed: str, expected: str) -> None:
    page = visitor.open(visitor.site.page(f"<div id=it>{printed}</div><p id=last>84951112233"))
    swapped(page, "#last", "84957778899")
    assert page.inner_html("#it") == expected


@pytest.mark.parametrize(
    ("printed", "expected"),
    [
        ("tel:+74951112233", "tel:+74957778899"),
        ("tel:84951112233", "tel:+74957778899"),
        ("TEL:8(495)111-22-33", "TEL:+74957778899"),
        ("tel:+7%20(495)%20111-22-33", "tel:+74957778899"),
        ("tel:+74951112233,12", "tel:+74957778899,12"),
        ("tel:+7%20499%20111-22-33", "tel:+7%20499%20111-22-33"),
        ("https://wa.me/74951112233", "https://wa.me/74951112233"),
        ("/84951112233", "/84951112233"),
    ],
)
def test_links(visitor: Visitor, printed: str, expected: str) -> None:
    page = visitor.open(visitor.site.page(f'<a href="{printed}">call</a><p id=last>84951112233'))
    swapped(page, "#last", "84957778899")
    assert page.get_attribute("a", "href") == expected


def test_attributes_title_and_meta(visitor: Visitor) -> None:
    head = '<title>Call 8 495 111-22-33</title><meta name=description content="Call +7 495 111-22-33">'
    body = (
        '<img alt="8 495 111-22-33" title="8(495)111-22-33">'
        '<button aria-label="8 495 111-22-33" data-phone="84951112233" data-other="84951112233">x</button>'
    )
    tag = visitor.site.tag('data-attrs="data-phone"')
    page = visitor.open(visitor.site.page(body, head=head, tag=tag))
    page.wait_for_function("document.title === 'Call 8 495 777-88-99'")
    attributes = page.evaluate(
        "[...document.querySelectorAll('meta[content],img,button')].map(x => Object.fromEntries([...x.attributes].map(a => [a.name, a.value])))"
    )
    assert attributes == [
        {"name": "description", "content": "Call +7 495 777-88-99"},
        {"alt": "8 495 777-88-99", "title": "8(495)777-88-99"},
        {"aria-label": "8 495 777-88-99", "data-phone": "84957778899", "data-other": "84951112233"},
    ]


def test_what_is_never_touched(visitor: Visitor) -> None:
    number = "84951112233"
    body = f"""
      <input value="{number}"><textarea>{number}</textarea><select><option>{number}</select>
      <div contenteditable>{number}</div><pre><script type="text/template">{number}</script></pre><style>/* {number} */</style>
      <div data-callbridge=off><p title="{number}">{number}</p><a href="tel:{number}">{number}</a></div><p id=last>{number}"""
    page = visitor.open(visitor.site.page(body))
    swapped(page, "#last", "84957778899")
    assert "4957778899" not in page.inner_html("body").partition("id=")[0].rpartition("<p")[0]
    assert page.eval_on_selector_all("input,textarea,select", "all => all.map(x => x.value)") == [number] * 3


def test_only_selected_elements(visitor: Visitor) -> None:
    tag = visitor.site.tag("""data-select=".phone, footer" """)
    body = "<p id=a>84951112233</p><p class=phone>8 <b>495 111</b> 2233</p><footer><a title='8 495 111-22-33'>84951112233</a></footer>"
    page = visitor.open(visitor.site.page(body, tag=tag))
    swapped(page, ".phone", "8 495 777 8899")
    assert page.text_content("#a") == "84951112233"
    assert page.get_attribute("footer a", "title") == "8 495 777-88-99"


def test_swap_back_restores_what_was_printed(visitor: Visitor, service: Service) -> None:
    body = """<p id=a>+7 (495) <b>111-22-33</b></p><a id=b href="tel:8%20495%201112233" title="8 495 111-22-33">x</a>"""
    page = visitor.open(visitor.site.page(body))
    swapped(page, "#a", "+7 (495) 777-88-99")
    service.changed = {PRINTED: DEFAULT}
    swapped(page, "#a", "+7 (495) 000-00-01")
    assert page.get_attribute("#b", "href") == "tel:+74950000001"
    page.evaluate("callbridge.consent(false)")
    swapped(page, "#a", "+7 (495) 111-22-33")
    assert page.inner_html("#a") == "+7 (495) <b>111-22-33</b>"
    assert page.get_attribute("#b", "href") == "tel:8%20495%201112233"
    assert page.get_attribute("#b", "title") == "8 495 111-22-33"


def test_a_page_with_thousands_of_elements(visitor: Visitor) -> None:
    body = "".join(f"<div><span>item {i}</span> <b title='x {i}'>1 250 {i:03}</b></div>" for i in range(5000))
    page = visitor.open(visitor.site.page(f"{body}<p id=last>84951112233"))
    swapped(page, "#last", "84957778899")
    assert json.loads(page.evaluate("JSON.stringify(document.querySelectorAll('div').length)")) == 5000
