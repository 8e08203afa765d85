"""What training makes of band images: half of an excerpt, equalised and perhaps darkened at random.

Real catalogs hold few of the colours that masters have, and few dark recordings. All chance is
drawn from torch's global generator. Tensor names end in axis letters, see `musqa_net`; X stands for
the columns of an image.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from musqa_pipeline.audio.equaliser import KNEE_HZ, SLOPE_DB_PER_OCTAVE
from musqa_pipeline.audio.features.bands import N_BANDS, STATISTICS, STEP_DB, band_centres_hz

TRAINED_SEGMENTS = 15
"""Training sees statistics over so many segments, drawn anew for each batch: half an excerpt
sounds as good as the whole, and no two epochs show the same numbers."""
GOOD_QUALITY = 0.75
"""Of excerpts this good, a gentle filter moves the label by little."""
NOISE_ABOVE_FLOOR_DB = 12.0
"""How far a noise in a darkened excerpt may lie above the image's floor; half of them have none.
Knee and least slope are those of the darker copies of a catalog."""
EQUALISER_DB = (1.5, 4.0)
"""Standard deviation of the gain at each knot of the curves that training equalises with: of poor
excerpts, and of good ones. What is left of a band tells how much was cut."""
EQUALISER_KNOTS = 8
FLOOR_FADE_DB = 10.0  # gains fade out so far above the floor


def some_segments(images_nsx: Tensor) -> Tensor:
    """Draw `TRAINED_SEGMENTS` segments, the same of each image of a batch."""
    chosen = torch.randperm(images_nsx.shape[1])[:TRAINED_SEGMENTS]
    return images_nsx[:, chosen.to(images_nsx.device)]


def darkened(
    images_nsx: Tensor, quality_n: Tensor, fraction: float, darkest_db_per_octave: float
) -> Tensor:
    """Let the levels of a fraction of the good excerpts fall towards high bands, as in dark ones.

    Of excerpts that lost little, the label would hardly move: ViSQOL compares within bands. What
    lost more is left alone, because in a dark recording the same loss costs less. Levels fall no
    lower than a floor as noise makes it, and what was below it before stays. Band images are of
    shape (n, n_segments, 1024), their cells over 255; labels of shape (n,), 0-1.
    """
    n, device = len(images_nsx), images_nsx.device
    chance_4n = torch.rand(4, n, device=device)
    hit_n = (quality_n >= GOOD_QUALITY) & (chance_4n[0] < fraction)
    low_hz, high_hz = KNEE_HZ
    knee_hz_n1 = low_hz * (high_hz / low_hz) ** chance_4n[1, :, None]
    least = SLOPE_DB_PER_OCTAVE[0]
    slope_n1 = (least + (darkest_db_per_octave - least) * chance_4n[2, :, None]) * hit_n[:, None]
    centres_hz_b = torch.as_tensor(band_centres_hz(), dtype=torch.float32, device=device)
    fall_db_nb = slope_n1 * torch.log2(centres_hz_b / knee_hz_n1).clamp(min=0)
    noise_n11 = (NOISE_ABOVE_FLOOR_DB * (2 * chance_4n[3, :, None, None] - 1)).clamp(min=0)
    fallen_nsx = images_nsx - _cells(fall_db_nb)[:, None]
    return torch.maximum(fallen_nsx, torch.minimum(images_nsx, _cells(noise_n11, repeat=False)))


def equalised(images_nsx: Tensor, quality_n: Tensor) -> Tensor:
    """Move the levels of each image by a smooth random curve over frequency.

    Cells at the floor stay there: what is gone cannot be amplified. Arguments and result are
    those of `darkened`.
    """
    poor_db, good_db = EQUALISER_DB
    spread_db_n = torch.where(quality_n >= GOOD_QUALITY, good_db, poor_db)
    knots_n1k = torch.randn(len(images_nsx), 1, EQUALISER_KNOTS, device=images_nsx.device)
    knots_n1k = spread_db_n[:, None, None] * knots_n1k
    gain_db_n1b = functional.interpolate(knots_n1k, N_BANDS, mode="linear", align_corners=True)
    open_nsx = (images_nsx / _cells(torch.tensor(FLOOR_FADE_DB), repeat=False)).clamp(max=1)
    return (images_nsx + _cells(gain_db_n1b) * open_nsx).clamp(0, 1)


def _cells(db: Tensor, *, repeat: bool = True) -> Tensor:
    """Turn decibels into values of an image, of each statistic where `repeat` is set."""
    cells = db / (255 * STEP_DB)
    return torch.cat([cells] * len(STATISTICS), dim=-1) if repeat else cells
