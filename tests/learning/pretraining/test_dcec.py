"""Clusters of windows: formulas, centres, and a training that finds what was planted."""

import itertools
import re
from dataclasses import replace

import numpy as np
import pytest
import torch

from musqa_pipeline.core.errors import LakeError, SettingsError, StageError
from musqa_pipeline.learning.entry import TrainingSettings
from musqa_pipeline.learning.pretraining.dcec import (
    clusters_of,
    divergence,
    first_centres,
    soft_assignments,
    targets_of,
)
from musqa_pipeline.learning.pretraining.dcec_train import train_dcec
from musqa_pipeline.learning.pretraining.framewise_autoencoder import train_framewise_autoencoder
from musqa_pipeline.learning.pretraining.framewise_networks import ClusteringNetwork
from musqa_pipeline.learning.pretraining.framewise_recipe import DCEC_RECIPES
from musqa_pipeline.learning.pretraining.framewise_run import AUTOENCODER, DCEC
from musqa_pipeline.learning.pretraining.windows import Windows
from musqa_pipeline.learning.training.checkpoint import read_weights
from tests.learning.pretraining.tiny_framewise import QUIET, TINY, textures, train_tiny

KINDS = [0, 1, 2, 0, 1, 2]
IMAGES = textures(240, *KINDS, seed=5)


@pytest.fixture(scope="module")
def autoencoder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("autoencoder")
    train_framewise_autoencoder(
        replace(TINY[AUTOENCODER], max_epochs=2), images=IMAGES, training=TrainingSettings(),
        folder=folder, **QUIET,
    )  # fmt: skip
    return folder


def cluster(folder, autoencoder, recipe, **others):
    return train_dcec(
        recipe, autoencoder_folder=autoencoder, folder=folder,
        **({"images": IMAGES, "training": TrainingSettings()} | QUIET | others),
    )  # fmt: skip


def test_assignments_targets_and_divergence_are_those_of_the_formulas():
    rng = np.random.default_rng(0)
    embedded, centres = rng.normal(size=(7, 5)), rng.normal(size=(3, 5))
    q = np.empty((7, 3))
    for n, k in np.ndindex(q.shape):
        q[n, k] = 1 / (1 + np.linalg.norm(embedded[n] - centres[k]) ** 2)
    q /= q.sum(axis=1, keepdims=True)
    p = q**2 / q.sum(axis=0)
    p /= p.sum(axis=1, keepdims=True)
    ours = soft_assignments(torch.from_numpy(embedded), torch.from_numpy(centres))
    np.testing.assert_allclose(ours, q)
    np.testing.assert_allclose(targets_of(ours), p)
    expected = (p * np.log(p / q)).sum() / 7
    assert float(divergence(targets_of(ours), ours)) == pytest.approx(expected)
    assert float(divergence(ours, ours)) == pytest.approx(0, abs=1e-12)


def test_first_centres_are_the_best_of_all_partitions():
    points = np.random.default_rng(2).normal(size=(7, 2))

    def spread(labels):
        parts = [points[np.array(labels) == k] for k in range(3)]
        if not all(map(len, parts)):
            return np.inf
        return sum(((part - part.mean(axis=0)) ** 2).sum() for part in parts)

    best = min(itertools.product(range(3), repeat=7), key=spread)
    expected = [points[np.array(best) == k].mean(axis=0) for k in range(3)]
    centres = first_centres(points, n_clusters=3, n_starts=20, seed=2**63)
    np.testing.assert_allclose(sorted(map(tuple, centres)), sorted(map(tuple, expected)))


def test_planted_clusters_are_found_and_the_answer_is_the_trainings(tmp_path, autoencoder):
    recipe = replace(TINY[DCEC], max_updates=12, batch_size=12)
    on_cpu = TrainingSettings(device="cpu")  # the answer is computed there
    result = cluster(tmp_path, autoencoder, recipe, training=on_cpu)
    windows = Windows(IMAGES, recipe, 0)
    planted = np.array(KINDS)[windows.places[:, 0]]
    clusters = clusters_of(tmp_path, windows.cells(np.arange(len(windows))))
    assert clusters.dtype == np.int64
    table = np.zeros((3, 3), int)
    np.add.at(table, (clusters, planted), 1)
    assert table.max(axis=1).sum() / len(windows) >= 0.95
    others = np.stack(textures(90, 2, 0, 1, seed=9))  # of another length, as they are stored
    np.testing.assert_array_equal(clusters_of(tmp_path, others), table.argmax(axis=0)[[2, 0, 1]])
    assert clusters_of(tmp_path, others[:0]).shape == (0,)
    end = torch.load(tmp_path / "checkpoint.ckpt")["state_dict"]
    np.testing.assert_array_equal(end["assigned_n"].cpu(), clusters)
    network = ClusteringNetwork(recipe.piece_hop_frames, 3)
    network.load_state_dict(read_weights(result.weights))
    with torch.no_grad():
        embedded = network.eval().embed(torch.from_numpy(windows.cells(np.arange(len(windows)))))
        q_nk = soft_assignments(embedded, network.centres_kc)
    torch.testing.assert_close(end["targets_nk"], targets_of(q_nk))
    for loss, kl, mse in zip(*(result.curves[n] for n in ("loss", "kl", "mse")), strict=True):
        assert loss == pytest.approx(0.1 * kl + mse)


