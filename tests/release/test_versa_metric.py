"""The scorer as a metric of VERSA: with VERSA itself where it is installed, and a stand-in."""

from __future__ import annotations

import sys
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from enum import Enum
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType

import numpy as np
import pytest

from musqa_pipeline.core.errors import ModelError, UnfitInputError
from musqa_pipeline.scoring.scorer import Scorer
from tests.audio.music import music
from tests.scoring.small_model import write_model

RATE_HZ = 44_100


def stand_in() -> ModuleType:
    """Return what the adapter takes of `versa.definition`, as strict as VERSA is."""

    @dataclass
    class MetricMetadata:
        name: str
        category: object
        metric_type: object
        requires_reference: bool
        requires_text: bool
        gpu_compatible: bool
        auto_install: bool
        dependencies: list[str]
        description: str

    class BaseMetric(ABC):
        def __init__(self, config=None):
            self.config = config or {}
            self._setup()

        @abstractmethod
        def _setup(self): ...

        @abstractmethod
        def compute(self, predictions, references=None, metadata=None): ...

        @abstractmethod
        def get_metadata(self): ...

    @dataclass
    class MetricRegistry:
        metrics: dict = field(default_factory=dict)

        def register(self, metric_class, metadata, aliases=None):
            for name in (metadata.name, *(aliases or ())):
                self.metrics[name] = metric_class, metadata

        def get_metric(self, name):
            return self.metrics[name][0]

        def get_metadata(self, name):
            return self.metrics[name][1]

    module = ModuleType("versa.definition")
    module.BaseMetric, module.MetricRegistry = BaseMetric, MetricRegistry
    module.MetricMetadata = MetricMetadata
    module.MetricCategory = Enum("MetricCategory", ["INDEPENDENT"])
    module.MetricType = Enum("MetricType", ["DICT"])
    return module


def has_versa() -> bool:
    try:
        return find_spec("versa.definition") is not None
    except ImportError:
        return False


@pytest.fixture(params=["versa", "stand-in"])
def registry(request, monkeypatch):
    """A registry that knows the metric."""
    if request.param == "versa" and not has_versa():
        pytest.skip("VERSA is not installed; it comes from its repository")
    if request.param == "stand-in":
        monkeypatch.setitem(sys.modules, "versa", ModuleType("versa"))
        monkeypatch.setitem(sys.modules, "versa.definition", stand_in())
    monkeypatch.delitem(sys.modules, "musqa_pipeline.release.versa_metric", raising=False)
    module = import_module("musqa_pipeline.release.versa_metric")
    found = sys.modules["versa.definition"].MetricRegistry()
    module.register_musqa_metric(found)
    yield found
    sys.modules.pop("musqa_pipeline.release.versa_metric")


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return str(write_model(tmp_path_factory.mktemp("model") / "small.onnx"))


@pytest.mark.parametrize("channels", [1, 2])
def test_it_says_what_the_scorer_says(registry, model, channels):
    samples = np.tile(music(4 * RATE_HZ)[:, None], (1, channels)).squeeze()
    metric = registry.get_metric("musqa_mos")({"name": "musqa", "model": model, "use_gpu": False})
    said = metric.compute(samples, metadata={"sample_rate": RATE_HZ, "key": "a"})
    score = Scorer(model, detect=False).score(samples, RATE_HZ)
    assert said["musqa_mos"] == pytest.approx(score.mos)
    assert (said["musqa_mos_low"], said["musqa_mos_high"]) == (score.mos_low, score.mos_high)
    assert said["musqa_abstained"] == ""


def test_silence_has_a_word_and_no_number(registry, model):
    metric = registry.get_metric("musqa")({"model": model})
    said = metric.compute(np.zeros(4 * RATE_HZ), metadata={"sample_rate": RATE_HZ})
    assert said["musqa_mos"] is None
    assert said["musqa_abstained"] == "silence"


def test_it_is_listed_as_a_metric_without_a_reference(registry, model):
    metadata = registry.get_metadata("musqa")
    assert (metadata.name, metadata.requires_reference, metadata.requires_text) == (
        "musqa", False, False,
    )  # fmt: skip
    assert metadata.category.name == "INDEPENDENT"
    assert registry.get_metric("musqa")({"model": model}).get_metadata() == metadata


def test_what_is_wrong_is_said(registry, model, tmp_path):
    metric = registry.get_metric("musqa")({"model": model})
    with pytest.raises(ValueError, match="no sample rate"):
        metric.compute(np.zeros(4 * RATE_HZ))
    with pytest.raises(UnfitInputError):
        metric.compute(np.zeros((2, 2, 4)), metadata={"sample_rate": RATE_HZ})
    with pytest.raises(ModelError):
        registry.get_metric("musqa")({"model": str(tmp_path / "none.onnx")})
