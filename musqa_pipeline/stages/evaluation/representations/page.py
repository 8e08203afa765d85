"""The page ``representations.html``: what autoencoders make of music; none trained, no page."""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl

from musqa_pipeline.stages.autoencoders.music import wants_representations
from musqa_pipeline.stages.engine.context import Context
from musqa_pipeline.stages.evaluation.pages import page_figure, render_page
from musqa_pipeline.stages.evaluation.publish import place_page
from musqa_pipeline.stages.evaluation.representations import plots
from musqa_pipeline.stages.reconstructions.compare import (
    STOPS,
    UNTRAINED,
    Side,
    difference,
    mean_of,
    of_side,
    read_reconstructions,
    read_trainings,
    unmet,
)
from musqa_pipeline.stages.reconstructions.stage import finished_runs
from musqa_pipeline.studies.statistics.bootstrap import Estimate

PAGE = "representations.html"
N_EXCERPTS = 2
"""Excerpts whose reconstructions are shown."""
CURVES = {"psnr_db_unmet": "PSNR, dB", "nlpd_unmet": "NLPD"}
MEASURES = {
    "psnr_db": ("PSNR, dB", 1), "ms_ssim": ("MS-SSIM", 3), "nlpd": ("NLPD", 3),
    "log_mel_mse": ("log-mel MSE", 4), "visqol_mos": ("ViSQOL", 2),
    "used_bits_a_cell": ("bits a cell", 3),
}  # fmt: skip
"""Columns of `reconstructions`, what they are called, and digits."""
Line = dict[str, Any]


def publish_representations_page(context: Context) -> str | None:
    """Write the page of a preset; nothing if it asks for no autoencoder or none is finished."""
    if not wants_representations(context.preset):
        return None
    rows = read_reconstructions(context)
    if rows.is_empty():
        return None
    images = reconstructed_images(context, rows)
    text = render_representations(context.preset.name, read_trainings(context), rows, images)
    return place_page(context, PAGE, text.encode())


def reconstructed_images(
    context: Context, rows: pl.DataFrame
) -> dict[str, Sequence[tuple[str, Any]]]:
    """Make images of test excerpts anew, by recording: as they are, and by every loss and input."""
    from musqa_pipeline.stages.evaluation.representations.pictures import beside_each_other

    tested = rows.filter(part="test").unique("whose", keep="first", maintain_order=True)
    runs = finished_runs(context)
    return {
        f"{one['recording']} ({one['catalog']})": beside_each_other(context, runs, one)
        for one in tested.sort("catalog", "excerpt_id").head(N_EXCERPTS).to_dicts()
    }


def render_representations(
    preset_name: str,
    trainings: Sequence[Mapping[str, Any]],
    rows: pl.DataFrame,
    images: Mapping[str, Sequence[tuple[str, Any]]],
) -> str:
    """Make the page, of excerpts that no training met."""
    rows = unmet(rows)
    curves = {name: curves_of(trainings, name) for name in CURVES}
    figures = [
        _figure(name, f"{words} of unmet music over steps", plots.curves_over_steps, curves[name],
                words)
        for name, words in CURVES.items() if curves[name]
    ]  # fmt: skip
    for number, (title, shown) in enumerate(images.items()):
        words = f"{title}, after equal steps: frequency upward, 10 s"
        figures.append(_figure(f"images-{number}", words, plots.image_grid, shown, 2))
    return render_page(
        "musqa_pipeline.stages.evaluation.representations",
        "representations.html.jinja",
        preset=preset_name,
        n_trainings=len(trainings),
        heard_music="music" in {one["inputs"] for one in trainings},
        n_seeds=len({one["seed"] for one in trainings}),
        n_excerpts=rows.select("catalog", "excerpt_id").n_unique(),
        n_recordings=rows["whose"].n_unique(),
        fixed_bits=trainings[0]["fixed_bits_a_cell"],
        stops=STOPS,
        measures=[words for words, _ in MEASURES.values()],
        by_stop=by_stop(rows, trainings),
        by_measure=by_measure(rows),
        differences=differences(rows),
        figures=figures,
    )


def sides_of(rows: pl.DataFrame, stop: str) -> list[Side]:
    """List what was trained, in the order of settings, stopped in one way."""
    there = set(rows.select("loss", "inputs").unique().rows())
    return [
        Side(loss, which, stop)
        for which, loss in itertools.product(plots.INPUT_WORDS, plots.LOSS_WORDS)
        if (loss, which) in there
    ]


