"""The player in Debian's Chromium: real recordings, played."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from call_samples import LEFT, RIGHT, a_call, call_id, record, save, sound
from desk_house import House, Looking, a_directory, looking, until
from playwright.sync_api import Browser

from bridge.core.desk.settings import DeskSettings

_KINDS = (("wav", 8000), ("wav", 16000), ("flac", 8000), ("flac", 16000), ("mp3", 16000), ("ogg", 8000), ("mp3", 8000))
FORMATS = dict(enumerate(_KINDS, 1))
SILENT, LONG, BROKEN = 10, 11, 12


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with House(tmp_path_factory.mktemp("player"), a_directory(), DeskSettings()) as running:
        folder = running.recordings
        save(running, *(record(folder, a_call(n), *kind) for n, kind in FORMATS.items()))
        save(running, record(folder, a_call(SILENT), samples=sound(30.0, silent=(1.0, 28.0))))
        save(running, record(folder, a_call(LONG), samples=sound(60.0)))
        broken = record(folder, a_call(BROKEN))
        (folder / str(broken.recording.path)).write_bytes(b"RIFF....WAVE" + b"x" * 1000)
        save(running, broken)
        yield running


@pytest.fixture
def at(chromium: Browser, house: House) -> Iterator[Looking]:
    with looking(chromium, house) as found:
        yield found


def wait(at: Looking, check: str) -> None:
    """Until an expression is true in the page, whose CSP lets Playwright's own waiting not run."""
    until(lambda: at.page.evaluate(check))


def open_call(at: Looking, number: int) -> None:
    at.page.goto(f"/calls/{call_id(number)}")
    at.page.wait_for_selector(".wave-box:not([hidden])")
    wait(at, "Boolean(document.querySelector('[data-player]').player.surfer)")
    at.page.evaluate(
        "window.audio = document.querySelector('audio'); window.player = document.querySelector('[data-player]').player; 0"
    )


@pytest.mark.parametrize("number", FORMATS)
def test_every_format_plays(at: Looking, number: int) -> None:
    open_call(at, number)
    at.page.click("[data-do=play]")
    wait(at, "audio.currentTime > 0.2")
    assert at.page.inner_text("[data-do=play]") == "Pause"
    assert at.page.evaluate("audio.duration") == pytest.approx(4.0, abs=0.2)
    at.page.click("[data-do=play]")
    assert at.page.evaluate("audio.paused")
    at.must_be_clean()


@pytest.mark.parametrize("number", FORMATS)
def test_the_left_is_the_caller_and_the_right_the_company(at: Looking, number: int) -> None:
    """Decoded by the browser, and measured there: which tone is in which channel."""
    open_call(at, number)
    found = at.page.evaluate(
        """async ([id, hertz]) => {
          const data = await (await fetch(`/calls/${id}/sound`)).arrayBuffer();
          const decoded = await new OfflineAudioContext(2, 8000, 8000).decodeAudioData(data);
          const strength = (samples, hz) => {
            let re = 0, im = 0;
            for (let n = 2000; n < 18000; n++) {
              const w = 2 * Math.PI * hz * n / decoded.sampleRate;
              re += samples[n] * Math.cos(w);
              im += samples[n] * Math.sin(w);
            }
            return Math.hypot(re, im) / 8000;
          };
          return [0, 1].map((channel) => hertz.map((hz) => strength(decoded.getChannelData(channel), hz)));
        }""",
        [call_id(number), [LEFT, RIGHT]],
    )
    (caller_low, caller_high), (company_low, company_high) = found
    assert caller_low > 0.2
    assert company_high > 0.2
    assert caller_high < 0.05
    assert company_low < 0.05


def test_one_side_alone_is_heard_by_both_ears(at: Looking) -> None:
    open_call(at, LONG)
    at.page.evaluate("player.hear(); 0")
    # an analyser at each ear
    at.page.evaluate(
        """() => { const make = AudioContext.prototype.createChannelMerger;
        AudioContext.prototype.createChannelMerger = function (n) {
          const merger = make.call(this, n), splitter = this.createChannelSplitter(2);
          window.ears = [0, 1].map((ear) => { const a = this.createAnalyser(); a.fftSize = 8192; splitter.connect(a, ear); return a; });
          merger.connect(splitter); return merger; }; }"""
    )
    at.page.keyboard.press("m")  # the caller alone
    assert not at.page.is_checked("[data-do=company]")
    at.page.keyboard.press(" ")

    def heard(caller_ear: float, company_ear: float) -> None:
        def check() -> bool:
            found = at.page.evaluate(
                """() => ears.map((ear) => { const d = new Float32Array(ear.frequencyBinCount); ear.getFloatFrequencyData(d);
                const best = d.indexOf(Math.max(...d)); return d[best] > -40 ? best * ear.context.sampleRate / ear.fftSize : 0; })"""
            )
            return bool(found == pytest.approx([caller_ear, company_ear], abs=15))

        until(check)

    heard(LEFT, LEFT)
    at.page.keyboard.press("m")  # the company alone
    assert not at.page.is_checked("[data-do=caller]")
    heard(RIGHT, RIGHT)
    at.page.keyboard.press("m")  # both, each in its ear
    heard(LEFT, RIGHT)
    assert at.errors == []


