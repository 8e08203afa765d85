import subprocess
import sys

import pytest

from musqa_pipeline.core.errors import SettingsError
from musqa_pipeline.core.settings.models import ModelsSettings
from musqa_pipeline.learning.entry import InputSpec
from musqa_pipeline.learning.registry import MODELS, find_model


def test_an_unknown_network_is_an_error_that_names_those_there_are():
    with pytest.raises(
        SettingsError, match=r"unknown network 'cnn1'; did you mean 'cnn1d'\? known"
    ):
        find_model("cnn1")
    with pytest.raises(
        SettingsError, match=r"unknown network 'xyz'; known are cnn1d, .*tiny.*; edit"
    ):
        find_model("xyz")


def test_the_papers_network_eats_the_papers_images():
    assert find_model("cnn1d").input == InputSpec(n_frames=1876, n_bands=256)


def test_every_default_network_is_in_the_registry():
    assert set(ModelsSettings().names) <= set(MODELS)


def test_the_stage_can_be_listed_without_importing_torch():
    code = "import sys, musqa_pipeline.stages.models.stage as s; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], timeout=60, check=False).returncode == 0
