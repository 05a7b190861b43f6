"""``callbridge user``: who may sign in at the desk, and as what. Works while the daemon runs."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from bridge.cli.common import config_option, fail, output_options
from bridge.cli.desk_people import Desk, with_desk
from bridge.core.desk.access import Role


class RoleName(click.ParamType):  # type: ignore[type-arg,unused-ignore]  # generic since click 8.2
    """One of the roles a user may have."""

    name = "role"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Role:
        from bridge.config.problems import did_you_mean, listed
        from bridge.flows.people import ROLES

        names = [role.value for role in ROLES]
        if value not in names:
            near = did_you_mean(str(value), names)
            self.fail(f"there is no role {value!r}{near or f': a user is {listed(names)}'}", param, ctx)
        return Role(value)


def password_options(command: Any) -> Any:
    """``--password-stdin`` and ``--generate``."""
    command = click.option("--generate", is_flag=True, help="Make a password up and print it.")(command)
    return click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")(command)


@click.group()
def user() -> None:
    """People at the desk: who may sign in, and as what.

    \b
    Roles:
      admin     everything, and the other users
      marketer  all calls and reports; corrects, exports, makes links for guests
      operator  the calls of his own line
      listener  listens to calls and scores them

    \b
    Example:
      callbridge user add anna --role marketer
    """


@user.command("add")
@click.argument("name")
@click.option("--role", type=RoleName(), required=True, help="admin, marketer, operator or listener.")
@click.option("--line", metavar="LINE", help="An operator's line, as bridge.yaml names it.")
@click.option("--email", metavar="ADDRESS", default="", help="His mail address.")
@password_options
@config_option
def add(
    name: str, role: Role, line: str | None, email: str, password_stdin: bool, generate: bool, config: Path | None
) -> None:
    """Let somebody sign in. The password is asked for, twice.

    \b
    Examples:
      callbridge user add anna --role admin
      callbridge user add ivan --role operator --line sales --generate
    """

    async def work(desk: Desk) -> None:
        check_line(desk, line)
        kept, shown = _password(name, password_stdin, generate)
        made = await desk.people.add(desk.by, name, role, line=line, email=email, password=kept)
        click.echo(f"{made.name} can sign in as {made.role.value}{f' of {made.line}' if made.line else ''}")
        if shown:
            click.echo(f"password: {shown}")
        if desk.config.desk is None:
            click.echo("the desk is off: bridge.yaml has no section `desk`", err=True)

    with_desk(config, work)


@user.command("list")
@output_options
@config_option
def list_(output: str | None, config: Path | None) -> None:
    """Show all users.

    \b
    Example:
      callbridge user list --json
    """

    async def work(desk: Desk) -> None:
        from bridge.cli.output import plain, print_csv, to_json
        from bridge.cli.times import now
        from bridge.flows.people import locked

        columns = ("name", "role", "line", "email", "state", "created_at")
        rows: list[dict[str, Any]] = []
        for one in await desk.accounts.users():
            state = "locked" if one.disabled_at else "locked for a while" if locked(one, now()) else "active"
            created = one.created_at.astimezone(desk.zone)
            rows.append(
                dict(zip(columns, (one.name, one.role.value, one.line, one.email, state, created), strict=True))
            )
        if output == "json":
            click.echo(to_json(rows))
        elif output == "csv":
            print_csv(columns, rows)
        else:
            for row in rows:
                line, email = row["line"] or "", row["email"] or ""
                text = f"{row['name']:<24}  {row['role']:<9} {line:<12} {row['state']:<8}  {email}"
                click.echo(plain(text).rstrip())
            if not rows:
                click.echo("there are no users yet: callbridge user add NAME --role admin")

    with_desk(config, work)


@user.command("password")
@click.argument("name")
@password_options
@config_option
def password(name: str, password_stdin: bool, generate: bool, config: Path | None) -> None:
    """Give somebody a new password. It ends his sessions, and his lock after too many wrong ones.

    \b
    Example:
      callbridge user password anna
    """

    async def work(desk: Desk) -> None:
        found = await desk.people.user(name)
        kept, shown = _password(found.name, password_stdin, generate)
        await desk.people.set_password(desk.by, name, kept)
        click.echo(f"{found.name} has a new password; his sessions are over")
        if shown:
            click.echo(f"password: {shown}")

    with_desk(config, work)


@user.command("role")
@click.argument("name")
@click.argument("role", type=RoleName())
@click.option("--line", metavar="LINE", help="An operator's line, as bridge.yaml names it.")
@config_option
def role_(name: str, role: Role, line: str | None, config: Path | None) -> None:
    """Change what somebody may do. It ends his sessions.

    \b
    Example:
      callbridge user role anna operator --line support
    """

    async def work(desk: Desk) -> None:
        check_line(desk, line)
        changed = await desk.people.change(desk.by, name, role=role, line=line)
        click.echo(f"{changed.name} is {changed.role.value}{f' of {changed.line}' if changed.line else ''} now")

    with_desk(config, work)


@user.command("remove")
@click.argument("name")
@config_option
def remove(name: str, config: Path | None) -> None:
    """Remove somebody. What he said of calls stays, with his name; `lock` keeps him out and keeps him in the list.

    \b
    Example:
      callbridge user remove ivan
    """

    async def work(desk: Desk) -> None:
        await desk.people.remove(desk.by, name)
        click.echo(f"{name} is removed")

    with_desk(config, work)


@user.command("lock")
@click.argument("name")
@click.option("--release", is_flag=True, help="Let him in again, also after too many wrong passwords.")
@config_option
def lock(name: str, release: bool, config: Path | None) -> None:
    """Keep somebody out at once, until --release.

    \b
    Examples:
      callbridge user lock ivan
      callbridge user lock ivan --release
    """

    async def work(desk: Desk) -> None:
        if release:
            await desk.people.enable(desk.by, name)
            click.echo(f"{name} can sign in again")
        else:
            await desk.people.disable(desk.by, name)
            click.echo(f"{name} is kept out; his sessions are over")

    with_desk(config, work)


@user.command("sessions")
@click.argument("name")
@click.option("--end", is_flag=True, help="End them all.")
@output_options
@config_option
def sessions(name: str, end: bool, output: str | None, config: Path | None) -> None:
    """Show where somebody is signed in, or end it.

    \b
    Examples:
      callbridge user sessions anna
      callbridge user sessions anna --end
    """

    async def work(desk: Desk) -> None:
        from bridge.cli.output import plain, print_csv, to_json
        from bridge.cli.times import local, now

        found = await desk.people.user(name)
        if end:
            click.echo(f"{await desk.people.end_sessions(desk.by, name)} sessions are over")
            return
        columns = ("began_at", "seen_at", "expires_at", "address", "agent")
        open_ones = await desk.accounts.sessions_of(found.name, now())
        rows: list[dict[str, Any]] = []
        for one in open_ones:
            times = (at.astimezone(desk.zone) for at in (one.began_at, one.seen_at, one.expires_at))
            rows.append(dict(zip(columns, (*times, one.address, one.agent), strict=True)))
        if output == "json":
            click.echo(to_json(rows))
        elif output == "csv":
            print_csv(columns, rows)
        else:
            for one in open_ones:
                click.echo(f"{local(one.seen_at, desk.zone)}  {plain(one.address):<15}  {plain(one.agent)}".rstrip())
            if not rows:
                click.echo(f"{found.name} is signed in nowhere")

    with_desk(config, work)


def check_line(desk: Desk, line: str | None) -> None:
    """Ends the command for a line that is not there."""
    from bridge.config.problems import did_you_mean

    if line is not None and line not in desk.config.lines:
        near = did_you_mean(line, desk.config.lines)
        fail(f"there is no line {line!r}{near or ': bridge.yaml has ' + ', '.join(desk.config.lines)}")


def _password(name: str, from_stdin: bool, generate: bool) -> tuple[str, str]:
    """What is kept of the password, and the password itself where it was made up here."""
    from bridge.web.desk import passwords

    if from_stdin and generate:
        raise click.UsageError("--password-stdin and --generate do not go together")
    if generate:
        made = passwords.generated()
        return passwords.hashed(made), made
    if from_stdin:
        given = sys.stdin.readline(10_000).rstrip("\r\n")
    else:
        given = click.prompt("Password", hide_input=True, confirmation_prompt="The same again", err=True)
    if problem := passwords.problem_of(given, name):
        fail(problem)
    return passwords.hashed(given), ""
