import numpy as np
import pyloudnorm
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from musqa_pipeline.catalogs.demo_music import mix
from musqa_pipeline.catalogs.demo_music.kit import amplifier
from musqa_pipeline.catalogs.demo_music.notes import Note
from musqa_pipeline.catalogs.demo_music.room import Room, echo, reverberate


class Beep:
    """A steady tone, as long as the note."""

    def __call__(self, note, rng):
        n = round(note.duration_s * 48_000)
        return note.velocity * np.sin(2 * np.pi * note.frequency_hz / 48_000 * np.arange(n))


def noise(seed, n=48_000, level=0.1):
    return level * np.random.default_rng(seed).standard_normal((2, n))


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 99), gain_db=st.floats(-10, 30), ceiling_dbfs=st.floats(-12, -0.5))
def test_the_limiter_holds_every_peak_and_leaves_quiet_music_alone(seed, gain_db, ceiling_dbfs):
    x = noise(seed, 4_800) * 10 ** (gain_db / 20)
    limited = mix.limit(x, ceiling_dbfs)
    ceiling = 10 ** (ceiling_dbfs / 20)
    assert np.abs(limited).max() <= ceiling * (1 + 1e-12)
    assert np.all(np.sign(limited) == np.sign(x))
    if np.abs(x).max() <= ceiling:
        np.testing.assert_allclose(limited, x, rtol=1e-12)


def test_the_limiter_turns_the_gain_before_the_peak_and_not_by_a_jump():
    x = np.full((2, 4_800), 0.2)
    x[:, 2_400] = 5.0
    gain = (mix.limit(x) / x)[0]
    assert gain[2_350] < 0.9
    assert np.abs(np.diff(gain)).max() < 0.02
    assert gain[0] == gain[-1] == 1.0


def test_the_compressor_brings_loud_and_soft_closer_by_its_amount():
    x = noise(0, 96_000)
    x[:, 30_000:] *= 0.1
    for amount in (0.0, 0.5):
        y = mix.compress(x, amount)
        loud, soft = (np.std(part) for part in (y[:, 5_000:25_000], y[:, 60_000:]))
        assert loud / soft == pytest.approx(10 ** (1 - amount), rel=0.15)


def test_a_part_is_as_loud_as_its_level_says_and_stands_where_it_is_panned():
    notes = [Note(0.0, 0.5, 69.0, 0.2), Note(0.6, 0.3, 76.0, 0.2)]
    rng = np.random.default_rng(0)
    loud, soft = (
        mix.render_part(mix.Part(Beep(), notes, level_db=level, pan=-1.0), 48_000, rng)
        for level in (0.0, -6.0)
    )
    np.testing.assert_allclose(soft, loud * 10 ** (-6 / 20), rtol=1e-9)
    assert np.abs(loud[1]).max() < 1e-12
    assert np.sqrt(np.mean(loud[0, 4_800:19_200] ** 2)) == pytest.approx(0.25, rel=0.02)


def test_notes_beyond_the_end_are_cut_and_not_wrapped():
    notes = [Note(0.9, 5.0), Note(2.0, 1.0)]
    bus = mix.render_part(mix.Part(Beep(), notes), 48_000, np.random.default_rng(0))
    assert bus.shape == (2, 48_000)
    assert np.abs(bus[:, :43_000]).max() == 0


def test_a_finished_mix_has_the_loudness_and_the_noise_floor_that_were_set():
    music = np.zeros((2, 96_000))
    music[:, :48_000] = noise(4)
    master = mix.Master(loudness_lufs=-20.0, compression=0.0, noise_floor_db=-50.0)
    done = mix.finish(music, master, np.random.default_rng(1))
    assert pyloudnorm.Meter(48_000).integrated_loudness(done.T) == pytest.approx(-20, abs=0.2)
    floor_db = 20 * np.log10(np.std(done[:, 60_000:95_000]))
    assert floor_db == pytest.approx(-70, abs=1.0)


