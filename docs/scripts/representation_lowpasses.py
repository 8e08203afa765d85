"""Whether metrics order ODAQ's low-passes: 3.5 < 5 < 7 < 9 < 10.5 < 12 < 15 kHz < original.

Each recording that reaches above 15 kHz gives one excerpt, which a steep filter cuts at all of
them (Chebyshev I, order 10). Music that ends lower has nothing there to lose.
"""

from __future__ import annotations

import numpy as np
import polars as pl
import torch
from anchor_order import SLOPES, lowpassed
from gan_tables import number, table
from kept_answers import Arrays, tell
from representation_cells import TITLES, Judges, excerpts_of
from representation_evidence import Evidence

from musqa_pipeline.audio.constants import EXCERPT_SAMPLES
from musqa_pipeline.audio.degradations.lowpass import LowpassParams
from musqa_pipeline.audio.files.flac import reference_audio
from musqa_pipeline.studies.statistics.bootstrap import mean_over_recordings

CUTOFFS_HZ = (3_500.0, 5_000.0, 7_000.0, 9_000.0, 10_500.0, 12_000.0, 15_000.0)
ASKED = ("visqol", "nlpd", "nlpd_swapped", "ms_ssim", "log_mel_mse", "musqa_net", "insenet")


def ordered(evidence: Evidence) -> Arrays:
    """Score the low-passes and the original: by metric (recordings, 8), narrow to wide, `whose`."""
    judges, found = Judges(ASKED), []
    wide = excerpts_of(evidence.context).filter(pl.col("upper_edge_hz") > CUTOFFS_HZ[-1])
    first = wide.unique("whose", keep="first", maintain_order=True).to_dicts()
    for done, row in enumerate(first):

        def make(row: dict = row, done: int = done) -> Arrays:
            tell(f"low-passes: excerpt {done + 1} of {len(first)}")
            return judged(evidence, judges, row)

        what = [row["excerpt_id"], row["whose"], CUTOFFS_HZ, judges.versions]
        found.append(evidence.kept("lowpasses", what, make))
    if not found:
        return {}
    return {name: np.stack([one[name] for one in found]) for name in found[0]}


def judged(evidence: Evidence, judges: Judges, row: dict) -> Arrays:
    """Score the versions of one excerpt."""
    context = evidence.context
    partition = context.partition("excerpts", row["catalog"])
    flac = context.lake.read(partition, row["excerpt_id"], ["flac"])["flac"][0].as_py()
    reference = reference_audio(flac)
    versions = [
        lowpassed(reference, LowpassParams(cutoff_hz=cutoff_hz, **SLOPES["steep"]))
        for cutoff_hz in CUTOFFS_HZ
    ]
    original = reference[:EXCERPT_SAMPLES]
    with torch.inference_mode():
        asked = judges.bound(original)
        scores = {
            name: np.array([score(one) for one in [*versions, original]])
            for name, score in asked.items()
        }
    return scores | {"whose": np.array(row["whose"])}


def lowpass_table(evidence: Evidence) -> str:
    """Count the steps that each metric has in order, and the recordings without a wrong one."""
    found = ordered(evidence)
    if not found:
        return "not run: no recording reaches above 15 kHz"
    lines = []
    for name in ASKED:
        right = np.diff(found[name], axis=1) > 0
        share = mean_over_recordings(right.mean(axis=1), found["whose"], "cells")
        wrong = [
            f"{cutoff_hz / 1000:g} ({int(n)})"
            for cutoff_hz, n in zip(CUTOFFS_HZ, (~right).sum(axis=0), strict=True)
            if n
        ]
        lines.append(
            {
                "metric": TITLES[name].removesuffix(", negative"),
                "steps in order": number(share.value, share.low, share.high),
                "recordings wholly in order": f"{int(right.all(axis=1).sum())} of {len(right)}",
                "wrong steps up from, kHz": ", ".join(wrong) or "–",
            }
        )
    return table(lines)


FIGURES: dict = {}
TABLES = {"ODAQ's low-passes in order": lowpass_table}
