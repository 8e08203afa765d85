"""A trained model with what a decision on it needs: its weights, its images, whom it has met."""

from __future__ import annotations

import dataclasses
import json
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from musqa_pipeline.core.errors import LakeError, SettingsError
from musqa_pipeline.core.fingerprints import digest
from musqa_pipeline.core.names import below
from musqa_pipeline.core.seal_format import digest_of
from musqa_pipeline.core.settings.dataset import SpectrogramsSettings
from musqa_pipeline.learning.registry import find_model
from musqa_pipeline.stages.dataset.groups import SplitTrack, track_keys
from musqa_pipeline.stages.dataset.inputs import read_seen_tracks
from musqa_pipeline.stages.dataset.report import read_dataset
from musqa_pipeline.stages.engine.context import Context
from musqa_pipeline.stages.engine.records import record_partition
from musqa_pipeline.stages.models.runs import read_preset_runs
from musqa_pipeline.stages.spectrograms.features.stage import FEATURES_MAKER, feature_row
from musqa_pipeline.stages.spectrograms.nisqa.stage import NISQA_MELS_MAKER, nisqa_row
from musqa_pipeline.stages.spectrograms.row_shards import ImageRow
from musqa_pipeline.stages.spectrograms.stage import SPECTROGRAMS_MAKER, image_row
from musqa_pipeline.stages.spectrograms.waveforms.stage import WAVEFORMS_MAKER, waveform_row
from musqa_pipeline.stages.views.promotions_table import CHAMPIONS

if TYPE_CHECKING:
    from torch import nn

FILES = ("settings.json", "weights.pt")
"""Files of a training that `models.predict.load_model` needs."""
STORAGE_ONLY = ("rows_per_group", "rows_per_shard")
"""Settings of ``[spectrograms]`` that say how images lie, and not what they show."""
MAKERS: dict[str, tuple[int, ImageRow]] = {
    "spectrograms": (SPECTROGRAMS_MAKER.version, image_row),
    "features": (FEATURES_MAKER.version, feature_row),
    "nisqa_mels": (NISQA_MELS_MAKER.version, nisqa_row),
    "waveforms": (WAVEFORMS_MAKER.version, waveform_row),
}
"""Stages whose images can be made of a degraded excerpt alone: version, and what makes a row."""


@dataclass(frozen=True)
class Candidate:
    """A model that stands for a decision, or the champion."""

    network: str
    weights: str
    """blake2b of its weights: what names it."""
    files: Mapping[str, bytes]
    images: Mapping[str, Any]
    """From `recipe_of_images`."""
    training_keys: frozenset[str]
    """From `keys_of_tracks`, of training and validation."""
    trained_on: Mapping[str, Any] = field(default_factory=dict)
    """Columns of `promotions` that say what it was trained on; empty for a stored one."""


def read_challenger(context: Context) -> Candidate | None:
    """Read the training of ``[promotion] network`` under a context."""
    network = context.preset.promotion.network
    images = recipe_of_images(context, network)
    run = next((r for r in read_preset_runs(context) if r["model"] == network), None)
    if run is None or not run["finished"]:
        return None
    files = {name: _read_file(context, f"{run['folder']}/{name}") for name in FILES}
    rows = read_dataset(context).filter(pl.col("part") != "test")
    tracks = read_seen_tracks(context).join(rows, on=["catalog", "track_id"], how="semi")
    return Candidate(
        network,
        digest_of(files["weights.pt"]),
        files,
        images,
        frozenset().union(*keys_of_tracks(context, tracks).values()),
        {
            "n_train_rows": run["n_train"],
            "n_train_recordings": rows["recording"].n_unique(),
            "catalogs": sorted(rows["catalog"].unique()),
            "dataset": context.fingerprints["dataset"],
            "evaluation": context.fingerprints["evaluation"],
        },
    )


def _read_file(context: Context, key: str) -> bytes:
    try:
        return context.lake.store.read_bytes(key)
    except OSError as error:
        raise LakeError(
            f"cannot read {context.lake.store.address(key)}: {error}; train the network again"
        ) from error


