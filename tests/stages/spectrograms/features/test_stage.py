"""The stage `features`: from rows of `dataset` to shards of band images and descriptions."""

import numpy as np
import pyarrow.parquet as pq
import pytest

from musqa_pipeline.audio.degradations.rebuild import degraded_audio
from musqa_pipeline.audio.features.bands import FLOOR_DB, STEP_DB, band_image
from musqa_pipeline.audio.features.descriptors import describe
from musqa_pipeline.audio.measures.bandwidth import upper_edge_hz
from musqa_pipeline.core.settings.preset import parse_preset
from musqa_pipeline.stages.engine.context import Context
from musqa_pipeline.stages.engine.stage import run_stage
from musqa_pipeline.stages.graph import get_stage
from musqa_pipeline.stages.spectrograms.features.table import FEATURES
from musqa_pipeline.stages.spectrograms.row_shards import shard_files
from tests.stages.spectrograms.small_dataset import (
    CATALOGS,
    FINGERPRINTS,
    N_EXCERPTS,
    N_ROWS,
    SMALL,
    fill_lake,
    flac_notes,
)

TARGET_LUFS = -20.0
GAIN_TO_MINUS_23 = np.float32(10 ** (-3 / 20))


@pytest.fixture(scope="module")
def streams():
    """A note of its own for each row; equal in both catalogs, which halves the encoding."""
    notes = {
        (number, process): flac_notes(200 + 400 * number + 90 * process)
        for number in range(N_EXCERPTS)
        for process in range(N_ROWS)
    }
    return {(catalog, *key): note for catalog in CATALOGS for key, note in notes.items()}


@pytest.fixture(scope="module")
def made(tmp_path_factory, streams):
    """A lake after the stage, of excerpts that are 3 LU louder than what features are made at."""
    preset = parse_preset(
        "small",
        {
            "catalogs": list(CATALOGS),
            "spectrograms": SMALL,
            "excerpts": {"target_lufs": TARGET_LUFS},
        },
    )
    fingerprints = {**FINGERPRINTS, "features": "8" * 32}
    context = fill_lake(
        Context(tmp_path_factory.mktemp("features"), preset, None, fingerprints), streams
    )
    run_stage(get_stage("features"), context)
    return context


@pytest.fixture(scope="module")
def rows(made):
    return [r for f in shard_files(made, "features") for r in pq.read_table(f).to_pylist()]


def test_each_row_describes_its_own_bitstream_at_minus_23_lufs(made, rows, streams):
    assert len(rows) == len(CATALOGS) * N_EXCERPTS * N_ROWS
    for row in rows[:: len(rows) // 6]:
        number, process = int(row["degraded_id"].split("-")[0]), int(row["degraded_id"][-1])
        source = {
            "container": "flac",
            "bitstream": streams[row["catalog"], number, process],
            "delay_samples": 0,
            "gain_db": 6.0,
        }
        samples = degraded_audio([source])[0]
        image = band_image(samples * GAIN_TO_MINUS_23)
        assert row["image"] == image.tobytes()
        assert (row["n_frames"], row["n_bands"]) == image.shape
        assert row["max_db"] == pytest.approx(FLOOR_DB + STEP_DB * image.max() + 23)
        assert row["min_db"] == pytest.approx(FLOOR_DB + STEP_DB * image.min() + 23)
        assert row["upper_edge_hz"] == upper_edge_hz(samples, 48_000)
        assert row["looped"] is False
        for name, value in describe(image).items():
            assert row[name] == pytest.approx(value, rel=1e-6, nan_ok=True)


def test_shards_hold_one_part_in_groups_of_the_size_asked_for(made):
    files = shard_files(made, "features")
    assert [f.stem for f in files] == [
        f"{part}-0000{i}" for part in ("test", "train", "validation") for i in (0, 1)
    ]
    first = pq.read_metadata(files[0])
    assert [first.row_group(g).num_rows for g in range(first.num_row_groups)] == [2, 2, 1]
    assert pq.read_schema(files[0]).names == FEATURES.schema.names


def test_a_lost_shard_is_made_again_with_the_same_bytes_and_no_other_is_touched(made):
    files = shard_files(made, "features")
    before = {f: (f.read_bytes(), f.stat().st_ino) for f in files}
    files[2].unlink()
    report = run_stage(get_stage("features"), made)
    assert (report.units, report.made) == (len(files), 1)
    assert files[2].read_bytes() == before[files[2]][0]
    assert all(f.stat().st_ino == before[f][1] for f in files if f != files[2])


def test_the_fingerprint_follows_how_rows_are_divided(made):
    changed = parse_preset(
        "small", {"catalogs": list(CATALOGS), "spectrograms": {**SMALL, "rows_per_shard": 6}}
    )
    same = parse_preset("small", {"catalogs": list(CATALOGS), "spectrograms": SMALL})
    prints = {
        get_stage("features").fingerprint(Context(made.home, preset, None, made.fingerprints))
        for preset in (changed, same)
    }
    assert len(prints) == 2
