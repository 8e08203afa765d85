from types import SimpleNamespace

import polars as pl
import pytest

from musqa_pipeline.core.settings.evaluation import ReleaseSettings
from musqa_pipeline.release.model.attribution import (
    attribution_markdown,
    attribution_table,
    is_allowed,
    with_permission,
)

ALLOWED = ReleaseSettings().licences


@pytest.mark.parametrize(
    "licence",
    [
        "CC0-1.0", "CC0", "Public domain", "public domain", "CC-BY-3.0", "CC-BY-4.0 (vocadito)",
        "CC-BY", "CC BY 4.0".replace(" ", "-"), "MIT (repo)", "Apache-2.0", "MIT/Apache-2.0 (repo)",
    ],
)  # fmt: skip
def test_open_terms_are_allowed(licence):
    assert is_allowed(licence, ALLOWED)


@pytest.mark.parametrize(
    "licence",
    [
        "", "(repo)", "CC-BY-SA", "CC-BY-SA-3.0", "CC-BY-NC-4.0", "CC-BY-ND-4.0", "GPL-3.0",
        "unknown", "MIT/GPL-3.0", "CC-BY-4.0, CC-BY-SA-4.0", "MIT-0 or whatever", "ask",
    ],
)  # fmt: skip
def test_share_alike_and_what_is_unclear_is_not(licence):
    assert not is_allowed(licence, ALLOWED)


def test_rows_get_the_terms_of_their_track_and_synthesised_music_is_ours():
    rows = pl.DataFrame(
        {
            "catalog": ["a", "b", "a", "a"],
            "track_id": ["1", "1", "2", "3"],
            "tier": ["lossless", "synthesised", "lossless", "equalised"],
        }
    )
    tracks = pl.DataFrame(
        {
            "catalog": ["a", "a", "a", "b"],
            "track_id": ["1", "2", "3", "1"],
            "licence": ["CC0-1.0", "CC-BY-SA-3.0", "CC-BY-SA-3.0", ""],
            **dict.fromkeys(("file", "title", "artist"), ""),
        }
    )
    found = with_permission(rows, tracks, ALLOWED)
    assert found["allowed"].to_list() == [True, True, False, False]
    assert found["licence"].to_list() == ["CC0-1.0", "", "CC-BY-SA-3.0", "CC-BY-SA-3.0"]


def test_music_by_a_sound_font_is_under_the_terms_of_the_font_and_names_it():
    terms = ["of the sound font Bought_NC", "MIT (FluidR3 GM)", "MIT (FluidR3 GM)", ""]
    rows = pl.DataFrame(
        {
            "catalog": "s", "track_id": ["1", "2", "3", "4"], "tier": "synthesised",
            "part": "train", "split_group": ["a", "b", "c", "d"],
            "uniform_draw": True, "natural_mix": True,
        }
    )  # fmt: skip
    tracks = rows.select("catalog", "track_id").with_columns(
        licence=pl.Series(terms), **{name: pl.lit("") for name in ("file", "title", "artist")}
    )
    found = with_permission(rows, tracks, ALLOWED)
    assert found["allowed"].to_list() == [False, True, True, True]
    context = SimpleNamespace(preset=SimpleNamespace(release=ReleaseSettings()))
    said = attribution_markdown(attribution_table(context, found))
    line = "| 2 synthesised pieces | musqa | MIT (FluidR3 GM) | sound font, catalog s |"
    assert said.splitlines()[2:] == [line]
