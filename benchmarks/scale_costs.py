"""What a million references cost: cores, hours, storage, money, and what breaks first.

Run ``python benchmarks/scale_costs.py [--references 1000000] [--core-hour 0.04] …``. Every measured
figure and every assumption is a field of `Costs` and an option of the same name. Measured are the
run of 250 references by preset `paper` in docs/results.md, and what benchmarks/million_units.py
says; prices are assumptions with a date. It prints the tables of docs/scale.md, and
``--picture FILE`` draws hours over cores.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path

STAGES = ("tracks", "excerpts", "degradations", "labels")
CORES = (16, 64, 256, 1_024, 4_096, 16_384)


@dataclass(frozen=True)
class Costs:
    """Measured figures, and assumptions that a user may have otherwise."""

    references: int = 1_000_000
    """One a recording."""
    rows_made: float = 274.84
    """Degraded excerpts made and labelled of each; 260 of them are in the paper's pool."""
    rows_pool: float = 260.0
    tracks_cpu_s: float = 1.0
    """A recording of four minutes."""
    excerpts_cpu_s: float = 0.07
    degradations_cpu_s: float = 33.9
    labels_cpu_s: float = 17.0
    source_mb: float = 25.0
    """Assumed: four minutes of FLAC."""
    excerpts_mb: float = 0.49
    degradations_mb: float = 57.0
    labels_mb: float = 0.089
    tracks_mb: float = 0.0093
    images: int = 13_000_000
    """Assumed: rows that are drawn, of which networks see an image."""
    image_cpu_s: float = 0.039
    image_mb: float = 0.363
    dataset_bytes_a_row: float = 2_400.0
    """Peak memory of the draw for each row of the pool."""
    read_cpu_s_a_reference: float = 0.018
    """Of a joint stage that reads tables of all stages, five files a reference."""
    look_us: float = 31.0
    """To see that a unit is done, on a packed partition that the system has in memory."""
    unit_bytes: float = 1_820.0
    """Memory of the scheduling process for each unit of a stage."""
    units_a_s: float = 450.0
    """Most no-op units through a Dask scheduler."""
    efficiency: float = 0.9
    """Assumed: share of the time in which a core has work."""
    storage_gb_s: float = 3.0
    """Assumed: what the shared storage gives all machines together (25 Gbit/s)."""
    machine_gb: float = 256.0
    """Assumed: memory of the machine that makes the joint stages."""
    core_hour: float = 0.04
    """Assumed price of a core for an hour, in any currency."""
    gb_month: float = 0.023
    """Assumed price of a gigabyte of object storage for a month."""
    thousand_puts: float = 0.005
    """Assumed price of a thousand writes; reads are a tenth of it."""
    prices_of: str = "November 2026"

    @property
    def stage_cpu_s(self) -> dict[str, float]:
        """CPU seconds a reference, by stage."""
        return {name: getattr(self, f"{name}_cpu_s") for name in STAGES}

    @property
    def stage_mb(self) -> dict[str, float]:
        """Megabytes a reference that a stage stores."""
        return {name: getattr(self, f"{name}_mb") for name in STAGES}

    @property
    def moved_mb(self) -> dict[str, float]:
        """Megabytes a reference that a stage reads and writes."""
        read = {
            "tracks": self.source_mb, "excerpts": self.source_mb, "degradations": self.excerpts_mb,
            "labels": self.degradations_mb + self.excerpts_mb,
        }  # fmt: skip
        return {name: read[name] + stored for name, stored in self.stage_mb.items()}

    @property
    def core_hours(self) -> float:
        """Of the stages 1-4 of all references, at full efficiency."""
        return self.references * sum(self.stage_cpu_s.values()) / 3_600

    @property
    def image_core_hours(self) -> float:
        """Of the images."""
        return self.images * self.image_cpu_s / 3_600

    @property
    def stored_tb(self) -> float:
        """Terabytes of the lake, images included; sources not."""
        table = self.references * sum(self.stage_mb.values())
        return (table + self.images * self.image_mb) / 1e6


