"""Pairs of files: order, references read once, errors that cost one pair only."""

import re

import numpy as np
import pytest

from musqa_pipeline.audio.files.pairs import pair_up, read_pairs
from musqa_pipeline.audio.metrics import pair_files
from musqa_pipeline.audio.metrics import pairs as module
from musqa_pipeline.audio.metrics.pairs import label_pairs
from musqa_pipeline.audio.metrics.visqol import Reference
from musqa_pipeline.audio.metrics.zimtohrli import Zimtohrli
from musqa_pipeline.core.errors import SettingsError
from tests.audio.music import music
from tests.audio.sounds import write

N = 96_000


def noisy(level, seed=1, n=N):
    x = music(seed=seed)[:n]
    return x + level * np.random.default_rng(0).standard_normal(n).astype(np.float32)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pairs")
    for name, samples in {
        "a.wav": noisy(0.0),
        "a noisy.wav": noisy(0.02),
        "a very noisy.wav": noisy(0.2),
        "a late.wav": np.concatenate([np.zeros(960, np.float32), noisy(0.02)])[:N],
        "b.wav": noisy(0.0, seed=2),
        "b noisy.wav": noisy(0.05, seed=2),
        "short.wav": noisy(0.0)[:9_600],
        "silent.wav": np.zeros(N, np.float32),
        "long.wav": np.concatenate([noisy(0.0), noisy(0.0)[: N // 4 * 3]]),
        "stereo.wav": np.stack([noisy(0.02), noisy(0.02)], axis=1),
    }.items():
        write(folder / name, samples, subtype="FLOAT")
    return folder


def found(folder, reference, *degraded, **options):
    pairs = pair_up(folder / reference, [folder / name for name in degraded])
    return list(label_pairs(pairs, **options))


def test_a_label_is_the_engines_score_of_the_mean_of_the_channels(folder):
    mono, stereo = found(folder, "a.wav", "a noisy.wav", "stereo.wav")
    expected = Reference(noisy(0.0)).score(noisy(0.02))
    assert mono.score.mos == stereo.score.mos == expected.mos
    assert mono.score.fvnsim.tolist() == expected.fvnsim.tolist()
    assert mono.score.patches == expected.patches
    assert len(mono.score.patches) > 0
    assert (mono.error, mono.warnings, mono.second) == ("", (), None)
    assert (mono.reference, mono.degraded) == (str(folder / "a.wav"), str(folder / "a noisy.wav"))


def test_delays_are_found_and_undone_for_the_second_opinion_too(folder):
    plain, late = found(folder, "a.wav", "a noisy.wav", "a late.wav", second_opinion="zimtohrli")
    assert (plain.score.lag_samples, late.score.lag_samples) == (0, 960)
    assert plain.second == Zimtohrli(noisy(0.0)).score(noisy(0.02))
    assert late.second.mos == pytest.approx(plain.second.mos, abs=0.05)
    assert late.second.mos > Zimtohrli(noisy(0.0)).score(late_samples()).mos


def late_samples():
    return np.concatenate([np.zeros(960, np.float32), noisy(0.02)])[:N]


def test_one_bad_file_costs_one_pair(folder):
    labels = found(folder, "a.wav", "gone.wav", "a noisy.wav", "short.wav", "silent.wav")
    assert [label.score is None for label in labels] == [True, False, True, True]
    gone, noisy, short, silent = (label.error for label in labels)
    assert gone == "No such file or directory; check the path and your permission"
    assert noisy == ""
    assert short == "it lasts 0.20 s; ViSQOL compares patches of 0.6 s; give it 3 to 10 s"
    assert silent.startswith("the degraded signal is silent")


@pytest.mark.parametrize(
    ("reference", "error"),
    [
        ("silent.wav", "the reference is silent"),
        ("short.wav", "the reference lasts 0.20 s; ViSQOL needs at least"),
        ("gone.wav", "reference: No such file or directory; check the path and your permission"),
    ],
)
def test_a_bad_reference_costs_its_pairs_and_says_so(folder, reference, error):
    labels = found(folder, reference, "a.wav", "b.wav")
    assert len(labels) == 2
    assert all(label.error.startswith(error) for label in labels)


def test_an_error_of_the_engine_is_an_error_of_its_pair(folder, monkeypatch):
    def broken(self, degraded):
        raise ZeroDivisionError("oh")

    monkeypatch.setattr(Zimtohrli, "score", broken)
    (label,) = found(folder, "a.wav", "a noisy.wav", second_opinion="zimtohrli")
    assert label.error == "ZeroDivisionError: oh; please report it"


def test_durations_that_differ_by_more_than_a_second_are_said(folder):
    (label,) = found(folder, "a.wav", "long.wav")
    assert label.warnings == (
        "degraded: lasts 3.5 s, its reference 2.0 s; ViSQOL expects them within 1 s",
    )


def listing(folder, name="pairs.csv"):
    rows = [("a.wav", "a noisy.wav"), ("b.wav", "b noisy.wav"), ("a.wav", "a very noisy.wav"),
            ("b.wav", "gone.wav"), ("a.wav", "stereo.wav")]  # fmt: skip
    path = folder / name
    path.write_text("note,reference,degraded\n" + "".join(f"x,{a},{b}\n" for a, b in rows))
    return path, rows


def test_a_list_is_labelled_in_order_and_each_reference_read_once(folder, monkeypatch):
    path, rows = listing(folder)
    read = []
    monkeypatch.setattr(
        pair_files,
        "read_signal",
        lambda p, real=pair_files.read_signal: read.append(p.name) or real(p),
    )
    labels = list(label_pairs(read_pairs(path)))
    assert [(label.reference, label.degraded) for label in labels] == rows
    assert read.count("a.wav") == read.count("b.wav") == 1
    mos = [label.score and label.score.mos for label in labels]
    assert mos[0] == mos[4] > mos[2]
    assert mos[3] is None


def test_each_label_comes_as_soon_as_it_can(folder, monkeypatch):
    read = []
    monkeypatch.setattr(
        pair_files,
        "read_signal",
        lambda p, real=pair_files.read_signal: read.append(p.name) or real(p),
    )
    labels = label_pairs(pair_up(folder / "a.wav", [folder / "a noisy.wav", folder / "b.wav"]))
    next(labels)
    assert read == ["a.wav", "a noisy.wav"]


def test_workers_give_the_same_labels_in_the_same_order(folder, monkeypatch):
    path, rows = listing(folder)
    monkeypatch.setattr(module, "PAIRS_PER_TASK", 1)
    labels = list(label_pairs(read_pairs(path), n_workers=2))
    alone = list(label_pairs(read_pairs(path)))
    assert [(label.reference, label.degraded) for label in labels] == rows
    for one, other in zip(labels, alone, strict=True):
        assert one.error == other.error
        assert (one.score is None) == (other.score is None)
        if one.score is not None:
            # Workers have one thread, this process as many as there are cores: sums may round.
            assert one.score.mos == pytest.approx(other.score.mos, abs=1e-12)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no column reference and degraded; its first line should name the columns"),
        ("reference,other\na,b\n", "no column degraded"),
        ("reference,degraded\n", "lists no pairs; add lines below its first"),
        ("reference,degraded\na.wav,\n", "line 2: a cell is empty"),
        ("reference,degraded\na.wav\n", "line 2: a cell is empty"),
        (b"reference,degraded\ncaf\xe9,b\n", "is no CSV in UTF-8"),
    ],
)
def test_a_list_that_cannot_be_used_is_named(tmp_path, text, message):
    path = tmp_path / "my list.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(SettingsError, match=re.escape(message)) as caught:
        read_pairs(path)
    assert "my list.csv" in str(caught.value)


def test_a_list_that_is_not_there_is_named(tmp_path):
    with pytest.raises(SettingsError, match=r"gone\.csv cannot be read .*check the path"):
        read_pairs(tmp_path / "gone.csv")


def test_paths_of_a_list_are_relative_to_it_and_a_byte_order_mark_is_no_name(tmp_path):
    path = tmp_path / "list.csv"
    path.write_text("\ufeffreference,degraded\nsub/a é.wav,/abs/b.wav\n", encoding="utf-8")
    (pair,) = read_pairs(path)
    assert pair.reference == tmp_path / "sub" / "a é.wav"
    assert str(pair.degraded) == "/abs/b.wav"
    assert (pair.reference_name, pair.degraded_name) == ("sub/a é.wav", "/abs/b.wav")


def test_a_lost_worker_is_an_error_of_its_pairs(folder, monkeypatch):
    class LosesAll:
        def __init__(self, n_workers):
            assert n_workers == 3

        def map(self, function, tasks):
            yield from (module.Lost(task, "its process died; use less memory") for task in tasks)

    monkeypatch.setattr(module, "LocalPool", LosesAll)
    labels = found(folder, "a.wav", "a noisy.wav", "b.wav", n_workers=3)
    assert [label.error for label in labels] == ["its process died; use less memory"] * 2
