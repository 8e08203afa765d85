"""Made-up results that look like real ones: recordings with offsets, dark ones, codecs, cascades.

`made_up_protocols` adds trials, more networks and the rest of the page.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

import numpy as np
import polars as pl

from musqa_pipeline.core.settings.evaluation import EvaluationSettings
from musqa_pipeline.learning.baselines.simple import fit_mean, fit_upper_edge
from musqa_pipeline.stages.degradations.words import process_words
from musqa_pipeline.stages.evaluation.content import ReportContent
from musqa_pipeline.stages.evaluation.differences import paired_differences
from musqa_pipeline.stages.evaluation.examples import (
    Example,
    picture_png,
    player_mp3,
    worst_of_each,
)
from musqa_pipeline.stages.evaluation.slices import HOLDOUT, PREDICTIONS_SCHEMA, evaluate

CODECS = {
    "mp2": (32, 48, 64, 96, 128),
    "mp3": (32, 48, 64, 96, 128),
    "adts": (24, 32, 48, 64, 96),
    "ogg": (48, 64, 96, 128),
    "opus": (24, 32, 48),
}
CUTOFFS_HZ = (3500, 5000, 7500, 9000)
GENRES = ("electronic/idm", "rock", "piano", "drums", "vocal")
TIERS = ("lossless", "vorbis_q8", "mp3_320")


def made_up_predictions(n_recordings: int = 14, seed: int = 5) -> pl.DataFrame:
    """Predictions of a good network, a weak one and the baselines on made-up recordings."""
    rng = np.random.default_rng(seed)
    rows = []
    for number in range(n_recordings):
        dark = number % 5 == 3
        offset = rng.normal(0, 6)
        base = {
            "excerpt_id": f"track{number:02d}-0",
            "recording": f"recording {number:02d}" + (" with a rather long name" * (number % 2)),
            "catalog": "openmusic",
            "part": "test",
            "genre": GENRES[number % len(GENRES)],
            "tier": TIERS[number % len(TIERS)],
            "reference": "dark" if dark else "full band",
        }
        processes = [
            (codec, float(rate), None, 18 + 75 * (1 - np.exp(-(rate - 16) / 45)) ** 1.1)
            for codec, rates in CODECS.items()
            for rate in rates
        ]
        processes += [
            ("lowpass", None, float(f), 88.0 if dark else 8 + 70 * (f / 1e4)) for f in CUTOFFS_HZ
        ]
        for i, (codec, rate, cutoff, label) in enumerate(processes * 2):
            depth = 1 if i < len(processes) else 2
            label = np.clip(label - (depth - 1) * rng.uniform(0, 30) + rng.normal(0, 2), 0, 93)
            edge = min(4_000 + 180 * label, 20_000) + rng.normal(0, 1_500)
            heard = label - (35 if dark and cutoff else 0) + offset + rng.normal(0, 5)
            row = {
                **base,
                "degraded_id": f"{base['excerpt_id']}-{i}",
                "protocol": HOLDOUT,
                "variant": "",
                "fold": "",
                "repetition": 0,
                "uniform_draw": bool(rng.random() < 0.7),
                "natural_mix": bool(rng.random() < 0.6),
                "trusted": True,
                "codec": codec,
                "bitrate_kbps": rate,
                "cutoff_hz": cutoff,
                "process": f"{i}" if depth == 1 else f"{i}_{i}",
                "what": process_words(codec, rate, cutoff),
                "kind": "single" if depth == 1 else "cascade",
                "depth": depth,
                "label": float(label),
                "upper_edge_hz": float(edge),
            }
            weak = 45 + 0.4 * (label - 45) + rng.normal(0, 9) + offset
            rows.append({**row, "model": "cnn1d", "predicted": float(np.clip(heard, 0, 93))})
            rows.append({**row, "model": "small_cnn", "predicted": float(np.clip(weak, 0, 93))})
    frame = pl.DataFrame(rows, schema=PREDICTIONS_SCHEMA)
    train = frame.filter(pl.col("model") == "cnn1d")
    fitted = {
        "mean": fit_mean(train),
        "upper_edge": fit_upper_edge(train),
    }
    parts = [
        train.with_columns(model=pl.lit(name), predicted=pl.Series(model(train)))
        for name, model in fitted.items()
    ]
    return pl.concat([frame, *parts]).sort("model", maintain_order=True)


def made_up_run(model: str, *, finished: bool = True, loss: float = 0.02) -> dict[str, object]:
    """A row of the table `runs`."""
    epochs = np.arange(40)
    curves = {
        "loss": (0.08 * np.exp(-epochs / 9) + 0.004).tolist(),
        "validation_loss": (0.07 * np.exp(-epochs / 6) + loss + 0.0002 * epochs).tolist(),
        "learning_rate": [1e-3 if e < 25 else 5e-4 for e in epochs],
    }
    return {
        "model": model, "seed": 0, "finished": finished, "epochs": 40, "best_epoch": 22,
        "best_validation_loss": loss, "parameters": 15_442_881, "n_train": 9_000,
        "n_validation": 1_500, "data_fingerprint": "0" * 32, "settings_json": "{}",
        "curves_json": json.dumps(curves), "device": "cpu", "minutes": 41.5,
        "environment_json": "{}", "folder": "runs",
    }  # fmt: skip


def made_up_media() -> tuple[bytes, bytes]:
    """A picture and a player of noise."""
    rng = np.random.default_rng(3)
    shape = np.linspace(1, 0.1, 256)[None, :] * np.ones((1876, 1))
    image = np.clip(shape * rng.uniform(0.5, 1, (1876, 256)), 0, 1)
    sound = (0.1 * rng.standard_normal(480_000)).astype(np.float32)
    return picture_png(image), player_mp3(sound)


def made_up_examples(
    predictions: pl.DataFrame, models: Sequence[str], n: int = 4, *, media: bool = True
) -> list[Example]:
    """Worst rows of some models with noise to look at and listen to."""
    picture, player = made_up_media() if media else (None, None)
    return [
        Example(
            recording=row["recording"], what=row["what"], label=row["label"],
            said=row["said"], worst_of=row["worst_of"], dark=row["reference"] == "dark",
            degraded_picture=picture, reference_picture=picture,
            degraded_player=player, reference_player=player,
        )
        for row in worst_of_each(predictions.filter("uniform_draw"), models, n)
    ]  # fmt: skip


def made_up_content(
    n_recordings: int = 14, n_bootstrap: int = 200, *, media: bool = True
) -> ReportContent:
    """A whole report's content."""
    rng = np.random.default_rng(1)
    predictions = made_up_predictions(n_recordings)
    settings = EvaluationSettings(n_bootstrap=n_bootstrap)
    return ReportContent(
        preset="paper",
        catalogs=("openmusic", "studio"),
        confidence=settings.confidence,
        predictions=predictions,
        evaluations=pl.DataFrame(evaluate(predictions, settings)),
        differences=paired_differences(predictions, settings, "rmse", "pearson"),
        runs=[
            made_up_run("cnn1d"),
            made_up_run("small_cnn", loss=0.03),
            made_up_run("vgg19", finished=False),
        ],
        parts=[
            {
                "part": "train",
                "recordings": 61,
                "excerpts": 70,
                "uniform_draw": 9_000,
                "natural_mix": 0,
            },
            {
                "part": "validation",
                "recordings": 11,
                "excerpts": 12,
                "uniform_draw": 1_500,
                "natural_mix": 0,
            },
            {
                "part": "test",
                "recordings": 14,
                "excerpts": 14,
                "uniform_draw": 700,
                "natural_mix": 600,
            },
        ],
        edges=np.linspace(3, 93, 21).tolist(),
        before=np.histogram(rng.beta(4, 1.4, 20_000), 20)[0].tolist(),
        after=[248 + i % 3 for i in range(20)],
        uniformity={"entropy ratio before": "0.87", "entropy ratio after": "0.999"},
        near_duplicates=[],
        quarantined=3,
        examples=made_up_examples(predictions, ["cnn1d"], media=media),
        networks=["cnn1d", "small_cnn", "vgg19"],
        provenance={
            "Fingerprints": {"models": "3f" * 16, "evaluation": "9a" * 16},
            "Settings": {"[evaluation] n_bootstrap": "200", "[models] names": "cnn1d"},
            "Versions": {"numpy": "2.4.0", "torch": "2.13.0"},
        },
    )
