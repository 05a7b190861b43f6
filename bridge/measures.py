"""What the daemon measures: the help text of every counter its parts keep."""

from __future__ import annotations

from typing import Final

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
    "rejected": "Calls with a fact that could not be booked; their lines are in journal.rejected.",
    "forgotten": "Facts of new calls given up because too many waited for the store; the journal has them.",
    "open": "Calls under way.",
    "waiting": "New calls that are not in the store yet.",
}
JOURNAL = {
    "lines": "Lines of Asterisk's journal read.",
    "unreadable": "Journal lines that could not be read.",
    "mended": "Journal lines that began in the torn rest of another.",
    "turned": "Times the journal was turned over.",
    "removed": "Old journal files removed, all of them booked.",
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
KEEPING = {
    "found": "Files in the spool handed to their call again.",
    "orphans": "Calls with audio in the spool that belongs nowhere.",
    "deleted": "Recordings deleted by age or disk budget.",
    "held": "Deletions that a legal hold stopped at the last moment.",
}

#: By the prefix of the metrics' names: callbridge_<prefix>_<counter>_total.
HELP: Final = {"agi": AGI, "ami": AMI, "books": BOOKS, "journal": JOURNAL, "recordings": RECORDINGS, "keeping": KEEPING}
#: What may fall again.
GAUGES: Final = {"books": ("open", "waiting"), "recordings": ("waiting",), "keeping": ("orphans",)}
