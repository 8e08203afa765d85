"""The fuzzer: atheris (coverage-guided, libFuzzer) on one reader for so many seconds.

The corpus grows in a folder of its own, from `fuzz/seeds/` and from what earlier hours reached
(`fuzz/corpora.py`). A process that crashes,
hangs or swells is a finding: its input is saved, and a new process goes on from the same corpus.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from fuzz.corpora import unpack
from fuzz.targets import TARGETS, seed_folder

MAX_FINDINGS = 50
LONGEST_BYTES = dict.fromkeys(("audio_tracks", "audio_scoring", "audio_blocks"), 1 << 17)
WORDS = Path(__file__).parent / "words"


def main() -> int:
    """Fuzz readers one after the other; exit code 1 if something was found."""
    parser = argparse.ArgumentParser(prog="python -m fuzz.run", description=__doc__)
    parser.add_argument("readers", nargs="*", metavar="READER", help=", ".join(TARGETS))
    parser.add_argument("--seconds", type=int, default=60, help="for each reader")
    parser.add_argument("--work", type=Path, default=Path(tempfile.gettempdir()) / "musqa-fuzz")
    parser.add_argument("--timeout-s", type=int, default=30, help="longest time of one input")
    parser.add_argument("--memory-mb", type=int, default=1500)
    options = parser.parse_args()
    for name in options.readers:
        if name not in TARGETS:
            parser.error(f"reader {name!r}: expected some of {', '.join(TARGETS)}")
    found = [_fuzz(name, options) for name in options.readers or TARGETS]
    return 1 if any(found) else 0


def _fuzz(reader: str, options: argparse.Namespace) -> bool:
    corpus, found = (options.work / reader / name for name in ("corpus", "found"))
    for folder in (corpus, found):
        folder.mkdir(parents=True, exist_ok=True)
    unpack(reader, corpus)
    known = {path.name for path in found.iterdir()}
    before = _cpu_seconds()
    ends = time.monotonic() + options.seconds
    n_ended = 0
    while (left := int(ends - time.monotonic())) > 0 and n_ended < MAX_FINDINGS:
        command = [
            *(sys.executable, "-m", "fuzz.child", reader, str(corpus), str(seed_folder(reader))),
            f"-max_total_time={left}",
            f"-max_len={LONGEST_BYTES.get(reader, 1 << 14)}",
            f"-timeout={options.timeout_s}",
            f"-rss_limit_mb={options.memory_mb}",
            f"-artifact_prefix={found}/",
            "-print_final_stats=1",
        ]
        words = WORDS / f"{reader}.dict"
        if words.exists():
            command.append(f"-dict={words}")
        with tempfile.TemporaryDirectory(dir=_memory_folder()) as scratch:
            environment = {**os.environ, "MUSQA_FUZZ_SCRATCH": scratch}
            if subprocess.run(command, env=environment, check=False).returncode == 0:
                break
        n_ended += 1
    new = {path.name for path in found.iterdir()} - known
    print(
        f"{reader}: {_cpu_seconds() - before:.0f} CPU-seconds, {len(list(corpus.iterdir()))} "
        f"inputs in the corpus, {n_ended} processes ended early, {len(new)} findings in {found}",
        flush=True,
    )
    return bool(new or n_ended)


def _cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _memory_folder() -> str | None:
    return "/dev/shm" if os.access("/dev/shm", os.W_OK) else None


if __name__ == "__main__":
    sys.exit(main())
