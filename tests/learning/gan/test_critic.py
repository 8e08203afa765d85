"""A trained discriminator scores: what it tells apart, what its scores do not depend on."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from musqa_pipeline.core.errors import LakeError, SettingsError, StageError
from musqa_pipeline.learning.entry import TrainingSettings
from musqa_pipeline.learning.gan.critic import (
    Critic,
    critic_of_checkpoints,
    critic_of_run,
    settings_of_run,
    untrained_critic,
)
from musqa_pipeline.learning.gan.images import images_of
from musqa_pipeline.learning.gan.pair import load_pair
from musqa_pipeline.learning.gan.tracks import SegmentBatches, Tracks
from musqa_pipeline.learning.gan.train import each_once
from musqa_pipeline.learning.training.checkpoint import read_weights, write_weights
from musqa_pipeline.learning.training.kept import kept_files
from tests.learning.gan.made_up_tracks import SPEC, write_made_up
from tests.learning.gan.test_pair import spectral_norms
from tests.learning.gan.tiny_gan import WIDER, train_tiny

TRAINED = replace(WIDER, steps=26, checkpoint_steps=13)
"""52 steps of the discriminator."""
KINDS = ("last", "average", "checkpoints")


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    on_cpu = TrainingSettings(device="cpu")  # the critic asks there
    folder = tmp_path_factory.mktemp("critic")
    return train_tiny(folder, TRAINED, on_cpu, n_threads=1).weights.parent


@pytest.fixture(scope="module")
def unmet(tmp_path_factory):
    tracks = write_made_up(tmp_path_factory.mktemp("unmet") / "tracks", (6, 6), first=100)
    return next(iter(SegmentBatches(tracks, 12, 1, seed=0)()))


def noise(n=12):
    return torch.rand(n, 1, 64, 64, generator=torch.Generator().manual_seed(3)) * 2 - 1


def auc(critic, pcm, genres):
    real, of_noise = critic.score(pcm, genres), critic.score_images([noise()], genres)
    return (real[:, None] > of_noise[None]).mean()


@pytest.mark.parametrize("kind", KINDS)
def test_a_trained_critic_tells_music_from_noise(run, unmet, kind):
    critic = critic_of_run(run, kind)
    assert auc(critic, *unmet) >= 0.95
    assert auc(critic, unmet[0], None) >= 0.95


def test_untrained_critics_do_not(unmet):
    each = [auc(untrained_critic(TRAINED, seed), *unmet) for seed in range(12)]
    assert 0.2 < np.mean(each) < 0.8
    assert min(each) < 0.1


@pytest.mark.long
def test_after_200_steps_music_is_told_from_noise_and_norms_are_one(tmp_path, unmet):
    gan = replace(TRAINED, g_width=4, d_width=8, steps=200, checkpoint_steps=100)
    critic = critic_of_run(train_tiny(tmp_path, gan).weights.parent)
    assert auc(critic, *unmet) >= 0.95
    assert critic.score(*unmet).mean() > 0 > critic.score_images([noise()]).mean()
    assert max(spectral_norms(critic.discriminators).values()) <= 1.02


@pytest.mark.parametrize("kind", KINDS)
def test_spectral_norms_after_50_steps_are_at_most_1_02(run, kind):
    for network in critic_of_run(run, kind).discriminators:
        norms = spectral_norms(network)
        assert len(norms) > 10
        assert max(norms.values()) <= 1.02


def test_so_are_the_generator_s(run):
    pair = load_pair(settings_of_run(run), run / "weights.pt")
    assert max(spectral_norms(pair.generator).values()) <= 1.02
    assert max(spectral_norms(pair.averages).values()) <= 1.02


@pytest.mark.parametrize("kind", KINDS)
def test_scores_depend_neither_on_the_batch_nor_on_its_order(run, unmet, kind):
    critic = critic_of_run(run, kind)
    pcm, genres = unmet
    together = critic.score(pcm, genres)
    order = np.random.default_rng(0).permutation(len(pcm))
    assert np.abs(critic.score(pcm[order], genres[order]) - together[order]).max() <= 1e-5
    alone = [critic.score(pcm[i : i + 1], genres[i : i + 1])[0] for i in range(len(pcm))]
    assert np.abs(alone - together).max() <= 1e-5
    assert together.std() > 1e-2


def test_the_mean_genre_s_score_is_the_mean_over_genres(run, unmet):
    critic, pcm = critic_of_run(run), unmet[0]
    each = [critic.score(pcm, np.full(len(pcm), genre)) for genre in range(TRAINED.n_genres)]
    np.testing.assert_allclose(critic.score(pcm), np.mean(each, axis=0), rtol=1e-12)
    assert np.abs(each[0] - each[1]).min() > 1e-3


def test_a_score_is_what_the_discriminator_says_of_the_image(run, unmet):
    critic, (pcm, genres) = critic_of_run(run), unmet
    with torch.no_grad():
        images = images_of(torch.from_numpy(pcm), SPEC)
        expected = critic.discriminators[0](images, torch.from_numpy(genres)).numpy()
    np.testing.assert_allclose(critic.score(pcm, genres), expected, atol=1e-5)


def test_checkpoints_are_standardised_and_averaged(run, unmet):
    together, paths = critic_of_run(run, "checkpoints"), kept_files(run)
    assert len(paths) == len(together.discriminators) == 2
    each = []
    for path, network in zip(paths, together.discriminators, strict=True):
        mean, deviation = read_weights(path)["real_scores"].tolist()
        each.append((Critic(TRAINED, [network]).score(*unmet) - mean) / deviation)
        np.testing.assert_allclose(critic_of_checkpoints(TRAINED, [path]).score(*unmet), each[-1])
    np.testing.assert_allclose(together.score(*unmet), np.mean(each, axis=0))
    assert np.abs(each[0] - each[1]).max() > 1e-3


@pytest.mark.parametrize("kind", KINDS)
def test_a_critic_comes_back_as_it_was_saved(run, unmet, tmp_path, kind):
    critic = critic_of_run(run, kind)
    critic.save(tmp_path / "critic.pt")
    again = Critic.load(tmp_path / "critic.pt")
    assert again.settings == critic.settings == TRAINED
    assert np.array_equal(again.score(*unmet), critic.score(*unmet))


def test_checkpoints_generate_images_of_each_genre(run):
    settings, (first, last) = settings_of_run(run), kept_files(run)
    genres = torch.tensor([0, 1, 1])
    drawn = [
        load_pair(settings, path).sample(genres, torch.Generator().manual_seed(7))
        for path in (first, last, last)
    ]
    assert drawn[0].shape == (3, 1, 64, 64)
    assert torch.equal(drawn[1], drawn[2])
    assert (drawn[1] - drawn[0]).abs().max() > 1e-3
    with pytest.raises(LakeError, match="does not fit the pair of this version"):
        load_pair(replace(settings, g_width=3), last)


def test_curves_end_with_scores_of_the_stored_discriminator(run):
    critic, curves = critic_of_run(run), json.loads((run / "curves.json").read_text())
    unmet = each_once(Tracks([run.parent / "unmet"], SPEC), TRAINED.batch_size)
    scores = np.concatenate([critic.score(*batch) for batch in unmet()])
    assert curves["score_unmet"][-1] == pytest.approx(scores.mean(), abs=1e-4)
    mean, deviation = read_weights(run / "weights.pt")["real_scores"].tolist()
    assert curves["score_met"][-1] == pytest.approx(mean)
    assert deviation > 0


def test_untrained_critics_differ_by_seed_alone(unmet):
    first, again, other = (untrained_critic(TRAINED, s).score(unmet[0]) for s in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_what_a_run_did_not_keep_is_named(run, tmp_path):
    (tmp_path / "settings.json").write_text((run / "settings.json").read_text())
    with pytest.raises(SettingsError, match="critic='checkpoints': none was kept"):
        critic_of_run(tmp_path, "checkpoints")
    weights = read_weights(run / "weights.pt")
    lean = {k: v for k, v in weights.items() if not k.startswith("averages")}
    write_weights(tmp_path / "weights.pt", lean)
    with pytest.raises(SettingsError, match=r"critic='average': this training kept none; raise"):
        critic_of_run(tmp_path, "average")


def test_files_that_cannot_serve_are_named(run, tmp_path):
    with pytest.raises(LakeError, match=r"cannot read .*settings\.json"):
        critic_of_run(tmp_path)
    (tmp_path / "settings.json").write_text("[]")
    with pytest.raises(LakeError, match="is no record of a GAN"):
        critic_of_run(tmp_path)
    record = json.loads((run / "settings.json").read_text())
    record["settings"]["d_width"] = 5
    (tmp_path / "settings.json").write_text(json.dumps(record))
    write_weights(tmp_path / "weights.pt", read_weights(run / "weights.pt"))
    with pytest.raises(LakeError, match=r"weights\.pt does not fit the discriminator"):
        critic_of_run(tmp_path)
    with pytest.raises(LakeError, match=r"weights\.pt is no critic of format 1"):
        Critic.load(tmp_path / "weights.pt")
    critic_of_run(run).save(tmp_path / "critic.pt")
    (tmp_path / "cut.pt").write_bytes((tmp_path / "critic.pt").read_bytes()[:-1000])
    with pytest.raises(LakeError, match=r"cannot read .*cut\.pt"):
        Critic.load(tmp_path / "cut.pt")


def test_weights_and_scores_that_are_not_finite_are_refused(run, unmet, tmp_path):
    critic = critic_of_run(run)
    critic.discriminators[0].linear.bias.fill_(torch.nan)
    with pytest.raises(StageError, match="scores are not finite"):
        critic.score(unmet[0])
    critic.save(tmp_path / "critic.pt")
    with pytest.raises(LakeError, match="holds weights that are NaN"):
        Critic.load(tmp_path / "critic.pt")
