"""``callbridge init``: the first bridge.yaml, and what Asterisk must be told."""

from __future__ import annotations

import os
import secrets
import shutil
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bridge.cli import asking
from bridge.cli.common import PLACES, fail

if TYPE_CHECKING:
    from bridge.config import Config
    from bridge.install.answers import Answers
    from bridge.install.asterisk import Plan

RECORD = ".callbridge-init.json"


@click.command("init")
@click.option(
    "-c",
    "--config",
    "path",
    type=click.Path(dir_okay=False, path_type=Path),
    default=PLACES[-1],
    show_default=True,
    help="The bridge.yaml to be.",
)
@click.option(
    "--asterisk",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("/etc/asterisk"),
    show_default=True,
    help="Folder of Asterisk's configuration.",
)
@click.option("--phone", help="The first phone of the company, such as PJSIP/101; it rings when nothing else is known.")
@click.option("--timezone", help="Time zone of opening hours and reports, such as Europe/Moscow.")
@click.option("--language", type=click.Choice(["en", "ru"]), help="Language of the recording notice.")
@click.option("--region", help="Country whose local writing of numbers is understood, such as RU.")
@click.option(
    "--number",
    "numbers",
    multiple=True,
    metavar="NUMBER=SOURCE",
    help="A tracked number and where it is shown; may be repeated.",
)
@click.option("--recordings", type=click.Path(path_type=Path), help="Folder of the recordings.")
@click.option(
    "--store",
    type=click.Path(path_type=Path),
    default=Path("/var/lib/callbridge/bridge.db"),
    show_default=True,
    help="SQLite file of the books.",
)
@click.option(
    "--spool",
    type=click.Path(path_type=Path),
    default=Path("/var/spool/callbridge"),
    show_default=True,
    help="Folder Asterisk writes raw recordings and its journal into.",
)
@click.option(
    "--sounds", type=click.Path(path_type=Path), help="Folder of Asterisk's sounds; else as asterisk.conf says."
)
@click.option("--agi", default="127.0.0.1:4573", show_default=True, help="Where the daemon answers the dialplan.")
@click.option("--monitor", default="127.0.0.1:9473", show_default=True, help="Where /healthz and /metrics are served.")
@click.option(
    "--trunk-context", "trunks", multiple=True, help="Context in which calls from outside arrive; may be repeated."
)
@click.option("--user", default="callbridge", show_default=True, help="The user that the daemon runs as.")
@click.option("--write", is_flag=True, help="Change Asterisk's files too, after showing what would change.")
@click.option("-y", "--yes", is_flag=True, help="Ask nothing: take the options and the defaults.")
@click.option("--undo", "undoing", is_flag=True, help="Take back what `init` has written, file by file.")
def init(
    path: Path,
    asterisk: Path,
    phone: str | None,
    timezone: str | None,
    language: str | None,
    region: str | None,
    numbers: tuple[str, ...],
    recordings: Path | None,
    store: Path,
    spool: Path,
    sounds: Path | None,
    agi: str,
    monitor: str,
    trunks: tuple[str, ...],
    user: str,
    write: bool,
    yes: bool,
    undoing: bool,
) -> None:
    """Write the first bridge.yaml and tell Asterisk of the bridge.

    Asks a few questions, writes bridge.yaml and the manager user's secret, makes the folders, and prints the lines for Asterisk's own
    files. With --write it puts them in itself: it shows the difference, asks, and keeps a copy of every file it changes. A bridge.yaml
    that is there is kept; running it again changes nothing that is right already.

    \b
    Examples:
      callbridge init
      callbridge init --yes --write --phone PJSIP/101 --timezone Europe/Moscow --number +74951110001=radio --trunk-context from-trunk
      callbridge init --undo
    """
    from bridge.install.answers import Answers, bridge_yaml
    from bridge.install.changes import apply, change

    path = path.absolute()
    record = path.parent / RECORD
    if undoing:
        _undo(record)
        return
    now = datetime.now().astimezone()
    try:
        if path.exists():
            click.echo(f"{path} is there and stays as it is")
        else:
            sounds = sounds or _sounds_folder(asterisk)
            answers = Answers(
                phone=asking.ask(
                    "First phone (it also rings when nothing else is known)", phone, "PJSIP/101", yes, asking.PHONE
                ),
                timezone=asking.ask("Time zone", timezone, asking.local_zone(), yes, asking.ZONE),
                language=asking.ask("Language of the recording notice (en, ru)", language, "en", yes, asking.LANGUAGE),
                region=asking.ask("Country of the numbers (two letters)", region, "RU", yes, asking.REGION),
                recordings=Path(
                    asking.ask(
                        "Folder of the recordings",
                        recordings and str(recordings),
                        "/var/lib/callbridge/recordings",
                        yes,
                        asking.FOLDER,
                    )
                ),
                numbers=asking.ask_numbers(numbers, yes),
                asterisk=asterisk.absolute(),
                sounds=sounds,
                secret=path.parent / "ami.secret",
                store=store.absolute(),
                spool=spool.absolute(),
                agi=agi,
                monitor=monitor,
                ami_port=_ami_port(asterisk),
                notice_text="",
            )
            answers = _with_notice(answers)
            apply([change(path, bridge_yaml(answers), mode=0o644)], record, now)
            click.echo(f"written: {path}")
        config, secret = _config(path, record, now, user)
        _make_folders(config, user)
        _copy_notice(config, record, now)
        _tell_asterisk(config, secret, path, record, now, trunks, write, yes)
    except OSError as error:
        fail(f"{error.filename or path}: {(error.strerror or 'error').lower()}")


