"""Every way in for audio, as a program: it hands files to doors and tells how each of them ended.

``python -m tests.cli.doors WORLD RESULTS`` reads a job a line, ``door<TAB>bomb``, and answers each
with a line of JSON in RESULTS. Doors are commands as users give them, or what has no command of its
own.
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from musqa_pipeline.cli import app
from musqa_pipeline.core.errors import MusqaError
from tests.memory import memory_kb

Door = Callable[[Path, Path, Path], list[str] | None]
"""Takes the bomb, a folder of its own and the world; gives a command, or does it by itself."""


@dataclass(frozen=True)
class Ended:
    """How a door took a bomb."""

    door: str
    bomb: str
    code: int
    text: str
    """Standard output and error, of the C libraries too."""
    seconds: float
    peak_mb: float
    """Most memory that this process or a child of it ever had."""


def peak_mb() -> float:
    """Give the most memory that this process or a child of it ever had."""
    return max(memory_kb(), resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss) / 1e3


def alone(bomb: Path, place: Path) -> str:
    """A folder that holds the bomb and nothing else."""
    folder = place / "music"
    folder.mkdir()
    os.link(bomb, folder / bomb.name)
    return str(folder)


def table(place: Path, *lines: str) -> str:
    path = place / "table.csv"
    path.write_text("\n".join(lines) + "\n")
    return str(path)


def fine_tune(bomb: Path, place: Path, world: Path) -> list[str]:
    rows = [f"{world / 'master.wav'},{bomb},{mos}" for mos in (2, 3)]
    scores = table(place, "file_ref,file_deg,mos", *rows)
    options = ["--fine-tune", scores, "--model", str(world / "run")]
    return ["compare", *options, "--out", str(place / "tuned")]


def equalise(bomb: Path, place: Path, world: Path) -> list[str]:
    folder = alone(bomb, place)
    Path(folder, "tracks.csv").write_text(f"file,recording\n{bomb.name},song\n")
    return ["catalog", "equalise", folder, str(place / "out")]


def replay(bomb: Path, place: Path, world: Path) -> list[str]:
    options = ["--references", alone(bomb, place), "--out", str(place / "out"), "--anyway"]
    return ["recipe", "replay", str(world / "set.recipe"), *options]


def pmqd(bomb: Path, place: Path, world: Path) -> list[str]:
    folder = place / "pmqd"
    (folder / "audio").mkdir(parents=True)
    os.link(bomb, folder / "audio" / bomb.name)
    (folder / "pmqd.csv").write_text(
        "id,genre,artist,title,degradation_type,degradation_intensity,rating,sample_start,"
        f"sample_filename\n0,Jazz,Ann,One,original,0,4,0,{bomb.name}\n"
    )
    return ["gan", "pmqd", str(folder), "--check"]


def stages(bomb: Path, place: Path, world: Path) -> None:
    """The stages that open audio, as `musqa run` runs them."""
    from musqa_pipeline.stages.engine.stage import run_stage
    from musqa_pipeline.stages.graph import get_stage
    from tests.audio.sounds import quarantine_of, run_tracks

    context = run_tracks(place / "home", Path(alone(bomb, place)))
    run_stage(get_stage("excerpts"), context)
    refused = [*quarantine_of(context).values(), *quarantine_of(context, "excerpts").values()]
    for row in refused:
        raise MusqaError(f"{row['reason']}: {row['detail']}; {row['advice']}")


def listening_test(bomb: Path, place: Path, world: Path) -> None:
    """A file of a listening test that `[evaluation]` names."""
    from musqa_pipeline.stages.evaluation.stimuli import _excerpts

    _excerpts(bomb.parent, bomb.name, -23.0)


def two_tests(bomb: Path, place: Path, world: Path) -> list[str]:
    """A stimulus of two tests, which is looked at before their listeners are pooled."""
    for name, sound in (("a", bomb), ("b", world / "master.wav")):
        (place / name).mkdir()
        os.link(sound, place / name / bomb.name)
        (place / name / "opinions.csv").write_text(
            f"file,mos,n_raters,scale_low,scale_high\n{bomb.name},50,9,0,100\n"
        )
    tests = [str(place / name) for name in "ab"]
    return ["listening", "compare", *tests, table(place, "file,predicted", f"{bomb.name},50")]


def upload(bomb: Path, place: Path, world: Path) -> None:
    """What a worker of `musqa serve` does."""
    from musqa_pipeline.scoring.picture.view import View
    from musqa_pipeline.scoring.serve import work
    from musqa_pipeline.scoring.serve.settings import ServeSettings

    longest_s = ServeSettings().max_duration_s
    work.score_job(bomb, longest_s, world / "tiny.onnx", spectrogram=True)
    work.preview_job(bomb, longest_s, place / "preview.wav")
    work.view_job(bomb, longest_s, View())


DOORS: dict[str, Door] = {
    "score": lambda b, p, w: ["score", str(b)],
    "score --list": lambda b, p, w: ["score", "--list", table(p, str(b))],
    "gate": lambda b, p, w: ["gate", str(b), "--min-mos", "4"],
    "gate --list": lambda b, p, w: ["gate", "--list", table(p, str(b)), "--min-mos", "4"],
    "scan": lambda b, p, w: ["scan", alone(b, p), "--out", str(p / "out"), "--workers", "1"],
    "label reference": lambda b, p, w: ["label", str(b), str(w / "master.wav")],
    "label degraded": lambda b, p, w: ["label", str(w / "master.wav"), str(b)],
    "label --pairs": lambda b, p, w: [
        "label", "--pairs", table(p, "reference,degraded", f"{w / 'master.wav'},{b}"),
    ],
    "compare reference": lambda b, p, w: [
        "compare", str(b), str(w / "master.wav"), "--model", str(w / "pairs.onnx"),
    ],
    "compare degraded": lambda b, p, w: [
        "compare", str(w / "master.wav"), alone(b, p), "--model", str(w / "pairs.onnx"),
    ],
    "compare --pairs": lambda b, p, w: [
        "compare", "--pairs", table(p, "reference,degraded", f"{b},{b}"),
        "--model", str(w / "pairs.onnx"),
    ],
    "compare --fine-tune": fine_tune,
    "spectrogram": lambda b, p, w: ["spectrogram", str(b), "-o", str(p / "out.png")],
    "sweep": lambda b, p, w: ["sweep", str(b), "--codec", "mp3", "--bitrates", "64"],
    "gan degrade": lambda b, p, w: [
        "gan", "degrade", str(b), str(p / "out.wav"), "--kind", "noise", "--intensity", "50",
    ],
    "gan pmqd": pmqd,
    "gan score": lambda b, p, w: ["gan", "score", str(b)],
    "representations reconstruct": lambda b, p, w: [
        "representations", "reconstruct", str(b), "--wav", str(p / "out.wav"),
    ],
    "listening stimuli": lambda b, p, w: [
        "listening", "stimuli", str(b), str(w / "master.wav"), "--out", str(p / "test"),
    ],
    "listening stimuli --plan": lambda b, p, w: [
        "listening", "stimuli", "--out", str(p / "test"), "--plan",
        table(p, "file,training", f"{w / 'master.wav'},yes", f"{b},", f"{w / 'other.wav'},"),
    ],
    "listening compare": two_tests,
    "catalog equalise": equalise,
    "recipe replay": replay,
    "run": stages,
    "[evaluation] listening_tests": listening_test,
    "serve": upload,
}  # fmt: skip


def make_world(world: Path, bombs: Path) -> None:
    """Lay out what the doors need beside the bombs: masters, networks, a recipe of such tracks."""
    import polars as pl
    import soundfile

    from musqa_pipeline.release.rebuild.checking import RECIPE
    from musqa_pipeline.release.rebuild.file import Head, Recipe, write_recipe
    from tests.audio.sounds import noise, write
    from tests.learning.intrusive.conftest import drawn_network
    from tests.learning.written_run import write_run
    from tests.scoring.small_pair_model import write_pair_model
    from tests.scoring.sweep.tiny_model import write_tiny_model
    from tests.stages.gan_scores.small_scores import publish_untrained as publish_gan
    from tests.stages.reconstructions.untrained_run import publish_untrained as publish_autoencoder

    publish_gan(world / "home")
    publish_autoencoder(world / "home", 0)
    for name in ("master.wav", "other.wav"):
        write(world / name, noise(10.0))
    write_tiny_model(world / "tiny.onnx")
    write_pair_model(world / "pairs.onnx")
    write_run(world / "run", drawn_network())
    shapes = {(8_000, 1, 3_600.0)}
    for path in bombs.iterdir():
        with contextlib.suppress(soundfile.LibsndfileError):
            found = soundfile.info(path)
            fits = found.samplerate >= 4_000 and found.channels <= 64
            if fits and 11 <= found.duration <= 86_400:
                shapes.add((found.samplerate, found.channels, found.duration))
    empty = RECIPE.schema.empty_table()
    kinds = pl.DataFrame(empty).schema
    plain = {pl.String: "", pl.Boolean: False}
    blank = {f.name: None if f.nullable else plain.get(kinds[f.name], 0) for f in empty.schema}
    rows = []
    for number, (rate_hz, channels, duration_s) in enumerate(sorted(shapes)):
        rows.append({
            **blank,
            **dict.fromkeys(("bitstream_hash", "pcm_hash", "reference_hash"), "0" * 32),
            "catalog": "c", "part": "train", "kind": "reference", "process": "reference",
            "first_name": "reference", "last_name": "reference", "mos": 4.5, "quality": 0.9,
            "track_pcm_hash": f"{number:032x}", "track_sample_rate_hz": rate_hz,
            "track_channels": channels, "track_duration_s": duration_s,
            **dict.fromkeys(("degraded_id", "excerpt_id", "track_id"), f"t{number}"),
        })  # fmt: skip
    head = Head("p", {"excerpts": {"target_lufs": -23.0}}, {}, {})
    write_recipe(Recipe(head, pl.DataFrame(rows, schema=kinds)), world / "set.recipe")


@contextlib.contextmanager
def captured(path: Path) -> Iterator[None]:
    """Send both outputs to a file, those of C libraries and children too."""
    kept = [os.dup(1), os.dup(2)]
    with path.open("wb") as file:
        for number in (1, 2):
            os.dup2(file.fileno(), number)
        try:
            yield
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            for number, old in zip((1, 2), kept, strict=True):
                os.dup2(old, number)
                os.close(old)


def hand_over(door: str, bomb: Path, place: Path, world: Path) -> int:
    """Do one job and return the exit code; what no user should see comes out as it is."""
    try:
        command = DOORS[door](bomb, place, world)
        if command is None:
            return 0
        sys.argv = ["musqa", *command]
        app.main()
    except MusqaError as error:  # of doors without a command
        sys.stderr.write(f"error: {error}\n")
        return 1
    except SystemExit as ended:
        return int(ended.code or 0)
    return 0


def run(world: Path, results: Path) -> None:
    """Do the jobs of standard input."""
    for number, line in enumerate(sys.stdin):
        door, bomb = line.rstrip("\n").split("\t")
        place = results.parent / f"{results.name} {number}"
        place.mkdir()
        started = time.monotonic()
        with captured(place / "output"):
            try:
                code = hand_over(door, Path(bomb), place, world)
            except Exception:
                import traceback

                traceback.print_exc()
                code = -1
        page = place / "out" / "scan.csv"  # where a scan says what it refused
        said = "".join(
            p.read_text(errors="replace") for p in (place / "output", page) if p.exists()
        )
        ended = Ended(
            door, Path(bomb).name, code, said,
            round(time.monotonic() - started, 2), peak_mb(),
        )  # fmt: skip
        with results.open("a") as file:
            file.write(json.dumps(asdict(ended)) + "\n")


if __name__ == "__main__":
    run(Path(sys.argv[1]), Path(sys.argv[2]))
