"""The examples in docstrings and on the page run as they stand."""

import doctest
from pathlib import Path

from musqa_pipeline.scoring import scorer

PAGE = Path(__file__).parents[2] / "docs" / "scoring.md"


def test_the_page_says_the_truth():
    found = doctest.testfile(str(PAGE), module_relative=False)
    assert (found.failed, found.attempted > 4) == (0, True)


def test_the_docstring_says_the_truth():
    found = doctest.testmod(scorer)
    assert (found.failed, found.attempted > 4) == (0, True)
