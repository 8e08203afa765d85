"""Several listening tests as one set of mean opinions, in points of 100.

Paper 001 merges the MOS of its two tests (section III.G.4). Each test is screened by itself, with
thresholds of its own, so mean opinions are merged and not ratings; of a stimulus that two tests
share, the merged opinion is the mean over the listeners of both all the same.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import scipy
from numpy.typing import NDArray

from musqa_pipeline.audio.files.limits import MAX_RECORDING_S
from musqa_pipeline.audio.files.signals import read_signal
from musqa_pipeline.core.errors import SettingsError, UnfitInputError
from musqa_pipeline.core.names import stays_inside
from musqa_pipeline.studies.listening.mos import Opinion, read_opinions

OPINIONS_FILE = "opinions.csv"
"""Where a folder with the audio of a test has its mean opinions."""
POINTS = 100.0
"""Top of the scale that tests are merged on (BS.1534-3)."""
POINTS_SCALE = (0.0, POINTS)
_RESOURCES = "webmushra/configs/resources"


@dataclass(frozen=True)
class ListeningTest:
    """One test after its screening."""

    path: Path
    """The table of opinions."""
    opinions: tuple[Opinion, ...]
    folder: Path | None = None
    """Where its audio lies, if it was named by its folder."""

    @property
    def name(self) -> str:
        """What reports call it: the folder's name, or the table's."""
        return self.folder.name if self.folder else self.path.stem


def read_test(path: Path, renamed: Mapping[str, str] | None = None) -> ListeningTest:
    """Read a test: a table of mean opinions, or the folder of one.

    Parameters
    ----------
    path : Path
        A CSV file for `read_opinions`, or a folder with one of the name `OPINIONS_FILE`.
    renamed : mapping of str to str, optional
        Columns of another name: name here -> name in the file.

    Returns
    -------
    ListeningTest

    Raises
    ------
    SettingsError
        If there is no table or it cannot be used.
    """
    if not path.is_dir():
        return ListeningTest(path, tuple(read_opinions(path, renamed)))
    table = path / OPINIONS_FILE
    if not table.is_file():
        raise SettingsError(
            f"there is no {table}; put the mean opinions there, as `musqa listening mos … "
            "--csv` writes them"
        )
    return ListeningTest(table, tuple(read_opinions(table, renamed)), path)


def find_audio(folder: Path, file: str) -> Path:
    """Return where the audio of a stimulus is.

    Parameters
    ----------
    folder : Path
        The folder of a test.
    file : str
        What its opinions call the stimulus.

    Returns
    -------
    Path
        Below the folder itself, or below the one in it that `musqa listening stimuli` writes for
        webMUSHRA; the former where there is neither.
    """
    made = sorted((folder / _RESOURCES).glob("*/"))
    places = [folder / file, *(place / file for place in made)]
    return next((place for place in places if place.is_file()), places[0])


def in_points(
    test: ListeningTest, scale: tuple[float, float] | None = None, *, named: str = ""
) -> ListeningTest:
    """Put the opinions of a test on a scale of 0 to 100.

    Parameters
    ----------
    test : ListeningTest
    scale : tuple of float, optional
        Ends of the scale of lines that do not say their own.
    named : str
        What a message calls this scale.

    Returns
    -------
    ListeningTest
        Opinions, deviations and intervals in points of 100.

    Raises
    ------
    SettingsError
        If a scale is not known, or an opinion lies outside of it.
    """
    found = []
    for opinion in test.opinions:
        ends = opinion.scale or scale
        if ends is None:
            raise SettingsError(
                f"{test.path} does not say on which scale {opinion.file} was rated; name it with "
                "--scale LOW HIGH, or in columns scale_low and scale_high as `musqa listening mos` "
                "writes them"
            )
        low, high = ends
        if not low <= opinion.mos <= high:
            where = named if named and not opinion.scale else f"its scale, {low:g} to {high:g}"
            raise SettingsError(f"{test.path}: {opinion.file} lies outside {where}")
        unit = POINTS / (high - low)
        mos = unit * (opinion.mos - low)
        half, sd = (None if x is None else unit * x for x in (opinion.half_width, opinion.sd))
        found.append(replace(opinion, mos=mos, half_width=half, sd=sd, scale=POINTS_SCALE))
    return replace(test, opinions=tuple(found))


def told_apart(tests: Sequence[ListeningTest]) -> list[ListeningTest]:
    """Name different sounds differently that are called the same in two folders.

    Parameters
    ----------
    tests : sequence of ListeningTest

    Returns
    -------
    list of ListeningTest
        In them such a sound is called ``test/file``. Equal samples keep one name, as does what
        tables without a folder name the same.

    Raises
    ------
    SettingsError
        If such a sound cannot be read, or two folders have one name.
    """
    places: dict[str, list[Path]] = {}
    for test in tests:
        for file in (o.file for o in test.opinions if stays_inside(o.file)):
            if test.folder is not None:
                places.setdefault(file, []).append(find_audio(test.folder, file))
    differ = {file for file, found in places.items() if not _sound_alike(found)}
    names = [test.name for test in tests if test.folder]
    if differ and len(set(names)) < len(names):
        raise SettingsError(
            f"two tests are called {max(names, key=names.count)}, and each has another sound "
            f"{min(differ)}; give one folder another name"
        )
    return [
        replace(
            test,
            opinions=tuple(
                replace(o, file=f"{test.name}/{o.file}") if o.file in differ else o
                for o in test.opinions
            ),
        )
        if test.folder
        else test
        for test in tests
    ]


def merge(tests: Sequence[ListeningTest]) -> list[Opinion]:
    """Merge the opinions of tests, in their order.

    Parameters
    ----------
    tests : sequence of ListeningTest
        From `in_points`. A file of one name in two tests is one stimulus, unless `told_apart`
        finds two sounds; recordings of one name are one recording.

    Returns
    -------
    list of Opinion
        One for each stimulus, see `pooled`.

    Raises
    ------
    SettingsError
        If a test is named twice, or two tests say different things of one stimulus.
    """
    paths = [test.path.resolve() for test in tests]
    for path in paths:
        if paths.count(path) > 1:
            raise SettingsError(f"{path} is named twice; its listeners would count twice")
    by_file: dict[str, list[tuple[ListeningTest, Opinion]]] = {}
    for test in told_apart(tests):
        for opinion in test.opinions:
            by_file.setdefault(opinion.file, []).append((test, opinion))
    return [_merged(ratings) for ratings in by_file.values()]


def _merged(found: Sequence[tuple[ListeningTest, Opinion]]) -> Opinion:
    """Pool what tests say of one stimulus, if it can be one."""
    (first_test, first), *others = found
    if not others:
        return first
    for test, opinion in others:
        for what in ("condition", "recording"):
            a, b = getattr(first, what), getattr(opinion, what)
            if a != b:
                raise SettingsError(
                    f"{first.file} is of {what} {a or '(none)'} in {first_test.path} and of "
                    f"{b or '(none)'} in {test.path}; give different stimuli different names"
                )
    for test, opinion in found:
        if opinion.n_raters is None or opinion.n_raters < 1:
            raise SettingsError(
                f"{opinion.file} is in several tests, and {test.path} does not say how many "
                "listeners rated it; add a column n_raters, or leave the line out"
            )
    return pooled([opinion for _, opinion in found])


def _sound_alike(places: Sequence[Path]) -> bool:
    """Compare samples and not bytes: some writers put the time of day into a file's header."""
    there = [place for place in places if place.is_file()]
    if len(there) < 2:
        return True
    first = read_stimulus(there[0])
    return all(np.array_equal(first, read_stimulus(place)) for place in there[1:])


