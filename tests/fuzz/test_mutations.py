"""Mutated seeds, the same every time; what `make fuzz` does at length and guided by coverage."""

import subprocess
import sys

import pytest

from fuzz.mutate import mutations
from fuzz.targets import TARGETS, accepts_or_refuses, seed_folder
from tests import ROOT

ROUNDS = {
    "audio_tracks": 10, "audio_scoring": 1, "recipe": 100, "keras_file": 40, "model_file": 60,
    "wav2vec2_tensors": 60,
}  # fmt: skip
TEXTS = [name for name in TARGETS if name not in ROUNDS]


@pytest.mark.parametrize("reader", TEXTS)
def test_mutated_texts_are_accepted_or_refused(reader, tmp_path):
    outcomes = [accepts_or_refuses(reader, data, tmp_path) for _, data in mutations(reader, 80)]
    assert len(outcomes) == 80 * len(list(seed_folder(reader).iterdir()))
    assert any(outcomes)


def test_mutated_binaries_are_accepted_or_refused():
    # In a process of its own: should a decoder crash, the last line says of what.
    words = [f"{reader}={rounds}" for reader, rounds in ROUNDS.items()]
    command = [sys.executable, "-m", "fuzz.mutate", *words]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, check=False)
    assert ended.returncode == 0, ended.stderr.decode(errors="replace")[-1500:]
    told = [line for line in ended.stdout.decode().splitlines() if "accepted" in line]
    assert len(told) == len(ROUNDS)
    for (reader, rounds), line in zip(ROUNDS.items(), told, strict=True):
        assert line.startswith(f"{reader}: {rounds * len(list(seed_folder(reader).iterdir()))} in")
        assert " 0 accepted" not in line
        assert " 0 refused" not in line


def test_mutations_are_the_same_every_time_and_differ_from_their_seeds():
    once, again = (list(mutations("catalog_csv", 20)) for _ in range(2))
    assert once == again
    seeds = {path.read_bytes() for path in seed_folder("catalog_csv").iterdir()}
    assert sum(data in seeds for _, data in once) < 0.1 * len(once)
    assert len({data for _, data in once}) > 0.8 * len(once)
