"""A made-up report with everything on it: protocols, repetitions, networks of every kind.

By hand, to look at the page: ``python -m tests.stages.evaluation.made_up_protocols page.html``.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl

from musqa_pipeline.core.settings.evaluation import EvaluationSettings
from musqa_pipeline.stages.evaluation.ceiling import estimate_ceilings
from musqa_pipeline.stages.evaluation.content import ReportContent
from musqa_pipeline.stages.evaluation.differences import paired_differences
from musqa_pipeline.stages.evaluation.examples import Twin, TwinSide
from musqa_pipeline.stages.evaluation.generalisation import generalisation_rows
from musqa_pipeline.stages.evaluation.listeners import ListeningResult
from musqa_pipeline.stages.evaluation.lowpass_steps import STEPS_SCHEMA
from musqa_pipeline.stages.evaluation.report import render_report
from musqa_pipeline.stages.evaluation.slices import evaluate
from musqa_pipeline.studies.listening.compare import Matched, compare
from musqa_pipeline.studies.listening.mos import Opinion
from musqa_pipeline.studies.listening.table_vi import beside_table_vi
from tests.stages.evaluation.made_up import (
    made_up_content,
    made_up_examples,
    made_up_media,
    made_up_predictions,
    made_up_run,
)

ERRORS = {
    "musqa_net": 5.0, "cnn1d": 14.0, "inception_v3": 20.0, "insenet": 3.0, "mean": 26.0,
    "upper_edge": 13.0, "boosted": 8.0, "oracle": 6.0,
    "musqa_net_coarse": 9.0,
}  # fmt: skip
"""Deviation of the error of each model, points."""
NETWORKS = ("cnn1d", "inception_v3", "vgg19", "insenet", "musqa_net")
TRIALS = {
    "folds": (2, tuple(model for model in ERRORS if model != "musqa_net_coarse")),
    "repetitions": (4, ("cnn1d", "inception_v3", "musqa_net", "boosted", "mean")),
    "leave_codec_out": (1, ("musqa_net", "boosted")),
    "singles_to_cascades": (1, ("musqa_net", "boosted")),
    "synthesised_to_real": (1, ("boosted",)),
    "learning_curve": (1, ("musqa_net", "boosted")),
    "ablations": (1, ("musqa_net", "musqa_net_coarse")),
}
"""Repetitions and models of each protocol."""
SHARES = (0.125, 0.25, 0.5, 1.0)


def trial_predictions(n_recordings: int = 14, seed: int = 9) -> pl.DataFrame:
    """Predictions under protocols; `trusted` and `part` vary."""
    rng = np.random.default_rng(seed)
    number = pl.col("recording").str.extract(r"(\d+)").cast(pl.Int64)
    base = (
        made_up_predictions(n_recordings)
        .filter(pl.col("model") == "cnn1d")
        .with_columns(
            trusted=number % 7 != 2,
            part=pl.when(number % 4 == 0).then(pl.lit("test")).otherwise(pl.lit("train")),
        )
    )
    frames = []
    for protocol, (n_repetitions, models) in TRIALS.items():
        for model in models:
            for repetition in range(n_repetitions):
                for variant, fold, where, factor in _parts(protocol):
                    rows = base.filter(where)
                    error = rng.normal(0, ERRORS[model] * factor, rows.height)
                    frames.append(
                        rows.with_columns(
                            protocol=pl.lit(protocol),
                            variant=pl.lit(variant),
                            fold=pl.lit(fold),
                            model=pl.lit(model),
                            repetition=pl.lit(repetition, pl.Int64),
                            predicted=pl.lit(45.0)
                            if model == "mean"
                            else (pl.col("label") + pl.Series(error)).clip(0, 93),
                        )
                    )
    return pl.concat(frames)


def _parts(protocol: str) -> list[tuple[str, str, pl.Expr, float]]:
    """Variant, fold, rows and how much larger the error is."""
    if protocol == "leave_codec_out":
        return [("", c, pl.col("codec") == c, 2.0) for c in ("lowpass", "mp3", "opus")]
    if protocol == "singles_to_cascades":
        return [("", "", pl.col("depth") == 2, 1.2)]
    if protocol == "learning_curve":
        return [(f"{share:g}", "", pl.lit(True), share**-0.3) for share in SHARES]
    if protocol == "repetitions":
        return [("", "", pl.col("part") == "test", 1.0)]
    return [("", "", pl.lit(True), 1.5 if protocol == "synthesised_to_real" else 1.0)]


def made_up_steps(predictions: pl.DataFrame) -> pl.DataFrame:
    """Low-passes at 3.5 and 7.5 kHz; the widest AAC stands for the original."""
    rows = predictions.filter(pl.col("depth") == 1).unique(
        ["catalog", "degraded_id"], keep="first", maintain_order=True
    )
    level = (
        pl.when(pl.col("cutoff_hz") == 3_500).then(0)
        .when(pl.col("cutoff_hz") == 7_500).then(1)
        .when((pl.col("codec") == "adts") & (pl.col("bitrate_kbps") == 96)).then(2)
    )  # fmt: skip
    steps = rows.with_columns(level=level).filter(pl.col("level").is_not_null())
    slope = pl.when(pl.col("level") == 2).then(pl.lit("original")).otherwise(pl.lit("gentle"))
    return steps.with_columns(slope=slope).select(
        pl.col(name).cast(kind) for name, kind in STEPS_SCHEMA.items()
    )


def full_content(n_bootstrap: int = 200, *, media: bool = True) -> ReportContent:
    """A report's content with every section."""
    settings = EvaluationSettings(n_bootstrap=n_bootstrap)
    predictions = pl.concat([made_up_predictions(), trial_predictions()])
    folds = predictions.filter((pl.col("protocol") == "folds") & (pl.col("repetition") == 0))
    rng = np.random.default_rng(4)
    rows = folds.filter(pl.col("model") == "boosted")
    heard = rows["label"].to_numpy() + rng.normal(0, 6, rows.height)
    rows = rows.with_columns(f0=pl.Series(heard), f1=pl.col("upper_edge_hz"))
    picture, player = made_up_media() if media else (None, None)
    twin = Twin(
        dark=TwinSide(
            recording="a quiet piano", what="untouched reference", label=93.2, said=61.0,
            picture=picture, player=player,
        ),
        lowpassed=TwinSide(
            recording="a loud band", what="low-pass 5 kHz", label=31.5, said=55.0,
            picture=picture, player=player,
        ),
        nearer_share=0.0004,
    )  # fmt: skip
    return replace(
        made_up_content(n_bootstrap=n_bootstrap, media=False),
        predictions=predictions,
        evaluations=pl.DataFrame(evaluate(predictions, settings)),
        differences=paired_differences(predictions, settings, "rmse", "pearson"),
        runs=[
            made_up_run("cnn1d"),
            made_up_run("musqa_net", loss=0.01),
            made_up_run("inception_v3", loss=0.05),
        ],
        examples=made_up_examples(folds, ["musqa_net", "cnn1d", "boosted"], 5, media=media),
        networks=NETWORKS,
        intrusive=["insenet"],
        random_weights=["inception_v3"],
        trials=[
            {
                "protocol": protocol, "variant": variant, "model": model, "n_repetitions": n,
                "minutes": 3.5, "n_train": 4_000, "device": "cpu",
                "n_train_groups": round(60 * float(variant or 1)),
            }
            for protocol, (n, models) in TRIALS.items()
            for model in models
            for variant in dict.fromkeys(part[0] for part in _parts(protocol))
        ],
        generalisation=generalisation_rows(predictions, settings),
        steps=made_up_steps(folds),
        ceilings=estimate_ceilings(rows, ["f0", "f1"]),
        twins=[twin],
        costs=[
            {
                "model": model, "parameters": 1_000_000 * (i + 1), "trainable": 900_000,
                "ms_per_excerpt": 12.5, "minutes": 3.5, "n_trainings": i, "n_train": 4_000,
                "device": "cpu",
            }
            for i, model in enumerate(("vgg19", "cnn1d", "musqa_net", "inception_v3"))
        ],
    )  # fmt: skip


