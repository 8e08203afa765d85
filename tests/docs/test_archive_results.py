"""The tables on faults of carriers, from made-up ladders and gains whose numbers are known."""

from __future__ import annotations

import json
from types import SimpleNamespace

import numpy as np
import polars as pl
import pytest

from musqa_pipeline.audio.degradations.carriers.chains import FAULTS
from musqa_pipeline.core.errors import StageError
from musqa_pipeline.core.settings.models import ProtocolsSettings
from musqa_pipeline.stages.degradations.carrier_rows import INTENSITIES
from musqa_pipeline.stages.labels.heard import FEWEST_LADDERS
from musqa_pipeline.stages.models.trials.divisions import Trial
from musqa_pipeline.studies.figures import house_style, to_png
from musqa_pipeline.studies.statistics.mapping_null import Spread, null_of_divisions
from musqa_pipeline.studies.statistics.stratified import Division

LOUD = ("hiss", "band")
"""Faults that the label's metric hears, in these rows."""
N_SONGS = 12


@pytest.fixture(scope="module")
def deaf():
    import archive_deaf

    return archive_deaf


@pytest.fixture(scope="module")
def ladders():
    """Twelve songs: ViSQOL falls for two faults, NLPD for all, each by 0.02 a unit."""
    rows = []
    for song in range(N_SONGS):
        for fault in FAULTS:
            for intensity in INTENSITIES:
                one = {"fault": fault, "intensity": intensity}
                rows.append(
                    {
                        "excerpt_id": f"{song:02d}-0", "kind": "ladder", "fault": fault,
                        "intensity": intensity, "whose": f"music {song}",
                        "first_params": json.dumps({"carrier": "lp", "faults": [one]}),
                        "ViSQOL": 4.7 - (0.02 if fault in LOUD else 0.0001) * intensity,
                        "nlpd": 4.9 - 0.02 * intensity,
                    }
                )  # fmt: skip
    return pl.DataFrame(rows)


def lines_of(table):
    lines = [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()]
    return [dict(zip(lines[0], line, strict=True)) for line in lines[2:]]


def test_each_metric_is_judged_by_its_own_ladders(deaf, ladders):
    lines = {line["fault"]: line for line in lines_of(deaf.deaf_table(ladders))}
    assert set(lines) == set(FAULTS)
    for fault, line in lines.items():
        assert line["ladders"] == str(N_SONGS)
        assert line["ViSQOL"] == ("**-1.00, 2.00**" if fault in LOUD else "-1.00, 0.01")
        assert line["NLPD"] == "**-1.00, 2.00**"
    assert deaf.trusted(deaf.hearings(ladders)["ViSQOL"]) == (len(LOUD), len(FAULTS))


def test_too_few_ladders_decide_nothing(deaf, ladders):
    few = ladders.filter(pl.col("excerpt_id").str.slice(0, 2).cast(int) < FEWEST_LADDERS - 1)
    assert deaf.trusted(deaf.hearings(few)["nlpd"])[0] == 0


def test_steps_are_means_over_recordings(deaf, ladders):
    lines = {line["fault"]: line for line in lines_of(deaf.steps_table(ladders))}
    assert lines["hiss"]["50"].startswith("3.70 [3.70")
    assert lines["wow"]["100"].startswith("4.69 [4.69")


def test_the_picture_has_a_panel_a_fault_and_a_line_a_metric(deaf, ladders):
    with house_style("archives"):
        figure = deaf.draw_ladders(ladders)
        panels = figure.axes
        assert [panel.get_title() for panel in panels] == [f.replace("_", " ") for f in FAULTS]
        assert all(len(panel.lines) == 2 for panel in panels)
        assert panels[0].lines[1].get_ydata()[-1] == pytest.approx(2.9)
        assert to_png(figure).startswith(b"\x89PNG")


def test_a_lake_without_ladders_is_told_of(deaf, monkeypatch):
    none = pl.DataFrame({"kind": ["single"]})
    monkeypatch.setattr(deaf, "read_labelled_rows", lambda context: none)
    with pytest.raises(StageError, match=r"no ladder; run a preset with .* n_carrier"):
        deaf.read_ladders(None)


def test_gains_are_means_over_references_by_fault():
    import archive_gains

    rows = [
        {"fault": fault, "excerpt_id": f"{song}-0", "mos": 3.0, "heard": fault != "wow",
         "without_mos": 3.0 + gain}
        for song, sign in enumerate((1, 1, 1, -1))
        for fault, gain in (("hiss", 0.5 * sign), ("wow", 0.0), ("all", 1.0))
    ]  # fmt: skip
    lines = {
        line["fault"]: line for line in lines_of(archive_gains.gains_table(pl.DataFrame(rows)))
    }
    assert list(lines) == ["hiss", "wow", "all"]
    hiss = lines["hiss"]
    assert hiss["mean gain, MOS"].startswith(f"{np.mean([0.5, 0.5, 0.5, -0.5]):.2f}")
    assert (hiss["chains"], hiss["largest"], hiss["negative"]) == ("4", "0.50", "25%")
    assert (lines["wow"]["heard"], lines["all"]["heard"]) == ("0%", "100%")


class MadeUp:
    """Four halves of folds of 60 rows, 15 recordings; predictions as the tests want them."""

    def __init__(self) -> None:
        rng = np.random.default_rng(0)
        self.mos = rng.uniform(1, 5, 60)
        self.whose = np.repeat(np.arange(15), 4)

    def threshold_of(self, division):
        return 0.5

    def half(self, model, fold, predicted, protocol="grouped"):
        part = np.arange(60).reshape(4, 15)
        division = Division(part[(fold + 2) % 4], part[(fold + 1) % 4], part[fold])
        return archive_table().Half(Trial(protocol, "", str(fold), model, 0), division, predicted)


