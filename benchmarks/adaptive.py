"""How many fewer labels the adaptive mode needs for the same uniformity, replayed on real labels.

Run ``MUSQA_HOME=… python benchmarks/adaptive.py --preset paper --size 13000`` on a lake whose
labels were made without the mode; the last line is ``ratio N.Nx``. Nothing is made or scored: a
"label" is one that the lake has, so the rounds may only choose among the cascades made there, which
is less than they could choose from.

Both ways start with the singles, and are measured alike: the least number of labels whose best draw
of ``--size`` rows is as even as the adaptive one's, over bins of the quality range of the whole
lake. The fixed plan takes a random part of the cascades, the same number for each reference (one
more for some). Rows with equal samples count once. Medians over seeds.
"""

import argparse
import statistics
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl

from musqa_pipeline.core.home import home_folder
from musqa_pipeline.core.settings.per_catalog import AdaptiveSettings
from musqa_pipeline.stages.dataset.adaptive.choose import is_reached
from musqa_pipeline.stages.dataset.adaptive.plan_round import plan_from_labels
from musqa_pipeline.stages.dataset.balance import bin_of, quality_edges
from musqa_pipeline.stages.dataset.quotas import fill_evenly
from musqa_pipeline.stages.dataset.uniformity import effective_count, evenness
from musqa_pipeline.stages.views.duck import query

PAIR = ["excerpt_id", "first_id", "last_id"]
MOST_LABELS = 'SELECT catalog FROM "{0}".labels GROUP BY ALL ORDER BY count(*) DESC LIMIT 1'
LABELLED = """
    SELECT d.degraded_id, d.excerpt_id, d.depth, d.first_id, d.last_id, d.in_pool, d.identical_to,
           l.quality
    FROM "{0}".degradations d JOIN "{0}".labels l USING (catalog, degraded_id)
    WHERE catalog = '{1}' ORDER BY ALL
"""


def distinct_cascades(rows):
    """Keep one of the cascades with equal halves, under the name that the rounds would use."""
    alone = rows.filter(pl.col("depth") == 1)
    twins = alone.filter(pl.col("identical_to").is_not_null()).join(
        alone.select("excerpt_id", identical_to="degraded_id", twin_id="first_id"),
        on=["excerpt_id", "identical_to"],
    )
    cascades = rows.filter((pl.col("depth") == 2) & pl.col("identical_to").is_null())
    for half in ("first_id", "last_id"):
        names = twins.select("excerpt_id", "twin_id", **{half: "first_id"})
        cascades = cascades.join(names, on=["excerpt_id", half], how="left").with_columns(
            pl.coalesce("twin_id", half).alias(half)
        )
        cascades = cascades.drop("twin_id")
    return cascades.unique(PAIR, keep="first", maintain_order=True).sort("degraded_id")


class Replay:
    """One lake's labels, and what has to be known to compare two ways through them."""

    def __init__(self, rows, settings):
        self.settings = settings
        self.singles = rows.filter(pl.col("depth") < 2)
        self.cascades = distinct_cascades(rows)
        pool = pl.concat([self.singles, self.cascades]).filter(self.drawable)
        self.edges = quality_edges(pool["quality"].to_numpy(), settings.n_bins)
        self.n_singles = self.singles.filter(pl.col("identical_to").is_null()).height

    drawable = pl.col("in_pool") & pl.col("identical_to").is_null()

    def counts(self, rows):
        """Return the drawable rows of each bin."""
        quality = rows.filter(self.drawable)["quality"].to_numpy()
        return np.bincount(bin_of(quality, self.edges), minlength=len(self.edges) - 1)

    def draw(self, rows):
        """Return how many rows of the wanted size there are, and how even they are."""
        drawn = fill_evenly(self.settings.rows_wanted, self.counts(rows))
        return int(drawn.sum()), evenness(drawn, np.ones(len(drawn), dtype=bool))

    def in_random_order(self, seed):
        """Order the cascades as a fixed plan makes them: first one of each reference, and so on."""
        shuffled = self.cascades.sample(fraction=1.0, shuffle=True, seed=seed)
        rank = pl.int_range(pl.len()).over("excerpt_id")
        return shuffled.with_columns(rank=rank).sort("rank", maintain_order=True).drop("rank")

    def fixed(self, seed, even):
        """Return the labels that a fixed plan needs; None if the lake has too few."""
        order = self.in_random_order(seed)
        goal = replace(self.settings, evenness=min(even, 1 - 1e-9) - 1e-9)

        def enough(n):
            return is_reached(self.counts(pl.concat([self.singles, order.head(n)])), goal)

        low, high = 0, order.height
        if not enough(high):
            return None
        while low < high:
            middle = (low + high) // 2
            low, high = (low, middle) if enough(middle) else (middle + 1, high)
        return self.n_singles + low

    def adaptive(self, seed, first_cascades):
        """Play the rounds; return the rows labelled, round by round."""
        settings = replace(self.settings, seed=seed)
        references = self.cascades["excerpt_id"].n_unique()
        first = self.in_random_order(seed + 1_000).head(first_cascades * references)
        rounds = [pl.concat([self.singles, first])]
        for number in range(1, settings.rounds + 1):
            rows = pl.concat(rounds)
            tried = rows.filter(pl.col("depth") == 2).select(PAIR)
            plan = pl.DataFrame(
                plan_from_labels(rows, tried, settings, number, only=self.cascades.select(PAIR))
            )
            if plan.is_empty():
                break
            rounds.append(
                plan.select(PAIR).join(self.cascades, on=PAIR).select(self.cascades.columns)
            )
        return rounds

    def n_labels(self, rows):
        """Count rows that a metric has to score: of equal singles only the first."""
        return rows.filter((pl.col("depth") == 2) | pl.col("identical_to").is_null()).height


