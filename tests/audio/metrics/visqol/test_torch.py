"""The batched engine on CPU torch against the CPU engine; on a CUDA device where there is one."""

import numpy as np
import pytest
import torch

from musqa_pipeline.audio.metrics.registry import open_metric
from musqa_pipeline.audio.metrics.visqol import Reference
from musqa_pipeline.audio.metrics.visqol.torch_batch import TorchReference
from musqa_pipeline.core.errors import SettingsError, UnfitInputError
from musqa_pipeline.core.settings.per_catalog import LabelsSettings
from tests.audio.music import music

N = 2 * 48_000
REFERENCE = music()[:N]
NOISE = np.random.default_rng(0).standard_normal(N) * 0.03
DROPPED = np.where(np.abs(np.arange(N) - 60_000) < 9_000, 0.0, REFERENCE)
DEGRADED = {
    "itself": REFERENCE,
    "noisy": REFERENCE + NOISE,
    "late and quiet": 0.1 * np.concatenate((np.zeros(700), REFERENCE + NOISE)),
    "early and short": (REFERENCE + NOISE)[900:-7_000],
    "dropped out": DROPPED,
    "another song": music(seed=5)[:N],
}


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    n_threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(n_threads)


@pytest.fixture(scope="module")
def expected():
    reference = Reference(REFERENCE)
    return {name: reference.score(x) for name, x in DEGRADED.items()}


DEVICES = ["cpu", pytest.param("cuda", marks=pytest.mark.skipif(
    not torch.cuda.is_available(), reason="no CUDA device"))]  # fmt: skip


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize(("precision", "tolerance"), [("exact", 1e-9), ("fast", 1e-5)])
def test_a_batch_scores_as_the_cpu_engine_does(expected, device, precision, tolerance):
    reference = TorchReference(REFERENCE, precision=precision, device=device)
    for (name, one), score in zip(
        expected.items(), reference.score_batch(DEGRADED.values()), strict=True
    ):
        assert score.mos == pytest.approx(one.mos, abs=tolerance), name
        assert score.lag_samples == one.lag_samples, name
        assert [
            (p.reference_start_s, p.degraded_start_s, p.degraded_end_s) for p in score.patches
        ] == [(p.reference_start_s, p.degraded_start_s, p.degraded_end_s) for p in one.patches], (
            name
        )


def test_what_cannot_be_scored_is_refused_as_by_the_cpu_engine():
    reference = TorchReference(REFERENCE, device="cpu")
    with pytest.raises(UnfitInputError, match="silent: the degraded signal is silent"):
        reference.score(np.zeros(N))


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_a_preset_that_wants_a_missing_device_is_told_so():
    settings = LabelsSettings(device="cuda")
    with pytest.raises(SettingsError, match=r"device 'cuda' cannot be used \(.+\); choose cpu"):
        open_metric(REFERENCE.astype(np.float32), metric=settings.metric, device=settings.device)
