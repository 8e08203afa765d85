"""The mixing desk: parts to a stereo bus, room and echo, compressor, limiter, noise floor.

Stereo is float64 of shape (2, samples) at 48 kHz, full scale 1.0.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import scipy
from numpy.typing import NDArray

from musqa_pipeline.audio.constants import SAMPLE_RATE_HZ
from musqa_pipeline.catalogs.demo_music.filters import high_pass, low_pass, saturate
from musqa_pipeline.catalogs.demo_music.notes import Instrument, Note
from musqa_pipeline.catalogs.demo_music.oscillators import coloured_noise, n_samples
from musqa_pipeline.catalogs.demo_music.room import Room, echo, reverberate

Stereo = NDArray[np.float64]
CEILING_DBFS = -1.0
_FRAME_SAMPLES = 480


@dataclass(frozen=True)
class Part:
    """One player or group: what, with what, how loud, from where."""

    instrument: Instrument
    notes: Sequence[Note]
    level_db: float = 0.0
    """Loudness of its louder moments, relative to the other parts."""
    pan: float = 0.0
    """-1 left to 1 right."""
    width: float = 0.0
    """How far single notes scatter around `pan`."""
    send: float = 0.3
    """Share that goes to the room."""
    echo: float = 0.0
    """Share that goes to the echo."""
    effect: Callable[[Stereo], Stereo] | None = None
    """What its bus passes through, for example an amplifier."""


@dataclass(frozen=True)
class Bus:
    """A part as it comes to the desk."""

    sound: Stereo
    """From the piece's start on."""
    send: float
    """Share that goes to the room."""
    echo: float = 0.0
    """Share that goes to the echo."""


@dataclass(frozen=True)
class Master:
    """How the mix is finished."""

    loudness_lufs: float = -16.0
    compression: float = 0.35
    """0 none, 1 every level alike."""
    noise_floor_db: float = -60.0
    """Noise of rooms, microphones and preamplifiers, relative to the loudness of the music."""
    treble_hz: float = 10_000.0
    """Where microphones, tape and air begin to take the treble away, gently (6 dB per octave)."""
    drive: float = 0.0
    """How hard loud moments push into soft saturation; 0 leaves all as it is."""
    width: float = 1.0
    """Factor of the side signal."""


def render_part(part: Part, n: int, rng: np.random.Generator) -> Stereo:
    """Play a part into a stereo bus of set loudness."""
    bus = np.zeros((2, n))
    for note in part.notes:
        start = n_samples(note.start_s) - 1
        if start >= n:
            continue
        sound = part.instrument(note, rng)[: n - start]
        place = np.clip(part.pan + part.width * rng.uniform(-1, 1), -1, 1)
        angle = (place + 1) * np.pi / 4
        bus[0, start : start + sound.size] += np.cos(angle) * sound
        bus[1, start : start + sound.size] += np.sin(angle) * sound
    if part.effect is not None:
        bus = part.effect(bus / (_loud_level(bus) * 4))
    return levelled(bus, part.level_db)


def levelled(bus: Stereo, level_db: float) -> Stereo:
    """Bring the louder moments of a bus to a level, 0 dB being an RMS of 0.25."""
    return bus * (0.25 * 10 ** (level_db / 20) / _loud_level(bus))


def _loud_level(x: Stereo) -> float:
    """90th percentile of 10 ms frame RMS, over frames that sound."""
    frames = x[:, : x.shape[1] // _FRAME_SAMPLES * _FRAME_SAMPLES]
    power = (frames**2).sum(axis=0).reshape(-1, _FRAME_SAMPLES).mean(axis=1)
    sounding = power[power > 1e-4 * power.max(initial=1e-20)]
    return float(np.sqrt(np.percentile(sounding, 90))) if sounding.size else 1.0


def mix(
    parts: Sequence[Part],
    *,
    room: Room,
    echo_s: float,
    master: Master,
    duration_s: float,
    preroll_s: float,
    rng: np.random.Generator,
) -> Stereo:
    """Play all parts together in a room and finish the mix."""
    n = n_samples(duration_s + preroll_s)
    buses = (Bus(render_part(part, n, rng), part.send, part.echo) for part in parts)
    whole = mix_buses(buses, n, room=room, echo_s=echo_s, rng=rng)
    return finish(whole[:, n_samples(preroll_s) :], master, rng)


def mix_buses(
    buses: Iterable[Bus], n: int, *, room: Room, echo_s: float, rng: np.random.Generator
) -> Stereo:
    """Sum buses of `n` samples with their room and their echo."""
    dry, to_room, to_echo = np.zeros((2, n)), np.zeros((2, n)), np.zeros((2, n))
    for bus in buses:
        dry += bus.sound
        to_room += bus.send * bus.sound
        if bus.echo:
            to_echo += bus.echo * bus.sound
    if np.any(to_echo):
        repeats = echo(to_echo, delay_s=echo_s, feedback=0.55)
        dry += repeats
        to_room += 0.3 * repeats
    return dry + reverberate(to_room, room.impulse_response(rng))


def finish(x: Stereo, master: Master, rng: np.random.Generator) -> Stereo:
    """Compress, saturate, set width and loudness, add the noise floor, limit."""
    import pyloudnorm

    x = high_pass(x, 22.0)
    x = low_pass(low_pass(x, master.treble_hz, 1), 19_500, 2)
    x = compress(x, master.compression)
    if master.drive:
        drive = master.drive / (4 * _loud_level(x))
        x = saturate(x, drive) / drive
    if master.width != 1.0:
        middle, side = x.mean(axis=0), master.width * (x[0] - x[1]) / 2
        x = np.stack([middle + side, middle - side])
    loudness = pyloudnorm.Meter(SAMPLE_RATE_HZ).integrated_loudness(x.T)
    x = x * 10 ** ((master.loudness_lufs - loudness) / 20)
    n = x.shape[1]
    shared = coloured_noise(rng, n, -4.0)  # of the room: dark
    own = rng.standard_normal((2, n))  # of preamplifiers: white
    x = x + 10 ** ((master.loudness_lufs + master.noise_floor_db) / 20) * (0.8 * shared + 0.6 * own)
    x = limit(x)
    ramp = np.ones(n)
    edge = min(n_samples(0.005), n // 2)
    ramp[:edge] = np.linspace(0, 1, edge)
    ramp[n - edge :] = ramp[:edge][::-1]
    return x * ramp


def compress(x: Stereo, amount: float) -> Stereo:
    """Make loud moments less loud, both channels alike."""
    power = scipy.ndimage.uniform_filter1d((x**2).sum(axis=0), n_samples(0.05))
    level = np.sqrt(np.maximum(power, 1e-12))
    threshold = np.percentile(level[::_FRAME_SAMPLES], 60)
    return x * np.maximum(level / threshold, 1.0) ** -amount


def limit(x: Stereo, ceiling_dbfs: float = CEILING_DBFS) -> Stereo:
    """Hold peaks below a ceiling with a gain that moves smoothly and looks ahead.

    Notes
    -----
    The gain wanted is held for a window by a moving maximum and smoothed by a mean over the same
    window; the mean of values that all allow the peak allows it too.
    """
    ceiling = 10 ** (ceiling_dbfs / 20)
    window = n_samples(0.004) | 1
    over = np.maximum(scipy.ndimage.maximum_filter1d(np.abs(x).max(axis=0), window) / ceiling, 1.0)
    return x * scipy.ndimage.uniform_filter1d(1 / over, window)
