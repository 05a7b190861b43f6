"""The few questions that matter, and the bridge.yaml that the answers make."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path

_PLAIN = re.compile(r"[A-Za-z0-9_./+@-]+")


@dataclass(frozen=True, slots=True)
class Answers:
    """What `callbridge init` must know. `numbers` are (number, source) pairs; sources are names, numbers as they are dialled."""

    phone: str
    timezone: str
    language: str
    region: str
    numbers: tuple[tuple[str, str], ...]
    asterisk: Path
    sounds: Path
    secret: Path
    recordings: Path = Path("/var/lib/callbridge/recordings")
    store: Path = Path("/var/lib/callbridge/bridge.db")
    spool: Path = Path("/var/spool/callbridge")
    user: str = "callbridge"
    ami_port: int = 5038
    agi: str = "127.0.0.1:4573"
    monitor: str = "127.0.0.1:9473"
    notice_text: str = ""


def bridge_yaml(answers: Answers) -> str:
    """A short bridge.yaml, commented; everything not in it has its default."""
    sources = dict.fromkeys(source for _, source in answers.numbers)
    notice = answers.notice_text
    parts = [
        "# The configuration of the bridge. `callbridge check` finds every mistake in it; `callbridge reload` puts it in service.",
        "# All that can be said here is shown and explained in bridge.yaml.example.",
        "",
        f"region: {answers.region}",
        f"timezone: {_text(answers.timezone)}",
        f"language: {answers.language}",
        "",
        "store:",
        f"  url: {_text(str(answers.store))}",
        "",
        "asterisk:",
        "  ami:",
        "    host: 127.0.0.1",
        f"    port: {answers.ami_port}",
        f"    user: {_text(answers.user)}",
        f"    secret: {{file: {_text(str(answers.secret))}}}",
        "  agi:",
        f"    listen: {answers.agi}",
        f"  spool: {_text(str(answers.spool))}",
        f"  config: {_text(str(answers.asterisk))}",
        f"  sounds: {_text(str(answers.sounds))}",
        "",
        "recordings:",
        f"  folder: {_text(str(answers.recordings))}",
        "",
        "# What callers hear before they are recorded. A sound of your own: file: /path/of/notice.wav",
        "notices:",
        "  standard:",
        f"    text: {json.dumps(notice, ensure_ascii=False)}",
        "",
        "# The company's phones: add yours, each with `after: 10s` if it is to join later.",
        "lines:",
        "  main:",
        "    ring:",
        f"      - phone: {answers.phone}",
        "",
        "# Where ads run, and which number stands in which of them.",
        *(["sources:", *(f"  {source}: {{}}" for source in sources)] if sources else ["sources: {}"]),
        *(
            ["numbers:", *(f"  {_text(n)}: {{source: {s}}}" for n, s in answers.numbers)]
            if sources
            else ["numbers: {}"]
        ),
        "",
        "defaults:",
        "  line: main",
        "  notice: standard",
        "",
        "fallback:",
        "  line: main",
        "",
        "monitor:",
        f"  listen: {answers.monitor}",
    ]
    return "\n".join(parts) + "\n"


def _text(value: str) -> str:
    return value if _PLAIN.fullmatch(value) else json.dumps(value, ensure_ascii=False)