def stage_hours(costs: Costs, stage: str, cores: int) -> tuple[float, str]:
    """Return how long a stage takes, and what bounds it.

    Parameters
    ----------
    costs : Costs
        Figures.
    stage : str
        One of `STAGES`.
    cores : int
        Worker processes of one thread.

    Returns
    -------
    float
        Hours.
    str
        ``cores``, ``storage`` or ``scheduler``.
    """
    seconds = {
        "cores": costs.references * costs.stage_cpu_s[stage] / cores / costs.efficiency,
        "storage": costs.references * costs.moved_mb[stage] / 1e3 / costs.storage_gb_s,
        "scheduler": costs.references / costs.units_a_s,
    }
    bound = max(seconds, key=lambda name: seconds[name])
    return seconds[bound] / 3_600, bound


def stage_table(costs: Costs) -> Iterator[str]:
    """Write down what each stage takes."""
    yield "| stage | CPU-s a reference | core-hours | stored | moved | files |"
    yield "| --- | --- | --- | --- | --- | --- |"
    for name in STAGES:
        cpu_s = costs.stage_cpu_s[name]
        stored, moved = costs.stage_mb[name], costs.moved_mb[name]
        yield (
            f"| {name} | {cpu_s:.3g} | {costs.references * cpu_s / 3_600:,.0f} "
            f"| {size(costs.references * stored)} | {size(costs.references * moved)} "
            f"| {costs.references:,} |"
        )
    yield (
        f"| images of {costs.images:,} rows | | {costs.image_core_hours:,.0f} "
        f"| {size(costs.images * costs.image_mb)} | | {costs.images // 256:,} |"
    )
    yield (
        f"| **all** | {sum(costs.stage_cpu_s.values()):.3g} "
        f"| {costs.core_hours + costs.image_core_hours:,.0f} | {costs.stored_tb:,.1f} TB | | |"
    )


def core_table(costs: Costs) -> Iterator[str]:
    """Write down how long it takes on numbers of cores."""
    yield "| cores | degradations | labels | all four | days | GB/s | units/s | bound by |"
    yield "| --- | --- | --- | --- | --- | --- | --- | --- |"
    for cores in CORES:
        found = {name: stage_hours(costs, name, cores) for name in STAGES}
        hours = {name: value[0] for name, value in found.items()}
        moved = costs.references * costs.moved_mb["labels"] / 1e3 / hours["labels"] / 3_600
        rate = costs.references / hours["labels"] / 3_600
        bounds = {bound: [n for n in STAGES if found[n][1] == bound] for _, bound in found.values()}
        said = "; ".join(f"{bound}: {', '.join(names)}" for bound, names in bounds.items())
        yield (
            f"| {cores:,} | {hours['degradations']:,.1f} h | {hours['labels']:,.1f} h "
            f"| {sum(hours.values()):,.1f} h | {sum(hours.values()) / 24:,.1f} "
            f"| {moved:.2f} | {rate:.3g} | {said} |"
        )


def money_table(costs: Costs) -> Iterator[str]:
    """Write down what it costs."""
    computing = (costs.core_hours + costs.image_core_hours) / costs.efficiency * costs.core_hour
    month = costs.stored_tb * 1e3 * costs.gb_month
    writes = len(STAGES) * costs.references / 1e3 * costs.thousand_puts
    yield "| what | how much | cost |"
    yield "| --- | --- | --- |"
    yield (
        f"| computing | {(costs.core_hours + costs.image_core_hours) / costs.efficiency:,.0f} "
        f"core-hours at {costs.core_hour:g} | {computing:,.0f} |"
    )
    yield (
        f"| storage | {costs.stored_tb:,.1f} TB for a month at {costs.gb_month:g} a GB "
        f"| {month:,.0f} |"
    )
    yield (
        f"| requests | {len(STAGES)} writes and as many reads a reference | {1.1 * writes:,.0f} |"
    )


