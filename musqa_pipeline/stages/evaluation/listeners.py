"""Networks against listeners: excerpts with mean opinions, predicted by every finished network.

A listening test is a folder with ``opinions.csv`` (`listening.mos.read_opinions`) and the audio
that it names. Paper 001 compares its networks with listeners in section IV.C and figure 3.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from musqa_pipeline.audio.constants import EXCERPT_SAMPLES
from musqa_pipeline.audio.features.bands import band_image_at
from musqa_pipeline.audio.features.looping import loop_to_excerpt
from musqa_pipeline.audio.features.mel import decode_cells, encode_cells, mel_image
from musqa_pipeline.audio.files.limits import MAX_RECORDING_S
from musqa_pipeline.audio.files.signals import read_signal
from musqa_pipeline.audio.measures.loudness import gain_to_target_db, integrated_lufs
from musqa_pipeline.catalogs.folder import Source
from musqa_pipeline.core.errors import SettingsError, UnfitInputError
from musqa_pipeline.core.fingerprints import digest
from musqa_pipeline.core.names import stays_inside
from musqa_pipeline.core.settings.evaluation import EvaluationSettings
from musqa_pipeline.learning.registry import find_model
from musqa_pipeline.stages.engine.context import Context
from musqa_pipeline.stages.spectrograms.features.rows import POINTS
from musqa_pipeline.studies.listening.compare import MIN_FILES, Matched, compare
from musqa_pipeline.studies.listening.mos import Opinion, read_opinions
from musqa_pipeline.studies.listening.ratings import REFERENCE
from musqa_pipeline.studies.statistics.agreement import Estimate

OPINIONS_FILE = "opinions.csv"
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
    found = []
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
    from musqa_pipeline.learning.predict import load_model, predict

    settings = context.preset.evaluation
    networks = {
        run["model"]: load_model(
            context.lake.store.local_folder(run["folder"]), device=context.preset.models.device
        )
        for run in runs
        if run["finished"] and settings.listening_tests
        if find_model(run["model"]).input.stage in _IMAGES
    }
    stages = {name: find_model(name).input.stage for name in networks}
    results = []
    for folder in map(Path, settings.listening_tests):
        opinions = _opinions(folder, settings)
        predicted: dict[str, list[float]] = {name: [] for name in networks}
        for opinion in opinions:
            excerpts = _excerpts(folder, opinion.file, context.preset.excerpts.target_lufs)
            images = {
                stage: np.stack([_IMAGES[stage](excerpt, context) for excerpt in excerpts])
                for stage in set(stages.values())
            }
            for name, network in networks.items():
                quality = predict(network, [images[stages[name]]])
                predicted[name].append(POINTS * float(quality.mean()))
        for name, values in predicted.items():
            matched = Matched(tuple(opinions), np.array(values), 0, 0)
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


def _opinions(folder: Path, settings: EvaluationSettings) -> list[Opinion]:
    """Read the opinions, in points of 100."""
    table = folder / OPINIONS_FILE
    if not table.is_file():
        raise SettingsError(
            f"[evaluation] listening_tests: there is no {table}; put the mean opinions there "
            "(columns file, mos, and if known ci and recording), or leave the folder out"
        )
    low, high = settings.listening_lowest, settings.listening_highest
    unit = POINTS / (high - low)
    opinions = [
        replace(
            o,
            mos=unit * (o.mos - low),
            half_width=None if o.half_width is None else unit * o.half_width,
        )
        for o in read_opinions(table)
        if o.condition != REFERENCE
    ]
    if len(opinions) < MIN_FILES:
        raise SettingsError(
            f"{table} has {len(opinions)} excerpts besides hidden references: expected at least "
            f"{MIN_FILES}"
        )
    outside = [o.file for o in opinions if not 0 <= o.mos <= POINTS]
    if outside:
        raise SettingsError(
            f"{table}: {outside[0]} lies outside listening_lowest = {low:g} and "
            f"listening_highest = {high:g}"
        )
    return opinions


def _excerpts(folder: Path, file: str, target_lufs: float) -> list[NDArray[np.float32]]:
    """Cut a file into pieces of 10 s at the target loudness; a short one is repeated."""
    path = folder / file
    if not stays_inside(file) or Source(folder).leads_outside(path):
        raise SettingsError(f"{folder / OPINIONS_FILE}: {file} lies outside the folder; move it in")
    try:
        samples = read_signal(path, max_duration_s=MAX_RECORDING_S).samples
    except UnfitInputError as error:
        raise SettingsError(
            f"{path} of a listening test cannot be read: {error.detail}; {error.advice}, or take "
            f"its line out of {OPINIONS_FILE}"
        ) from error
    n_pieces = max(1, len(samples) // EXCERPT_SAMPLES)
    excerpts = []
    for i in range(n_pieces):
        piece = loop_to_excerpt(samples[i * EXCERPT_SAMPLES : (i + 1) * EXCERPT_SAMPLES])[0]
        try:
            gain_db = gain_to_target_db(integrated_lufs(piece), target_lufs)
        except ValueError:
            continue  # nothing to hear in these 10 s
        excerpts.append(piece * np.float32(10 ** (gain_db / 20)))
    if not excerpts:
        raise SettingsError(f"{path} of a listening test is silent; take its line out")
    return excerpts


def _mel(samples: NDArray[np.float32], context: Context) -> NDArray[np.float32]:
    settings = context.preset.spectrograms
    return decode_cells(encode_cells(mel_image(samples, settings).image, settings.storage))


def _bands(samples: NDArray[np.float32], context: Context) -> NDArray[np.float32]:
    return decode_cells(band_image_at(samples, context.preset.excerpts.target_lufs))


_IMAGES = {"spectrograms": _mel, "features": _bands}
"""How the images that networks eat are made, by the stage that stores them; pairs need more than
the degraded excerpt."""
