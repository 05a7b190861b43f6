"""``callbridge check`` as it is called."""

from __future__ import annotations

import json
from pathlib import Path

from click.testing import CliRunner
from config_texts import ENV, MINIMAL, write_wav

from bridge.cli.check import check
from bridge.config.schema import schema_text

TEXT = MINIMAL + (
    "notices: {n: {file: n.wav}}\ndefaults: {notice: n}\nsources: {a: {}, b: {}}\nnumbers: {+74951110001: {source: a}}\n"
)


def run(folder: Path, text: str, *more: str) -> tuple[int, str, str]:
    path = folder / "bridge.yaml"
    path.write_text(text)
    result = CliRunner().invoke(check, ["-c", str(path), *more], env=ENV)
    return result.exit_code, result.stdout.replace(f"{folder}/", ""), result.stderr.replace(f"{folder}/", "")


def test_right(folder: Path) -> None:
    write_wav(folder / "n.wav")
    assert run(folder, TEXT) == (
        0,
        "bridge.yaml: 1 number, 2 sources, 1 line\n",
        "warning: bridge.yaml:8:18: sources.b: no number belongs to this source\n",
    )


def test_wrong(folder: Path) -> None:
    assert run(folder, MINIMAL + "regoin: RU\nlanguage: english\n") == (
        1,
        "",
        "error: bridge.yaml:6:1: regoin: unknown key, did you mean `region`?\n"
        "error: bridge.yaml:7:11: language: `english` is not a language: write it like `en`, `ru` or `en_GB`\n",
    )


def test_a_missing_sound_is_an_error_here(folder: Path) -> None:
    status, out, err = run(folder, TEXT)
    assert (status, out) == (1, "")
    assert err.startswith(
        "error: bridge.yaml:6:11: notices.n: the sound file n.wav cannot be read: no such file or directory\n"
    )


def test_json(folder: Path) -> None:
    write_wav(folder / "n.wav")
    status, out, _ = run(folder, TEXT, "--json")
    report = json.loads(out)
    assert (status, report["ok"], report["counts"]) == (0, True, {"numbers": 1, "sources": 2, "lines": 1})
    status, out, err = run(folder, MINIMAL + "regoin: RU\n", "--json")
    assert (status, err) == (1, "")
    assert json.loads(out)["errors"] == [
        {
            "file": "bridge.yaml",
            "line": 6,
            "column": 1,
            "path": "regoin",
            "message": "unknown key, did you mean `region`?",
        }
    ]


def test_the_schema() -> None:
    result = CliRunner().invoke(check, ["--print-schema"])
    assert (result.exit_code, result.stdout) == (0, schema_text())


def test_usage() -> None:
    assert CliRunner().invoke(check, ["--wrong"]).exit_code == 2
