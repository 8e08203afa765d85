"""The table of `musqa score`: what fits, what is shortened, in which order, and what is said."""

import io
import re
import sys
from dataclasses import replace

import pytest
from rich.cells import cell_len
from rich.console import Console

from musqa_pipeline.cli import score_order
from musqa_pipeline.cli.score_order import Sort, ordered, waited_for
from musqa_pipeline.cli.score_table import ScoreTable, remark_of, shortened
from musqa_pipeline.scoring.batch import Result
from musqa_pipeline.scoring.causes import sentence_of
from musqa_pipeline.scoring.score import Event, Origin, Score
from musqa_pipeline.scoring.words import word_of, words_of

EDGE = Event("band_edge", 0.0, 10.0, 11_200.0, "hz", "nothing above 11.2 kHz; MP3 leaves it")


def scored(mos=4.6, low=3.85, high=4.73, events=(), verdict="genuine", **more):
    known = {
        "abstained": "", "reason": "", "flags": (), "duration_s": 10.0, "sample_rate_hz": 44_100,
        "channels": 2, "bandwidth_hz": 20_000.0, "loudness_lufs": -14.04, "true_peak_dbtp": -1.0,
        "cause": "",
    }  # fmt: skip
    return Score(**{
        **known,
        "mos": mos, "mos_low": low, "mos_high": high, "word": word_of(mos).name,
        "words": words_of(mos, low, high),
        "sentence": sentence_of(events, mos, low, high, 10.0, detected=True),
        "events": tuple(events), "origin": Origin(verdict, "MP3" if "lossy" in verdict else ""),
        **more,
    })  # fmt: skip


ABSTAINED = replace(
    scored(), mos=None, mos_low=None, mos_high=None, word="", words="", sentence="",
    abstained="speech", reason="it is speech; listen to it",
)  # fmt: skip


def shown(results, width, *, on_terminal=True, names=(), **options):
    text = io.StringIO()
    console = Console(file=text, force_terminal=on_terminal, width=width, **options)
    table = ScoreTable(names or [result.name for result in results], console=console)
    for result in results:
        table.add(result)
    return text.getvalue().splitlines()


LONG = "music/a folder/Symphony No. 3 in E flat, Op. 55 - II. Marcia funebre (live) [2011].flac"
RESULTS = [
    Result(LONG, scored(events=[EDGE])),
    Result("交響曲第三番変ホ長調作品五十五英雄第二楽章葬送行進曲.wav", scored(3.36, 1.89, 4.29)),
    Result("talk.mp3", ABSTAINED),
    Result("broken.flac", None, "damaged: " + "it ends too early; " * 9),
]


@pytest.mark.parametrize("width", [80, 99, 100, 110, 120, 200])
def test_a_table_fits_its_terminal(width):
    plain = shown(RESULTS, width, color_system=None)
    assert max(map(cell_len, plain)) <= width
    head, *lines = plain
    assert head.split()[0] == "file"
    rows = [line for line in lines if not line.startswith("  ")]
    assert len(rows) == len(RESULTS)
    for row, word in zip(rows, ("good or better", "poor or fair", "speech", "error"), strict=True):
        cut = next(i for i in range(len(row)) if cell_len(row[:i]) == head.index("word"))
        assert row[cut:].startswith(word)
    remarks = " ".join(line.strip() for line in lines if line.startswith("  "))
    assert "Found all the same: nothing above 11.2 kHz" in remarks
    assert "None of the faults that are looked for was found." in remarks
    assert remarks.count("it ends too early;") == 9
    assert ("90 %" in head) == (width >= 110)


def test_a_bar_shows_interval_and_score():
    (_, row, _) = shown([Result("a.wav", scored(3.36, 1.89, 4.29))], 80, color_system=None)
    assert re.search(r"3\.36  ·+━+●━+·+  poor or fair", row)
    (_, row) = shown([Result("a.wav", scored(4.73, 4.7, 4.73))], 80, color_system=None)
    assert re.search(r"4\.73  ·{7}●  transparent", row)
    (_, row) = shown(
        [Result("a.wav", scored(1.0, None, None, events=[EDGE]))], 80, color_system=None
    )[:2]
    assert re.search(r"1\.00  ●·{7}  bad  ", row)


