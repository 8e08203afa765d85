"""The examples in docstrings and on the page run as they stand."""

import doctest

from musqa_pipeline.scoring import scorer
from tests import ROOT

PAGE = ROOT / "docs" / "scoring.md"


def test_the_page_says_the_truth():
    found = doctest.testfile(str(PAGE), module_relative=False)
    assert (found.failed, found.attempted > 4) == (0, True)


def test_the_docstring_says_the_truth():
    found = doctest.testmod(scorer)
    assert (found.failed, found.attempted > 4) == (0, True)
