"""FluidSynth as a player: parts of notes and controllers in, their dry sound out.

FluidSynth [1]_ is a program of its own, and so is the sound font: Debian's packages ``fluidsynth``
and ``fluid-soundfont-gm`` (`make sampler`). Its reverberation and chorus are off, as every piece
gets a room of its own.

References
----------
.. [1] https://www.fluidsynth.org, "FluidSynth: software synthesizer based on the SoundFont 2
   specifications".
"""

from __future__ import annotations

import functools
import hashlib
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import mido
import numpy as np

from musqa_pipeline.audio.constants import SAMPLE_RATE_HZ
from musqa_pipeline.catalogs.demo_music.mix import Stereo
from musqa_pipeline.catalogs.demo_music.notes import Note
from musqa_pipeline.catalogs.demo_music.oscillators import n_samples
from musqa_pipeline.core.errors import CatalogError

DEFAULT_FONT = Path("/usr/share/sounds/sf2/FluidR3_GM.sf2")
"""Where Debian's package puts FluidR3 GM (MIT licence)."""
INSTALL = "install Debian's packages fluidsynth and fluid-soundfont-gm (`make sampler`)"
_TICKS_PER_S = 1_000
_RELEASE_S = 2.0
"""Rest between parts, in which the last notes die."""
_DRUMS = 9
"""General MIDI keeps channel 10 for drums; counted from 0."""
_ALL_SOUND_OFF, _EXPRESSION, _MODULATION = 120, 11, 1
SWELL_STEP_S = 0.05
"""Between two values of a swell."""
_LONGEST_S = 900.0
"""A piece takes FluidSynth seconds; a font that it cannot bear must not hold everything up."""
_GAIN = 0.3
"""Loud chords of many voices stay below full scale; the file is float anyway."""


@dataclass(frozen=True)
class Voice:
    """What a part tells the synthesiser: a program of General MIDI, its notes and its touch."""

    program: int
    """0 to 127; of a drum kit, its number."""
    notes: Sequence[Note]
    """Pitches are rounded to semitones."""
    drums: bool = False
    swell: Sequence[float] = ()
    """Loudness within the notes, 0 to 1, every 0.05 s; nothing for an even one."""
    vibrato: float = 0.0
    """0 to 1."""
    cents: float = 0.0
    """How far the player is out of tune."""


@dataclass(frozen=True)
class SoundFont:
    """A sound font that FluidSynth can play."""

    path: Path
    digest: str
    """Of the file's content."""

    @property
    def licence(self) -> str:
        """Terms of the samples, as far as we know them."""
        known = self.path.stem == DEFAULT_FONT.stem
        return "MIT (FluidR3 GM)" if known else f"of the sound font {self.path.stem}"

    def play(self, voices: Sequence[Voice], duration_s: float) -> list[Stereo]:
        """Play each voice by itself.

        Returns
        -------
        list of Stereo
            A sound of `duration_s` for each voice, at 48 kHz.
        """
        slot_s = duration_s + _RELEASE_S
        with tempfile.TemporaryDirectory(prefix="musqa-midi-") as folder:
            midi, raw = Path(folder) / "piece.mid", Path(folder) / "piece.raw"
            _score(voices, slot_s, duration_s).save(str(midi))
            _render(self.path, midi, raw)
            sound = np.fromfile(raw, "<f4").reshape(-1, 2).T.astype(np.float64)
        n, slot = n_samples(duration_s), n_samples(slot_s)
        sound = np.pad(sound, ((0, 0), (0, max(0, len(voices) * slot - sound.shape[1]))))
        return [sound[:, i * slot : i * slot + n] for i in range(len(voices))]


def open_font(path: Path | None = None) -> SoundFont:
    """Open a sound font, Debian's FluidR3 GM if none is named.

    Raises CatalogError if FluidSynth or the font is not there, or the file is no sound font.
    """
    if shutil.which("fluidsynth") is None:
        raise CatalogError(f"fluidsynth cannot be found; {INSTALL}")
    if path is None and not DEFAULT_FONT.is_file():
        raise CatalogError(f"there is no {DEFAULT_FONT}; {INSTALL}, or name a sound font")
    return _opened(path or DEFAULT_FONT)


