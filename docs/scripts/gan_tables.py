"""Further tables on discriminators: memory, genre, codecs, few labels, and what steps change."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl
from gan_codecs import codec_scores, codecs
from gan_evidence import Arrays, Evidence, Floats
from gan_labelled import features_of, labelled
from gan_memory import memory
from page_sections import DOCS
from write_results import markdown

from musqa_pipeline.learning.baselines.few_labels import few_labels, most_labelled
from musqa_pipeline.stages.evaluation.gan.falls import ALL, falls_of
from musqa_pipeline.stages.gan_scores.read import cells_of
from musqa_pipeline.stages.segments.versions import LADDER, ORIGINAL
from musqa_pipeline.studies.listening.cells import CellsCorrelation, cells_correlation, read_cells
from musqa_pipeline.studies.listening.pmqd_paper import KINDS, PAPER, D
from musqa_pipeline.studies.statistics.bootstrap import estimate, mean_over_recordings
from musqa_pipeline.studies.statistics.metrics import auc, rmse, spearman
from musqa_pipeline.studies.statistics.rank_correlation import rank_correlation

RATINGS = DOCS / "results" / "listeners_cells.csv"
LABELLED = (5, 10, 20, None)
"""Recordings with labels; None is all."""


def number(
    value: float | None, low: float | None = None, high: float | None = None, digits: int = 2
) -> str:
    """Write a number with its interval."""
    if value is None or not np.isfinite(value):
        return "–"
    ends = f" [{low:.{digits}f}, {high:.{digits}f}]" if low is not None else ""
    return f"{value:.{digits}f}{ends}"


def table(lines: Sequence[Mapping[str, object]]) -> str:
    """Write lines as Markdown."""
    return markdown(pl.DataFrame(list(lines), infer_schema_length=None))


def rated_cells(evidence: Evidence, score: Floats) -> CellsCorrelation:
    """Correlate scores, (versions,) or (trainings, versions), with listeners' ratings by cell."""
    chosen, cells = cells_of(evidence.versions)
    whose = evidence.versions["whose"].to_numpy()[chosen]
    return cells_correlation(score[..., chosen], cells, whose, read_cells(RATINGS), "gan")


def beside_the_paper(evidence: Evidence) -> str:
    """Correlate D with ViSQOL where the paper has listeners: five versions a segment.

    D is the mean over seeds, each standardised by its scores of originals.
    """
    original = (evidence.versions["kind"] == ORIGINAL).to_numpy()
    mean, deviation = (
        function(evidence.scores[:, original], axis=1, keepdims=True)
        for function in (np.mean, np.std)
    )
    standardised = ((evidence.scores - mean) / deviation).mean(axis=0)
    rows = evidence.versions.with_columns(score=pl.Series(standardised))
    rows = rows.filter(pl.col("draw") != LADDER)
    if rows["visqol_mos"].null_count():
        return "not run: `[gan] visqol` is off"
    kinds = [kind for kind in KINDS if kind in rows["kind"].unique().to_list()]
    genres = rows["genre"].unique().sort().to_list()
    chosen = {ALL: rows} | {kind: rows.filter(kind=kind) for kind in kinds}
    if len(genres) > 1:
        chosen |= {genre: rows.filter(genre=genre) for genre in genres}
    lines = []
    for name, part in chosen.items():
        found = rank_correlation(part["visqol_mos"], part["score"], part["whose"], "gan")
        paper = PAPER[D].get(name)
        lines.append(
            {
                "of": name,
                "D with ViSQOL": number(found.value, found.low, found.high),
                "p": "–" if found.p is None else f"{found.p:.1e}",
                "n": part.height,
                "recordings": found.n_recordings,
                "D with listeners": "not run: needs PMQD",
                "the paper's, with listeners": "–" if paper is None else f"{paper:.3f}",
            }
        )
    return table(lines)


def memory_table(evidence: Evidence) -> str:
    """Tell whether D knows what it was trained on."""
    lines = []
    for training in evidence.trainings:
        found = memory(evidence, training)
        area = estimate(auc, found["met"], found["score"], found["whose"], "gan")
        curves = json.loads(training.row["curves_json"])
        lines.append(
            {
                "training": training.name,
                "AUC, met against unmet": number(area.value, area.low, area.high),
                "of untrained, mean": number(
                    np.mean([auc(found["met"], score) for score in found["untrained"]])
                ),
                "met": int(found["met"].sum()),
                "unmet": int((found["met"] == 0).sum()),
                "mean score met - validation, last": number(
                    curves["score_met"][-1] - curves["score_unmet"][-1]
                    if "score_unmet" in curves
                    else None
                ),
            }
        )
    return table(lines)


