import io
import re

import numpy as np
import polars as pl
import pytest
from PIL import Image

from musqa_pipeline.stages.evaluation import plots, plots_data
from musqa_pipeline.stages.evaluation.pictures import draw_scatter
from musqa_pipeline.studies.figures import house_style, new_figure, to_svg
from tests.stages.evaluation.made_up import made_up_predictions


@pytest.fixture(scope="module")
def rows(predictions):
    return predictions.filter((pl.col("model") == "cnn1d") & pl.col("uniform_draw"))


def offsets(axes):
    return np.concatenate([np.asarray(c.get_offsets()) for c in axes.collections])


def test_the_scatter_shows_every_row_and_names_every_recording(rows):
    with house_style():
        figure = plots.scatter(rows)
    shown = offsets(figure.axes[0])
    np.testing.assert_allclose(
        sorted(shown.tolist()), sorted(map(list, rows.select("label", "predicted").rows()))
    )
    assert len(figure.legends[0].get_texts()) == 14
    styles = {
        (c.get_facecolor().tobytes(), c.get_paths()[0].vertices.tobytes())
        for c in figure.axes[0].collections
    }
    assert len(styles) == 14


def legend_within(figure):
    """Whether all words of a figure's legend lie on it, and none on its axes."""
    figure.draw_without_rendering()
    whole, words = figure.bbox, figure.legends[0].get_window_extent()
    axes = [a.get_window_extent() for a in figure.axes if a.get_visible()]
    return (
        whole.x0 - 1 <= words.x0 and words.x1 <= whole.x1 + 1
        and not any(words.overlaps(each) for each in axes)
    )  # fmt: skip


def test_legends_are_whole_and_cover_no_data(predictions):
    drawn = predictions.filter("uniform_draw")
    names = ["musqa-net", "intrusive network (after InSE-NET)", "boosted features", "1-D CNN"]
    first = drawn.filter(model="cnn1d").with_columns(recording=pl.col("recording") + "x" * 40)
    by_model = dict.fromkeys(names, first)
    with house_style():
        for figure in (
            plots.scatter(first),
            plots.residuals(first),
            plots.calibration_plot(by_model, 0.95),
            plots.process_curves(by_model),
        ):
            assert legend_within(figure)


def test_a_loss_of_its_own_is_not_drawn_as_the_error_of_validation():
    curves = {"loss": [3.0, 2.5], "validation_loss": [0.04, 0.02], "learning_rate": [1e-3, 1e-3]}
    with house_style():
        plain = plots_data.training_curves(curves, 1)
        own = plots_data.training_curves(curves, 1, "square", own_loss=True)
    assert [len(a.lines) for a in plain.axes] == [3, 1]  # both curves, and the kept epoch
    assert [len(a.lines) for a in own.axes] == [2, 1, 1]
    assert own.axes[0].lines[0].get_ydata().tolist() == curves["validation_loss"]
    assert own.axes[1].lines[0].get_ydata().tolist() == curves["loss"]
    assert own.axes[1].get_ylabel() == "its own\ntraining loss"


def test_many_recordings_are_drawn_and_the_less_wrong_share_a_marker():
    many = made_up_predictions(34).filter(pl.col("model") == "cnn1d")
    with house_style():
        figure = plots.scatter(many)
    assert len(offsets(figure.axes[0])) == many.height
    texts = [t.get_text() for t in figure.legends[0].get_texts()]
    assert len(texts) == plots.MAX_LEGEND + 1
    assert "4 other recordings" in texts


def test_errors_are_prediction_minus_label(rows):
    with house_style():
        figure = plots.residuals(rows)
    shown = offsets(figure.axes[0])
    expected = rows.select("label", pl.col("predicted") - pl.col("label")).rows()
    np.testing.assert_allclose(sorted(shown.tolist()), sorted(map(list, expected)))
    bars = sum(patch.get_width() for patch in figure.axes[1].patches)
    assert bars == rows.height


def test_recordings_are_sorted_by_their_median_error(rows):
    with house_style():
        figure = plots.by_recording(rows)
    medians = [c for c in figure.axes[0].collections if len(c.get_offsets()) == 14][-1]
    values = np.asarray(medians.get_offsets())[:, 0]
    assert (np.diff(values) >= 0).all()


def test_the_curves_are_means_over_rows_with_one_process(rows):
    with house_style():
        figure = plots.process_curves({"net": rows})
    titles = [axes.get_title() for axes in figure.axes]
    assert titles == [f"{c}, kbit/s" for c in ("AAC", "MP2", "MP3", "Vorbis", "Opus")] + [
        "low-pass, kHz"
    ]
    line = figure.axes[2].lines[0]
    expected = rows.filter(
        (pl.col("codec") == "mp3") & (pl.col("depth") == 1) & (pl.col("bitrate_kbps") == 64)
    )["label"].mean()
    assert dict(zip(line.get_xdata(), line.get_ydata(), strict=True))[64.0] == pytest.approx(
        expected
    )


def test_the_distribution_is_shares_of_either_side():
    with house_style():
        figure = plots_data.distribution([0, 50, 100], [30, 10], [7, 7])
    after, before = (patch.get_data().values for patch in figure.axes[0].patches)
    assert after.tolist() == [50.0, 50.0]
    assert before.tolist() == [75.0, 25.0]


def test_a_figure_is_the_same_text_every_time(rows):
    texts = set()
    for _ in range(2):
        with house_style("same"):
            texts.add(to_svg(plots.scatter(rows), "scatter"))
    assert len(texts) == 1


def test_an_svg_has_no_id_that_another_figure_could_have():
    texts = []
    for name in ("one", "two"):
        with house_style(name):
            figure = new_figure(2, 2)
            figure.subplots().plot([1, 2], marker="o")
            texts.append(to_svg(figure, "a line"))
    ids = [set(re.findall(r'\bid="([^"]+)"', text)) for text in texts]
    assert ids[0]
    assert not ids[0] & ids[1]


def test_a_text_for_those_who_cannot_see_is_escaped():
    with house_style():
        assert 'aria-label="5 &lt; 6 &quot;points&quot;"' in to_svg(
            new_figure(1, 1), '5 < 6 "points"'
        )


@pytest.mark.parametrize("n_recordings", [6, 40])
def test_the_picture_for_the_ui_is_a_small_png_and_always_the_same(n_recordings):
    frame = made_up_predictions(n_recordings)
    picture = draw_scatter(frame)
    assert len(picture) <= 90_000
    assert picture == draw_scatter(frame)
    image = Image.open(io.BytesIO(picture))
    assert image.format == "PNG"
    assert image.getpixel((0, 0)) is not None
    assert image.convert("RGB").getpixel((2, 2)) == (255, 255, 255)


def test_the_picture_for_the_ui_says_if_the_backbone_is_random(monkeypatch):
    titles = []
    monkeypatch.setattr(
        "musqa_pipeline.studies.figures.to_png",
        lambda figure: titles.append(figure.get_suptitle()) or b"",
    )
    frame = made_up_predictions(6).with_columns(model=pl.lit("vgg19"))
    draw_scatter(frame, {"vgg19"})
    draw_scatter(frame, {"inception_v3"})
    assert titles == [
        f"VGG19{mark}, 6 recordings it never met" for mark in (" (random backbone)", "")
    ]
