"""What the stored dataset is made of: its candidates, its rows, and its uniformity in numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import polars as pl

from musqa_pipeline.core.errors import StageError
from musqa_pipeline.stages.dataset.balance import quality_edges
from musqa_pipeline.stages.dataset.candidates import Candidates, find_candidates
from musqa_pipeline.stages.dataset.inputs import read_labelled_rows
from musqa_pipeline.stages.dataset.table import DATASET, SPLITS
from musqa_pipeline.stages.dataset.uniformity import EVENNESS_GOAL, Uniformity, measure_uniformity
from musqa_pipeline.stages.engine.context import Context


@dataclass(frozen=True)
class DatasetReport:
    """The draw in numbers."""

    size: int
    """Rows wanted, of all parts that share them."""
    n_uniform: int
    """Rows drawn uniformly."""
    n_natural: int
    """Rows of test recordings kept as the pool has them."""
    n_candidates: int
    """Rows that might have been drawn."""
    left_out: Mapping[str, int]
    """Labelled rows that might not, by rule."""
    largest_even_size: int
    """The highest `size` at which the share of every part that shares it would still be even."""
    parts: tuple[Uniformity, ...]
    """Each part's histogram, and at the end that of all parts."""
    test_size: int = 0
    """Rows wanted of the test, where it shares none."""
    largest_even_test_size: int = 0
    """The highest `test_size` at which the test would still be even."""

    def as_dict(self) -> dict[str, Any]:
        """Return the numbers as plain values."""
        return asdict(self)

    def sentence(self) -> str:
        """Say in one sentence how the draw went, and what to do if it went short."""
        total = self.parts[-1]
        text = (
            f"{self.n_uniform:,} of {self.n_candidates:,} candidates drawn, evenness "
            f"{total.evenness_before:.3f} before and {total.evenness:.3f} after"
        )
        is_short = self.n_uniform < self.size + self.test_size
        if is_short and self.test_size:
            text += f"; size={self.size:,} and test_size={self.test_size:,} were wanted"
        elif is_short:
            text += f"; size={self.size:,} was wanted"
        if is_short or any(p.evenness < EVENNESS_GOAL for p in self.parts):
            at, lower = f"size={self.largest_even_size:,}", "size"
            if self.test_size:
                at, lower = f"{at} and test_size={self.largest_even_test_size:,}", "them"
            text += f"; at {at} every part would be even: lower {lower}, or add music or cascades"
        poor = [p for p in self.parts[:-1] if p.short_bins]
        if poor:
            bins = ", ".join(f"{p.part} {' '.join(p.short_bins)}" for p in poor)
            text += f"; bins that gave all they had: {bins}"
        return text


def read_splits(context: Context) -> pl.DataFrame:
    """Read the split of the preset's protocol."""
    return _read(context, "splits", context.preset.dataset.protocol, SPLITS.schema.names)


def require_splits(context: Context, stage: str) -> None:
    """Raise StageError if a stage that wants the splits comes before them."""
    if context.preset.dataset.protocol not in context.lake.done(context.joint_partition("splits")):
        raise StageError(f"{stage}: there are no splits yet; run the stage splits first")


def read_dataset(context: Context) -> pl.DataFrame:
    """Read the drawn rows."""
    return _read(context, "dataset", "dataset", DATASET.schema.names)


def read_candidates(context: Context) -> Candidates:
    """Read the rows that may be drawn, with the part that each belongs to."""
    preset = context.preset
    margin = preset.dataset.below_margin_mos if preset.excerpts.flagged_tracks == "below" else None
    found = find_candidates(read_labelled_rows(context), below_margin_mos=margin)
    splits = read_splits(context).select("catalog", "track_id", "split_group", "part")
    rows, untrusted = (
        frame.join(splits, on=["catalog", "track_id"], how="inner", maintain_order="left")
        for frame in (found.rows, found.untrusted)
    )
    return Candidates(rows, untrusted, found.left_out)


def describe_dataset(context: Context) -> DatasetReport:
    """Measure the stored dataset against its candidates."""
    settings = context.preset.dataset
    candidates, dataset = read_candidates(context), read_dataset(context)
    about = candidates.rows.select("catalog", "degraded_id", "last_name", "genre")
    uniform = dataset.filter("uniform_draw").join(about, on=["catalog", "degraded_id"], how="left")
    edges = quality_edges(candidates.rows["quality"].to_numpy(), settings.n_bins)
    parts = measure_uniformity(candidates.rows, uniform, edges.tolist())
    apart = [p for p in parts[:-1] if p.part == "test" and settings.test_size]
    sharing = [p for p in parts[:-1] if p not in apart]
    return DatasetReport(
        size=settings.size,
        test_size=settings.test_size if apart else 0,
        n_uniform=uniform.height,
        n_natural=int(dataset["natural_mix"].sum()),
        n_candidates=candidates.rows.height,
        left_out=candidates.left_out,
        largest_even_size=_largest_even_size(candidates.rows, sharing),
        largest_even_test_size=sum(p.largest_even_size for p in apart),
        parts=tuple(parts),
    )


def _largest_even_size(candidates: pl.DataFrame, parts: list[Uniformity]) -> int:
    """Scale what each part could give evenly by its share of the tracks; the poorest decides."""
    names = [p.part for p in parts]
    n_tracks = dict(
        candidates.filter(pl.col("part").is_in(names))
        .group_by("part")
        .agg(n=pl.struct("catalog", "track_id").n_unique())
        .iter_rows()
    )
    total = sum(n_tracks.values())
    return min(p.largest_even_size * total // n_tracks[p.part] for p in parts)


def _read(context: Context, stage: str, unit_id: str, columns: list[str]) -> pl.DataFrame:
    return pl.DataFrame(context.lake.read(context.joint_partition(stage), unit_id, columns))
