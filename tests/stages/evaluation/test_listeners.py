"""Networks beside listeners: files with opinions go in, figure 3 and its numbers come out."""

import json
from dataclasses import replace

import numpy as np
import pytest
import soundfile
import torch
from torch import nn

from musqa_pipeline.core.errors import SettingsError
from musqa_pipeline.core.seeds import derive_generator
from musqa_pipeline.core.settings.evaluation import EvaluationSettings
from musqa_pipeline.core.settings.models import ModelsSettings
from musqa_pipeline.core.settings.preset import Preset
from musqa_pipeline.learning.entry import InputSpec, ModelEntry
from musqa_pipeline.learning.registry import MODELS
from musqa_pipeline.learning.training.checkpoint import write_json, write_weights
from musqa_pipeline.stages.engine.context import Context
from musqa_pipeline.stages.evaluation.listeners import digest_of_tests, hear_tests
from musqa_pipeline.stages.evaluation.report import render_report, report_json

CUTOFFS_HZ = (2_000, 4_000, 6_000, 9_000, 13_000, 18_000)


class TopShare(nn.Module):
    """Predicts the share of the spectrum's height that holds something."""

    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(()))

    def forward(self, images):
        return (images > 0.35).float().mean((1, 2)) * self.scale


def write_test(folder, scale=(0.0, 100.0)):
    """Noise with several upper edges; the wider, the better listeners like it."""
    folder.mkdir(parents=True)
    lines = ["file,mos,ci,recording"]
    noise = derive_generator("tests.listeners", "noise").standard_normal(44_100 * 4)
    spectrum = np.fft.rfft(noise)
    for i, cutoff_hz in enumerate(CUTOFFS_HZ):
        cut = spectrum.copy()
        cut[int(cutoff_hz * 4) :] = 0
        soundfile.write(folder / f"{i} é.wav", 0.05 * np.fft.irfft(cut), 44_100)
        opinion = scale[0] + (scale[1] - scale[0]) * cutoff_hz / 24_000
        lines.append(f"{i} é.wav,{opinion},{(scale[1] - scale[0]) / 50},song {i % 3}")
    (folder / "opinions.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


@pytest.fixture
def heard(tmp_path, monkeypatch):
    """Networks, one of each kind of image, and one that needs a reference."""
    folder = write_test(tmp_path / "vinyl")
    stages = {
        "mel": "spectrograms", "bands": "features", "of_nisqa": "nisqa_mels", "pairs": "pairs",
    }  # fmt: skip
    shapes = {"mel": (1876, 256), "bands": (31, 1024), "of_nisqa": (1001, 48), "pairs": (4, 2)}
    runs = []
    for name, stage in stages.items():
        spec = InputSpec(*shapes[name], stage=stage)
        monkeypatch.setitem(MODELS, name, ModelEntry(name, lambda settings: TopShare(), spec))
        run = tmp_path / "home" / "runs" / name
        run.mkdir(parents=True)
        write_weights(run / "weights.pt", TopShare().state_dict())
        settings = ModelsSettings(names=(name,)).__dict__
        write_json(run / "settings.json", {"model": name, "settings": settings})
        runs.append({"model": name, "finished": True, "folder": f"runs/{name}"})
    runs.append({"model": "late", "finished": False, "folder": "late"})
    evaluation = EvaluationSettings(n_bootstrap=100, listening_tests=(str(folder),))
    context = Context(tmp_path / "home", Preset(name="p", evaluation=evaluation), None, {})
    return context, runs, folder


def test_networks_are_held_against_listeners_each_with_its_own_image(heard):
    context, runs, _ = heard
    results = hear_tests(context, runs)
    models = ("mel", "bands", "of_nisqa")
    assert [(r.test, r.model) for r in results] == [("vinyl", model) for model in models]
    for result in results:
        assert len(result.matched.opinions) == len(CUTOFFS_HZ)
        assert np.all(np.diff(result.matched.predicted) > 0)
        as_is = {e.metric: e.value for e in result.estimates if not e.mapped}
        assert as_is["spearman"] == pytest.approx(1.0)
        assert as_is["rmse_star"] < as_is["rmse"]


def test_a_scale_of_one_to_five_gives_the_same_points(heard, tmp_path):
    context, runs, _ = heard
    first = hear_tests(context, runs)[0]
    other = write_test(tmp_path / "again", scale=(1.0, 5.0))
    settings = replace(
        context.preset.evaluation,
        listening_tests=(str(other),),
        listening_lowest=1.0,
        listening_highest=5.0,
    )
    second = hear_tests(
        replace(context, preset=replace(context.preset, evaluation=settings)), runs
    )[0]
    np.testing.assert_allclose(second.matched.mos, first.matched.mos, atol=1e-9)
    np.testing.assert_allclose(second.matched.half_width, first.matched.half_width, atol=1e-9)
    narrow = replace(settings, listening_highest=2.0)
    wrong = replace(context, preset=replace(context.preset, evaluation=narrow))
    with pytest.raises(
        SettingsError, match="lies outside listening_lowest = 1 and listening_highest = 2"
    ):
        hear_tests(wrong, runs)


def test_the_page_shows_figure_3_and_its_numbers(heard, full, monkeypatch):
    for name in ("prediction_figures", "training_figures"):
        monkeypatch.setattr(f"musqa_pipeline.stages.evaluation.report.{name}", lambda *_: [])
    context, runs, _ = heard
    content = replace(full, listening=hear_tests(context, runs))
    page = render_report(content)
    assert page.count("Prediction of") == 3
    assert 'id="listeners"' in page
    assert "6 excerpts of 3 recordings" in page
    told = json.loads(report_json(content))["listening"]
    assert {row["model"] for row in told} == {"mel", "bands", "of_nisqa"}
    assert 'id="listeners"' not in render_report(full)


def test_the_fingerprint_follows_opinions_and_audio(heard):
    context, _, folder = heard
    settings = context.preset.evaluation
    before = digest_of_tests(settings)
    with (folder / "0 é.wav").open("ab") as file:
        file.write(b"\0" * 8)
    changed = digest_of_tests(settings)
    table = folder / "opinions.csv"
    table.write_text(
        table.read_text(encoding="utf-8").replace("song 0", "song 9"), encoding="utf-8"
    )
    assert len({before, changed, digest_of_tests(settings)}) == 3


def test_what_cannot_be_used_is_named(heard, tmp_path):
    context, runs, folder = heard
    table = folder / "opinions.csv"
    lines = table.read_text(encoding="utf-8").splitlines()

    def write(*more):
        table.write_text("\n".join([*lines, *more]) + "\n", encoding="utf-8")

    write("gone.wav,50,2,song")
    with pytest.raises(SettingsError, match=r"gone\.wav of a listening test cannot be read"):
        hear_tests(context, runs)
    soundfile.write(tmp_path / "outside.wav", np.ones(4_800), 48_000)
    write("../outside.wav,50,2,song")
    with pytest.raises(SettingsError, match="lies outside the folder"):
        hear_tests(context, runs)
    (folder / "link.wav").symlink_to(tmp_path / "outside.wav")
    for name in ("link.wav", "a\0b.wav", f"{tmp_path}/outside.wav"):
        write(f"{name},50,2,song")
        with pytest.raises(SettingsError, match="lies outside the folder"):
            hear_tests(context, runs)
    soundfile.write(folder / "still.wav", np.zeros(48_000), 48_000)
    write("still.wav,50,2,song")
    with pytest.raises(SettingsError, match=r"still\.wav of a listening test is silent"):
        hear_tests(context, runs)
    table.write_text("\n".join(lines[:4]) + "\n", encoding="utf-8")
    with pytest.raises(SettingsError, match="has 3 excerpts besides hidden references"):
        hear_tests(context, runs)
    table.unlink()
    with pytest.raises(SettingsError, match="put the mean opinions there"):
        hear_tests(context, runs)


def test_a_scale_has_two_ends():
    with pytest.raises(SettingsError, match="above listening_lowest"):
        EvaluationSettings(listening_lowest=5.0, listening_highest=1.0)
