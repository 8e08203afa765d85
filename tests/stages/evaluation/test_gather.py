from dataclasses import replace

import polars as pl
import pytest

from musqa_pipeline.core.settings.models import ModelsSettings
from musqa_pipeline.core.settings.preset import Preset
from musqa_pipeline.stages.engine.context import Context
from musqa_pipeline.stages.evaluation.gather import asked_rows, random_weights
from tests.stages.evaluation.made_up import made_up_run


def rows(*, natural=(True, True, True)):
    """Three recordings, a synthesised piece, a darker copy and one of unknown darkness."""
    tiers = ["lossless", "mp3_320", "lossless", "synthesised", "equalised", "lossless"]
    return pl.DataFrame(
        {
            "recording": ["a", "b", "c", "s", "a", "u"],
            "tier": tiers,
            "reference": ["dark", "full band", "full band", "full band", "dark", ""],
            "natural_mix": [*natural, True, True, True],
        }
    )


def test_the_unavoidable_error_is_asked_of_real_music_of_known_darkness():
    assert asked_rows(rows())["recording"].to_list() == ["a", "b", "c"]


def test_a_natural_mix_of_few_recordings_is_filled_up():
    assert asked_rows(rows(natural=(True, False, False))).height == 3
    assert asked_rows(rows(natural=(True, True, False)))["recording"].to_list() == ["a", "b"]


def test_synthesised_music_alone_is_asked_too():
    made = rows().filter(pl.col("tier") == "synthesised")
    assert asked_rows(made).height == 1


@pytest.mark.parametrize(
    ("weights", "expected"),
    [("random", ["vgg19"]), ("imagenet", []), ("weights.pth", [])],
)
def test_random_backbones_are_known_from_runs_and_from_recipes(tmp_path, weights, expected):
    plain = Context(tmp_path, Preset(name="paper"), None, {})
    run = made_up_run("vgg19") | {"settings_json": f'{{"backbone_weights": "{weights}"}}'}
    assert random_weights(plain, [run, made_up_run("cnn1d")]) == expected
    recipes = {"vgg19": {"backbone_weights": weights}}
    preset = replace(plain.preset, models=ModelsSettings(recipes=recipes))
    assert random_weights(replace(plain, preset=preset), []) == expected
