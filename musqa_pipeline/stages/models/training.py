"""How a stage trains: one training at a time on a device, with each epoch as a sign of life."""

from __future__ import annotations

import json
import platform
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from musqa_pipeline.core.errors import StageError
from musqa_pipeline.core.fingerprints import digest
from musqa_pipeline.core.settings.models import ModelsSettings
from musqa_pipeline.core.workers.interface import EPOCH_LIMIT, epoch_limit_s
from musqa_pipeline.core.workers.signs import Sign, give
from musqa_pipeline.learning.entry import TrainingSettings
from musqa_pipeline.learning.registry import find_model
from musqa_pipeline.stages.engine.context import Context
from musqa_pipeline.stages.engine.stage import Unit
from musqa_pipeline.storage.stores.store import WorkFolder

if TYPE_CHECKING:
    from musqa_pipeline.learning.data.shards import ImageShards
    from musqa_pipeline.learning.training.attempt import TrainingResult
    from musqa_pipeline.stages.models.pretraining.bodies import Body


def is_training(unit: Unit) -> bool:
    """Tell that a unit of a stage whose units are trainings wants a GPU."""
    return True


def tell(line: str = "", **numbers: Any) -> None:
    """Say that a training goes on; it has the time of an epoch for the next sign."""
    give(Sign(epoch_limit_s(), EPOCH_LIMIT, line, numbers))


@contextmanager
def folder_alone(context: Context, stage: str, unit_id: str) -> Iterator[WorkFolder]:
    """Have a training's work folder to oneself: a worker of a killed run may still be at it."""
    give(Sign())
    partition = context.joint_partition(stage)
    with (
        context.lake.lock(f"{stage}-{unit_id}"),
        context.lake.work_folder(partition, unit_id) as work,
    ):
        tell()
        yield work


def check_finished(result: TrainingResult, what: str, max_minutes: float) -> None:
    """Raise StageError if `max_minutes` ended a training: half of one serves nobody."""
    if not result.finished:
        raise StageError(
            f"{what} was ended by max_minutes={max_minutes:g}; raise it in [models], or set it to "
            "0, and run again: it goes on where it was"
        )


def epoch_kept(work: WorkFolder) -> Callable[[Mapping[str, Any]], None]:
    """Return what puts a work folder after each epoch, and then says how that went."""

    def after_epoch(numbers: Mapping[str, Any]) -> None:
        work.put()
        tell(**numbers)

    return after_epoch


def told_of(result: TrainingResult, made_by: Mapping[str, Any], work: WorkFolder) -> dict[str, Any]:
    """Return the columns that the tables of all trainings have."""
    return {
        "finished": result.finished,
        "settings_json": json.dumps(made_by, sort_keys=True),
        "curves_json": json.dumps(dict(result.curves)),
        "device": result.device,
        "minutes": result.minutes,
        "environment_json": json.dumps(dict(result.environment), sort_keys=True),
        "folder": work.key,
    }


def finished_trainings(
    context: Context, stage: str, wanted: Iterable[Unit], columns: Sequence[str]
) -> list[dict[str, Any]]:
    """Return columns of those trainings that are finished, by id, which is their ``training``."""
    partition = context.joint_partition(stage)
    ids = {unit.unit_id for unit in wanted}
    runs = []
    for unit_id in sorted(ids & set(context.lake.done(partition))):
        row = context.lake.read(partition, unit_id, [*columns, "finished"]).to_pylist()[0]
        if row.pop("finished"):
            runs.append({**row, "training": unit_id})
    return runs


@contextmanager
def device_alone(context: Context, recipe: ModelsSettings) -> Iterator[None]:
    """Have the devices of a training to oneself; the time of an epoch begins when they are free.

    The lock lies in the lake; unlike a slot of a Dagster pool, it does not outlive a kill.

    Raises SettingsError if there is no such device here.
    """
    give(Sign())
    with ExitStack() as held:
        for name in _device_names(recipe):
            held.enter_context(context.lake.lock(f"training-{name}"))
        tell()
        yield


@contextmanager
def device_or_core(context: Context, recipe: ModelsSettings) -> Iterator[int | None]:
    """Have a GPU to oneself, or on a CPU one core: each worker there has another.

    Yields the threads to train on, None for all that there are.
    """
    from musqa_pipeline.learning.device import find_device

    if find_device(recipe.device).type == "cpu":
        yield 1
        return
    with device_alone(context, recipe):
        yield None


def _device_names(recipe: ModelsSettings) -> list[str]:
    """Name the devices that a training uses, alike in every process that sees them."""
    import torch

    from musqa_pipeline.learning.device import find_device

    device = find_device(recipe.device)
    if device.type == "cpu":
        return [platform.node()]
    used = [device.index] if recipe.devices == 1 else range(recipe.devices)
    return sorted(str(torch.cuda.get_device_properties(number).uuid) for number in used)


def outputs_folder(context: Context, work: WorkFolder) -> Path:
    """Say where frozen stems keep their outputs: in the home, if it is on a disk, for all of them.

    It may be emptied at any time.
    """
    home = context.home
    return home / "cache" / "frozen-outputs" if isinstance(home, Path) else work.path


def train_on_images(
    name: str,
    training: ImageShards,
    validation: ImageShards,
    recipe: ModelsSettings,
    work: WorkFolder,
    *,
    outputs_folder: Path,
    data_fingerprint: str,
    body: Body | None = None,
    n_threads: int | None = None,
    says_lines: bool = False,
) -> TrainingResult:
    """Train a network on stored images by its recipe, in a work folder that is put each epoch.

    `body` is what its body begins with, if it has one.
    """
    from musqa_pipeline.learning.training.batches import ShardBatches
    from musqa_pipeline.learning.training.train import train

    batches = partial(
        ShardBatches,
        batch_size=recipe.batch_size,
        n_devices=recipe.devices,
        device=recipe.device,
    )
    record = asdict(recipe)
    if body:
        record["body_architecture"] = body.architecture
        data_fingerprint = digest([data_fingerprint, body.identity])
    return train(
        name,
        entry=body.entry_of(name) if body else find_model(name),
        settings=TrainingSettings.of(record),
        train_batches=batches(training, seed=recipe.seed),
        validation_batches=batches(validation),
        identity=recipe.recipe(),
        record=record,
        folder=work.path,
        data_fingerprint=data_fingerprint,
        log=tell if says_lines else lambda line: None,
        on_epoch=epoch_kept(work),
        n_threads=n_threads,
        outputs_folder=outputs_folder,
    )
