import numpy as np
import polars as pl
import pytest

from musqa_pipeline.audio.constants import EXCERPT_SAMPLES, TAIL_SAMPLES
from musqa_pipeline.audio.files.flac import to_flac
from musqa_pipeline.catalogs.known import add_catalog
from musqa_pipeline.core.errors import StageError
from musqa_pipeline.core.settings.preset import parse_preset
from musqa_pipeline.stages.dataset.candidates import Candidates
from musqa_pipeline.stages.dataset.checks import (
    check_near_duplicates,
    check_no_leak,
    check_no_row_twice,
    check_uniform,
)
from musqa_pipeline.stages.dataset.inputs import joint_inputs, read_labelled_rows, read_seen_tracks
from musqa_pipeline.stages.dataset.pictures import plot_draw
from musqa_pipeline.stages.dataset.report import describe_dataset, read_dataset, read_splits
from musqa_pipeline.stages.degradations.table import DEGRADATIONS
from musqa_pipeline.stages.engine.context import Context
from musqa_pipeline.stages.engine.quarantine import QUARANTINE
from musqa_pipeline.stages.engine.stage import run_stage
from musqa_pipeline.stages.excerpts.table import EXCERPTS
from musqa_pipeline.stages.graph import get_stage
from musqa_pipeline.stages.labels.table import LABELS
from musqa_pipeline.stages.tracks.table import TRACKS
from musqa_pipeline.storage.fragments.partition import Partition
from tests.stages.dataset.synthetic import make_candidates

FINGERPRINTS = {
    stage: f"{i:032x}"
    for i, stage in enumerate(["tracks", "excerpts", "degradations", "labels"], start=1)
}
PRESET = {"catalogs": ["*"], "dataset": {"size": 120, "n_bins": 6, "natural_rows": 30}}


def write_catalog(home, tmp_path, name, n_tracks, seed, roles=("",)):
    """Fill the partitions of the stages 1-4 as those stages do, but without decoding anything."""
    folder = tmp_path / name
    folder.mkdir()
    (folder / "song.wav").touch()
    add_catalog(home, folder, name)
    lake = Context(home, parse_preset("test", PRESET), None, {}).lake
    partitions = {stage: Partition(stage, f, name) for stage, f in FINGERPRINTS.items()}
    flac = to_flac(_noise(seed))
    pool = make_candidates(n_tracks=n_tracks, n_cascades=12, seed=seed)
    for (reference,), rows in pool.group_by("track_id", maintain_order=True):
        track_id = f"{name[:4]:x<4}{str(reference)[4:]}"
        track, excerpt_id = int(str(reference), 16), f"{track_id}-0"
        values = {
            "track_id": track_id, "unit_id": f"unit-{track_id}", "file": f"{track}.flac",
            "pcm_hash": track_id * 2, "title": "", "artist": "", "genre": f"genre {track % 3}",
            "recording": f"{track}.flac", "licence": "", "role": roles[track % len(roles)],
            "tier": "", "duration_s": 12.0, "sample_rate_hz": 48_000, "channels": 2,
            "codec": "flac", "bitrate_kbps": 900.0, "loudness_lufs": -14.0,
            "true_peak_dbtp": -1.0, "upper_edge_hz": 20_500.0, "phase_correlation": 0.7,
            "verdict": "usable", "flags": [],
        }  # fmt: skip
        lake.write(partitions["tracks"], f"unit-{track_id}", TRACKS.from_rows([values]))
        excerpt = {
            "excerpt_id": excerpt_id, "track_id": track_id, "index": 0, "start_s": 1.0,
            "source_lufs": -14.0, "gain_db": -9.0, "loudness_lufs": -23.0, "peak": 0.4,
            "n_clipped_samples": 0, "upper_edge_hz": 20_500.0, "tail_samples": TAIL_SAMPLES,
            "tail_mirrored": False, "flac": flac,
        }  # fmt: skip
        lake.write(partitions["excerpts"], excerpt_id, EXCERPTS.from_rows([excerpt]))
        made, labels = [], []
        for row in rows.iter_rows(named=True):
            degraded_id = f"{excerpt_id}-{row['degraded_id'].rsplit('-', 1)[1]}"
            made.append(
                {
                    "degraded_id": degraded_id, "excerpt_id": excerpt_id,
                    "process": degraded_id.rsplit("-", 1)[1], "depth": row["depth"],
                    "kind": "single" if row["depth"] == 1 else "cascade",
                    "first_id": row["first_id"], "first_name": "mp3", "last_id": row["last_id"],
                    "last_name": row["last_name"], "in_pool": row["first_id"] != 27,
                    "container": "mp3", "bitstream": b"\0" * 50, "bitstream_bytes": 50,
                    "delay_samples": 0, "gain_db": 0.0, "loudness_lufs": -23.0,
                    "n_over_full_scale": 0, "pcm_hash": degraded_id, "encoder": "none",
                }
            )  # fmt: skip
            labels.append(
                {
                    "degraded_id": degraded_id, "excerpt_id": excerpt_id, "metric": "visqol",
                    "mos": row["mos"], "quality": row["quality"], "vnsim": 0.9,
                    "fvnsim": [0.9] * 32, "lag_samples": 0,
                }
            )  # fmt: skip
        lake.write(partitions["degradations"], f"{excerpt_id}-n12", DEGRADATIONS.from_rows(made))
        lake.write(partitions["labels"], f"{excerpt_id}-n12", LABELS.from_rows(labels[::-1]))


