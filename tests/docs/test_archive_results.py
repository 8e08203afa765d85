"""The tables on faults of carriers, from made-up ladders and gains whose numbers are known."""

from __future__ import annotations

import json

import numpy as np
import polars as pl
import pytest

from musqa_pipeline.audio.degradations.carriers.chains import FAULTS
from musqa_pipeline.core.errors import StageError
from musqa_pipeline.stages.degradations.carrier_rows import INTENSITIES
from musqa_pipeline.stages.labels.heard import FEWEST_LADDERS
from musqa_pipeline.studies.figures import house_style, to_png

LOUD = ("hiss", "band")
"""Faults that the label's metric hears, in these rows."""
N_SONGS = 12


@pytest.fixture(scope="module")
def deaf():
    import archive_deaf

    return archive_deaf


@pytest.fixture(scope="module")
def ladders():
    """Twelve songs: ViSQOL falls for two faults, NLPD for all, each by 0.02 a unit."""
    rows = []
    for song in range(N_SONGS):
        for fault in FAULTS:
            for intensity in INTENSITIES:
                one = {"fault": fault, "intensity": intensity}
                rows.append(
                    {
                        "excerpt_id": f"{song:02d}-0", "kind": "ladder", "fault": fault,
                        "intensity": intensity, "whose": f"music {song}",
                        "first_params": json.dumps({"carrier": "lp", "faults": [one]}),
                        "ViSQOL": 4.7 - (0.02 if fault in LOUD else 0.0001) * intensity,
                        "nlpd": 4.9 - 0.02 * intensity,
                    }
                )  # fmt: skip
    return pl.DataFrame(rows)


def lines_of(table):
    lines = [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()]
    return [dict(zip(lines[0], line, strict=True)) for line in lines[2:]]


def test_each_metric_is_judged_by_its_own_ladders(deaf, ladders):
    lines = {line["fault"]: line for line in lines_of(deaf.deaf_table(ladders))}
    assert set(lines) == set(FAULTS)
    for fault, line in lines.items():
        assert line["ladders"] == str(N_SONGS)
        assert line["ViSQOL"] == ("**-1.00, 2.00**" if fault in LOUD else "-1.00, 0.01")
        assert line["NLPD"] == "**-1.00, 2.00**"
    assert deaf.trusted(deaf.hearings(ladders)["ViSQOL"]) == (len(LOUD), len(FAULTS))


def test_too_few_ladders_decide_nothing(deaf, ladders):
    few = ladders.filter(pl.col("excerpt_id").str.slice(0, 2).cast(int) < FEWEST_LADDERS - 1)
    assert deaf.trusted(deaf.hearings(few)["nlpd"])[0] == 0


def test_steps_are_means_over_recordings(deaf, ladders):
    lines = {line["fault"]: line for line in lines_of(deaf.steps_table(ladders))}
    assert lines["hiss"]["50"].startswith("3.70 [3.70")
    assert lines["wow"]["100"].startswith("4.69 [4.69")


def test_the_picture_has_a_panel_a_fault_and_a_line_a_metric(deaf, ladders):
    with house_style("archives"):
        figure = deaf.draw_ladders(ladders)
        panels = figure.axes
        assert [panel.get_title() for panel in panels] == [f.replace("_", " ") for f in FAULTS]
        assert all(len(panel.lines) == 2 for panel in panels)
        assert panels[0].lines[1].get_ydata()[-1] == pytest.approx(2.9)
        assert to_png(figure).startswith(b"\x89PNG")


def test_a_lake_without_ladders_is_told_of(deaf, monkeypatch):
    none = pl.DataFrame({"kind": ["single"]})
    monkeypatch.setattr(deaf, "read_labelled_rows", lambda context: none)
    with pytest.raises(StageError, match=r"no ladder; run a preset with .* n_carrier"):
        deaf.read_ladders(None)


def test_gains_are_means_over_references_by_fault():
    import archive_gains

    rows = [
        {"fault": fault, "excerpt_id": f"{song}-0", "mos": 3.0, "heard": fault != "wow",
         "without_mos": 3.0 + gain}
        for song, sign in enumerate((1, 1, 1, -1))
        for fault, gain in (("hiss", 0.5 * sign), ("wow", 0.0), ("all", 1.0))
    ]  # fmt: skip
    lines = {
        line["fault"]: line for line in lines_of(archive_gains.gains_table(pl.DataFrame(rows)))
    }
    assert list(lines) == ["hiss", "wow", "all"]
    hiss = lines["hiss"]
    assert hiss["mean gain, MOS"].startswith(f"{np.mean([0.5, 0.5, 0.5, -0.5]):.2f}")
    assert (hiss["chains"], hiss["largest"], hiss["negative"]) == ("4", "0.50", "25%")
    assert (lines["wow"]["heard"], lines["all"]["heard"]) == ("0%", "100%")
