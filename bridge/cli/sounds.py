"""``callbridge sounds``: notices, whispers and announcements as files that Asterisk can play."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

from bridge.config import ConfigError, load
from bridge.config.sounds import Wanted, wanted_sounds
from bridge.sounds.make import SoundError, SpeechError, convert, make_sound
from bridge.sounds.wav import inspect_wav


@click.group("sounds")
def sounds() -> None:
    """Make the sounds that callers and phones hear."""


@sounds.command("make")
@click.option(
    "-c",
    "--config",
    "path",
    type=click.Path(),
    envvar="CALLBRIDGE_CONFIG",
    default="/etc/callbridge/bridge.yaml",
    show_default=True,
    help="The configuration whose texts are spoken.",
)
@click.option("--force", is_flag=True, help="Make also what is there and says the right text.")
@click.option("--json", "as_json", is_flag=True, help="Print what was made as JSON.")
def make(path: str, force: bool, as_json: bool) -> None:
    """Make a sound file of every text in bridge.yaml: notices, whispers, announcements.

    Files of your own (`file:` in bridge.yaml) are never touched. Needs espeak-ng. Exit status 0: all sounds are there; 1: not all.

    \b
    Example:
      callbridge sounds make -c bridge.yaml
    """
    try:
        loaded = load(path, check_files=False)
    except ConfigError as error:
        for problem in error.problems:
            click.echo(f"error: {problem}", err=True)
        sys.exit(1)
    results = [(wanted, _make(wanted, force)) for wanted in wanted_sounds(loaded.config) if wanted.made]
    if as_json:
        report = [
            {"file": str(wanted.file), "language": wanted.language, "text": wanted.text, "result": result}
            for wanted, result in results
        ]
        click.echo(json.dumps(report, ensure_ascii=False, indent=2))
    else:
        for wanted, result in results:
            if result in ("made", "there"):
                click.echo(f"{result:5}  {inspect_wav(wanted.file).seconds:5.1f} s  {wanted.file}")
        if not results:
            click.echo("no sound is to be made: bridge.yaml has no text without a file")
    failures = [f"{wanted.file}: {result}" for wanted, result in results if result not in ("made", "there")]
    for failure in failures:
        click.echo(f"error: {failure}", err=True)
    sys.exit(1 if failures else 0)


@sounds.command("convert")
@click.argument("source", type=click.Path(path_type=Path))
@click.argument("target", type=click.Path(path_type=Path))
def convert_command(source: Path, target: Path) -> None:
    """Turn SOURCE (wav, flac, mp3, ogg, ...) into TARGET, a sound that Asterisk can play: mono, 16 bit, at an even loudness.

    TARGET ends in .wav for 8000 samples per second or in .wav16 for 16000.

    \b
    Example:
      callbridge sounds convert studio-notice.mp3 /var/lib/callbridge/sounds/notice-ru.wav
    """
    try:
        info = convert(source, target)
    except SoundError as error:
        click.echo(f"error: {error}", err=True)
        sys.exit(1)
    click.echo(f"{target}: {info.seconds:.1f} s, {info.rate} samples per second")


def _make(wanted: Wanted, force: bool) -> str:
    try:
        return "made" if make_sound(wanted.text or "", wanted.language, wanted.file, force=force) else "there"
    except (SoundError, SpeechError) as error:
        return str(error)
