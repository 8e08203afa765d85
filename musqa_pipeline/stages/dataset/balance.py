"""The uniform draw: rows of each part so that every quality has as many as every other.

1. `size` is shared over the parts in proportion to the tracks that they have rows of; where there
   is a `test_size`, the test has that instead, and the other parts share.
2. The observed range of quality, over all parts, is cut into `n_bins` equal bins.
3. In each part the bins give the same number of rows; what a bin cannot give the others do.
4. Within a bin rows are spread over references, processes and quarters of the bin (`spread`), the
   poorest bins first, so that the rich ones can make up for what these had to take.
5. `natural_rows` rows, of the test recordings or of all, are kept besides as the pool has them;
   among them rows whose labels are not trusted, marked.

Chance is a hash per row, of (seed, catalog, degraded_id): neither the order of the rows nor their
number moves it, and nothing is drawn twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from musqa_pipeline.core.errors import StageError
from musqa_pipeline.core.seeds import derive_seed
from musqa_pipeline.core.settings.dataset import DatasetSettings
from musqa_pipeline.stages.dataset.quotas import fill_evenly, fill_in_proportion
from musqa_pipeline.stages.dataset.splits import PARTS
from musqa_pipeline.stages.dataset.spread import NO_KEY, Family, draw_spread

N_QUARTERS = 4
"""Each bin is spread over four finer ones, so that its rows do not crowd at one edge."""
QUARTER_WEIGHT = 3.0
"""There are few quarters and many references: at equal weights the quarters would hardly count."""


@dataclass(frozen=True)
class PartDraw:
    """What was drawn for one part, bin by bin."""

    part: str
    n_wanted: int
    """The part's share of `size`, before its supply was looked at."""
    n_tracks: int
    supply: NDArray[np.int64]
    """Shape (bins,): candidates."""
    drawn: NDArray[np.int64]
    """Shape (bins,): rows drawn."""
    n_over_cap: NDArray[np.int64]
    """Shape (bins,): rows that had to be taken over the cap of a process or a reference."""


@dataclass(frozen=True)
class Draw:
    """The dataset with its history."""

    rows: pl.DataFrame
    """The candidates that were drawn, with `bin, uniform_draw, natural_mix`."""
    edges: NDArray[np.float64]
    """Shape (bins + 1,): borders of the bins on the scale of quality, 0-1."""
    parts: tuple[PartDraw, ...]


def draw_dataset(
    candidates: pl.DataFrame,
    settings: DatasetSettings,
    *,
    untrusted: pl.DataFrame | None = None,
) -> Draw:
    """Draw the dataset."""
    if candidates.is_empty():
        raise StageError(
            "dataset: no row may be drawn; look into the view quarantine, and whether the preset "
            "leaves any process in the pool"
        )
    edges = quality_edges(candidates["quality"].to_numpy(), settings.n_bins)
    every = candidates.with_columns(trusted=pl.lit(True))
    if untrusted is not None:
        every = pl.concat([every, untrusted.with_columns(trusted=pl.lit(False))])
    names = zip(every["catalog"], every["degraded_id"], strict=True)
    hashes = np.array([derive_seed("dataset", settings.seed, *name) for name in names], np.uint64)
    rows = (
        every.with_columns(hash=pl.Series(hashes))
        .sort("hash", "catalog", "degraded_id")
        .with_columns(reference=pl.struct("catalog", "excerpt_id").rank("dense").cast(pl.Int64) - 1)
        .with_row_index("row")
    )
    rows = rows.with_columns(bin=pl.Series(bin_of(rows["quality"].to_numpy(), edges)))
    trusted = rows.filter("trusted")
    uniform = np.zeros(rows.height, dtype=bool)
    parts = []
    for part, (n_wanted, share) in _shares(trusted, settings).items():
        members = trusted.filter(pl.col("part") == part)
        supply = np.bincount(members["bin"].to_numpy(), minlength=settings.n_bins)
        quotas = fill_evenly(share, supply)
        chosen, n_over_cap = _draw_part(members, quotas, supply, edges, settings)
        uniform[chosen] = True
        n_tracks = members.select("catalog", "track_id").n_unique()
        parts.append(PartDraw(part, n_wanted, n_tracks, supply, quotas, n_over_cap))
    natural = np.zeros(rows.height, dtype=bool)
    # Rows stand in hash order, so the first ones are a fair sample of the pool.
    shown = pl.lit(True) if settings.natural_mix_of == "all" else pl.col("part") == "test"
    natural[rows.filter(shown)["row"].to_numpy()[: settings.natural_rows]] = True
    drawn = (
        rows.with_columns(uniform_draw=pl.Series(uniform), natural_mix=pl.Series(natural))
        .filter(pl.col("uniform_draw") | pl.col("natural_mix"))
        .sort("catalog", "excerpt_id", "degraded_id")
    )
    return Draw(drawn.drop("row", "hash", "reference"), edges, tuple(parts))


