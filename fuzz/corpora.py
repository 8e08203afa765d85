"""What earlier hours of fuzzing reached: one archive a reader, from which the next hour goes on.

Run ``python -m fuzz.corpora [READER …] [--work DIR]`` to keep what `fuzz.run` left in DIR: of all
inputs the few that libFuzzer needs to reach the same code.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from fuzz.targets import TARGETS, seed_folder

KEPT = Path(__file__).parent / "corpora"
DATE = (1980, 1, 1, 0, 0, 0)
"""Of every member, so that the same inputs give the same bytes."""


def unpack(reader: str, folder: Path) -> None:
    """Lay out the inputs that were kept of a reader.

    Parameters
    ----------
    reader : str
        Key of `fuzz.targets.TARGETS`.
    folder : Path
        Where to; names that are there already are left alone.
    """
    archive = KEPT / f"{reader}.zip"
    if not archive.exists():
        return
    with zipfile.ZipFile(archive) as kept:
        for name in kept.namelist():
            path = folder / Path(name).name
            if not path.exists():
                path.write_bytes(kept.read(name))


def keep(reader: str, corpus: Path) -> int:
    """Put the inputs of a corpus that reach something into the archive of a reader.

    Parameters
    ----------
    reader : str
        Key of `fuzz.targets.TARGETS`.
    corpus : Path
        Folder of inputs.

    Returns
    -------
    int
        Inputs that were kept.
    """
    with tempfile.TemporaryDirectory() as folder:
        chosen, scratch = Path(folder) / "chosen", Path(folder) / "scratch"
        for made in (chosen, scratch):
            made.mkdir()
        subprocess.run(
            [
                *(sys.executable, "-m", "fuzz.child", reader, "-merge=1", "-rss_limit_mb=2000"),
                *map(str, (chosen, seed_folder(reader), corpus)),
            ],
            env={**os.environ, "MUSQA_FUZZ_SCRATCH": str(scratch)},
            check=True,
        )
        known = {path.read_bytes() for path in seed_folder(reader).iterdir()}
        paths = [p for p in sorted(chosen.iterdir()) if p.read_bytes() not in known]
        KEPT.mkdir(exist_ok=True)
        with zipfile.ZipFile(KEPT / f"{reader}.zip", "w", zipfile.ZIP_DEFLATED) as archive:
            for path in paths:
                entry = zipfile.ZipInfo(path.name, DATE)
                archive.writestr(entry, path.read_bytes(), zipfile.ZIP_DEFLATED)
    return len(paths)


def main() -> None:
    """Keep the corpora of some readers, or of all."""
    parser = argparse.ArgumentParser(prog="python -m fuzz.corpora", description=__doc__)
    parser.add_argument("readers", nargs="*", metavar="READER", help=", ".join(TARGETS))
    parser.add_argument("--work", type=Path, default=Path(tempfile.gettempdir()) / "musqa-fuzz")
    options = parser.parse_args()
    for name in options.readers or TARGETS:
        corpus = options.work / name / "corpus"
        if corpus.is_dir():
            print(f"{name}: {keep(name, corpus)} inputs kept", flush=True)


if __name__ == "__main__":
    main()
