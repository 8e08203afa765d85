"""The tables on image metrics and autoencoders: excerpts of a small lake, and made-up judges."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import polars as pl
import pytest

from musqa_pipeline.audio.degradations.intensity import at_loudness
from musqa_pipeline.audio.excerpts.segments import read_segment
from musqa_pipeline.audio.metrics.perceptual.opinions import LogMelOpinion, NlpdOpinion
from musqa_pipeline.audio.metrics.registry import METRICS
from musqa_pipeline.audio.metrics.visqol import Reference
from musqa_pipeline.catalogs.folder import COPY_TIER
from musqa_pipeline.core.errors import ToolError
from musqa_pipeline.scoring.model_file import SHIPPED, load_model
from musqa_pipeline.scoring.verdict import to_excerpt, to_image
from musqa_pipeline.stages.segments.versions import make_version, plan_versions
from musqa_pipeline.studies.listening.cells import cells_correlation, read_cells
from tests import ROOT
from tests.stages.autoencoders.small_representations import filled
from tests.stages.evaluation.opinions.test_tables import rows as judged_rows

RATINGS = read_cells(ROOT / "docs/results/listeners_cells.csv")


@pytest.fixture(scope="module")
def cells():
    import representation_cells

    return representation_cells


@pytest.fixture(scope="module")
def evidence(tmp_path_factory):
    from representation_evidence import Evidence

    return Evidence(filled(tmp_path_factory.mktemp("results")))


@pytest.fixture
def judged(cells, monkeypatch):
    """Have judges say what listeners said, or something else, of versions that nobody makes."""

    def by_table(judges, row):
        song = int(row["excerpt_id"].encode().hex(), 16) % 97
        rng = np.random.default_rng(song)
        good = np.array(list(RATINGS.values()))
        kinds, fifths = zip(*RATINGS, strict=True)
        intensity = [0.0 if kind == "original" else 10.0 + 20 * fifth
                     for kind, fifth in zip(kinds, fifths, strict=True)]  # fmt: skip
        return {
            "whose": np.array([row["whose"]] * len(good)),
            "kind": np.array(kinds),
            "intensity": np.array(intensity),
            "nlpd": good**3 + song,
            "visqol": -good + rng.normal(0, 0.5, len(good)),
            "log_mel_mse": good + rng.normal(0, 0.5, len(good)),
            "ms_ssim": np.where(good < 1.4, -1.0, good / 5 - 1),
        }

    def made_up(names):
        if "zimtohrli" in names:
            raise ToolError("needs a package")
        return SimpleNamespace(versions=list(names))

    monkeypatch.setattr(cells, "judged", by_table)
    monkeypatch.setattr(cells, "Judges", made_up)
    shown = {name: cells.TITLES[name] for name in ("visqol", "nlpd", "log_mel_mse", "ms_ssim")}
    monkeypatch.setattr(cells, "TITLES", shown | {"zimtohrli": "Zimtohrli"})
    monkeypatch.setattr(cells, "MEANS", {"visqol": 1, "nlpd": -1})


def test_excerpts_of_recorded_music_are_found_with_their_files(cells, evidence, monkeypatch):
    found = cells.excerpts_of(evidence.context)
    assert found["file"].sort().to_list() == ["café.wav", "learned.wav", "mono.wav"]
    assert found["sample_rate_hz"].to_list().count(44_100) == 1
    assert found["whose"].n_unique() == 3
    assert all(path.endswith(file) for path, file in found.select("path", "file").rows())
    seen = cells.read_seen_tracks(evidence.context)
    tiers = pl.Series(["synthesised", COPY_TIER, "lossless"])
    monkeypatch.setattr(cells, "read_seen_tracks", lambda context: seen.with_columns(tier=tiers))
    left = cells.excerpts_of(evidence.context)
    assert left["file"].to_list() == seen["file"].to_list()[2:]


def test_versions_are_those_of_paper_000_and_judges_hear_their_mono_mixes(
    cells, evidence, monkeypatch
):
    def few(excerpt_id, seed):
        return [one for one in plan_versions(excerpt_id, seed)
                if one.version_id.endswith(("original", "noise-50", "noise-drawn"))]  # fmt: skip

    monkeypatch.setattr(cells, "plan_versions", few)
    row = cells.excerpts_of(evidence.context).filter(file="café.wav").row(0, named=True)
    fast = [name for name in cells.TITLES if name not in cells.SLOW]
    judges = cells.Judges(fast)
    assert judges.versions[: len(fast)] == fast
    assert {Reference.version, NlpdOpinion.version} < set(judges.versions)
    found = cells.judged(judges, row)
    assert found["kind"].tolist() == ["original", "noise"]
    assert found["intensity"].tolist() == [0, 50]
    names = set(found) - {"whose", "kind", "intensity"}
    assert names == set(fast)
    assert all(found[name][0] > found[name][1] for name in names - {"musqa_net"})
    where = {name: row[name] for name in ("start_frame", "sample_rate_hz")}
    original = at_loudness(read_segment(Path(row["path"]), **where))
    (noise,) = (one for one in few(row["excerpt_id"], cells.SEED) if one.draw == "ladder")
    heard = make_version(original, noise.kind, noise.params).mean(axis=1)
    reference = original.mean(axis=1)
    network = load_model(SHIPPED)  # hears no reference, and finds this original poor
    images = [to_image(to_excerpt(one, 48_000)[0]) for one in (reference, heard)]
    answers = [network.answer(image).probability @ network.step_quality for image in images]
    assert found["musqa_net"] == pytest.approx(answers, abs=1e-6)
    assert abs(answers[0] - answers[1]) > 0.001
    assert found["visqol"][1] == METRICS["visqol"](reference).score(heard).mos
    assert found["nlpd"][1] == -NlpdOpinion(reference).score(heard).distance
    assert found["log_mel_mse"][1] == -LogMelOpinion(reference).score(heard).distance
    assert found["waveform_mse"][1] == pytest.approx(-np.mean((heard - reference) ** 2), rel=1e-3)
    assert len({found[name][1] for name in ("nlpd", "nlpd_swapped", "nlpd_hepburn")}) == 3


def test_unfit_music_is_left_out(cells, evidence, capsys):
    row = cells.excerpts_of(evidence.context).row(0, named=True)
    beyond = 20 * row["sample_rate_hz"]
    assert cells.judged(cells.Judges(["nlpd"]), row | {"start_frame": beyond}) == {}
    assert f"{row['file']} is left out: " in capsys.readouterr().err


def test_what_was_measured_once_is_not_measured_again(cells, evidence, judged, monkeypatch):
    asked = []
    by_table = cells.judged
    monkeypatch.setattr(
        cells, "judged", lambda judges, row: asked.append(row["file"]) or by_table(judges, row)
    )
    before = cells.measured(evidence)
    assert len(asked) == 3
    kept = sorted((evidence.folder).glob("cells-*.npz"))
    kept[1].unlink()  # as if it had been killed there
    again = cells.measured(evidence)
    assert len(asked) == 4
    assert all(np.array_equal(before[name], again[name]) for name in before)


def test_figures_are_of_the_21_cells_and_differences_are_paired(cells, evidence, judged, capsys):
    found = cells.measured(evidence)
    named = [
        (kind, 0 if kind == "original" else int(intensity // 20))
        for kind, intensity in zip(found["kind"], found["intensity"], strict=True)
    ]

    def rho(name):
        return cells_correlation(found[name], named, found["whose"], RATINGS, "cells")

    assert cells.cells_nlpd(evidence) == pytest.approx(1)
    visqol, log_mel = rho("visqol"), rho("log_mel_mse")
    assert cells.cells_nlpd_minus_visqol(evidence) == pytest.approx(1 - visqol.high)
    assert cells.cells_nlpd_minus_log_mel_mse(evidence) == pytest.approx(1 - log_mel.high)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "NLPD, Laparra's: 1.00 [1.00, 1.00]"
    assert lines[1].startswith(f"NLPD, Laparra's less ViSQOL: {1 - visqol.spearman:.2f} [")


def test_tables_say_what_was_not_run_and_count_what_was(cells, evidence, judged, capsys):
    table = cells.cells_table(evidence)
    assert "zimtohrli is left out: needs a package" in capsys.readouterr().err
    assert "| Zimtohrli | not run: not installed |" in table
    assert "| NLPD, Laparra's | 1.00 [1.00, 1.00] |" in table
    assert "3 segments of 3 recordings, 63 versions; 3 of them met MS-SSIM's floor." in table
    means = cells.means_table(evidence)
    assert means.count("| lowpass, I = ") == 5
    songs = cells.measured(evidence)
    best = songs["nlpd"][songs["kind"] == "original"]
    (line,) = [line for line in means.splitlines() if line.startswith("| original")]
    assert line.split("|")[2].strip() == "4.02"
    assert float(line.split("|")[4]) == pytest.approx(-best.mean(), abs=6e-4)


def test_the_last_line_is_the_figure_and_tables_come_otherwise(
    cells, evidence, judged, monkeypatch, capsys
):
    import write_representation_results as script

    monkeypatch.setattr(script, "joint_context", lambda home, preset: evidence.context)
    monkeypatch.setattr(script, "load_preset", str)
    command = ["write", "--preset", "some"]
    monkeypatch.setattr(sys, "argv", [*command, "--figure", "cells_nlpd"])
    script.main()
    assert capsys.readouterr().out.splitlines()[-1] == "1"
    assert set(script.FIGURES) >= {"cells_nlpd", "cells_nlpd_minus_visqol"}
    monkeypatch.setattr(script, "TABLES", cells.TABLES)
    monkeypatch.setattr(sys, "argv", command)
    script.main()
    assert capsys.readouterr().out.startswith("### Listeners' cells\n\n| metric |")


@pytest.fixture
def lowpasses(monkeypatch):
    """Two cut-offs and two judges."""
    import representation_lowpasses

    monkeypatch.setattr(representation_lowpasses, "CUTOFFS_HZ", (3_500.0, 7_000.0))
    monkeypatch.setattr(representation_lowpasses, "ASKED", ("visqol", "log_mel_mse"))
    return representation_lowpasses


def test_lowpasses_of_an_excerpt_are_scored_from_narrow_to_the_original(cells, lowpasses, evidence):
    row = cells.excerpts_of(evidence.context).row(0, named=True)
    found = lowpasses.judged(evidence, cells.Judges(lowpasses.ASKED), row)
    assert set(found) == {"visqol", "log_mel_mse", "whose"}
    for name in lowpasses.ASKED:
        assert (np.diff(found[name]) > 0).all()
    assert found["log_mel_mse"][-1] == 0
    assert found["visqol"][-1] > 4.7


def test_steps_in_order_are_counted_and_music_that_ends_lower_is_not_asked(
    cells, lowpasses, evidence, monkeypatch
):
    rows = cells.excerpts_of(evidence.context)
    edges = pl.Series([20_000.0, 6_000.0, 20_000.0])
    found = rows.with_columns(upper_edge_hz=edges)
    monkeypatch.setattr(lowpasses, "excerpts_of", lambda context: found)
    asked = []

    def made_up(evidence, judges, row):
        asked.append(row["whose"])
        right = np.array([1.0, 2.0, 3.0])
        wrong = np.array([2.0, 1.0, 3.0]) if len(asked) == 1 else right
        return {"visqol": right, "log_mel_mse": wrong, "whose": np.array(row["whose"])}

    monkeypatch.setattr(lowpasses, "judged", made_up)
    text = lowpasses.lowpass_table(evidence)
    assert asked == [found["whose"][0], found["whose"][2]]
    assert "| ViSQOL | 1.00 | 2 of 2 | – |" in text
    assert "| log-mel MSE | 0.75 | 1 of 2 | 3.5 (1) |" in text
    assert lowpasses.lowpass_table(evidence) == text
    assert len(asked) == 2
    dark = rows.with_columns(upper_edge_hz=pl.lit(6_000.0))
    monkeypatch.setattr(lowpasses, "excerpts_of", lambda context: dark)
    assert lowpasses.lowpass_table(evidence).startswith("not run: no recording")


def test_metrics_are_held_against_each_other_where_there_are_opinions(evidence, monkeypatch):
    import representation_metrics

    assert representation_metrics.agreement_table(evidence) == (
        "not run: the preset has no opinions"
    )
    monkeypatch.setattr(representation_metrics, "wants_opinions", lambda preset: True)
    monkeypatch.setattr(
        representation_metrics, "read_judged", lambda context: (judged_rows(), ["ViSQOL", "NLPD"])
    )
    lines = representation_metrics.agreement_table(evidence).splitlines()
    assert lines[0] == "| rows | n | recordings | ViSQOL, NLPD |"
    assert lines[3].startswith("| within references | 60 | 6 | 1.00 [1.00, 1.00] |")
    assert [line.split(" | ")[0] for line in lines[4:]] == [
        "| cascades", "| codecs", "| effects", "| low-passes", "| resampling", "| untouched",
        "| MP3", "| Opus",
    ]  # fmt: skip
