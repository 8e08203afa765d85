"""Networks against listeners: excerpts with mean opinions, predicted by every finished network.

Paper 001 compares its networks with listeners in section IV.B and figure 3.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from musqa_pipeline.core.fingerprints import digest
from musqa_pipeline.core.settings.evaluation import EvaluationSettings
from musqa_pipeline.learning.registry import find_model
from musqa_pipeline.stages.engine.context import Context
from musqa_pipeline.stages.evaluation.stimuli import IMAGES, image_cells, quality_of, rated
from musqa_pipeline.studies.listening.compare import Matched, compare
from musqa_pipeline.studies.listening.merge import OPINIONS_FILE
from musqa_pipeline.studies.statistics.agreement import Estimate

RESULTS_VERSION = 2
"""Raised when listening tests give other results."""
SHOWN_METRICS = ("pearson", "spearman", "rmse", "rmse_star")


@dataclass(frozen=True)
class ListeningResult:
    """One network on one listening test, both in points of 100."""

    test: str
    """Name of the folder."""
    model: str
    matched: Matched
    estimates: tuple[Estimate, ...]
    """As predictions are, then after the mapping of ITU-T P.1401."""


def digest_of_tests(settings: EvaluationSettings) -> str:
    """Digest what the results on listening tests depend on, for a fingerprint."""
    found: list[Any] = [RESULTS_VERSION]
    for folder in map(Path, settings.listening_tests):
        table = folder / OPINIONS_FILE
        text = table.read_bytes().hex() if table.is_file() else ""
        files = [p for p in sorted(folder.rglob("*")) if p.is_file()] if folder.is_dir() else []
        found.append([text, [[p.relative_to(folder).as_posix(), p.stat().st_size] for p in files]])
    return digest(found)


def hear_tests(context: Context, runs: Sequence[Mapping[str, Any]]) -> list[ListeningResult]:
    """Let each finished network that needs no reference predict each listening test.

    Raises SettingsError if a folder has no opinions, fewer than `MIN_FILES` excerpts, or a file
    that it names cannot be read or is silent.
    """
    from musqa_pipeline.learning.predict import load_model

    settings = context.preset.evaluation
    networks = {
        run["model"]: load_model(
            context.lake.store.local_folder(run["folder"]), device=context.preset.models.device
        )
        for run in runs
        if run["finished"] and settings.listening_tests
        if find_model(run["model"]).input.stage in IMAGES
    }
    stages = {name: find_model(name).input.stage for name in networks}
    results = []
    for folder in map(Path, settings.listening_tests):
        opinions = rated(folder, settings).opinions
        predicted: dict[str, list[float]] = {name: [] for name in networks}
        for opinion in opinions:
            cells = image_cells(context, folder, opinion.file, set(stages.values()))
            for name, network in networks.items():
                predicted[name].append(quality_of(network, cells[stages[name]]))
        for name, values in predicted.items():
            matched = Matched(opinions, np.array(values), 0, 0)
            estimates = compare(matched, n_draws=settings.n_bootstrap, seed=settings.seed)
            results.append(ListeningResult(folder.name, name, matched, tuple(estimates)))
    return results


def listening_tables(results: Sequence[ListeningResult]) -> list[dict[str, Any]]:
    """Gather the agreement of networks with listeners, a table a test."""
    tables: dict[str, dict[str, Any]] = {}
    for result in results:
        recording = result.matched.recording
        table = tables.setdefault(
            result.test,
            {
                "test": result.test,
                "n_files": len(result.matched.opinions),
                "n_recordings": None if recording is None else len(set(recording.tolist())),
                "rows": [],
            },
        )
        for mapped in (False, True):
            cells = {e.metric: e for e in result.estimates if e.mapped == mapped}
            shown = {metric: cells.get(metric) for metric in SHOWN_METRICS}
            table["rows"].append({"model": result.model, "mapped": mapped, "cells": shown})
    return list(tables.values())
