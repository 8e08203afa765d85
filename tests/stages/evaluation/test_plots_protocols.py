import dataclasses

import numpy as np
import pytest

from musqa_pipeline.stages.evaluation import plots_protocols
from musqa_pipeline.stages.evaluation.paper_tables import TABLE_V, repeated_metrics
from musqa_pipeline.stages.evaluation.report_figures import protocol_figures
from musqa_pipeline.studies.figures import house_style
from musqa_pipeline.studies.listening.table_vi_lines import TABLE_VI


def test_the_learning_curve_shows_each_share_at_its_number_of_recordings():
    points = [
        {"n_groups": 8, "estimate": 12.0, "low": 10.0, "high": 14.0},
        {"n_groups": 16, "estimate": 9.0, "low": None, "high": None},
    ]
    with house_style():
        figure = plots_protocols.learning_curves({"net": points})
    axes = figure.axes[0]
    assert axes.lines[0].get_xdata() == pytest.approx([8, 16])
    assert list(axes.lines[0].get_ydata()) == [12.0, 9.0]
    assert len(axes.collections) == 1  # one interval
    assert [tick.get_text() for tick in axes.get_xticklabels()] == ["8", "16"]


def test_every_repetition_is_a_mark_and_the_papers_mean_beside_it(full):
    found = repeated_metrics(full.predictions, "repetitions", "natural_mix")
    names = {model: full.name(model) for model in (*TABLE_V, "musqa_net", "boosted")}
    with house_style():
        figure = plots_protocols.repetition_strips(found, names)
    r, rmse = figure.axes
    assert [tick.get_text() for tick in r.get_yticklabels()][:3] == [
        "1-D CNN", "Inception v3 (random backbone)", "VGG19",
    ]  # fmt: skip
    marks = np.concatenate([np.asarray(c.get_offsets()) for c in rmse.collections
                            if len(c.get_offsets()) == 4])  # fmt: skip
    assert len(marks) == 4 * 4  # 1-D CNN, Inception, musqa-net, boosting: four repetitions each
    squares = [line.get_xdata()[0] for line in r.lines
               if line.get_marker() == "s" and len(line.get_xdata())]  # fmt: skip
    assert squares == [TABLE_V[model]["pearson"][0] for model in TABLE_V]
    with house_style():
        other = plots_protocols.repetition_strips(found, names, TABLE_VI, "table VI")
    squares = [line.get_xdata()[0] for line in other.axes[1].lines
               if line.get_marker() == "s" and len(line.get_xdata())]  # fmt: skip
    assert squares == [TABLE_VI[model]["rmse"][0] for model in TABLE_VI]
    assert other.legends[0].get_texts()[1].get_text() == "paper, table VI"


def test_the_line_of_the_gamma_test_meets_the_axis_at_its_variance(full):
    with house_style():
        figure = plots_protocols.gamma_lines(full.ceilings)
    lines = [line for line in figure.axes[0].lines if len(line.get_xdata()) == 2]
    lines = lines[: len(full.ceilings)]
    for line, ceiling in zip(lines, full.ceilings, strict=True):
        assert line.get_xdata()[0] == 0.0
        assert line.get_ydata()[0] == pytest.approx(ceiling.rmse**2)


def test_a_line_of_the_gamma_test_that_ends_below_zero_is_drawn_there_and_said(full):
    far = full.ceilings[0]
    low = dataclasses.replace(far, rmse=0.0, half_squares=far.half_squares - far.half_squares.max())
    with house_style():
        figure = plots_protocols.gamma_lines([low])
    axes = figure.axes[0]
    ended = axes.lines[0].get_ydata()[0]
    assert axes.get_ylim()[0] < ended < 0
    (label,) = (text.get_text() for text in figure.legends[0].texts)
    assert label == f"{far.rows}: below 0, nothing is left open"


def test_figures_without_numbers_are_left_out(content, full):
    assert set(protocol_figures(content, "uniform_draw").values()) == {None}
    found = protocol_figures(full, "uniform_draw")
    assert list(found) == ["learning_curve", "repetitions", "ceiling"]
    assert all(svg.startswith("<svg") for svg in found.values())
