from dataclasses import replace

import numpy as np
import pytest

from musqa_pipeline.audio.constants import EXCERPT_SAMPLES, TAIL_SAMPLES
from musqa_pipeline.audio.files.flac import reference_audio, to_flac
from musqa_pipeline.core.settings.preset import parse_preset
from musqa_pipeline.stages.engine.stage import run_stage
from musqa_pipeline.stages.excerpts.checks import (
    check_loudness,
    check_row_count,
    check_stored_audio,
)
from musqa_pipeline.stages.excerpts.table import EXCERPTS
from musqa_pipeline.stages.graph import get_stage
from tests.audio.sounds import noise, quarantine_of, run_tracks, tracks_of, write


def excerpts_of(context):
    return context.lake.scan(context.partition("excerpts"), EXCERPTS.schema).to_pylist()


def with_settings(context, **settings):
    """The same catalog under other settings of stage 2."""
    preset = replace(context.preset, excerpts=parse_preset("t", {"excerpts": settings}).excerpts)
    context = replace(context, preset=preset)
    fingerprint = get_stage("excerpts").fingerprint(context)
    return replace(context, fingerprints={**context.fingerprints, "excerpts": fingerprint})


@pytest.fixture
def music(home, tmp_path):
    """Two clean tracks at low cost (mono, 44.1 kHz), and one flagged."""
    folder = tmp_path / "music"
    write(folder / "a.flac", noise(25.0, rate_hz=44_100), 44_100)
    write(folder / "ä\nb.flac", noise(10.0, rate_hz=44_100, seed=1), 44_100)
    write(folder / "telephone.wav", noise(12.0, rate_hz=8_000, seed=2), 8_000)
    return folder, run_tracks(home, folder)


def test_each_usable_track_gives_one_reference_of_the_promised_form(music):
    _, context = music
    report = run_stage(get_stage("excerpts"), context)
    assert (report.units, report.rows, report.quarantined) == (2, 2, 0)
    tracks = {track["track_id"]: track for track in tracks_of(context).values()}
    for row in excerpts_of(context):
        track = tracks[row["track_id"]]
        assert row["excerpt_id"] == f"{track['track_id']}-0"
        assert 0 <= row["start_s"] <= track["duration_s"] - 10
        samples = reference_audio(row["flac"])
        assert samples.shape == (EXCERPT_SAMPLES + TAIL_SAMPLES,)
        assert row["tail_mirrored"] == (track["duration_s"] == 10.0)
        assert row["gain_db"] == pytest.approx(-23.0 - row["source_lufs"])
        assert 20_000 < row["upper_edge_hz"] <= 24_000
    for check in (check_loudness, check_stored_audio, check_row_count):
        assert check(context).passed
    assert check_loudness(context).numbers["largest_error_lu"] < 0.01


@pytest.mark.parametrize(("policy", "n_rows"), [("exclude", 2), ("include", 3), ("below", 3)])
def test_flagged_tracks_do_what_the_setting_says(music, policy, n_rows):
    _, context = music
    context = with_settings(context, flagged_tracks=policy)
    assert run_stage(get_stage("excerpts"), context).rows == n_rows


def test_more_excerpts_of_long_tracks_and_another_target(music):
    _, context = music
    context = with_settings(context, n_per_track=3, target_lufs=-30)
    run_stage(get_stage("excerpts"), context)
    rows = excerpts_of(context)
    assert sorted(row["index"] for row in rows) == [0, 0, 1]
    assert {round(row["loudness_lufs"], 2) for row in rows} == {-30.0}


def test_the_same_seed_gives_the_same_bytes_and_another_seed_other_starts(music):
    _, context = music
    run_stage(get_stage("excerpts"), context)
    partition = context.partition("excerpts")
    before = {
        unit: context.lake.path(partition, unit).read_bytes()
        for unit in context.lake.done(partition)
    }
    for unit in before:
        context.lake.discard(partition, unit)
    assert run_stage(get_stage("excerpts"), context).made == 2
    assert before == {unit: context.lake.path(partition, unit).read_bytes() for unit in before}
    other = with_settings(context, seed=1)
    run_stage(get_stage("excerpts"), other)
    starts = {row["start_s"] for row in excerpts_of(context)}
    assert {row["start_s"] for row in excerpts_of(other)} != starts


