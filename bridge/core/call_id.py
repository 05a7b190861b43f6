"""The call id: made by the dialplan, checked here, and the only thing that names files.

Shape: ``YYYYMMDD-HHMMSS-N-R``: the PBX's local time at the INVITE, the last digits of the channel's Uniqueid,
six random digits. Nothing in it comes from the wire.
"""

from __future__ import annotations

import re

_SHAPE = re.compile(r"(?P<y>\d{4})(?P<m>0[1-9]|1[0-2])(?P<d>0[1-9]|[12]\d|3[01])-\d{6}-\d{1,10}-\d{6}", re.ASCII)

_WITHIN = re.compile(rf"(?<![0-9-]){_SHAPE.pattern}(?![0-9-])", re.ASCII)


def is_call_id(text: str) -> bool:
    """Whether `text` has the exact shape of a call id."""
    return _SHAPE.fullmatch(text) is not None


def folder_of(call_id: str) -> str:
    """The dated folder of a call's recording, ``YYYY/MM/DD``, relative to the recordings folder.

    Raises ValueError for anything that is not a call id.
    """
    found = _SHAPE.fullmatch(call_id)
    if found is None:
        raise ValueError(f"not a call id: {call_id!r}")
    return f"{found['y']}/{found['m']}/{found['d']}"


def find_call_ids(text: str) -> list[str]:
    """The call ids that stand in `text`."""
    return [found[0] for found in _WITHIN.finditer(text)]
