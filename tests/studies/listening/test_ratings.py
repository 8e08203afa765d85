from pathlib import Path

import pytest

from musqa_pipeline.core.errors import SettingsError
from musqa_pipeline.studies.listening.ratings import (
    Rating,
    Ratings,
    read_plain,
    read_webmushra,
    require_within,
)
from tests.studies.listening.listeners import key_rows, write_key, write_results


def test_results_are_read_with_the_key(tmp_path):
    key = write_key(tmp_path / "key.csv")
    ratings = read_webmushra(write_results(tmp_path / "mushra.csv", [None, "headphones"]), key)
    assert ratings.raters == ["uuid-0", "uuid-1"]
    assert ratings.headphones == {"uuid-0": True, "uuid-1": False}
    own = [r for r in ratings.scores if r.rater == "uuid-0"]
    assert len(own) == 48  # eight pages of six; practice is left out
    assert "practice" not in {r.recording for r in own}
    twice = [r for r in own if r.file == "song2-anchor_3500.wav"]
    assert [(r.presentation, r.page) for r in twice] == [(1, "page2"), (2, "page7")]
    assert {r.condition for r in twice} == {"anchor_3500"}


def test_older_results_without_a_session_are_told_apart_by_a_question(tmp_path):
    key = write_key(tmp_path / "key.csv")
    path = write_results(tmp_path / "mushra.csv", [None, None], uuid=False)
    assert read_webmushra(path, key).raters == ["listener 0", "listener 1"]
    by_answer = read_webmushra(path, key, rater_column="listener")
    assert by_answer == read_webmushra(path, key)
    with pytest.raises(SettingsError, match="has no column nickname; it has: session_test_id, lis"):
        read_webmushra(path, key, rater_column="nickname")


def test_without_a_key_webmushras_own_names_are_known(tmp_path):
    path = tmp_path / "mushra.csv"
    path.write_text(
        "session_test_id,email,trial_id,rating_stimulus,rating_score,rating_time,rating_comment\n"
        't,a@b,trial1,reference,100,5,\nt,a@b,trial1,C1,60,5,"a, comment"\n'
        "t,a@b,trial1,anchor35,20,5,\nt,a@b,trial1,anchor70,40,5,\n"
    )
    found = read_webmushra(path).scores
    assert [(r.file, r.condition, r.score) for r in found] == [
        ("trial1/reference", "reference", 100.0),
        ("trial1/C1", "C1", 60.0),
        ("trial1/anchor35", "anchor_3500", 20.0),
        ("trial1/anchor70", "anchor_7000", 40.0),
    ]


def test_a_name_that_is_not_in_the_key_is_refused(tmp_path):
    write_key(tmp_path / "key.csv")
    path = write_results(tmp_path / "mushra.csv", [None])
    path.write_text(path.read_text().replace("song4-process_3-1", "song4-process_9-1"))
    with pytest.raises(SettingsError, match=r"song4-process_9-1 of page page4 is not in .*key.csv"):
        read_webmushra(path, tmp_path / "key.csv")


def test_the_same_session_twice_is_refused(tmp_path):
    key = write_key(tmp_path / "key.csv")
    path = write_results(tmp_path / "mushra.csv", [None])
    lines = path.read_text().splitlines()
    path.write_text("\n".join([*lines, *lines[1:]]) + "\n")
    with pytest.raises(SettingsError, match=r"uuid-0 has rated song0-reference\.wav twice on the"):
        read_webmushra(path, key)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("file,rater,score\nx.wav,a,good\n", "score='good' of file x.wav, rater a, score good is"),
        ("file,rater,score\nx.wav,a,nan\n", "score='nan' of .* is no number; correct it or delete"),
        ("file,score\nx.wav,3\n", "no column rater; it has: file, score. A column of another"),
        ("file,rater,score\nx.wav,,3\n", "a line names no file or no rater; each needs both"),
        ("file,rater,score\nx.wav,a\n", "line 2: 2 cells, but the header names 3 columns"),
        ("file,rater,score\n", "holds no rows; it needs a header and lines below it"),
        ('file,rater,score\n"x.wav,a,3\n', "is no CSV in UTF-8"),
        ("file,rater,score\nx,a,3\nx,a,4\n", "a has rated x twice on the same page"),
        ("file,rater,score,headphones\nx,a,3,maybe\n", "headphones='maybe' of .*: expected yes or"),
    ],
)
def test_a_table_that_cannot_be_used_is_refused_in_a_sentence(tmp_path, text, said):
    path = tmp_path / "ratings.csv"
    path.write_text(text)
    with pytest.raises(SettingsError, match=said):
        read_plain(path)


def test_a_file_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(SettingsError, match=r"none.csv cannot be read \(No such file"):
        read_plain(tmp_path / "none.csv")


def test_plain_tables_may_say_more_and_call_it_otherwise(tmp_path):
    path = tmp_path / "ratings.csv"
    path.write_text(
        "\ufefffile,who,score,recording,condition,presentation,headphones\n"
        "x.wav,a,80,song,anchor_7000,1,yes\nx.wav,a,70,song,anchor_7000,2,yes\n\n"
        "x.wav,b,60,song,anchor_7000,1,\n",
        "utf-8",
    )
    found = read_plain(path, {"rater": "who"})
    assert [(r.rater, r.score, r.presentation, r.page) for r in found.scores] == [
        ("a", 80.0, 1, "song"), ("a", 70.0, 2, "song"), ("b", 60.0, 1, "song"),
    ]  # fmt: skip
    assert found.headphones == {"a": True}
    with pytest.raises(SettingsError, match="has no column 'listener' to use as rater; it has:"):
        read_plain(path, {"rater": "listener"})


def test_practice_alone_is_no_test(tmp_path):
    key = write_key(tmp_path / "key.csv")
    path = write_results(tmp_path / "mushra.csv", [None])
    lines = path.read_text().splitlines()
    practice = [line for line in lines if "training" in line]
    assert len(practice) == sum(bool(row["training"]) for row in key_rows())
    path.write_text("\n".join([lines[0], *practice]) + "\n")
    with pytest.raises(SettingsError, match="holds practice pages only; it needs scored ones"):
        read_webmushra(path, key)


@pytest.mark.parametrize("score", [0.5, 5.1, 700.0])
def test_a_score_outside_the_scale_is_refused(score):
    ratings = Ratings((Rating("r1", "a", 1.0), Rating("r2", "b", 5.0), Rating("r5", "f_p1", score)))
    require_within(Path("r.csv"), ratings, (0.5, 700.0))
    said = (
        rf"^r\.csv: score {score:g} of r5 for f_p1 lies outside 1 to 5; correct it, or give --sca"
    )
    with pytest.raises(SettingsError, match=said):
        require_within(Path("r.csv"), ratings, (1.0, 5.0))
