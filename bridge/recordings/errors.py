"""What may go wrong for now."""

from __future__ import annotations

from bridge.flows.ports import RecordingLaterError


class RecordingRetry(RecordingLaterError):  # noqa: N818 - it is an answer ("not now"), not a failure
    """Not now and nothing is lost: the disk is full, the folder away, the file still growing."""
