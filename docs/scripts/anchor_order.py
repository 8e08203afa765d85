"""Count how often networks order low-passed anchors rightly, on recordings they never met.

``python docs/scripts/anchor_order.py --preset docs/results/networks.toml``

Every real recording that reaches above 7 kHz is cut at 3.5 and 7 kHz by a steep filter (Chebyshev
I, order 10) and by a gentle one (Butterworth, order 2). Right is: 3.5 kHz below 7 kHz below the
original, predicted by the network of the fold that left the recording out. Where ViSQOL itself
hears less than two points between two of them, there is nothing to order, and the excerpt is a tie.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import polars as pl
import torch
from page_sections import DOCS, write_sections
from write_results import markdown, view

from musqa_pipeline.audio.constants import EXCERPT_SAMPLES
from musqa_pipeline.audio.degradations.ffmpeg import decode
from musqa_pipeline.audio.degradations.lowpass import (
    BUTTERWORTH,
    CHEBYSHEV_1,
    Lowpass,
    LowpassParams,
)
from musqa_pipeline.audio.degradations.rebuild import with_gain
from musqa_pipeline.audio.features.bands import band_image
from musqa_pipeline.audio.files.flac import reference_audio
from musqa_pipeline.audio.measures.loudness import integrated_lufs
from musqa_pipeline.audio.metrics.visqol import Reference
from musqa_pipeline.catalogs.folder import COPY_TIER
from musqa_pipeline.core.home import home_folder
from musqa_pipeline.learning.predict import load_model
from musqa_pipeline.stages.engine.context import Context
from musqa_pipeline.stages.graph import get_stage, joint_context, load_preset

MODEL = "musqa_net"
SLOPES = {
    "steep": {"family": CHEBYSHEV_1, "order": 10, "ripple_db": 0.1},
    "gentle": {"family": BUTTERWORTH, "order": 2},
}
CUTOFFS_HZ = (3_500.0, 7_000.0)
LEAST_EDGE_HZ = 7_000.0
TIE_POINTS = 2.0
TARGET_LUFS = -23.0


def main() -> None:
    """Measure, print and write the section of docs/results.md."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--preset", required=True)
    preset = load_preset(parser.parse_args().preset)
    context = joint_context(home_folder(), preset)
    references = anchors(context)
    rows = predict(context, references)
    table = count(rows)
    print(table)
    write_sections(DOCS / "results.md", {f"{preset.name}:anchors": markdown(table)})


def anchors(context: Context) -> pl.DataFrame:
    """Make the anchors of every real reference: image and label of each, in points."""
    tracks = view(context, "tracks", "catalog, track_id, recording, tier, upper_edge_hz").filter(
        ~pl.col("tier").is_in([COPY_TIER, "synthesised"])
        & (pl.col("upper_edge_hz") > LEAST_EDGE_HZ)
    )
    excerpts = view(context, "excerpts", "catalog, track_id, excerpt_id")
    rows = []
    for row in tracks.join(excerpts, on=["catalog", "track_id"]).iter_rows(named=True):
        partition = context.partition("excerpts", row["catalog"])
        flac = context.lake.read(partition, row["excerpt_id"], ["flac"])["flac"][0].as_py()
        reference = reference_audio(flac)
        engine = Reference(reference[:EXCERPT_SAMPLES])
        versions = {("original", 0.0): reference[:EXCERPT_SAMPLES]}
        for slope, params in SLOPES.items():
            for cutoff_hz in CUTOFFS_HZ:
                versions[slope, cutoff_hz] = lowpassed(
                    reference, LowpassParams(cutoff_hz=cutoff_hz, **params)
                )
        for (slope, cutoff_hz), samples in versions.items():
            rows.append(
                {
                    **row,
                    "slope": slope,
                    "cutoff_hz": cutoff_hz,
                    "label": 25 * (engine.score(samples).mos - 1),
                    "image": band_image(samples).tobytes(),
                }
            )
    return pl.DataFrame(rows)


def lowpassed(reference: np.ndarray, params: LowpassParams) -> np.ndarray:
    """Filter a reference and bring it back to the target loudness."""
    applied = Lowpass().apply(reference, params)
    decoded = decode([(applied.container, applied.bitstream)])[0]
    cut = decoded[applied.delay_samples :][:EXCERPT_SAMPLES]
    return with_gain(cut, TARGET_LUFS - integrated_lufs(cut))


def predict(context: Context, references: pl.DataFrame) -> pl.DataFrame:
    """Let each fold's networks predict the references that they never met."""
    stage = get_stage("trials")
    folder = context.lake.folder(stage.partition(context))
    done = set(context.lake.done(stage.partition(context)))
    frames = []
    for unit in stage.units(context):
        plan = unit.plan
        if (plan["protocol"], plan["model"]) != ("folds", MODEL) or unit.unit_id not in done:
            continue
        asked = context.lake.read(
            stage.partition(context), unit.unit_id, ["catalog", "degraded_id"]
        )
        excerpts = pl.DataFrame(asked).select(
            "catalog", excerpt_id=pl.col("degraded_id").str.replace(r"-[^-]*$", "")
        )
        part = references.join(excerpts.unique(), on=["catalog", "excerpt_id"], how="semi")
        if part.is_empty():
            continue
        network = load_model(Path(folder / unit.unit_id))
        images = np.stack([np.frombuffer(b, np.uint8) for b in part["image"]]).reshape(-1, 31, 1024)
        with torch.no_grad():
            quality = network(torch.from_numpy(images.astype(np.float32) / 255)).numpy()
        frames.append(
            part.drop("image").with_columns(
                predicted=pl.Series(100.0 * quality), seed=pl.lit(plan["repetition"])
            )
        )
    return pl.concat(frames)


def count(rows: pl.DataFrame) -> pl.DataFrame:
    """Count right, wrong and tied references by slope and seed."""
    keys = ["catalog", "excerpt_id", "seed"]
    original = rows.filter(slope="original").select(*keys, "recording", "label", "predicted")
    lines = []
    for slope in SLOPES:
        low, high = (
            rows.filter(slope=slope, cutoff_hz=cutoff).select(*keys, "label", "predicted")
            for cutoff in CUTOFFS_HZ
        )
        all_three = original.join(high, on=keys, suffix="_7").join(low, on=keys, suffix="_3")
        tie = (pl.col("label_7") - pl.col("label_3") < TIE_POINTS) | (
            pl.col("label") - pl.col("label_7") < TIE_POINTS
        )
        right = (pl.col("predicted_3") < pl.col("predicted_7")) & (
            pl.col("predicted_7") < pl.col("predicted")
        )
        for (seed,), part in all_three.sort(keys).group_by("seed", maintain_order=True):
            wrong = part.filter(~right & ~tie)
            lines.append(
                {
                    "low-pass": slope,
                    "seed": seed,
                    "excerpts": part.height,
                    "recordings": part["recording"].n_unique(),
                    "right": part.filter(right & ~tie).height,
                    "wrong": wrong.height,
                    "ties": part.filter(tie).height,
                    "wrong on": ", ".join(wrong["recording"].unique().sort()),
                }
            )
    return pl.DataFrame(lines)


if __name__ == "__main__":
    main()
