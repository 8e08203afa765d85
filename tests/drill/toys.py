"""The smallest factory: a unit a number, milliseconds each, with quarantine, retiring and views."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from tests.assets.checkout import ROOT
from tests.drill.plant import Verdict, compare
from tests.drill.zygote import Run, Zygote

BEFORE = "1 2 13 90 91"
"""Numbers of the first run: two of them go, one is unlucky."""
NUMBERS = "1 2 3 4 5 6 13 14"
MANY = "13 14 " + " ".join(str(n) for n in range(701, 761))


@dataclass(frozen=True)
class ToyLake:
    """A lake of numbers."""

    root: Path
    numbers: str = NUMBERS

    @property
    def home(self) -> Path:
        """Its MUSQA_HOME."""
        return self.root / "data"


class Toys:
    """The side of the drill that breaks the runner itself, often and cheaply.

    Parameters
    ----------
    folder : Path
        Everything lies below it.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.python_path = f"{ROOT}:{Path(__file__).parent / 'site'}"
        self.zygote = Zygote(folder, PYTHONPATH=self.python_path, DRILL_LIGHT="1")
        self._undisturbed: dict[str, ToyLake] = {}

    def lake(self, name: str, numbers: str = NUMBERS, root: Path | None = None) -> ToyLake:
        """Make a lake in which the numbers of `BEFORE` are done."""
        lake = ToyLake(root or self.folder / name, numbers)
        lake.root.mkdir(parents=True, exist_ok=True)
        assert self.run(lake, numbers=BEFORE).wait() == 0, self.log(lake)
        return lake

    def copy(self, lake: ToyLake, name: str) -> ToyLake:
        """Copy a lake."""
        shutil.copytree(lake.root, self.folder / name)
        return ToyLake(self.folder / name, lake.numbers)

    def undisturbed(self, numbers: str) -> ToyLake:
        """Return the lake that nobody touched."""
        if numbers not in self._undisturbed:
            lake = self.lake(f"undisturbed-{len(self._undisturbed)}", numbers)
            assert self.run(lake).wait() == 0, self.log(lake)
            self._undisturbed[numbers] = lake
        return self._undisturbed[numbers]

    def run(self, lake: ToyLake, *, numbers: str = "", user: int = 0, **more: str) -> Run:
        """Start a run of the toy stage; in its own process unless ``MUSQA_WORKERS`` is given."""
        return self.zygote.start(
            *("toy", str(lake.home), numbers or lake.numbers),
            cwd=lake.root,
            log=self.log_file(lake),
            user=user,
            **more,
        )

    def start(self, lake: ToyLake, *argv: str, **more: str) -> Run:
        """Start another program."""
        return self.zygote.start(*argv, cwd=lake.root, log=self.log_file(lake), **more)

    def finish(self, lake: ToyLake, **more: str) -> Verdict:
        """Run to the end, undisturbed, and compare."""
        (lake.home / "slow").unlink(missing_ok=True)
        assert self.run(lake, **more).wait() == 0, self.log(lake)
        self.log_file(lake).unlink()  # what is said from now on is new
        return self.compare(lake)

    def compare(self, lake: ToyLake) -> Verdict:
        """Compare a lake with the undisturbed one of the same numbers."""
        return compare(lake.home, self.undisturbed(lake.numbers).home)

    def log_file(self, lake: ToyLake) -> Path:
        """Return where the runs of a lake say what they say; not on its disk."""
        return self.folder / f"{lake.root.name}.log"

    def log(self, lake: ToyLake) -> str:
        """Return the end of what the runs of a lake said."""
        return self.log_file(lake).read_text()[-3000:]

    def close(self) -> None:
        """End what was started."""
        self.zygote.stop()
