"""Image metrics and others beside listeners' ratings by cell, on the preset's excerpts.

Each excerpt that is neither synthesised nor a darker copy gives a stereo segment as long as those
that listeners heard, from its start, at -14 LUFS: the original, and the four degradations of paper
000 at five intensities. Scores are of their mono mixes, turned so that more is better.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import torch
from gan_tables import RATINGS, number, table
from kept_answers import Arrays, tell
from numpy.typing import NDArray
from representation_evidence import Evidence

from musqa_pipeline.audio.constants import SAMPLE_RATE_HZ
from musqa_pipeline.audio.degradations.intensity import Stereo, at_loudness
from musqa_pipeline.audio.excerpts.segments import read_segment
from musqa_pipeline.audio.metrics.perceptual.nlpd import Nlpd
from musqa_pipeline.audio.metrics.perceptual.opinions import PairImages
from musqa_pipeline.audio.metrics.registry import METRICS, SECOND_OPINIONS, find_opinion
from musqa_pipeline.audio.metrics.visqol import Reference
from musqa_pipeline.catalogs.folder import COPY_TIER
from musqa_pipeline.catalogs.identity import identified_files
from musqa_pipeline.core.errors import ToolError, UnfitInputError
from musqa_pipeline.scoring.compare import Comparer
from musqa_pipeline.scoring.model_file import SHIPPED, SHIPPED_DIGEST, load_model
from musqa_pipeline.scoring.pair_model import SHIPPED_PAIRS, PairModel
from musqa_pipeline.scoring.verdict import to_excerpt, to_image
from musqa_pipeline.stages.dataset.inputs import read_seen_tracks
from musqa_pipeline.stages.engine.context import Context
from musqa_pipeline.stages.excerpts.table import EXCERPTS
from musqa_pipeline.stages.segments.versions import DRAWN, make_version, plan_versions
from musqa_pipeline.studies.listening.cells import (
    Cell,
    cell_of,
    cells_correlation,
    cells_difference,
    read_cells,
)

SEED = 0
PREFIX = "intensity_"
SYNTHESISED = "synthesised"
VISQOL, NLPD, LOG_MEL, MS_SSIM = "visqol", "nlpd", "log_mel_mse", "ms_ssim"
TITLES = {
    VISQOL: "ViSQOL",
    "zimtohrli": "Zimtohrli",
    NLPD: "NLPD, Laparra's",
    "nlpd_swapped": "NLPD, Laparra's, axes swapped",
    "nlpd_hepburn": "NLPD, Hepburn's",
    MS_SSIM: "MS-SSIM",
    LOG_MEL: "log-mel MSE, negative",
    "waveform_mse": "waveform MSE, negative",
    "musqa_net": "musqa-net (hears no reference)",
    "insenet": "insenet",
}
MEANS = {VISQOL: 1, NLPD: -1, MS_SSIM: -1, LOG_MEL: -1, "musqa_net": 1, "insenet": 1}
"""What the table of means shows, with the sign that takes scores back to where they were."""
OTHER_NLPD = {"nlpd_swapped": {"axes": "swapped"}, "nlpd_hepburn": {"variant": "hepburn"}}
SLOW = ("zimtohrli",)
"""Takes as long as all others, and is asked apart from them."""
Score = Callable[[NDArray[np.float32]], float]


class Judges:
    """Some of those who are asked about a version; networks are opened once.

    `ToolError` if one needs a package that is not installed.
    """

    def __init__(self, names: Sequence[str]) -> None:
        self._names = names
        self._opinions = {name: find_opinion(name) for name in names if name in SECOND_OPINIONS}
        for metric in self._opinions.values():
            metric.require()
        self._network = load_model(SHIPPED)
        self._comparer = Comparer(PairModel(SHIPPED_PAIRS))

    @property
    def versions(self) -> list[str]:
        """Say who judges."""
        metrics = [Reference, *self._opinions.values()]
        networks = [SHIPPED_DIGEST, self._comparer.network.label]
        return [*self._names, *(metric.version for metric in metrics), *networks]

    def bound(self, reference: NDArray[np.float32]) -> dict[str, Score]:
        """Bind them to a reference, mono at 48 kHz: more is better."""
        images = PairImages(reference)
        return {name: self._bound(name, reference, images) for name in self._names}

    def _bound(self, name: str, reference: NDArray[np.float32], images: PairImages) -> Score:
        if name in self._opinions:
            opinion = self._opinions[name](reference)
            return lambda heard: -opinion.score(heard).distance
        if name in OTHER_NLPD:
            nlpd = Nlpd(images.reference, **OTHER_NLPD[name])
            return lambda heard: -float(nlpd.distance(images.degraded(heard)))
        if name == VISQOL:
            visqol = METRICS[VISQOL](reference)
            return lambda heard: visqol.score(heard).mos
        if name == "insenet":
            return lambda heard: self._comparer.compare(reference, heard).quality
        if name == "musqa_net":
            return self._quality
        return lambda heard: -float(np.mean(np.square(heard - reference, dtype=np.float64)))

    def _quality(self, heard: NDArray[np.float32]) -> float:
        answer = self._network.answer(to_image(to_excerpt(heard, SAMPLE_RATE_HZ)[0]))
        return float(answer.probability @ self._network.step_quality)


def excerpts_of(context: Context) -> pl.DataFrame:
    """List the preset's excerpts of recorded music with file, rate and start."""
    tracks = read_seen_tracks(context).filter(~pl.col("tier").is_in([COPY_TIER, SYNTHESISED]))
    parts = []
    for catalog in sorted(set(tracks["catalog"])):
        paths = {
            unit_id: str(entry.path) for unit_id, entry in identified_files(context.home, catalog)
        }
        scanned = context.lake.scan(
            context.partition("excerpts", catalog), EXCERPTS.schema,
            columns=["excerpt_id", "track_id", "start_s"],
        )  # fmt: skip
        of_catalog = tracks.filter(catalog=catalog).with_columns(
            path=pl.col("unit_id").replace_strict(paths, default=None)
        )
        parts.append(pl.DataFrame(scanned).join(of_catalog, on="track_id", how="inner"))
    found = pl.concat(parts).with_columns(
        whose=pl.concat_str("catalog", "recording", separator="/"),
        start_frame=(pl.col("start_s") * pl.col("sample_rate_hz")).round().cast(pl.Int64),
    )
    return found.sort("catalog", "excerpt_id")


