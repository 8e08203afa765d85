"""What music without labels is worth: bodies that learned before against weights of chance."""

from __future__ import annotations

from functools import cache
from itertools import product
from pathlib import Path

import numpy as np
from archive_bodies import (
    BEFORE,
    CHANCE,
    FEATURES,
    MOS,
    SEED_KEY,
    SEVERITIES,
    SHUFFLED,
    Bodies,
)
from gan_tables import number, table
from matplotlib.figure import Figure
from numpy.typing import NDArray
from scipy.stats import rankdata

from musqa_pipeline.core.files import write_whole
from musqa_pipeline.stages.engine.context import Context
from musqa_pipeline.studies.figures import (
    MUTED,
    SERIES_PRINTED,
    house_style,
    new_figure,
    to_png,
)
from musqa_pipeline.studies.statistics.bootstrap import Estimate, estimate, paired_difference

COUNTS = (50, 100, 200, None)
"""Labelled rows; None is all that are not of test recordings."""
FROZEN, TUNED = "frozen", "fine-tuned"
ASKED = (
    *product((FROZEN, TUNED), (BEFORE, CHANCE)), (FROZEN, FEATURES), (FROZEN, SHUFFLED),
)  # fmt: skip
"""Ways and bodies; the last is the control that must fail."""
N_DRAWS = 1000
Floats = NDArray[np.float64]


def mean_spearman(known_nw: Floats, said_nsw: Floats) -> float | None:
    """Return the mean of Spearman's coefficient over what is asked and over trainings.

    What is the same in all rows is left out; who says the same of all has 0.
    """
    varies = np.ptp(known_nw, axis=0) > 0
    if not varies.any():
        return None
    x, y = (_standard_ranks(side) for side in (known_nw[:, varies], said_nsw[..., varies]))
    return float((x[:, None] * y).sum(axis=0).mean())


def _standard_ranks(values: Floats) -> Floats:
    ranks = rankdata(values, axis=0)
    ranks -= ranks.mean(axis=0)
    length = np.sqrt(np.square(ranks).sum(axis=0))
    return ranks / np.where(length > 0, length, 1.0)


class Results:
    """What all bodies say, and what that comes to."""

    def __init__(self, bodies: Bodies) -> None:
        self.bodies = bodies
        self.said, self.score = cache(self._all_said), cache(self._scored)

    def _all_said(self, way: str, kind: str, target: str, count: int | None) -> Floats:
        """Return what the bodies of all seeds say, (asked, seeds, what)."""
        ask = self.bodies.frozen if way == FROZEN else self.bodies.tuned
        return np.stack([ask(kind, target, count, s) for s in self.bodies.seeds], axis=1)

    def _scored(self, way: str, kind: str, target: str, count: int | None) -> Estimate:
        """Return the mean coefficient with its interval over recordings."""
        known, whose = self._asked(target)
        return estimate(
            mean_spearman, known, self.said(way, kind, target, count), whose, SEED_KEY,
            n_draws=N_DRAWS,
        )  # fmt: skip

    def gain(self, way: str, target: str, counts: tuple[int | None, ...]) -> Estimate:
        """Return what pre-training adds, paired by recording: the mean over numbers of labels."""
        known, whose = self._asked(target)
        first, second = (
            np.concatenate([self.said(way, kind, target, n) for n in counts], axis=1)
            for kind in (BEFORE, CHANCE)
        )
        return paired_difference(
            mean_spearman, known, first, second, whose, SEED_KEY, n_draws=N_DRAWS
        )

    def _asked(self, target: str) -> tuple[Floats, NDArray[np.str_]]:
        rows = self.bodies.asked(target)
        return self.bodies.known(target)[0][rows], self.bodies.whose[rows]


def print_pretraining(context: Context, picture: Path | None = None) -> None:
    """Print a table of each target; last, what pre-training adds to fine-tuned severities."""
    bodies = Bodies(context)
    results = Results(bodies)
    for target in (SEVERITIES, MOS):
        rows = bodies.asked(target)
        print(
            f"### {target}: mean Spearman coefficient over {len(bodies.seeds)} seeds; {len(rows)} "
            f"rows of {len(np.unique(bodies.whose[rows]))} test recordings\n"
        )
        print(f"{results_table(results, target)}\n")
    if picture:
        with house_style("archives"):
            write_whole(picture, to_png(draw_results(results), n_colours=256))
    mean = results.gain(TUNED, SEVERITIES, COUNTS)
    print(number(mean.value, mean.low, mean.high, 3))


def results_table(results: Results, target: str) -> str:
    """Write how bodies of either kind do with few labels and many, and what does without."""
    lines = []
    for way, kind in ASKED:
        line: dict[str, object] = {"rows with labels": f"{kind}, {way}"}
        for count in COUNTS:
            one = results.score(way, kind, target, count)
            line[head_of(count)] = number(one.value, one.low, one.high)
        lines.append(line)
        if kind == CHANCE:
            line = {"rows with labels": f"**gain, {way}**"}
            for count in COUNTS:
                one = results.gain(way, target, (count,))
                line[head_of(count)] = number(one.value, one.low, one.high)
            lines.append(line)
    return table(lines)


def head_of(count: int | None) -> str:
    """Write how many rows are labelled."""
    return "all" if count is None else str(count)


def draw_results(results: Results) -> Figure:
    """Draw the coefficients over the number of labelled rows, a panel a target and a way."""
    figure = new_figure(10.0, 6.4)
    grid = figure.subplots(2, 2, sharex=True, sharey="row")
    places = np.arange(len(COUNTS))
    for (target, way), panel in zip(
        product((SEVERITIES, MOS), (FROZEN, TUNED)), grid.ravel(), strict=True
    ):
        asked = [pair for pair in ASKED if pair[0] == way or pair[1] == FEATURES]
        for number_of, (how, kind) in enumerate(asked):
            found = [results.score(how, kind, target, count) for count in COUNTS]
            colour = SERIES_PRINTED[(BEFORE, CHANCE, FEATURES, SHUFFLED).index(kind)]
            panel.plot(places, [one.value for one in found], color=colour, marker=".", label=kind)
            if found[0].low is not None:
                low, high = ([getattr(one, end) for one in found] for end in ("low", "high"))
                shift = 0.06 * (number_of - 1)
                panel.vlines(places + shift, low, high, color=colour, alpha=0.5)
        panel.axhline(0.0, color=MUTED, linewidth=0.8)
        panel.set_title(f"{target}, {way}", fontsize=10)
        panel.set_xticks(places, [head_of(count) for count in COUNTS])
        panel.tick_params(colors=MUTED)
    for panel in grid[1]:
        panel.set_xlabel("rows with labels")
    for panel in grid[:, 0]:
        panel.set_ylabel("Spearman coefficient")
    handles, labels = grid[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=len(labels), frameon=False)
    return figure
