"""The script of table V, on made-up predictions of recorded trainings; nothing is trained."""

from __future__ import annotations

import sys

import numpy as np
import polars as pl
import pytest

from benchmarks import paper_table
from musqa_pipeline.core.errors import SettingsError

ERRORS = {"cnn1d": (6.0, 8.0, 7.0), "vgg19_frozen_stem": (9.0, 12.0), "boosted": (5.0, 5.5)}
"""What repetitions say too much of every other excerpt and too little of the rest, points."""
LABELS = np.linspace(10.0, 90.0, 20)
SIGNS = np.where(np.arange(20) % 2, -1.0, 1.0)


def predictions_of(protocol, model, repetition, error):
    names = [f"e{i:02d}" for i in range(len(LABELS))]
    return pl.DataFrame(
        {
            "protocol": protocol, "model": model, "repetition": repetition, "catalog": "music",
            "degraded_id": names, "recording": [name[:2] for name in names],
            "label": LABELS, "predicted": LABELS + error * SIGNS,
        }
    ).with_columns(pl.col("label", "predicted").cast(pl.Float32))  # fmt: skip


def training(protocol, model, repetition, epochs, minutes):
    return {
        "protocol": protocol, "model": model, "repetition": repetition, "epochs": epochs,
        "n_train": 15, "n_validation": 5, "minutes": minutes, "device": "cpu",
        "precision": None if model == "boosted" else "bf16-mixed" if epochs == 10 else "32",
    }  # fmt: skip


@pytest.fixture
def results(tmp_path, home, monkeypatch):
    """Repetitions of three models; Inception v3 and the 1-D CNN trained once."""
    repeated = [
        ("repetitions", model, i, error)
        for model, errors in ERRORS.items() for i, error in enumerate(errors)
    ]  # fmt: skip
    once = [("holdout", "inception_v3", 0, 20.0), ("holdout", "cnn1d", 0, 40.0)]
    parts = [predictions_of(*each) for each in repeated + once]
    pl.concat(parts).write_parquet(tmp_path / "paper_small_predictions.parquet")
    trainings = [training(*each[:3], 10 + each[2], 90.0) for each in repeated]
    trainings += [training(*each[:3], 12, 240.0) for each in once]
    pl.DataFrame(trainings).write_csv(tmp_path / "paper_small_trainings.csv")
    monkeypatch.setattr(paper_table, "RESULTS", tmp_path)
    return tmp_path


def printed(monkeypatch, capsys, *options):
    monkeypatch.setattr(sys, "argv", ["paper_table.py", *options])
    paper_table.main()
    return capsys.readouterr().out.splitlines()


def row_of(lines, name):
    """What stands after the name of a row of table V, which comes before the tests."""
    (line,) = (each for each in lines if each.startswith(f"{name}  "))
    return line.removeprefix(name).split()


@pytest.mark.usefixtures("results")
def test_it_prints_table_v_beside_the_papers_and_counts_its_networks(monkeypatch, capsys):
    lines = printed(monkeypatch, capsys)
    assert lines[0] == "Test: 20 excerpts of 2 recordings."
    assert lines[-1] == "rows of table V that hold numbers: 3 of 3 networks"
    cnn1d = row_of(lines, "1-D CNN")
    assert cnn1d[:4] == ["0.701", "(0.075)", "18.80", "(2.29)"]
    # Of repetitions alone.
    assert cnn1d[6:] == ["7.00", "(1.00)", "3", "11", "4.5", "32,", "bf16-mixed"]
    assert row_of(lines, "boosted features")[:2] == ["–", "–"]
    (test,) = (x for x in lines if x.startswith("1-D CNN - VGG19, stem frozen") and "RMSE" in x)
    assert test.split()[-3] == "2.1e-10"  # the paper's own


@pytest.mark.usefixtures("results")
def test_a_single_training_is_named_as_such_and_has_no_deviation(monkeypatch, capsys):
    lines = printed(monkeypatch, capsys)
    inception = row_of(lines, "Inception v3, random backbone, at most 12 epochs, single training")
    assert inception[:4] == ["0.847", "(0.076)", "12.97", "(3.09)"]
    assert inception[5:] == ["20.00", "1", "12", "4.0", "32"]
    assert sum("single training" in line for line in lines) == 1  # in no test


def test_a_network_without_numbers_is_not_counted(results, monkeypatch, capsys):
    file = results / "paper_small_predictions.parquet"
    pl.read_parquet(file).filter(pl.col("model") != "inception_v3").write_parquet(file)
    lines = printed(monkeypatch, capsys)
    assert lines[-1] == "rows of table V that hold numbers: 2 of 3 networks"
    assert row_of(lines, "Inception v3")[4:] == ["–", "–"]


def lake_of(home, monkeypatch, rows):
    (home / "lake").mkdir(parents=True)
    monkeypatch.setattr(paper_table, "lake_predictions", lambda context: rows)
    monkeypatch.setattr(
        paper_table, "lake_trainings",
        lambda context: iter([training("repetitions", "cnn1d", 3, 20, 90.0)]),
    )  # fmt: skip


