"""Every command in a line: where it is, what it does, and which extra it needs.

`musqa --help` is made of these alone, so that it loads no command, and says what a command is for
where its libraries are missing.
"""

from __future__ import annotations

from dataclasses import dataclass

SCORE, FACTORY, MODELS, UPKEEP = "Score", "Factory", "Models", "Upkeep"
PANELS = (SCORE, FACTORY, MODELS, UPKEEP)
"""Headings of `musqa --help`, in order."""
DAGSTER = ("dagster", "polars", "duckdb", "pyarrow")
"""What the extra [factory] is told by."""


@dataclass(frozen=True)
class Command:
    """A command, or a group of them."""

    panel: str
    help: str
    """What it does, in one line of `musqa --help`."""
    place: str = ""
    """Module in `musqa_pipeline.cli` and function or group in it, ``module:name``; those of the
    command's own name when left out."""
    is_group: bool = False
    extra: str = ""
    """Which extra has its libraries; empty for the base installation."""
    libraries: tuple[str, ...] = ()
    is_partly_there: bool = False
    """Whether it is there without them, and says itself what each part of it needs."""


def _factory(panel: str, help: str, place: str = "", *, is_group: bool = False) -> Command:
    return Command(panel, help, place, is_group, "factory", DAGSTER)


COMMANDS = {
    "score": Command(SCORE, "Say how good music sounds, with no reference."),
    "gate": Command(SCORE, "Fail a build whose music sounds worse than it may."),
    "scan": Command(SCORE, "Score a music library: a page, worst first."),
    "serve": Command(
        SCORE,
        "Serve a page and an API that score files.",
        extra="serve",
        libraries=("fastapi", "python_multipart", "uvicorn"),
    ),
    "spectrogram": Command(
        SCORE, "Draw a recording as a PNG.", extra="picture", libraries=("PIL",)
    ),
    "compare": Command(SCORE, "Score against references by a network."),
    "label": Command(
        SCORE,
        "Score against references with ViSQOL.",
        extra="label",
        libraries=("numba", "threadpoolctl", "visqol"),
    ),
    "sweep": Command(
        SCORE,
        "Draw quality over bitrate for codecs.",
        extra="factory",
        libraries=(
            "av",
            "ffmpeg",
            "imageio_ffmpeg",
            "matplotlib",
            "numba",
            "threadpoolctl",
            "visqol",
        ),
    ),
    "demo": _factory(FACTORY, "Run the whole graph on made-up music.", "factory:demo"),
    "catalog": _factory(
        FACTORY, "Folders of music that musqa knows.", "catalog:app", is_group=True
    ),
    "run": _factory(FACTORY, "Make what a preset wants and lacks.", "factory:run"),
    "status": _factory(FACTORY, "Show what is done and what is missing.", "factory:status"),
    "query": _factory(FACTORY, "Ask the tables with SQL."),
    "report": _factory(FACTORY, "Say where the newest report is.", "factory:report"),
    "export": _factory(FACTORY, "Write a published set for other tools."),
    "recipe": _factory(
        FACTORY, "A set without its audio, and back again.", "recipe:app", is_group=True
    ),
    "model": Command(
        MODELS, "Models of the scorer: list, choose, make.", "model:app", is_group=True
    ),
    "listening": Command(
        MODELS, "Listening tests, and models held against them.", "listening:app", is_group=True
    ),
    "gan": Command(
        MODELS,
        "Scores of networks that learned no label.",
        "gan:app",
        is_group=True,
        extra="factory",
        libraries=("numba", "torch", "duckdb", "pyarrow", "polars"),
        is_partly_there=True,
    ),
    "representations": Command(
        MODELS,
        "Autoencoders that learned from noise.",
        "representations:app",
        is_group=True,
        extra="factory",
        libraries=("numba", "torch", "duckdb", "pyarrow", "polars", "matplotlib"),
        is_partly_there=True,
    ),
    "verify": _factory(UPKEEP, "Check every file of the lake; mend it.", "upkeep:verify"),
    "gc": _factory(UPKEEP, "Delete what no preset shows any more.", "upkeep:gc"),
    "compact": _factory(UPKEEP, "Pack many small files into few.", "upkeep:compact"),
    "migrate": _factory(UPKEEP, "Bring the lake to the present layout.", "upkeep:migrate"),
    "arrivals": _factory(UPKEEP, "Show what the sensor sees of catalogs.", "automation:arrivals"),
    "runs": _factory(UPKEEP, "Runs in the Dagster instance.", "automation:runs_app", is_group=True),
    "costs": _factory(UPKEEP, "Show time and size of every stage.", "upkeep:costs"),
}
"""By name, in the order of `musqa --help`."""
