"""What the last calls and the files on disk tell: notices that were not heard, recordings that are silent, files nobody asks for."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

import numpy as np
import soundfile

from bridge.app import journal_path, spool_path
from bridge.config import Config
from bridge.config.sounds import SoundError, read_sound, wanted_sounds
from bridge.core.directory import Directory
from bridge.core.model import Call, DecidedBy, RecordingStatus
from bridge.doctor.findings import Finding, error, note, ok, warning
from bridge.flows.books import MARK
from bridge.journal import JournalReader
from bridge.recordings.errors import RecordingRetry
from bridge.recordings.scan import sweep
from bridge.store.calls import CallStore
from bridge.store.engine import Database
from bridge.store.errors import StoreError
from bridge.store.migrate import pending

LAST: Final = 50
LISTEN_TO: Final = 3
JOURNAL_LARGE: Final = 256 << 20
OLD_SECONDS: Final = 3600.0
_SILENCE: Final = 1e-3  #: of full scale


def check_sounds(config: Config, directory: Directory) -> Iterator[Finding]:
    """Every sound that callers or phones are to hear."""
    good = 0
    notices = {notice.sound for notice in directory.notices.values()}
    for wanted in wanted_sounds(config):
        try:
            read_sound(wanted.file)
        except SoundError as problem:
            what = "; calls with this notice are NOT recorded" if str(wanted.file.with_suffix("")) in notices else ""
            yield error(
                "sounds",
                f"{problem}{what}",
                "callbridge sounds make" if wanted.made else f"callbridge sounds convert YOUR-SOUND {wanted.file}",
            )
            continue
        if not wanted.file.stat().st_mode & 0o004:
            yield warning("sounds", f"{wanted.file} may not be readable for Asterisk", f"chmod 644 {wanted.file}")
        good += 1
    if good:
        yield ok("sounds", f"{good} sounds are there and fit")


async def check_store(config: Config) -> list[Finding]:
    """Reachable, of this version, whole; then what the last calls say."""
    try:
        database = Database(config.store.dsn())
    except ValueError as problem:
        return [error("store", str(problem), "store.url in bridge.yaml")]
    try:
        database.require_file()
        if steps := await pending(database):
            return [error("store", f"{database.name} lacks {len(steps)} step(s) of this version", "callbridge migrate")]
        await database.check_integrity()
        store = CallStore(database)
        calls = (await store.find(limit=LAST)).calls
        position = await store.get_mark(MARK)
        return [
            ok("store", f"{database.name} is of this version and whole"),
            *check_calls(config, calls),
            *check_journal(config, position),
        ]
    except StoreError as problem:
        level = note if "no database" in str(problem) else error
        return [level("store", str(problem))]
    finally:
        await database.close()


def check_calls(config: Config, calls: Sequence[Call]) -> Iterator[Finding]:
    """The newest calls, newest first."""
    if not calls:
        yield note("calls", "no call has been booked yet", "call one of the tracked numbers")
        return
    last = f"of the last {len(calls)} calls"
    whys: Counter[str] = Counter(
        _why_unnoticed(call) for call in calls if call.recording.status is RecordingStatus.UNNOTICED
    )
    for why, many in whys.most_common():
        yield warning("calls", f"{many} {last} were not recorded: {why}", "callbridge check; callbridge sounds make")
    for status, what in (
        (RecordingStatus.MISSING, "have lost their recording"),
        (RecordingStatus.BROKEN, "have a recording that cannot be read"),
    ):
        ill = [call for call in calls if call.recording.status is status]
        if ill:
            yield warning(
                "calls",
                f"{len(ill)} {last} {what}, the newest {ill[0].id}: {ill[0].recording.reason or 'no reason known'}",
                f"callbridge calls show {ill[0].id}",
            )
    alone = sum(1 for call in calls if call.decided_by is not DecidedBy.DAEMON)
    if alone:
        yield note("calls", f"{alone} {last} were routed while the daemon did not answer", "journalctl -u callbridge")
    yield from check_recordings(config.recordings.folder, calls)
    if not whys:
        yield ok("calls", f"the newest call is of {calls[0].started_at.astimezone().isoformat(timespec='seconds')}")


def _why_unnoticed(call: Call) -> str:
    notice = f" ({Path(call.notice.file).name})" if call.notice is not None and call.notice.file else ""
    return f"{call.recording.reason or 'the notice was not heard to its end'}{notice}"


def check_recordings(folder: Path, calls: Iterable[Call]) -> Iterator[Finding]:
    """The newest recordings: there, and not silent."""
    kept = [call for call in calls if call.recording.status is RecordingStatus.KEPT and call.recording.path][:LISTEN_TO]
    good = 0
    for call in kept:
        path = folder / (call.recording.path or "")
        try:
            peaks = _peaks(path)
        except (soundfile.SoundFileError, OSError) as problem:
            yield error("recordings", f"{path} cannot be read: {problem}", f"callbridge calls show {call.id}")
            continue
        quiet = [name for name, peak in zip(("caller", "company"), peaks, strict=False) if peak < _SILENCE]
        if quiet and (call.talk_seconds or 0) >= 2:
            yield warning(
                "recordings",
                f"{path} is silent on the side of the {' and the '.join(quiet)}",
                "does audio flow through Asterisk? (direct_media=no on trunk and phones; firewall and NAT for RTP)",
            )
        else:
            good += 1
    if good:
        yield ok("recordings", f"the newest {good} recordings can be read and are not silent")


def _peaks(path: Path) -> list[float]:
    """The loudest sample of each channel, 0 to 1."""
    most = np.zeros(1)
    for block in soundfile.blocks(str(path), blocksize=1 << 16, always_2d=True, dtype="float32"):
        most = np.maximum(most, np.abs(block).max(axis=0)) if block.size else most
    return [float(x) for x in most]


def check_journal(config: Config, position: str | None) -> Iterator[Finding]:
    """Asterisk writes it, the daemon reads it and has come to its end."""
    path = journal_path(config)
    try:
        with path.open("rb") as journal:
            about = os.fstat(journal.fileno())
    except FileNotFoundError:
        yield note("journal", f"{path} is not there: no call has come through bridge-inbound yet")
        return
    except OSError as problem:
        yield error(
            "journal",
            f"{path} cannot be read ({(problem.strerror or '').lower()}): nothing can be booked",
            f"usermod -a -G GROUP-OF-ASTERISK callbridge; chmod g+r {path}",
        )
        return
    size = f"{about.st_size / 1e6:.1f} MB"
    if about.st_size > JOURNAL_LARGE:
        yield warning("journal", f"{path} has {size}", "let logrotate turn it over: config/callbridge.logrotate")
    behind = JournalReader(path).behind(position)
    if behind and time.time() - about.st_mtime > 60:
        yield error(
            "journal",
            f"{behind} bytes of {path} have not been booked for {(time.time() - about.st_mtime) / 60:.0f} minutes",
            "is the daemon running? journalctl -u callbridge",
        )
    else:
        yield ok("journal", f"{path} ({size}) is read to its end" if not behind else f"{path} ({size}) is being read")


def check_spool(config: Config) -> Iterator[Finding]:
    """Raw recordings that nobody has come for."""
    folder = spool_path(config)
    if not folder.is_dir():
        return
    try:
        found = sweep(folder, time.time())
    except RecordingRetry as problem:
        yield error("spool", str(problem))
        return
    old = [call for call in found.calls if call.age > OLD_SECONDS]
    if old:
        yield warning(
            "spool",
            f"raw recordings of {len(old)} calls lie in {folder} for more than an hour, the oldest of {old[0].call_id}",
            f"is it in the books? callbridge calls show {old[0].call_id}",
        )
    if found.strangers:
        yield note(
            "spool", f"{len(found.strangers)} files in {folder} are no recordings, such as {found.strangers[0].name}"
        )
    if not old and not found.strangers:
        yield ok("spool", f"{len(found.calls)} raw recordings wait in {folder}, none of them old")
