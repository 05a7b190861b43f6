"""Making any audio fit for the telephone: rate, loudness, form. Samples are float64, 1.0 = full scale."""

from __future__ import annotations

from math import ceil, gcd
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Samples: TypeAlias = npt.NDArray[np.float64]

LOUDNESS = -18.0  #: dBFS, root mean square of the parts that are not silence
CEILING = -1.0  #: dBFS, no sample goes above
LEAD_IN = 0.15  #: seconds of silence before the first word: phones and codecs swallow the first moments
_SILENCE = -90.0  #: dBFS: below the last of 16 bits
_CROSSINGS = 64  #: of the sinc on each side: a transition band of a tenth of the cutoff at -100 dB
_BETA = 10.0  #: of the Kaiser window
_CHUNK = 4096


def telephone(samples: Samples, rate: int, target: int) -> bytes:
    """Audio as Asterisk plays it: `target` samples per second, 16 bit, at an even loudness, after a short silence."""
    shaped = level(resample(samples, rate, target), target)
    whole = np.concatenate([np.zeros(round(LEAD_IN * target)), shaped])
    return np.clip(np.round(whole * 32767), -32768, 32767).astype("<i2").tobytes()


def resample(samples: Samples, rate: int, target: int) -> Samples:
    """Change the rate by a windowed sinc, without aliases: what the new rate cannot carry is gone, the rest is untouched."""
    if rate == target or len(samples) == 0:
        return samples
    common = gcd(rate, target)
    step, phases = rate // common, target // common
    cutoff = 0.475 * min(1.0, target / rate)  # cycles per old sample
    half = ceil(_CROSSINGS / (2 * cutoff))
    taps = np.arange(-half + 1, half + 1)
    distance = taps[None, :] - (np.arange(phases) / phases)[:, None]
    window = np.i0(_BETA * np.sqrt(np.maximum(0.0, 1 - (distance / half) ** 2)))
    kernels = np.sinc(2 * cutoff * distance) * window
    kernels /= kernels.sum(axis=1, keepdims=True)
    padded = np.concatenate([np.zeros(half), samples, np.zeros(half + 1)])
    count = ceil(len(samples) * target / rate)
    result = np.empty(count)
    for first in range(0, count, _CHUNK):
        places = np.arange(first, min(first + _CHUNK, count)) * step
        around = (places // phases)[:, None] + taps[None, :] + half
        result[first : first + len(places)] = np.einsum("ij,ij->i", kernels[places % phases], padded[around])
    return result


def loudness(samples: Samples, rate: int) -> float:
    """dBFS of the parts that are not silence (20 ms frames within 40 dB of the loudest); -inf for silence."""
    size = rate // 50
    whole = np.pad(samples, (0, -len(samples) % size))
    frames = np.mean(whole.reshape(-1, size) ** 2, axis=1)
    loud = frames[frames > frames.max(initial=0.0) * 1e-4]
    return float(10 * np.log10(loud.mean())) if len(loud) else float("-inf")


def level(samples: Samples, rate: int) -> Samples:
    """Bring the loudness to LOUDNESS; peaks are bent down smoothly over 10 ms, never cut off. Silence stays silence."""
    found = loudness(samples, rate)
    if found < _SILENCE:
        return samples
    loud = samples * 10 ** ((LOUDNESS - found) / 20)
    top = 10 ** (CEILING / 20)
    wanted = np.minimum(1.0, top / np.maximum(np.abs(loud), 1e-9))
    if wanted.min() == 1.0:
        return loud
    # The least gain within reach of each sample, then a mean over the same reach: smooth, and nowhere above what is wanted.
    reach = rate // 200
    held = np.lib.stride_tricks.sliding_window_view(np.pad(wanted, 2 * reach, constant_values=1.0), 2 * reach + 1).min(
        axis=1
    )
    smooth = np.convolve(held, np.full(2 * reach + 1, 1 / (2 * reach + 1)), "valid")
    bent: Samples = loud * smooth
    return bent