@functools.cache
def _opened(path: Path) -> SoundFont:
    try:
        with path.open("rb") as file:
            head = file.read(12)
            file.seek(0)
            digest = hashlib.file_digest(file, "blake2b").hexdigest()[:32]
    except OSError as error:
        said = error.strerror or error
        raise CatalogError(f"cannot read the sound font {path}: {said}; name another") from error
    if head[:4] != b"RIFF" or head[8:] != b"sfbk":
        raise CatalogError(f"{path} is no sound font (.sf2); name another")
    return SoundFont(path, digest)


def _score(voices: Sequence[Voice], slot_s: float, duration_s: float) -> mido.MidiFile:
    """Write the voices one after the other, a slot each, so that one run plays them all."""
    score = mido.MidiFile(type=0, ticks_per_beat=_TICKS_PER_S)
    track = mido.MidiTrack()
    score.tracks.append(track)
    track.append(mido.MetaMessage("set_tempo", tempo=1_000_000))  # a beat is a second
    now = 0
    for number, voice in enumerate(voices):
        start = round(number * slot_s * _TICKS_PER_S)
        for at, message in sorted(_events(voice, duration_s, slot_s), key=lambda event: event[0]):
            track.append(message.copy(time=start + at - now))
            now = start + at
    track.append(mido.MetaMessage("end_of_track"))
    return score


def _events(voice: Voice, duration_s: float, slot_s: float) -> Iterator[tuple[int, mido.Message]]:
    channel = _DRUMS if voice.drums else 0
    change = functools.partial(mido.Message, "control_change", channel=channel)
    yield 0, mido.Message("program_change", channel=channel, program=voice.program)
    yield 0, mido.Message("pitchwheel", channel=channel, pitch=round(8_191 * voice.cents / 200))
    yield 0, change(control=_MODULATION, value=round(127 * voice.vibrato))
    yield 0, change(control=_EXPRESSION, value=127)
    for i, level in enumerate(voice.swell):
        at = round(i * SWELL_STEP_S * _TICKS_PER_S)
        yield at, change(control=_EXPRESSION, value=round(127 * float(np.clip(level, 0, 1))))
    for start_s, end_s, pitch, velocity in _keys(voice.notes, duration_s):
        key = {"channel": channel, "note": pitch}
        hit = max(1, round(127 * velocity))
        yield round(start_s * _TICKS_PER_S), mido.Message("note_on", velocity=hit, **key)
        yield round(end_s * _TICKS_PER_S), mido.Message("note_off", velocity=64, **key)
    yield round(slot_s * _TICKS_PER_S) - 1, change(control=_ALL_SOUND_OFF, value=0)


def _keys(notes: Sequence[Note], duration_s: float) -> Iterator[tuple[float, float, int, float]]:
    """Press keys: one that is struck again is let go just before."""
    by_pitch: dict[int, list[Note]] = {}
    for note in sorted(notes, key=lambda note: note.start_s):
        if note.start_s < duration_s:
            by_pitch.setdefault(int(np.clip(round(note.pitch), 0, 127)), []).append(note)
    for pitch, struck in by_pitch.items():
        for note, after in zip(struck, [*struck[1:], None], strict=True):
            end_s = min(note.start_s + max(note.duration_s, 0.01), duration_s)
            if after is not None:
                end_s = min(end_s, after.start_s - 0.002)
            if end_s > note.start_s:
                yield note.start_s, end_s, pitch, note.velocity


def _render(font: Path, midi: Path, raw: Path) -> None:
    command = [
        *("fluidsynth", "-n", "-i", "-q", "-R", "0", "-C", "0", "-g", str(_GAIN)),
        *("-r", str(SAMPLE_RATE_HZ), "-o", "synth.dynamic-sample-loading=1"),
        *("-o", "synth.cpu-cores=1", "-T", "raw", "-O", "float", "-F", str(raw)),
        *(str(font), str(midi)),
    ]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=_LONGEST_S
        )
    except subprocess.TimeoutExpired as error:
        raise CatalogError(
            f"fluidsynth did not end within {_LONGEST_S:.0f} s with {font}; name another font"
        ) from error
    except OSError as error:
        raise CatalogError(f"fluidsynth cannot be run ({error}); {INSTALL}") from error
    if done.returncode or not raw.is_file() or "error" in done.stderr:
        said = " ".join(done.stderr.split())[-300:] or "nothing"
        raise CatalogError(f"fluidsynth cannot play {font} (it said: {said}); name another font")
