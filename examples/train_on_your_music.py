"""A scorer of your own music: from a folder to a trained network that `musqa score` runs.

``python examples/train_on_your_music.py FOLDER --home HOME [--epochs 40] [--cascades 10]``; it
needs the extra ``[factory]``. At least three recordings, better dozens: some train, some stop the
training, and some are met by nobody before the last line. Killed, the same command goes on.
`musqa run` does the same from the command line, with a report at its end.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from musqa_pipeline import Scorer
from musqa_pipeline.catalogs.known import add_catalog
from musqa_pipeline.core.errors import MusqaError
from musqa_pipeline.core.settings.preset import parse_preset
from musqa_pipeline.learning.data.shards import ImageShards
from musqa_pipeline.learning.predict import load_model, predict_rows
from musqa_pipeline.release.model.export import export_run
from musqa_pipeline.stages.engine.cluster.choice import choose_fanout
from musqa_pipeline.stages.engine.stage import run_stage
from musqa_pipeline.stages.graph import catalog_context, get_stage, joint_context
from musqa_pipeline.stages.models.runs import read_preset_runs
from musqa_pipeline.stages.rows import CATALOG_STAGES
from musqa_pipeline.stages.spectrograms.row_shards import shard_files

CATALOG, NETWORK = "mine", "musqa_net"
JOINT = ("splits", "dataset", "spectrograms", "features", "models")


def preset_of(epochs: int, cascades: int):
    """Return what is done to the music, and how the network learns from it."""
    return parse_preset(
        "mine",
        {
            "catalogs": [CATALOG],
            "excerpts": {"flagged_tracks": "include"},
            "degradations": {"n_cascades": cascades, "pool_rows": 0, "include_reference": True},
            "dataset": {
                "protocol": "three_way", "size": 13_000, "test_size": 0, "natural_mix_of": "all",
                "natural_rows": 13_000, "validation_fraction": 0.25, "test_fraction": 0.25,
            },
            "models": {"names": [NETWORK], "train_rows": "every",
                       "recipes": {NETWORK: {"max_epochs": epochs}}},
        },
    )  # fmt: skip


def errors_on_test(context, folder: Path) -> tuple[int, float, float]:
    """Return how many test rows there are, and the RMSE of the network and of the mean, in MOS."""
    files = shard_files(context, "features")
    test, training = (ImageShards(files, part, "every") for part in ("test", "train"))
    keys = [(row["catalog"], row["degraded_id"]) for row in test.labels.to_pylist()]
    said = predict_rows({NETWORK: load_model(folder)}, test, keys)[NETWORK]
    ours, mean = (4 * (x - test.quality) for x in (said, training.quality.mean()))
    return test.n_rows, *(float(np.sqrt(np.mean(errors**2))) for errors in (ours, mean))


def main() -> None:
    """Read what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--epochs", type=int, default=40)
    parser.add_argument("--cascades", type=int, default=10)
    arguments = parser.parse_args()
    try:
        train(arguments)
    except MusqaError as error:
        parser.exit(1, f"error: {error}\n")


def train(arguments: argparse.Namespace) -> None:
    """Make the set, train, say how large the errors are, and write the model file."""
    home, preset = arguments.home, preset_of(arguments.epochs, arguments.cascades)
    add_catalog(home, arguments.folder, CATALOG)
    for name in CATALOG_STAGES:
        run_stage(get_stage(name), catalog_context(home, preset, CATALOG), fanout=choose_fanout())
    for name in JOINT:
        run_stage(get_stage(name), joint_context(home, preset), fanout=choose_fanout())

    context = joint_context(home, preset)
    (run,) = read_preset_runs(context)
    folder = context.lake.store.local_folder(run["folder"])
    n_rows, ours, mean = errors_on_test(context, folder)
    print(f"{n_rows} excerpts of recordings that the network never met: RMSE {ours:.2f} MOS; the")
    print(f"mean label, whatever one hears, errs by {mean:.2f}")
    export_run(folder, home / "model.onnx", name="mine", version="1")
    print(
        f"musqa score track.flac --model {home / 'model.onnx'}    # {Scorer(home / 'model.onnx')}"
    )


if __name__ == "__main__":
    main()
