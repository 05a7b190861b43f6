"""The commands that read traffic, as people call them."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner
from traffic import Site, as_line, generate

from bridge.cli.pools import pools
from bridge.cli.simulate import simulate
from bridge.cli.source import source

LINE = {"visit": "v17", "at": 1767225600.5, "source": "direct", "client": "c17", "leaves": 1767225720.0, "mobile": True,
        "taps": [1767225712.0], "calls": [{"at": 1767225713.0, "from": "+79161234567"}]}  # fmt: skip


@pytest.fixture
def traffic(tmp_path: Path) -> str:
    path = tmp_path / "traffic.jsonl"
    path.write_text("".join(json.dumps(as_line(visit)) + "\n" for visit in generate(1, Site(days=4))))
    return str(path)


def test_one_visit_one_call(tmp_path: Path):
    path, out = tmp_path / "one.jsonl", tmp_path / "calls.jsonl"
    path.write_text(json.dumps(LINE) + "\n\n")
    result = CliRunner().invoke(simulate, [str(path), "--numbers", "direct=1", "--calls", str(out), "--json"])
    assert (result.exit_code, result.stderr) == (0, "")
    assert json.loads(result.stdout)["right"] == 1.0
    call = json.loads(out.read_text())
    assert call["confidence"] > 0.99
    assert "tapped it 1 s before the call" in call["reason"]
    del call["confidence"], call["reason"]
    assert call == {
        "from": "+79161234567",
        "at": 1767225713.0,
        "number": "+78001000001",
        "visit": "v17",
        "attributed": "v17",
        "kind": "visit",
    }


def test_the_lines_of_calls_and_the_scores_agree(traffic: str, tmp_path: Path):
    out = tmp_path / "calls.jsonl"
    arguments = [
        traffic,
        "--numbers",
        "direct=6",
        "--numbers",
        "google=4",
        "--hold",
        "5m",
        "--calls",
        str(out),
        "--json",
    ]
    scores = json.loads(CliRunner().invoke(simulate, arguments).stdout)
    calls = [json.loads(line) for line in out.read_text().splitlines()]
    assert scores["calls"] == len(calls)
    assert scores["right"] == pytest.approx(sum(c["attributed"] == c["visit"] for c in calls) / len(calls), abs=1e-6)
    for call in calls:
        if call["number"].endswith("0000"):
            assert (call["kind"], call["attributed"]) == ("source-default", None)
        else:
            assert call["kind"] in ("visit", "caller-memory")
    assert CliRunner().invoke(simulate, arguments).stdout == json.dumps(scores, indent=2) + "\n"  # the same again


def test_for_people(traffic: str):
    result = CliRunner().invoke(simulate, [traffic, "--numbers", "direct=6", "--compare"])
    assert result.exit_code == 0
    assert "google" in result.stderr
    assert "no --numbers" in result.stderr
    for word in ("auto", "15 min", "30 min", "calibration"):
        assert word in result.stdout


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("{", "line 2: not JSON"),
        ("[]", "line 2: not a JSON object"),
        ('{"visit":"b","source":"s"}', "line 2: at is missing"),
        ('{"visit":"b","at":"noon","source":"s"}', "line 2: at must be seconds since the epoch, not 'noon'"),
        ('{"visit":"b","at":NaN,"source":"s"}', "line 2: at must be seconds"),
        ('{"visit":"b","at":5,"source":""}', "line 2: source is missing"),
        ('{"visit":"b","at":5,"source":"s","leaves":4}', "line 2: leaves (4) lies before at (5)"),
        ('{"visit":"b","at":5,"source":"s","calls":[{"from":"+7"}]}', "line 2: at is missing"),
        ('{"visit":"b","at":5,"source":"s","calls":[{"at":1}]}', "line 2: calls: 1 lies before the visit began (5)"),
        ('{"visit":"b","at":5,"source":"s","clicks":1}', "line 2: unknown field 'clicks'"),
        ('{"visit":"a","at":5,"source":"s"}', "line 2: visit 'a' was already on line 1"),
        ('{"visit":"b","at":5,"source":"s","mobile":"yes"}', "line 2: mobile must be true or false"),
    ],
)  # fmt: skip
def test_a_line_that_is_no_visit(tmp_path: Path, line: str, problem: str):
    path = tmp_path / "bad.jsonl"
    path.write_text('{"visit":"a","at":1,"source":"s"}\n' + line + "\n")
    result = CliRunner().invoke(simulate, [str(path), "--numbers", "s=1"])
    assert result.exit_code == 1
    assert result.stderr.startswith(f"callbridge: {path}: {problem}")
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ["--numbers", "s"],
        ["--numbers", "s=x"],
        ["--numbers", "s=1", "--hold", "20"],
        ["--numbers", "s=1", "--numbers", "s=2"],
        [],
    ],
)
def test_what_is_not_understood(tmp_path: Path, arguments: list[str]):
    path = tmp_path / "t.jsonl"
    path.write_text('{"visit":"a","at":1,"source":"s"}\n')
    assert CliRunner().invoke(simulate, [str(path), *arguments]).exit_code == 2


def test_advice(traffic: str, tmp_path: Path):
    plot = tmp_path / "p.svg"
    result = CliRunner().invoke(
        pools, ["advise", traffic, "--cost-per-number", "3", "--ad-budget", "400", "--plot", str(plot), "--json"]
    )
    assert result.exit_code == 0, result.output
    direct, google = sorted(json.loads(result.stdout), key=lambda advice: advice["source"])
    assert list(direct["needed"]) == ["80%", "90%", "95%", "99%"]
    assert direct["needed"]["90%"] > google["needed"]["90%"]
    assert direct["affordable"] == 19
    for name in ("p-direct.svg", "p-google.svg"):
        assert ElementTree.parse(tmp_path / name).getroot().tag.endswith("svg")  # noqa: S314 - our own file
    table = CliRunner().invoke(pools, ["advise", traffic, "--source", "google", "--hold", "20m"])
    assert "covered at 20 min" in table.stdout
    assert "direct" not in table.stdout
    missing = CliRunner().invoke(pools, ["advise", traffic, "--source", "radio"])
    assert (missing.exit_code, "there are direct, google" in missing.stderr) == (1, True)


def test_a_page_s_source():
    arguments = [
        "https://example.org/?utm_source=yandex&utm_medium=cpc&utm_term=lock",
        "--referrer",
        "https://yandex.ru/",
        "--json",
    ]
    found = json.loads(CliRunner().invoke(source, arguments).stdout)
    assert (found["source"], found["keyword"], found["paid"]) == ("yandex-direct", "lock", True)
    text = CliRunner().invoke(source, ["https://example.org/?utm_source=a\x1b[31m"]).stdout
    assert "\x1b" not in text