def measured(evidence: Evidence, names: Sequence[str] | None = None) -> Arrays:
    """Ask some about all versions: ``whose``, ``kind``, ``intensity``, and a score by name.

    `ToolError` if one needs a package that is not installed.
    """
    judges, found = Judges(names or [name for name in TITLES if name not in SLOW]), []
    rows = excerpts_of(evidence.context).to_dicts()
    for done, row in enumerate(rows):
        what = [row["excerpt_id"], row["start_frame"], row["whose"], SEED, judges.versions]

        def make(row: dict = row, done: int = done) -> Arrays:
            tell(f"cells: excerpt {done + 1} of {len(rows)}")
            return judged(judges, row)

        found.append(evidence.kept("cells", what, make))
    heard = [one for one in found if one]
    return {name: np.concatenate([one[name] for one in heard]) for name in heard[0]}


def everything(evidence: Evidence) -> Arrays:
    """Ask all who are installed."""
    found = measured(evidence)
    for name in SLOW:
        try:
            found[name] = measured(evidence, [name])[name]
        except ToolError as error:
            tell(f"{name} is left out: {error}")
    return found


def judged(judges: Judges, row: dict) -> Arrays:
    """Ask all about the versions of an excerpt; nothing where it is unfit."""
    try:
        samples = segment_of(row)
        asked = judges.bound(samples.mean(axis=1))
    except UnfitInputError as error:
        tell(f"{row['file']} is left out: {error}")
        return {}
    with torch.inference_mode():
        lines = [
            about | {name: score(made) for name, score in asked.items()}
            for about, made in versions_of(row, samples)
        ]
    return {name: np.array([line[name] for line in lines]) for name in lines[0]}


def segment_of(row: Mapping[str, Any]) -> Stereo:
    """Read an excerpt's segment at its level; UnfitInputError where it is unfit."""
    return at_loudness(
        read_segment(
            Path(row["path"]), start_frame=row["start_frame"], sample_rate_hz=row["sample_rate_hz"]
        )
    )