def test_by_keyboard_alone(at: Looking) -> None:
    open_call(at, LONG)
    keys = at.page.keyboard
    keys.press(" ")
    wait(at, "!audio.paused && audio.currentTime > 0.1")
    keys.press(" ")
    assert at.page.evaluate("audio.paused")
    at.page.evaluate("audio.currentTime = 20; 0")
    for key, expected in (("ArrowRight", 25), ("ArrowLeft", 20), ("Shift+ArrowRight", 21), ("Shift+ArrowLeft", 20)):
        keys.press(key)
        assert at.page.evaluate("audio.currentTime") == pytest.approx(expected, abs=0.01), key
    assert at.page.inner_text("[data-time]") == "0:20 / 1:00"
    for key, expected in ((">", 1.25), (">", 1.5), ("<", 1.25)):
        keys.press(key)
        assert at.page.evaluate("audio.playbackRate") == expected
        assert at.page.evaluate("audio.preservesPitch")
    assert at.page.input_value("[data-do=speed]") == "1.25"
    keys.press(".")
    assert at.page.is_checked("[data-do=skip]")
    at.page.focus(".wave")
    keys.press("End")
    assert at.page.evaluate("audio.currentTime") > 59
    keys.press("Home")
    assert at.page.evaluate("audio.currentTime") == 0
    assert at.page.get_attribute(".wave", "aria-valuetext") == "0:00 of 1:00"
    # on a field the keys are letters
    at.page.focus("textarea")
    keys.type("m . <> ")
    assert at.page.input_value("textarea") == "m . <> "
    assert at.page.is_checked("[data-do=caller]")
    assert at.page.evaluate("audio.paused")
    at.must_be_clean()


def test_speed_is_kept_when_playing_begins(at: Looking) -> None:
    open_call(at, LONG)
    at.page.select_option("[data-do=speed]", "2")
    at.page.click("[data-do=play]")
    wait(at, "audio.currentTime > 0.3")
    assert at.page.evaluate("[audio.playbackRate, audio.preservesPitch]") == [2, True]


def test_a_click_on_the_picture_goes_there(at: Looking) -> None:
    open_call(at, LONG)
    box = at.page.locator(".wave").bounding_box()
    assert box is not None
    at.page.mouse.click(box["x"] + box["width"] * 0.5, box["y"] + 20)
    wait(at, "Math.abs(audio.currentTime - 30) < 1")
    at.page.click("[data-do=play]")
    wait(at, "audio.currentTime > 30.2")


def test_silence_is_skipped_where_one_wants_it(at: Looking) -> None:
    open_call(at, SILENT)
    assert at.page.evaluate("player.silences.map((part) => part.map(Math.round))") == [[1, 28]]
    assert at.page.locator(".wave .silence").count() == 1
    at.page.check("[data-do=skip]")
    assert at.page.locator(".wave .silence.skipped").count() == 1
    at.page.evaluate(
        "window.seen = []; audio.addEventListener('timeupdate', () => seen.push(audio.currentTime)); audio.currentTime = 0.6; 0"
    )
    at.page.click("[data-do=play]")
    wait(at, "audio.currentTime > 28.2")
    assert [t for t in at.page.evaluate("seen") if 2 < t < 27] == []


def test_both_sides_are_drawn_apart_and_named(at: Looking) -> None:
    open_call(at, LONG)
    names = at.page.locator(".wave-names span").all_inner_texts()
    assert names == ["The caller", "The company"]
    colours = at.page.evaluate(
        "[...document.querySelectorAll('.wave-names span')].map((one) => getComputedStyle(one).color)"
    )
    assert colours[0] != colours[1]
    # two canvases or more, one channel above the other
    tops = at.page.evaluate(
        """() => {
          const drawn = document.querySelector('.wave .drawn > div').shadowRoot.querySelectorAll('.canvases canvas');
          return [...new Set([...drawn].map((one) => Math.round(one.getBoundingClientRect().top)))];
        }"""
    )
    assert len(tops) == 2


def test_a_damaged_recording_says_so_and_the_page_stays_whole(at: Looking) -> None:
    at.page.goto(f"/calls/{call_id(BROKEN)}")
    at.page.wait_for_selector("[data-problem]:not([hidden])")
    assert "damaged" in at.page.inner_text("[data-problem]")


def test_opening_the_page_is_no_listening(house: House, at: Looking) -> None:
    save(house, record(house.recordings, a_call(20)))
    open_call(at, 20)
    assert house.do(house.accounts.audited(call_id=call_id(20))) == []
    at.page.click("[data-do=play]")
    wait(at, "audio.currentTime > 0.2")
    at.page.keyboard.press("ArrowRight")
    wait(at, "audio.currentTime > 3")
    entries = house.do(house.accounts.audited(call_id=call_id(20)))
    assert [entry.action for _, entry in entries] == ["listen"]


def test_without_scripts_the_browsers_own_player_plays(chromium: Browser, house: House) -> None:
    context = chromium.new_context(base_url=house.url, java_script_enabled=False)
    try:
        house.see(context)
        page = context.new_page()
        page.goto(f"/calls/{call_id(1)}")
        assert page.get_attribute("audio", "controls") is not None
        assert page.get_attribute("audio", "src") == f"/calls/{call_id(1)}/sound"
        assert page.locator(".player-keys").is_hidden()
    finally:
        context.close()
