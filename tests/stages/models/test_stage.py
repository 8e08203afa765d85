import dataclasses
import io
import json
import threading
import time
from importlib.metadata import version

import pytest
from matplotlib.image import imread

from musqa_pipeline.core.errors import SettingsError, StageError
from musqa_pipeline.core.settings.models import ModelsSettings
from musqa_pipeline.learning.data.loader import iter_rows
from musqa_pipeline.learning.data.shards import ImageShards
from musqa_pipeline.learning.predict import load_model, predict
from musqa_pipeline.stages.engine.stage import run_stage
from musqa_pipeline.stages.graph import get_stage
from musqa_pipeline.stages.models.pictures import plot_curves
from musqa_pipeline.stages.models.recipes import recipe_of
from musqa_pipeline.stages.models.stage import run_folder, unit_id_of
from musqa_pipeline.stages.models.table import RUNS
from musqa_pipeline.stages.spectrograms.row_shards import shard_files
from tests.stages.models.tiny_lake import PARTS


def test_an_unknown_network_is_refused():
    with pytest.raises(SettingsError, match="unknown network 'huge'"):
        recipe_of("huge", ModelsSettings())


def watched(context, on_epoch=lambda numbers: None, **others):
    """Run the stage with somebody who watches its epochs, as the asset of `models` does."""
    stage = get_stage("models")
    return run_stage(stage, context, on_numbers=lambda _, numbers: on_epoch(numbers), **others)


def run_row(context):
    return context.lake.read(
        context.joint_partition("models"), unit_id_of(context, "tiny")
    ).to_pylist()[0]


def test_a_run_is_a_row_with_weights_that_load_and_predict(context):
    lines, epochs = [], []
    report = watched(context, on_epoch=epochs.append, log=lines.append)
    assert (report.units, report.made, report.rows) == (1, 1, 1)
    row = run_row(context)
    assert row["model"] == "tiny"
    assert row["finished"]
    assert row["epochs"] == len(epochs) == 3
    # Rows outside the uniform draw are not trained on.
    assert (row["n_train"], row["n_validation"]) == (PARTS["train"] - 1, PARTS["validation"] - 1)
    assert row["data_fingerprint"] == "5" * 32
    assert row["parameters"] == 118 * 4 * 12 + 12 + 12 + 1
    assert json.loads(row["settings_json"])["batch_size"] == 8
    curves = json.loads(row["curves_json"])
    assert min(curves["validation_loss"]) == row["best_validation_loss"]
    assert json.loads(row["environment_json"])["torch"] == version("torch")
    assert sum(line.startswith("tiny: epoch") for line in lines) == 3
    assert context.home / row["folder"] == run_folder(context, "tiny")

    validation = ImageShards(shard_files(context), "validation")
    predicted = predict(load_model(run_folder(context, "tiny")), iter_rows(validation))
    loss = float(((predicted - validation.quality) ** 2).mean())
    assert loss == pytest.approx(row["best_validation_loss"], rel=1e-4)


def test_a_finished_run_stays_and_its_picture_is_small(context):
    watched(context)
    path = context.lake.path(context.joint_partition("models"), unit_id_of(context, "tiny"))
    before = path.stat().st_ino
    assert run_stage(get_stage("models"), context).made == 0
    assert path.stat().st_ino == before
    png = plot_curves(context)
    assert len(png) <= 60_000
    assert imread(io.BytesIO(png)).shape[:2] == (261, 630)


def test_a_run_that_was_ended_before_its_row_goes_on(context):
    class Killed(BaseException):
        pass

    def end(metrics):
        if metrics["epoch"] == 1:
            raise Killed

    with pytest.raises(Killed):
        watched(context, on_epoch=end)
    assert context.lake.done(context.joint_partition("models")) == []
    epochs = []
    watched(context, on_epoch=epochs.append)
    assert [metrics["epoch"] for metrics in epochs] == [2]
    assert run_row(context)["epochs"] == 3


def with_recipe(context, **changes):
    models = dataclasses.replace(context.preset.models, **changes)
    return dataclasses.replace(context, preset=dataclasses.replace(context.preset, models=models))


def test_what_max_minutes_ends_has_no_row_and_goes_on_with_more_of_them(context):
    hasty = with_recipe(context, max_minutes=1e-9)
    assert unit_id_of(hasty, "tiny") == unit_id_of(context, "tiny")
    with pytest.raises(StageError, match=r"network tiny was ended by max_minutes=1e-09; raise it"):
        watched(hasty)
    assert context.lake.done(context.joint_partition("models")) == []
    epochs = []
    watched(context, on_epoch=epochs.append)
    assert [metrics["epoch"] for metrics in epochs] == [1, 2]


def test_a_training_waits_for_another_process_in_its_folder(context):
    run = threading.Thread(target=watched, args=(context,))
    with context.lake.lock(f"models-{unit_id_of(context, 'tiny')}"):
        run.start()
        time.sleep(1)
        assert not run_folder(context, "tiny").exists()
    run.join(timeout=60)
    assert run_row(context)["finished"]


def test_without_a_watcher_lines_go_to_the_logger_of_the_library(context, caplog):
    caplog.set_level("INFO", logger="musqa_pipeline")
    run_stage(get_stage("models"), context)
    assert sum(line.startswith("tiny: epoch") for line in caplog.messages) == 3


def test_a_part_without_images_is_an_error(context):
    partition = context.joint_partition("spectrograms")
    context.lake.path(partition, "validation-0000").unlink()
    with pytest.raises(StageError, match="no images of part 'validation'"):
        run_stage(get_stage("models"), context)


@pytest.mark.parametrize(
    ("models", "images", "message"),
    [
        ({"names": ("cnn2d",)}, {}, r"unknown network 'cnn2d'; did you mean 'cnn1d'\?"),
        ({"names": ("tiny", "tiny")}, {}, r"names=\('tiny', 'tiny'\): expected each network once"),
        (
            {"names": ("vgg19_keras",)},
            {},
            r"'vgg19_keras' comes out of a file and is not trained: set imported_run in \[models",
        ),
        ({}, {"n_mels": 8}, "'tiny' eats images of 118 frames by 4 mel bands, .* makes 118 by 8"),
        ({}, {"hop_length_samples": 256}, "makes 1876 by 4; edit hop_length_samples"),
    ],
)
def test_settings_that_cannot_work_are_refused_before_anything_is_trained(
    context, models, images, message
):
    preset = dataclasses.replace(
        context.preset,
        models=dataclasses.replace(context.preset.models, **models),
        spectrograms=dataclasses.replace(context.preset.spectrograms, **images),
    )
    with pytest.raises(SettingsError, match=message):
        get_stage("models").units(dataclasses.replace(context, preset=preset))


def test_every_column_of_runs_is_filled(context):
    watched(context)
    row = run_row(context)
    assert set(row) == {column.name for column in RUNS.columns}
    assert all(value is not None for value in row.values())
