"""Music of few sounds, asked of the shipped model."""

import pytest

from musqa_pipeline.catalogs.sampled_music.font import DEFAULT_FONT, SoundFont
from musqa_pipeline.catalogs.sampled_music.styles import UNUSUAL_STYLES
from musqa_pipeline.core.errors import CatalogError
from musqa_pipeline.release.model import unusual_music
from musqa_pipeline.release.model.unusual_music import ask_unusual_music
from musqa_pipeline.scoring.model_file import SHIPPED

NEEDS_SAMPLER = pytest.mark.skipif(
    not DEFAULT_FONT.is_file(), reason="needs FluidSynth and FluidR3 GM: make sampler"
)


@NEEDS_SAMPLER
def test_each_style_has_scores_or_reasons(monkeypatch):
    monkeypatch.setattr(unusual_music, "N_PIECES", 1)
    rows = ask_unusual_music(SHIPPED)
    assert [row["style"] for row in rows] == [style.name for style in UNUSUAL_STYLES]
    for row in rows:
        assert row["n_scored"] + sum(row["abstained"].values()) == row["n"] == 1
        if row["n_scored"]:
            assert 1 <= row["lowest_mos"] <= row["highest_mos"] <= 5


def test_without_a_sampler_nothing_is_asked(monkeypatch):
    monkeypatch.setenv("PATH", "")
    assert ask_unusual_music(SHIPPED) == []


def test_a_font_that_breaks_is_not_taken_for_none(monkeypatch, tmp_path):
    broken = SoundFont(tmp_path / "gone.sf2", "digest")
    monkeypatch.setattr(unusual_music, "open_font", lambda: broken)
    with pytest.raises(CatalogError, match=r"fluidsynth cannot"):
        ask_unusual_music(SHIPPED)
