"""Fit the speech model on half of the voices and recordings, test it on the other half.

    python benchmarks/fit_speech.py --music ../shared/music --pieces FOLDER [--write]

Speech: the voices of `tests/scoring/voices.py` (espeak-ng, flite, festival). Music: the recordings
below `--music`, halved by a hash of their name, and 24 synthesised pieces (FOLDER gets them), and
24 lines sung by `catalogs/demo_music/voice.py`. Windows of 10 s; those for fitting also played
faster and slower, and with noise. `--write` writes `musqa_pipeline/scoring/speech_model.py`. `make
speech` has the synthesisers.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import soundfile
from sklearn.linear_model import LogisticRegression

from musqa_pipeline.catalogs.demo_music.catalog import write_demo_catalog
from musqa_pipeline.catalogs.demo_music.notes import Note
from musqa_pipeline.catalogs.demo_music.voice import Voice as Singer
from musqa_pipeline.core.seeds import derive_generator, unit_interval_hash
from musqa_pipeline.scoring import speech_model
from musqa_pipeline.scoring.speech import FEATURES, LARGEST_Z, speech_features
from tests.scoring.voices import FITTED, TESTED, TEXTS

WINDOW_S, HOP_S = 10.0, 5.0
SPEEDS = (0.87, 1.0, 1.15)
NOISE_DB = (None, -25.0)
STRENGTH = 0.003
"""Inverse of the penalty on coefficients."""
N_LINES = 24
HEADER = '''"""Coefficients of the speech model: made by `benchmarks/fit_speech.py`."""

from __future__ import annotations

'''


def sung_line(number: int) -> np.ndarray:
    """Ten seconds of one singer, of every third line a group."""
    rng = derive_generator("sung line", number)
    out = np.zeros(13 * 48_000)
    singer = Singer(
        tract=float(rng.choice([0.9, 1.0, 1.17, 1.3])),
        n_singers=1 if number % 3 else 5,
        vowels="aeiou",
        consonants=float(rng.uniform(0.3, 0.9)),
    )
    at_s, pitch = 0.0, int(rng.integers(45, 65))
    while at_s < 11:
        duration_s = float(rng.choice([0.2, 0.3, 0.4, 0.6, 0.9]))
        pitch = int(np.clip(pitch + rng.choice([-4, -3, -2, -1, 0, 1, 2, 3, 5]), 43, 76))
        sound = singer(Note(at_s, duration_s, float(pitch), float(rng.uniform(0.5, 0.9))), rng)
        first = round(at_s * 48_000)
        sound = sound[: len(out) - first]
        out[first : first + len(sound)] += sound
        at_s += duration_s + (rng.uniform(0.1, 0.5) if rng.uniform() < 0.2 else 0.0)
    return out[:480_000]


def sounds(music: Path, pieces: Path) -> Iterator[tuple[str, bool, bool, np.ndarray, int]]:
    """Yield name, whether speech, whether for testing, mono samples, rate."""
    for testing, voices in ((False, FITTED), (True, TESTED)):
        for voice in voices:
            for number in range(len(TEXTS[voice.language])):
                name = f"{voice.program} {voice.name}"
                yield name, True, testing, *voice.speak(number)
    listed = []
    with (music / "tracks.csv").open(encoding="utf-8-sig", newline="") as stream:
        for row in csv.DictReader(stream):
            listed.append((row["recording"], music / row["file"]))
    for path in write_demo_catalog(pieces, n_tracks=24, duration_s=20.0, seed=5):
        listed.append((path.stem, path))
    for recording, path in listed:
        samples, rate_hz = soundfile.read(path, dtype="float32", always_2d=True)
        testing = unit_interval_hash("detectors", recording) >= 0.5
        yield path.stem, False, testing, samples.mean(axis=1), rate_hz
    for number in range(N_LINES):
        yield f"sung line {number}", False, number >= N_LINES // 2, sung_line(number), 48_000


def windows(samples: np.ndarray, rate_hz: int, testing: bool) -> Iterator[np.ndarray]:
    """Features of windows; for fitting of windows played at other speeds and with noise, too."""
    size = round(WINDOW_S * rate_hz)
    hop = size if testing else round(HOP_S * rate_hz)
    rng = derive_generator("speech noise", len(samples))
    for start in range(0, max(1, len(samples) - size + 1), hop):
        part = samples[start : start + size]
        for speed in (1.0,) if testing else SPEEDS:
            for noise_db in (None,) if testing else NOISE_DB:
                noisy = part
                if noise_db is not None:
                    noise = rng.standard_normal(len(part)) * np.std(part)
                    noisy = part + noise * 10 ** (noise_db / 20)
                yield speech_features(noisy.astype(np.float32), round(speed * rate_hz))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--music", type=Path, required=True)
    parser.add_argument("--pieces", type=Path, required=True)
    parser.add_argument("--write", action="store_true")
    arguments = parser.parse_args()
    rows, speech, testing, names = [], [], [], []
    for name, is_speech, is_test, samples, rate_hz in sounds(arguments.music, arguments.pieces):
        for features in windows(samples, rate_hz, is_test):
            rows.append(features)
            speech.append(is_speech)
            testing.append(is_test)
            names.append(name)
    x, y, test, who = (np.array(v) for v in (rows, speech, testing, names))
    mean, spread = x[~test & y].mean(axis=0), x[~test & y].std(axis=0)
    z = np.clip((x - mean) / spread, -LARGEST_Z, LARGEST_Z)
    terms = np.concatenate([z, np.square(z)], axis=1)
    model = LogisticRegression(C=STRENGTH, class_weight="balanced", max_iter=10_000)
    model.fit(terms[~test], y[~test])
    weights, logits = model.coef_[0], terms @ model.coef_[0]
    # Halfway between the music that is most like speech and the speech that is least.
    bias = -0.5 * (logits[~test & ~y].max() + np.percentile(logits[~test & y], 1))
    logits = logits + bias
    for label, part in (("fitted", ~test), ("tested", test)):
        said, played = logits[part & y], logits[part & ~y]
        print(
            f"{label}: {np.sum(said >= 0)} of {len(said)} windows of speech taken for speech, "
            f"{np.sum(played >= 0)} of {len(played)} of music; least speech {said.min():.2f}, "
            f"most music {played.max():.2f} ({who[part & ~y][np.argmax(played)]})"
        )
        for voice in sorted(set(who[part & y])):
            own = logits[part & (who == voice)]
            if (own < 0).any():
                print(f"  {voice}: {np.sum(own >= 0)} of {len(own)}")
        for track in sorted(set(who[part & ~y & (logits >= 0)])):
            print(f"  {track}: {logits[who == track].max():.2f}")
    if arguments.write:
        half = len(FEATURES)
        lines = [HEADER, "# Mean and spread of speech; weights of z and of its square.\n"]
        lines.append("MODEL: dict[str, tuple[float, float, float, float]] = {\n")
        for i, name in enumerate(FEATURES):
            values = (mean[i], spread[i], weights[i], weights[half + i])
            lines.append(f'    "{name}": ({", ".join(f"{v:.5g}" for v in values)}),\n')
        lines.append(f"}}\nBIAS = {bias:.5g}\n")
        Path(speech_model.__file__).write_text("".join(lines), encoding="utf-8")


if __name__ == "__main__":
    main()
