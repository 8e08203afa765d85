"""Versions of segments with scores that are made up, so that what follows from them is known."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import polars as pl

from musqa_pipeline.stages.gan_scores.read import Training
from musqa_pipeline.stages.segments.versions import LADDER_INTENSITIES

KINDS = ("distortion", "limiter", "lowpass", "noise")


def made_up_versions(n_recordings: int = 4, genres: tuple[str, ...] = ("Rock",)) -> pl.DataFrame:
    """Lay out what `read_versions` would read of a segment of each recording, in its order."""
    rng = np.random.default_rng(0)
    rows = []
    for number in range(n_recordings):
        segment = {"catalog": "c", "segment_id": f"s{number}", "track_id": f"t{number}",
                   "whose": f"c/song {number}", "genre": genres[number % len(genres)]}  # fmt: skip
        steps = [("original", "original", None)]
        for kind in KINDS:
            steps.append(("drawn", kind, float(rng.uniform(0, 100))))
            steps += [("ladder", kind, step) for step in LADDER_INTENSITIES]
        for draw, kind, intensity in steps:
            damage = intensity or 0.0
            version_id = f"s{number}-{kind}-{intensity if draw == 'ladder' else draw}"
            rows.append(
                {
                    **segment, "draw": draw, "kind": kind, "intensity": intensity,
                    "version_id": version_id, "mse": damage**2,
                    "flatness_48k": 0.1 + damage / 200, "flatness_16k": 0.1,
                    "temporal_sd": 0.5 - damage / 400 + rng.uniform(0, 0.02),
                    "visqol_mos": 4.7 - damage / 40, "zimtohrli_mos": None,
                    "musqa_net": 0.9 - damage / 200, "rating": None,
                }
            )  # fmt: skip
    order = ["catalog", "segment_id", "draw", "kind", "intensity"]
    return pl.DataFrame(rows, infer_schema_length=None).sort(order)


def made_up_training(
    versions: pl.DataFrame, score_of: Callable[[dict], float], seed: int = 0
) -> Training:
    """Give each version a score, as a training that is told of in `gans` would."""
    score = np.array([score_of(row) for row in versions.to_dicts()])
    curve = {"frechet_distance": [40.0, 10.0], "score_met": [0.1, 0.9], "score_made": [-0.1, -0.9],
             "score_unmet": [0.1, 0.5]}  # fmt: skip
    row = {
        "network": "tiny", "seed": seed, "training": f"tiny-{seed}-x", "classes": ["Rock"],
        "frechet_untrained": 80.0, "frechet_last": 10.0, "minutes": 1.5, "device": "cpu",
        "steps": 2, "n_train": 3, "curves_json": str(curve).replace("'", '"'),
    }  # fmt: skip
    return Training(row, score, score)