def test_clusters_that_settled_end_the_training_and_say_so(tmp_path, autoencoder):
    recipe = replace(TINY[DCEC], learning_rate=1e-30, settled_fraction=1e-3)
    said = []
    result = cluster(tmp_path, autoencoder, recipe, log=said.append)
    assert result.finished
    assert result.curves["changed_fraction"] == [1, 1, 0]
    assert result.curves["settled"] == [0, 0, 1]
    assert said[-1] == "dcec: settled after 6 updates, 0.00% of 42 windows changed their cluster"
    again = cluster(tmp_path, autoencoder, recipe)
    assert (again.finished, again.epochs) == (True, 3)
    assert len(clusters_of(tmp_path, IMAGES[0][None])) == 1


def test_clusters_that_do_not_settle_end_with_the_updates(tmp_path, autoencoder):
    said = []
    result = cluster(tmp_path, autoencoder, TINY[DCEC], log=said.append)
    assert result.curves["settled"] == [0] * 6
    assert re.fullmatch(r"dcec: ended by max_updates=12, .*% of 42 windows still ch.*", said[-1])
    told = cluster(tmp_path / "2", autoencoder, replace(TINY[DCEC], clustering_weight=9.0))
    assert told.curves["mse"] != result.curves["mse"]


def test_it_begins_with_the_autoencoders_weights(tmp_path, autoencoder):
    recipe = replace(TINY[DCEC], learning_rate=1e-30, max_updates=6)
    weights = read_weights(cluster(tmp_path, autoencoder, recipe).weights)
    for name, tensor in read_weights(autoencoder / "weights.pt").items():
        if "running" not in name and "tracked" not in name:
            torch.testing.assert_close(weights[name], tensor, rtol=0, atol=1e-20)
    assert len(weights["centres_kc"].unique(dim=0)) == 3


def test_too_few_windows_or_another_folder_are_refused(tmp_path, autoencoder):
    with pytest.raises(StageError, match="14 windows for n_clusters=15; add recordings to the cat"):
        cluster(tmp_path, autoencoder, replace(TINY[DCEC], n_clusters=15), images=IMAGES[:2])
    same = [np.full((240, 48), 7, np.uint8)]
    with pytest.raises(StageError, match="7 windows, 1 of which differ, for n_clusters=3; add"):
        cluster(tmp_path / "same", autoencoder, TINY[DCEC], images=same)
    with pytest.raises(LakeError, match=r"cannot read .*settings\.json"):
        cluster(tmp_path, tmp_path / "nowhere", TINY[DCEC])
    other = train_tiny("degradation_classifier", tmp_path).weights.parent
    with pytest.raises(LakeError, match="'degradation_classifier', expected one of framewise_aut"):
        cluster(tmp_path, other, TINY[DCEC])
    with pytest.raises(LakeError, match="'framewise_autoencoder', expected one of dcec; give"):
        clusters_of(autoencoder, IMAGES[0][None])


@pytest.mark.parametrize("shape", [(60, 48), (1, 14, 48), (1, 60, 40)])
def test_images_without_a_piece_are_in_no_cluster(tmp_path, shape):
    with pytest.raises(StageError, match=r"expected \(n, 15 or more, 48\); give images of nisqa"):
        clusters_of(tmp_path, np.zeros(shape, np.uint8))


def test_another_autoencoder_makes_another_training(tmp_path, autoencoder):
    cluster(tmp_path / "run", autoencoder, TINY[DCEC])
    other = train_tiny(AUTOENCODER, tmp_path).weights.parent
    with pytest.raises(LakeError, match="another training, which differs in autoencoder; delete"):
        cluster(tmp_path / "run", other, TINY[DCEC])


def test_renewals_come_with_checkpoints():
    with pytest.raises(SettingsError, match=r"renewal_updates=140: .* of checkpoint_updates=60"):
        replace(DCEC_RECIPES["paper"], checkpoint_updates=60)
    with pytest.raises(SettingsError, match=r"max_updates=150: .* of renewal_updates=140"):
        replace(DCEC_RECIPES["paper"], max_updates=150)
