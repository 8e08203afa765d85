import csv
from pathlib import Path

import numpy as np
import pytest
import soundfile
from typer.testing import CliRunner

from musqa_pipeline.catalogs.demo_music.catalog import COLUMNS
from musqa_pipeline.catalogs.sampled_music import catalog
from musqa_pipeline.catalogs.sampled_music.catalog import (
    DARK_SHARE,
    SampledPlan,
    _styles,
    write_sampled_catalog,
)
from musqa_pipeline.catalogs.sampled_music.font import SoundFont
from musqa_pipeline.catalogs.sampled_music.styles import BRIGHT_STYLES, DARK_STYLES
from musqa_pipeline.cli.app import command_line
from musqa_pipeline.core.errors import CatalogError
from tests.catalogs.sampled_music.conftest import DURATION_S, EACH_ONCE, N_TRACKS


def test_the_table_names_every_track_and_none_is_a_test_track(catalog_folder):
    with (catalog_folder / "tracks.csv").open(newline="", encoding="utf-8") as handle:
        rows = list(csv.DictReader(handle))
    assert tuple(rows[0]) == COLUMNS
    assert {row["file"] for row in rows} == {p.name for p in catalog_folder.glob("*.flac")}
    assert len({row["recording"] for row in rows}) == N_TRACKS
    assert {row["genre"] for row in rows} == {s.name for s in (*DARK_STYLES, *BRIGHT_STYLES)}
    assert {row["role"] for row in rows} == {"train"}
    assert {row["tier"] for row in rows} == {"synthesised"}
    assert {row["licence"] for row in rows} == {"MIT (FluidR3 GM)"}
    for row in rows:
        info = soundfile.info(catalog_folder / row["file"])
        assert (info.samplerate, info.channels, info.subtype) == (48_000, 2, "PCM_24")
        assert info.frames == 48_000 * DURATION_S


def test_a_second_call_makes_only_what_is_missing_and_makes_it_alike(catalog_folder, tmp_path):
    options = {"n_tracks": 3, "duration_s": DURATION_S, "dark_share": EACH_ONCE}
    files = write_sampled_catalog(tmp_path, **options)
    assert [f.read_bytes() for f in files] == [
        (catalog_folder / f.name).read_bytes() for f in files
    ]
    kept = files[0].stat().st_mtime_ns
    files[1].unlink()
    files[2].write_bytes(b"cut off")
    said = []
    write_sampled_catalog(tmp_path, **options, log=said.append)
    assert len(said) == 2
    assert files[0].stat().st_mtime_ns == kept
    assert all(f.read_bytes() == (catalog_folder / f.name).read_bytes() for f in files)


def test_another_seed_gives_other_music(catalog_folder, tmp_path):
    (file,) = write_sampled_catalog(
        tmp_path, n_tracks=1, duration_s=DURATION_S, dark_share=EACH_ONCE, seed=1
    )
    assert (soundfile.read(file)[0] != soundfile.read(catalog_folder / file.name)[0]).mean() > 0.9


def test_catalogs_of_one_seed_share_no_piece_where_their_styles_differ(monkeypatch):
    drawn = []
    monkeypatch.setattr(
        catalog, "_record_piece", lambda *about: drawn.append(about[-1].integers(2**62))
    )
    plans = [
        SampledPlan(0, 0, DURATION_S, style, SoundFont(Path("some.sf2"), "digest"))
        for style in (DARK_STYLES[0], BRIGHT_STYLES[0], BRIGHT_STYLES[0])
    ]
    for plan in plans:
        plan.samples()
    assert drawn[0] != drawn[1] == drawn[2]
    dark, bright, again = (plan.row()["recording"] for plan in plans)
    assert dark != bright == again


@pytest.mark.parametrize(
    ("share", "n_dark"), [(0.0, 0), (0.1, 40), (DARK_SHARE, 66), (0.2, 80), (0.5, 200), (1.0, 400)]
)
def test_dark_styles_have_their_share_and_are_spread(share, n_dark):
    dark = np.array([style.is_dark for style in _styles(400, share)])
    assert dark.sum() == n_dark
    assert np.all(np.abs(np.cumsum(dark) - share * np.arange(1, 401)) < 1 + 1e-6)
    assert [s.name for s in _styles(100, share)] == [s.name for s in _styles(400, share)][:100]


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"n_tracks": 0}, "n_tracks=0: expected 1 to 1000"),
        ({"duration_s": 0.5}, "duration_s=0.5: expected 1 to 600 seconds"),
        ({"dark_share": 1.1}, "dark_share=1.1: expected 0 to 1"),
        ({"dark_share": float("nan")}, "dark_share=nan: expected 0 to 1"),
    ],
)
def test_arguments_out_of_range_are_refused_before_anything_is_written(changed, said, tmp_path):
    with pytest.raises(CatalogError, match=said):
        write_sampled_catalog(tmp_path / "out", **changed)
    assert not (tmp_path / "out").exists()


def test_the_command_writes_a_folder_that_can_be_added(font, tmp_path):
    out = tmp_path / "Música nueva"
    musqa = command_line("catalog")
    said = CliRunner().invoke(musqa, ["catalog", "sampled", str(out), "--tracks", "1"])
    assert said.exit_code == 0, said.output
    assert f"1 tracks in {out}; add them with `musqa catalog add {out}`" in said.output
    (out / "notes.txt").write_text("mine")
    again = CliRunner().invoke(musqa, ["catalog", "sampled", str(out), "--tracks", "1"])
    assert again.exit_code == 0, again.output
    assert {path.name for path in out.iterdir()} == {"000-rock.flac", "tracks.csv", "notes.txt"}
    wrong = CliRunner().invoke(
        musqa, ["catalog", "sampled", str(out), "--sound-font", str(tmp_path / "none.sf2")]
    )
    assert isinstance(wrong.exception, CatalogError)
