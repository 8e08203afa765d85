import pytest

from musqa_pipeline.progress import LOG_EVERY_S, StageProgress


@pytest.fixture
def clock(monkeypatch):
    """A clock that a test sets, in seconds."""
    now = [100.0]
    monkeypatch.setattr("musqa_pipeline.progress.time.monotonic", lambda: now[0])
    return now


def test_a_log_gets_a_line_now_and_then_with_rate_and_time_left(clock):
    lines = []
    progress = StageProgress("labels demo", total=10, done=2, log=lines.append)
    for _ in range(4):
        clock[0] += LOG_EVERY_S / 2
        progress.advance(rows=30)
    assert lines == [
        "labels demo: 4/10 units, 4.0 rows/s, 45 s left",
        "labels demo: 6/10 units, 4.0 rows/s, 30 s left",
    ]


def test_the_last_line_says_how_long_it_took_and_what_was_refused(clock):
    lines = []
    progress = StageProgress("tracks demo", total=2, log=lines.append)
    for done in (1, 2):
        clock[0] += 2.0
        progress.advance(rows=1, refused=done == 1, failed=done == 2)
    assert lines == ["tracks demo: 2/2 units, 0.5 rows/s 1 refused 1 failed, 4 s"]


def test_a_stage_of_one_unit_has_rows_and_no_rate(clock):
    lines = []
    progress = StageProgress("dataset", total=1, log=lines.append)
    clock[0] += 3.0
    progress.advance(rows=179)
    assert lines == ["dataset: 1/1 units, 179 rows, 3 s"]
