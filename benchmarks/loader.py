"""Speed of the loader beside the speed of the training that it feeds, in images a second.

Run ``python benchmarks/loader.py [--networks cnn1d inception_v3]``. The loader reads shards of
made-up images as it does in a training on this machine; a training step is forward, backward and
optimizer on one batch that lies ready. Both are medians of the same run, taken in turn, so that a
busy machine slows both. Backbones have weights of chance, which changes no speed. The last lines
say how many times as fast as each network the loader is, and on a GPU which share of its peak a
step takes, and how much of its memory. ``--layout`` and ``--compile`` say what channels-last
weights and `torch.compile` are worth.

``--loader-workers 0 1`` times whole epochs of the networks instead, with that many worker
processes in the loader, in turn: whether they are worth it on a machine without a GPU. Networks
that are asked together eat images of one shape: `insenet` by itself.
"""

import argparse
import statistics
import tempfile
import time
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import torch

from musqa_pipeline.core.settings.models import ModelsSettings
from musqa_pipeline.learning.data.loader import make_loader
from musqa_pipeline.learning.data.shards import ImageShards
from musqa_pipeline.learning.entry import TrainingSettings
from musqa_pipeline.learning.registry import find_model
from musqa_pipeline.learning.training.batches import ShardBatches, loader_options
from musqa_pipeline.learning.training.learner import loss_of, make_optimizer
from musqa_pipeline.learning.training.speed import share_here
from musqa_pipeline.stages.models.recipes import recipe_of
from musqa_pipeline.stages.spectrograms.table import SPECTROGRAMS

ROWS_PER_GROUP = 16


def write_shard(path, n_rows, n_frames, n_bands):
    """Write images that pack like music: 377 kB of 1876 x 256, see `audio/features/mel.py`."""
    generator = np.random.default_rng(0)
    rows = []
    for index in range(n_rows):
        image = generator.normal(120, 18.5, (n_frames, n_bands))
        rows.append(
            {
                "degraded_id": f"d{index}", "excerpt_id": "e", "catalog": "c", "part": "train",
                "uniform_draw": True, "natural_mix": True, "trusted": True, "mos": 3.0,
                "quality": 0.5, "n_frames": n_frames, "n_bands": n_bands, "dtype": "uint8",
                "image": image.clip(0, 255).astype(np.uint8).tobytes(), "max_db": 0.0,
                "min_db": -80.0, "storage_error": 0.001, "upper_edge_hz": 2e4, "looped": False,
            }
        )  # fmt: skip
    table = SPECTROGRAMS.from_rows(rows)
    pq.write_table(table, path, compression="zstd", row_group_size=ROWS_PER_GROUP)


def loader_speed(batches, epoch):
    """Images a second of a whole epoch, the start of its workers included."""
    start = time.perf_counter()
    n_images = sum(len(quality) for _, quality in batches(epoch))
    return n_images / (time.perf_counter() - start)


LAYOUTS = {"contiguous": torch.contiguous_format, "channels_last": torch.channels_last}


def stepper(name, batch_size, device, precision, *, layout="own", compiled=False):
    """Return a function that does one training step and gives images a second."""
    recipe = recipe_of(name, ModelsSettings(backbone_weights="random", precision=precision))
    settings = TrainingSettings.of(asdict(recipe))
    entry = find_model(name)
    network = entry.build(settings).to(device).train()
    if layout in LAYOUTS:
        network.to(memory_format=LAYOUTS[layout])
    if compiled:
        network.compile()
    optimizer = make_optimizer(network, settings)
    size = batch_size or recipe.batch_size
    images = torch.rand(size, entry.input.n_frames, entry.input.n_bands, device=device)
    quality = torch.rand(size, device=device)
    mixed = {"bf16-mixed": torch.bfloat16, "16-mixed": torch.float16}.get(precision)

    def step(batch=(images, quality)):
        start = time.perf_counter()
        given, wanted = (each.to(device) for each in batch)
        with torch.autocast(device, mixed, enabled=mixed is not None):
            loss = loss_of(entry, settings)(network, given, wanted)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        loss.item()
        return len(wanted) / (time.perf_counter() - start)

    step()
    return step