def _config(path: Path, record: Path, now: datetime, user: str) -> tuple[Config, str]:
    """The configuration, with its AMI secret: the one that is there, or a new one."""
    from bridge.config import ConfigError, load
    from bridge.install.changes import apply, change

    try:
        config = load(path, check_files=False).config
    except ConfigError as error:
        fail(error)
    file = config.asterisk.ami.secret.file
    if file is None:
        config.asterisk.ami.secret.read(os.environ)
        return config, config.asterisk.ami.secret.value
    if not file.exists():
        apply([change(file, secrets.token_urlsafe(24) + "\n", mode=0o600)], record, now)
        _give_to_daemon(file, user)
        click.echo(f"written: {file} (the manager user's secret, which is shown nowhere)")
    try:
        config.asterisk.ami.secret.read({})
    except ValueError as error:
        fail(error)
    return config, config.asterisk.ami.secret.value


def _give_to_daemon(file: Path, user: str) -> None:
    """Root keeps the secret; the daemon's group may read it."""
    if os.geteuid() == 0:
        try:
            shutil.chown(file, "root", user)
        except LookupError:
            return
        file.chmod(0o640)


def _make_folders(config: Config, user: str) -> None:
    from bridge.install.folders import asterisk_group, folders, make, missing_user

    group = asterisk_group(config.asterisk.config)
    wanted = [missing_user(user, group), *(make(folder, group, user) for folder in folders(config))]
    commands = [command for command in wanted if command is not None]
    if commands:
        click.echo("To be done by root:")
        for command in commands:
            click.echo(f"  {command}")


def _copy_notice(config: Config, record: Path, now: datetime) -> None:
    """The shipped notice where the configuration has its text: no speech synthesis is needed for it then."""
    from bridge.config.sounds import wanted_sounds
    from bridge.install import LANGUAGES, shipped
    from bridge.install.changes import apply, change
    from bridge.sounds.make import DEFAULT_TEXTS

    for wanted in wanted_sounds(config):
        if wanted.made and wanted.language in LANGUAGES and not wanted.file.exists():
            for name in ("notice", "closed"):
                if wanted.text == DEFAULT_TEXTS[wanted.language][name]:
                    sound = change(wanted.file, shipped(f"{name}-{wanted.language}.wav"))
                    note = change(wanted.file.with_suffix(".txt"), f"{wanted.language}\n{wanted.text}\n")
                    try:
                        apply([sound, note], record, now)
                    except OSError as error:
                        click.echo(
                            f"not written: {wanted.file} ({(error.strerror or 'error').lower()}); later: callbridge sounds make"
                        )
                    else:
                        click.echo(f"written: {wanted.file}")


def _tell_asterisk(
    config: Config,
    secret: str,
    path: Path,
    record: Path,
    now: datetime,
    trunks: tuple[str, ...],
    write: bool,
    yes: bool,
) -> None:
    from bridge.install.asterisk import plan
    from bridge.install.changes import apply

    etc = config.asterisk.config
    if write and not (etc / "asterisk.conf").exists() and not (etc / "extensions.conf").exists():
        fail(f"{etc} holds no configuration of Asterisk: name its folder with --asterisk")
    wanted: Plan = plan(config, secret, place=None if write else path.parent / "asterisk", trunks=trunks)
    if not write:
        apply(wanted.changes, record, now)
        for each in wanted.changes:
            click.echo(f"written: {each.path}")
        click.echo(
            f"\nPut these lines into Asterisk's files in {etc} (or let --write do it), then: asterisk -rx 'core reload'"
        )
        for file, where, line in wanted.lines:
            click.echo(f"  {file}, {where}:\n    {line}")
    elif not wanted.changes:
        click.echo(f"{etc}: nothing to do")
    else:
        for each in wanted.changes:
            click.echo(each.diff())
        if not yes:
            click.confirm("Write this?", default=True, abort=True)
        for backup in apply(wanted.changes, record, now):
            click.echo(f"kept: {backup}")
        click.echo("Written. Now: asterisk -rx 'core reload'")
    for remark in wanted.remarks:
        click.echo(f"note: {remark}")
    click.echo("Then start the daemon, and try it all with: callbridge doctor")


def _undo(record: Path) -> None:
    from bridge.install.changes import undo

    if not record.exists():
        fail(f"there is nothing to take back: {record} is not there")
    try:
        done, left = undo(record)
    except OSError as error:
        fail(f"{error.filename}: {(error.strerror or 'error').lower()}")
    for each in done:
        click.echo(f"put back: {each}")
    for text in left:
        click.echo(f"left alone: {text}")


def _with_notice(answers: Answers) -> Answers:
    from bridge.sounds.make import DEFAULT_TEXTS

    return replace(answers, notice_text=DEFAULT_TEXTS[answers.language]["notice"])


def _sounds_folder(etc: Path) -> Path:
    from bridge.install import conf

    try:
        found = {x.key: x.value for x in conf.settings(etc / "asterisk.conf")}
    except OSError:
        found = {}
    return Path(found.get("astdatadir") or found.get("astvarlibdir") or "/var/lib/asterisk") / "sounds"


def _ami_port(etc: Path) -> int:
    """The port of the manager interface."""
    from bridge.install import conf

    try:
        ports = [x.value for x in conf.settings(etc / "manager.conf") if x.section == "general" and x.key == "port"]
    except OSError:
        ports = []
    return int(ports[-1]) if ports and ports[-1].isdecimal() else 5038
