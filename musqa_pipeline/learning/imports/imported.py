"""Networks that were trained elsewhere: taken into the stage `models` without any training."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from musqa_pipeline.core.errors import SettingsError, StageError
from musqa_pipeline.core.files import explained, whole_file

if TYPE_CHECKING:
    from musqa_pipeline.learning.training.attempt import TrainingResult
    from musqa_pipeline.learning.training.batches import ValidationBatches

# Here and not in `learning.training.checkpoint`, which needs torch: a stage is listed without it.
WEIGHTS_FILE, SETTINGS_FILE = "weights.pt", "settings.json"


def weights_digest(run: str) -> str:
    """Hash the weights in the folder of an imported run, so that others are another run.

    Returns
    -------
    str
        32 hexadecimal digits; ``"absent"`` if there are none, of which `adopt` tells the user.
    """
    try:
        with (Path(run).expanduser() / WEIGHTS_FILE).open("rb") as file:
            return hashlib.file_digest(file, "blake2b").hexdigest()[:32]
    except OSError:
        return "absent"


def check_imported(model: str, run: str) -> Path:
    """Return the folder of the run of a network that its recipe's `imported_run` names.

    `SettingsError` if there is no run, or one of another network.
    """
    folder = Path(run).expanduser()
    where = f"[models.recipes.{model}] imported_run={run!r}"
    try:
        found = json.loads((folder / SETTINGS_FILE).read_text(encoding="utf-8"))["model"]
        with (folder / WEIGHTS_FILE).open("rb"):
            pass
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise SettingsError(
            f"{where}: no run there ({error}); make it with musqa model import-keras FILE --out "
            "FOLDER"
        ) from error
    if found != model:
        raise SettingsError(f"{where} is a run of {found}; name it in [models.recipes.{found}]")
    return folder


def adopt(
    model: str,
    run: str,
    *,
    record: Mapping[str, Any],
    validation_batches: ValidationBatches,
    folder: Path,
    data_fingerprint: str,
    device: str = "cpu",
) -> TrainingResult:
    """Copy an imported run and measure it on the validation images, as a training would.

    Parameters
    ----------
    model : str
        A network of the registry.
    run : str
        `imported_run` of its recipe.
    record : mapping
        The settings as ``settings.json`` keeps them.
    validation_batches : callable
        Gives batches (images, quality).
    folder : Path
        Folder of the run in the lake; gets the same files as a training's.
    data_fingerprint : str
        What the batches come from.
    device : str
        Where it is measured, see `find_device`.

    Returns
    -------
    TrainingResult
        Of 0 epochs.

    Raises
    ------
    SettingsError
        As `check_imported`, or if there is no such device.
    LakeError
        If the weights do not fit, or the folder cannot be written.
    StageError
        If there is no validation image.
    """
    import torch

    from musqa_pipeline.learning.device import device_name, find_device
    from musqa_pipeline.learning.predict import load_model
    from musqa_pipeline.learning.training.attempt import TrainingResult
    from musqa_pipeline.learning.training.checkpoint import write_json
    from musqa_pipeline.learning.training.environment import describe_environment, usable_threads

    source = check_imported(model, run)
    network, place = load_model(source, device=device), find_device(device)
    squares, n_images = 0.0, 0
    with torch.inference_mode():
        for images, quality in validation_batches():
            answers = network(torch.as_tensor(images, dtype=torch.float32).to(place))
            errors = answers.cpu() - torch.as_tensor(quality, dtype=torch.float32)
            squares += float(errors.double().square().sum())
            n_images += len(errors)
    if not n_images:
        raise StageError(
            f"{model}: there is no validation image to measure it on; raise validation_fraction"
        )
    with explained("read", source / WEIGHTS_FILE):
        weights = (source / WEIGHTS_FILE).read_bytes()
    write_json(
        folder / SETTINGS_FILE,
        {"model": model, "data_fingerprint": data_fingerprint, "settings": record},
    )
    with whole_file(folder / WEIGHTS_FILE) as temporary:
        temporary.write_bytes(weights)
    return TrainingResult(
        model=model,
        finished=True,
        epochs=0,
        best_epoch=0,
        best_validation_loss=squares / n_images,
        parameters=sum(p.numel() for p in network.parameters() if p.requires_grad),
        curves={"loss": [], "validation_loss": [], "learning_rate": []},
        device=device_name(place),
        minutes=0.0,
        environment=describe_environment(usable_threads(), place),
        weights=folder / WEIGHTS_FILE,
    )
