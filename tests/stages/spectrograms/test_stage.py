"""The stage: from rows of `dataset` to shards of images."""

from dataclasses import replace

import numpy as np
import pyarrow.parquet as pq
import pytest

from musqa_pipeline.audio.degradations.rebuild import degraded_audio
from musqa_pipeline.audio.features.mel import decode_cells, mel_image
from musqa_pipeline.audio.measures.bandwidth import upper_edge_hz
from musqa_pipeline.core.errors import LakeError, StageError
from musqa_pipeline.stages.dataset.table import DATASET
from musqa_pipeline.stages.degradations.sources import read_bitstreams, units_by_excerpt
from musqa_pipeline.stages.degradations.table import DEGRADATIONS
from musqa_pipeline.stages.engine.stage import run_stage
from musqa_pipeline.stages.graph import get_stage
from musqa_pipeline.stages.spectrograms import row_shards
from musqa_pipeline.stages.spectrograms.row_shards import list_shards, shard_files
from musqa_pipeline.stages.spectrograms.stage import SPECTROGRAMS_MAKER
from tests.stages.spectrograms.small_dataset import small_context


def stored_rows(context):
    return [row for file in shard_files(context) for row in pq.read_table(file).to_pylist()]


def dataset_of(context):
    return context.lake.read(context.joint_partition("dataset"), "dataset")


def test_each_row_gets_the_image_of_its_own_bitstream(done, bitstreams):
    rows = stored_rows(done)
    assert len(rows) == 24
    for row in rows:
        number, process = int(row["degraded_id"].split("-")[0]), int(row["degraded_id"][-1])
        source = {
            "container": "flac",
            "bitstream": bitstreams[row["catalog"], number, process],
            "delay_samples": 0,
            "gain_db": 6.0,
        }
        samples = degraded_audio([source])[0]
        expected = mel_image(samples, done.preset.spectrograms)
        cells = np.frombuffer(row["image"], np.uint8).reshape(row["n_frames"], row["n_bands"])
        error = np.abs(decode_cells(cells) - expected.image).max()
        assert error == pytest.approx(row["storage_error"])
        assert error <= 1 / 510 + 1e-7
        # Relative to the target loudness of -23 LUFS.
        assert row["max_db"] == pytest.approx(expected.max_db + 23)
        assert row["min_db"] == pytest.approx(expected.min_db + 23)
        assert row["upper_edge_hz"] == upper_edge_hz(samples, 48_000)
        assert row["looped"] is False


def test_rows_keep_what_dataset_says_of_them(done):
    columns = [
        "catalog",
        "degraded_id",
        "excerpt_id",
        "part",
        "uniform_draw",
        "natural_mix",
        "trusted",
    ]
    stored = sorted(tuple(row[c] for c in columns) for row in stored_rows(done))
    assert stored == sorted(tuple(row[c] for c in columns) for row in dataset_of(done).to_pylist())


def test_a_shard_holds_one_part_and_row_groups_have_the_size_asked_for(done):
    files = shard_files(done)
    assert [f.stem for f in files] == [
        f"{part}-0000{i}" for part in ("test", "train", "validation") for i in (0, 1)
    ]
    for file in files:
        parts = set(pq.read_table(file, columns=["part"])["part"].to_pylist())
        assert parts == {file.stem.split("-")[0]}
    first = pq.read_metadata(files[0])
    assert [first.row_group(g).num_rows for g in range(first.num_row_groups)] == [2, 2, 1]


def test_the_order_is_mixed_and_does_not_depend_on_the_order_of_dataset(context):
    def plan():
        return [[r["degraded_id"] for r in u.plan["rows"]] for u in list_shards(context)]

    first = plan()
    assert [row for shard in first for row in shard] != sorted(r for s in first for r in s)
    catalogs = [r["catalog"] for r in list_shards(context)[0].plan["rows"]]
    assert set(catalogs) == {"north", "south"}
    rows = DATASET.from_rows(reversed(dataset_of(context).to_pylist()))
    context.lake.write(context.joint_partition("dataset"), "dataset", rows)
    assert plan() == first


def test_only_the_missing_shard_is_made_again_with_the_same_bytes(context):
    run_stage(get_stage("spectrograms"), context)
    files = shard_files(context)
    before = [(f.read_bytes(), f.stat().st_ino) for f in files]
    files[2].unlink()
    report = run_stage(get_stage("spectrograms"), context)
    assert (report.units, report.made) == (6, 1)
    after = [(f.read_bytes(), f.stat().st_ino) for f in files]
    assert [b for b, _ in after] == [b for b, _ in before]
    assert [i for n, (_, i) in enumerate(after) if n != 2] == [
        i for n, (_, i) in enumerate(before) if n != 2
    ]