def on_a_gpu(name, arguments, images_per_s):
    """Print which share of the card's peak that is, and the most memory that a step took."""
    if not torch.cuda.is_available():
        return
    recipe = recipe_of(name, ModelsSettings(backbone_weights="random"))
    settings = replace(TrainingSettings.of(asdict(recipe)), precision=arguments.precision)
    share = share_here(find_model(name), settings, images_per_s)
    memory_gb = torch.cuda.max_memory_allocated() / 1e9
    known = "unknown" if share is None else f"{share:.3f}"
    print(f"{torch.cuda.get_device_name()}: share of its peak {known}, {memory_gb:.1f} GB")


def epoch_speed(shards, step, epoch, batch_size, n_workers):
    """Images a second of a whole epoch of training, the start of its loader's workers included."""
    start = time.perf_counter()
    for batch in make_loader(shards, batch_size=batch_size, epoch=epoch, n_workers=n_workers):
        step(batch)
    return shards.n_rows / (time.perf_counter() - start)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--networks", nargs="+", default=["cnn1d", "inception_v3"])
    parser.add_argument("--precision", default="32", choices=["32", "bf16-mixed", "16-mixed"])
    parser.add_argument("--batch-size", type=int, help="else that of each network's recipe")
    parser.add_argument("--images", type=int, default=256)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--layout", default="own", choices=["own", *LAYOUTS])
    parser.add_argument("--compile", action="store_true")
    parser.add_argument("--loader-workers", type=int, nargs="+", default=[])
    arguments = parser.parse_args()
    device = "cuda" if torch.cuda.is_available() else "cpu"
    shapes = {find_model(name).input.shapes for name in arguments.networks}
    if len(shapes) > 1:
        parser.error(f"--networks eat images of {len(shapes)} shapes; ask for one shape at a time")
    ((shape,),) = shapes
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "train-00000.parquet"
        write_shard(path, arguments.images, *shape)
        print(f"{path.stat().st_size / arguments.images / 1e3:.0f} kB an image")
        shards = ImageShards([path], "train", memory_limit_bytes=0)
        batches = ShardBatches(shards, arguments.batch_size or 64, seed=0)
        print(f"loader: {loader_options() or 'in the process of training'}")
        steps = {
            name: stepper(
                name,
                arguments.batch_size,
                device,
                arguments.precision,
                layout=arguments.layout,
                compiled=arguments.compile,
            )
            for name in arguments.networks
        }
        if arguments.loader_workers:
            compare_workers(shards, steps, arguments)
            return
        speeds = {name: [] for name in ("loader", *steps)}
        for run in range(arguments.runs):
            speeds["loader"].append(loader_speed(batches, run))
            for name, step in steps.items():
                speeds[name].append(step())
    medians = {name: statistics.median(values) for name, values in speeds.items()}
    for name, speed in medians.items():
        print(f"{name}: {speed:.3g} images/s (median of {arguments.runs})")
    for name in steps:
        print(f"loader is {medians['loader'] / medians[name]:.1f} times as fast as {name}")
        on_a_gpu(name, arguments, medians[name])


def compare_workers(shards, steps, arguments):
    """Print the medians of whole epochs by network and number of the loader's workers."""
    size = arguments.batch_size or 64
    cases = [(name, n) for name in steps for n in arguments.loader_workers]
    speeds = {case: [] for case in cases}
    for run in range(arguments.runs):
        for name, n in cases:
            speeds[name, n].append(epoch_speed(shards, steps[name], run, size, n))
    for (name, n), values in speeds.items():
        ratio = statistics.median(values) / statistics.median(speeds[name, cases[0][1]])
        print(
            f"{name}, {n} loader workers: {statistics.median(values):.3g} images/s, {ratio:.2f} of "
            f"{cases[0][1]} workers (median of {arguments.runs})"
        )


if __name__ == "__main__":
    main()
