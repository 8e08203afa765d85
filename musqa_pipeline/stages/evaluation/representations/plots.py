"""Figures of autoencoders: curves over steps, and music beside what was made of it.

Draw and save within `figures.house_style`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from musqa_pipeline.studies.figures import INK, MUTED, SERIES, new_figure

LOSS_WORDS = {"mse": "MSE", "ms_ssim": "MS-SSIM", "nlpd": "NLPD", "none": "untrained"}
INPUT_WORDS = {"white": "white noise", "pink": "pink noise", "music": "music"}
Floats = NDArray[np.float64]
Curves = Mapping[tuple[str, str], Sequence[tuple[Floats, Floats, int | None]]]
"""By loss and inputs, of each seed: steps, values, and the step where the loss had settled."""


def curves_over_steps(curves: Curves, words: str) -> Figure:
    """Draw a measure of unmet music over steps: a thin line a seed, a thick one their mean."""
    inputs = list(dict.fromkeys(which for _, which in curves))
    figure = new_figure(4.8, 0.9 + 2.1 * len(inputs))
    panels = figure.subplots(len(inputs), 1, sharex=True, sharey=True, squeeze=False)[:, 0]
    for axes, which in zip(panels, inputs, strict=True):
        for number, loss in enumerate(LOSS_WORDS):
            if of_loss := curves.get((loss, which)):
                _curve(axes, of_loss, SERIES[number], LOSS_WORDS[loss])
        axes.set_title(f"seen: {INPUT_WORDS[which]}")
        axes.set_ylabel(words)
    panels[0].plot([], [], color=INK, marker="o", linestyle="", ms=4, label="settled")
    panels[-1].set_xlabel("steps")
    figure.legend(*panels[0].get_legend_handles_labels(), ncols=4, loc="outside upper center")
    return figure


def _curve(
    axes: Axes, seeds: Sequence[tuple[Floats, Floats, int | None]], colour: str, words: str
) -> None:
    for steps, values, settled in seeds:
        axes.plot(steps, values, color=colour, linewidth=0.7, alpha=0.5)
        if settled is not None:
            place = int(np.searchsorted(steps, settled))
            axes.plot(settled, values[place], color=colour, marker="o", ms=4)
    shortest = min(len(values) for _, values, _ in seeds)
    mean = np.mean([values[:shortest] for _, values, _ in seeds], axis=0)
    axes.plot(seeds[0][0][:shortest], mean, color=colour, label=words)


def image_grid(images: Sequence[tuple[str, NDArray]], n_columns: int) -> Figure:
    """Show images of one excerpt with what stands above each, low bands below."""
    n_rows = -(-len(images) // n_columns)
    n_bands, n_frames = images[0][1].shape
    width = 4.8 / n_columns
    figure = new_figure(4.8, n_rows * (width * 1.25 * n_bands / n_frames + 0.3))
    panels = list(figure.subplots(n_rows, n_columns, squeeze=False).flat)
    for axes, (words, image) in zip(panels, images, strict=False):
        axes.imshow(_smaller(image)[::-1], cmap="magma", vmin=0, vmax=1, aspect="auto")
        axes.set_title(words, fontsize=8.5, fontweight="normal")
        _bare(axes)
    for axes in panels[len(images) :]:
        axes.set_visible(False)
    return figure


def _smaller(image: NDArray) -> NDArray:
    """Average squares of 2 by 2 cells: two images share the width of a page."""
    bands, frames = (2 * (n // 2) for n in image.shape)
    squares = image[:bands, :frames].reshape(bands // 2, 2, frames // 2, 2)
    reduced: NDArray = squares.mean(axis=(1, 3))
    return reduced


def growing(original: NDArray, made: Sequence[tuple[int, float, NDArray]]) -> Figure:
    """Show an excerpt beside what a network makes of it after so many steps, with PSNR in dB."""
    every = [("original", original)] + [
        (f"step {step:,}: {psnr_db:.1f} dB", image) for step, psnr_db, image in made
    ]
    return image_grid(every, 2)


def beside(original: NDArray, made: NDArray, name: str, frame_s: float) -> Figure:
    """Show an image above what a network made of it, both over seconds of so many a frame."""
    figure = new_figure(7.0, 5.2)
    panels = figure.subplots(2, 1, sharex=True, sharey=True)
    for axes, image, words in zip(panels, (original, made), ("original", name), strict=True):
        axes.imshow(image, cmap="magma", vmin=0, vmax=1, aspect="auto", origin="lower",
                    extent=(0, image.shape[1] * frame_s, 0, image.shape[0]))  # fmt: skip
        axes.set_title(words)
        axes.set_ylabel("mel band")
        axes.grid(visible=False)
    panels[1].set_xlabel("seconds")
    return figure


def _bare(axes: Axes) -> None:
    axes.set(xticks=[], yticks=[])
    axes.grid(visible=False)
    axes.spines[:].set_visible(True)
    axes.spines[:].set(color=MUTED, linewidth=0.5)
