"""The chapters of the drill, each with how often it breaks what."""

from __future__ import annotations

import shutil
import signal
from collections.abc import Callable
from pathlib import Path

from musqa_pipeline.core.seeds import derive_generator
from musqa_pipeline.stages.views.duck import query
from tests.drill import (
    clocks,
    clusters,
    commits,
    daemons,
    damage,
    disks,
    flips,
    kills,
    queries,
    trainings,
)
from tests.drill.commits import Moment
from tests.drill.ledger import Ledger
from tests.drill.plant import Plant
from tests.drill.points import Point
from tests.drill.programs import hash_of
from tests.drill.toys import MANY, Toys

VIEWS = ("tracks", "excerpts", "degradations", "labels", "dataset", "splits")
CATALOG, JOINT = "*/lake/{}/settings=*/catalog=tiny/*.parquet", "*/lake/{}/run=*/*.parquet"
POINTS = [
    Moment("tracks", Point(CATALOG.format("tracks"), when="after"), in_worker=True),
    Moment("excerpts", Point(CATALOG.format("excerpts")), in_worker=True),
    Moment("excerpts", Point("*/published.json", skip=1)),
    Moment("degradations", Point(CATALOG.format("degradations"), when="after"), in_worker=True),
    Moment("labels", Point(CATALOG.format("labels")), in_worker=True),
    Moment("labels", Point("*/musqa.duckdb", skip=3)),
    Moment("labels", Point("*/published.json", skip=2, when="after")),
    Moment("dataset", Point(JOINT.format("splits"), skip=1, when="after")),
    Moment("dataset", Point(JOINT.format("dataset"), skip=1)),
    Moment("spectrograms", Point(JOINT.format("spectrograms")), in_worker=True),
    Moment("models", Point("*/musqa_net-*/best-*.pt", when="after")),
    Moment("models", Point("*/musqa_net-*/checkpoint.ckpt")),
    Moment("models", Point("*/musqa_net-*/checkpoint.ckpt", skip=1, when="after")),
    Moment("models", Point("*/musqa_net-*/weights.pt")),
    Moment("models", Point("*/lake/models/run=*/musqa_net-*.parquet")),
    Moment("evaluation", Point(JOINT.format("evaluation"), skip=1)),
    Moment("evaluation", Point("*/reports/tiny/report.html")),
    Moment("evaluation", Point("*/reports/tiny/report.html", when="after")),
]
"""Moments of runs of the whole graph, in their order."""