def relabelled(points, n_rows):
    """A repetition under labels of which the first so many are so many points higher."""
    higher = pl.col("label") + points * (pl.int_range(pl.len()) < n_rows)
    return predictions_of("repetitions", "cnn1d", 3, 7.0).with_columns(higher.cast(pl.Float32))


def test_what_the_lake_has_is_laid_over_the_recorded_and_recorded(
    results, home, monkeypatch, capsys
):
    lake_of(home, monkeypatch, predictions_of("repetitions", "cnn1d", 3, 7.0))
    lines = printed(monkeypatch, capsys, "--record")
    assert row_of(lines, "1-D CNN")[6:] == ["7.00", "(0.82)", "4", "13", "6.0", "32,", "bf16-mixed"]
    assert pl.read_csv(results / "paper_small_trainings.csv").height == 10
    again = printed(monkeypatch, capsys)
    assert again == lines[1:]  # but the line on what was recorded


def test_a_training_of_the_lake_replaces_all_that_was_recorded_of_it(
    results, home, monkeypatch, capsys
):
    lake_of(home, monkeypatch, predictions_of("repetitions", "cnn1d", 2, 1.0)[:16])
    printed(monkeypatch, capsys, "--record")
    recorded = pl.read_parquet(results / "paper_small_predictions.parquet")
    assert recorded.filter(model="cnn1d", repetition=2, protocol="repetitions").height == 16


@pytest.mark.parametrize(("points", "n_rows"), [(1.0, 20), (0.2, 20), (1.5, 1)])
def test_it_refuses_to_mix_predictions_under_other_labels(
    points, n_rows, results, home, monkeypatch, capsys
):
    lake_of(home, monkeypatch, relabelled(points, n_rows))
    before = (results / "paper_small_predictions.parquet").read_bytes()
    with pytest.raises(SettingsError, match="recorded with other labels than the lake has; move"):
        printed(monkeypatch, capsys, "--record")
    assert (results / "paper_small_predictions.parquet").read_bytes() == before


def test_it_refuses_to_mix_predictions_of_another_test(results, home, monkeypatch, capsys):
    others = predictions_of("repetitions", "cnn1d", 3, 7.0).with_columns(
        pl.col("degraded_id").str.replace("e", "f")
    )
    lake_of(home, monkeypatch, others)
    before = (results / "paper_small_predictions.parquet").read_bytes()
    with pytest.raises(SettingsError, match="recorded with another test than the lake has; move"):
        printed(monkeypatch, capsys, "--record")
    assert (results / "paper_small_predictions.parquet").read_bytes() == before


def test_labels_of_another_processor_are_the_same(home, results, monkeypatch, capsys):
    lake_of(home, monkeypatch, relabelled(0.66, 1))
    printed(monkeypatch, capsys, "--record")
    assert pl.read_csv(results / "paper_small_trainings.csv").height == 10


def test_models_are_compared_on_the_excerpts_that_all_were_asked(
    home, results, monkeypatch, capsys
):
    wrong_once = pl.col("predicted") + 40 * (pl.int_range(pl.len()) == 0)
    another_draw = predictions_of("repetitions", "cnn1d", 3, 7.0).with_columns(
        pl.col("degraded_id").replace("e00", "e20"), wrong_once.cast(pl.Float32)
    )
    lake_of(home, monkeypatch, another_draw)
    lines = printed(monkeypatch, capsys)
    assert lines[:2] == [
        "Test: 19 excerpts of 2 recordings.",
        "Left out: 2 excerpts that not every training was asked.",
    ]
    assert row_of(lines, "1-D CNN")[6:9] == ["7.00", "(0.82)", "4"]


def test_without_any_training_it_says_what_to_run(results, monkeypatch, capsys):
    for file in results.glob("paper_small_*"):
        file.unlink()
    with pytest.raises(SystemExit, match="run `musqa run --preset paper_small`"):
        printed(monkeypatch, capsys)


def test_the_picture_has_a_panel_for_the_first_training_of_each(results, monkeypatch, capsys):
    file = results / "figure.png"
    printed(monkeypatch, capsys, "--picture", str(file))
    assert file.read_bytes().startswith(b"\x89PNG")
    asked, _ = paper_table.of_all_trainings(
        pl.read_parquet(results / "paper_small_predictions.parquet")
    )
    panels = [axes for axes in paper_table.draw(asked).axes if axes.get_visible()]
    titles = [axes.get_title().split("\n")[0] for axes in panels]
    assert titles == ["1-D CNN", "Inception v3", "VGG19, stem frozen", "boosted features"]
    for axes, error in zip(panels, (6.0, 20.0, 9.0, 5.0), strict=True):
        marks = np.concatenate([marks.get_offsets() for marks in axes.collections])
        assert len(marks) == len(LABELS)
        np.testing.assert_allclose(np.abs(marks[:, 1] - marks[:, 0]), error, atol=1e-4)
