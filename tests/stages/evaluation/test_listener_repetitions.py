"""Stored repetitions asked about listening tests that came later: weights in, table VI out."""

import json
import logging
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from scipy import stats
from torch import nn
from typer.testing import CliRunner

from musqa_pipeline.audio.features.looping import loop_to_excerpt
from musqa_pipeline.audio.features.mel import mel_image
from musqa_pipeline.audio.measures.loudness import gain_to_target_db, integrated_lufs
from musqa_pipeline.cli import listening
from musqa_pipeline.core.errors import SettingsError
from musqa_pipeline.core.seeds import derive_generator
from musqa_pipeline.core.settings.evaluation import EvaluationSettings
from musqa_pipeline.core.settings.models import ProtocolsSettings
from musqa_pipeline.learning.entry import InputSpec, ModelEntry
from musqa_pipeline.learning.registry import MODELS
from musqa_pipeline.learning.training.checkpoint import write_json, write_weights
from musqa_pipeline.stages.evaluation.listener_repetitions import (
    ask_about_tests,
    hear_repetitions,
    stored_repetitions,
)
from musqa_pipeline.stages.evaluation.report import render_report, report_json
from musqa_pipeline.stages.evaluation.report_figures import table_vi_figure
from musqa_pipeline.stages.models.trials.stage import list_units
from musqa_pipeline.stages.models.trials.table import TRIALS
from musqa_pipeline.studies.listening.table_vi import beside_table_vi
from tests.stages.evaluation.small_lake import ENTRY, PRESET, small_lake

CUTOFFS_HZ = (1_500, 2_500, 4_000, 5_500, 8_000, 11_000, 15_000, 19_000)
OPINIONS = (10.0, 15.0, 35.0, 30.0, 55.0, 75.0, 70.0, 95.0)
GAIN, BIAS = (0.7, 0.9, 0.5), (0.0, 0.05, -0.1)
"""What each repetition of `loud` makes of the mean of an image."""


class Loud(nn.Module):
    """Predicts a multiple of the mean of an image."""

    def __init__(self):
        super().__init__()
        self.gain, self.bias = (nn.Parameter(torch.zeros(())) for _ in range(2))

    def forward(self, images):
        return self.gain * images.mean((1, 2)) + self.bias


class Top(Loud):
    """The same of the upper bands."""

    def forward(self, images):
        return super().forward(images[:, :, 150:])


def sound(i):
    spectrum = np.fft.rfft(
        derive_generator("tests.repetitions", "noise").standard_normal(4 * 48_000)
    )
    spectrum[CUTOFFS_HZ[i] * 4 :] = 0
    return np.float32(0.05 * np.fft.irfft(spectrum))


def write_test(folder, which, scale=(0.0, 100.0), below="."):
    """A test of some of the sounds, rated on a scale that its table names."""
    (folder / below).mkdir(parents=True)
    lines = ["file,mos,ci,n_raters,sd,condition,recording,scale_low,scale_high"]
    for i in which:
        soundfile.write(folder / below / f"{i}.wav", sound(i), 48_000, subtype="FLOAT")
        mos = scale[0] + (scale[1] - scale[0]) * OPINIONS[i] / 100
        ends = f"{scale[0]},{scale[1]}"
        lines.append(f"{i}.wav,{mos},1,9,2,process_3,song {i},{ends}")
    lines.append(f"ref.wav,{scale[1]},1,9,2,reference,song 0,{scale[0]},{scale[1]}")
    (folder / "opinions.csv").write_text("\n".join(lines) + "\n")
    return str(folder)


@pytest.fixture(scope="module")
def _networks():
    with pytest.MonkeyPatch.context() as monkeypatch:
        add_networks(monkeypatch)
        yield


def add_networks(monkeypatch):
    spec = InputSpec(1876, 256)
    for name in ("brightness", "late"):
        monkeypatch.setitem(MODELS, name, ENTRY)
    for name, network in (("loud", Loud), ("top", Top)):
        entry = ModelEntry(name, lambda settings, network=network: network(), spec)
        monkeypatch.setitem(MODELS, name, entry)
    pairs = ModelEntry("pairs", lambda settings: Loud(), InputSpec(4, 2, stage="pairs"))
    monkeypatch.setitem(MODELS, "pairs", pairs)


