from importlib.resources import files

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.core.plan import is_name
from bridge.core.sources.policy import Policy, credited
from bridge.core.sources.presets import parse, rule
from bridge.core.sources.rules import Rule, classify, pattern
from bridge.core.sources.touch import Touch

PRESETS = parse(files("bridge.core.sources").joinpath("presets.toml").read_text(encoding="utf-8"))
SITE = "https://example.org/"


@pytest.mark.parametrize(
    ("url", "referrer", "source", "paid"),
    [
        (SITE, None, "direct", False),
        (SITE, "https://example.org/catalogue", "direct", False),
        (SITE, "https://www.example.org/", "direct", False),
        (SITE, "https://yandex.ru/search/?text=x", "yandex", False),
        (SITE, "https://ya.ru/", "yandex", False),
        (SITE, "https://www.google.com/", "google", False),
        (SITE, "https://www.google.co.uk/", "google", False),
        (SITE, "https://yandex.ru/maps/org/1", "yandex-maps", False),
        (SITE, "https://yandex.com.tr/maps/", "yandex-maps", False),
        (SITE, "https://uslugi.yandex.ru/x", "yandex-services", False),
        (SITE, "https://2gis.ru/moscow/firm/1", "2gis", False),
        (SITE, "https://2gis.kz/", "2gis", False),
        (SITE, "https://m.avito.ru/x", "avito", False),
        (SITE, "https://away.vk.com/away.php", "vk", False),
        (SITE, "https://ok.ru/", "ok", False),
        (SITE, "https://t.me/channel", "telegram", False),
        (SITE, "android-app://org.telegram.messenger/", "telegram", False),
        (SITE, "https://dzen.ru/", "dzen", False),
        (SITE, "https://www.bing.com/", "bing", False),
        (SITE, "https://go.mail.ru/search", "mail-ru", False),
        (SITE, "https://e.mail.ru/inbox", "mail", False),
        (SITE, "https://chatgpt.com/", "chatgpt", False),
        (SITE, "https://www.perplexity.ai/", "perplexity", False),
        (SITE, "https://blog.somebody.net/", "referral", False),
        (SITE, "https://notyandex.ru/", "referral", False),
        (SITE, "https://yandex.evil.example.net/", "referral", False),
        (SITE + "?gclid=abc", "https://www.google.com/", "google-ads", True),
        (SITE + "?wbraid=abc", None, "google-ads", True),
        (SITE + "?yclid=1", "https://yandex.ru/", "yandex-direct", True),
        (SITE + "?ysclid=1", None, "yandex", False),
        (SITE + "?msclkid=1", None, "microsoft-ads", True),
        (SITE + "?fbclid=1", None, "meta", False),
        (SITE + "?fbclid=1", "https://l.facebook.com/", "facebook", False),
        (SITE + "?utm_source=yandex&utm_medium=cpc", None, "yandex-direct", True),
        (SITE + "?utm_source=Vk&utm_medium=CPC", None, "vk-ads", True),
        (SITE + "?utm_source=chatgpt.com", None, "chatgpt", False),
        (SITE + "?utm_source=My%20Flyer&utm_medium=print", None, "my-flyer", False),
        (SITE + "?_openstat=ZGlyZWN0LnlhbmRleC5ydTsxMjM0NTsxMjM0NTY3O3lhbmRleC5ydTpwcmVtaXVt", None, "yandex-direct", True),
    ],
)  # fmt: skip
def test_presets(url: str, referrer: str | None, source: str, paid: bool):
    touch = classify(url, referrer, PRESETS)
    assert (touch.source, touch.paid) == (source, paid)


def test_what_the_address_says_is_kept():
    url = (
        SITE
        + "?utm_source=yandex&utm_medium=cpc&utm_campaign=locks&utm_term=%D0%B7%D0%B0%D0%BC%D0%BE%D0%BA&utm_content=b1&yclid=77"
    )
    touch = classify(url, "https://yandex.ru/", PRESETS)
    assert touch == Touch(
        source="yandex-direct", rule="Yandex Direct", paid=True, medium="cpc", campaign="locks", keyword="замок", content="b1",
        click_id="77", click_id_kind="yclid", referrer_host="yandex.ru",
    )  # fmt: skip


