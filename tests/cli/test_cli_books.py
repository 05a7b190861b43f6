"""callbridge numbers, report, migrate, backup; and what all commands share."""

from __future__ import annotations

import csv
import io
import json
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click
import pytest
from click.testing import Result
from store_samples import answered, missed

from bridge.cli import COMMANDS, main
from bridge.core.model import Binding, BindingKind, Call

Run = Callable[..., Result]
Fill = Callable[..., list[Call]]


def test_numbers(fill: Fill, callbridge: Run) -> None:
    now = datetime.now(UTC).replace(microsecond=0)
    recent = answered(1, started_at=now - timedelta(days=2))
    old = [
        answered(seq, number="+74951234568", started_at=now - timedelta(days=days)) for seq, days in ((2, 100), (3, 95))
    ]
    fill([recent, *old, answered(4, number="+74950000000", started_at=now - timedelta(days=40))])
    found = {row["number"]: row for row in json.loads(callbridge("numbers", "--json").stdout)}
    assert list(found) == ["+74951234567", "+74951234568", "+74951234569", "+74951234570", "+74950000000"]
    billboard, retiring = found["+74951234567"], found["+74951234568"]
    assert (billboard["kind"], billboard["source"], billboard["calls_30_days"]) == ("static", "billboard", 1)
    assert datetime.fromisoformat(billboard["last_call"]) == recent.started_at
    assert billboard["release"] is None
    assert retiring["release"]["safe"]
    assert retiring["release"]["reason"] == (
        "no call for 95 days; its longest silence between calls was 5 days, so 30 days without a call are enough"
    )
    assert (found["+74951234570"]["pool"], found["+74951234570"]["last_call"]) == ("shop", None)
    assert found["+74950000000"]["kind"] is None
    shown = callbridge("numbers").stdout
    assert "may be let go: no call for 95 days" in shown
    assert "pool shop" in shown
    assert "not bound" in shown
    assert shown.count("never") == 2
    rows = list(csv.DictReader(io.StringIO(callbridge("numbers", "--csv").stdout)))
    assert [row["safe"] for row in rows] == ["", "yes", "", "", ""]


def test_a_retiring_number_that_still_rings_is_kept(fill: Fill, callbridge: Run) -> None:
    now = datetime.now(UTC)
    called = answered(1, number="+74951234568", started_at=now - timedelta(days=3))
    fill([called], [Binding("+74951234568", BindingKind.RETIRING, "radio")])
    until = (called.started_at + timedelta(days=30, hours=3)).date()
    assert f"keep until {until}: no call for 3 days; only one call is known" in callbridge("numbers").stdout


def test_silence_before_the_books_began_says_nothing(fill: Fill, callbridge: Run) -> None:
    fill()
    assert "keep until" in callbridge("numbers").stdout
    assert "may be let go" not in callbridge("numbers").stdout


def test_report_sources(fill: Fill, callbridge: Run) -> None:
    other = "+79990000000"
    fill(
        [
            answered(1),
            answered(2),
            missed(3),
            answered(4, source="radio", caller=other),
            missed(5, source=None, caller=None),
            missed(6, source="radio", spam=True),
            missed(7, source="tv", spam=True),
        ]
    )
    spans = ("--since", "2026-11-01", "--until", "2026-11-30")
    found = json.loads(callbridge("report", "sources", *spans, "--json").stdout)
    assert (found["begin"], found["end"]) == ("2026-11-01T00:00:00+03:00", "2026-12-01T00:00:00+03:00")
    assert found["rows"][0]["source"] == "billboard"
    assert {row["source"]: (row["calls"], row["missed"], row["spam"]) for row in found["rows"][1:]} == {
        None: (1, 1, 0),
        "radio": (1, 0, 1),
        "tv": (0, 0, 1),
    }
    billboard = found["rows"][0]
    figures = {
        name: billboard[name] for name in ("calls", "unique", "first_time", "answered", "missed", "talk_seconds")
    }
    assert figures == {"calls": 3, "unique": 1, "first_time": 1, "answered": 2, "missed": 1, "talk_seconds": 120.0}
    assert billboard["answer_rate"] == pytest.approx(2 / 3)
    assert billboard["answer_rate_low"] < 2 / 3 < billboard["answer_rate_high"]
    assert (found["total"]["calls"], found["total"]["unique"]) == (5, 2)
    table = callbridge("report", "sources", *spans).stdout
    (row,) = [line.split() for line in table.splitlines() if "billboard" in line]
    assert row == ["billboard", "3", "1", "1", "2", "1", "67%", "(21%-94%)", "2:00", "█" * 20]
    (radio,) = [line.split() for line in table.splitlines() if "radio" in line]
    assert radio[-2:] == ["1", "██████▋"]
    assert [line.split()[:6] for line in table.splitlines() if " all " in line] == [["all", "5", "2", "2", "3", "2"]]


def test_report_by_day_counts_in_the_companys_days(fill: Fill, callbridge: Run) -> None:
    evening = datetime.fromisoformat("2026-11-20T23:59:59+03:00")
    fill([answered(1, started_at=evening), answered(2, started_at=evening + timedelta(seconds=1))])
    arguments = ("report", "sources", "--by", "day", "--since", "2026-11-19", "--until", "2026-11-22")
    rows = list(csv.DictReader(io.StringIO(callbridge(*arguments, "--csv").stdout)))
    assert [(row["period"], row["calls"], row["begin"]) for row in rows] == [
        ("2026-11-20", "1", "2026-11-20T00:00:00+03:00"),
        ("2026-11-21", "1", "2026-11-21T00:00:00+03:00"),
    ]
    assert "2026-11-21" in callbridge(*arguments).stdout
    assert (
        "more than 1000 periods"
        in callbridge("report", "sources", "--by", "day", "--since", "2000-01-01", exit_code=2).stderr
    )


