"""Files sent through a trained autoencoder and back."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from musqa_pipeline.audio.constants import SAMPLE_RATE_HZ
from musqa_pipeline.audio.files.signals import read_stereo
from musqa_pipeline.core.errors import SettingsError, UnfitInputError
from musqa_pipeline.core.home import Home
from musqa_pipeline.stages.reconstructions.stage import network_of
from musqa_pipeline.stages.views.named_runs import named_run
from musqa_pipeline.storage.lake.lake import Lake

if TYPE_CHECKING:
    from musqa_pipeline.learning.autoencoders.networks import Autoencoder


@dataclass(frozen=True)
class Chosen:
    """A finished training, stopped somewhere."""

    name: str
    """Loss, inputs and seed."""
    step: int
    network: Autoencoder


@dataclass(frozen=True)
class Reconstructed:
    """What a network made of a part of a file, and how near that is."""

    original: NDArray[np.float32]
    """Shape (256, frames), from 0 to 1."""
    made: NDArray[np.float32]
    """Of the same shape."""
    frame_s: float
    psnr_db: float
    ms_ssim: float
    nlpd: float
    sound: NDArray[np.float32] | None
    """Mono at 48 kHz; None where it is not asked for, as both below."""
    visqol_mos: float | None
    visqol_untouched_mos: float | None


def open_network(home: Home, run: str | None = None, stop: str = "last") -> Chosen:
    """Open a training by its name, such as ``nlpd-white-0``; the first there is when left out.

    Raises SettingsError if there is none of that name, or it has not come to that stop; LakeError
    if a file is damaged.
    """
    name, row = named_run(
        home,
        "autoencoders",
        ("loss", "inputs", "seed"),
        run,
        nothing="no autoencoder is trained here; name a loss in [representations] losses of a "
        "preset, and run `musqa run --preset FILE --until models`",
    )
    step = row["steps"] if stop == "last" else row[f"{stop}_step"]
    if step is None:
        why = {
            "settled": "its loss had not settled by its end",
            "best": "it met no music while it trained",
        }[stop]
        raise SettingsError(f"--stop {stop}: {name} has no such step, as {why}; take last")
    folder = Lake(home).store.local_folder(row["folder"])
    return Chosen(name, step, network_of(folder, row, step))


def reconstruct_file(
    chosen: Chosen, path: Path, start_s: float, duration_s: float, *, with_sound: bool
) -> Reconstructed:
    """Send a part of a file, its channels averaged, through a network and back.

    Raises UnfitInputError if it is unreadable, silent, longer than 10 minutes, or ends less than
    0.96 s behind the start.
    """
    from musqa_pipeline.audio.metrics.perceptual.opinions import IMAGE, PairImages
    from musqa_pipeline.learning.autoencoders.measures import measure
    from musqa_pipeline.learning.autoencoders.reconstruction import Heard, reconstruct, sound_of

    whole = read_stereo(path).samples
    start = round(start_s * SAMPLE_RATE_HZ)
    if start >= len(whole):
        raise UnfitInputError(
            "too_short",
            f"it lasts {len(whole) / SAMPLE_RATE_HZ:.2f} s",
            f"--start-s {start_s:g} is behind its end; begin earlier",
        )
    part = whole[start : start + round(duration_s * SAMPLE_RATE_HZ)].mean(axis=1)
    images = PairImages(part)
    made = reconstruct(chosen.network, images.reference)
    measured = measure(images.reference, made)
    sound, mos, untouched = None, None, None
    if with_sound:
        heard = Heard(part, images)
        sound = sound_of(made[0, 0].numpy(), images.loudest_db)
        mos, untouched = heard.mos_of_sound(sound), heard.untouched_mos
    return Reconstructed(
        images.reference[0, 0].numpy(),
        made[0, 0].numpy(),
        IMAGE.hop_length_samples / SAMPLE_RATE_HZ,
        float(measured.psnr_db),
        float(measured.ms_ssim),
        float(measured.nlpd),
        sound,
        mos,
        untouched,
    )
