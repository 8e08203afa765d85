"""Images of frozen rows: copied where they lie unchanged, else made again of the bitstreams."""

import dataclasses

import numpy as np
import polars as pl
import pytest

from musqa_pipeline.core.errors import SettingsError
from musqa_pipeline.learning.registry import MODELS
from musqa_pipeline.release.promotion import scores
from musqa_pipeline.release.promotion.candidate import (
    context_of_images,
    images_name,
    recipe_of_images,
    recipe_of_stage,
)
from musqa_pipeline.release.promotion.frozen import current_test_rows, freeze, read_frozen
from musqa_pipeline.stages.engine.records import record_partition
from musqa_pipeline.stages.graph import get_stage
from musqa_pipeline.stages.spectrograms.row_shards import list_shards
from musqa_pipeline.stages.views.promotions_table import FROZEN_IMAGES
from tests.release.promotion.world import lake_with_champions
from tests.stages.evaluation.small_lake import ENTRY


@pytest.fixture(scope="module")
def frozen(tmp_path_factory):
    """A lake whose test rows are frozen."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(MODELS, "brightness", ENTRY)
        patch.setitem(MODELS, "late", ENTRY)
        context = lake_with_champions(tmp_path_factory.mktemp("scores") / "home")
        current = current_test_rows(context)
        freeze(context, 1, current)
        yield context, current


def images_of(context, recipe, current):
    """Have the images of the set made, and read them."""
    rows = read_frozen(context, [1])
    scores._image_files(context, recipe, 1, rows, current)
    partition = record_partition("frozen_images", context.preset.name)
    units = [u for u in context.lake.done(partition) if u.startswith(images_name(recipe))]
    table = context.lake.scan(partition, FROZEN_IMAGES.schema, units=units)
    return pl.DataFrame(table).sort("catalog", "degraded_id")


def test_images_made_of_frozen_bitstreams_are_those_that_the_stage_makes(frozen):
    context, current = frozen
    recipe = recipe_of_stage(context, "features")
    rebuilt = images_of(context, recipe, current.clear())
    [unit] = [unit for unit in list_shards(context) if unit.unit_id.startswith("test-")]
    made = pl.DataFrame(get_stage("features").make(context, unit)).sort("catalog", "degraded_id")
    assert rebuilt["image"].equals(made["image"])
    assert rebuilt["degraded_id"].equals(made["degraded_id"])
    assert rebuilt["quality"].equals(made["quality"])
    assert rebuilt["image"].n_unique() > 1


def test_images_that_lie_in_the_shards_are_copied(frozen):
    context, current = frozen
    recipe = recipe_of_stage(context, "spectrograms")
    copied = images_of(context, recipe, current)
    stored = pl.DataFrame(context.lake.read(context.joint_partition("spectrograms"), "test-00000"))
    assert copied.height == 12
    assert copied["image"].equals(stored.sort("catalog", "degraded_id")["image"])


def test_rows_whose_samples_changed_are_not_copied(frozen, monkeypatch):
    context, current = frozen
    seen = []
    monkeypatch.setattr(scores, "_stored", lambda c, r, wanted: seen.append(wanted) or iter(()))
    monkeypatch.setattr(scores, "_rebuilt", lambda c, r, n, absent: seen.append(absent) or iter(()))
    other = dataclasses.replace(context.preset.spectrograms, n_mels=64)
    preset = dataclasses.replace(context.preset, spectrograms=other)
    recipe = recipe_of_stage(dataclasses.replace(context, preset=preset), "spectrograms")
    changed = current.with_columns(
        pcm_hash=pl.when(pl.col("recording") == "recording 8")
        .then(pl.lit("another"))
        .otherwise("pcm_hash")
    )
    scores._image_files(context, recipe, 1, read_frozen(context, [1]), changed)
    unchanged, absent = seen
    assert len(unchanged) == 9
    assert len(absent) == 12  # none was copied, so all are made again


def test_a_recipe_of_long_ago_makes_its_own_images_under_a_new_preset(frozen):
    context, _ = frozen
    recipe = recipe_of_stage(context, "spectrograms")
    now = dataclasses.replace(context.preset.spectrograms, n_mels=64, rows_per_shard=99)
    later = dataclasses.replace(
        context, preset=dataclasses.replace(context.preset, spectrograms=now)
    )
    assert recipe_of_stage(later, "spectrograms") != recipe
    then = context_of_images(later, recipe).preset.spectrograms
    assert then.n_mels == context.preset.spectrograms.n_mels
    only_stored = dataclasses.replace(context.preset.spectrograms, rows_per_shard=99)
    stored = dataclasses.replace(
        context, preset=dataclasses.replace(context.preset, spectrograms=only_stored)
    )
    assert recipe_of_stage(stored, "spectrograms") == recipe


def test_a_half_made_set_of_images_is_made_again(frozen):
    context, current = frozen
    recipe = recipe_of_stage(context, "spectrograms")
    before = images_of(context, recipe, current)
    partition = record_partition("frozen_images", context.preset.name)
    [unit] = [u for u in context.lake.done(partition) if u.startswith(images_name(recipe))]
    context.lake.write(partition, unit, context.lake.read(partition, unit).slice(0, 5))
    again = images_of(context, recipe, current)
    assert again.equals(before)
    assert np.all([len(image) == 16 for image in again["image"]])


def test_a_network_that_hears_the_reference_is_not_promoted(frozen):
    context, _ = frozen
    name = next(name for name, entry in MODELS.items() if entry.input.stage == "pairs")
    with pytest.raises(SettingsError, match="hears the reference too, and only networks without"):
        recipe_of_images(context, name)