def test_colours_mean_a_word_a_clipped_peak_and_a_lossy_origin():
    loud = Result("a.wav", scored(verdict="likely lossy", true_peak_dbtp=0.3))
    quiet = Result("b.wav", scored(verdict="genuine", true_peak_dbtp=-0.3))
    _, first, _, second, *_ = shown([loud, quiet], 120, color_system="standard")
    green, yellow, red = "\x1b[32m", "\x1b[33m", "\x1b[31m"
    assert f"{green}good or better" in first
    assert f"{red}likely lossy" in first
    assert f"{yellow}  0.3" in first or f"{yellow}0.3" in first
    assert yellow not in second
    assert red not in second


def test_a_pipe_gets_whole_names_one_line_a_file_and_no_colour():
    head, *lines = shown(RESULTS, 80, on_terminal=False)
    assert len(lines) == len(RESULTS)
    assert not any("\x1b" in line or "━" in line or "…" in line for line in lines)
    for line, result in zip(lines, RESULTS, strict=True):
        assert line.startswith(f"{result.name}  ")
    assert lines[0].endswith("Found all the same: nothing above 11.2 kHz; MP3 leaves it.")
    assert lines[0][head.index("word") :].startswith("good or better")
    assert head.index("90 %") < head.index("word") < head.index("origin")


def test_a_terminal_without_utf_8_gets_what_it_has():
    written = io.BytesIO()
    file = io.TextIOWrapper(written, encoding="ascii", newline="\n")
    table = ScoreTable(console=Console(file=file, force_terminal=True, width=80, color_system=None))
    for result in RESULTS:
        table.add(result)
    file.flush()
    _, first, *_ = written.getvalue().decode("ascii").splitlines()
    assert "?" in first.split("  ")[0]
    assert "4.60  .....==O  good or better" in first


def test_names_are_shortened_in_the_middle():
    assert shortened("a/b.flac", 8) == "a/b.flac"
    assert shortened("folder/b/song.flac", 15) == "…/b/song.flac"
    assert shortened("folder/track.flac", 9) == "track…"
    assert shortened("folder/0123456789abcdef.flac", 9) == "0123…cdef"
    assert shortened("01 交響曲第三番.wav", 11) == "01 交…三番"
    for width in range(6, 40):
        assert cell_len(shortened(LONG, width)) <= width


def test_what_the_columns_do_not_say_is_said_below():
    assert remark_of(Result("a", scored()))[0] == ""
    made = remark_of(Result("a", scored(verdict="likely lossy")))[0]
    assert made == "Likely made from MP3."
    assert remark_of(Result("a", scored(verdict="lossy file")))[0] == ""
    low = remark_of(Result("a", scored(3.3, 3.2, 3.4, events=[EDGE])))[0]
    assert low == "Clear loss of treble. Nothing above 11.2 kHz; MP3 leaves it."
    looped = remark_of(Result("a", scored(flags=("looped", "clipped_input"))))[0]
    assert looped == "Shorter than 10 s, repeated."


FILES = {
    "c": scored(4.0, bandwidth_hz=9_000.0, loudness_lufs=-20.0, verdict="lossy file"),
    "a": scored(2.0, bandwidth_hz=None, loudness_lufs=-6.0, true_peak_dbtp=1.0),
    "b": scored(3.0, bandwidth_hz=16_000.0, verdict="likely lossy"),
    "e": ABSTAINED,
    "d": None,
}


@pytest.mark.parametrize(
    ("by", "names"),
    [("score", "abced"), ("file", "abced"), ("bandwidth", "cbead"), ("loudness", "abecd"),
     ("peak", "abced"), ("origin", "bcaed")],
)  # fmt: skip
def test_the_worst_comes_first_and_what_is_unknown_last(by, names):
    results = [Result(name, found) for name, found in FILES.items()]
    assert "".join(r.name for r in ordered(results, Sort(by))) == names


def test_the_worst_are_the_lowest_scores_and_what_could_not_be_read():
    results = [Result(name, found) for name, found in FILES.items()]
    assert [r.name for r in ordered(results, Sort.score, 2)] == ["a", "b", "d"]
    assert [r.name for r in ordered(results, Sort.score, 9)] == ["a", "b", "c", "d"]


def test_waiting_shows_how_far_it_is(monkeypatch):
    text = io.StringIO()
    real = score_order.terminal_bar
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)

    def bar(first):
        made = real(first)
        made.live.console = Console(file=text, force_terminal=True, width=80)
        return made

    monkeypatch.setattr(score_order, "terminal_bar", bar)
    results = [Result(name, found) for name, found in FILES.items()]
    assert list(waited_for(results, len(results))) == results
    assert "5/5" in text.getvalue()
