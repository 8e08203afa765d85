"""Segments of a small catalog: planned as data, made again from a row, measured, refused."""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path

import librosa
import numpy as np
import polars as pl
import pytest
import soundfile
import soxr

from musqa_pipeline.audio.degradations.intensity import INTENSITY_DEGRADATIONS, IntensityParams
from musqa_pipeline.audio.features.bands import band_image_at
from musqa_pipeline.audio.features.flatness import spectral_flatness
from musqa_pipeline.audio.files.signals import read_stereo
from musqa_pipeline.audio.measures.loudness import integrated_lufs
from musqa_pipeline.audio.metrics.visqol import Reference
from musqa_pipeline.audio.metrics.zimtohrli import Zimtohrli
from musqa_pipeline.core.errors import StageError
from musqa_pipeline.core.settings.preset import Preset
from musqa_pipeline.scoring.model_file import SHIPPED, load_model
from musqa_pipeline.stages.dataset.table import SPLITS
from musqa_pipeline.stages.engine.quarantine import QUARANTINE
from musqa_pipeline.stages.engine.stage import Unit, run_stage
from musqa_pipeline.stages.graph import get_stage, joint_context, load_preset
from musqa_pipeline.stages.segments.checks import check_segments
from musqa_pipeline.stages.segments.stage import list_units, make_unit
from musqa_pipeline.stages.segments.versions import pcm_hash, rebuild
from musqa_pipeline.stages.views.duck import publish, query
from tests.stages.segments.small_catalog import fill, split, stereo, stored

N = 201_984
KINDS = tuple(INTENSITY_DEGRADATIONS)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """The context, the folder with the music, and the rows."""
    folder = tmp_path_factory.mktemp("music")
    context = fill(tmp_path_factory.mktemp("home"), folder)
    report = run_stage(get_stage("segments"), context)
    assert (report.units, report.made, report.rows) == (5, 5, 125)
    return context, folder, stored(context)


def test_each_test_recording_gives_as_many_segments_as_fit_and_none_overlaps(made):
    _, _, rows = made
    originals = [row for row in rows if row["draw"] == "original"]
    assert {row["recording"] for row in rows} == {"song of café.wav", "song of mono.wav"}
    for recording, rate_hz, n in (("song of café.wav", 48_000, 3), ("song of mono.wav", 44_100, 2)):
        starts = sorted(r["start_frame"] for r in originals if r["recording"] == recording)
        assert len(starts) == n
        assert np.diff(starts).min() >= N * rate_hz / 48_000
        assert {r["sample_rate_hz"] for r in rows if r["recording"] == recording} == {rate_hz}
    assert {row["genre"] for row in rows} == {"other"}


def test_a_segment_has_an_original_four_drawn_and_a_ladder_of_five_steps_each(made):
    _, _, rows = made
    first = [row for row in rows if row["segment_id"] == rows[0]["segment_id"]]
    assert sorted(row["kind"] for row in first if row["draw"] == "drawn") == sorted(KINDS)
    ladder = {(r["kind"], r["intensity"]) for r in first if r["draw"] == "ladder"}
    assert ladder == {(kind, i) for kind in KINDS for i in (10, 30, 50, 70, 90)}
    assert len(first) == 1 + 4 + 20
    drawn = [row["intensity"] for row in rows if row["draw"] == "drawn"]
    assert len(set(drawn)) == len(drawn) == 20
    assert min(drawn) < 30 < 70 < max(drawn)
    seeds = [row["noise_seed"] for row in rows if row["kind"] == "intensity_noise"]
    assert len(set(seeds)) == len(seeds) == 30
    assert all(row["noise_seed"] is None for row in rows if row["kind"] != "intensity_noise")


