"""What docs/gan.md says of paper 000: its numbers and its ratings, as the package has them."""

from musqa_pipeline.studies.listening.pmqd_paper import PAPER, RATINGS, SUBSETS
from tests import ROOT

PAGE = (ROOT / "docs" / "gan.md").read_text(encoding="utf-8")


def test_all_numbers_of_the_paper_stand_there_beside_ours():
    section = PAGE.split("## PMQD's listeners")[1].split("\n## ")[0]
    lines = [line.strip("|").split("|") for line in section.splitlines() if line.startswith("|")]
    head, _, *rows = [[cell.strip() for cell in line] for line in lines]
    assert head == ["of", *PAPER, "ours"]
    assert [row[0] for row in rows] == list(SUBSETS)
    for of, *cells, ours in rows:
        numbers = [PAPER[score].get(of) for score in PAPER]
        assert cells == ["" if number is None else f"{number:.3f}" for number in numbers]
        assert ours == "not run: needs PMQD"


def test_what_ratings_are_is_said_in_the_same_words():
    assert RATINGS in " ".join(PAGE.split())