def test_a_file_that_vanished_after_stage_1_is_tried_again_when_it_is_back(music):
    folder, context = music
    (folder / "a.flac").rename(folder / "elsewhere")
    report = run_stage(get_stage("excerpts"), context)
    assert (report.rows, report.quarantined) == (1, 1)
    (row,) = quarantine_of(context, "excerpts").values()
    assert row["reason"] == "file_changed"
    assert "a.flac is gone or changed since stage 1" in row["detail"]
    assert "run stage tracks again" in row["advice"]
    assert check_row_count(context).numbers["quarantined"] == 1
    (folder / "elsewhere").rename(folder / "a.flac")
    report = run_stage(get_stage("excerpts"), context)
    assert (report.rows, report.quarantined) == (1, 0)


def test_a_file_that_changed_since_stage_1_is_not_cut(music):
    folder, context = music
    write(folder / "a.flac", noise(11.0, rate_hz=44_100, seed=9), 44_100)
    assert run_stage(get_stage("excerpts"), context).quarantined == 1


def test_a_track_whose_mono_mix_is_silent_is_refused(home, tmp_path):
    left = noise(11.0, rate_hz=8_000)
    write(tmp_path / "music" / "a.wav", np.hstack([left, -left]), 8_000, subtype="FLOAT")
    context = with_settings(run_tracks(home, tmp_path / "music"), flagged_tracks="include")
    assert run_stage(get_stage("excerpts"), context).rows == 0
    (row,) = quarantine_of(context, "excerpts").values()
    assert row["reason"] == "no_loud_window"
    assert "of 24 windows is within 15 LU of the track's" in row["detail"]


def test_a_quiet_passage_is_cut_only_if_the_setting_allows(home, tmp_path):
    samples = noise(25.0, rate_hz=8_000)
    samples[: 12 * 8_000] *= 0.1
    write(tmp_path / "music" / "a.wav", samples, 8_000, subtype="FLOAT")
    context = run_tracks(home, tmp_path / "music")
    for limit_lu, earliest_s in ((5.0, 2.0), (60.0, 0.0)):
        starts = []
        for seed in range(8):
            chosen = with_settings(
                context, flagged_tracks="include", max_below_track_lu=limit_lu, seed=seed
            )
            run_stage(get_stage("excerpts"), chosen)
            starts.append(excerpts_of(chosen)[0]["start_s"])
        assert min(starts) >= earliest_s
        assert (min(starts) < 2.0) == (earliest_s == 0.0)


def test_the_checks_see_wrong_loudness_length_and_gaps(music):
    _, context = music
    run_stage(get_stage("excerpts"), context)
    partition = context.partition("excerpts")
    row = excerpts_of(context)[0]
    louder = np.rint(reference_audio(row["flac"]) * 32_768 * 1.03).astype(np.int16)
    context.lake.write(
        partition, row["excerpt_id"], EXCERPTS.from_rows([{**row, "flac": to_flac(louder[:-1])}])
    )
    loudness = check_loudness(context)
    assert (loudness.passed, loudness.numbers["outside_tolerance"]) == (False, 1)
    assert loudness.numbers["largest_error_lu"] == pytest.approx(0.257, abs=0.01)
    assert check_stored_audio(context).numbers["wrong_length"] == 1
    assert not check_stored_audio(context).passed
    context.lake.discard(partition, row["excerpt_id"])
    assert check_row_count(context).numbers["missing"] == 1
    assert not check_row_count(context).passed


def test_equal_references_fail_the_check(music):
    _, context = music
    run_stage(get_stage("excerpts"), context)
    first, second = excerpts_of(context)
    copied = EXCERPTS.from_rows([{**second, "flac": first["flac"]}])
    context.lake.write(context.partition("excerpts"), second["excerpt_id"], copied)
    assert check_stored_audio(context).numbers["twice"] == 1
    assert not check_stored_audio(context).passed