def _noise(seed):
    rng = np.random.default_rng(seed)
    return rng.integers(-999, 999, EXCERPT_SAMPLES + TAIL_SAMPLES).astype("int16")


def joint(home, preset=PRESET):
    """The context of the joint stages, made as the graph makes it."""
    context = Context(home, parse_preset("test", preset), None, dict(FINGERPRINTS))
    splits = get_stage("splits").fingerprint(context, inputs=(joint_inputs(context),))
    context = Context(home, context.preset, None, {**FINGERPRINTS, "splits": splits})
    dataset = get_stage("dataset").fingerprint(context)
    return Context(home, context.preset, None, {**context.fingerprints, "dataset": dataset})


def run(context):
    return run_stage(get_stage("splits"), context), run_stage(get_stage("dataset"), context)


@pytest.fixture
def full_home(home, tmp_path):
    write_catalog(home, tmp_path, "music", 20, seed=1)
    return home


def test_both_stages_run_and_every_check_passes(full_home):
    context = joint(full_home)
    splits, dataset = run(context)
    assert (splits.rows, splits.made, dataset.made) == (20, 1, 1)
    assert set(read_splits(context)["part"]) == {"train", "validation", "test"}
    rows = read_dataset(context)
    assert rows["uniform_draw"].sum() == 120
    assert rows["natural_mix"].sum() == 30
    assert not any(degraded_id.endswith("-27") for degraded_id in rows["degraded_id"])
    results = [check(context) for check in (check_no_leak, check_uniform, check_no_row_twice)]
    assert [r.passed for r in results] == [True] * 3
    assert results[0].numbers["tracks_train"] > results[0].numbers["tracks_test"] >= 1
    report = describe_dataset(context)
    assert report.n_uniform == report.size == 120
    assert report.left_out["not in the pool"] > 0
    assert report.largest_even_size >= 120


def test_a_second_run_finds_everything_done_and_a_fresh_one_makes_the_same_bytes(full_home):
    context = joint(full_home)
    run(context)
    path = context.lake.path(context.joint_partition("dataset"), "dataset")
    first = path.read_bytes()
    assert [report.made for report in run(context)] == [0, 0]
    path.unlink()
    run(context)
    assert path.read_bytes() == first


def test_the_same_audio_in_two_parts_is_found_in_the_stored_references(full_home):
    context = joint(full_home)
    run(context)
    result = check_near_duplicates(context)  # all twenty references are the same noise
    assert not result.passed
    assert result.numbers["references"] == 20
    assert result.numbers["near_duplicate_pairs"] == result.numbers["pairs_compared"] > 0


def test_the_picture_is_a_png_of_at_most_60_kb(full_home):
    context = joint(full_home)
    run(context)
    picture = plot_draw(context)
    assert picture.startswith(b"\x89PNG")
    assert 5_000 < len(picture) <= 60_000


def test_rows_carry_their_tracks_metadata_and_labels_meet_their_plan(full_home):
    rows = read_labelled_rows(joint(full_home))
    pool = make_candidates(n_tracks=20, n_cascades=12, seed=1)
    assert rows.height == pool.height
    expected = dict(zip(pool["degraded_id"].str.slice(4), pool["mos"], strict=True))
    assert dict(zip(rows["degraded_id"].str.slice(4), rows["mos"], strict=True)) == expected
    assert rows["excerpt_id"].is_sorted()
    assert set(rows["track_codec"]) == {"flac"}
    assert "bitstream" not in rows.columns