@pytest.fixture(scope="module")
def context(tmp_path_factory, _networks):
    """A lake whose trials were trained before anybody listened; two tests that came after."""
    tmp_path = tmp_path_factory.mktemp("repetitions")
    tests = (
        write_test(tmp_path / "first", range(5)),
        # As `musqa listening stimuli` leaves it, and on another scale.
        write_test(
            tmp_path / "second", range(5, 8), (1.0, 5.0), "webmushra/configs/resources/musqa"
        ),
    )
    (tmp_path / "second" / "opinions.csv").write_text(
        (tmp_path / "second" / "opinions.csv").read_text()
        + "".join(
            f"{i}.wav,{1 + OPINIONS[i] / 25},0.04,9,0.08,process_3,song {i},1,5\n" for i in (0, 1)
        )
    )
    for i in (0, 1):
        soundfile.write(tmp_path / "second" / f"{i}.wav", sound(i), 48_000, subtype="FLOAT")
    protocols = ProtocolsSettings(
        repetitions={"loud": 3, "top": 2, "pairs": 2, "mean": 2}, folds={"top": 1}, n_folds=2
    )
    evaluation = EvaluationSettings(n_bootstrap=100, listening_tests=tests)
    preset = replace(PRESET, protocols=protocols, evaluation=evaluation)
    context = small_lake(tmp_path / "home", preset=preset)
    context = replace(context, fingerprints={**context.fingerprints, "pairs": "b" * 32})
    for unit in list_units(context):
        write_trial(context, unit)
    return context


def write_trial(context, unit):
    partition, plan = context.joint_partition("trials"), unit.plan
    if plan["model"] in MODELS:
        folder = context.lake.folder(partition) / unit.unit_id
        i = plan["repetition"]
        weights = {"gain": torch.tensor(GAIN[i]), "bias": torch.tensor(BIAS[i])}
        write_weights(folder / "weights.pt", weights)
        settings = context.preset.section("models")
        write_json(folder / "settings.json", {"model": plan["model"], "settings": settings})
    row = {name: 1 for name in TRIALS.schema.names} | plan
    row |= {"catalog": "music", "degraded_id": "x", "finished": True, "device": "cpu"}
    context.lake.write(partition, unit.unit_id, TRIALS.from_rows([row]))


def mean_of_image(i, first_band=0):
    """The mean of a stimulus' image, made here."""
    excerpt = loop_to_excerpt(sound(i))[0]
    gain_db = gain_to_target_db(integrated_lufs(excerpt), -23.0)
    image = mel_image(excerpt * np.float32(10 ** (gain_db / 20))).image
    return np.clip(image, 0, 1)[:, first_band:].mean()


def folders(context):
    return [Path(folder) for folder in context.preset.evaluation.listening_tests]


@pytest.fixture(scope="module")
def asked(context):
    """Opinions and predictions."""
    return ask_about_tests(context, folders(context))


@pytest.fixture(scope="module")
def beside(context):
    return hear_repetitions(context)


def test_every_stored_repetition_predicts_every_stimulus_of_all_tests_once(asked):
    opinions, predictions = asked
    # Under folds nobody is asked, nor what needs a reference; `brightness` has one training.
    assert sorted(predictions) == [
        ("brightness", 0), ("loud", 0), ("loud", 1), ("loud", 2), ("top", 0), ("top", 1),
    ]  # fmt: skip
    assert {o.file: o.n_raters for o in opinions} == {
        f"{i}.wav": 18 if i < 2 else 9 for i in range(8)
    }
    by_file = {o.file: o.mos for o in opinions}
    np.testing.assert_allclose([by_file[f"{i}.wav"] for i in range(8)], OPINIONS)
    for model, n, first_band in (("loud", 3, 0), ("top", 2, 150)):
        means = np.array([mean_of_image(i, first_band) for i in range(8)])
        for i in range(n):
            found = [predictions[model, i][f"{k}.wav"] for k in range(8)]
            np.testing.assert_allclose(found, 100 * (GAIN[i] * means + BIAS[i]), atol=0.2)


