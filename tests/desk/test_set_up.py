"""The page Set-up over a real configuration that a real watch of the daemon knows."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from desk_house import LOOKS, House, looking
from lab.history import Plan, write_history
from playwright.sync_api import Browser, expect

from bridge.config.loader import Loaded, load
from bridge.core.desk.access import Role
from bridge.core.desk.settings import DeskSettings
from bridge.core.desk.setup import HIDDEN, shown_line, shown_value
from bridge.flows.fold import BooksCounters
from bridge.flows.live import Live
from bridge.measures import BOOKS
from bridge.telemetry.health import DEGRADED, OFF, OK, Health
from bridge.telemetry.metrics import Metrics
from bridge.watch import DaemonWatch

MAIN = """# the company
include: [pools/*.yaml]
region: RU
timezone: Europe/Moscow
store: {{url: {folder}/bridge.db}}
asterisk:
  ami:
    user: callbridge
    secret: {{file: {folder}/ami.secret}}
  spool: {folder}
recordings:
  folder: {folder}
lines:
  sales:
    title: Отдел продаж
    ring: [{{phone: PJSIP/101}}]
sources:
  yandex-direct: {{title: Яндекс Директ}}
  radio: {{title: Радио}}
numbers:
  +74951000100: {{default_of: yandex-direct}}
  8 (495) 111-00-02: {{source: radio, title: "<script>alert(1)</script>"}}
fallback: {{line: sales}}
site:
  sites:
    main: {{domains: [example.org], replace: [+74951000100]}}
"""
POOLS = """pools:
  direct:
    source: yandex-direct
    numbers: [+74951000101, +74951000102]
"""


class Setting:
    """The configuration's files, and the daemon's watch over them."""

    def __init__(self, house: House, folder: Path) -> None:
        self.path = folder / "bridge.yaml"
        (folder / "ami.secret").write_text("Hunter2-for-ami")
        (folder / "ami.secret").chmod(0o600)
        (folder / "pools").mkdir()
        (folder / "pools/direct.yaml").write_text(POOLS)
        self.path.write_text(MAIN.format(folder=folder))
        self.loaded: Loaded = load(self.path)
        health = Health(("agi", "store", "site"))
        health.set("agi", OK)
        health.set("store", DEGRADED, "database is locked")
        health.set("site", OFF)
        metrics = Metrics("test")
        self.counters = BooksCounters(begun=7, late=5)
        metrics.group("books", lambda: self.counters, BOOKS, ("open", "waiting"))
        metrics.gauge("pool_numbers", "Numbers in a source's pool.", lambda: {"yandex-direct": 2.0}, "source")
        live = Live(list, lambda: True, lambda: self.loaded.directory, lambda: datetime.now(UTC))

        async def behind() -> int:
            return 120

        async def watch() -> DaemonWatch:
            return DaemonWatch(
                self.path, self.loaded, live, health, metrics, house.database, dict, behind, lambda: datetime.now(UTC)
            )

        self.watch: DaemonWatch = house.do(watch())


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    folder = tmp_path_factory.mktemp("desk")
    write_history(folder / "bridge.db", Plan(datetime.now(UTC), days=10, calls_per_day=20))
    (folder / "first").mkdir()
    path = folder / "first/bridge.yaml"
    (folder / "ami.secret").write_text("x")
    (folder / "ami.secret").chmod(0o600)
    path.write_text(MAIN.format(folder=folder).replace("include: [pools/*.yaml]", ""))
    with House(folder, load(path).directory, DeskSettings()) as running:
        yield running


@pytest.fixture
def setting(house: House, tmp_path: Path) -> Setting:
    found = Setting(house, tmp_path)
    house.side.watch(found.watch, found.watch)
    house.side.desk.directory = found.loaded.directory
    return found


@pytest.mark.parametrize(("phone", "language", "dark"), LOOKS)
def test_it_looks_well(
    chromium: Browser, house: House, setting: Setting, phone: bool, language: str, dark: bool
) -> None:
    with looking(chromium, house, phone=phone, language=language, dark=dark) as at:
        for path in ("/set-up", "/set-up/numbers", "/set-up/files/1", "/set-up/figures"):
            at.page.goto(path)
            at.must_be_clean()
            name = path[1:].replace("/", "-")
            at.keep(f"{name}-{language}-{'phone' if phone else 'desktop'}{'-dark' if dark else ''}")
            if language == "ru" and path == "/set-up/figures":
                expect(at.page.locator("main")).to_contain_text("Звонков, начало которых внесено в базу.")
                expect(at.page.locator("main")).not_to_contain_text("Calls ")


def test_by_keyboard_alone_from_a_value_to_its_line(chromium: Browser, house: House, setting: Setting) -> None:
    with looking(chromium, house) as at:
        at.page.goto("/set-up#section-lines")
        link = at.page.locator("#section-lines tbody tr a").first
        link.focus()
        place = link.inner_text()
        at.page.keyboard.press("Enter")
        line = place.rpartition(":")[2]
        at.page.wait_for_url(f"**/set-up/files/1#L{line}")
        expect(at.page.locator(f"#L{line}")).to_contain_text("title: Отдел продаж")


def test_every_value_has_its_file_and_line(house: House, setting: Setting) -> None:
    entries = {f"{s.name}.{e.path}": e for s in setting.watch.config().sections for e in s.entries}
    lines = setting.path.read_text().splitlines()
    title = entries["lines.sales.title"]
    assert (title.value, lines[title.line - 1].strip()) == ("Отдел продаж", "title: Отдел продаж")
    pool = entries["pools.direct.source"]
    assert (Path(pool.file).name, pool.line, pool.value) == ("direct.yaml", 3, "yandex-direct")
    with house.client() as client:
        text = client.get("/set-up").text
    assert f"vim +{title.line} {setting.path}" in text
    assert "Hunter2" not in text


def test_numbers_with_what_they_are_bound_to_and_their_last_call(house: House, setting: Setting) -> None:
    with house.client() as client:
        text = client.get("/set-up/numbers").text
        assert "+7 495 100-01-00" in text
        assert "never" in text  # +7 495 111-00-02
        assert "&lt;script&gt;alert(1)" in text
        assert "<script>alert" not in text
        found = client.get("/set-up/numbers", params={"q": "100-01-02"}).text
        assert "+7 495 100-01-02" in found
        assert "+7 495 100-01-01" not in found
        assert client.get("/set-up/numbers?page=2").status_code == 404


def test_a_changed_file_is_told_of_with_what_check_would_say(house: House, setting: Setting) -> None:
    with house.client() as client:
        assert "What is in force is what stands in the files." in client.get("/set-up").text
        before = setting.path.read_text()
        setting.path.write_text(before.replace("Радио", "Радио и ТВ"))
        assert "The files on disk differ from what is in force" in client.get("/set-up").text
        setting.path.write_text(before.replace("fallback: {line: sales}", "fallback: {line: nobody}"))
        text = client.get("/set-up").text
        assert "could not be put in force" in text
        assert "nobody" in text
        (setting.path.parent / "pools/more.yaml").write_text("pools: {}\n")
        setting.path.write_text(before)
        assert "more.yaml" in client.get("/set-up").text
        assert "Радио и ТВ" not in client.get("/set-up/files/1").text  # it shows what is in force


def test_what_the_page_tells_of_the_daemon(house: House, setting: Setting) -> None:
    with house.client() as client:
        text = client.get("/set-up").text
        for said in (
            "database is locked",
            "0.1 kB not booked yet",
            "integrity=",
            "data-site=",
            "example.org",
            "CALLS-HOST",
        ):
            assert said in text.replace("&#34;", '"'), said


def test_only_an_admin_sees_it(house: House, setting: Setting) -> None:
    for role in (Role.MARKETER, Role.OPERATOR, Role.LISTENER, "guest"):
        with house.client(str(role)) as client:
            for path in ("/set-up", "/set-up/numbers", "/set-up/files/1", "/set-up/figures"):
                assert client.get(path).status_code == 403


@pytest.mark.parametrize("number", ["0", "3", "x", "..%2F..%2Fetc%2Fpasswd", "01", "²"])
def test_no_other_file_is_shown(house: House, setting: Setting, number: str) -> None:
    with house.client() as client:
        assert client.get(f"/set-up/files/{number}").status_code == 404


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("  password: hunter2  # old", f"  password: {HIDDEN}"),
        ("  secret: {file: /etc/x.secret}", "  secret: {file: /etc/x.secret}"),
        ("store: {url: x, password: hunter2, a: b}", f"store: {{url: x, password: {HIDDEN}, a: b}}"),
        ('  - "client_secret": "hunter2"', f'  - "client_secret": {HIDDEN}'),
        ("url: postgresql://me:hunter2@db/x", f"url: postgresql://me:{HIDDEN}@db/x"),
        ("title: Отдел\x1b[31m", "title: Отдел\N{REPLACEMENT CHARACTER}[31m"),
        ("decline_key: 9", "decline_key: 9"),
    ],
)
def test_secrets_are_not_shown(line: str, shown: str) -> None:
    assert shown_line(line) == shown
    assert shown_value("api_key", "hunter2") == HIDDEN


def test_counters_of_the_last_hour_raise_an_alarm(house: House, setting: Setting) -> None:
    async def alarms() -> list[str]:
        task = asyncio.create_task(setting.watch.keep())
        await asyncio.sleep(0)
        task.cancel()
        setting.counters.late += 2
        return [alarm.text % alarm.values for alarm in setting.watch.alarms()]

    texts = house.do(alarms())
    assert texts[0].startswith("The books cannot be written")
    assert "2 calls were routed without the bridge: it was down, or too late." in texts  # the five of before are old