def with_listeners(content: ReportContent) -> ReportContent:
    """The same beside listeners: two tests, 15 repetitions of two networks and one training."""
    rng = np.random.default_rng(6)
    opinions = [
        Opinion(f"{i}.wav", mos, 4.0, 15, 8.0, "process_3", f"song {i // 5}", (0.0, 100.0))
        for i, mos in enumerate(rng.uniform(8, 97, 70))
    ]
    mos = np.array([o.mos for o in opinions])
    predictions = {
        (model, i): {
            o.file: value
            for o, value in zip(
                opinions, mos + rng.normal(-6, error + rng.normal(0, 2), 70), strict=True
            )
        }
        for model, error, n in (("vgg19", 16, 15), ("cnn1d", 24, 15), ("musqa_net", 9, 1))
        for i in range(n)
    }
    results = []
    for test, part in (("first test", slice(0, 35)), ("second test", slice(35, 70))):
        for model in ("cnn1d", "musqa_net"):
            said = np.array(list(predictions[model, 0].values()))[part]
            matched = Matched(tuple(opinions[part]), said, 0, 0)
            estimates = tuple(compare(matched, n_draws=100))
            results.append(ListeningResult(test, model, matched, estimates))
    beside = beside_table_vi(opinions, predictions, n_draws=200)
    return replace(content, listening=results, table_vi=beside)


if __name__ == "__main__":
    page = render_report(with_listeners(full_content()))
    Path(sys.argv[1]).write_text(page, encoding="utf-8")
