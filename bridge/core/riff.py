"""The header of a WAV file, read from its first bytes.

Asterisk fills in the sizes only when it closes a file, so a header may promise nothing, or more than there is.
Whom to believe is the caller's choice: `declared` is what the header says, `available` what the file's length leaves.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

HEADER_BYTES = 44  #: of the plain header that Asterisk writes
NO_AUDIO_BYTES = HEADER_BYTES + 1  #: a file of up to this size has not one 16-bit sample
PCM = 1
_EXTENSIBLE = 0xFFFE


@dataclass(frozen=True, slots=True)
class WaveHeader:
    """`tag` is the codec (1 = PCM). `offset`, where the audio begins, `declared` and `available` are bytes."""

    tag: int
    channels: int
    rate: int
    bits: int
    offset: int
    declared: int
    available: int


def parse_wave(head: bytes, size: int) -> WaveHeader:
    """The header in `head`, the first bytes of a file of `size` bytes.

    Raises ValueError, with a phrase for people, if this is no WAV file or its audio begins beyond `head`.
    """
    if head[:4] != b"RIFF" or head[8:12] != b"WAVE":
        raise ValueError("not a WAV file")
    form: tuple[int, int, int, int] | None = None
    at = 12
    while at + 8 <= len(head):
        name, length = struct.unpack_from("<4sI", head, at)
        at += 8
        if name == b"fmt " and length >= 16 and at + 16 <= len(head):
            tag, channels, rate, bits = struct.unpack_from("<HHI6xH", head, at)
            if tag == _EXTENSIBLE and length >= 26 and at + 26 <= len(head):
                (tag,) = struct.unpack_from("<H", head, at + 24)
            form = (tag, channels, rate, bits)
        elif name == b"data":
            if form is None:
                raise ValueError("a WAV file that does not say its format")
            return WaveHeader(*form, offset=at, declared=length, available=max(0, size - at))
        at += length + length % 2
    raise ValueError("a WAV file without audio")