def genre_table(evidence: Evidence) -> str:
    """Ask D of the right genre, of the mean one, and of a wrong one."""
    if len(evidence.classes) < 2:
        return f"not run: one class ({', '.join(evidence.classes)}) makes it unconditional"
    trainings = evidence.trainings
    asked = {
        "its own": evidence.scores,
        "the mean of all": np.stack([one.mean_genre_score for one in trainings]),
        "another": np.stack([evidence.shuffled(one) for one in trainings]),
    }
    lines = []
    for name, scores in asked.items():
        within, cells = falls_of(evidence.versions, scores)[ALL], rated_cells(evidence, scores)
        lines.append(
            {
                "genre": name,
                "with I within segments": number(within.mean, within.low, within.high),
                "with listeners' cells": number(cells.spearman, cells.low, cells.high),
            }
        )
    return table(lines)


def codecs_table(evidence: Evidence) -> str:
    """Correlate D and others with ViSQOL's labels of the pool's processes."""
    found = codecs(evidence)
    scores = [codec_scores(evidence, one) for one in evidence.trainings]
    judges = {one.name: score for one, score in zip(evidence.trainings, scores, strict=True)}
    judges = {f"D, {name}": score for name, score in judges.items()} | {
        "temporal SD": found["temporal_sd"],
        "image contrast": found["contrast"],
        "upper edge": found["upper_edge_hz"],
        "distance of band features, negative": -found["distance"],
        "musqa-net": found["musqa_net"],
    }
    names = list(dict.fromkeys(found["what"].tolist()))
    lines = []
    for name, score in judges.items():
        overall = estimate(spearman, found["visqol"], score, found["whose"], "gan")
        each = {what: _of_rows(found["what"] == what, found, score) for what in names}
        within = [
            (whose, _of_rows((found["what"] == what) & (found["whose"] == whose), found, score))
            for what in names
            for whose in np.unique(found["whose"])
        ]
        inside = mean_over_recordings([r for _, r in within], [w for w, _ in within], "gan")
        lines.append(
            {
                "score": name,
                "all": number(overall.value, overall.low, overall.high),
                "within a codec and recording": number(inside.value, inside.low, inside.high),
                **{what: number(value) for what, value in each.items()},
            }
        )
    n = len(np.unique(found["whose"]))
    return table(lines) + f"\n\n{len(found['what'])} rows of {n} recordings."


def _of_rows(rows: np.ndarray, found: Mapping[str, np.ndarray], score: Floats) -> float:
    return spearman(found["visqol"][rows], score[rows]) or 0.0


def labelled_or_coded(evidence: Evidence) -> Arrays:
    """Return labelled rows of the lake's `dataset`; of codecs on test recordings if it has none."""
    found = labelled(evidence)
    if found is None:
        coded = codecs(evidence)
        found = {**coded, "label": 25 * (coded["visqol"] - 1)}
    return found


def few_labels_table(evidence: Evidence) -> str:
    """Learn ViSQOL's labels from D's features, where few recordings are labelled."""
    found, trainings = labelled_or_coded(evidence), evidence.trainings
    name = f"features of D, {{}}, {16 * evidence.recipe.d_width}"
    judged = {
        name.format(one.name): features_of(evidence, one, found["image"]) for one in trainings
    } | {f"descriptive features, {found['described'].shape[1]}": found["described"]}
    n_recordings = len(np.unique(found["whose"]))
    most, lines = most_labelled(n_recordings), []
    for title, features in judged.items():
        line = {"ridge on": title}
        for n_labelled in LABELLED:
            column = "all" if n_labelled is None else f"{n_labelled} recordings"
            if n_labelled is not None and n_labelled > most:
                line[column] = "–"
                continue
            predicted = few_labels(
                features, found["label"], found["whose"], "gan", n_labelled=n_labelled
            )
            error = estimate(rmse, found["label"], predicted, found["whose"], "gan", n_draws=500)
            line[column] = number(error.value, error.low, error.high)
        lines.append(line)
    spread = float(np.std(found["label"]))
    return table(lines) + (
        f"\n\nRMSE in points, out of fold; {len(found['label'])} rows of {n_recordings} "
        f"recordings, whose labels deviate by {spread:.1f}."
    )


def steps_table(evidence: Evidence) -> str:
    """Follow falls and cells over the kept checkpoints of each training."""
    lines = []
    for training in evidence.trainings:
        curves = json.loads(training.row["curves_json"])
        steps, scores = evidence.checkpoints(training)
        for step, score in zip(steps, scores, strict=True):
            within, cells = falls_of(evidence.versions, [score]), rated_cells(evidence, score)
            at = step // evidence.recipe.checkpoint_steps - 1
            lines.append(
                {
                    "training": training.name,
                    "step": step,
                    "with I within segments": number(within.pop(ALL).mean),
                    **{kind: number(one.mean) for kind, one in within.items()},
                    "with listeners' cells": number(cells.spearman),
                    "Fréchet distance": f"{curves['frechet_distance'][at]:.1f}",
                }
            )
    return table(lines) if lines else "not run: no checkpoint was kept"
