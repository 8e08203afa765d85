"""The checks find what they claim to find."""

import numpy as np
import pyarrow as pa
import pytest

from musqa_pipeline.core.errors import StageError
from musqa_pipeline.stages.spectrograms.checks import check_counts, check_images
from musqa_pipeline.stages.spectrograms.pictures import MAX_BYTES, contact_sheet
from musqa_pipeline.stages.spectrograms.row_shards import shard_files
from musqa_pipeline.stages.spectrograms.table import SPECTROGRAMS
from tests.stages.spectrograms.small_dataset import small_context


def change_first_row(context, change):
    """Rewrite the first shard with one row changed, or dropped where `change` returns None."""
    partition = context.joint_partition("spectrograms")
    unit = context.lake.done(partition)[0]
    first, *others = context.lake.read(partition, unit).to_pylist()
    changed = change(first)
    rows = [*([changed] if changed else []), *others]
    context.lake.write(partition, unit, SPECTROGRAMS.from_rows(rows))


def test_sound_shards_pass_with_their_numbers(done):
    images, counts = check_images(done), check_counts(done)
    assert images.passed
    assert images.numbers["n_images"] == 24
    assert images.numbers["n_not_finite"] == 0
    assert 0 < images.numbers["largest_storage_error"] <= 1 / 510 + 1e-6
    assert counts.passed
    assert counts.numbers == {
        "n_dataset_rows": 24, "n_images": 24, "n_missing": 0, "n_surplus": 0,
    }  # fmt: skip


def with_cells(value):
    def change(row):
        cells = np.frombuffer(row["image"], np.uint8) / np.float32(255)
        cells = cells.astype(np.float16)
        cells[7] = value
        return {**row, "dtype": "float16", "image": cells.tobytes(), "storage_error": 0.0}

    return change


def without_top(row):
    cells = np.minimum(np.frombuffer(row["image"], np.uint8), 250)
    return {**row, "image": cells.tobytes()}


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (with_cells(np.nan), "n_not_finite"),
        (with_cells(1.5), "n_out_of_range"),
        (without_top, "n_not_stretched"),
        (lambda row: {**row, "image": row["image"][:-1]}, "n_wrong_size"),
        (lambda row: {**row, "storage_error": 0.01}, "n_rounded_too_far"),
    ],
    ids=["nan", "range", "stretch", "size", "rounding"],
)
def test_a_bad_image_is_counted(done, change, what):
    change_first_row(done, change)
    result = check_images(done)
    assert not result.passed
    assert result.numbers[what] == 1


def test_no_images_at_all_is_no_pass(done):
    for file in shard_files(done):
        file.unlink()
    assert not check_images(done).passed
    assert check_counts(done).numbers["n_missing"] == 24


@pytest.mark.parametrize(
    ("change", "missing", "surplus"),
    [
        (lambda row: None, 1, 0),
        (lambda row: {**row, "mos": row["mos"] + 0.1}, 1, 1),
        (lambda row: {**row, "part": "train"}, 1, 1),
        (lambda row: {**row, "degraded_id": "somebody-0-1"}, 1, 1),
    ],
    ids=["gone", "label", "part", "stranger"],
)
def test_rows_that_differ_from_dataset_are_counted(done, change, missing, surplus):
    change_first_row(done, change)
    result = check_counts(done)
    assert not result.passed
    assert (result.numbers["n_missing"], result.numbers["n_surplus"]) == (missing, surplus)


def test_the_contact_sheet_is_a_small_png_that_repeats(done):
    png = contact_sheet(done)
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    assert 3_000 < len(png) <= MAX_BYTES
    assert contact_sheet(done) == png
    assert contact_sheet(done, n_images=2) != png


def test_full_size_noise_still_fits_into_the_limit(home):
    context = small_context(home)
    partition = context.joint_partition("spectrograms")
    rng = np.random.default_rng(0)
    row = {
        "degraded_id": "0-0-12_42", "excerpt_id": "0-0", "catalog": "north", "part": "train",
        "uniform_draw": True, "natural_mix": False, "trusted": True, "mos": 3.0,
        "quality": 0.5, "n_frames": 1876, "n_bands": 256, "dtype": "uint8",
        "max_db": 0.0, "min_db": -80.0, "storage_error": 0.0,
        "upper_edge_hz": 0.0, "looped": False,
    }  # fmt: skip
    images = [rng.integers(0, 256, 1876 * 256, np.uint8).tobytes() for _ in range(6)]
    table: pa.Table = SPECTROGRAMS.from_rows({**row, "image": image} for image in images)
    context.lake.write(partition, "train-00000", table, row_group_rows=2)
    assert len(contact_sheet(context)) <= MAX_BYTES


def test_nothing_to_draw_is_said(home):
    with pytest.raises(StageError, match="no mel images to draw; run the stage spectrograms"):
        contact_sheet(small_context(home))
