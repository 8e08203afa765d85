"""A checkout of its own for tests that run the whole graph: real commands, a tiny preset."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import soundfile

from musqa_pipeline.core.seeds import derive_generator
from musqa_pipeline.core.settings.preset import Preset, load_preset
from musqa_pipeline.stages.engine.context import Context
from musqa_pipeline.stages.graph import catalog_context, joint_context
from musqa_pipeline.storage.lake.lake import Lake
from tests import ROOT
from tests.drill.zygote import Run, run_musqa, shared_zygote

CATALOG = "tiny"
N_TRACKS = 6
PRESET = """
catalogs = ["tiny"]
[degradations]
singles = [3, 42]
n_cascades = 1
[dataset]
size = 12
n_bins = 3
natural_rows = 6
[opinions]
metric = "zimtohrli"
[spectrograms]
rows_per_group = 1
rows_per_shard = 2
[models]
batch_size = 4
max_epochs = 3
learning_rate = 1e-4
[protocols.repetitions]
mean = 1
[evaluation]
n_bootstrap = 100
n_worst = 1
[promotion]
network = "cnn1d"
"""


NOTE_S = 2.0
"""After this time a note is below the last bit of the files."""


@cache
def _note(semitone: int, sample_rate_hz: int) -> np.ndarray:
    """A struck tone of eleven harmonics, float64."""
    t = np.arange(round(NOTE_S * sample_rate_hz)) / sample_rate_hz
    phase = 2 * np.pi * 110 * 2 ** (semitone / 12) * t
    return np.exp(-6 * t) * sum(np.sin(k * phase) / k for k in range(1, 12))


def compose(index: int, duration_s: float = 11.0, sample_rate_hz: int = 48_000) -> np.ndarray:
    """Struck tones over a bed of full-band noise: stereo, float32 (samples, 2)."""
    rng = derive_generator("tests", index)
    t = np.arange(round(duration_s * sample_rate_hz)) / sample_rate_hz
    music = np.zeros_like(t)
    for beat_s in np.arange(0, duration_s, 0.25):
        note = _note(int(rng.integers(0, 48)), sample_rate_hz)
        rest = music[round(beat_s * sample_rate_hz) :]
        rest[: len(note)] += note[: len(rest)]
    noise = rng.standard_normal((len(t), 2)) * (0.02 + 0.02 * index)
    stereo = 0.05 * music[:, None] + noise * (0.3 + 0.7 * (np.sin(2 * np.pi * 2 * t) > 0))[:, None]
    return (0.4 * stereo / np.abs(stereo).max()).astype(np.float32)


def write_music(folder: Path, n_tracks: int = N_TRACKS) -> Path:
    """Write the tiny catalog: `n_tracks` pieces, two of them for test."""
    folder.mkdir(parents=True)
    lines = ["file,recording,genre,role,tier"]
    for index in range(n_tracks):
        name = f"piece {index}.flac"
        soundfile.write(folder / name, compose(index), 48_000, subtype="PCM_16")
        role = "test" if index % 3 == 0 else "train"
        lines.append(f"{name},song {index},tones,{role},made")
    (folder / "tracks.csv").write_text("\n".join(lines) + "\n")
    return folder


@dataclass
class Checkout:
    """A folder that musqa takes for its checkout, with a lake of its own."""

    root: Path
    first_run: subprocess.CompletedProcess[str] | None = None
    reader_output: tuple[str, str] = ("", "")
    """Standard output and error of the process that queried during the first run."""

    @classmethod
    def make(cls, root: Path, music: Path) -> Checkout:
        """Lay out the checkout and add the catalog."""
        root.mkdir()
        for name in ("dagster.yaml", "workspace.yaml", ".env"):
            shutil.copy(ROOT / name, root / name)
        (root / "tiny.toml").write_text(PRESET)
        checkout = cls(root)
        checkout.musqa("catalog", "add", str(music), "--name", CATALOG)
        return checkout

    @property
    def environment(self) -> dict[str, str]:
        """The environment of its commands."""
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("MUSQA", "DAGSTER"))}
        return {
            **kept,
            "MUSQA_PROJECT": str(self.root),
            "MUSQA_PRESET": str(self.root / "tiny.toml"),
            "MUSQA_WORKERS": "1",
            "DAGSTER_HOME": str(self.root),
            "PWD": str(self.root),  # which `.env` takes for DAGSTER_HOME
            "PYTHONPATH": str(ROOT),
            "OMP_NUM_THREADS": "1",
        }

    @property
    def home(self) -> Path:
        """Its MUSQA_HOME."""
        return self.root / "data"

    @property
    def lake(self) -> Lake:
        """Its lake."""
        return Lake(self.home)

    @property
    def preset(self) -> Preset:
        """The tiny preset."""
        return load_preset(self.root / "tiny.toml")

    def context(self, *, joint: bool = False) -> Context:
        """The context of its catalog, or of the joint stages."""
        if joint:
            return joint_context(self.home, self.preset)
        return catalog_context(self.home, self.preset, CATALOG)

    def musqa(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run a `musqa` command in a process of its own and wait for it."""
        finished = run_musqa(*arguments, cwd=self.root, environment=self.environment)
        if check and finished.returncode:
            raise AssertionError(
                f"{arguments} ended with {finished.returncode}:\n{finished.stderr}"
            )
        return finished

    def start(self, *arguments: str) -> Run:
        """Start a `musqa` command, or a program of the drill, to be killed; see run.log."""
        log = self.root / "run.log"
        return shared_zygote().start(
            *arguments, cwd=self.root, log=log, environment=self.environment
        )
