"""A small factory to break: twelve labelled rows, every stage, some seconds; and what it should be.

`Plant.undisturbed` is made once, by a run that nobody touches. All else is compared with it.
"""

from __future__ import annotations

import shutil
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from musqa_pipeline.stages.engine.records import RECORDS
from musqa_pipeline.stages.views.duck import HISTORY, VIEWS, query
from tests.assets.checkout import CATALOG, ROOT, Checkout, write_music
from tests.drill.zygote import Run, Zygote

N_TRACKS = 4
PRESET = """
catalogs = ["tiny"]
[degradations]
singles = [3, 42]
n_cascades = 1
[dataset]
size = 12
n_bins = 3
natural_rows = 6
[spectrograms]
rows_per_group = 1
rows_per_shard = 2
[models]
names = ["musqa_net"]
batch_size = 4
max_epochs = 12
learning_rate = 1e-4
[protocols.repetitions]
mean = 1
[promotion]
network = ""
[evaluation]
n_bootstrap = 100
n_worst = 1
"""
EXEMPT = {"models", "trials", "damaged", *RECORDS}
"""Tables about runs: they say when and where; and what was taken out as damaged."""
ABOUT_RUNS = {
    "runs": ("minutes", "curves_json", "environment_json"),
    "trials": ("minutes",),
}
"""Columns that say when and where; the other columns of these tables count."""


@dataclass
class Verdict:
    """What a lake lost or gained against the undisturbed one."""

    rows: int = 0
    """Rows that were compared."""
    lost: int = 0
    double: int = 0
    files: int = 0
    """Parquet files that were compared byte by byte."""
    differing: list[str] = field(default_factory=list)
    """Files that are not the same, or are on one side alone."""
    leftovers: list[str] = field(default_factory=list)
    answers: int = 0
    """Answers that readers got meanwhile, each of them checked."""

    @property
    def whole(self) -> bool:
        """Whether nothing is lost, double or different."""
        return not (self.lost or self.double or self.differing or self.leftovers)

    def __iadd__(self, other: Verdict) -> Verdict:
        """Add another lake's."""
        for name in ("rows", "lost", "double", "files", "answers"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.differing += other.differing
        self.leftovers += other.leftovers
        return self


class Plant:
    """The music, the preset, the process that starts runs, and the undisturbed lake.

    Parameters
    ----------
    folder : Path
        Everything lies below it.
    until : str
        Last stage that is run at all.
    """

    def __init__(self, folder: Path, until: str = "evaluation") -> None:
        self.folder, self.until = folder, until
        folder.mkdir(parents=True, exist_ok=True)
        self.music = write_music(folder / "music", N_TRACKS)
        self.zygote = Zygote(folder, PYTHONPATH=f"{ROOT}:{Path(__file__).parent / 'site'}")
        self._n_lakes = 0
        self.undisturbed = self.lake("undisturbed")
        code = self.run(self.undisturbed).wait()
        assert code == 0, self.log(self.undisturbed)

    def lake(
        self, name: str, *, copy: Checkout | None = None, root: Path | None = None
    ) -> Checkout:
        """Lay out a checkout with an empty lake, or with a copy of another's."""
        root = root or self.folder / name
        if copy is not None:
            shutil.copytree(copy.root, root, dirs_exist_ok=True)
            return Checkout(root)
        return lay_out(root, self.music)

    def variables(self, checkout: Checkout) -> dict[str, str]:
        """Return the environment of a checkout's commands."""
        kept = checkout.environment
        names = ("MUSQA_PROJECT", "MUSQA_PRESET", "DAGSTER_HOME", "OMP_NUM_THREADS")
        return {**{name: kept[name] for name in names}, "MUSQA_WORKERS": "2"}

    def run(self, checkout: Checkout, *argv: str, until: str = "", **more: str) -> Run:
        """Start ``musqa run`` (or another command) in a checkout."""
        command = argv or ("run", "--preset", "tiny.toml", "--until", until or self.until)
        return self.zygote.start(
            *command,
            cwd=checkout.root,
            log=self.log_file(checkout),
            **{**self.variables(checkout), **more},
        )

    def start(self, checkout: Checkout, *argv: str) -> Run:
        """Start another program."""
        return self.run(checkout, *argv)

    def finish(self, checkout: Checkout, until: str = "") -> Verdict:
        """Run to the end, undisturbed, and compare."""
        code = self.run(checkout, until=until).wait()
        assert code == 0, self.log(checkout)
        return self.compare(checkout)

    def compare(self, checkout: Checkout) -> Verdict:
        """Compare a lake with the undisturbed one: files by bytes, views by rows."""
        return compare(checkout.home, self.undisturbed.home)

    def log_file(self, checkout: Checkout) -> Path:
        """Return where the runs of a lake say what they say; not on its disk."""
        return self.folder / f"{checkout.root.name}.log"

    def log(self, checkout: Checkout) -> str:
        """Return the end of what the runs of a checkout said."""
        return self.log_file(checkout).read_text()[-3000:]

    def close(self) -> None:
        """End what was started."""
        self.zygote.stop()


def lay_out(root: Path, music: Path) -> Checkout:
    """Make a checkout like `Checkout.make`, without starting a command."""
    from musqa_pipeline.catalogs.known import add_catalog

    root.mkdir(parents=True, exist_ok=True)
    for name in ("dagster.yaml", "workspace.yaml", ".env"):
        shutil.copy(ROOT / name, root / name)
    (root / "tiny.toml").write_text(PRESET)
    checkout = Checkout(root)
    add_catalog(checkout.home, music, CATALOG)
    return checkout


def files_of(home: Path) -> dict[str, bytes]:
    """Read all Parquet files of a lake that must be the same, by their relative paths."""
    lake = home / "lake"
    paths = sorted(p for p in lake.rglob("*.parquet") if not p.name.startswith("."))
    named = {str(p.relative_to(lake)): p for p in paths}
    return {n: p.read_bytes() for n, p in named.items() if Path(n).parts[0] not in EXEMPT}


def rows_of(home: Path) -> Counter[tuple[str, str]]:
    """Count the rows of every view, by what they say."""
    found: Counter[tuple[str, str]] = Counter()
    for view in VIEWS.keys() - HISTORY.keys():
        left_out = ", ".join(ABOUT_RUNS.get(view, ()))
        columns = f"* EXCLUDE ({left_out})" if left_out else "*"
        for row in query(home, f"SELECT {columns} FROM {view}").rows():
            found[view, repr(row)] += 1
    return found


def compare(home: Path, expected: Path) -> Verdict:
    """Compare two lakes.

    Parameters
    ----------
    home, expected : Path
        The lake that was broken and mended, and the undisturbed one.

    Returns
    -------
    Verdict
        Rows are compared through the views, as a user sees them.
    """
    ours, theirs = files_of(home), files_of(expected)
    mine, right = rows_of(home), rows_of(expected)
    return Verdict(
        rows=right.total(),
        lost=(right - mine).total(),
        double=(mine - right).total(),
        files=len(theirs),
        differing=[n for n in sorted({*ours, *theirs}) if ours.get(n) != theirs.get(n)],
        leftovers=[str(p) for p in sorted((home / "lake").rglob(".*.tmp"))],
    )
