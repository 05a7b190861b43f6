from pathlib import Path

import numpy as np
import pytest
from lab import tones


def test_every_alaw_code_survives_decoding_and_encoding():
    codes = bytes(range(256))
    assert tones.encode_alaw(tones.decode_alaw(codes)) == codes


def test_alaw_of_known_values():
    # ITU-T G.711, table 1a: the smallest and the largest of each sign
    assert (tones.decode_alaw(bytes([0xD5, 0x55, 0xAA, 0x2A])) * 32768).tolist() == [8, -8, 32256, -32256]


def test_ulaw_of_known_values():
    assert (tones.decode_ulaw(bytes([0xFF, 0x7F, 0x80, 0x00])) * 32768).tolist() == [0, 0, 32124, -32124]


def test_alaw_takes_the_nearest_code():
    samples = np.linspace(-1, 1, 4001)
    heard = tones.decode_alaw(tones.encode_alaw(samples))
    worst = np.max(np.abs(np.subtract.outer(samples[::40], tones.ALAW / 32768.0)).min(axis=1))
    assert np.max(np.abs(heard[::40] - samples[::40])) == pytest.approx(worst)


def test_purity_of_a_tone_a_mix_noise_and_silence():
    pure = tones.decode_alaw(tones.encode_alaw(tones.tone(440, 1.0)))
    other = tones.tone(1000, 1.0)
    noise = np.random.default_rng(1).normal(0, 0.1, 8000)
    assert tones.purity(pure, 8000, 440) > 0.99
    assert tones.purity(pure, 8000, 1000) < 0.001
    assert tones.purity(pure + other, 8000, 440) == pytest.approx(0.5, abs=0.02)
    assert tones.purity(noise, 8000, 440) < 0.02
    assert tones.purity(np.zeros(8000), 8000, 440) == 0.0
    assert tones.purity(np.zeros(0), 8000, 440) == 0.0


def test_windows_find_where_a_tone_begins():
    samples = np.concatenate([np.zeros(8000), tones.tone(440, 1.0)])
    assert (tones.windows(samples, 8000, 440) > 0.9).tolist() == [False] * 5 + [True] * 5


def test_wav_files_come_back(tmp_path: Path):
    tones.write_wav(tmp_path / "a.wav", tones.tone(440, 0.5))
    rate, channels = tones.read_wav(tmp_path / "a.wav")
    assert rate == 8000
    assert len(channels) == 1
    assert tones.purity(channels[0], rate, 440) > 0.999
