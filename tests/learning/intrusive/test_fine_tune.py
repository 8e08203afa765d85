"""The second step: folds by reference, what it learns, and what it stores."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from musqa_pipeline.audio.features.gammatone_bands import N_BANDS
from musqa_pipeline.core.errors import SettingsError
from musqa_pipeline.learning.intrusive.fine_tune import (
    FINE_TUNE_FILE,
    FineTuneSettings,
    draw_folds,
    fine_tune,
    predict_mos,
    train_further,
)
from musqa_pipeline.learning.intrusive.scores import (
    ScoredPairs,
    read_scores,
    repeat_to_longest,
    score_weights,
)
from musqa_pipeline.learning.predict import load_model
from musqa_pipeline.learning.registry import MODELS
from tests.audio.music import music
from tests.audio.sounds import write
from tests.learning.tiny import ENTRY, Tiny
from tests.learning.written_run import write_run

N_REFERENCES, N_EACH, N_FRAMES = 4, 5, 12
N_PAIRS = N_REFERENCES * N_EACH
QUICK = FineTuneSettings(learning_rate=2e-3, epochs=12, batch_size=10)


def scored(n_references=N_REFERENCES):
    """Pairs whose score falls with the gap that listeners hear between two halves."""
    rng = np.random.default_rng(2)
    references = [f"song {i}" for i in range(n_references) for _ in range(N_EACH)]
    gap = np.tile(np.linspace(0.0, 0.5, N_EACH), n_references)
    halves = rng.uniform(0.4, 0.6, (len(gap), N_FRAMES, N_BANDS))
    images = np.concatenate((halves, halves - gap[:, None, None]), axis=2).astype(np.float32)
    degraded = [f"{name} {g:.1f}" for name, g in zip(references, gap, strict=True)]
    mos = 5.0 - 8.0 * gap
    return ScoredPairs(
        tuple(references), tuple(degraded), mos, np.ones(len(mos)), torch.from_numpy(images)
    )


@pytest.fixture(scope="module")
def tuned(run_folder, tmp_path_factory):
    """What the second step returned, the folder it made and its record; not to be changed."""
    folder = tmp_path_factory.mktemp("runs") / "tuned"
    result = fine_tune(scored(), run_folder, folder, settings=QUICK)
    return result, folder, json.loads((folder / FINE_TUNE_FILE).read_text())


def test_it_learns_what_listeners_say_of_songs_it_did_not_learn_from(run_folder, tuned):
    result, folder, stored = tuned
    assert (result.n_pairs, result.n_references, result.n_folds) == (N_PAIRS, 4, 4)
    assert result.before["rmse"] > 1.0
    assert result.after["rmse"] < 0.6 * result.before["rmse"]
    assert result.after["pearson"] > 0.9
    assert stored["after"] == result.after
    assert [pair["mos"] for pair in stored["pairs"]] == scored().mos.tolist()
    network = load_model(folder)
    assert np.corrcoef(predict_mos(network, scored().images), scored().mos)[0, 1] > 0.9
    before = predict_mos(load_model(run_folder), scored().images)
    np.testing.assert_allclose([pair["before"] for pair in stored["pairs"]], before, atol=1e-6)


def test_pairs_of_a_reference_share_a_fold_and_folds_are_even():
    references = scored(7).references
    folds = draw_folds(references, FineTuneSettings(n_folds=3))
    by_reference = {name: set() for name in references}
    for name, fold in zip(references, folds.tolist(), strict=True):
        by_reference[name].add(fold)
    assert all(len(found) == 1 for found in by_reference.values())
    sizes = np.bincount([next(iter(found)) for found in by_reference.values()])
    assert sorted(sizes.tolist()) == [2, 2, 3]
    assert folds.tolist() != draw_folds(references, FineTuneSettings(n_folds=3, seed=1)).tolist()


def test_a_prediction_never_saw_its_own_scores(run_folder, tuned):
    scores, others = scored(), scored()
    held_out = draw_folds(scores.references, QUICK) == 0
    others.mos[held_out] = 1.0
    network = train_further(
        load_model(run_folder), others, np.flatnonzero(~held_out), QUICK, 0, "cpu"
    )
    after = np.array([pair["after"] for pair in tuned[2]["pairs"]])
    expected = predict_mos(network, scores.images)
    np.testing.assert_allclose(after[held_out], expected[held_out], atol=1e-5)


def test_normalisation_stays_as_the_first_training_left_it(run_folder):
    network = load_model(run_folder)
    tuned = train_further(network, scored(), np.arange(N_PAIRS), QUICK, 0, "cpu")
    before, after = network.state_dict(), tuned.state_dict()
    statistics = [name for name in before if "running" in name]
    assert statistics
    assert all(torch.equal(before[name], after[name]) for name in statistics)
    assert not torch.equal(before["hidden.weight"], after["hidden.weight"])


def test_two_devices_learn_what_one_learns(run_folder):
    network, scores, rows = load_model(run_folder), scored(), np.arange(N_PAIRS)
    quick = replace(QUICK, epochs=2)
    one = predict_mos(train_further(network, scores, rows, quick, 0, "cpu"), scores.images)
    two = predict_mos(train_further(network, scores, rows, quick, 0, "cpu", 2), scores.images)
    np.testing.assert_allclose(two, one, atol=1e-4)
    assert np.abs(one - predict_mos(network, scores.images)).max() > 0.01


def test_weights_move_what_is_learned(run_folder):
    network, scores = load_model(run_folder), scored()
    certain = replace(scores, weights=np.where(scores.mos > 3, 2.0, 0.0))
    plain, weighed = (
        predict_mos(train_further(network, s, np.arange(N_PAIRS), QUICK, 0, "cpu"), scores.images)
        for s in (scores, certain)
    )
    low = scores.mos < 2
    assert np.abs(weighed - scores.mos)[low].mean() > np.abs(plain - scores.mos)[low].mean() + 0.2


def test_sure_scores_weigh_more_up_to_what_the_model_can_tell():
    weights = score_weights(np.array([0.0, 0.49, 100.0]), 3)
    assert weights.mean() == pytest.approx(1.0)
    assert weights[0] / weights[1] == pytest.approx((0.25**2 + 0.25**2) / 0.25**2)
    assert weights[2] < 1e-3
    assert score_weights(None, 3).tolist() == [1.0, 1.0, 1.0]


def test_shorter_images_are_repeated():
    short, long = torch.arange(6.0).view(3, 2), torch.zeros(7, 2)
    both = repeat_to_longest([short, long])
    assert both.shape == (2, 7, 2)
    assert both[0, :, 0].tolist() == [0, 2, 4, 0, 2, 4, 0]


def test_what_cannot_be_tuned_is_refused(run_folder, tmp_path, monkeypatch):
    with pytest.raises(SettingsError, match="3 references: expected at least 4, so that what was"):
        fine_tune(scored(3), run_folder, tmp_path / "new")
    with pytest.raises(SettingsError, match="exists and is not empty; name a new folder"):
        fine_tune(scored(), run_folder, run_folder)
    monkeypatch.setitem(MODELS, "tiny", ENTRY)
    other = write_run(tmp_path / "other", Tiny(), "tiny")
    with pytest.raises(SettingsError, match="holds a Tiny, which sees no reference"):
        fine_tune(scored(), other, tmp_path / "new")


@pytest.fixture
def folder(tmp_path):
    clean = music()[:96_000]
    noise = np.random.default_rng(0).standard_normal(len(clean)).astype(np.float32)
    write(tmp_path / "a.wav", clean, subtype="FLOAT")
    write(tmp_path / "a noisy.wav", clean + 0.05 * noise, subtype="FLOAT")
    write(tmp_path / "short.wav", (clean + 0.05 * noise)[:60_000], subtype="FLOAT")
    return tmp_path


def test_a_table_of_scores_is_read_with_its_files(folder):
    table = folder / "scores.csv"
    table.write_text(
        "file_deg,file_ref,mos,ci\na noisy.wav,a.wav,2.5,0.2\nshort.wav,a.wav,2,0.4\n", "utf-8"
    )
    found = read_scores(table)
    assert found.references == ("a.wav", "a.wav")
    assert found.degraded == ("a noisy.wav", "short.wav")
    assert found.mos.tolist() == [2.5, 2.0]
    assert found.weights[0] > found.weights[1]
    assert found.images.shape == (2, 25, 64)
    # The short one is its 15 frames, repeated.
    torch.testing.assert_close(found.images[1, 15:], found.images[1, :10])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("file_ref,mos\na.wav,3\n", "has no column file_deg; its first line should name the col"),
        ("file_ref,file_deg,mos\na.wav,a noisy.wav,64\n", "mos=64: expected 1 to 5; turn a scale"),
        ("file_ref,file_deg,mos\na.wav,a noisy.wav,good\n", "mos='good' of .* is no number"),
        (
            "file_ref,file_deg,mos\na.wav,gone.wav,3\na.wav,a noisy.wav,3\n",
            r"1 of 2 pairs cannot be used; mend them or delete their lines:\n  gone.wav ",
        ),
    ],
)
def test_scores_that_cannot_be_used_are_named(folder, text, message):
    (folder / "scores.csv").write_text(text, "utf-8")
    with pytest.raises(SettingsError, match=message):
        read_scores(folder / "scores.csv")