def test_report_of_nothing(fill: Fill, callbridge: Run) -> None:
    fill()
    assert callbridge("report", "sources").stderr == "no calls\n"
    assert json.loads(callbridge("report", "sources", "--json").stdout)["total"] is None


def test_migrate(config: Path, callbridge: Run) -> None:
    assert "there is no database" in callbridge("migrate", "--dry-run", exit_code=1).stderr
    assert "there is no database" in callbridge("calls", exit_code=1).stderr
    assert callbridge("migrate").stdout.startswith("took step 0001: Calls, rings")
    assert "is up to date" in callbridge("migrate").stdout
    assert "is up to date" in callbridge("migrate", "--dry-run").stdout
    with sqlite3.connect(config.parent / "books/bridge.db") as connection:
        connection.execute("UPDATE alembic_version SET version_num = 'future'")
    connection.close()
    for command in ("calls", "migrate", "numbers"):
        assert "step future, which this version does not know" in callbridge(command, exit_code=1).stderr


def test_backup(fill: Fill, callbridge: Run, config: Path) -> None:
    fill([answered(1)])
    result = callbridge("backup", "copy.db")
    assert result.stdout.startswith(f"copied {config.parent}/books/bridge.db to copy.db: 0.")
    assert result.stderr == ""
    assert (
        callbridge("backup", "copy.db", exit_code=1).stderr
        == "callbridge: copy.db exists: a copy never overwrites a file\n"
    )
    other = config.with_name("other.yaml")
    other.write_text(config.read_text().replace("books/bridge.db", "copy.db"))
    assert answered(1).id in callbridge("calls", "-c", str(other)).stdout
    other.write_text(config.read_text().replace("books/bridge.db", "postgresql+asyncpg://me@127.0.0.1/x"))
    assert "pg_dump" in callbridge("backup", "x.db", "-c", str(other), exit_code=1).stderr


def test_a_damaged_database_says_how_to_restore(fill: Fill, callbridge: Run, config: Path) -> None:
    fill([answered(1)])
    (config.parent / "books/bridge.db").write_bytes(b"not a database at all" * 500)
    said = callbridge("calls", exit_code=1).stderr
    assert "is damaged" in said
    assert "`callbridge backup --help` has the steps" in said
    assert len(said.splitlines()) == 1
    assert "systemctl stop callbridge" in callbridge("backup", "--help").stdout


def test_where_the_configuration_is_found(
    fill: Fill, callbridge: Run, config: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    fill([answered(1)])
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    monkeypatch.setattr("bridge.cli.common.PLACES", (Path("bridge.yaml"), tmp_path / "etc.yaml"))
    assert "no configuration: there is neither bridge.yaml nor" in callbridge("calls", exit_code=1).stderr
    (tmp_path / "etc.yaml").symlink_to(config)
    assert answered(1).id in callbridge("calls").stdout
    Path("bridge.yaml").write_text("nonsense: 1\n")
    assert "callbridge: bridge.yaml:1:1: nonsense: " in callbridge("calls", exit_code=1).stderr
    monkeypatch.setenv("CALLBRIDGE_CONFIG", str(config))
    assert answered(1).id in callbridge("calls").stdout
    assert "none.yaml" in callbridge("calls", "-c", "none.yaml", exit_code=1).stderr
    assert answered(1).id in callbridge("calls", "show", "2026", "-c", str(config)).stdout
    monkeypatch.delenv("CALLBRIDGE_CONFIG")
    assert answered(1).id in callbridge("calls", "-c", str(config), "show", "2026").stdout


def _commands(group: click.Group, *names: str) -> list[tuple[str, ...]]:
    found: list[tuple[str, ...]] = []
    with click.Context(group) as ctx:
        for name in group.list_commands(ctx):
            command = group.get_command(ctx, name)
            assert command is not None
            if isinstance(command, click.Group):
                found += _commands(command, *names, name)
            if not isinstance(command, click.Group) or command.invoke_without_command:
                found.append((*names, name))
    return found


@pytest.mark.parametrize("names", _commands(main), ids=" ".join)
def test_every_command_has_help_with_an_example(names: tuple[str, ...], callbridge: Run) -> None:
    shown = callbridge(*names, "--help").stdout
    assert "Example" in shown
    assert f"callbridge {names[0]}" in shown.partition("Example")[2]


def test_help_lists_every_command(callbridge: Run) -> None:
    shown = callbridge("--help").stdout
    assert all(f"  {name} " in shown for name in COMMANDS)
    assert "No such command" in callbridge("cals", exit_code=2).stderr


def test_starting_does_not_load_what_is_not_needed() -> None:
    """The daemon's libraries take a second to load; `callbridge --version` must not."""
    code = (
        "import sys; from bridge.cli import main; main(['--version'], standalone_mode=False);"
        "print([name for name in ('sqlalchemy', 'pydantic', 'alembic', 'rich', 'panoramisk', 'bridge.cli.calls') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
