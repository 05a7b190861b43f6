"""What may go wrong for now."""


class RecordingRetry(Exception):  # noqa: N818 - it is an answer ("not now"), not a failure
    """The recording cannot be finished now and nothing is lost: disk full, folder away, file growing. Try again later."""