def test_the_setting_storage_decides_the_type_of_a_cell(context):
    context = replace(context, preset=small_context(context.home, storage="float16").preset)
    table = SPECTROGRAMS_MAKER.make(context, list_shards(context)[0])
    assert set(table["dtype"].to_pylist()) == {"float16"}
    assert max(table["storage_error"].to_pylist()) <= 1 / 4096
    assert len(table["image"][0].as_py()) == 2 * 24 * (1 + 480_000 // 4096)


def test_row_groups_of_other_rows_are_not_read(context):
    catalog, unit = "north", f"{0:016x}-0-n3"
    path = context.lake.path(context.partition("degradations", catalog), unit)
    wanted = {
        "catalog": catalog, "excerpt_id": f"{0:016x}-0", "degraded_id": f"{0:016x}-0-2",
        "units": (unit,),
    }  # fmt: skip
    before = dict(read_bitstreams(context, [wanted]))
    metadata = pq.read_metadata(path)
    place = metadata.schema.names.index("bitstream")
    content = bytearray(path.read_bytes())
    for group in (0, 1, 3):
        column = metadata.row_group(group).column(place)
        start = column.dictionary_page_offset or column.data_page_offset
        content[start : start + column.total_compressed_size] = b"\xff" * (
            column.total_compressed_size
        )
    path.write_bytes(content)
    assert dict(read_bitstreams(context, [wanted])) == before
    with pytest.raises(LakeError, match="cannot read"):
        dict(read_bitstreams(context, [{**wanted, "degraded_id": f"{0:016x}-0-1"}]))


def test_rows_of_a_reference_are_found_in_whichever_round_made_them(context):
    partition, excerpt_id = context.partition("degradations", "north"), f"{0:016x}-0"
    rows = context.lake.read(partition, f"{excerpt_id}-n3").to_pylist()
    later = {**rows[0], "degraded_id": f"{excerpt_id}-7_8"}
    context.lake.write(partition, f"{excerpt_id}-n1r1-ab", DEGRADATIONS.from_rows([later]))
    units = units_by_excerpt(context, "north")[excerpt_id]
    assert sorted(units) == [f"{excerpt_id}-n1r1-ab", f"{excerpt_id}-n3"]
    for wanted in ([rows[0]], [later], [rows[1], later]):
        asked = [
            {"catalog": "north", "units": units} | {k: r[k] for k in ("excerpt_id", "degraded_id")}
            for r in wanted
        ]
        found = {key[1]: row["bitstream"] for key, row in read_bitstreams(context, asked)}
        assert found == {r["degraded_id"]: r["bitstream"] for r in wanted}


def test_units_are_found_under_the_name_of_their_reference(context):
    assert units_by_excerpt(context, "south") == {
        f"{number:016x}-0": (f"{number:016x}-0-n3",) for number in range(3)
    }


def test_without_a_dataset_the_stage_says_what_to_run(home):
    with pytest.raises(StageError, match="there is no dataset yet; run the stage dataset first"):
        list_shards(small_context(home))


def test_an_empty_dataset_is_named(home):
    context = small_context(home)
    context.lake.write(context.joint_partition("dataset"), "dataset", DATASET.from_rows([]))
    with pytest.raises(StageError, match="dataset has no rows; add a catalog"):
        list_shards(context)


def test_a_row_without_a_bitstream_is_named(context):
    context.lake.path(context.partition("degradations", "south"), f"{1:016x}-0-n3").unlink()
    with pytest.raises(
        StageError, match=rf"catalog south, reference {1:016x}-0: no bitstream of {1:016x}-0-"
    ):
        run_stage(get_stage("spectrograms"), context)


def test_audio_that_is_not_finite_stops_the_stage_and_is_named(context, monkeypatch):
    def broken(rows):
        return [np.full(480_000, np.nan, np.float32) for _ in rows]

    monkeypatch.setattr(row_shards, "degraded_audio", broken)
    with pytest.raises(StageError, match=r"of catalog north decodes to .*not_finite: 480000 sampl"):
        run_stage(get_stage("spectrograms"), context)
    assert shard_files(context) == []
