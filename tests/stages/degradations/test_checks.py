import shutil
from dataclasses import replace

import numpy as np
import pytest
from scipy.signal import butter, correlate, sosfilt

from musqa_pipeline.stages.degradations.checks import (
    check_alignment,
    check_counts,
    check_loudness,
    estimate_lag_samples,
)
from musqa_pipeline.stages.degradations.table import DEGRADATIONS
from musqa_pipeline.stages.engine.stage import run_stage
from musqa_pipeline.stages.graph import get_stage
from musqa_pipeline.storage.stores.local_store import LocalStore
from tests.audio.music import music
from tests.stages.dataset.adaptive.world import add_references
from tests.stages.degradations.references import context_with_references

UNIT = "r0-0-n1"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A lake whose stage is done, to be copied by each test."""
    context = context_with_references(
        tmp_path_factory.mktemp("made") / "home", singles=[3, 12], n_cascades=1
    )
    run_stage(get_stage("degradations"), context)
    return context


@pytest.fixture
def context(made, home):
    shutil.copytree(made.home, home)
    return replace(made, home=home)


def rewrite(context, change):
    """Store a unit again with its rows changed."""
    partition = context.partition("degradations")
    rows = context.lake.read(partition, UNIT).to_pylist()
    table = DEGRADATIONS.from_rows(change(rows))
    context.lake.write(partition, UNIT, table)


def test_counting_lists_the_folder_as_often_for_many_references_as_for_few(context, monkeypatch):
    listed, list_files = [], LocalStore.files
    monkeypatch.setattr(
        LocalStore,
        "files",
        lambda store, folder: listed.append(folder) or list_files(store, folder),
    )
    counts = [check_counts(context).numbers["n_differing"]]
    for_one = listed.copy()
    add_references(context, ["r1-0", "r2-0", "r3-0"])
    del listed[:]
    counts += [check_counts(context).numbers["n_differing"]]
    assert counts == [0, 3]
    assert listed == for_one != []


def test_what_the_stage_makes_passes_every_check(context):
    counts = check_counts(context)
    assert counts.passed
    assert counts.numbers == {
        "n_references": 1, "n_rows": 3, "n_pool_rows": 3, "n_identical": 0, "n_quarantined": 0,
        "n_differing": 0,
    }  # fmt: skip
    assert check_loudness(context).passed
    assert check_loudness(context).numbers["largest_error_lu"] < 1e-4
    alignment = check_alignment(context)
    assert alignment.passed
    assert alignment.numbers["n_rows"] == 3


def test_a_row_that_is_missing_doubled_or_changed_in_place_is_found(context):
    for change in (
        lambda rows: rows[:-1],
        lambda rows: [*rows, rows[0]],
        lambda rows: [rows[1], rows[0], rows[2]],
        lambda rows: [{**row, "in_pool": False} for row in rows],
    ):
        rewrite(context, change)
        assert not check_counts(context).passed
        rewrite(context, lambda rows: rows)
    context.lake.path(context.partition("degradations"), UNIT).unlink()
    assert not check_counts(context).passed


def test_a_loudness_off_by_two_tenths_is_found_but_not_on_the_reference(context):
    rewrite(context, lambda rows: [{**rows[0], "loudness_lufs": -23.2}, *rows[1:]])
    result = check_loudness(context)
    assert not result.passed
    assert result.numbers["largest_error_lu"] == pytest.approx(0.2)
    rewrite(context, lambda rows: [{**rows[0], "depth": 0}, *rows[1:]])
    assert check_loudness(context).passed


def test_references_alone_as_a_rated_catalog_has_them_pass(context):
    rewrite(context, lambda rows: [{**rows[0], "depth": 0}])
    assert check_loudness(context).passed
    assert check_loudness(context).numbers["n_rows"] == 0


def test_an_undropped_delay_is_found(context):
    rewrite(
        context,
        lambda rows: [{**row, "delay_samples": row["delay_samples"] - 2} for row in rows],
    )
    result = check_alignment(context)
    assert not result.passed
    assert result.numbers["largest_lag_samples"] == 2


def test_only_a_random_low_pass_may_delay_its_edge(home):
    context = context_with_references(home, singles=[3], n_cascades=0, n_random=8)
    run_stage(get_stage("degradations"), context)
    unit = "r0-0-n0"
    partition = context.partition("degradations")
    assert check_alignment(context, n_rows=9).passed
    rows = context.lake.read(partition, unit).to_pylist()
    late = [{**row, "delay_samples": max(0, row["delay_samples"] - 2)} for row in rows]
    context.lake.write(partition, unit, DEGRADATIONS.from_rows(late))
    result = check_alignment(context, n_rows=9)
    assert not result.passed
    moved = [
        row["delay_samples"] != new["delay_samples"] for row, new in zip(rows, late, strict=True)
    ]
    filtered = ["lowpass" in (row["first_name"], row["last_name"]) for row in rows]
    judged = sum(m and not f for m, f in zip(moved, filtered, strict=True))
    assert any(filtered)
    assert judged <= result.numbers["n_beyond_what_is_allowed"] < sum(moved)


def test_nothing_at_all_passes_no_check(home):
    context = context_with_references(home, n_references=0, singles=[3], n_cascades=0)
    for check in (check_counts, check_loudness, check_alignment):
        assert not check(context).passed


@pytest.mark.parametrize("lag", [-4_800, -7, 0, 1, 1_105])
def test_a_lag_is_found_with_its_sign(lag):
    x = music()
    reference, late = x[4_800:100_800], x[4_800 - lag : 100_800 - lag]
    noise = np.random.default_rng(2).standard_normal(len(late)) * np.std(late) * 0.5
    assert estimate_lag_samples(reference, late + noise) == lag


def test_the_high_pass_of_a_codec_does_not_pass_for_a_lag():
    dark = sosfilt(butter(2, 60, fs=48_000, output="sos"), music()[:240_000]).astype(np.float32)
    dark += 0.01 * music()[:240_000]
    high_passed = sosfilt(butter(2, 30, "highpass", fs=48_000, output="sos"), dark)
    assert estimate_lag_samples(dark, high_passed) == 0
    plain = correlate(high_passed, dark, method="fft")
    assert np.argmax(plain) != len(dark) - 1  # what a plain correlation takes for the lag
