"""A lake whose networks take no time to train, made once a module and copied for each test."""

import dataclasses
import shutil

import pytest

from musqa_pipeline.learning.registry import MODELS
from tests.release.promotion.world import lake_with_champions
from tests.stages.evaluation.small_lake import ENTRY


@pytest.fixture(scope="module")
def networks():
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(MODELS, "brightness", ENTRY)
        patch.setitem(MODELS, "late", ENTRY)
        yield


@pytest.fixture(scope="module")
def made(networks, tmp_path_factory):
    return lake_with_champions(tmp_path_factory.mktemp("made") / "home")


@pytest.fixture
def context(made, home):
    """A lake of its own, copied: to make one takes a second."""
    shutil.copytree(made.home, home)
    return dataclasses.replace(made, home=home)
