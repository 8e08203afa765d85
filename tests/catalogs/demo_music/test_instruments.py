import numpy as np
import pytest

from musqa_pipeline.catalogs.demo_music import (
    bowed,
    electronic,
    percussion,
    plucked,
    struck,
    texture,
    winds,
)
from musqa_pipeline.catalogs.demo_music.notes import Note
from musqa_pipeline.catalogs.demo_music.voice import Voice

CHANCE = np.random.default_rng(11)
PITCHED = {
    "nylon guitar": plucked.nylon_guitar(CHANCE),
    "steel guitar": plucked.steel_guitar(CHANCE),
    "electric guitar": plucked.electric_guitar(CHANCE),
    "harp": plucked.harp(CHANCE),
    "double bass": plucked.double_bass(CHANCE),
    "slap bass": plucked.SlapBass(),
    "piano": struck.Piano(),
    "electric piano": struck.ElectricPiano(),
    "kalimba": struck.KALIMBA,
    "marimba": struck.MARIMBA,
    "vibraphone": struck.VIBRAPHONE,
    "glockenspiel": struck.GLOCKENSPIEL,
    "violin": bowed.BowedString(),
    "violins": bowed.section(1.0, 3),
    "brass": winds.Brass(),
    "flute": winds.Flute(),
    "voice": Voice(consonants=0.0),
    "choir": Voice(n_singers=3, consonants=0.0),
    "synthesiser": electronic.Synth(),
    "pulse lead": electronic.Synth(pulse=0.5, n_oscillators=3),
    "pad": electronic.Pad(),
    "drone": electronic.Drone(),
}
UNPITCHED = {
    "kick": percussion.Kick(),
    "snare": percussion.Snare(),
    "brush": percussion.Brush(),
    "hi-hat": percussion.Cymbal(decay_s=0.05, low_hz=5_000),
    "ride": percussion.Cymbal(decay_s=0.6, low_hz=500, ping_hz=2_500),
    "drum": percussion.Membrane(),
    "shaker": percussion.Shaker(),
    "tambourine": percussion.Shaker(jingle=1.0),
    "clap": percussion.Clap(),
    "block": percussion.Block(),
    "organ": struck.Organ(),
    "bell": struck.BELL,
    "wind": texture.Wind(),
    "rain": texture.Rain(),
    "grains": texture.Grains(),
}


def play(instrument, *, pitch=57.0, velocity=0.7, seed=5):
    return instrument(Note(0.0, 0.8, pitch, velocity), np.random.default_rng(seed))


def comb_strength(sound, f0):
    """Share of the power within 1.5 % of a harmonic of f0, over the share that chance gives."""
    power = np.abs(np.fft.rfft(sound * np.hanning(sound.size), 1 << 17)) ** 2
    f = np.fft.rfftfreq(1 << 17, 1 / 48_000)
    use = (f > 0.6 * f0) & (f < 12 * f0)
    near = np.abs(f / f0 - np.round(f / f0)) < 0.015 * np.maximum(np.round(f / f0), 1)
    return power[use & near].sum() / power[use].sum() / np.mean(near[use])


@pytest.mark.parametrize("name", PITCHED)
@pytest.mark.parametrize("pitch", [45.0, 64.0])
def test_an_instrument_sounds_the_pitch_that_is_written(name, pitch):
    sound = play(PITCHED[name], pitch=pitch)
    f0 = 440 * 2 ** ((pitch - 69) / 12)
    right = comb_strength(sound, f0)
    # A comb a fourth of a tone off, or on a tritone, must catch clearly less.
    wrong = [comb_strength(sound, f0 * 2 ** (cents / 1200)) for cents in (-50, 50, 600)]
    assert right > 1.5 * max(wrong)


@pytest.mark.parametrize("name", [*PITCHED, *UNPITCHED])
def test_the_same_note_and_seed_give_the_same_samples_and_another_seed_does_not(name):
    instrument = {**PITCHED, **UNPITCHED}[name]
    first, second, other = play(instrument), play(instrument), play(instrument, seed=6)
    np.testing.assert_array_equal(first, second)
    assert first.shape != other.shape or not np.array_equal(first, other)


@pytest.mark.parametrize("name", [*PITCHED, *UNPITCHED])
def test_a_note_begins_and_ends_without_a_click_and_is_loud_enough_to_hear(name):
    sound = play({**PITCHED, **UNPITCHED}[name])
    peak = np.abs(sound).max()
    assert np.all(np.isfinite(sound))
    assert 0.02 < peak < 30
    assert abs(sound[0]) < 0.02 * peak
    assert np.abs(sound[-3:]).max() < 0.02 * peak


@pytest.mark.parametrize("name", [*PITCHED, *UNPITCHED])
def test_a_harder_stroke_is_louder(name):
    instrument = {**PITCHED, **UNPITCHED}[name]
    soft, hard = (np.sum(play(instrument, velocity=v) ** 2) for v in (0.3, 0.9))
    assert hard > 2 * soft


@pytest.mark.parametrize("name", ["piano", "steel guitar", "snare", "brass", "bell"])
def test_a_harder_stroke_is_brighter(name):
    def centroid(sound):
        power = np.abs(np.fft.rfft(sound)) ** 2
        return np.sum(power * np.fft.rfftfreq(sound.size, 1 / 48_000)) / np.sum(power)

    instrument = {**PITCHED, **UNPITCHED}[name]
    soft, hard = (centroid(play(instrument, velocity=v)) for v in (0.3, 0.95))
    assert hard > 1.1 * soft


def test_a_plucked_string_lacks_the_harmonics_with_a_node_where_it_is_plucked():
    string = plucked.PluckedString(place=0.5, noise=0.0, body_hz=(), body_gains=(), stiffness=0.0)

    class Even:  # a generator that puts the finger exactly in the middle
        def __getattr__(self, name):
            return getattr(np.random.default_rng(0), name)

        def uniform(self, low, high):
            return 1.0

    sound = string(Note(0.0, 1.0, 69.0, 0.7), Even())
    power = np.abs(np.fft.rfft(sound * np.hanning(sound.size), 480_000)) ** 2
    level = [power[int(4_400 * k) - 20 : int(4_400 * k) + 20].max() for k in range(1, 6)]
    assert level[1] < 1e-4 * level[0]
    assert level[3] < 1e-4 * level[2]
