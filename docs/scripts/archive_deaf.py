"""Which faults of carriers a metric hears, told from ladders of one fault at rising intensity."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import polars as pl
from gan_tables import number, table
from kept_answers import Arrays, KeptAnswers, tell
from matplotlib.figure import Figure
from numpy.typing import NDArray

from musqa_pipeline.audio.degradations.carriers.chains import FAULTS
from musqa_pipeline.audio.degradations.rebuild import degraded_audio
from musqa_pipeline.audio.metrics.registry import SECOND_OPINIONS, find_opinion
from musqa_pipeline.core.errors import StageError
from musqa_pipeline.stages.dataset.inputs import read_labelled_rows
from musqa_pipeline.stages.degradations.carrier_rows import INTENSITIES
from musqa_pipeline.stages.degradations.sources import add_units, read_bitstreams
from musqa_pipeline.stages.degradations.table import LADDER
from musqa_pipeline.stages.engine.context import Context
from musqa_pipeline.stages.excerpts.references import read_reference
from musqa_pipeline.stages.labels.heard import Hearing, faults_of, judge_ladders
from musqa_pipeline.studies.figures import MUTED, SERIES_PRINTED, new_figure
from musqa_pipeline.studies.statistics.bootstrap import mean_over_recordings

LABEL = "ViSQOL"
TITLES = {
    LABEL: LABEL,
    "zimtohrli": "Zimtohrli",
    "nlpd": "NLPD",
    "ms_ssim": "MS-SSIM",
    "log_mel_mse": "log-mel MSE",
}


def read_ladders(context: Context) -> pl.DataFrame:
    """Read the labelled steps of all ladders, with `fault, intensity` and a column a metric.

    Raises StageError if there is none.
    """
    rows = read_labelled_rows(context).filter(pl.col("kind") == LADDER)
    if not rows.height:
        raise StageError(
            "there is no ladder; run a preset with [degradations] n_carrier up to the labels"
        )
    only = [next(iter(faults_of(params).items())) for params in rows["first_params"]]
    rows = rows.with_columns(
        fault=pl.Series([fault for fault, _ in only]),
        intensity=pl.Series([intensity for _, intensity in only]),
        whose=pl.concat_str("catalog", "recording", separator=" "),
    ).sort("catalog", "excerpt_id", "fault", "intensity")
    return rows.rename({"mos": LABEL}).with_columns(**_asked(context, rows))


def _asked(context: Context, rows: pl.DataFrame) -> dict[str, pl.Series]:
    """Ask the second metrics."""
    asked = rows.select("catalog", "excerpt_id", "degraded_id").to_dicts()
    by_reference = [
        list(group)
        for _, group in itertools.groupby(asked, lambda row: (row["catalog"], row["excerpt_id"]))
    ]
    return {
        name: pl.Series(
            np.concatenate([_kept(context, name, mine) for mine in by_reference]).tolist()
        )
        for name in SECOND_OPINIONS
    }


def _kept(context: Context, name: str, rows: list[dict[str, Any]]) -> NDArray[np.float64]:
    """Ask a metric about rows of one reference, once."""

    def make() -> Arrays:
        tell(f"{TITLES[name]}: {rows[0]['catalog']} {rows[0]['excerpt_id']}")
        return {"mos": np.array(list(_judge(context, name, rows)))}

    metric = find_opinion(name)
    metric.require()
    ids = [row["degraded_id"] for row in rows]
    answers = KeptAnswers(context.home, "archive-results")
    return answers.kept(f"ladder-{name}", [metric.version, rows[0]["catalog"], ids], make)["mos"]


def _judge(context: Context, name: str, rows: list[dict[str, Any]]) -> Iterator[float]:
    excerpt_id, catalog = rows[0]["excerpt_id"], rows[0]["catalog"]
    metric = find_opinion(name)(read_reference(context, excerpt_id, catalog))
    rows = [dict(row) for row in rows]
    add_units(context, rows)
    streams = {degraded_id: one for (_, degraded_id), one in read_bitstreams(context, rows)}
    for row in rows:
        (samples,) = degraded_audio([streams[row["degraded_id"]]])
        yield metric.score(samples).mos


def hearings(ladders: pl.DataFrame) -> dict[str, dict[str, Hearing]]:
    """Judge each fault by each metric: by metric, then by fault."""
    return {
        name: judge_ladders(ladders.with_columns(mos=pl.col(name)))
        for name in TITLES
        if name in ladders.columns
    }


def deaf_table(ladders: pl.DataFrame) -> str:
    """Say of each fault and metric how it falls, and whether that counts as heard."""
    of = hearings(ladders)
    lines = []
    for fault in FAULTS:
        line: dict[str, object] = {"fault": fault, "ladders": of[LABEL][fault].n_ladders}
        for name, each in of.items():
            one = each[fault]
            said = f"{one.spearman:.2f}, {one.fall_mos:.2f}"
            line[TITLES[name]] = f"**{said}**" if one.heard else said
        lines.append(line)
    return table(lines)


def steps_table(ladders: pl.DataFrame) -> str:
    """Write the mean label of each step, with an interval over recordings."""
    lines = []
    for fault in FAULTS:
        line: dict[str, object] = {"fault": fault}
        for intensity in INTENSITIES:
            rows = ladders.filter(pl.col("fault") == fault, pl.col("intensity") == intensity)
            if rows.height:
                values = rows[LABEL].to_numpy()
                found = mean_over_recordings(values, rows["whose"], "archive")
                line[f"{intensity:g}"] = number(found.value, found.low, found.high)
        lines.append(line)
    return table(lines)


def trusted(of: Mapping[str, Hearing]) -> tuple[int, int]:
    """Count the faults that the label's metric hears, of all."""
    return sum(one.heard for one in of.values()), len(of)


def draw_ladders(ladders: pl.DataFrame) -> Figure:
    """Draw mean MOS over intensity, a panel a fault and a line a metric."""
    figure = new_figure(10.0, 7.2)
    panels = figure.subplots(3, 4, sharex=True, sharey=True).ravel()
    names = [name for name in TITLES if name in ladders.columns]
    for panel, fault in zip(panels, FAULTS, strict=True):
        mine = ladders.filter(pl.col("fault") == fault)
        means = mine.group_by("intensity").agg(pl.col(names).mean()).sort("intensity")
        for name, colour in zip(names, SERIES_PRINTED, strict=False):
            panel.plot(
                means["intensity"], means[name], color=colour, label=TITLES[name], marker="."
            )
        panel.set_title(fault.replace("_", " "), fontsize=10)
        panel.set_xticks(INTENSITIES)
        panel.set_ylim(1.0, 5.1)
        panel.tick_params(colors=MUTED)
    for panel in panels[8:]:
        panel.set_xlabel("intensity")
    for panel in panels[::4]:
        panel.set_ylabel("MOS, each on its own scale")
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=len(names), frameon=False)
    return figure
