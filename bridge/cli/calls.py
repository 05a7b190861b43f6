"""``callbridge calls``: the books, as a list, followed live, and call by call."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import click

from bridge.cli.attribute import attribute
from bridge.cli.common import Opened, config_option, fail, output_options, with_books
from bridge.cli.times import now, read_span, span_options
from bridge.core.model import Call, Outcome, RecordingStatus
from bridge.core.phone import normalise

#: How each terminal player plays one file and ends; the first that is installed is taken.
_PLAYERS = (
    ("ffplay", "-nodisp", "-autoexit", "-loglevel", "error"),
    ("mpv", "--no-video"),
    ("play", "-q"),
    ("aplay", "-q"),
)
_ONE_SIDE: dict[str, dict[str, tuple[str, ...]]] = {
    "ffplay": {"left": ("-af", "pan=mono|c0=c0"), "right": ("-af", "pan=mono|c0=c1")},
    "mpv": {"left": ("--af=pan=1:[1,0]",), "right": ("--af=pan=1:[0,1]",)},
    "play": {"left": ("remix", "1"), "right": ("remix", "2")},
}


@click.group(invoke_without_command=True)
@config_option
@span_options
@click.option(
    "--source", "sources", multiple=True, metavar="NAME", help="Of this source; `unknown` for calls without one."
)
@click.option("--number", "numbers", multiple=True, metavar="NUMBER", help="To this number.")
@click.option("--caller", "callers", multiple=True, metavar="NUMBER", help="From this caller.")
@click.option("--line", "lines", multiple=True, metavar="NAME", help="To this line.")
@click.option(
    "--outcome", "outcomes", multiple=True, type=click.Choice([o.value for o in Outcome]), help="That ended so."
)
@click.option("--spam", type=click.Choice(["only", "without"]), help="Nuisance calls alone, or everything but them.")
@click.option("--limit", type=click.IntRange(0), default=50, show_default=True, help="The newest so many; 0 for all.")
@click.option("-f", "--follow", is_flag=True, help="Then show every call as it ends (JSON: one line each).")
@output_options
@click.pass_context
def calls(
    ctx: click.Context,
    config: Path | None,
    since: str | None,
    until: str | None,
    day: str | None,
    sources: tuple[str, ...],
    numbers: tuple[str, ...],
    callers: tuple[str, ...],
    lines: tuple[str, ...],
    outcomes: tuple[str, ...],
    spam: str | None,
    limit: int,
    follow: bool,
    output: str | None,
) -> None:
    """Show the calls, newest first. Every filter may be given more than once; `*` marks a caller's first call, `!` spam.

    \b
    Examples:
      callbridge calls --day today --outcome unanswered --outcome abandoned
      callbridge calls --since 7d --source yandex-direct --csv > calls.csv
      callbridge calls -f
    """
    if ctx.invoked_subcommand is not None:
        ctx.obj = config
        return

    async def work(opened: Opened) -> None:
        from bridge.cli.call_lists import follow_calls, list_calls
        from bridge.store.filters import CallFilter

        region = opened.config.region
        begin, end = read_span(since, until, day, now(), opened.zone)
        wanted = CallFilter(
            since=begin,
            until=end,
            sources=tuple(None if name == "unknown" else name for name in sources),
            numbers=tuple(normalise(number, region) or number for number in numbers),
            callers=tuple(normalise(caller, region) or caller for caller in callers),
            lines=lines,
            outcomes=outcomes,
            spam=None if spam is None else spam == "only",
        )
        await (follow_calls(opened, wanted, limit, output) if follow else list_calls(opened, wanted, limit, output))

    with_books(config, work)


@calls.command("show")
@click.argument("call_id", metavar="ID")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@config_option
@click.pass_context
def show(ctx: click.Context, call_id: str, as_json: bool, config: Path | None) -> None:
    """Show everything known of one call. The beginning of its id is enough, if only one call has it.

    \b
    Example:
      callbridge calls show 20261122-1403
    """
    from bridge.cli.call_story import story_card, story_dict
    from bridge.cli.call_views import as_dict, card
    from bridge.cli.output import to_json

    async def work(opened: Opened) -> None:
        call = await one_call(opened, call_id)
        story = await opened.visits.story(call.id)
        if as_json:
            click.echo(to_json(as_dict(call, opened.zone) | story_dict(story, opened.zone)))
            return
        parts = (card(call, opened.zone, opened.config.recordings.folder), story_card(story, opened.zone))
        click.echo("\n".join(filter(None, parts)))

    with_books(config or ctx.obj, work)


@calls.command("play")
@click.argument("call_id", metavar="ID")
@click.option("--channel", type=click.Choice(["left", "right"]), help="Only the caller (left) or the company (right).")
@config_option
@click.pass_context
def play(ctx: click.Context, call_id: str, channel: str | None, config: Path | None) -> None:
    """Print the path of a call's recording, and play it if standard output is a terminal with a player (ffplay, mpv, play, aplay).

    \b
    Example:
      callbridge calls play 20261122-1403 --channel left
    """

    async def work(opened: Opened) -> Path:
        call = await one_call(opened, call_id)
        recording = call.recording
        if recording.path is None or recording.status is not RecordingStatus.KEPT:
            fail(
                f"call {call.id} has no recording: {recording.status.value}"
                + (f" ({recording.reason})" if recording.reason else "")
            )
        return opened.config.recordings.folder / recording.path

    path = with_books(config or ctx.obj, work)
    if not path.is_file():
        fail(f"the recording {path} is not there")
    click.echo(path)
    if not sys.stdout.isatty():
        return
    command = player_command(path, channel)
    if command is None:
        fail(
            "no player is installed: one of ffplay, mpv, play (sox), aplay is needed"
            + (" (not aplay, for one channel)" if channel else "")
        )
    if subprocess.run(command, stdin=subprocess.DEVNULL, check=False).returncode:
        fail(f"{command[0]} could not play {path}")


def player_command(path: Path, channel: str | None) -> list[str] | None:
    """The command that plays `path`, or one `channel` of it, with what is installed here; None if nothing is."""
    for name, *options in _PLAYERS:
        side = _ONE_SIDE.get(name, {}).get(channel or "", ())
        if shutil.which(name) is None or (channel and not side):
            continue
        return [name, *options, str(path), *side] if name == "play" else [name, *options, *side, str(path)]
    return None


async def one_call(opened: Opened, prefix: str) -> Call:
    """The one call whose id begins with `prefix`; ends the command if there is none, or more than one."""
    found = await opened.calls.get_by_prefix(prefix, limit=2)
    if not found:
        fail(f"no call has an id that begins with {prefix!r}")
    if len(found) > 1 and found[0].id != prefix:
        fail(f"more than one call has an id that begins with {prefix!r}: {found[0].id}, {found[1].id}, …")
    return found[0]


calls.add_command(attribute)