def test_every_preset_has_a_source_that_may_be_one():
    assert all(is_name(preset.source) for preset in PRESETS)
    assert len({preset.name for preset in PRESETS}) == len(PRESETS)


def test_the_first_rule_that_matches_wins():
    rules = (
        Rule("flyer", landing=pattern(r"/flyer-\d+")),
        Rule("brand", utm={"campaign": pattern("brand.*")}),
        Rule("any-partner", query={"partner": pattern("*")}, referrers=("partner.net",)),
        *PRESETS,
    )
    assert classify(SITE + "flyer-7?gclid=1", None, rules).source == "flyer"
    assert classify(SITE + "?utm_campaign=Brand-1&gclid=1", None, rules).source == "brand"
    assert classify(SITE + "?partner=9", "https://a.partner.net/", rules).source == "any-partner"
    assert classify(SITE + "?partner=", "https://a.partner.net/", rules).source == "referral"
    assert classify(SITE + "?gclid=1", None, rules).source == "google-ads"


def test_groups_of_presets_can_be_chosen():
    text = files("bridge.core.sources").joinpath("presets.toml").read_text(encoding="utf-8")
    assert {preset.source for preset in parse(text, ("maps",))} == {"yandex-maps", "2gis", "google-maps", "zoon"}
    with pytest.raises(ValueError, match="no preset 'radio'; there are ads, maps"):
        parse(text, ("radio",))


def test_a_broken_rule_is_named():
    with pytest.raises(ValueError, match="not a regular expression"):
        rule({"source": "x", "landing": "("})
    with pytest.raises(ValueError, match="unknown field 'landig' in the rule of x"):
        rule({"source": "x", "landig": "a"})


@given(
    st.text() | st.from_regex(r"[a-z]{0,5}:?/{0,2}[\[\]:@%?#&=;.a-zA-Z0-9\x00-\x20\ud800]{0,60}"), st.none() | st.text()
)
def test_hostile_addresses_never_raise(url: str, referrer: str | None):
    touch = classify(url, referrer, PRESETS, ("example.org",))
    assert is_name(touch.source)
    for text in (touch.campaign, touch.keyword, touch.click_id, touch.referrer_host):
        assert text is None or (text.isprintable() and len(text) <= 512)


@pytest.mark.parametrize(
    "url",
    [
        "http://[::1", "http://a:99999999/?gclid=1", "?" + "a=1&" * 5000, "https://x/?utm_source=" + "я" * 100_000, "https://xn--\udcff/",
        SITE + "?_openstat=%%%", SITE + "?_openstat=" + "A" * 4001, "https://xn--a.ru/?x=%ff%fe",
    ],
)  # fmt: skip
def test_known_ways_to_hurt_a_parser(url: str):
    assert classify(url, url, PRESETS).source


FIRST = Touch("yandex", "r")
AD = Touch("google-ads", "r", paid=True)
DIRECT = Touch("direct", "r")


@pytest.mark.parametrize(
    ("policy", "earlier", "now", "expected"),
    [
        (Policy.FIRST_TOUCH, None, AD, AD),
        (Policy.FIRST_TOUCH, FIRST, AD, FIRST),
        (Policy.LAST_TOUCH, FIRST, AD, AD),
        (Policy.LAST_TOUCH, FIRST, DIRECT, FIRST),
        (Policy.PAID_OVERRIDE, FIRST, AD, AD),
        (Policy.PAID_OVERRIDE, AD, FIRST, AD),
        (Policy.PAID_OVERRIDE, FIRST, DIRECT, FIRST),
    ],
)
def test_policies(policy: Policy, earlier: Touch | None, now: Touch, expected: Touch):
    assert credited(policy, earlier, now) is expected