class Drill:
    """The chapters, with what they share.

    Parameters
    ----------
    folder : Path
        Everything lies below it.
    ledger : Ledger
        What counts.
    """

    def __init__(self, folder: Path, ledger: Ledger) -> None:
        self.folder, self.ledger = folder, ledger
        self._toys: Toys | None = None
        self._plant: Plant | None = None
        self.chapters: dict[str, Callable[[], None]] = {
            "every-commit": self.every_commit,
            "toy-kills": self.toy_kills,
            "toy-disks": self.toy_disks,
            "toy-rot": self.toy_rot,
            "toy-clocks": self.toy_clocks,
            "dask": self.dask,
            "points": self.points,
            "graph-kills": self.graph_kills,
            "graph-rot": self.graph_rot,
            "graph-flips": self.graph_flips,
            "graph-disks": self.graph_disks,
            "trainings": self.trainings,
            "daemon": self.daemon,
        }

    @property
    def toys(self) -> Toys:
        """The factory of numbers, made when it is asked for."""
        if self._toys is None:
            self._toys = Toys(self.folder / "toys")
        return self._toys

    @property
    def plant(self) -> Plant:
        """The factory of music, made when it is asked for."""
        if self._plant is None:
            shutil.rmtree(self.folder / "plant", ignore_errors=True)  # of a chapter that failed
            self._plant = Plant(self.folder / "plant")
        return self._plant

    def close(self) -> None:
        """End what was started."""
        for factory in (self._toys, self._plant):
            if factory is not None:
                factory.close()

    def rng(self, name: str):
        """Return the generator of a chapter."""
        return derive_generator("drill", name)

    def slow(self, name: str, seconds: float):
        """Return what makes slow lakes of many numbers."""

        def make(number: int):
            lake = self.toys.lake(f"{name}-{number}", MANY)
            (lake.home / "slow").write_text(str(seconds))
            return lake

        return make

    def every_commit(self) -> None:
        """Kill before and after each move of a file."""
        commits.drill_every_commit(self.toys, self.ledger)

    def toy_kills(self) -> None:
        """Kill runs and workers at random moments, twenty readers asking all the while."""
        kills.drill_random_kills(
            self.toys, self.ledger, self.rng("toy kills"), n_runs=20, n_workers=30,
            lake_of=self.slow("kills", 0.05), pause_s=0.15,
        )  # fmt: skip

    def toy_disks(self) -> None:
        """Fill disks, make them read-only, close them."""
        toys, ledger = self.toys, self.ledger
        disks.drill_small_files(
            toys, ledger, toys.lake("small"), [900, 1000, 1100, 50_000, 100_000, 200_000]
        )
        disks.drill_closed(toys, ledger, toys.lake("closed", MANY), self.rng("closed"), 5)
        with disks.small_disk(toys.folder / "full" / "data", 4096):
            disks.drill_full(toys, ledger, toys.lake("full"), [0, 4, 8, 12, 16, 20, 40, 80])
        with disks.small_disk(toys.folder / "filling" / "data", 4096):
            lake = toys.lake("filling", MANY)
            (lake.home / "slow").write_text("0.05")
            disks.drill_full(toys, ledger, lake, [0, 4, 8, 12, 16, 20], during=True)
        with disks.small_disk(toys.folder / "read-only" / "data", 4096):
            disks.drill_read_only(toys, ledger, toys.lake("read-only"), 5)

    def toy_rot(self) -> None:
        """Damage fragments, the record and the views."""
        lake, rng = self.toys.lake("rot", MANY), self.rng("rot")
        self.toys.finish(lake)
        damage.drill_fragments(self.toys, self.ledger, lake, rng, rounds=4)
        damage.drill_record(self.toys, self.ledger, lake, rng)
        damage.drill_views(self.toys, self.ledger, lake, rng, labels_of)

    def toy_clocks(self) -> None:
        """Let clocks jump and date files wrongly."""
        toys, rng, ledger = self.toys, self.rng("clocks"), self.ledger
        lake = toys.lake("future", MANY)
        toys.finish(lake)
        clocks.drill_future_files(toys, ledger, lake, rng, 20)
        lake = toys.lake("jumps", MANY)
        (lake.home / "slow").write_text("0.5")
        usual, note = toys.zygote, toys.folder / "clock"
        toys.zygote = clocks.other_clock(
            toys.folder, note, PYTHONPATH=toys.python_path, DRILL_LIGHT="1"
        )
        try:
            clocks.drill_jumps(toys, ledger, lake, rng, 6, MUSQA_WORKERS="2")
        finally:
            toys.zygote.stop()
            toys.zygote = usual

    def dask(self) -> None:
        """Kill what a Dask cluster consists of."""
        counts = dict(zip(clusters.KINDS, (6, 3, 3, 6, 3), strict=True))
        clusters.drill_cluster(
            self.toys, self.ledger, self.slow("dask", 0.15), self.rng("dask"), counts
        )

    def points(self) -> None:
        """Kill runs of the whole graph at named moments."""
        commits.drill_points(self.plant, self.ledger, POINTS)

    def graph_kills(self) -> None:
        """Kill runs of the whole graph and their workers, twenty readers asking all the while."""
        plant = self.plant
        watched = plant.lake("kills-0")
        assert plant.run(watched, until="tracks").wait() == 0, plant.log(watched)
        with queries.readers(plant, watched, 20) as found:
            kills.drill_random_kills(
                plant, self.ledger, self.rng("graph kills"), n_runs=16, n_workers=10,
                lake_of=lambda n: plant.lake(f"kills-{n}") if n else watched, pause_s=0.5,
            )  # fmt: skip
        final = {
            view: {
                hash_of(row)
                for row in query(watched.home, f"SELECT hash(COLUMNS(*)) FROM {view}").rows()
            }
            for view in VIEWS
        }
        n = queries.judge_answers(self.ledger, found, final)
        print(f"{n} answers to 20 readers, each true")

    def graph_rot(self) -> None:
        """Damage fragments of all stages."""
        lake = self.plant.lake("rot", copy=self.plant.undisturbed)
        assert self.plant.run(lake).wait() == 0, self.plant.log(lake)
        stages = ["tracks", "excerpts", "degradations", "labels", "dataset", "spectrograms"]
        damage.drill_fragments(
            self.plant, self.ledger, lake, self.rng("graph rot"), rounds=2, stages=stages
        )

    def graph_flips(self) -> None:
        """Flip one bit in a file of each kind: one by one before runs, then all before verify."""
        for by_run in (True, False):
            lake = self.plant.lake(f"flips-{by_run}", copy=self.plant.undisturbed)
            assert self.plant.run(lake).wait() == 0, self.plant.log(lake)
            flips.drill_flips(
                self.plant, self.ledger, lake, self.rng(f"flips {by_run}"), by_run=by_run
            )

    def graph_disks(self) -> None:
        """Fill the disk of runs of the whole graph."""
        with disks.small_disk(self.plant.folder / "full" / "data", 60_000):
            lake = self.plant.lake("full")
            disks.drill_full(self.plant, self.ledger, lake, [40, 400, 1500, 6000])

    def trainings(self) -> None:
        """End trainings by SIGTERM and SIGKILL."""
        lake = self.plant.lake("trainings")
        assert self.plant.run(lake, until="spectrograms").wait() == 0, self.plant.log(lake)
        trainings.drill_training(
            self.plant, self.ledger, lake, self.rng("trainings"),
            [signal.SIGTERM, signal.SIGKILL] * 4,
        )  # fmt: skip

    def daemon(self) -> None:
        """Kill the processes of `dagster dev`."""
        daemons.drill_daemon(
            self.plant, self.ledger, self.plant.lake("daemon"), self.rng("daemon"),
            ["run", "daemon", "run", "code server", "daemon"],
        )  # fmt: skip


def labels_of(lake) -> list[str]:
    """Read what a view says, in an order that is always the same."""
    return sorted(map(repr, query(lake.home, "SELECT * FROM labels").rows()))
