"""Many files: nothing ends the batch, and what is asked for in parallel comes as alone."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from musqa_pipeline.core.errors import ModelError, SettingsError
from musqa_pipeline.scoring import batch, inputs
from musqa_pipeline.scoring.batch import Options, score_items
from musqa_pipeline.scoring.inputs import Item, items_of, read_list, spooled
from tests import ROOT
from tests.audio.sounds import noise, write

RATE_HZ = 16_000


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Odd files, each named for what it is."""
    folder = tmp_path_factory.mktemp("odd")
    music = noise(11, rate_hz=RATE_HZ)
    write(folder / "good.wav", music, RATE_HZ)
    write(folder / "with space, é and\nnewline.flac", music, RATE_HZ)
    write(Path(os.fsdecode(os.fsencode(folder) + b"/not utf-8 \xff.wav")), music, RATE_HZ)
    write(folder / "below" / "deeper" / "other.wav", music * np.float32(0.5), RATE_HZ)
    write(folder / "silence.wav", 0 * music, RATE_HZ)
    write(folder / "short.wav", music[:RATE_HZ], RATE_HZ)
    write(folder / "six.wav", np.repeat(music, 6, axis=1), RATE_HZ)
    nan = music.copy()
    nan[::3] = np.nan
    write(folder / "nan.wav", nan, RATE_HZ, subtype="FLOAT")
    (folder / "empty.wav").touch()
    (folder / "picture.flac").write_bytes(b"\xff\xd8\xff\xe0JFIF" + bytes(2_000))
    (folder / "text.txt").write_text("left out")
    (folder / ".hidden.wav").write_bytes(b"left out")
    return folder


@pytest.fixture(scope="module")
def results(folder, model_path):
    found = score_items(items_of([folder]), Options(model_path, detect=False), n_workers=2)
    return {Path(result.name).name: result for result in found}


def test_a_folder_of_odd_files_is_done_to_its_end(results):
    scored = {name for name, r in results.items() if r.score is not None and r.score.mos}
    assert scored == {
        "good.wav", "with space, é and\nnewline.flac", "not utf-8 \\xff.wav", "other.wav",
        "six.wav", "nan.wav",
    }  # fmt: skip
    assert results["silence.wav"].score.abstained == "silence"
    assert results["short.wav"].score.abstained == "short"
    assert results["nan.wav"].score.flags == ("not_finite",)
    errors = {name: r.error for name, r in results.items() if r.score is None}
    assert set(errors) == {"empty.wav", "picture.flac"}
    assert errors["empty.wav"] == "empty: the file has 0 bytes; get the file again"


def test_workers_and_order_change_no_score(results, folder, model_path):
    items = [i for i in items_of([folder]) if i.name.endswith(("good.wav", "other.wav", "six.wav"))]
    for item in reversed(items):
        (alone,) = score_items([item], Options(model_path, detect=False))
        assert alone == results[item.path.name]
    assert results["good.wav"].score.mos == results["six.wav"].score.mos


def test_a_process_that_dies_costs_its_own_file(folder, model_path, monkeypatch):
    monkeypatch.setattr(batch, "score_item", _dies_of_silence)
    items = [Item(folder / name, name) for name in ("silence.wav", "short.wav")]
    died, short = score_items(items, Options(model_path, detect=False))  # in order: one worker
    assert died.error == (
        "crashed: a worker process died 2 times on it, with exit code 9; leave it out, or get it "
        "again"
    )
    assert (short.name, short.score.abstained) == ("short.wav", "short")


def _dies_of_silence(task):
    if task[0].name == "silence.wav":
        os._exit(9)
    return _score_item(task)


_score_item = batch.score_item


def test_a_fault_of_ours_costs_one_file(folder, model_path, monkeypatch):
    def fails(*args, **kwargs):
        raise ZeroDivisionError("oh")

    monkeypatch.setattr(batch.Scorer, "score_file", fails)
    (result,) = score_items([Item(folder / "good.wav", "good.wav")], Options(model_path))
    assert result.error == "failed: ZeroDivisionError: oh; report it"


def test_a_wrong_model_or_window_ends_all_at_once(folder, tmp_path, model_path):
    items = list(items_of([folder]))
    with pytest.raises(ModelError, match="cannot read the model"):
        next(score_items(items, Options(tmp_path / "none.onnx")))
    with pytest.raises(SettingsError, match="window=1 s"):
        next(score_items(items, Options(model_path, window_s=1.0)))


def test_a_file_without_permission_is_told(tmp_path, model_path):
    path = write(tmp_path / "x.wav", noise(4, rate_hz=RATE_HZ), RATE_HZ)
    path.chmod(0)
    item = Item(path, "x.wav")
    if os.getuid() != 0:
        error = next(score_items([item], Options(model_path))).error
    else:  # to root nothing is forbidden
        tmp_path.chmod(0o755)
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:
            os.setgid(65_534)
            os.setuid(65_534)
            from musqa_pipeline.audio.files.decoding import open_audio
            from musqa_pipeline.core.errors import UnfitInputError

            try:
                with open_audio(path):
                    pass
            except UnfitInputError as refusal:
                os.write(writer, str(refusal).encode())
            finally:
                os._exit(0)
        os.close(writer)
        os.waitpid(child, 0)
        with os.fdopen(reader) as stream:
            error = stream.read()
    assert error == "unreadable: Permission denied; check the path and your permission"


def test_a_folder_without_audio_says_so(tmp_path):
    (tmp_path / "x.txt").touch()
    (item,) = items_of([tmp_path])
    assert item.problem == "no audio file below this folder; check the path"