def test_table_vi_of_the_lake_is_that_of_scipy(beside, asked):
    assert (beside.n_files, beside.n_recordings) == (8, 8)
    _, predictions = asked
    said = {k: np.array([v[f"{i}.wav"] for i in range(8)]) for k, v in predictions.items()}
    errors = {k: math.sqrt(np.mean((v - OPINIONS) ** 2)) for k, v in said.items()}
    rows = {(r["row"], r["model"], r["metric"]): r for r in beside.rows()}
    loud = [errors["loud", i] for i in range(3)]
    assert rows["mean", "loud", "rmse"]["value"] == pytest.approx(np.mean(loud))
    assert rows["mean", "loud", "rmse"]["sd"] == pytest.approx(np.std(loud, ddof=1))
    r = stats.pearsonr(OPINIONS, said["top", 1]).statistic
    assert rows["mean", "top", "pearson"]["value"] == pytest.approx(r, abs=1e-6)
    oracle = stats.ttest_rel(loud[:2], [errors["top", i] for i in range(2)])
    paired = next(
        r
        for r in beside.rows()
        if (r["model"], r["other"]) == ("loud", "top") and r["metric"] == "rmse"
    )
    assert (paired["df"], paired["statistic"], paired["p_value"]) == pytest.approx(
        (1, oracle.statistic, oracle.pvalue)
    )
    assert rows["one_sample_t", "vgg19", "pearson"]["paper_value"] == pytest.approx(0.059)
    assert beside.remarks[0].startswith("brightness: one repetition, so no deviation")


def test_shuffled_opinions_are_predicted_by_chance_alone(asked):
    opinions, predictions = asked
    loud = {key: said for key, said in predictions.items() if key[0] == "loud"}

    def mean_r(opinions):
        rows = beside_table_vi(opinions, loud, n_draws=10).rows()
        return next(x["value"] for x in rows if (x["model"], x["metric"]) == ("loud", "pearson"))

    rng, found = np.random.default_rng(3), []
    for _ in range(200):
        mos = rng.permutation([o.mos for o in opinions])
        found.append(mean_r([replace(o, mos=m) for o, m in zip(opinions, mos, strict=True)]))
    true = mean_r(opinions)
    assert true > 0.9
    assert abs(np.mean(found)) < 0.1
    assert np.mean(np.array(found) >= true) <= 0.02


def test_two_sounds_of_one_name_are_each_predicted(context, tmp_path):
    tests = []
    for name, number in (("one", 0), ("two", 7)):
        tests.append(Path(write_test(tmp_path / name, range(1, 6))))
        soundfile.write(tmp_path / name / "9.wav", sound(number), 48_000)
        with (tmp_path / name / "opinions.csv").open("a") as table:
            table.write(f"9.wav,50,1,,2,process_3,song {number},0,100\n")
    opinions, predictions = ask_about_tests(context, tests)
    assert [o.file for o in opinions if o.recording in ("song 0", "song 7")] == [
        "one/9.wav", "two/9.wav",
    ]  # fmt: skip
    said = predictions["top", 0]
    assert said.keys() == {o.file for o in opinions}
    assert said["two/9.wav"] - said["one/9.wav"] > 10


def test_the_commands_print_what_the_report_shows(context, beside, tmp_path, monkeypatch):
    monkeypatch.setattr("musqa_pipeline.stages.graph.load_preset", lambda name: name)
    monkeypatch.setattr("musqa_pipeline.stages.graph.joint_context", lambda *_: context)
    tests = [str(folder) for folder in folders(context)]
    asked = CliRunner().invoke(listening.app, ["predict", *tests, "--csv"])
    assert asked.exit_code == 0, asked.output
    assert asked.stdout.splitlines()[0] == "file,model,repetition,predicted"
    assert len(asked.stdout.splitlines()) == 1 + 6 * 8
    (tmp_path / "networks.csv").write_text(asked.stdout)
    told = CliRunner().invoke(
        listening.app, ["compare", *tests, str(tmp_path / "networks.csv"), "--json"]
    )
    assert told.exit_code == 0, told.output

    def numbers(rows):
        left_out = ("low", "high")  # of other resamples
        named = {(r["row"], r["model"], r["other"], r["metric"]): r for r in rows}
        return {
            key: {name: value for name, value in row.items() if name not in left_out}
            for key, row in named.items()
        }

    found, expected = numbers(map(json.loads, told.stdout.splitlines())), numbers(beside.rows())
    assert found.keys() == expected.keys()
    for key, row in expected.items():
        assert found[key] == pytest.approx(row), key


