"""What made a set: versions of libraries and the build of ffmpeg, to compare there with here."""

from __future__ import annotations

import functools
import hashlib
import platform
import subprocess
from collections.abc import Mapping
from pathlib import Path

import imageio_ffmpeg
import soundfile

from musqa_pipeline.audio.degradations.ffmpeg import ffmpeg_version
from musqa_pipeline.core.errors import ToolError
from musqa_pipeline.core.fingerprints import tool_version

TOOLS = (
    "av", "imageio-ffmpeg", "numpy", "pedalboard", "pyloudnorm", "scipy", "soundfile", "soxr",
)  # fmt: skip
"""Distributions that can change a sample of a reference or of a degraded excerpt."""


@functools.cache
def builds_here() -> Mapping[str, str]:
    """Describe what would make a set on this machine.

    Returns
    -------
    mapping of str to str
        Versions by name: musqa-pipeline, `TOOLS`, libsndfile, ffmpeg, its libraries
        (``ffmpeg libavcodec``), a hash of its program file, and the kind of processor.

    Raises
    ------
    ToolError
        If ffmpeg cannot be run.
    """
    version = ffmpeg_version()  # says what to do where there is none
    path = Path(imageio_ffmpeg.get_ffmpeg_exe())
    try:
        told = subprocess.run(
            [path, "-hide_banner", "-version"],
            capture_output=True, text=True, errors="replace", timeout=60, check=True,
        ).stdout  # fmt: skip
        with path.open("rb") as file:
            program = hashlib.file_digest(file, _blake2b).hexdigest()
    except (OSError, subprocess.SubprocessError) as error:
        raise ToolError(f"ffmpeg at {path} cannot be described ({error})") from error
    libraries = {
        f"ffmpeg {line.split()[0]}": "".join(line.split("/")[0].split()[1:])
        for line in told.splitlines()
        if line.startswith("lib") and "/" in line
    }
    return {
        "musqa-pipeline": tool_version("musqa-pipeline"),
        **{name: tool_version(name) for name in TOOLS},
        "libsndfile": soundfile.__libsndfile_version__,
        "ffmpeg": version,
        **libraries,
        "ffmpeg program": program,
        "processor": platform.machine(),
    }


def differing_builds(recorded: Mapping[str, str], here: Mapping[str, str]) -> list[str]:
    """List what differs between two descriptions, as in ``"soxr 1.0.0 there, 1.1.0 here"``.

    In the order of `recorded`; hashes are shortened.
    """

    def said(of: Mapping[str, str], name: str) -> str:
        text = of.get(name, "absent")
        return text[:12] if name == "ffmpeg program" else text

    names = dict.fromkeys([*recorded, *here])
    return [
        f"{name} {said(recorded, name)} there, {said(here, name)} here"
        for name in names
        if recorded.get(name, "absent") != here.get(name, "absent")
    ]


def _blake2b() -> hashlib.blake2b:
    return hashlib.blake2b(digest_size=16)