def test_a_row_of_one_round_that_equals_a_row_of_another_is_marked_as_identical(full_home):
    context = joint(full_home)
    partition = context.partition("degradations", "music")
    unit_id = context.lake.done(partition)[0]
    *others, last = context.lake.read(partition, unit_id).to_pylist()
    later = {**last, "pcm_hash": others[0]["pcm_hash"]}
    before = read_labelled_rows(context)
    assert before["identical_to"].null_count() == before.height
    context.lake.write(partition, unit_id, DEGRADATIONS.from_rows(others))
    context.lake.write(partition, f"{unit_id}r1-0", DEGRADATIONS.from_rows([later]))
    marked = read_labelled_rows(context).filter(pl.col("identical_to").is_not_null())
    assert marked["degraded_id"].to_list() == [last["degraded_id"]]
    assert marked["identical_to"].to_list() == [others[0]["degraded_id"]]


def test_a_track_in_quarantine_gives_no_rows_and_no_split(full_home):
    context = joint(full_home)
    before = read_labelled_rows(context)["track_id"].unique()
    refused = {
        "stage": "tracks", "unit_id": "unit-musi000000000003", "file": "3.flac",
        "reason": "duplicate", "detail": "same samples as 1.flac", "advice": "nothing",
    }  # fmt: skip
    partition = Partition("quarantine", FINGERPRINTS["tracks"], "music")
    context.lake.write(partition, "unit-musi000000000003", QUARANTINE.from_rows([refused]))
    assert joint(full_home).fingerprints["splits"] != context.fingerprints["splits"]
    after = read_labelled_rows(joint(full_home))["track_id"].unique()
    assert set(before) - set(after) == {"musi000000000003"}
    assert "musi000000000003" not in set(read_seen_tracks(joint(full_home))["track_id"])


def test_a_new_catalog_redoes_both_stages_and_keeps_the_old_test_songs(full_home, tmp_path):
    before = joint(full_home)
    run(before)
    write_catalog(full_home, tmp_path, "added", 12, seed=2, roles=("train", "test", ""))
    after = joint(full_home)
    assert [report.made for report in run(after)] == [1, 1]
    old, new = (
        {(r["catalog"], r["track_id"]) for r in read_splits(c).filter(part="test").to_dicts()}
        for c in (before, after)
    )
    assert old < new
    assert {track for catalog, track in new if catalog == "added"} == {
        f"adde{i:012x}" for i in (1, 4, 7, 10)
    }
    assert set(read_dataset(after)["catalog"]) == {"added", "music"}


def test_a_catalog_that_the_preset_does_not_see_changes_nothing(full_home, tmp_path):
    only_music = {**PRESET, "catalogs": ["music"]}
    before = joint(full_home, only_music).fingerprints
    write_catalog(full_home, tmp_path, "added", 4, seed=2)
    assert joint(full_home, only_music).fingerprints == before
    assert joint(full_home).fingerprints != before


def test_a_catalog_without_any_unit_changes_no_fingerprint(full_home, tmp_path):
    before = joint(full_home).fingerprints
    folder = tmp_path / "empty"
    folder.mkdir()
    (folder / "song.wav").touch()
    add_catalog(full_home, folder, "empty")
    assert joint(full_home).fingerprints == before
    assert read_seen_tracks(joint(full_home)).height == 20


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("seed", 1), ("size", 60), ("n_bins", 5), ("max_process_fraction", 0.05),
        ("max_reference_fraction", 1.0), ("protocol", "paper_two_way"),
        ("validation_fraction", 0.4), ("test_fraction", 0.45), ("natural_rows", 10),
    ],
)  # fmt: skip
def test_each_setting_changes_the_rows(full_home, field, value):
    contexts = [
        joint(full_home, {**PRESET, "dataset": {**PRESET["dataset"], **change}})
        for change in ({}, {field: value})
    ]
    tables = []
    for context in contexts:
        run(context)
        tables.append(read_dataset(context).sort("degraded_id"))
    assert not tables[0].equals(tables[1])


def test_a_lake_without_catalogs_says_how_to_add_one(home):
    context = joint(home)
    with pytest.raises(StageError, match=r"sees no catalog .*musqa catalog add DIR"):
        run_stage(get_stage("splits"), context)


def test_a_part_without_rows_is_refused_with_advice(full_home, monkeypatch):
    context = joint(full_home)
    run_stage(get_stage("splits"), context)
    tested = read_splits(context).filter(part="test")["track_id"]

    def candidates_of_the_others(rows, **_):
        return Candidates(rows.filter(~pl.col("track_id").is_in(tested.implode())), rows.clear())

    monkeypatch.setattr(
        "musqa_pipeline.stages.dataset.report.find_candidates", candidates_of_the_others
    )
    with pytest.raises(StageError, match=r"no row may be drawn for test; add music"):
        run_stage(get_stage("dataset"), context)
