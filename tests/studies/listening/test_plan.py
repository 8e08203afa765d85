from pathlib import Path

import pytest

from musqa_pipeline.audio.degradations.processes import PROCESSES
from musqa_pipeline.core.errors import SettingsError
from musqa_pipeline.studies.listening.plan import (
    codecs_by_bitrate,
    draw_processes,
    plan_files,
    read_plan,
    repeated_pages,
)
from musqa_pipeline.studies.listening.settings import StimuliSettings

FILES = [Path(f"song{i}.flac") for i in range(8)]


def test_the_first_recording_is_for_training_and_processes_span_the_bitrates():
    pages = plan_files(FILES, StimuliSettings())
    assert [page.training for page in pages] == [True] + [False] * 7
    ordered = codecs_by_bitrate()
    assert len(ordered) == 41  # all but the four low-passes
    rates = [PROCESSES[i].bitrate_kbps for i in ordered]
    assert rates == sorted(rates)
    for page in pages:
        places = [ordered.index(i) // 14 for i in page.process_ids]
        assert places == [0, 1, 2]
    assert len({page.process_ids for page in pages}) > 4


def test_processes_follow_from_seed_and_recording_alone():
    settings = StimuliSettings(seed=3)
    assert draw_processes(settings, "a") == draw_processes(settings, "a")
    drawn = {draw_processes(StimuliSettings(seed=s), "a") for s in range(20)}
    assert len(drawn) > 10
    assert draw_processes(StimuliSettings(process_ids=(16, 28, 41)), "a") == (16, 28, 41)


def test_repeated_recordings_are_drawn_from_scored_ones():
    pages = plan_files(FILES, StimuliSettings())
    chosen = {repeated_pages(pages, StimuliSettings(seed=s))[0].recording for s in range(40)}
    assert "song0" not in chosen
    assert len(chosen) > 4
    assert len(repeated_pages(pages, StimuliSettings(n_repeated_pages=3))) == 3
    assert repeated_pages(pages, StimuliSettings(n_repeated_pages=0)) == []
    with pytest.raises(SettingsError, match="n_repeated_pages=8: there are 7 recordings beside"):
        repeated_pages(pages, StimuliSettings(n_repeated_pages=8))


def test_a_plan_that_was_written_down_is_followed(tmp_path):
    path = tmp_path / "plan.csv"
    path.write_text(
        "file,start_s,duration_s,processes,training\n"
        "a/one.flac,12.5,6,3 17 29,\ntwo.flac,,,,yes\nthree.flac,0,,,\n"
    )
    one, two, three = read_plan(path, StimuliSettings(duration_s=8.0))
    assert one.file == tmp_path / "a" / "one.flac"
    assert (one.start_s, one.duration_s, one.process_ids) == (12.5, 6.0, (3, 17, 29))
    assert (two.training, two.start_s, two.duration_s) == (True, None, 8.0)
    assert (three.training, three.start_s) == (False, 0.0)
    path.write_text("file\none.flac\ntwo.flac\n")
    assert [page.training for page in read_plan(path, StimuliSettings())] == [True, False]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("file,processes\na.wav,x\nb.wav,\n", "processes='x': expected numbers of the process tab"),
        ("file,processes\na.wav,99\nb.wav,\n", "process 99 of a is unknown; expected 1 to 45"),
        ("file,processes\na.wav,3 3\nb.wav,\n", "processes of a: expected 1 to 9 different ones"),
        ("file,duration_s\na.wav,10\nb.wav,\n", "duration_s of a.wav=10.0: expected 5 to 9 sec"),
        ("file,start_s\na.wav,-1\nb.wav,\n", "start_s=-1.0 of a.wav: expected 0 or more"),
        ("file\na.wav\n", "1 recordings: expected two or more, one of them for training"),
        ("file\na.wav\nx/a.flac\n", "two recordings are called 'a'; give each file its own name"),
        ("file,training\na.wav,yes\nb.wav,yes\nc.wav,\n", "two recordings are for training; mark"),
        ("file,start_s\n,3\n", "a line names no file; each needs one"),
        ("name\na.wav\n", "has no column file"),
        ("file\n~nobody-at-all/a.wav\nb.wav\n", "there is no such home folder; write ./~"),
        ('file\n"a\0.wav"\nb.wav\n', "which no file is called; correct the line"),
    ],
)
def test_a_plan_that_cannot_be_followed_is_refused(tmp_path, text, said):
    path = tmp_path / "plan.csv"
    path.write_text(text)
    with pytest.raises(SettingsError, match=said):
        read_plan(path, StimuliSettings())


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"test_id": "a test"}, "test_id='a test': expected letters, digits, - and _ only"),
        ({"n_processes": 10}, "n_processes=10: expected 1 to 9"),
        ({"process_ids": (3, 4)}, "process_ids names 2 processes: expected 3 or more"),
        ({"duration_s": 12.0}, "duration_s=12.0: expected 5 to 9 seconds"),
        ({"n_repeated_pages": -1}, "n_repeated_pages=-1: expected 0 or more"),
        ({"target_lufs": 0.0}, "target_lufs=0.0: expected -60 to -10"),
        ({"fade_s": 1.0}, "fade_s=1.0: expected 0 to 0.5"),
    ],
)
def test_settings_out_of_range_are_refused(values, said):
    with pytest.raises(SettingsError, match=said):
        StimuliSettings(**values)