def test_a_repetition_without_weights_is_named_and_left_out(context, caplog, monkeypatch):
    monkeypatch.setattr(logging.getLogger("musqa_pipeline"), "propagate", True)
    (gone,) = (x for x in stored_repetitions(context) if (x.model, x.repetition) == ("loud", 1))
    weights = context.lake.root / gone.folder / "weights.pt"
    weights.rename(weights.with_name("aside"))
    try:
        found = [(x.model, x.repetition) for x in stored_repetitions(context)]
        lines = list(hear_repetitions(context).rows())
    finally:
        weights.with_name("aside").rename(weights)
    assert found == [("loud", 0), ("top", 0), ("top", 1), ("loud", 2), ("brightness", 0)]
    assert "1 repetitions are left out, as their weights were deleted: loud 1" in caplog.text
    (mean,) = (r for r in lines if (r["row"], r["model"], r["metric"]) == ("mean", "loud", "rmse"))
    assert mean["n"] == 2
    pairs = [r for r in lines if (r["model"], r["other"]) == ("loud", "top")]
    assert {r["p_value"] for r in pairs} == {None}  # they share repetition 0 alone


def test_a_random_backbone_stands_under_a_name_of_its_own(context, monkeypatch):
    for name in ("loud", "top"):
        monkeypatch.setitem(MODELS, name, replace(MODELS[name], has_backbone=True))
    models = replace(context.preset.models, recipes={"top": {"backbone_weights": "random"}})
    preset = replace(context.preset, models=models)
    before = stored_repetitions(context)
    monkeypatch.setattr(
        "musqa_pipeline.stages.evaluation.listener_repetitions.stored_repetitions",
        lambda _: before,
    )
    _, predictions = ask_about_tests(replace(context, preset=preset), folders(context))
    assert {model for model, _ in predictions} == {"brightness", "loud", "top-random-backbone"}


def test_without_tests_nobody_is_asked_and_without_networks_it_says_so(context):
    none = replace(context.preset, evaluation=EvaluationSettings(n_bootstrap=100))
    assert hear_repetitions(replace(context, preset=none)) is None
    fingerprints = {**context.fingerprints, "models": "e" * 32, "trials": "e" * 32}
    untrained = replace(context, fingerprints=fingerprints)
    assert hear_repetitions(untrained) is None
    with pytest.raises(SettingsError, match="preset small has no trained network that could be"):
        ask_about_tests(untrained, folders(context))
    with pytest.raises(SettingsError, match="is no folder; a listening test is a folder of audio"):
        ask_about_tests(context, [folders(context)[0] / "opinions.csv"])


def test_the_page_and_its_numbers_have_table_vi(beside, full, monkeypatch):
    for name in ("prediction_figures", "training_figures"):
        monkeypatch.setattr(f"musqa_pipeline.stages.evaluation.report.{name}", lambda *_: [])
    content = replace(full, table_vi=beside)
    page = render_report(content)
    section = page[page.index('id="listeners"') :]
    assert "8 stimuli of 8 recordings" in section
    assert "Each repetition against listeners" in section
    single = replace(beside, repetitions=dict.fromkeys(beside.repetitions, 1))
    assert table_vi_figure(replace(content, table_vi=single)) is None
    assert "0.893" in section
    assert "brightness: one repetition, so no deviation and no t test" in section
    told = json.loads(report_json(content))["table_vi"]
    rows = [r for r in told["rows"] if (r["row"], r["model"]) == ("mean", "loud")]
    assert [r["n"] for r in rows] == [3, 3, 3]
    assert json.loads(report_json(full))["table_vi"] is None
    assert 'id="listeners"' not in render_report(full)