def plot(replay, fixed_rows, rounds, path):
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, 2, figsize=(10, 3.6), sharey=True, layout="constrained")
    centres = (replay.edges[:-1] + replay.edges[1:]) / 2
    width = 0.9 * np.diff(replay.edges)
    wanted = replay.settings.rows_wanted / len(centres)
    axes[0].bar(centres, replay.counts(fixed_rows), width, color="0.6")
    axes[0].set_title(f"fixed plan: {replay.n_labels(fixed_rows):,} labels")
    below = np.zeros(len(centres))
    shades = plt.get_cmap("viridis")(np.linspace(0.1, 0.9, len(rounds)))
    for number, (rows, shade) in enumerate(zip(rounds, shades, strict=True)):
        counts = replay.counts(rows)
        axes[1].bar(centres, counts, width, bottom=below, color=shade, label=f"round {number}")
        below += counts
    axes[1].set_title(f"adaptive: {replay.n_labels(pl.concat(rounds)):,} labels")
    axes[1].legend()
    for axis in axes:
        axis.axhline(wanted, color="k", linewidth=0.8, linestyle="--")
        axis.set_xlabel("quality")
        axis.set_ylim(0, 4 * wanted)
    axes[0].set_ylabel("rows of the pool (cut off above)")
    figure.savefig(path, dpi=110)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--preset", default="paper", help="name of the preset of the labels")
    parser.add_argument("--catalog", help="catalog; the one with most labels when left out")
    parser.add_argument("--size", type=int, default=13_000, help="rows to draw evenly")
    parser.add_argument("--evenness", type=float, default=AdaptiveSettings.evenness)
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--cascades-per-round", type=int, default=20)
    parser.add_argument("--first-cascades", type=int, default=4, help="cascades of round 0")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--plot", type=Path, help="picture to write")
    wanted = parser.parse_args()
    home = home_folder()
    catalog = wanted.catalog or query(home, MOST_LABELS.format(wanted.preset)).item()
    rows = query(home, LABELLED.format(wanted.preset, catalog))
    settings = AdaptiveSettings(
        rounds=wanted.rounds,
        cascades_per_round=wanted.cascades_per_round,
        rows_wanted=wanted.size,
        evenness=wanted.evenness,
    )
    compare(Replay(rows, settings), wanted)


def compare(replay, wanted):
    everything = pl.concat([replay.singles, replay.cascades])
    size, even = replay.draw(everything)
    print(
        f"{everything['excerpt_id'].n_unique()} references, {replay.n_labels(everything):,} "
        f"distinct labels ({replay.n_singles:,} singles); all of them: {size:,} of "
        f"{wanted.size:,} rows, evenness {even:.4f}"
    )
    n_all, ratios, of_cascades = replay.n_labels(everything), [], []
    for seed in range(wanted.seeds):
        rounds = replay.adaptive(seed, wanted.first_cascades)
        made = pl.concat(rounds)
        size, even = replay.draw(made)
        n_adaptive, needed = replay.n_labels(made), replay.fixed(seed, even)
        n_fixed = needed or n_all
        processes = effective_count(made.filter(pl.col("depth") == 2)["last_id"])
        sizes = " + ".join(f"{replay.n_labels(r):,}" for r in rounds)
        print(
            f"seed {seed}: adaptive {n_adaptive:,} labels ({sizes}) give {size:,} rows, evenness "
            f"{even:.4f}, {processes:.0f} effective last processes; fixed plan "
            f"{'more than ' if needed is None else ''}{n_fixed:,}"
        )
        ratios.append(n_fixed / n_adaptive)
        of_cascades.append((n_fixed - replay.n_singles) / (n_adaptive - replay.n_singles))
        if seed == 0 and wanted.plot:
            part = replay.in_random_order(seed).head(n_fixed - replay.n_singles)
            plot(replay, pl.concat([replay.singles, part]), rounds, wanted.plot)
    print(
        f"cascades alone, without the singles that both make: {statistics.median(of_cascades):.1f}x"
    )
    print(f"all labels of the lake: {n_all / n_adaptive:.1f}x as many as the last adaptive run")
    print(f"ratio {statistics.median(ratios):.1f}x")


if __name__ == "__main__":
    main()