def limit_table(costs: Costs) -> Iterator[str]:
    """Write down at which number of references, or of cores, something is at its end."""
    pool = costs.machine_gb * 1e9 / costs.dataset_bytes_a_row / costs.rows_pool
    reading_h = costs.references * costs.read_cpu_s_a_reference / 3_600
    seen_s = costs.references * costs.look_us / 1e6
    storage = {
        name: costs.storage_gb_s * 1e3 / costs.moved_mb[name] * costs.stage_cpu_s[name]
        for name in STAGES
    }
    yield "| what | figure | its end |"
    yield "| --- | --- | --- |"
    yield (
        f"| memory of the draw | {costs.dataset_bytes_a_row:,.0f} bytes a row of the pool, "
        f"{size(costs.references * costs.rows_pool * costs.dataset_bytes_a_row / 1e6)} for all "
        f"| {pool:,.0f} references in {costs.machine_gb:,.0f} GB |"
    )
    yield (
        f"| reading the tables, by each joint stage "
        f"| {1e3 * costs.read_cpu_s_a_reference:.0f} ms a reference "
        f"| {reading_h:,.1f} hours of one core for all |"
    )
    for name in ("labels", "degradations"):
        yield (
            f"| shared storage, {name} "
            f"| {costs.moved_mb[name] / costs.stage_cpu_s[name]:.1f} MB/s a core "
            f"| {storage[name]:,.0f} cores at {costs.storage_gb_s:g} GB/s |"
        )
    yield (
        f"| scheduler, Dask | {costs.units_a_s:,.0f} units/s "
        f"| {costs.units_a_s * costs.labels_cpu_s:,.0f} cores of labels |"
    )
    yield (
        f"| scheduler, memory | {costs.unit_bytes:,.0f} bytes a unit "
        f"| {costs.machine_gb * 1e9 / costs.unit_bytes / 1e6:,.0f} million units in "
        f"{costs.machine_gb:,.0f} GB |"
    )
    yield (
        f"| seeing what is done | {costs.look_us:,.0f} µs a unit "
        f"| {seen_s / 60:,.1f} minutes a stage for all |"
    )


def size(megabytes: float) -> str:
    """Say a size."""
    for unit, value in (("TB", megabytes / 1e6), ("GB", megabytes / 1e3)):
        if value >= 1:
            return f"{value:,.1f} {unit}"
    return f"{megabytes:,.1f} MB"


def draw(costs: Costs, picture: Path) -> None:
    """Draw hours over cores, with what bounds them."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    cores = [round(2 ** (k / 4)) for k in range(16, 57)]
    figure, axes = plt.subplots(figsize=(7, 4.2), layout="constrained")
    for name in ("degradations", "labels"):
        hours = [stage_hours(costs, name, n)[0] for n in cores]
        axes.plot(cores, hours, label=name)
    together = [sum(stage_hours(costs, name, n)[0] for name in STAGES) for n in cores]
    axes.plot(cores, together, "k", label="stages 1-4")
    ideal = [costs.core_hours / n / costs.efficiency for n in cores]
    axes.plot(cores, ideal, "k:", label="stages 1-4, were cores the only bound")
    axes.set(
        xscale="log", yscale="log", xlabel="cores", ylabel="hours",
        title=f"{costs.references:,} references, storage of {costs.storage_gb_s:g} GB/s",
    )  # fmt: skip
    axes.grid(alpha=0.3)
    axes.legend()
    figure.savefig(picture, dpi=110)


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    for field in fields(Costs):
        kind = type(field.default)
        parser.add_argument(f"--{field.name.replace('_', '-')}", type=kind, default=field.default)
    parser.add_argument("--picture", type=Path)
    given = vars(parser.parse_args())
    picture = given.pop("picture")
    costs = Costs(**given)
    print(f"Prices: assumptions of {costs.prices_of}.")
    for table in (stage_table, core_table, money_table, limit_table):
        print("", *table(costs), sep="\n")
    if picture:
        draw(costs, picture)


if __name__ == "__main__":
    main()