def versions_of(
    row: Mapping[str, Any], samples: Stereo
) -> Iterator[tuple[dict[str, Any], NDArray[np.float32]]]:
    """Yield each version that listeners' cells have, the original among them, with its mono mix."""
    for version in plan_versions(row["excerpt_id"], SEED):
        if version.draw == DRAWN:
            continue
        about = {
            "whose": row["whose"],
            "kind": version.kind.removeprefix(PREFIX),
            "intensity": version.params.intensity if version.params else 0.0,
        }
        yield about, make_version(samples, version.kind, version.params).mean(axis=1)


def cells_of(found: Arrays) -> list[Cell]:
    """Name the cell of each row."""
    return [cell_of(*each) for each in zip(found["kind"], found["intensity"], strict=True)]


def spearman_of(evidence: Evidence, name: str) -> float:
    """Correlate a metric with the cells."""
    found = measured(evidence)
    one = cells_correlation(
        found[name], cells_of(found), found["whose"], read_cells(RATINGS), "cells"
    )
    print(f"{TITLES[name]}: {number(one.spearman, one.low, one.high)}")
    return one.spearman


def least_difference(evidence: Evidence, name: str, other: str) -> float:
    """Say the lower end of the interval of two metrics' difference."""
    found = measured(evidence)
    apart = cells_difference(
        found[name], found[other], cells_of(found), found["whose"], read_cells(RATINGS), "cells"
    )
    words = number(apart.value, apart.low, apart.high)
    print(f"{TITLES[name]} less {TITLES[other]}: {words}")
    return apart.low


def cells_nlpd(evidence: Evidence) -> float:
    """Correlate NLPD with listeners' cells."""
    return spearman_of(evidence, NLPD)


def cells_nlpd_minus_visqol(evidence: Evidence) -> float:
    """Say by how much NLPD is better than ViSQOL at least."""
    return least_difference(evidence, NLPD, VISQOL)


def cells_nlpd_minus_log_mel_mse(evidence: Evidence) -> float:
    """Say by how much NLPD is better than log-mel MSE at least."""
    return least_difference(evidence, NLPD, LOG_MEL)


def cells_table(evidence: Evidence) -> str:
    """Correlate all with listeners' cells, and hold each against ViSQOL and log-mel MSE."""
    found, ratings = everything(evidence), read_cells(RATINGS)
    cells, lines = cells_of(found), []
    for name, title in TITLES.items():
        if name not in found:
            lines.append({"metric": title, "Spearman with the 21 cells": "not run: not installed"})
            continue
        one = cells_correlation(found[name], cells, found["whose"], ratings, "cells")
        line = {
            "metric": title,
            "Spearman with the 21 cells": number(one.spearman, one.low, one.high),
        }
        for other in (VISQOL, LOG_MEL):
            apart = cells_difference(
                found[name], found[other], cells, found["whose"], ratings, "cells"
            )
            words = "–" if name == other else number(apart.value, apart.low, apart.high)
            line[f"less {TITLES[other].removesuffix(', negative')}'s"] = words
        lines.append(line)
    n_segments = sum(kind == "original" for kind in found["kind"])
    floor = int(np.sum(found[MS_SSIM] <= -1))
    return table(lines) + (
        f"\n\n{n_segments} segments of {len(set(found['whose']))} recordings, "
        f"{len(cells)} versions; {floor} of them met MS-SSIM's floor."
    )


def means_table(evidence: Evidence) -> str:
    """Lay mean scores of each cell beside the listeners'."""
    found = measured(evidence)
    cells, lines = np.array([f"{kind} {fifth}" for kind, fifth in cells_of(found)]), []
    for (kind, fifth), rating in read_cells(RATINGS).items():
        rows = cells == f"{kind} {fifth}"
        line = {
            "cell": kind if kind == "original" else f"{kind}, I = {10 + 20 * fifth}",
            "listeners": f"{rating:.2f}",
        }
        for name, sign in MEANS.items():
            mean = float(np.mean(found[name][rows]))
            shown_as = TITLES[name].split(",")[0].split(" (")[0]
            line[shown_as] = f"{sign * mean + 0.0:.3f}"  # no minus before a zero
        lines.append(line)
    return table(lines)


FIGURES = {
    one.__name__: one for one in (cells_nlpd, cells_nlpd_minus_visqol, cells_nlpd_minus_log_mel_mse)
}
TABLES = {"Listeners' cells": cells_table, "Means of each cell": means_table}
