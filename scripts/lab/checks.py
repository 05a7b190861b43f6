"""``scripts/test``: linters, types, layers, then all tests, the real calls last."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
import xml.etree.ElementTree as Xml
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from lab import browser, nginx
from lab.asterisk import CHECKOUT
from lab.packages import PackagesError, lab_tools, old_tools
from lab.postgres import PostgresError, find_postgres, private_postgres

LAB = CHECKOUT / ".lab"
_BEGAN = float(os.environ.get("LAB_BEGAN") or time.time())
_NO_TESTS = 5  #: pytest's exit code where nothing was selected
_CHECKS = (
    ("ruff check", ["ruff", "check", "."]),
    ("ruff format", ["ruff", "format", "--check", "--quiet", "."]),
    ("mypy", ["mypy", "--no-error-summary"]),
    ("lint-imports", ["lint-imports", "--no-cache"]),
)


def main(arguments: Sequence[str]) -> int:
    quick = "--quick" in arguments
    rest = [x for x in arguments if x != "--quick"]
    os.chdir(CHECKOUT)
    if not quick:
        say("Asterisk, SIPp and espeak-ng")
        try:
            os.environ.setdefault("CALLBRIDGE_ESPEAK", _fetch())
        except PackagesError as error:
            print(f"test: {error}", file=sys.stderr)
            return 1
    say("a browser, React and Vue, nginx")
    browser.prepare(LAB, lambda text: say(f"  {text}"))
    nginx.prepare(LAB, lambda text: say(f"  {text}"))
    failed = [] if rest else [name for name, command in _CHECKS if not _check(name, command)]
    with contextlib.ExitStack() as ends:
        _postgres(ends)
        runs = [("not e2e", "unit")] if quick else [("not e2e", "unit"), ("e2e", "real calls")]
        totals: Counter[str] = Counter()
        codes = [_pytest(mark, name, rest, totals) for mark, name in runs]
    if all(code == _NO_TESTS for code in codes):
        failed.append("no test was selected")
    failed += [
        f"{name} (pytest: {code})" for (_, name), code in zip(runs, codes, strict=True) if code not in (0, _NO_TESTS)
    ]
    counts = ", ".join(
        f"{totals[word]} {word}"
        for word in ("failed", "errors", "passed", "skipped")
        if totals[word] or word == "passed"
    )
    if failed:
        print(f"FAILED: {', '.join(failed)}")
    print(f"===== {counts} in {time.time() - _BEGAN:.0f} s =====")
    return 1 if failed else 0


def say(text: str) -> None:
    print(f"[{time.time() - _BEGAN:5.1f} s] {text}", flush=True)


def _fetch() -> str:
    """Fetch what the real calls need; espeak-ng's command."""
    tools = lab_tools(LAB, lambda text: say(f"  {text}"))
    try:
        old_tools(LAB, tools, lambda text: say(f"  Asterisk 16: {text}"))
    except PackagesError as error:
        say(f"no Asterisk 16, its tests are skipped: {error}")
    return tools.espeak.shell() if tools.espeak else ""


def _check(name: str, command: list[str]) -> bool:
    say(name)
    program = Path(sys.executable).with_name(command[0])
    done = subprocess.run([program, *command[1:]], capture_output=True, text=True, check=False)
    if done.returncode:
        print(f"{done.stdout}{done.stderr}".rstrip(), flush=True)
    return done.returncode == 0


def _postgres(ends: contextlib.ExitStack) -> None:
    if "CALLBRIDGE_TEST_POSTGRES" in os.environ:
        return
    try:
        binaries, env = find_postgres(LAB, lambda text: say(f"  postgresql: {text}"))
        os.environ["CALLBRIDGE_TEST_POSTGRES"] = ends.enter_context(private_postgres(binaries, env))
        say("a private PostgreSQL")
    except PostgresError as error:
        say(f"no PostgreSQL, its tests are skipped: {error}")


def _pytest(mark: str, name: str, rest: Sequence[str], totals: Counter[str]) -> int:
    say(f"tests: {name}")
    report = LAB / f"{name.replace(' ', '-')}.xml"
    report.parent.mkdir(exist_ok=True)
    # a file's tests stay together: they share a lab or a database; real calls come last, so that nothing else wants the machine
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-n",
        "2",
        "--dist",
        "loadfile",
        "-m",
        mark,
        f"--junitxml={report}",
        *rest,
    ]
    code = subprocess.run(command, check=False).returncode
    if report.exists():
        for suite in Xml.parse(report).getroot().iter("testsuite"):  # noqa: S314 - our own file
            numbers = {x: int(suite.get(x, 0)) for x in ("tests", "failures", "errors", "skipped")}
            totals["failed"] += numbers["failures"]
            totals["errors"] += numbers["errors"]
            totals["skipped"] += numbers["skipped"]
            totals["passed"] += numbers["tests"] - numbers["failures"] - numbers["errors"] - numbers["skipped"]
        report.unlink()
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