def test_every_version_is_made_again_from_its_row(made):
    _, folder, rows = made
    files = {f"song of {name}": folder / name for name in ("café.wav", "mono.wav")}
    hashes = {row["version_id"]: pcm_hash(rebuild(files[row["recording"]], row)) for row in rows}
    assert hashes == {row["version_id"]: row["pcm_hash"] for row in rows}
    others = [row["pcm_hash"] for row in rows if row["kind"] != "intensity_limiter"]
    assert len(set(others)) == len(others)  # a limiter that never lets go has no threshold


def test_a_segment_is_the_part_of_its_track_at_its_level_and_degraded_by_the_class(made):
    _, folder, rows = made
    whole = soundfile.read(folder / "mono.wav", dtype="float32")[0]
    for row in rows:
        if row["recording"] != "song of mono.wav" or row["draw"] == "ladder":
            continue
        before = min(row["start_frame"] // 147 * 147, 88_200)
        resampled = soxr.resample(whole[row["start_frame"] - before :], 44_100, 48_000, "VHQ")
        part = resampled[before * 160 // 147 :][:N] * np.float32(10 ** (row["gain_db"] / 20))
        expected = np.stack([part, part], axis=1)
        if row["kind"] not in {"original", "intensity_noise"}:
            degradation = INTENSITY_DEGRADATIONS[row["kind"]]
            expected = degradation.apply(expected, IntensityParams(row["intensity"]))
        found = rebuild(folder / "mono.wav", row)
        assert found.shape == (N, 2)
        if row["kind"] == "intensity_noise":
            expected_db = -39.2 + row["intensity"] / 4
            noise = found[:, 0] - expected.mean(axis=1)
            assert 20 * np.log10(noise.std()) == pytest.approx(expected_db, abs=0.7)
        else:
            np.testing.assert_allclose(found, expected, atol=1e-4)


def test_the_level_is_that_of_the_whole_track_and_no_peak_is_above_one(made):
    _, folder, rows = made
    for name in ("café.wav", "mono.wav"):
        lufs = integrated_lufs(read_stereo(folder / name).samples)
        for row in (r for r in rows if r["recording"].endswith(name) and r["draw"] == "original"):
            peak = np.abs(rebuild(folder / name, row)).max()
            assert peak <= 1 + 1e-6
            if peak < 0.99:
                assert row["gain_db"] == pytest.approx(-14 - lufs, abs=0.1)
    row = next(r for r in rows if r["recording"].endswith("café.wav"))
    as_is = {**row, "gain_db": 0.0}
    assert (
        np.abs(rebuild(folder / "café.wav", as_is)).max()
        < np.abs(rebuild(folder / "café.wav", row)).max()
    )


def test_measures_are_of_the_pair_and_grow_with_the_intensity_of_noise(made):
    _, folder, rows = made
    of_one = {
        (row["kind"], row["intensity"]): row
        for row in rows
        if row["recording"] == "song of café.wav" and row["segment_id"].endswith("-1")
    }
    original = of_one["original", None]
    assert original["mse"] == 0
    noise = [of_one["intensity_noise", i] for i in (10, 30, 50, 70, 90)]
    assert (np.diff([row["mse"] for row in noise]) > 0).all()
    assert (np.diff([row["flatness_16k"] for row in noise]) > 0).all()
    a, b = (rebuild(folder / "café.wav", row) for row in (original, noise[2]))
    assert noise[2]["mse"] == pytest.approx(np.mean((a.astype(np.float64) - b) ** 2))
    assert noise[2]["flatness_48k"] == pytest.approx(spectral_flatness(b))
    sds = [original["temporal_sd"], *(row["temporal_sd"] for row in noise)]
    assert (np.diff(sds) < 0).all()
    narrow = of_one["intensity_lowpass", 90]
    assert narrow["flatness_48k"] < original["flatness_48k"]


def test_the_temporal_deviation_is_that_of_librosas_image(made):
    _, folder, rows = made
    row = next(r for r in rows if r["recording"] == "song of café.wav" and r["intensity"] == 50)
    mono = soxr.resample(rebuild(folder / "café.wav", row).mean(axis=1, dtype=float), 3, 1, "VHQ")
    pcm = np.clip(np.rint(mono * 32_768), -32_768, 32_767)
    magnitude = np.abs(librosa.stft(pcm, n_fft=2_048, hop_length=256, center=False))
    mel = librosa.filters.mel(sr=16_000, n_fft=2_048, n_mels=256) @ magnitude
    assert mel.shape == (256, 256)
    level_db = librosa.amplitude_to_db(mel, ref=np.max, top_db=80)
    image = 2 * (level_db - level_db.min()) / np.ptp(level_db) - 1
    assert row["temporal_sd"] == pytest.approx(image.std(axis=1).mean(), abs=1e-4)


def test_only_what_is_missing_is_made_and_bytes_are_the_same(made):
    context, _, _ = made
    partition = context.joint_partition("segments")
    path = context.lake.path(partition, context.lake.done(partition)[0])
    first = path.read_bytes()
    path.unlink()
    assert not check_segments(context).passed
    assert run_stage(get_stage("segments"), context).made == 1
    assert path.read_bytes() == first
    check = check_segments(context)
    assert check.passed, check.numbers
    assert (check.numbers["n_segments"], check.numbers["n_recordings"]) == (5, 2)


def test_a_row_that_is_not_made_so_fails_the_check(made):
    from musqa_pipeline.stages.segments.checks import judge_segments

    context, _, rows = made
    files = {
        (unit.plan["catalog"], unit.plan["segment_id"]): unit.plan["path"]
        for unit in list_units(context)
    }
    refused = pl.DataFrame(QUARANTINE.schema.empty_table())
    right = pl.DataFrame(rows, infer_schema_length=None)
    assert judge_segments(right, refused, files, visqol=False).passed
    for change, number in (
        ({"gain_db": pl.col("gain_db") + 1}, "n_made_otherwise"),
        ({"flatness_16k": pl.lit(1.1)}, "n_wrong"),
        ({"mse": pl.lit(0.0)}, "n_wrong"),
        ({"musqa_net": pl.lit(1.2)}, "n_wrong"),
        ({"rating": pl.lit(3.0)}, "n_wrong"),
    ):
        found = judge_segments(right.with_columns(**change), refused, files, visqol=False)
        assert not found.passed
        assert found.numbers[number] > 0
    assert judge_segments(right.head(120), refused, files, visqol=False).numbers["n_incomplete"]
    assert not judge_segments(right, refused, files, visqol=True).passed
    assert judge_segments(right.head(100), refused, files, visqol=False).numbers["n_missing"] == 1


def test_visqol_is_asked_where_the_preset_wants_it(made):
    context, folder, _ = made
    asking = split(dataclasses.replace(context, catalog=None), visqol=True, n_per_track=1)
    assert asking.fingerprints["segments"] != context.fingerprints["segments"]
    unit = next(u for u in list_units(asking) if u.plan["file"] == "café.wav")
    found = make_unit(asking, unit).to_pylist()
    mos = {(r["kind"], r["intensity"]): r["visqol_mos"] for r in found}
    assert mos["original", None] == pytest.approx(4.73, abs=0.01)
    assert mos["intensity_noise", 90] < mos["intensity_noise", 10] < mos["original", None]
    row = next(r for r in found if r["kind"] == "intensity_lowpass" and r["intensity"] == 70)
    original, low = (rebuild(folder / "café.wav", r).mean(axis=1) for r in (found[0], row))
    assert row["visqol_mos"] == Reference(original).score(low).mos
    assert row["zimtohrli_mos"] == Zimtohrli(original).score(low).mos


def test_each_version_says_what_musqa_net_and_listeners_say_of_it(made):
    context, folder, _ = made
    unit = next(u for u in list_units(context) if u.plan["file"] == "café.wav")
    rated = Unit(unit.unit_id, unit.what, {**unit.plan, "mos": 3.5})
    found = make_unit(context, rated).to_pylist()
    assert [row["rating"] for row in found] == [3.5] + [None] * 24
    assert {row["zimtohrli_mos"] for row in found} == {None}
    assert {row["rating"] for row in make_unit(context, unit).to_pylist()} == {None}
    row = found[7]
    sounds = rebuild(folder / "café.wav", row).mean(axis=1)
    model, image = load_model(SHIPPED), band_image_at(np.tile(sounds, 3)[:480_000], -23.0)
    heard = model.answer(image).probability @ model.step_quality
    assert row["musqa_net"] == pytest.approx(heard, abs=0.01)


def test_off_makes_nothing_and_nobody_elses_fingerprint_moves(made, home):
    context, _, _ = made
    off = split(context, networks=[])
    assert off.fingerprints["segments"] != context.fingerprints["segments"]
    assert run_stage(get_stage("segments"), off).units == 0
    assert len(stored(context)) == 125
    assert check_segments(off).passed
    plain, named = (
        joint_context(home, dataclasses.replace(Preset(name="p"), further=further), "seen")
        for further in ({}, {"gan": context.preset.further["gan"]})
    )
    assert {s for s in plain.fingerprints if plain.fingerprints[s] != named.fingerprints[s]} == {
        "segments",
        "gan_scores",
        "evaluation",  # its report says what GANs hear
    }


def test_more_networks_make_no_segment_again(made):
    context, _, _ = made
    more = split(context, networks=["one", "two"])
    assert more.fingerprints["segments"] == context.fingerprints["segments"]
    assert run_stage(get_stage("segments"), more).made == 0


def test_the_view_shows_them(made):
    context, _, _ = made
    publish(context, ["segments"])
    sql = "SELECT draw, count(*) AS n FROM test.segments GROUP BY draw ORDER BY n"
    assert query(context.home, sql)["n"].to_list() == [5, 20, 100]


def test_a_preset_of_a_file_is_checked(tmp_path):
    (tmp_path / "mine.toml").write_text(
        'extends = "demo"\n[gan]\nnetworks = ["x"]\n[gan.genres]\n"Hip Hop" = "Rap"\n'
    )
    assert load_preset(tmp_path / "mine.toml").further["gan"].genres == {"Hip Hop": "Rap"}
    (tmp_path / "mine.toml").write_text('[gan]\nlevel = "loud"\n')
    with pytest.raises(Exception, match=r"\[gan\] level='loud': expected one of 'lufs:-14', 'as"):
        load_preset(tmp_path / "mine.toml")


@pytest.fixture
def copied(made, tmp_path):
    context, folder, _ = made
    home = tmp_path / "home"
    shutil.copytree(context.home, home)
    return dataclasses.replace(context, home=home), folder


def refusal(context, **changes):
    """What the stage says of the first unit with another plan."""
    unit = list_units(context)[0]
    unit = dataclasses.replace(unit, plan={**unit.plan, **changes})
    stage = dataclasses.replace(get_stage("segments"), units=lambda _: [unit], retires=False)
    context = dataclasses.replace(
        context, fingerprints={**context.fingerprints, "segments": "9" * 32}
    )
    run_stage(stage, context)
    refused = context.joint_partition("segments").quarantine
    (row,) = context.lake.scan(refused, QUARANTINE.schema).to_pylist()
    assert stored(context) == []
    return row


def with_file(tmp_path, samples, rate_hz=48_000):
    from tests.audio.sounds import write

    path = write(tmp_path / "odd.wav", samples, rate_hz, subtype="FLOAT")
    status = path.stat()
    seen = (status.st_size, status.st_mtime_ns)
    n_frames = len(samples)
    return {
        "path": str(path), "seen": seen, "n_frames": n_frames, "n_in_track": 1, "index": 0,
        "sample_rate_hz": rate_hz,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("samples", "reason", "words"),
    [
        (stereo(4.0), "too_short", "4.000 s from 0.000 s on, a segment takes 4.208 s"),
        (np.zeros((480_000, 2), np.float32), "silent", "none of 21 segments of 4.208 s that were"),
        (np.full((480_000, 2), 0.3, np.float32), "silent", "sounds: each is silent or constant"),
        (np.full((480_000, 2), np.nan, np.float32), "not_finite", "NaN or infinite"),
        (np.tile(stereo(10.0), (1, 3)), "channels", "6 channels, one or two are needed"),
    ],
)
def test_what_cannot_be_a_segment_is_refused_for_this_stage_alone(
    copied, tmp_path, samples, reason, words
):
    context, _ = copied
    row = refusal(context, **with_file(tmp_path, samples))
    assert (row["stage"], row["reason"]) == ("segments", reason)
    assert words in row["detail"]


def test_silence_before_the_music_is_drawn_again(copied, tmp_path):
    context, _ = copied
    unit = list_units(context)[0]
    samples = stereo(30.0)
    samples[: 20 * 48_000] = 0
    plan = {**unit.plan, **with_file(tmp_path, samples)}
    row = make_unit(context, dataclasses.replace(unit, plan=plan))["start_frame"][0].as_py()
    assert row + N > 20 * 48_000


@pytest.mark.parametrize("rate_hz", [8_000, 44_100, 48_000])
def test_a_constant_track_is_refused_at_every_rate_and_place(copied, tmp_path, rate_hz):
    context, _ = copied
    constant = np.full((round(4.3 * rate_hz), 1), 0.3, np.float32)  # all draws are near its ends
    row = refusal(context, **with_file(tmp_path, constant, rate_hz))
    assert (row["stage"], row["reason"]) == ("segments", "silent")


def test_a_constant_before_the_music_is_drawn_again(copied, tmp_path):
    context, _ = copied
    unit = list_units(context)[0]
    samples = stereo(30.0)
    samples[: 20 * 48_000] = 0.3
    plan = {**unit.plan, **with_file(tmp_path, samples)}
    row = make_unit(context, dataclasses.replace(unit, plan=plan))["start_frame"][0].as_py()
    assert row + N > 20 * 48_000


def test_a_refused_segment_is_told_by_the_check(copied):
    context, _ = copied
    unit = list_units(context)[-1]
    partition = context.joint_partition("segments")
    context.lake.discard(partition, unit.unit_id)
    row = {
        "stage": "segments", "unit_id": unit.unit_id, "file": unit.what, "reason": "silent",
        "detail": "no sound", "advice": "take it out",
    }  # fmt: skip
    context.lake.write(partition.quarantine, unit.unit_id, QUARANTINE.from_rows([row]))
    found = check_segments(context)
    assert found.passed
    assert found.numbers["n_refused"] == 1
    assert found.numbers["refused"] == f"{unit.what}: no sound; take it out"


def test_a_file_that_changed_is_refused_until_stage_1_ran(copied, tmp_path):
    context, _ = copied
    row = refusal(context, **{**with_file(tmp_path, stereo(10.0)), "seen": (1, 1)})
    assert row["reason"] == "file_changed"


def test_without_a_test_recording_or_splits_there_is_a_sentence(copied):
    context, _ = copied
    partition = context.joint_partition("splits")
    splits = context.lake.read(partition, "three_way").to_pylist()
    trained = [{**row, "part": "train"} for row in splits]
    context.lake.write(partition, "three_way", SPLITS.from_rows(trained))
    with pytest.raises(StageError, match="no clean track is in the test part; set role=test"):
        run_stage(get_stage("segments"), context)
    context.lake.discard(partition, "three_way")
    with pytest.raises(StageError, match="there are no splits yet; run the stage splits first"):
        run_stage(get_stage("segments"), context)


def test_originals_are_there_wherever_the_home_is(copied):
    context, folder = copied
    assert {Path(unit.plan["path"]).parent for unit in list_units(context)} == {folder}