def test_a_driven_master_is_denser_and_an_undriven_one_as_it_was():
    music = np.zeros((2, 96_000))
    music[0] = music[1] = 0.3 * np.sin(2 * np.pi * 220 / 48_000 * np.arange(96_000))
    plain, driven = (
        mix.finish(
            music,
            mix.Master(compression=0.0, noise_floor_db=-120.0, drive=drive),
            np.random.default_rng(0),
        )[0, 24_000:72_000]
        for drive in (0.0, 3.0)
    )
    thirds = [np.abs(np.fft.rfft(x))[660] / np.abs(np.fft.rfft(x))[220] for x in (plain, driven)]
    assert thirds[0] < 1e-4
    assert thirds[1] > 0.01
    assert np.abs(driven).max() / np.std(driven) < np.abs(plain).max() / np.std(plain)


def test_width_scales_the_side_and_leaves_the_middle():
    music = noise(7, 96_000)
    wide, plain, mono = (
        mix.finish(
            music,
            mix.Master(compression=0.0, noise_floor_db=-120.0, width=width),
            np.random.default_rng(0),
        )
        for width in (2.0, 1.0, 0.0)
    )

    def side_over_middle(x):
        return np.std(x[0] - x[1]) / np.std(x[0] + x[1])

    assert side_over_middle(wide) == pytest.approx(2 * side_over_middle(plain), rel=0.01)
    assert side_over_middle(mono) < 1e-3


def test_a_room_dies_by_60_db_in_its_time_and_the_treble_first():
    response = Room(reverberation_s=0.8, damping=0.6).impulse_response(np.random.default_rng(2))
    assert response.shape[0] == 2
    assert np.sum(response**2) == pytest.approx(2.0)
    spectrum = np.fft.rfft(response[0])
    f = np.fft.rfftfreq(response.shape[1], 1 / 48_000)
    times = []
    for low, high in ((300, 900), (10_000, 20_000)):
        band = np.fft.irfft(np.where((f > low) & (f < high), spectrum, 0), response.shape[1])
        energy = 10 * np.log10(np.cumsum(band[::-1] ** 2)[::-1] / np.sum(band**2))
        fall = [np.argmax(energy < level) / 48_000 for level in (-5, -25)]
        times.append(3 * (fall[1] - fall[0]))
    assert times[0] == pytest.approx(0.8, rel=0.2)
    assert times[1] < 0.6 * times[0]


def test_left_and_right_of_a_room_are_different_walls():
    response = Room(reverberation_s=0.5).impulse_response(np.random.default_rng(2))
    assert abs(np.corrcoef(response)[0, 1]) < 0.15


def test_reverberation_is_convolution_and_keeps_the_length():
    response = np.zeros((2, 100))
    response[0, 30] = 1.0
    dry = noise(5, 500)
    wet = reverberate(dry, response)
    assert wet.shape == dry.shape
    np.testing.assert_allclose(wet[0, 30:], 0.8 * dry[0, :-30] + 0.2 * dry[1, :-30], atol=1e-12)
    np.testing.assert_allclose(wet[1], 0, atol=1e-12)


def test_echoes_come_at_their_time_change_sides_and_grow_faint():
    dry = np.zeros((2, 48_000))
    dry[0, :2_000] = noise(6, 2_000)[0]
    out = echo(dry, delay_s=0.2, feedback=0.5, repeats=3)
    power = (out**2).reshape(2, 5, 9_600).sum(axis=2)
    assert power[:, 0].max() == 0
    assert power[0, 1] == 0
    assert power[1, 1] > 3 * power[0, 2] > 0
    np.testing.assert_allclose(power[:, 4], 0, atol=1e-12)


def test_an_amplifier_adds_harmonics_and_its_cabinet_takes_the_fizz_away():
    t = np.arange(48_000) / 48_000
    tone = 0.3 * np.sin(2 * np.pi * 220 * t)
    spectrum = np.abs(np.fft.rfft(amplifier(15, 5_000)(np.stack([tone, tone]))[0]))
    assert spectrum[660] > 0.05 * spectrum[220]
    assert spectrum[12_000:].max() < 1e-3 * spectrum[220]
