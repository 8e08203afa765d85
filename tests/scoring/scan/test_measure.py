"""What becomes of one file: a result, a known key, or a reason."""

import pickle

import pytest
import soundfile

from musqa_pipeline.core.errors import ModelError, StageError
from musqa_pipeline.core.workers.child import LOST
from musqa_pipeline.core.workers.flow import LOSSES_IN_A_ROW, flow
from musqa_pipeline.core.workers.interface import Lost
from musqa_pipeline.scoring.scan import measure
from musqa_pipeline.scoring.scan.measure import ScanSettings, Task, work
from musqa_pipeline.scoring.scan.scan import worker_pool
from musqa_pipeline.scoring.scan.store import ScanStore
from tests.scoring.scan.library import RATE_HZ, song
from tests.scoring.scan.test_scan import rows_of


@pytest.fixture
def task(first_scan, tmp_path):
    soundfile.write(tmp_path / "a.wav", song(1, 12), RATE_HZ)
    ScanStore(tmp_path).close()
    model, settings = str(first_scan[0].model), ScanSettings()
    return Task(str(tmp_path), b"a.wav", str(tmp_path), model, settings, settings.key("m"))


def test_a_file_is_measured_once_and_then_known(task, tmp_path):
    done = work(task)
    assert not done.refused
    assert done.found.record["mos"] > 1
    assert (done.found.record["codec"], done.found.record["channels"]) == ("pcm_s16le", 2)
    windows = done.found.record["windows"]
    assert all(0 <= w["start_s"] < w["stop_s"] <= 12 for w in windows)
    assert sum(w["stop_s"] - w["start_s"] for w in windows) > 19
    assert done.found.record["heard_s"] == pytest.approx(12, abs=0.1)  # each second once
    store = ScanStore(tmp_path)
    current, _ = store.begin("library", task.setting, "m")
    store.save(current.number, task.setting, task.path, done.found)
    store.close()
    assert work(task).found == done.found.key


def test_a_file_that_changes_meanwhile_is_told(task, tmp_path, monkeypatch):
    key_of = measure.content_key

    def key_and_change(path):
        key = key_of(path)
        with path.open("ab") as file:
            file.write(bytes(1_000))
        return key

    monkeypatch.setattr(measure, "content_key", key_and_change)
    done = work(task)
    assert done.refused
    assert done.found == (
        "changed: the file changed while it was read; scan again when it is written"
    )


def test_a_file_that_is_gone_is_told(task, tmp_path):
    (tmp_path / "a.wav").unlink()
    done = work(task)
    assert done.refused
    assert done.found.startswith("unreadable: No such file or directory; check the path")


def test_a_fault_of_ours_costs_one_file_and_one_of_the_model_ends_the_scan(task, monkeypatch):
    def fails(*_):
        raise ZeroDivisionError("of ours")

    monkeypatch.setattr(measure, "measure", fails)
    assert work(task).found == "failed: ZeroDivisionError: of ours; report it"

    def no_model(*_):
        raise ModelError("no model is installed")

    monkeypatch.setattr(measure, "measure", no_model)
    with pytest.raises(ModelError, match="no model is installed"):
        work(task)


def test_a_file_that_kills_its_worker_is_listed(scanned):
    class AllDie:
        def map(self, function, tasks, *, needs=None):
            for task in tasks:
                yield Lost(task, "a worker process died 2 times on it, by signal SIGSEGV")

    (scanned.library / "deadly.flac").write_bytes(b"x")
    report = scanned.again(fanout=AllDie())
    row = rows_of(scanned.out)["deadly.flac"]
    assert row["problem"] == "crashed: a worker process died 2 times on it, by signal SIGSEGV"
    assert report.summary["unreadable"] == 3


class LosesAll:
    """A transport on which every task is lost."""

    def __init__(self):
        self._waiting = []

    def room(self):
        return 2

    def submit(self, index, payload, task):
        self._waiting.append(index)

    def next_message(self):
        return self._waiting.pop(0), pickle.dumps((LOST, "it died"))


def test_a_library_of_deadly_files_ends_no_scan_but_a_stage():
    n = 3 * LOSSES_IN_A_ROW
    lost = list(flow(LosesAll(), len, [""] * n, worker_pool(1).most_losses))
    assert [answer.reason for answer in lost] == ["it died"] * n
    with pytest.raises(StageError, match="10 units in a row were lost"):
        list(flow(LosesAll(), len, [""] * n))