def title_of(side: Side) -> str:
    """Write what was trained on what."""
    if side == UNTRAINED:
        return plots.LOSS_WORDS[side.loss]
    return f"{plots.LOSS_WORDS[side.loss]} on {plots.INPUT_WORDS[side.inputs]}"


def by_stop(rows: pl.DataFrame, trainings: Sequence[Mapping[str, Any]]) -> list[Line]:
    """PSNR of each loss and input in each way to stop, with the steps that it took."""
    lines: list[Line] = [{"title": title_of(UNTRAINED), "minutes": None, "cells": [
        (mean_of(rows, UNTRAINED, "psnr_db"), "")] * len(STOPS)}]  # fmt: skip
    for side in sides_of(rows, STOPS[0]):
        own = [t for t in trainings if (t["loss"], t["inputs"]) == (side.loss, side.inputs)]
        cells = []
        for stop in STOPS:
            stopped = side._replace(stop=stop)
            cells.append((mean_of(rows, stopped, "psnr_db"), steps_words(rows, stopped, len(own))))
        minutes = float(np.mean([one["minutes"] for one in own]))
        lines.append({"title": title_of(side), "minutes": minutes, "cells": cells})
    return lines


def steps_words(rows: pl.DataFrame, side: Side, n_seeds: int) -> str:
    """Write after how many steps trainings were stopped, and how many of them were."""
    found = of_side(rows, side).unique("seed")["step"].to_list()
    if not found:
        return "no seed"
    steps = f"step {min(found):,}" + ("" if len(set(found)) == 1 else f" to {max(found):,}")
    return steps if len(found) == n_seeds else f"{steps}, {len(found)} of {n_seeds} seeds"


def by_measure(rows: pl.DataFrame) -> list[Line]:
    """Every measure after equal steps, and ViSQOL of the sound of the untouched image."""
    heard = rows["visqol_untouched_mos"]
    untouched: list[Estimate | None] = [None] * len(MEASURES)
    lines: list[Line] = []
    for side in (UNTRAINED, *sides_of(rows, "equal")):
        found = [mean_of(rows, side, name) for name in MEASURES]
        lines.append({"title": title_of(side), "cells": _with_digits(found)})
    if heard.null_count() < len(heard):
        same = rows.with_columns(visqol_mos="visqol_untouched_mos")
        place = list(MEASURES).index("visqol_mos")
        untouched[place] = mean_of(same, UNTRAINED, "visqol_mos")
        lines.append({"title": "the untouched image", "cells": _with_digits(untouched)})
    return lines


def _with_digits(found: Sequence[Estimate | None]) -> list[tuple[Estimate | None, int]]:
    return list(zip(found, (digits for _, digits in MEASURES.values()), strict=True))


def differences(rows: pl.DataFrame) -> list[Line]:
    """PSNR of each loss less that of MSE on the same inputs, and of other inputs less white."""
    lines = []
    sides = sides_of(rows, STOPS[0])
    for side in sides:
        for other in (side._replace(loss="mse"), side._replace(inputs="white")):
            if other != side and other in sides:
                cells = [
                    difference(rows, side._replace(stop=stop), other._replace(stop=stop), "psnr_db")
                    for stop in STOPS
                ]
                lines.append({"title": difference_words(side, other), "cells": cells})
    return lines


def difference_words(side: Side, other: Side) -> str:
    """Write what is compared: two losses on the same inputs, or two inputs of a loss."""
    seen, loss = plots.INPUT_WORDS, plots.LOSS_WORDS[side.loss]
    if side.inputs == other.inputs:
        return f"{seen[side.inputs]}: {loss} less {plots.LOSS_WORDS[other.loss]}"
    return f"{loss}: {seen[side.inputs]} less {seen[other.inputs]}"


def curves_of(trainings: Sequence[Mapping[str, Any]], name: str) -> dict[tuple[str, str], Any]:
    """Lay out a curve of all trainings by loss and inputs; empty where nothing unmet was shown."""
    found: dict[tuple[str, str], Any] = {}
    for one in trainings:
        values = json.loads(one["curves_json"]).get(name)
        if values:
            each = one["steps"] // len(values)
            steps = each * np.arange(1.0, len(values) + 1)
            curve = (steps, np.array(values), one["settled_step"])
            found.setdefault((one["loss"], one["inputs"]), []).append(curve)
    return found


def _figure(kind: str, words: str, *drawn: Any) -> tuple[str, Any]:
    make, *arguments = drawn
    return words, page_figure(make, f"representations-{kind}", words, *arguments)
