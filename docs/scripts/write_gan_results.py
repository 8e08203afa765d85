"""Print the tables of docs/gan.md on what discriminators hear, from a finished run.

``python docs/scripts/write_gan_results.py --preset docs/results/gan_cpu.toml``, with
``--figure NAME``, ``--table TITLE`` or ``--compare`` for a part of them.

All scores are turned so that more is better. Correlations with intensity are within the ladder of
each segment, so that -1 falls at each step; intervals are a bootstrap over recordings, and of the
mean over seeds where D has several. What the lake does not hold is asked once
(`gan_evidence`); the 300 untrained discriminators take the longest. With ``--figure`` the last line
is that number, and only what it needs is computed.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np
from gan_boosted import boosted_difference, boosted_table
from gan_configurations import configurations_table
from gan_evidence import Evidence, Floats
from gan_resume import difference
from gan_tables import (
    beside_the_paper,
    codecs_table,
    few_labels_table,
    genre_table,
    memory_table,
    number,
    rated_cells,
    steps_table,
    table,
)

from musqa_pipeline.core.home import home_folder
from musqa_pipeline.operations.costs.summary import read_runs
from musqa_pipeline.stages.evaluation.gan.falls import ALL, falls_of, side_by_side
from musqa_pipeline.stages.gan_scores.read import ladders_of, original_of
from musqa_pipeline.stages.graph import joint_context, load_preset
from musqa_pipeline.stages.segments.versions import LADDER
from musqa_pipeline.studies.statistics.bootstrap import mean_over_recordings
from musqa_pipeline.studies.statistics.ladders import (
    difference_of_falls,
    null_means,
    null_share,
)

LABEL_FREE = {
    "temporal SD": ("temporal_sd", 1),
    "flatness at 48 kHz, negative": ("flatness_48k", -1),
    "flatness at 16 kHz, negative": ("flatness_16k", -1),
    "image contrast": ("contrast", 1),
    "upper edge": ("upper_edge_hz", 1),
    "distance of band features, negative": ("distance", -1),
}
"""What needs neither label nor reference, by its sign: more is better."""
OTHERS = {
    "musqa-net": ("musqa_net", 1),
    "ViSQOL": ("visqol_mos", 1),
    "Zimtohrli": ("zimtohrli_mos", 1),
    "MSE, negative": ("mse", -1),
    "I, negative": ("intensity", -1),
}
"""What was taught, or knows the original."""
STRONG = 90.0
KINDS = ("distortion", "limiter", "lowpass", "noise")
MEAN = "D, mean over seeds"


def main() -> None:
    """Print the tables, or a figure."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--preset", required=True)
    parser.add_argument("--network", help="of [gan] networks; the first when left out")
    parser.add_argument("--figure", choices=sorted(FIGURES))
    parser.add_argument("--table", choices=list(TABLES), help="that one alone")
    parser.add_argument(
        "--compare", action="store_true", help="all trained networks of the preset side by side"
    )
    arguments = parser.parse_args()
    context = joint_context(home_folder(), load_preset(arguments.preset))
    if arguments.compare:
        print(configurations_table(context))
        return
    evidence = Evidence(context, arguments.network)
    if arguments.figure:
        print(f"{FIGURES[arguments.figure](evidence):.4g}")
        return
    chosen = {arguments.table: TABLES[arguments.table]} if arguments.table else TABLES
    for title, make in chosen.items():
        print(f"### {title}\n\n{make(evidence)}\n", flush=True)


def judges(evidence: Evidence, chosen: dict[str, tuple[str, int]]) -> dict[str, Floats]:
    """Return scores of versions that ask no GAN; what the lake lacks by preset is left out."""
    columns = {name: evidence.versions[name] for name, _ in chosen.values()
               if name in evidence.versions.columns}  # fmt: skip
    asked = {} if len(columns) == len(chosen) else evidence.measures()
    found = {}
    for title, (name, sign) in chosen.items():
        values = columns.get(name)
        if values is not None and name == "intensity":
            values = values.fill_null(0.0)
        scores = asked[name] if values is None else values.to_numpy()
        if np.isfinite(scores).all():
            found[title] = sign * scores
    return found


def everybody(evidence: Evidence) -> dict[str, Floats]:
    """Return all scores, (trainings, versions): each training, their mean, and the others."""
    each = {f"D, {one.name}": one.score[None] for one in evidence.trainings}
    others = judges(evidence, LABEL_FREE | OTHERS)
    return {**each, MEAN: evidence.scores, **{name: score[None] for name, score in others.items()}}


def trainings_table(evidence: Evidence) -> str:
    """Say what was trained, how long, and how far the generator came."""
    lines = [
        {
            "training": one.name,
            "steps": one.row["steps"],
            "minutes": f"{one.row['minutes']:.1f}",
            "tracks": one.row["n_train"],
            "Fréchet distance untrained": f"{one.row['frechet_untrained']:.1f}",
            "last": f"{one.row['frechet_last']:.1f}",
            "ratio": f"{one.row['frechet_untrained'] / one.row['frechet_last']:.1f}",
            "device": one.row["device"],
        }
        for one in evidence.trainings
    ]
    return table(lines) + f"\n\nCPU minutes of the stage `gans`: {cpu_minutes(evidence):.1f}."


