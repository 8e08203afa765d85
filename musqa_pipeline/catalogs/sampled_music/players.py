"""Who plays: programs of General MIDI, their ranges, and how such a player sounds to a microphone.

A sample is one recording of a note. What moves while music is played is added here: bows and
breath make noise, soft notes are duller than loud ones, and a microphone has a colour and a place.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.ndimage import uniform_filter1d

from musqa_pipeline.catalogs.demo_music.filters import (
    band_pass,
    high_pass,
    low_pass,
    resonances,
    swept_low_pass,
)
from musqa_pipeline.catalogs.demo_music.mix import Stereo
from musqa_pipeline.catalogs.demo_music.notes import Note
from musqa_pipeline.catalogs.demo_music.oscillators import coloured_noise, n_samples, wandering
from musqa_pipeline.catalogs.sampled_music.font import SWELL_STEP_S, Voice


@dataclass(frozen=True)
class Touch:
    """How a family of instruments is played and heard."""

    swell: float = 0.0
    """Share of the loudness that moves within the notes."""
    vibrato: float = 0.0
    noise_db: tuple[float, float] | None = None
    """Noise of the bow or the breath, relative to the sound, drawn from a range."""
    noise_hz: tuple[float, float] = (1_500.0, 9_000.0)
    softest_hz: float | None = None
    """Where the treble of the softest moments begins to fall (12 dB per octave); the loudest have
    all of it. None for electric sources."""


STRUCK = Touch(softest_hz=4_000)
PLUCKED = Touch(softest_hz=5_000)
BOWED = Touch(0.45, 0.3, (-34.0, -26.0), (2_000.0, 9_000.0), softest_hz=5_000)
BLOWN = Touch(0.35, 0.15, (-36.0, -28.0), (1_500.0, 8_000.0), softest_hz=3_500)
FLUTES = Touch(0.3, 0.2, (-28.0, -20.0), (2_000.0, 11_000.0), softest_hz=5_000)
SUNG = Touch(0.35, 0.2, (-34.0, -27.0), (3_000.0, 10_000.0), softest_hz=4_500)
PIPES = Touch(0.0, 0.0, (-40.0, -32.0), (1_000.0, 7_000.0))
ELECTRIC = Touch()


@dataclass(frozen=True)
class Player:
    """An instrument of General MIDI."""

    program: int
    """0 to 127, one less than its number in General MIDI; of a drum kit, the kit."""
    low: int
    """Lowest pitch that it plays, in semitones, 60 for the middle C."""
    high: int
    touch: Touch
    drums: bool = False


PLAYERS = {
    "piano": Player(0, 24, 103, STRUCK),
    "bright piano": Player(1, 24, 103, STRUCK),
    "electric piano": Player(4, 33, 96, ELECTRIC),
    "vibraphone": Player(11, 53, 89, STRUCK),
    "marimba": Player(12, 45, 93, STRUCK),
    "drawbar organ": Player(16, 36, 96, ELECTRIC),
    "church organ": Player(19, 36, 91, PIPES),
    "reed organ": Player(20, 36, 89, PIPES),
    "accordion": Player(21, 48, 93, BLOWN),
    "nylon guitar": Player(24, 40, 83, PLUCKED),
    "steel guitar": Player(25, 40, 86, PLUCKED),
    "jazz guitar": Player(26, 40, 83, ELECTRIC),
    "clean guitar": Player(27, 40, 86, ELECTRIC),
    "overdriven guitar": Player(29, 40, 86, ELECTRIC),
    "distorted guitar": Player(30, 40, 83, ELECTRIC),
    "double bass": Player(32, 28, 60, PLUCKED),
    "bass guitar": Player(33, 28, 62, ELECTRIC),
    "synth bass": Player(38, 28, 62, ELECTRIC),
    "violin": Player(40, 55, 95, BOWED),
    "viola": Player(41, 48, 84, BOWED),
    "cello": Player(42, 36, 72, BOWED),
    "bowed bass": Player(43, 28, 55, BOWED),
    "harp": Player(46, 31, 98, PLUCKED),
    "timpani": Player(47, 38, 57, STRUCK),
    "strings": Player(48, 36, 91, BOWED),
    "slow strings": Player(49, 36, 88, BOWED),
    "choir aahs": Player(52, 43, 79, SUNG),
    "voice oohs": Player(53, 43, 79, SUNG),
    "trumpet": Player(56, 54, 84, BLOWN),
    "trombone": Player(57, 40, 70, BLOWN),
    "tuba": Player(58, 28, 53, BLOWN),
    "muted trumpet": Player(59, 54, 82, BLOWN),
    "french horn": Player(60, 41, 74, BLOWN),
    "brass section": Player(61, 43, 82, BLOWN),
    "alto saxophone": Player(65, 49, 80, BLOWN),
    "tenor saxophone": Player(66, 44, 75, BLOWN),
    "oboe": Player(68, 58, 91, BLOWN),
    "english horn": Player(69, 52, 81, BLOWN),
    "bassoon": Player(70, 34, 70, BLOWN),
    "clarinet": Player(71, 50, 89, BLOWN),
    "flute": Player(73, 60, 96, FLUTES),
    "recorder": Player(74, 60, 93, FLUTES),
    "pan flute": Player(75, 60, 89, FLUTES),
    "ocarina": Player(79, 60, 86, FLUTES),
    "square lead": Player(80, 48, 90, ELECTRIC),
    "saw lead": Player(81, 48, 90, ELECTRIC),
    "new age pad": Player(88, 36, 84, ELECTRIC),
    "warm pad": Player(89, 36, 84, ELECTRIC),
    "polysynth": Player(90, 40, 88, ELECTRIC),
    "choir pad": Player(91, 40, 84, ELECTRIC),
    "bowed pad": Player(92, 40, 84, ELECTRIC),
    "sweep pad": Player(95, 36, 84, ELECTRIC),
    "ice rain": Player(96, 36, 84, ELECTRIC),
    "crystal": Player(98, 36, 84, ELECTRIC),
    "atmosphere": Player(99, 36, 84, ELECTRIC),
    "goblin": Player(101, 36, 84, ELECTRIC),
    "echo drops": Player(102, 36, 84, ELECTRIC),
    "sitar": Player(104, 45, 81, PLUCKED),
    "banjo": Player(105, 48, 86, PLUCKED),
    "kalimba": Player(108, 52, 88, PLUCKED),
    "steel drums": Player(114, 52, 84, STRUCK),
    "breath": Player(121, 48, 72, ELECTRIC),
    "seashore": Player(122, 48, 72, ELECTRIC),
    "birds": Player(123, 48, 72, ELECTRIC),
    "helicopter": Player(125, 48, 72, ELECTRIC),
    "applause": Player(126, 48, 72, ELECTRIC),
    "standard kit": Player(0, 27, 87, STRUCK, drums=True),
    "room kit": Player(8, 27, 87, STRUCK, drums=True),
    "power kit": Player(16, 27, 87, STRUCK, drums=True),
    "electronic kit": Player(24, 27, 87, ELECTRIC, drums=True),
    "brush kit": Player(40, 27, 87, STRUCK, drums=True),
    "orchestra kit": Player(48, 27, 87, STRUCK, drums=True),
}
"""Names are those of General MIDI, or plainer ones; ranges those of players, not of samples."""
DRUM_KEYS = {
    "kick": 36, "snare": 38, "clap": 39, "closed hat": 42, "low tom": 45, "open hat": 46,
    "crash": 49, "high tom": 50, "ride": 51, "tambourine": 54, "cowbell": 56, "high bongo": 60,
    "low bongo": 61, "high conga": 63, "low conga": 64, "high timbale": 65, "low timbale": 66,
    "shaker": 70, "guiro": 73, "claves": 75, "high wood block": 76, "low wood block": 77,
    "triangle": 81, "castanets": 85,
}  # fmt: skip
"""Keys of a drum kit; castanets are of General MIDI level 2."""


@dataclass(frozen=True)
class Seat:
    """One player or group in a piece."""

    player: str
    notes: Sequence[Note]
    level_db: float = 0.0
    """Loudness of its louder moments, relative to the others."""
    pan: float = 0.0
    """-1 left to 1 right."""
    send: float = 0.3
    """Share that goes to the room."""
    echo: float = 0.0
    effect: Callable[[Stereo], Stereo] | None = None
    """What it passes through, for example an amplifier."""


def voice(seat: Seat, duration_s: float, rng: np.random.Generator) -> Voice:
    """Say what a seat plays, within the player's range and with the player's touch."""
    player = PLAYERS[seat.player]
    swell: tuple[float, ...] = ()
    if player.touch.swell:
        n = n_samples(duration_s)
        moving = 1 / (1 + np.exp(-1.5 * wandering(rng, n, 0.8)))[:: n_samples(SWELL_STEP_S)]
        swell = tuple(1 - player.touch.swell * (1 - moving))
    return Voice(
        program=player.program,
        notes=seat.notes if player.drums else [_in_range(note, player) for note in seat.notes],
        drums=player.drums,
        swell=swell,
        vibrato=player.touch.vibrato,
        cents=float(rng.normal(0, 4)),
    )


def _in_range(note: Note, player: Player) -> Note:
    pitch = round(note.pitch)
    while pitch < player.low:
        pitch += 12
    while pitch > player.high:
        pitch -= 12
    return replace(note, pitch=pitch)


def record(sound: Stereo, seat: Seat, rng: np.random.Generator) -> Stereo:
    """Put a microphone before a player: what moves with the playing, then colour and place."""
    touch = PLAYERS[seat.player].touch
    if touch.noise_db is not None:
        sound = sound + _noise_of_playing(sound, touch, rng)
    if touch.softest_hz is not None:
        sound = _duller_when_soft(sound, touch.softest_hz)
    if seat.effect is not None:
        peak = max(float(np.abs(sound).max()), 1e-9)
        sound = seat.effect(sound * (0.5 / peak))
    angle = (seat.pan + 1) * np.pi / 4
    return _microphone(sound, rng) * (np.sqrt(2) * np.array([[np.cos(angle)], [np.sin(angle)]]))


def _noise_of_playing(sound: Stereo, touch: Touch, rng: np.random.Generator) -> Stereo:
    """Return noise that follows the sound's level and bursts a little when it rises."""
    assert touch.noise_db is not None
    level = _level(sound)
    rise = np.maximum(np.gradient(level), 0)
    rise *= level.max() / max(float(rise.max()), 1e-12)
    n = sound.shape[1]
    noise = band_pass(coloured_noise(rng, n, -1.5), *touch.noise_hz)
    noise *= 1 + 0.2 * wandering(rng, n, 9.0)
    noise /= max(float(noise.std()), 1e-12)
    return (
        10 ** (rng.uniform(*touch.noise_db) / 20) * (level + 0.5 * rise) * noise * np.ones((2, 1))
    )


def _duller_when_soft(sound: Stereo, softest_hz: float) -> Stereo:
    level = _level(sound)
    loudest = max(float(np.percentile(level, 98)), 1e-9)
    share = np.clip(20 * np.log10(np.maximum(level / loudest, 1e-4)) / 30 + 1, 0, 1)
    cutoff_hz = softest_hz * (20_000 / softest_hz) ** share
    return np.stack([swept_low_pass(channel, cutoff_hz, 0.707) for channel in sound])


def _level(sound: Stereo) -> np.ndarray:
    """Return the level over 40 ms, of both channels together, shape (n_samples,)."""
    power = uniform_filter1d((sound**2).mean(axis=0), n_samples(0.04))
    return np.sqrt(np.maximum(power, 0))


def _microphone(sound: Stereo, rng: np.random.Generator) -> Stereo:
    """Colour a sound: a low cut, a presence peak, and where its treble ends."""
    sound = low_pass(high_pass(sound, rng.uniform(25, 70)), rng.uniform(14_000, 21_000), 1)
    peak_hz, gain = float(rng.uniform(2_500, 9_000)), float(rng.uniform(-0.2, 0.5))
    return sound + np.stack([resonances(x, (peak_hz,), (gain,), 0.9) for x in sound])
