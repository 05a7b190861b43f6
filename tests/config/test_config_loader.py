"""What a right file comes to, and that nothing but ConfigError ever comes out of a wrong one."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from config_texts import ENV, MINIMAL
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bridge.config import ConfigError, Loaded, Problem, load
from bridge.config.common import duration_text, read_duration
from bridge.config.opening import read_days, read_interval
from bridge.config.yaml_text import parse

Loads = Callable[..., Loaded]


def values(text: str) -> object:
    document = parse(text.encode(), "x.yaml")
    assert document.problems == []
    return document.data


def test_numbers_and_times_stay_text() -> None:
    assert values("a: +74951110001\nb: 12:30\nc: no\nd: 010\ne: 2026-11-01\nf: 1_000\ng: 0x10\nh: 1.5\ni: .inf") == {
        "a": "+74951110001",
        "b": "12:30",
        "c": "no",
        "d": "010",
        "e": "2026-11-01",
        "f": "1_000",
        "g": "0x10",
        "h": "1.5",
        "i": ".inf",
    }


def test_what_is_typed() -> None:
    assert values("[true, false, 0, 17, -3, \"17\", 'true', null, ~, ]") == [
        True,
        False,
        0,
        17,
        -3,
        "17",
        "true",
        None,
        None,
    ]


def test_keys_are_text() -> None:
    assert values("+74951110001: a\n84951110001: b\ntrue: c\n") == {
        "+74951110001": "a",
        "84951110001": "b",
        "true": "c",
    }


def test_anchors_and_merged_keys() -> None:
    assert values("a: &a {x: 1, y: 2}\nb: {<<: *a, y: 3}\nc: *a\n") == {
        "a": {"x": 1, "y": 2},
        "b": {"x": 1, "y": 3},
        "c": {"x": 1, "y": 2},
    }


def test_a_byte_order_mark_is_no_matter(loads: Loads) -> None:
    assert loads(b"\xef\xbb\xbf" + MINIMAL.encode()).config.fallback.line == "sales"


def test_unquoted_numbers_are_read_in_any_writing(loads: Loads) -> None:
    loaded = loads(
        MINIMAL
        + "sources: {a: {}}\nnumbers:\n  +74951110001: {source: a}\n  84951110002: {source: a}\n"
        + "pools: {p: {source: a, numbers: [+74951110003, 74951110004, 4951110005, 8 495 111-00-06]}}\n"
    )
    assert sorted(loaded.directory.numbers) == [f"+7495111000{n}" for n in range(1, 7)]


def test_plain_integers_where_text_is_meant(loads: Loads) -> None:
    text = MINIMAL.replace("user: callbridge", "user: 1001").replace(
        "sales: {", "sales: {title: 24, when_busy: {voicemail: 100}, "
    )
    config = loads(text).config
    assert config.asterisk.ami.user == "1001"
    assert config.lines["sales"].title == "24"
    assert config.lines["sales"].when_busy is not None
    assert config.lines["sales"].when_busy.voicemail == "100"


def test_secrets_are_read_and_never_shown(loads: Loads, folder: Path) -> None:
    loaded = loads(MINIMAL)
    assert loaded.config.asterisk.ami.secret.value == "s3cret"
    assert "s3cret" not in repr(loaded) + str(loaded.config) + loaded.config.model_dump_json()
    (folder / "ami").write_text("from a file\n")
    (folder / "ami").chmod(0o600)
    assert loads(MINIMAL.replace("env: SECRET", "file: ami")).config.asterisk.ami.secret.value == "from a file"


def test_the_store_s_address(loads: Loads, folder: Path) -> None:
    assert loads(MINIMAL).config.store.dsn() == "sqlite+aiosqlite:////var/lib/callbridge/bridge.db"
    assert loads(MINIMAL + "store: {url: calls.db}\n").config.store.dsn() == f"sqlite+aiosqlite:///{folder}/calls.db"
    text = MINIMAL + "store: {url: postgresql+asyncpg://me@db/calls, password: {env: PW}}\n"
    store = loads(text, env=ENV | {"PW": "a/b@c:d"}).config.store
    assert store.dsn() == "postgresql+asyncpg://me:a%2Fb%40c%3Ad@db/calls"
    assert not store.is_sqlite


def test_paths_begin_at_the_file(folder: Path, loads: Loads, monkeypatch: pytest.MonkeyPatch) -> None:
    loads(MINIMAL + "recordings: {folder: rec}\n")
    monkeypatch.chdir(folder)
    assert load("bridge.yaml", ENV).config.recordings.folder == folder / "rec"


def test_warnings(loads: Loads, folder: Path) -> None:
    text = MINIMAL.replace("user:", "host: 192.0.2.1, user:") + (
        "include: [pools/*.yaml]\nsources: {a: {}, b: {}}\npools: {p: {source: a}}\nnumbers: {+70001110001: {source: a}}\n"
    )
    assert [str(w).replace(f"{folder}/", "") for w in loads(text).warnings] == [
        "bridge.yaml:6:11: include[0]: no file fits `pools/*.yaml`",
        "bridge.yaml:9:11: numbers.+70001110001: `+70001110001` lies in no range known to be given out; is it right?",
        "bridge.yaml:8:9: pools.p: source `a` has no default number for visits that get none of the pool",
        "bridge.yaml:8:9: pools.p: this pool has no numbers",
        "bridge.yaml:7:18: sources.b: no number belongs to this source",
        "bridge.yaml: recordings: no notice is used anywhere, so nothing will be recorded",
        "bridge.yaml:2:15: asterisk.ami.host: the manager interface is not encrypted: keep it on this machine or in a tunnel",
    ]


def test_a_file_may_be_loaded_without_what_it_names(folder: Path) -> None:
    (folder / "bridge.yaml").write_text(MINIMAL)
    loaded = load(folder / "bridge.yaml", {}, check_files=False)
    with pytest.raises(ValueError, match="has not been read"):
        _ = loaded.config.asterisk.ami.secret.value


def test_the_files_that_were_read(loads: Loads, folder: Path) -> None:
    loaded = loads(MINIMAL + "include: [a/*.yaml]\n", {"a/2.yaml": "sources: {}\n", "a/1.yaml": "sources: {}\n"})
    assert loaded.files == (folder / "bridge.yaml", folder / "a/1.yaml", folder / "a/2.yaml")


def test_ten_thousand_numbers(loads: Loads) -> None:
    numbers = "".join(f"    - +7495{n:07}\n" for n in range(1110000, 1120000))
    begin = time.monotonic()
    loaded = loads(f"{MINIMAL}sources: {{a: {{}}}}\npools:\n  p:\n   source: a\n   numbers:\n{numbers}")
    assert len(loaded.directory.numbers) == 10_000
    assert time.monotonic() - begin < 120  # a guard against work that grows with the square


def problems_of(path: Path) -> tuple[Problem, ...]:
    try:
        load(path, ENV)
    except ConfigError as error:
        return error.problems or pytest.fail("an error without a word")
    return ()


WORDS = st.sampled_from(
    [
        *MINIMAL.split(),
        "numbers:",
        "pools:",
        "+74951110001",
        "- ",
        "*",
        "&a",
        "*a",
        "{",
        "}",
        "[",
        "]",
        ":",
        "\n",
        "\n  ",
        "'",
        '"',
    ]
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.one_of(
        st.binary(max_size=200), st.text(max_size=200).map(str.encode), st.lists(WORDS).map(" ".join).map(str.encode)
    )
)
def test_nothing_but_config_error_comes_out_of_any_file(folder: Path, raw: bytes) -> None:
    main = folder / "bridge.yaml"
    main.write_bytes(raw)
    (folder / "good.yaml").write_text(MINIMAL + "include: [bridge.yaml]\n")
    for name in ("bridge.yaml", "good.yaml"):
        assert all("\n" not in str(problem) for problem in problems_of(folder / name))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
SECTION = st.sampled_from(
    ["include", "region", "store", "notices", "lines", "sources", "numbers", "pools", "defaults", "log"]
)
SHAPED = st.dictionaries(SECTION, st.one_of(JSON, st.dictionaries(st.text(max_size=5), JSON, max_size=3)))


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(SHAPED)
def test_nor_of_any_values_in_the_right_places(folder: Path, data: dict[str, object]) -> None:
    main = folder / "bridge.yaml"
    main.write_text(json.dumps(data), encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load(main, ENV)
    assert caught.value.problems


@given(st.integers(0, 10_000_000))
def test_a_duration_is_read_as_it_is_written(seconds: int) -> None:
    assert read_duration(duration_text(seconds)) == seconds


@pytest.mark.parametrize(
    ("text", "seconds"), [("10s", 10), ("2m", 120), ("1h30m", 5400), ("90s", 90), ("1h5s", 3605), ("0s", 0)]
)
def test_durations(text: str, seconds: int) -> None:
    assert read_duration(text) == seconds


@pytest.mark.parametrize(
    "text", ["", "10", 10, "s", "1.5s", "-1s", "1s1m", "1 h", "1H", "٣s", None, True, "9" * 30 + "s"]
)
def test_what_is_no_duration(text: object) -> None:
    with pytest.raises(ValueError, match="is not a duration: write it like `40s`, `2m` or `1h30m`"):
        read_duration(text)


def test_days_and_times() -> None:
    assert read_days("mon-fri") == (0, 1, 2, 3, 4)
    assert read_days("sat,sun") == (5, 6)
    assert read_days("fri-mon") == (4, 5, 6, 0)
    assert read_days("daily") == tuple(range(7))
    assert read_interval("09:00-18:30") == (540, 1110)
    assert read_interval("9:00 - 24:00") == (540, 1440)
    assert read_interval("22:00-06:00") == (1320, 1800)
    assert read_interval("22:00-00:00") == (1320, 1440)