def read_stimulus(path: Path, table: str = "the table") -> NDArray[np.float32]:
    """Return the samples of a stimulus, shape (n_samples,), as the metrics read it.

    Raises SettingsError if it cannot be read; `table` names where its line stands.
    """
    try:
        return read_signal(path, max_duration_s=MAX_RECORDING_S).samples
    except UnfitInputError as error:
        raise SettingsError(
            f"{path} of a listening test cannot be read: {error.detail}; {error.advice}, or take "
            f"its line out of {table}"
        ) from error


def pooled(opinions: Sequence[Opinion]) -> Opinion:
    """Pool opinions on one stimulus: the mean over all listeners, as if they had been one panel.

    Parameters
    ----------
    opinions : sequence of Opinion
        On one scale, each with its number of listeners.

    Returns
    -------
    Opinion
        Its deviation and interval follow from those of the panels; None where a panel of several
        listeners has no deviation.
    """
    sizes = [opinion.n_raters or 0 for opinion in opinions]
    n = sum(sizes)
    mos = sum(size * o.mos for size, o in zip(sizes, opinions, strict=True)) / n
    sd = half = None
    if all(o.sd is not None or size == 1 for size, o in zip(sizes, opinions, strict=True)):
        squares = sum(
            (size - 1) * (o.sd or 0.0) ** 2 + size * (o.mos - mos) ** 2
            for size, o in zip(sizes, opinions, strict=True)
        )
        if n > 1:
            sd = math.sqrt(squares / (n - 1))
            half = float(scipy.stats.t.ppf(0.975, n - 1)) * sd / math.sqrt(n)
    return replace(opinions[0], mos=mos, half_width=half, n_raters=n, sd=sd)
