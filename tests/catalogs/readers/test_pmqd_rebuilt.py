"""PMQD made again: a tree by our degradations agrees with its table, and one that lies does not."""

import csv
import shutil

import numpy as np
import pytest
import soundfile
from typer.testing import CliRunner

from musqa_pipeline.catalogs.readers.pmqd_rebuilt import EXPECTED_DB, check_rebuilt
from musqa_pipeline.cli.app import command_line
from musqa_pipeline.core.errors import CatalogError
from tests.catalogs.readers import trees
from tests.catalogs.readers.trees import rewrite


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    return trees.pmqd_segments(tmp_path_factory.mktemp("pmqd"))


@pytest.fixture
def folder(tree, tmp_path):
    shutil.copytree(tree, tmp_path / "pmqd")
    return tmp_path / "pmqd"


def test_what_our_degradations_made_is_made_again_but_for_24_bits(tree):
    found = check_rebuilt(tree)
    assert [(kind.kind, kind.n_segments) for kind in found.kinds] == [
        ("distortion", 4), ("limiter", 4), ("lowpass", 4),
    ]  # fmt: skip
    assert all(-160 < kind.median_db <= kind.worst_db < -100 for kind in found.kinds)
    assert found.noise.n_segments == 4
    assert abs(found.noise.level_error_db) < 0.3
    assert found.noise.spectrum_error_db < 1.5
    assert (found.n_missing, found.as_expected) == (0, True)
    assert found.worst_db == max(kind.worst_db for kind in found.kinds)


def test_another_intensity_than_the_table_says_is_seen(folder):
    rewrite(
        folder,
        lambda row: (
            {**row, "degradation_intensity": "35.00"}
            if row["degradation_type"] == "lowpass"
            else row
        ),
    )
    found = check_rebuilt(folder)
    by_kind = {kind.kind: kind for kind in found.kinds}
    assert by_kind["lowpass"].median_db > EXPECTED_DB > by_kind["limiter"].median_db
    assert not found.as_expected


def test_noise_of_another_level_or_colour_is_seen(folder):
    rows = list(csv.DictReader((folder / "pmqd.csv").read_text().splitlines()))
    for row in rows:
        if row["degradation_type"] == "noise":
            path = folder / "audio" / row["sample_filename"]
            x, rate_hz = soundfile.read(path)
            soundfile.write(path, x + np.random.default_rng(1).normal(0, 0.05, x.shape), rate_hz,
                            subtype="PCM_24")  # fmt: skip
    found = check_rebuilt(folder)
    assert found.noise.level_error_db > 0.5
    assert found.noise.spectrum_error_db > 6
    assert not found.as_expected


def test_files_that_are_not_there_are_counted(folder):
    rows = list(csv.DictReader((folder / "pmqd.csv").read_text().splitlines()))
    gone = next(row for row in rows if row["degradation_type"] == "limiter")
    (folder / "audio" / gone["sample_filename"]).unlink()
    found = check_rebuilt(folder)
    assert found.n_missing == 1
    assert [kind.n_segments for kind in found.kinds] == [4, 3, 4]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda row: None if row["degradation_type"] == "original" else row,
            r"and 3 others of 'Ann: One' at 0 s have 0 originals, expected one",
        ),
        (
            lambda row: {**row, "degradation_type": row["degradation_type"].replace("lim", "dim")},
            "degradation_type='dimiter': expected one of original, distortion, limiter, lowpass, n",
        ),
        (
            lambda row: {**row, "degradation_intensity": "101"},
            "degradation_intensity='101' of 0: expected 0 to 100",
        ),
        (
            lambda row: row if row["degradation_type"] == "original" else None,
            "none of distortion, limiter, lowpass is there with its original; get its audio",
        ),
    ],
)
def test_a_table_that_cannot_be_checked_says_why(folder, change, message):
    rewrite(folder, change)
    with pytest.raises(CatalogError, match=message):
        check_rebuilt(folder)


@pytest.mark.parametrize(
    ("samples", "message"),
    [
        (np.zeros((100_000, 2)), "has 100,000 samples at 48 kHz, expected 201,984; get it again"),
        (np.zeros((0, 2)), "no sample"),
        (np.zeros((201_984, 6)), "6 channels, one or two are needed"),
    ],
)
def test_a_file_that_is_no_segment_is_named(folder, samples, message):
    name = next(csv.DictReader((folder / "pmqd.csv").read_text().splitlines()))["sample_filename"]
    soundfile.write(folder / "audio" / name, samples, 48_000)
    with pytest.raises(CatalogError, match=rf"{name}.* {message}"):
        check_rebuilt(folder)


def gan_pmqd(*words):
    return CliRunner().invoke(command_line("gan"), ["gan", "pmqd", *map(str, words)])


def test_the_command_ends_with_the_worst_residual(tree, folder):
    ended = gan_pmqd(tree, "--check")
    assert ended.exit_code == 0, ended.output
    lines = ended.stdout.splitlines()
    assert len(lines) == 5
    assert lines[0].startswith("distortion: 4 segments, residual ")
    assert lines[3].startswith("noise: 4 segments, level ")
    assert lines[-1] == f"worst residual {check_rebuilt(tree).worst_db:.1f} dB"
    rewrite(folder, lambda row: {**row, "degradation_intensity": "20"})
    wrong = gan_pmqd(folder, "--check")
    assert wrong.exit_code == 1
    assert float(wrong.stdout.splitlines()[-1].split()[-2]) > EXPECTED_DB


@pytest.mark.parametrize("words", [("--run", "mine-0"), ("--json",), ("--csv",)])
def test_a_check_that_is_asked_for_scores_is_wrong_usage(tree, words):
    ended = gan_pmqd(tree, "--check", *words)
    assert ended.exit_code == 2
    assert "--check asks no GAN; leave out --run" in ended.stderr
