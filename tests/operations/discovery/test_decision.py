"""Arrived, changed, quiet, READY: the decision alone, with a clock and states made by hand."""

import pytest

from musqa_pipeline.core.errors import CatalogError
from musqa_pipeline.operations.discovery.decision import (
    CatalogState,
    Past,
    decide,
    read_memory,
    write_memory,
)
from musqa_pipeline.operations.discovery.folder import FolderState


def seen(state="a", *, changed_s=100.0, ready_ns=None):
    return FolderState(state, n_audio=2, n_files=3, changed_s=changed_s, ready_ns=ready_ns)


class Check:
    """Counts its calls, and refuses while it is told to."""

    def __init__(self, refusal=""):
        self.calls, self.refusal = 0, refusal

    def __call__(self):
        self.calls += 1
        if self.refusal:
            raise CatalogError(self.refusal)


def look(state, past, now_s, *, settings="s", check=None, is_finished=False):
    return decide(
        *(state, past),
        settings=settings,
        now_s=now_s,
        quiet_s=60,
        check=check or Check(),
        is_finished=lambda: is_finished,
    )


def test_a_catalog_arrives_once_it_was_quiet_and_is_requested_once():
    first = look(seen(), Past(), 101)
    assert first.verdict is CatalogState.SETTLING
    assert first.reason == "2 audio files, quiet for 1 of 60 s"
    second = look(seen(), first.past, 160)
    assert second.verdict is CatalogState.REQUEST
    assert second.past.n_requests == 1
    third = look(seen(), second.past, 220)
    assert third.verdict is CatalogState.KNOWN
    assert third.past == second.past


def test_a_change_starts_the_quiet_time_anew():
    past = look(seen("a"), Past(), 130).past
    changed = look(seen("b", changed_s=150), past, 165)
    assert changed.verdict is CatalogState.SETTLING
    assert look(seen("b", changed_s=150), changed.past, 209).verdict is CatalogState.SETTLING
    assert look(seen("b", changed_s=150), changed.past, 210).verdict is CatalogState.REQUEST


def test_a_folder_that_rests_for_long_has_arrived_at_the_first_look():
    assert look(seen(changed_s=100), Past(), 1000).verdict is CatalogState.REQUEST


def test_what_is_all_done_and_was_never_asked_for_is_known_until_it_changes():
    first = look(seen("a"), Past(), 1000, is_finished=True)
    assert first.verdict is CatalogState.KNOWN
    assert first.reason == "2 audio files, all done before"
    again = look(seen("a"), first.past, 1001)
    assert (again.verdict, again.past) == (CatalogState.KNOWN, first.past)
    changed = look(seen("b", changed_s=1010), first.past, 1100, is_finished=True)
    assert (changed.verdict, changed.reason) == (CatalogState.REQUEST, "2 audio files, changed")


def test_a_ready_file_speaks_for_one_state_only():
    ready = look(seen(ready_ns=7), Past(), 101)
    assert ready.verdict is CatalogState.REQUEST
    changed = look(seen("b", changed_s=110, ready_ns=7), ready.past, 111)
    assert changed.verdict is CatalogState.SETTLING
    again = look(seen("b", changed_s=110, ready_ns=8), changed.past, 112)
    assert again.verdict is CatalogState.REQUEST


def test_a_changed_file_and_one_changed_back_are_requested_each():
    a = look(seen("a"), Past(), 1000)
    b = look(seen("b", changed_s=1000), a.past, 2000)
    back = look(seen("a", changed_s=2000), b.past, 3000)
    assert [d.verdict for d in (a, b, back)] == [CatalogState.REQUEST] * 3
    assert [d.past.n_requests for d in (a, b, back)] == [1, 2, 3]
    assert b.reason == "2 audio files, changed"


def test_changed_settings_request_a_resting_catalog_again():
    past = look(seen(), Past(), 1000).past
    assert look(seen(), past, 1001, settings="t").verdict is CatalogState.REQUEST


def test_a_refused_catalog_is_checked_once_a_state_and_tried_again_when_it_changes():
    check = Check("tracks.csv, line 2: wrong")
    first = look(seen("a"), Past(), 1000, check=check)
    assert (first.verdict, first.reason) == (CatalogState.REFUSED, "tracks.csv, line 2: wrong")
    second = look(seen("a"), first.past, 1030, check=check)
    assert (second.verdict, second.reason) == (first.verdict, first.reason)
    assert check.calls == 1
    check.refusal = ""
    mended = look(seen("b", changed_s=1040), second.past, 1100, check=check)
    assert mended.verdict is CatalogState.REQUEST
    assert mended.past.reason == ""


def test_a_clock_that_was_set_back_makes_nothing_arrive_early():
    past = look(seen("a", changed_s=5000), Past(), 5001).past
    set_back = look(seen("a", changed_s=5000), past, 4000)
    assert set_back.verdict is CatalogState.SETTLING
    assert look(seen("a", changed_s=5000), set_back.past, 4060).verdict is CatalogState.REQUEST


def test_files_from_the_future_arrive_like_others():
    first = look(seen(changed_s=9e9), Past(), 1000)
    assert first.verdict is CatalogState.SETTLING
    assert look(seen(changed_s=9e9), first.past, 1060).verdict is CatalogState.REQUEST


def test_the_memory_survives_as_text():
    memory = {"a": look(seen(ready_ns=3), Past(), 1000).past, "b": Past(reason="é")}
    assert read_memory(write_memory(memory)) == memory


@pytest.mark.parametrize(
    "text", [None, "", "{", "[]", '{"version": 99}', '{"version": 1, "catalogs": {"a": {"x": 1}}}']
)
def test_a_damaged_memory_is_an_empty_one(text):
    assert read_memory(text) == {}