def keys_of_tracks(context: Context, tracks: pl.DataFrame) -> dict[tuple[str, str], list[str]]:
    """Digest what a split must not part: samples, recording and, as the preset has it, artist."""
    by_artist = context.preset.dataset.protocol == "three_way"
    columns = ("catalog", "track_id", "file", "recording", "artist", "pcm_hash", "role")
    return {
        (row["catalog"], row["track_id"]): [
            digest(list(key))[:16] for key in track_keys(SplitTrack(**row), by_artist=by_artist)
        ]
        for row in tracks.select(columns).iter_rows(named=True)
    }


def keep_champion(context: Context, candidate: Candidate) -> None:
    """Store a model whole, so that it can be scored when its training is gone."""
    row = {
        "weights": candidate.weights,
        "network": candidate.network,
        "file_names": list(candidate.files),
        "file_bytes": list(candidate.files.values()),
        "images_json": json.dumps(dict(candidate.images), sort_keys=True),
        "training_keys": sorted(candidate.training_keys),
    }
    partition = record_partition("champions", context.preset.name)
    context.lake.write(partition, candidate.weights, CHAMPIONS.from_rows([row]), compression="none")


def read_champion(context: Context, weights: str) -> Candidate:
    """Read a model that was promoted."""
    partition = record_partition("champions", context.preset.name)
    [row] = context.lake.read(partition, weights).to_pylist()
    files = dict(zip(row["file_names"], row["file_bytes"], strict=True))
    if digest_of(files["weights.pt"]) != weights:
        raise LakeError(
            f"the stored champion {weights[:12]} of preset {context.preset.name} is damaged; "
            "restore lake/champions from a back-up"
        )
    images, keys = json.loads(row["images_json"]), frozenset(row["training_keys"])
    return Candidate(row["network"], weights, files, images, keys)


@contextmanager
def unpacked(candidate: Candidate) -> Iterator[Path]:
    """Lay a model's files into a folder of their own while the block runs."""
    with tempfile.TemporaryDirectory(prefix="musqa-model-") as folder:
        for name, content in candidate.files.items():
            below(Path(folder), name).write_bytes(content)
        yield Path(folder)


def load_candidate(candidate: Candidate, device: str) -> nn.Module:
    """Load a model for prediction."""
    from musqa_pipeline.learning.predict import load_model

    with unpacked(candidate) as folder:
        return load_model(folder, device=device)


def recipe_of_images(context: Context, network: str) -> dict[str, Any]:
    """Say what decides on the images of a network."""
    stage = find_model(network).input.stage
    if stage not in MAKERS:
        raise SettingsError(
            f"[promotion] network={network!r}: it hears the reference too, and only networks "
            "without one are promoted; name another"
        )
    return recipe_of_stage(context, stage)


def recipe_of_stage(context: Context, stage: str) -> dict[str, Any]:
    """Say what decides on the images of a stage; see `recipe_of_images`."""
    settings = dataclasses.asdict(context.preset.spectrograms)
    mel = {name: value for name, value in settings.items() if name not in STORAGE_ONLY}
    return {
        "stage": stage,
        "version": MAKERS[stage][0],
        "target_lufs": context.preset.excerpts.target_lufs,
        **({"spectrograms": mel} if stage == "spectrograms" else {}),
    }


def images_name(recipe: Mapping[str, Any]) -> str:
    """Name images after their recipe, safe as a part of a unit id."""
    return f"{recipe['stage']}-{digest(dict(recipe))[:12]}"


def context_of_images(context: Context, recipe: Mapping[str, Any]) -> Context:
    """Return a context whose preset makes the images of a recipe."""
    preset = context.preset
    excerpts = dataclasses.replace(preset.excerpts, target_lufs=recipe["target_lufs"])
    mel = SpectrogramsSettings(**recipe.get("spectrograms", {}))
    preset = dataclasses.replace(preset, excerpts=excerpts, spectrograms=mel)
    return dataclasses.replace(context, preset=preset)