def archive_table():
    import archive_table

    return archive_table


def test_each_number_stands_in_four_columns_over_noise_and_beside_the_paper():
    made, module = MadeUp(), archive_table()
    found = [made.half("w2v_mos", fold, 7 - made.mos) for fold in range(4)]
    found += [made.half("mean", fold, np.full(60, 3.0)) for fold in range(4)]
    asked, places = module._asked_rows([half.division for half in found[:4]])
    null = null_of_divisions(made.mos[asked], places, [0.5] * 4, "test", n_draws=200)
    wrong, mean, noise = lines_of(module.metric_table(made, found, null, "pearson"))
    assert wrong["PCC"] == "w2vMOS"
    ways = [module.HEADS[way] for way in ("raw", "cubic", "monotone", "validation")]
    assert wrong[ways[0]] == "-1.000 ± 0.000"
    assert wrong[ways[1]] == "1.000 ± 0.000"  # a cubic that may fall turns it round
    assert wrong[ways[2]] == "0.000 ± 0.000"
    assert float(wrong[ways[3]].split()[0]) > 0.99  # beyond its part, its ends count
    assert wrong["the paper, Vinylset"] == "0.5 ± 0.079"
    assert [mean[way] for way in ways] == ["0.000 ± 0.000", "–", "–", "–"]
    assert float(noise[ways[1]].split()[0]) > 0.2 > abs(float(noise[ways[0]].split()[0]))
    (error, *_) = lines_of(module.metric_table(made, found, null, "rmse"))
    squares = (7 - 2 * made.mos.reshape(4, 15)) ** 2
    expected = np.sqrt(squares.mean(axis=1)).mean()
    assert float(error[ways[0]].split()[0]) == pytest.approx(expected, abs=0.001)


def test_gains_are_paired_by_recording():
    made, module = MadeUp(), archive_table()
    found = [made.half("convmaxpool_dcec", fold, made.mos + 0.1) for fold in range(4)]
    found += [made.half("convmaxpool", fold, made.mos + 0.3) for fold in range(4)]
    (line,) = lines_of(module.pairs_table(made, found))
    assert (line["network"], line["less"]) == ("ConvMaxPool DCEC", "ConvMaxPool")
    assert line["rows"] == "60"
    assert line["RMSE, MOS"] == "-0.200 [-0.200, -0.200]"
    assert "not run" in module.pairs_table(made, found[:4])


def test_the_control_says_how_often_it_lies_within_noise():
    made, module = MadeUp(), archive_table()
    null = {"raw": {"pearson": Spread(0.0, 0.2, -0.4, 0.4)}}
    noise = np.random.default_rng(5).normal(size=60)
    inside = made.half("boosted", 0, noise, "random_labels")
    outside = made.half("boosted", 1, made.mos, "random_labels")
    values = [module.r_of(made, half) for half in (inside, outside)]
    assert values[1] == pytest.approx(1.0)
    mean, share = module.within(values, null["raw"]["pearson"])
    assert (mean, share) == (pytest.approx(np.mean(values)), 0.5)
    line, below = lines_of(module.control_table(made, [inside, outside], null))
    assert (line["draws"], line["inside the band of noise"]) == ("2", "50%")
    assert below["mean ± SD"] == "0.000 ± 0.200 [-0.400, 0.400]"


def test_a_preset_without_such_trials_is_told_of():
    preset = SimpleNamespace(protocols=ProtocolsSettings(folds={"mean": 1}))
    context = SimpleNamespace(preset=preset)
    with pytest.raises(StageError, match="no protocol grouped, stratified or random_labels"):
        archive_table().require_trials(context)


def test_clusters_of_faults_and_of_songs_are_told_apart():
    import archive_clusters

    faults, songs = np.tile(["hiss", "hum"], 30), np.repeat([f"song {n}" for n in range(6)], 10)
    rows = pl.DataFrame({
        "strongest fault": faults, "carrier": ["lp"] * 60, "recording": songs,
        "split_group": songs,
    })  # fmt: skip
    lines = archive_clusters.judged("DCEC", (faults == "hum").astype(int), rows)
    by_fault, by_carrier, by_song = lines
    assert (by_fault["purity"], by_fault["ami"]) == (1.0, pytest.approx(1.0))
    assert by_carrier["purity"] == 1.0
    assert by_song["ami"] == pytest.approx(0.0, abs=0.05)
    by_lot = archive_clusters.judged("chance", archive_clusters.chance(rows, 10), rows)
    assert all(abs(line["ami"]) < 0.15 for line in by_lot)
    (line,) = lines_of(archive_clusters.spread_table(pl.DataFrame(lines)))
    assert line["AMI, strongest fault"] == "1.00 ± 0.00"


def test_centres_of_features_come_from_other_recordings():
    import archive_clusters

    rng = np.random.default_rng(1)
    where = np.repeat([0.0, 50.0], 30)
    names = archive_clusters.FEATURE_COLUMNS
    rows = pl.DataFrame({name: where + rng.normal(size=60) for name in names})
    found = archive_clusters.by_features(rows[::2], rows[1::2], 2)
    assert archive_clusters.purity(found, [str(w) for w in where[1::2]]) == 1.0
