"""Stage 7: one training per network, resumed where a kill ended it.

The unit is a network. Its row in `runs` is written last: a run folder without it is a training in
progress, which the next run of the stage goes on with.
"""

from __future__ import annotations

import dataclasses
import functools
import json
import sys
from collections.abc import Callable

import pyarrow as pa

from musqa_pipeline.audio import EXCERPT_SAMPLES
from musqa_pipeline.context import Context
from musqa_pipeline.errors import SettingsError, StageError
from musqa_pipeline.models.registry import find_model
from musqa_pipeline.models.table import RUNS
from musqa_pipeline.stages import Stage, Unit

_ADVICE = {
    "train": "add recordings to the catalogs that the preset sees",
    "validation": "add recordings, or raise [dataset] validation_fraction",
}


def list_units(context: Context) -> list[Unit]:
    """List one unit per network of the preset.

    Parameters
    ----------
    context : Context
        With the preset.

    Returns
    -------
    list of Unit
        Named like the networks.

    Raises
    ------
    SettingsError
        If a network is unknown, named twice, or does not eat the images that the preset makes.
    """
    names = context.preset.models.names
    if len(set(names)) < len(names):
        raise SettingsError(
            f"[models] names={names!r}: expected each network once; edit the preset"
        )
    images = context.preset.spectrograms
    made = (1 + EXCERPT_SAMPLES // images.hop_length_samples, images.n_mels)
    for name in names:
        spec = find_model(name).input
        if made != (spec.n_frames, spec.n_mels):
            raise SettingsError(
                f"[models] names: {name!r} eats images of {spec.n_frames} frames by {spec.n_mels} "
                f"mel bands, [spectrograms] makes {made[0]} by {made[1]}; edit hop_length_samples "
                "and n_mels, or names"
            )
    return [Unit(unit_id=name, what=f"network {name}") for name in names]


def make_run(
    context: Context,
    unit: Unit,
    *,
    log: Callable[[str], object] | None = None,
    on_epoch: Callable[..., object] | None = None,
) -> pa.Table:
    """Train one network on the spectrograms of the preset.

    Parameters
    ----------
    context : Context
        With the fingerprints of ``spectrograms`` and ``models``.
    unit : Unit
        From `list_units`.
    log : callable, optional
        Takes a line per epoch; they go to standard error when left out.
    on_epoch : callable, optional
        Takes the numbers of each epoch, see `musqa_pipeline.models.training.train`.

    Returns
    -------
    pyarrow.Table
        One row of `runs`.

    Raises
    ------
    StageError
        If there are no images to train or to validate with.
    """
    from musqa_pipeline.models.training import train
    from musqa_pipeline.spectrograms.loader import ImageShards, make_loader

    settings = context.preset.models
    images, shelf = context.joint_shelf("spectrograms"), context.joint_shelf("models")
    lake, folder = context.lake, context.lake.folder(shelf) / unit.unit_id
    files = [lake.path(images, shard) for shard in lake.done(images)]
    shards = {part: ImageShards(files, part, draw="uniform") for part in _ADVICE}
    for part, found in shards.items():
        if found.n_rows == 0:
            raise StageError(f"models: no image of part {part!r} to use; {_ADVICE[part]}")

    result = train(
        unit.unit_id,
        train_batches=lambda epoch: make_loader(
            shards["train"], settings.batch_size, seed=settings.seed, epoch=epoch, shuffle=True
        ),
        validation_batches=lambda: make_loader(
            shards["validation"], settings.batch_size, seed=settings.seed, epoch=0, shuffle=False
        ),
        settings=settings,
        folder=folder,
        data_fingerprint=images.fingerprint,
        log=log or (lambda line: print(line, file=sys.stderr, flush=True)),
        on_epoch=on_epoch,
    )
    row = {
        "model": result.model,
        "seed": settings.seed,
        "finished": result.finished,
        "epochs": result.epochs,
        "best_epoch": result.best_epoch,
        "best_validation_loss": result.best_validation_loss,
        "parameters": result.parameters,
        "n_train": shards["train"].n_rows,
        "n_validation": shards["validation"].n_rows,
        "data_fingerprint": images.fingerprint,
        "settings_json": json.dumps(context.preset.section("models"), sort_keys=True),
        "curves_json": json.dumps(dict(result.curves)),
        "device": result.device,
        "minutes": result.minutes,
        "environment_json": json.dumps(dict(result.environment), sort_keys=True),
        "folder": folder.relative_to(context.lake.root).as_posix(),
    }
    return RUNS.from_rows([row])


MODELS_STAGE = Stage(
    name="models",
    version=1,
    table=RUNS,
    tools=("torch", "lightning"),
    units=list_units,
    make=make_run,
    upstream=("spectrograms",),
    joint=True,
    inline=True,
)


def watched_stage(
    *,
    log: Callable[[str], object] | None = None,
    on_epoch: Callable[..., object] | None = None,
) -> Stage:
    """Return the stage with someone who watches its epochs, for example Dagster's observations.

    Parameters
    ----------
    log : callable, optional
        Takes a line per epoch.
    on_epoch : callable, optional
        Takes a mapping of numbers per epoch.

    Returns
    -------
    Stage
        The same stage with the same fingerprint.
    """
    return dataclasses.replace(
        MODELS_STAGE, make=functools.partial(make_run, log=log, on_epoch=on_epoch)
    )
