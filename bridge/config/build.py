"""From the configuration to the Directory that routing uses. Sound files are read here, once, so that no call touches the disk for them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time
from types import MappingProxyType
from zoneinfo import ZoneInfo

from bridge.config import lines, numbers
from bridge.config.models import Config
from bridge.config.opening import Day, Opening, read_holidays
from bridge.config.screening import entries, number_list, read_block_file
from bridge.config.sounds import Sound, SoundError, Wanted, read_sound, wanted_sounds, whisper
from bridge.core.directory import (
    Directory,
    GoAnnouncement,
    GoHangup,
    GoLine,
    GoVoicemail,
    Line,
    NoticeSpec,
    Number,
    Pool,
    Source,
    Target,
)
from bridge.core.hours import Hours, Intervals
from bridge.core.model import Binding, BindingKind, Measure
from bridge.core.phone import normalise
from bridge.core.plan import RecordPolicy
from bridge.core.screening import Challenge, Rate, Rules

_BUSY, _NORMAL = 17, 16


def build_directory(config: Config, *, read_files: bool = True) -> Directory:
    """Everything routing needs. Raises ValueError if a holidays file or the block file is missing or wrong.

    A notice whose sound cannot be used is there and not `available`; a challenge without its sound lets everybody through.
    `read_files` False: no file is opened, holidays files and the block file count as empty, and every sound counts as there.
    """
    sounds = {wanted.path: wanted for wanted in wanted_sounds(config)}
    defaults = config.defaults
    record: RecordPolicy = "no"
    if config.recordings.enabled:
        record = "after-notice" if config.recordings.without_notice == "skip" else "always"
    return Directory(
        fallback=config.fallback.line,
        lines=MappingProxyType({n: _line(config, n, line, sounds, read_files) for n, line in config.lines.items()}),
        sources=MappingProxyType({n: _source(config, n, s, sounds, read_files) for n, s in config.sources.items()}),
        numbers=MappingProxyType({number.binding.number: number for number in _numbers(config)}),
        pools=MappingProxyType({name: _pool(config, name) for name in config.pools}),
        notices=MappingProxyType({n: _notice(sounds["notices", n], x, read_files) for n, x in config.notices.items()}),
        default_line=defaults.line,
        default_notice=defaults.notice,
        record=record,
        screening=_screening(config, sounds, read_files),
        region=config.region,
        language=config.language,
        zone=ZoneInfo(config.timezone),
    )


def _line(config: Config, name: str, line: lines.Line, sounds: dict[tuple[str | int, ...], Wanted], read: bool) -> Line:
    def target(key: str, chosen: lines.Next | None, otherwise: int) -> Target:
        if chosen is None:
            return GoHangup(otherwise)
        if chosen.line is not None:
            return GoLine(chosen.line)
        if chosen.voicemail is not None:
            return GoVoicemail(chosen.voicemail)
        if chosen.announcement is not None:
            return GoAnnouncement(chosen.announcement.sound or _stem(sounds["lines", name, key, "announcement"]))
        return GoHangup(_BUSY if chosen.hangup == "busy" else _NORMAL)

    return Line(
        name=name,
        title=line.title or name,
        ring=line.legs(),
        timeout=line.ring_timeout(),
        hours=_hours(line.hours, config.timezone, read) if line.hours else None,
        when_closed=target("when_closed", line.when_closed, _BUSY),
        when_busy=target("when_busy", line.when_busy, _BUSY),
        when_unanswered=target("when_unanswered", line.when_unanswered, _NORMAL),
        notice=line.notice,
        whisper=line.whisper,
        language=line.language or config.language,
    )


def _hours(opening: Opening, timezone: str, read: bool) -> Hours:
    days: dict[Day, Intervals] = {}
    if opening.holidays_file is not None and read:
        days |= dict.fromkeys(read_holidays(opening.holidays_file), ())
    days |= dict.fromkeys(opening.holidays, ())
    days |= opening.extra
    return Hours(
        zone=ZoneInfo(opening.timezone or timezone),
        week=opening.week(),
        dates=MappingProxyType({d: times for d, times in days.items() if isinstance(d, date)}),
        yearly=MappingProxyType({d: times for d, times in days.items() if isinstance(d, tuple)}),
    )


def _source(
    config: Config, name: str, source: numbers.Source, sounds: dict[tuple[str | int, ...], Wanted], read: bool
) -> Source:
    speech = whisper(config, name)
    sound = ""
    if speech is not None:
        wanted = sounds.get(("sources", name, "whisper")) or sounds.get(("sources", name))
        sound = speech.sound or (_stem(wanted) if wanted is not None and (not read or _sound(wanted)) else "")
    return Source(
        name=name,
        title=source.title or name,
        prefix=source.prefix,
        line=source.line,
        notice=source.notice,
        whisper=sound,
        beep=(source.announce_recording_to_company or config.defaults.announce_recording_to_company) == "beep",
    )


def _notice(wanted: Wanted, notice: numbers.Notice, read: bool) -> NoticeSpec:
    sound = _sound(wanted) if read else None
    return NoticeSpec(
        name=str(wanted.path[1]),
        sound=_stem(wanted),
        milliseconds=sound.milliseconds if sound else 0,
        sha256=sound.sha256 if sound else None,
        language=wanted.language,
        mode=notice.play,
        decline_key=notice.decline_key,
        available=sound is not None or not read,
    )


def _sound(wanted: Wanted) -> Sound | None:
    try:
        return read_sound(wanted.file)
    except SoundError:
        return None


def _stem(wanted: Wanted) -> str:
    return str(wanted.file.with_suffix(""))


def _screening(config: Config, sounds: dict[tuple[str | int, ...], Wanted], read: bool) -> Rules | None:
    wish = config.screening
    if wish is None:
        return None
    listed = list(entries(wish.block, config.region))
    if wish.block_file is not None and read:
        listed += read_block_file(wish.block_file, config.region)
    challenge = None
    if wish.challenge is not None:
        wanted = sounds.get(("screening", "challenge"))
        sound = wish.challenge.sound or (_stem(wanted) if wanted is not None and (not read or _sound(wanted)) else "")
        challenge = Challenge(sound, wish.challenge.key) if sound else None
    return Rules(
        allow=number_list(entries(wish.allow, config.region)),
        block=number_list(listed),
        rate=Rate(wish.rate.calls, wish.rate.per) if wish.rate else None,
        suspect_withheld=wish.withheld == "suspected",
        suspected=Measure(wish.suspected),
        blocked=Measure(wish.blocked),
        challenge=challenge,
        mailbox=wish.voicemail or "",
    )


def _numbers(config: Config) -> Iterator[Number]:
    for written, number in config.numbers.items():
        pool = number.pool
        source = config.pools[pool].source if pool else number.source or number.default_of or number.retiring or ""
        kind = (
            BindingKind.POOL
            if pool
            else BindingKind.DEFAULT
            if number.default_of
            else BindingKind.RETIRING
            if number.retiring
            else BindingKind.STATIC
        )
        since = (
            datetime.combine(number.since, time(), ZoneInfo(config.timezone)).astimezone(UTC) if number.since else None
        )
        binding = Binding(_e164(written, config.region), kind, source, pool, since)
        yield Number(binding, number.title or "", number.line, number.notice)
    for name, group in config.pools.items():
        for written in group.numbers:
            yield Number(Binding(_e164(written, config.region), BindingKind.POOL, group.source, name))


def _pool(config: Config, name: str) -> Pool:
    group = config.pools[name]
    members = (*group.numbers, *(written for written, number in config.numbers.items() if number.pool == name))
    return Pool(name, group.source, tuple(_e164(m, config.region) for m in members), group.hold)


def _e164(written: str, region: str) -> str:
    found = normalise(written, region)
    if found is None:
        raise ValueError(f"{written} is not a telephone number")
    return found