def quality_edges(quality: NDArray[np.float64], n_bins: int) -> NDArray[np.float64]:
    """Cut the observed range of quality into equal bins."""
    return np.linspace(float(quality.min()), float(quality.max()), n_bins + 1)


def bin_of(quality: NDArray[np.float64], edges: NDArray[np.float64]) -> NDArray[np.int16]:
    """Find each row's bin."""
    bins = np.searchsorted(edges, quality, side="right") - 1
    return np.clip(bins, 0, len(edges) - 2).astype(np.int16)


def _shares(rows: pl.DataFrame, settings: DatasetSettings) -> dict[str, tuple[int, int]]:
    """Return how many rows each part should have, and how many its supply lets it have."""
    counted = rows.group_by("part").agg(
        n_rows=pl.len(), n_tracks=pl.struct("catalog", "track_id").n_unique()
    )
    by_part = {row["part"]: row for row in counted.iter_rows(named=True)}
    present = [part for part in PARTS if part in by_part]
    apart = [part for part in present if part == "test" and settings.test_size]
    found: dict[str, tuple[int, int]] = {}
    for parts, size in (
        ([part for part in present if part not in apart], settings.size),
        (apart, settings.test_size),
    ):
        weights = [by_part[part]["n_tracks"] for part in parts]
        supply = [by_part[part]["n_rows"] for part in parts]
        wanted = fill_in_proportion(size, weights, [size] * len(parts))
        shares = fill_in_proportion(size, weights, supply)
        found |= {p: (int(w), int(s)) for p, w, s in zip(parts, wanted, shares, strict=True)}
    return found


def _draw_part(
    members: pl.DataFrame,
    quotas: NDArray[np.int64],
    supply: NDArray[np.int64],
    edges: NDArray[np.float64],
    settings: DatasetSettings,
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Draw the quota of each bin of a part; return positions in all rows, and rows over a cap."""
    columns = _key_columns(members, edges)
    earlier = [np.zeros(int(keys.max()) + 1, dtype=np.int64) for keys in columns]
    caps = (settings.max_reference_fraction, settings.max_process_fraction, 1.0)
    weights = (1.0, 1.0, QUARTER_WEIGHT)
    bins, positions = members["bin"].to_numpy(), members["row"].to_numpy()
    chosen: list[NDArray[np.int64]] = []
    n_over_cap = np.zeros(len(quotas), dtype=np.int64)
    for b in np.argsort(supply - quotas, kind="stable"):
        here = np.flatnonzero(bins == b)
        if quotas[b] == 0:
            continue
        families = [
            Family(keys[here], cap, weight)
            for keys, cap, weight in zip(columns, caps, weights, strict=True)
        ]
        spread = draw_spread(families, int(quotas[b]), earlier=earlier)
        n_over_cap[b] = spread.n_over_cap
        rows = here[spread.rows]
        _count(columns, rows, earlier)
        chosen.append(positions[rows].astype(np.int64))
    return np.concatenate([np.empty(0, np.int64), *chosen]), n_over_cap


def _key_columns(members: pl.DataFrame, edges: NDArray[np.float64]) -> list[NDArray[np.int64]]:
    """Keys of the three families: reference, processes, quarter of the bin."""
    first, last = members["first_id"].to_numpy(), members["last_id"].to_numpy()
    second = np.where((members["depth"].to_numpy() > 1) & (last != first), last, NO_KEY)
    fine = np.linspace(edges[0], edges[-1], N_QUARTERS * (len(edges) - 1) + 1)
    quarter = bin_of(members["quality"].to_numpy(), fine) % N_QUARTERS
    return [
        members["reference"].to_numpy()[:, None].astype(np.int64),
        np.column_stack([first, second]).astype(np.int64),
        quarter[:, None].astype(np.int64),
    ]


def _count(
    columns: Sequence[NDArray[np.int64]],
    rows: NDArray[np.int64],
    earlier: Sequence[NDArray[np.int64]],
) -> None:
    for keys, counts in zip(columns, earlier, strict=True):
        used = keys[rows]
        np.add.at(counts, used[used >= 0], 1)
