"""Frame grids: transforms of the decoders' kind, found wherever a file was cut."""

import numpy as np
import pytest

from musqa_pipeline.scoring.origin.grid import Piece, find_grids
from musqa_pipeline.scoring.origin.transforms import AAC, AAC_SINE, MP3, OPUS, VORBIS
from musqa_pipeline.scoring.origin.verdict import HINT, PROOF
from tests.audio.music import music
from tests.scoring.scan.library import RATE_HZ, as_mp3, song


def quantised(transform, x, position):
    """Code by the MDCT of a codec alone: coefficients rounded to steps, most of them to zero."""
    hop = transform.hop
    window = _window(transform)
    padded = np.concatenate([np.zeros(2 * hop), x, np.zeros(2 * hop)]).astype(np.float32)
    out = np.zeros_like(padded)
    t = np.arange(2 * hop)[:, None] + 0.5 + hop / 2
    basis = np.cos(np.pi / hop * t * (np.arange(hop) + 0.5)) * np.sqrt(2 / hop)
    places = np.arange(position % hop + hop, len(padded) - 2 * hop, hop)
    coefficients = transform.at(padded, places)
    step = 3.0 * np.median(np.abs(coefficients), axis=0)
    coefficients = np.rint(coefficients / step) * step
    for place, frame in zip(places, coefficients, strict=True):
        out[place : place + 2 * hop] += basis @ frame * window
    return (np.rint(out[2 * hop : -2 * hop] * 32_768) / 32_768).astype(np.float32)


def _window(transform):
    """Read a window off: an impulse has coefficients of the energy of its square there."""
    n = 2 * transform.hop
    impulses = np.eye(n, dtype=np.float32).reshape(-1)
    found = transform.at(impulses, np.arange(0, n * n, n))
    return np.sqrt(np.square(found).sum(axis=1, dtype=np.float64))


def pieces_of(x, rate_hz, start=0):
    size = round(2.5 * rate_hz)
    stereo = np.stack([x, 0.7 * x], axis=1) if x.ndim == 1 else x
    return [Piece(start + at, stereo[at : at + size]) for at in range(0, len(x) - size + 1, size)]


@pytest.mark.parametrize("transform", [AAC, AAC_SINE, VORBIS], ids=["KBD", "sine", "Vorbis"])
def test_the_windows_meet_the_condition_of_princen_and_bradley(transform):
    window = _window(transform)
    half = transform.hop
    np.testing.assert_allclose(window[:half] ** 2 + window[half:] ** 2, 1.0, atol=1e-4)


def test_mp3_s_filterbank_keeps_energy():
    noise = np.random.default_rng(3).standard_normal(MP3.span + 400 * MP3.hop).astype(np.float32)
    lines = MP3.at(noise, MP3.hop * np.arange(400))
    assert np.mean(np.square(lines)) == pytest.approx(1.0, rel=0.05)


def test_a_tone_lies_on_its_line_of_mp3_s_filterbank():
    for line in (40, 200, 431):
        t = np.arange(MP3.span + MP3.hop)
        tone = np.sin(np.pi * (line + 0.5) / MP3.hop * t).astype(np.float32)
        power = np.square(MP3.at(tone, np.array([0, 100, 300]))).sum(axis=0)
        assert power[line - 1 : line + 2].sum() > 0.95 * power.sum()


@pytest.mark.parametrize("position", [0, 333])
def test_a_quantised_mdct_is_found_where_it_is(position):
    x = song(2, 12).mean(axis=1)
    [mp3, found] = find_grids(pieces_of(quantised(AAC, x, position), RATE_HZ), RATE_HZ)
    assert mp3.strength < HINT
    assert (found.position, found.strength > PROOF) == (position, True)


def test_mp3_is_found_and_named_and_a_cut_moves_its_grid():
    fake = as_mp3(song(2, 12), 192)
    [found] = find_grids(pieces_of(fake, RATE_HZ), RATE_HZ)
    assert (found.codec, found.hop) == ("MP3", 576)
    assert found.strength > PROOF
    [moved] = find_grids(pieces_of(fake[100:], RATE_HZ), RATE_HZ)
    assert moved.position == (found.position - 100) % 576
    [same] = find_grids(pieces_of(fake[100:], RATE_HZ, start=100), RATE_HZ)
    assert same.position == found.position


def test_a_change_of_level_leaves_the_grid():
    quieter = np.rint(0.37 * as_mp3(song(2, 12), 192) * 32_768) / 32_768
    [found] = find_grids(pieces_of(quieter.astype(np.float32), RATE_HZ), RATE_HZ)
    assert (found.codec, found.strength > PROOF) == ("MP3", True)


@pytest.mark.parametrize("rate_hz", [44_100, 48_000])
def test_music_that_no_codec_touched_has_no_grid(rate_hz):
    grids = find_grids(pieces_of(music(10 * rate_hz, 7), rate_hz), rate_hz)
    assert len(grids) == (3 if rate_hz in OPUS.rates_hz else 2)
    assert max(grid.strength for grid in grids) < HINT


@pytest.mark.parametrize("at", [1_010, 3_000, 100_000])
def test_a_click_in_music_that_no_codec_touched_is_no_grid(at):
    x = np.array(music(10 * 48_000, 7))
    x[at : at + 2] = 0.9
    grids = find_grids(pieces_of(x, 48_000), 48_000)
    assert max(grid.strength for grid in grids) < HINT


def test_other_rates_and_too_little_sound_have_none():
    x = music(8 * 44_100, 7)
    assert find_grids(pieces_of(x, 44_100), 96_000) == []
    assert find_grids([Piece(0, x[:2_000, None])], 44_100) == []
    assert find_grids([], 44_100) == []
