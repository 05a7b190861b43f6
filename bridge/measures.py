"""What the daemon measures: the help text of every counter its parts keep."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bridge.app import Daemon

AGI = {
    "sessions": "FastAGI connections that got as far as a complete environment.",
    "answered": "Calls that got the daemon's answer.",
    "failed": "Sessions whose handler failed; the dialplan fell back.",
    "hung_up": "Callers who left before the answer.",
    "late": "Sessions past a deadline; the dialplan fell back.",
    "refused": "Connections of unknown peers, or beyond the cap.",
    "malformed": "Connections that spoke no FastAGI, or sent data with a line break in it.",
    "probes": "Connections that left without a word.",
}
AMI = {
    "connects": "Logins into Asterisk's manager that worked.",
    "losses": "Manager connections lost after a login.",
    "auth_failures": "Logins that Asterisk refused.",
    "events": "Manager events taken in.",
    "shed": "Manager events thrown away because too many came at once.",
    "forged": "Manager messages that are not of Asterisk's making.",
    "unmatched": "Manager answers to nothing, or too late.",
    "consumer_errors": "Failures while an event was taken in.",
}
BOOKS = {
    "begun": "Calls whose beginning was booked.",
    "ended": "Calls whose end was booked.",
    "late": "Calls that the daemon did not decide: it was down, or too late.",
    "interrupted": "Calls that ended without anybody writing it down.",
    "from_events": "Calls whose end came by a manager event because the journal did not have it.",
    "store_failures": "Failed tries to write into the store.",
    "open": "Calls under way.",
    "waiting": "New calls that are not in the store yet.",
}
JOURNAL = {
    "lines": "Lines of Asterisk's journal read.",
    "unreadable": "Journal lines that could not be read.",
    "mended": "Journal lines that began in the torn rest of another.",
}
RECORDINGS = {
    "waiting": "Recordings asked for and not finished.",
    "kept": "Recordings finished.",
    "empty": "Recordings without any audio, and rightly so.",
    "missing": "Recordings that should be there and are not.",
    "broken": "Recordings that cannot be read.",
    "retried": "Tries to finish a recording that failed for the moment.",
    "gave_up": "Recordings left for the next start.",
    "seconds": "Seconds of recorded talk kept.",
}


def measure(daemon: Daemon) -> None:
    """Register everything that `daemon`'s parts count."""
    metrics = daemon.metrics
    metrics.group("agi", lambda: daemon.agi.counters, AGI)
    metrics.group("ami", lambda: daemon.ami.counters, AMI)
    metrics.group("books", lambda: daemon.books.counters, BOOKS, gauges=("open", "waiting"))
    metrics.group("journal", lambda: daemon.journal.counters, JOURNAL)
    metrics.group("recordings", lambda: daemon.recordings.counters, RECORDINGS, gauges=("waiting",))
    metrics.gauge("agi_open_sessions", "Calls waiting for their answer now.", lambda: daemon.agi.open_sessions)
    metrics.gauge("ami_connected", "Whether the manager link is up.", lambda: float(daemon.ami.connected))
    metrics.gauge("ami_waiting_events", "Manager events not taken in yet.", lambda: daemon.ami.waiting_events)
    metrics.gauge("numbers", "Tracked numbers in force.", lambda: len(daemon.inbound.directory.numbers))
    metrics.gauge("journal_bytes", "Size of Asterisk's journal.", daemon.journal.size)
