import io

import numpy as np
import pytest
from matplotlib.image import imread

from musqa_pipeline.stages.models.pictures import loss_curves_png


def made_up(n_epochs, best=0.01):
    epochs = np.arange(n_epochs)
    return {
        "loss": (30 * np.exp(-3 * epochs) + 0.005 + 0.01 / (epochs + 1)).tolist(),
        "validation_loss": (2 * np.exp(-2 * epochs) + best).tolist(),
        "learning_rate": (1e-3 * 0.5 ** (epochs // 10)).tolist(),
    }


@pytest.mark.parametrize("n_epochs", [1, 2, 300])
def test_curves_of_any_length_make_a_small_png(n_epochs):
    png = loss_curves_png({"1-D CNN": made_up(n_epochs)})
    assert png.startswith(b"\x89PNG")
    assert len(png) <= 60_000
    pixels = imread(io.BytesIO(png))
    assert pixels.shape[:2] == (261, 630)
    assert pixels[..., :3].std() > 0.05


def test_the_same_curves_give_the_same_bytes_and_others_do_not():
    first = loss_curves_png({"a": made_up(20)})
    assert loss_curves_png({"a": made_up(20)}) == first
    assert loss_curves_png({"a": made_up(20, best=0.02)}) != first


def test_each_network_gets_a_row():
    png = loss_curves_png({"a": made_up(5), "b": made_up(9)})
    assert imread(io.BytesIO(png)).shape[:2] == (522, 630)
    assert len(png) <= 90_000


def test_absolute_errors_are_points_as_they_are():
    squares = made_up(9)
    roots = {name: np.sqrt(values).tolist() for name, values in squares.items()}
    roots["learning_rate"] = squares["learning_rate"]
    absolute = imread(io.BytesIO(loss_curves_png({"a": roots}, {"a"})))
    of_squares = imread(io.BytesIO(loss_curves_png({"a": squares})))
    np.testing.assert_array_equal(absolute[:, 40:], of_squares[:, 40:])
    assert (absolute[:, :40] != of_squares[:, :40]).any()  # what the axis is called


def test_a_loss_of_its_own_moves_no_error():
    plain, other = made_up(9), made_up(9)
    other["loss"] = (3.0 + np.arange(9.0)).tolist()
    first = imread(io.BytesIO(loss_curves_png({"a": plain}, own={"a"})))
    second = imread(io.BytesIO(loss_curves_png({"a": other}, own={"a"})))
    np.testing.assert_array_equal(first[:, :40], second[:, :40])  # the axis of errors
    assert (first != second).any()


def test_no_network_at_all_is_an_empty_picture():
    assert loss_curves_png({}).startswith(b"\x89PNG")
