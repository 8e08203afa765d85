"""Streams in files: the same batches in every process, and none of their bytes on the way there."""

import pickle
from dataclasses import replace

import numpy as np
import pytest

from musqa_pipeline.core.errors import LakeError, StageError
from musqa_pipeline.learning.pretraining.crops import CropBatches
from musqa_pipeline.learning.pretraining.degradation_classifier import ClassBatches
from musqa_pipeline.learning.pretraining.framewise_recipe import FramewiseAutoencoderRecipe
from musqa_pipeline.learning.pretraining.recipe import SMALL
from musqa_pipeline.learning.pretraining.streams import StreamFiles, VersionRows
from musqa_pipeline.learning.pretraining.windows import Windows
from tests.learning.pretraining.tiny_wav2vec2 import TINY

RNG = np.random.default_rng(0)
VERSIONS = [RNG.integers(256, size=(n, 3, 5, 48)).astype(np.uint8) for n in (4, 1, 6)]
TEN_MB = 10_000_000


@pytest.fixture
def stored(tmp_path):
    def store(*arrays):
        for number, array in enumerate(arrays):
            np.save(tmp_path / f"{number}.npy", array)
        return StreamFiles(tmp_path / f"{number}.npy" for number in range(len(arrays)))

    return store


def crops(streams):
    return CropBatches(streams, replace(TINY, crop_samples=SMALL.crop_samples), seed=0)


def windows(streams):
    return Windows(streams, FramewiseAutoencoderRecipe(batch_size=3), seed=0)


def versions(streams):
    rows = VersionRows(streams)
    return ClassBatches(rows, np.arange(len(rows)), np.arange(len(rows)), batch_size=7, seed=0)


@pytest.mark.parametrize(
    ("batches_of", "shape", "dtype"),
    [
        (crops, (TEN_MB // 2,), np.int16),
        (windows, (TEN_MB // 48, 48), np.uint8),
        (versions, (TEN_MB // 288_000, 6, 1_000, 48), np.uint8),
    ],
)
def test_batches_are_the_same_after_a_small_pickle(stored, batches_of, shape, dtype):
    array = RNG.integers(100, size=shape).astype(dtype)
    batches = batches_of(stored(array, array[::-1]))
    list(batches(1))  # what was opened is not sent either
    sent = pickle.dumps(batches)
    assert len(sent) < 100_000
    from_arrays = batches_of([array, array[::-1]])
    for ours, there, there_too in zip(
        batches(1), pickle.loads(sent)(1), from_arrays(1), strict=True
    ):
        for mine, theirs, of_arrays in zip(ours, there, there_too, strict=True):
            np.testing.assert_array_equal(mine, theirs)
            np.testing.assert_array_equal(mine, of_arrays)


def test_rows_of_versions_are_those_of_one_array(stored):
    whole = np.concatenate([stream.reshape(-1, 5, 48) for stream in VERSIONS])
    rows = VersionRows(stored(*VERSIONS))
    assert (rows.shape, rows.dtype, len(rows)) == (whole.shape, whole.dtype, len(whole))
    some = RNG.permutation(len(whole))
    np.testing.assert_array_equal(rows[some], whole[some])


def test_streams_that_differ_are_refused():
    with pytest.raises(StageError, match=r"3 streams of versions with excerpts of 2 kinds of shap"):
        VersionRows([*VERSIONS[:2], VERSIONS[0][:, :, :4]])
    with pytest.raises(StageError, match="0 streams of versions with excerpts of 0 kinds"):
        VersionRows([])


def test_a_file_is_opened_at_its_first_use_and_may_be_deleted_after_it(stored):
    streams = stored(*VERSIONS)
    assert isinstance(streams[0], np.memmap)
    for path in streams.paths[:2]:
        path.unlink()
    np.testing.assert_array_equal(streams[0], VERSIONS[0])
    with pytest.raises(LakeError, match=r"cannot read .*1\.npy"):
        streams[1]
    assert [len(stream) for stream in streams[2:]] == [6]
