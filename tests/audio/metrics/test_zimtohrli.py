"""The second opinion: Google's own figures, and what its package cannot be given."""

import re
import sys
from typing import get_args, get_type_hints

import numpy as np
import pytest
import zimtohrli

from musqa_pipeline.audio.metrics import zimtohrli as module
from musqa_pipeline.audio.metrics.registry import METRICS, SECOND_OPINIONS, open_metric
from musqa_pipeline.audio.metrics.zimtohrli import Zimtohrli
from musqa_pipeline.cli.label import SecondOpinion
from musqa_pipeline.core.errors import SettingsError, ToolError, UnfitInputError
from musqa_pipeline.core.settings.dataset import OpinionsSettings
from musqa_pipeline.core.settings.per_catalog import LISTENERS, LabelsSettings
from musqa_pipeline.core.settings.preset import parse_preset
from musqa_pipeline.stages.dataset.second_metric.stage import asked_metrics
from tests.audio.music import music

RATE_HZ = 48_000
REFERENCE = music()[: 2 * RATE_HZ]


def noisy(level):
    noise = np.random.default_rng(0).standard_normal(len(REFERENCE))
    return (REFERENCE + level * noise).astype(np.float32)


@pytest.fixture(scope="module")
def metric():
    return Zimtohrli(REFERENCE)


def test_its_mos_is_that_of_googles_own_test():
    # cpp/zimt/mos_test.cc of google/zimtohrli
    published = {0: 5.0, 0.001: 4.8008866, 0.01: 3.4005415, 0.02: 2.4406500, 0.03: 1.8645849}
    for distance, mos in published.items():
        assert zimtohrli.mos_from_zimtohrli(distance) == pytest.approx(mos, abs=1e-5)


def test_a_score_is_what_the_package_says(metric):
    for level in (0.001, 0.03):
        score = metric.score(noisy(level))
        assert score.distance == zimtohrli.Pyohrli().distance(REFERENCE, noisy(level))
        assert score.mos == zimtohrli.mos_from_signals(REFERENCE, noisy(level))
        assert metric.score(noisy(level)) == score


def test_identity_is_5_and_more_noise_is_less(metric):
    assert (metric.score(REFERENCE).mos, metric.score(REFERENCE).distance) == (5.0, 0.0)
    mos = [metric.score(noisy(level)).mos for level in (0.001, 0.01, 0.1, 1.0)]
    assert mos == sorted(mos, reverse=True)
    assert 1.0 <= mos[-1] < 3.0 < 4.9 < mos[0] <= 5.0


def test_silence_is_bad_but_not_1(metric):
    assert 1.0 < metric.score(np.zeros_like(REFERENCE)).mos < 3.5


def test_what_is_missing_counts_as_silence_but_for_the_last_second(metric):
    half = noisy(0.01)[:RATE_HZ]
    quarter = noisy(0.01)[: RATE_HZ // 2]
    assert zimtohrli.mos_from_signals(REFERENCE, quarter) > 4.2  # its warping hides the loss
    assert metric.score(half).mos == pytest.approx(
        zimtohrli.mos_from_signals(REFERENCE[:RATE_HZ], half), abs=1e-9
    )
    assert metric.score(quarter).mos < metric.score(half).mos - 0.3
    longer = np.concatenate([noisy(0.01), noisy(1.0)])
    assert metric.score(longer) == metric.score(noisy(0.01))


def test_long_signals_are_judged_in_equal_pieces(metric, monkeypatch):
    degraded = noisy(0.01)
    whole = metric.score(degraded)
    monkeypatch.setattr(module, "LONGEST_PIECE_SAMPLES", RATE_HZ)
    pieces = [
        zimtohrli.Pyohrli().distance(REFERENCE[a : a + RATE_HZ], degraded[a : a + RATE_HZ])
        for a in (0, RATE_HZ)
    ]
    assert metric.score(degraded).distance == pytest.approx(sum(pieces) / 2, rel=1e-12)
    assert metric.score(degraded).mos == pytest.approx(whole.mos, abs=0.1)


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        (REFERENCE[:9_600], "the reference lasts 0.20 s, Zimtohrli needs 0.5 s"),
        (REFERENCE[:0], "the reference lasts 0.00 s"),
        (np.zeros(RATE_HZ, np.float32), "every sample of the reference is zero"),
        (np.where(np.arange(RATE_HZ) == 7, np.nan, 0.1), "1 samples of the reference are NaN"),
    ],
    ids=["short", "empty", "silent", "not finite"],
)
def test_a_reference_that_would_end_the_process_is_refused(reference, message):
    with pytest.raises(UnfitInputError, match=re.escape(message)):
        Zimtohrli(reference.astype(np.float32))


def test_a_degraded_signal_that_would_end_the_process_is_refused_or_filled(metric):
    broken = REFERENCE.copy()
    broken[[3, 5]] = np.nan, np.inf
    with pytest.raises(UnfitInputError, match="2 samples of the degraded signal are NaN"):
        metric.score(broken)
    assert metric.score(REFERENCE[:0]) == metric.score(np.zeros(RATE_HZ, np.float32))


def test_without_its_package_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "zimtohrli", None)
    message = re.escape("pip install 'musqa-pipeline[zimtohrli]', or ask for none")
    with pytest.raises(ToolError, match=message):
        Zimtohrli.require()
    with pytest.raises(ToolError, match=message):
        Zimtohrli(REFERENCE)


def test_every_metric_can_be_asked_for():
    labels, opinions = get_type_hints(LabelsSettings), get_type_hints(OpinionsSettings)
    assert set(get_args(labels["metric"])) == {*METRICS, LISTENERS}
    assert set(get_args(opinions["metric"])) == {"none", *SECOND_OPINIONS}
    with pytest.raises(SettingsError, match=", ".join(f"'{name}'" for name in SECOND_OPINIONS)):
        parse_preset("p", {"opinions": {"metrics": ["loudness"]}})
    every = parse_preset("p", {"opinions": {"metrics": list(SECOND_OPINIONS)}})
    assert asked_metrics(every.opinions) == tuple(SECOND_OPINIONS)
    assert {str(name) for name in SecondOpinion} == set(SECOND_OPINIONS)
    assert Zimtohrli.version.startswith("zimtohrli 0.")


def test_a_metric_that_needs_the_cpu_is_not_replaced_by_another_on_a_gpu():
    with pytest.raises(SettingsError, match=r"device='cuda' with metric='other': only visqol is"):
        open_metric(REFERENCE, metric="other", device="cuda")
