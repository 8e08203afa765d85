import pytest

from musqa_pipeline.core.progress import LOG_EVERY_S, OBSERVE_EVERY_S, StageProgress


@pytest.fixture
def clock(monkeypatch):
    """A clock that a test sets, in seconds."""
    now = [100.0]
    monkeypatch.setattr("musqa_pipeline.core.progress.time.monotonic", lambda: now[0])
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


def test_an_observer_sees_figures_now_and_then_and_at_the_end(clock):
    seen = []
    with StageProgress("labels demo", total=10, done=2, observer=seen.append) as progress:
        for unit in range(5):
            clock[0] += OBSERVE_EVERY_S / 2
            progress.advance(rows=30, refused=unit == 3, failed=unit == 4)
    assert [s.units_done for s in seen] == [4, 6, 7]
    assert [s.seconds_left for s in seen] == [90, 60, 45]
    last = seen[-1]
    assert (last.units_total, last.units_refused, last.units_failed, last.rows) == (10, 1, 1, 150)
    assert (last.seconds, last.rows_per_s, last.units_per_s) == (75, 2, pytest.approx(1 / 15))


def test_an_observer_of_a_run_with_nothing_to_do_sees_nothing_and_of_a_failed_one_the_end(clock):
    seen = []
    with StageProgress("labels demo", total=2, done=2, observer=seen.append):
        pass
    assert seen == []
    with pytest.raises(ValueError, match="stop"), StageProgress("x", 2, observer=seen.append):
        raise ValueError("stop")
    assert (seen[0].units_done, seen[0].seconds_left) == (0, None)