def test_files_of_a_folder_come_in_order(folder):
    names = [Path(item.name).name for item in items_of([folder])]
    assert names.index("empty.wav") < names.index("good.wav") < names.index("short.wav")
    assert not {"text.txt", ".hidden.wav"} & set(names)


def test_a_huge_folder_is_listed_as_a_stream(tmp_path, monkeypatch):
    for i in range(50):
        (tmp_path / f"{i:02d}.wav").touch()
    monkeypatch.setattr(inputs, "SORTED_AT_ONCE", 20)
    taken = []
    real = inputs.list_library

    def counted(path):
        for entry in real(path):
            taken.append(entry)
            yield entry

    monkeypatch.setattr(inputs, "list_library", counted)
    items = items_of([tmp_path])
    first = next(items)
    assert len(taken) == 20
    assert {first.name, *(i.name for i in items)} == {str(p) for p in tmp_path.iterdir()}


NAMES = """
import sys
from pathlib import Path
from musqa_pipeline.scoring.inputs import items_of
from tests.memory import memory_kb
before = memory_kb()
n = sum(1 for _ in items_of([Path(sys.argv[1])]))
print(n, memory_kb() - before)
"""


@pytest.mark.long
def test_200_000_names_take_little_memory(tmp_path):
    for i in range(200_000):
        os.close(os.open(tmp_path / f"{i:06d}.wav", os.O_CREAT))
    ended = subprocess.run(
        [sys.executable, "-c", NAMES, str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    n, growth_kb = map(int, ended.stdout.split())
    assert n == 200_000
    assert growth_kb < 30_000


@pytest.mark.parametrize("separator", ["\n", "\r\n", "\0"])
def test_a_list_is_read_line_by_line(separator, tmp_path):
    names = ["a.wav", "with space.wav", "é.wav"]
    file = tmp_path / "list"
    file.write_bytes(separator.join([*names, ""]).encode())
    assert list(read_list(file)) == [Path(name) for name in names]


def test_a_list_may_be_long(tmp_path):
    file = tmp_path / "list"
    file.write_text("".join(f"{i:06d}.wav\n" for i in range(20_000)))
    assert sum(1 for _ in read_list(file)) == 20_000


def test_a_list_that_is_not_there_is_named(tmp_path):
    with pytest.raises(SettingsError, match=r"cannot read the list .*none: No such file"):
        list(read_list(tmp_path / "none"))


def test_standard_input_is_bounded_and_gone_afterwards(tmp_path):
    (tmp_path / "x").write_bytes(b"x" * 1_000)
    with (tmp_path / "x").open("rb") as stream, spooled(stream) as item:
        assert item.name == "-"
        assert item.path.read_bytes() == b"x" * 1_000
    assert not item.path.exists()
    with (
        (tmp_path / "x").open("rb") as stream,
        pytest.raises(SettingsError, match="standard input is larger than 0 MB; save it"),
        spooled(stream, max_bytes=999),
    ):
        pass


HOURS = """
import sys, wave
import numpy as np
from musqa_pipeline.scoring import Scorer
from musqa_pipeline.audio.files.decoding import open_audio
from tests.memory import memory_kb
with open(sys.argv[1], "wb") as file:
    w = wave.open(file); w.setnchannels(1); w.setsampwidth(2); w.setframerate({rate})
    w.setnframes(int({hours} * 3600 * {rate})); w._ensure_header_written(0)
    file.truncate(44 + 2 * int({hours} * 3600 * {rate}))
    rng = np.random.default_rng(0)
    for start_s in np.linspace(0, {hours} * 3600 - 60, {places}):
        file.seek(44 + 2 * int(start_s * {rate}))
        file.write((1000 * rng.standard_normal({seconds} * {rate})).astype("<i2").tobytes())
scorer = Scorer(detect={detect})
before = memory_kb()
score = scorer.score_file(sys.argv[1])
after = memory_kb()
print(len(score.windows), score.duration_s, after - before)
"""


def hours(path, **values):
    """Score a sparse WAV in a process of its own; returns windows, seconds and growth in MB."""
    ended = subprocess.run(
        [sys.executable, "-c", HOURS.format(**values), str(path)],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    n_windows, duration_s, growth_kb = map(float, ended.stdout.split())
    return n_windows, duration_s, growth_kb / 1_024


def test_memory_does_not_grow_with_length(tmp_path):
    common = {"rate": 8_000, "seconds": 15, "places": 2, "detect": False}
    short = hours(tmp_path / "a.wav", hours=0.02, **common)
    long = hours(tmp_path / "b.wav", hours=0.4, **common)
    assert (short[1], long[1]) == (72.0, 1_440.0)
    assert long[0] == 4
    assert long[2] < short[2] + 15


@pytest.mark.long
def test_ten_hours_take_the_memory_of_minutes(tmp_path):
    common = {"rate": 8_000, "seconds": 30, "detect": True}
    short = hours(tmp_path / "a.wav", hours=0.1, places=6, **common)
    long = hours(tmp_path / "b.wav", hours=10.0, places=60, **common)
    assert long[1] == 36_000.0
    # The samples would take 1,152 MB; loudness keeps a number for each tenth of a second.
    assert long[2] < short[2] + 120


@pytest.mark.long
def test_a_bomb_decodes_in_flat_memory(tmp_path, scorer):
    """Three hours of silence are a few hundred kilobytes of FLAC."""
    import soundfile

    path = tmp_path / "bomb.flac"
    with soundfile.SoundFile(path, "w", 44_100, 2, "PCM_16") as file:
        for _ in range(180):
            file.write(np.zeros((60 * 44_100, 2), np.int16))
    assert path.stat().st_size < 10_000_000
    score = scorer.score_file(path)
    assert (score.abstained, score.duration_s) == ("silence", 10_800.0)