def within_table(evidence: Evidence) -> str:
    """Correlate with intensity within segments: D, the null, and what asks no GAN."""
    lines = []
    for name, scores in everybody(evidence).items():
        if name.startswith("I,"):
            continue
        found = falls_of(evidence.versions, scores)
        lines.append({"score": name, **{kind: number(one.mean, one.low, one.high)
                                        for kind, one in found.items()}})  # fmt: skip
        if name == MEAN:
            lines += null_lines(evidence)
    n = falls_of(evidence.versions, evidence.scores)[ALL]
    n_each = n.n_ladders // len(evidence.trainings)
    return table(lines) + f"\n\n{n_each} ladders of {n.n_recordings} recordings."


def null_lines(evidence: Evidence) -> list[dict[str, str]]:
    """Write quantiles of means of as many untrained discriminators as there are seeds."""
    n = len(evidence.trainings)
    means = {kind: null_means(one, n, "gan") for kind, one in evidence.null_falls().items()}
    return [
        {
            "score": f"mean of {n} untrained, {100 * level:g} % quantile",
            **{kind: number(float(np.quantile(one, level))) for kind, one in means.items()},
        }
        for level in (0.025, 0.05, 0.5, 0.95, 0.975)
    ]


def paired_table(evidence: Evidence) -> str:
    """Hold D against each that needs no label, recording by recording; below 0 D falls more."""
    ours = side_by_side(ladders_of(evidence.versions, score) for score in evidence.scores)
    lines = []
    for name, score in judges(evidence, LABEL_FREE).items():
        found = difference_of_falls(ours, ladders_of(evidence.versions, score), "gan")
        best = " (the best of them)" if name == best_within(evidence) else ""
        apart = number(found.value, found.low, found.high)
        lines.append({"D, mean over seeds, less": f"{name}{best}", "difference": apart})
    return table(lines)


def best_within(evidence: Evidence) -> str:
    """Name what falls most surely of all that needs no label."""
    found = judges(evidence, LABEL_FREE)
    return min(found, key=lambda name: falls_of(evidence.versions, [found[name]])[ALL].mean)


def share_table(evidence: Evidence) -> str:
    """Count segments whose original scores above themselves at I = 90."""
    original, lines = original_of(evidence.versions), []
    for name, scores in everybody(evidence).items():
        line = {"score": name}
        for kind in KINDS:
            rows = evidence.versions.with_row_index("row").filter(
                kind=kind, draw=LADDER, intensity=STRONG
            )
            row = rows["row"].to_numpy()
            above = (scores[:, original[row]] > scores[:, row]).mean(axis=0)
            found = mean_over_recordings(above, rows["whose"], "gan")
            line[kind] = number(found.value, found.low, found.high)
        lines.append(line)
    return table(lines)


def cells_table(evidence: Evidence) -> str:
    """Correlate all with listeners' ratings by cell."""
    lines = []
    for name, scores in everybody(evidence).items():
        found = rated_cells(evidence, scores)
        spread = number(found.spearman, found.low, found.high)
        lines.append({"score": name, "Spearman with the 21 cells": spread})
    return table(lines)


def cpu_minutes(evidence: Evidence) -> float:
    """Add up the CPU of the preset's runs of the stage; a run that was killed is in none."""
    runs = read_runs(evidence.context).filter(stage="gans")
    return float(runs["cpu_s"].sum()) / 60


def frechet_ratio(evidence: Evidence) -> float:
    """Divide the distance of the first images by that of the last, on average over seeds."""
    rows = [one.row for one in evidence.trainings]
    return float(np.mean([row["frechet_untrained"] / row["frechet_last"] for row in rows]))


def resume_difference(evidence: Evidence) -> float:
    """Train shortly, killed and undisturbed."""
    with tempfile.TemporaryDirectory() as folder:
        tracks = evidence.tracks("train", evidence.recipe.images)
        return difference(evidence.recipe, tracks, Path(folder))


def within_rho(evidence: Evidence) -> float:
    """Average the correlation with intensity over kinds, recordings and seeds."""
    found = falls_of(evidence.versions, evidence.scores)[ALL]
    print(f"{MEAN}: {number(found.mean, found.low, found.high)}")
    return found.mean


def within_null_percentile(evidence: Evidence) -> float:
    """Say which per cent of means of untrained discriminators are as low."""
    found = falls_of(evidence.versions, evidence.scores)[ALL].mean
    return 100 * null_share(found, evidence.null_falls()[ALL], len(evidence.trainings), "gan")


def cells_rho(evidence: Evidence) -> float:
    """Correlate D with listeners' cells, on average over seeds."""
    found = rated_cells(evidence, evidence.scores)
    print(f"{MEAN}: {number(found.spearman, found.low, found.high)}")
    return found.spearman


def best_free_baseline(evidence: Evidence) -> float:
    """Correlate the best of those that need no label with listeners' cells."""
    found = {name: rated_cells(evidence, score).spearman or 0.0
             for name, score in judges(evidence, LABEL_FREE).items()}  # fmt: skip
    best = max(found, key=found.__getitem__)
    print(best)
    return found[best]


FIGURES = {
    one.__name__: one
    for one in (
        cpu_minutes, frechet_ratio, resume_difference, within_rho, within_null_percentile,
        cells_rho, best_free_baseline, boosted_difference,
    )
}  # fmt: skip
TABLES = {
    "Trainings": trainings_table,
    "Correlation with intensity within segments": within_table,
    "D beside what needs no label": paired_table,
    "Share of segments whose original scores above I = 90": share_table,
    "Listeners' cells": cells_table,
    "Memory": memory_table,
    "Genre": genre_table,
    "Over steps": steps_table,
    "The paper's table 2": beside_the_paper,
    "Codecs": codecs_table,
    "Few labels": few_labels_table,
    "D as one more feature": boosted_table,
}

if __name__ == "__main__":
    main()
