"""A process that has imported everything and forks one musqa command after the other.

``python -m tests.drill.zygote``: a line of JSON in, a line of JSON out. What it forks is a process
like that of the console script, only without the seconds of imports; whoever asks kills it by its
process id, and gets from here how it ended. The drill has one of its own; tests share another,
by `run_musqa`.
"""

from __future__ import annotations

import importlib
import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
from functools import cache
from pathlib import Path
from typing import Any

from tests import ROOT

WANTED = (
    "assets.launch",
    "distributed",
    "musqa_pipeline.learning.training.loop",
    "matplotlib.pyplot",
    "musqa_pipeline.cli.app",
    "musqa_pipeline.stages.evaluation.report",
    "musqa_pipeline.audio.metrics.visqol",
    "sklearn.ensemble",
    "tests.drill.programs",
    "torch",
)

LIGHT = ("tests.drill.programs",)
"""What the toy stage needs."""


class Zygote:
    """The side of whoever asks.

    Parameters
    ----------
    folder : Path
        Where what it says itself is kept.
    variables : str
        Its environment, on top of this process's without musqa's and Dagster's own.
    command : tuple of str
        Put before the interpreter, for example another clock.
    """

    def __init__(self, folder: Path, command: tuple[str, ...] = (), **variables: str) -> None:
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("MUSQA", "DAGSTER"))}
        with (folder / "zygote.log").open("ab") as log:
            self.process = subprocess.Popen(
                [*command, sys.executable, "-m", "tests.drill.zygote"],
                cwd=ROOT,
                env={**kept, "OMP_NUM_THREADS": "1", **variables},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        assert self.process.stdout is not None
        assert json.loads(self.process.stdout.readline()) == "ready"

    def start(
        self,
        *argv: str,
        cwd: Path,
        log: Path,
        output: Path | None = None,
        user: int = 0,
        environment: dict[str, str] | None = None,
        **variables: str,
    ) -> Run:
        """Fork a musqa command, or a program of `tests.drill.programs` by its name.

        It says all in the log; standard output apart, if there is a file for it. Its environment is
        the zygote's, or the one given, with the variables on top.
        """
        asked = {
            "start": argv, "cwd": str(cwd), "log": str(log), "output": str(output or log),
            "user": user, "environment": environment, "variables": variables,
        }  # fmt: skip
        return Run(self, self.ask(asked))

    def ask(self, question: Any) -> Any:
        """Send a line and read a line."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(question) + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        assert answer, f"the zygote ended with {self.process.wait()}; see zygote.log"
        return json.loads(answer)

    def stop(self) -> None:
        """End it, and what it forked."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait(timeout=30)


class Run:
    """A command that the zygote forked."""

    def __init__(self, zygote: Zygote, pid: int) -> None:
        self._zygote, self.pid = zygote, pid
        self._code: int | None = None

    def poll(self) -> int | None:
        """Return how it ended, as `subprocess` does: minus the signal, or the exit code."""
        if self._code is None:
            self._code = self._zygote.ask({"poll": self.pid})
        return self._code

    def wait(self, timeout_s: float = 1200.0) -> int:
        """Wait for its end."""
        deadline = time.monotonic() + timeout_s
        while (code := self.poll()) is None:
            assert time.monotonic() < deadline, f"process {self.pid} did not end"
            time.sleep(0.03)
        return code

    def send(self, number: signal.Signals) -> None:
        """Send a signal; it is there: nobody but its zygote waits for it."""
        os.kill(self.pid, number)

    def kill(self) -> None:
        """Kill it, as `subprocess.Popen` does."""
        if self.poll() is None:
            self.send(signal.SIGKILL)


@cache
def shared_zygote() -> Zygote:
    """Start the one that all tests of this process share; it ends with this process."""
    with tempfile.TemporaryDirectory() as folder:
        return Zygote(Path(folder))


def run_musqa(
    *argv: str, cwd: Path, environment: dict[str, str], timeout_s: float = 500.0
) -> subprocess.CompletedProcess[str]:
    """Run a musqa command to its end, as `subprocess.run` does, without seconds of imports."""
    with tempfile.TemporaryDirectory() as folder:
        output, errors = Path(folder, "output"), Path(folder, "errors")
        run = shared_zygote().start(
            *argv, cwd=cwd, log=errors, output=output, environment=environment
        )
        try:
            code = run.wait(timeout_s)
        finally:
            run.kill()
        said = [path.read_text(encoding="utf-8") for path in (output, errors)]
    return subprocess.CompletedProcess(argv, code, *said)


def main() -> None:
    """Import, then serve."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what a library prints must not get among the answers
    for name in LIGHT if "DRILL_LIGHT" in os.environ else WANTED:
        importlib.import_module(name)
    ended: dict[int, int] = {}
    forked: list[int] = []
    _say(answers, "ready")
    for line in sys.stdin:
        asked = json.loads(line)
        if "time" in asked:
            _say(answers, time.time())
            continue
        if "poll" in asked:
            pid = asked["poll"]
            if pid not in ended:
                found, status = os.waitpid(pid, os.WNOHANG)
                if found:
                    ended[pid] = os.waitstatus_to_exitcode(status)
            _say(answers, ended.get(pid))
            continue
        pid = os.fork()
        if pid == 0:
            _become(asked)
        forked.append(pid)
        _say(answers, pid)
    for pid in set(forked) - ended.keys():  # whoever asked has ended, perhaps killed
        os.kill(pid, signal.SIGKILL)


def _say(answers: Any, value: Any) -> None:
    answers.write(json.dumps(value) + "\n")
    answers.flush()


def _become(asked: dict[str, Any]) -> None:
    """Be the command; never returns."""
    code = 70
    try:
        os.setpgid(0, 0)  # a session of its own would get a share of the processor of its own
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(os.open(asked["output"], _APPEND, 0o666), 1)
        os.dup2(os.open(asked["log"], _APPEND, 0o666), 2)
        os.closerange(3, 256)
        if asked["environment"] is not None:
            os.environ.clear()
            os.environ.update(asked["environment"])
        os.environ.update(asked["variables"])
        os.chdir(asked["cwd"])
        if "DRILL_FSIZE" in os.environ:
            limit = int(os.environ["DRILL_FSIZE"])
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
        if asked["user"]:
            os.setgid(asked["user"])
            os.setuid(asked["user"])
        from tests.drill import points, programs

        points.install()
        first, *rest = asked["start"]
        sys.argv = ["musqa", *asked["start"]]
        program = getattr(programs, first, None)
        if getattr(program, "__module__", None) == programs.__name__:
            program(*rest)
        else:
            from musqa_pipeline.cli.app import main as musqa

            musqa()
        code = 0
    except SystemExit as end:
        if isinstance(end.code, str):
            print(end.code, file=sys.stderr)
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        import traceback

        traceback.print_exc()
        code = 1
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


_APPEND = os.O_WRONLY | os.O_CREAT | os.O_APPEND

if __name__ == "__main__":
    main()
