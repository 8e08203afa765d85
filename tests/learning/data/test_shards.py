"""The images of one part as a collection."""

import re

import numpy as np
import pytest

from musqa_pipeline.core.errors import LakeError, StageError
from musqa_pipeline.learning.data.shards import ImageShards
from tests.learning.data.tiny_shards import write_tiny_shards


def all_images(shards):
    images = [image for number in range(len(shards.groups)) for image in shards.read_group(number)]
    return dict(zip(shards.labels["degraded_id"].to_pylist(), images, strict=True))


def test_labels_and_images_are_in_storage_order(tiny):
    shards = ImageShards(tiny.files, "train")
    assert (shards.n_rows, shards.shape, shards.dtype) == (80, (6, 4), np.uint8)
    np.testing.assert_allclose(shards.quality, np.arange(80) / 1000)
    found = all_images(shards)
    assert list(found) == sorted(tiny.images)
    for degraded_id, image in found.items():
        np.testing.assert_array_equal(image, tiny.images[degraded_id])


def test_only_the_part_asked_for_is_seen(lake):
    files = [
        *write_tiny_shards(lake, part="train").files,
        *write_tiny_shards(lake, n_shards=1, part="validation").files,
    ]
    assert ImageShards(files, "validation").n_rows == 20
    assert set(ImageShards(files, "train").labels["part"].to_pylist()) == {"train"}


def test_the_two_draws_of_the_test_part_are_told_apart_within_row_groups(lake):
    tiny = write_tiny_shards(lake, part="test")
    uniform, natural = (
        ImageShards(tiny.files, "test", draw) for draw in ("uniform_draw", "natural_mix")
    )
    assert natural.labels["degraded_id"].to_pylist() == sorted(tiny.images)[::3]
    assert uniform.n_rows + natural.n_rows == 80
    for shards in (uniform, natural):
        for degraded_id, image in all_images(shards).items():
            np.testing.assert_array_equal(image, tiny.images[degraded_id])


def test_no_row_of_an_excerpt_that_is_passed_over_is_read(tiny):
    every = ImageShards(tiny.files, "train").labels.select(["catalog", "excerpt_id"]).to_pylist()
    passed = tuple(every[7].values())
    shards = ImageShards(tiny.files, "train", without={passed, ("elsewhere", passed[1])})
    left = shards.labels.select(["catalog", "excerpt_id"]).to_pylist()
    assert left == [row for row in every if tuple(row.values()) != passed]
    assert len(left) < len(every)


def test_of_some_excerpts_only_rows_with_trusted_labels_are_read(tiny):
    columns = ["excerpt_id", "trusted"]
    every = ImageShards(tiny.files, "train", "every").labels.select(columns).to_pylist()
    asked = {("north", row["excerpt_id"]) for row in every[:10]}
    shards = ImageShards(tiny.files, "train", "every", trusted_of=asked)
    left = shards.labels.select(columns).to_pylist()
    assert left == [row for row in every[:10] if row["trusted"]] + every[10:]
    assert len(left) == len(every) - 2


def test_row_groups_without_a_row_of_the_draw_are_left_out(lake):
    tiny = write_tiny_shards(lake, part="test", rows_per_group=1)
    shards = ImageShards(tiny.files, "test", "natural_mix")
    assert [len(group.rows) for group in shards.groups] == [1] * 27
    assert [group.first_row for group in shards.groups] == list(range(27))


def test_a_small_part_is_read_once_and_a_large_one_each_time(tiny):
    kept = ImageShards(tiny.files, "train", memory_limit_bytes=80 * 24)
    streamed = ImageShards(tiny.files, "train", memory_limit_bytes=80 * 24 - 1)
    before = all_images(kept)
    all_images(streamed)
    for file in tiny.files:
        file.unlink()
    for degraded_id, image in all_images(kept).items():
        np.testing.assert_array_equal(image, before[degraded_id])
    with pytest.raises(LakeError, match=r"cannot read .*; delete it and run the stage spectrogr"):
        streamed.read_group(0)


def test_an_absent_part_is_named(tiny):
    with pytest.raises(StageError, match="no images of part 'test' drawn as uniform_draw; run"):
        ImageShards(tiny.files, "test")
    with pytest.raises(StageError, match="no images of part 'train'"):
        ImageShards([], "train")


def test_images_of_two_presets_are_not_mixed(lake):
    old = write_tiny_shards(lake, n_shards=1)
    kept = old.files[0].with_name("other.parquet")
    old.files[0].rename(kept)
    new = write_tiny_shards(lake, n_shards=1, shape=(6, 8))
    with pytest.raises(StageError, match=r"differ in shape or type .*'n_bands': 8"):
        ImageShards([kept, *new.files], "train")


def test_a_damaged_shard_is_named(tiny):
    tiny.files[1].write_bytes(tiny.files[1].read_bytes()[:-100])
    with pytest.raises(LakeError, match=re.escape(f"cannot read {tiny.files[1]}")):
        ImageShards(tiny.files, "train")
