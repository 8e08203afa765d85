"""A sweep: references through codecs at many bitrates, as curves, files and BD-rates."""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from musqa_pipeline.audio.metrics.visqol import Reference
from musqa_pipeline.core.csv_files import csv_of
from musqa_pipeline.core.errors import SettingsError, UnfitInputError
from musqa_pipeline.core.files import whole_file
from musqa_pipeline.core.foreign_text import path_text
from musqa_pipeline.core.progress import StageProgress
from musqa_pipeline.core.workers.interface import Fanout, Inline, Lost
from musqa_pipeline.core.workers.local import LocalPool
from musqa_pipeline.scoring.model_file import load_model, resolve_model_path
from musqa_pipeline.scoring.sweep.curves import Comparison, Mean, Step, comparisons, steps_of
from musqa_pipeline.scoring.sweep.measure import Point, SweepTask, measure
from musqa_pipeline.scoring.sweep.references import SweepReference, cut_references, reference_files


@dataclass(frozen=True)
class Sweep:
    """What a sweep found."""

    model: str
    """Name and version."""
    metric: str
    """Name and version of our ViSQOL."""
    points: tuple[Point, ...]
    refused: tuple[str, ...]
    """Files that could not serve, each with its reason."""

    @property
    def recordings(self) -> list[str]:
        """Names of the recordings, sorted."""
        return sorted({point.recording for point in self.points})

    @functools.cached_property
    def steps(self) -> list[Step]:
        """The curves; see `curves.steps_of`."""
        return steps_of(self.points)

    @functools.cached_property
    def comparisons(self) -> list[Comparison]:
        """BD-rates against the first codec."""
        return comparisons(self.points)


def sweep(
    path: Path,
    codecs: Mapping[str, tuple[int, ...]],
    *,
    model: Path | None = None,
    n_per_file: int = 3,
    n_workers: int = 1,
) -> Sweep:
    """Encode references at many bitrates and score what comes out.

    Parameters
    ----------
    path : Path
        A file of audio, or a folder of them: the references.
    codecs : mapping of str to tuple of int
        Bitrates in kbit/s by the codec's name, from `rates.steps_kbps`; the first codec is what
        others are compared with.
    model : Path, optional
        Model file; the default one when left out.
    n_per_file, n_workers : int
        Excerpts of 10 s a file; worker processes, 1 is this process. Results do not depend on it.

    Returns
    -------
    Sweep
        Points in the order of files, excerpts, codecs and bitrates.

    Raises
    ------
    SettingsError
        If there is no file, or none of them can serve.
    ToolError
        If ffmpeg is missing or fails, or a worker is lost.
    """
    label = load_model(resolve_model_path(model)).label
    references, refused = _references(path, n_per_file)
    tasks = [
        SweepTask(reference, codec, asked, model)
        for reference in references
        for codec, asked in (("", ()), *codecs.items())
    ]
    found: dict[tuple[str, int, str], list[Point]] = {}
    fanout: Fanout = Inline() if n_workers == 1 else LocalPool(n_workers)
    with StageProgress("sweep", len(tasks)) as progress:
        for points in fanout.map(measure, tasks):
            if isinstance(points, Lost):
                raise SettingsError(f"{points.task.reference.recording}: {points.reason}")
            first = points[0]
            found[first.recording, first.excerpt, first.codec] = points
            progress.advance(len(points))
    ordered = [
        point
        for task in tasks
        for point in found[task.reference.recording, task.reference.index, task.codec]
    ]
    return Sweep(label, Reference.version, tuple(ordered), tuple(refused))


def write_sweep(result: Sweep, folder: Path) -> list[Path]:
    """Write a sweep's files into a folder, which is made if needed, and return their paths.

    They are ``sweep.csv`` (the curves), ``sweep_points.csv`` (each excerpt), ``sweep.json`` (all),
    ``sweep.svg`` and ``sweep.png``; those of an earlier sweep are replaced. Raise LakeError if the
    folder cannot be written.
    """
    from musqa_pipeline.scoring.sweep.plot import sweep_png, sweep_svg

    record = as_record(result)
    texts: dict[str, str | bytes] = {
        "sweep.json": json.dumps(record, ensure_ascii=False, indent=1, allow_nan=False) + "\n",
        "sweep.svg": sweep_svg(result),
        "sweep.png": sweep_png(result),
    }
    for name, rows in (("sweep.csv", record["curves"]), ("sweep_points.csv", record["points"])):
        texts[name] = csv_of([rows[0].keys(), *(row.values() for row in rows)])
    paths = []
    for name, content in texts.items():
        with whole_file(folder / name) as temporary:
            temporary.write_bytes(content.encode() if isinstance(content, str) else content)
        paths.append(folder / name)
    return paths


def as_record(result: Sweep) -> dict[str, Any]:
    """Return all of a sweep as plain values, ready for JSON."""
    return {
        "model": result.model,
        "metric": result.metric,
        "recordings": result.recordings,
        "refused": list(result.refused),
        "curves": [curve_row(step) for step in result.steps],
        "bd_rates": [
            {
                "anchor": found.anchor,
                "codec": found.codec,
                "metric": found.metric,
                "percent": found.result.percent if found.result else None,
                "percent_low": found.low_percent,
                "percent_high": found.high_percent,
                "mos_low": found.result.mos_low if found.result else None,
                "mos_high": found.result.mos_high if found.result else None,
                "overlap_frac": found.result.overlap_frac if found.result else None,
                "problem": found.problem or None,
            }
            for found in result.comparisons
        ],
        "points": [asdict(point) for point in result.points],
    }


def curve_row(step: Step) -> dict[str, Any]:
    """Return a step as a row of `sweep.csv`."""

    def values(name: str, mean: Mean | None) -> dict[str, float | None]:
        return {
            f"{name}_mos": mean.value if mean else None,
            f"{name}_mos_low": mean.low if mean else None,
            f"{name}_mos_high": mean.high if mean else None,
        }

    return {
        "codec": step.codec or "reference",
        "asked_kbps": step.asked_kbps,
        "bitrate_kbps": step.bitrate_kbps,
        **values("visqol", step.visqol),
        **values("model", step.model),
        "n_recordings": step.n_recordings,
        "n_model_recordings": step.n_model_recordings,
    }


def _references(path: Path, n_per_file: int) -> tuple[list[SweepReference], list[str]]:
    files = reference_files(path)
    root = path if path.is_dir() else path.parent
    found: list[SweepReference] = []
    refused = []
    for file in files:
        name = path_text(file.relative_to(root))
        try:
            found += cut_references(file, n_per_file=n_per_file, name=name)
        except UnfitInputError as error:
            refused.append(f"{name}: {error.detail}; {error.advice}")
    if not found:
        raise SettingsError("no file can serve as a reference: " + _listed(refused))
    return found, refused


def _listed(refused: Sequence[str]) -> str:
    more = f" (and {len(refused) - 3} more)" if len(refused) > 3 else ""
    return "; ".join(refused[:3]) + more
