"""Figures as pictures: what stands for a page's colours is printed in mid-tones."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

from musqa_pipeline.studies.figures import (
    SERIES,
    SERIES_PRINTED,
    house_style,
    new_figure,
    to_png,
)


def test_a_series_has_its_colour_in_a_picture_too():
    with house_style():
        figure = new_figure(3, 2)
        figure.subplots().plot([0, 1], [0, 1], color=SERIES[1], linewidth=20)
        png = to_png(figure)
    pixels = np.asarray(Image.open(io.BytesIO(png)).convert("RGB")).reshape(-1, 3)
    wanted = [int(SERIES_PRINTED[1][place : place + 2], 16) for place in (1, 3, 5)]
    assert np.count_nonzero((np.abs(pixels.astype(int) - wanted) <= 3).all(axis=1)) > 1000
