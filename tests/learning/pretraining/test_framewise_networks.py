"""The mirror of NISQA's convolutions, and what else stands on them."""

import pytest
import torch
from pydantic import ValidationError

from musqa_pipeline.audio.degradations.six_versions import CLASSES
from musqa_pipeline.learning.networks.nisqa import ConvMaxPool
from musqa_pipeline.learning.pretraining.framewise_networks import (
    ClusteringNetwork,
    DegradationClassifier,
    FramewiseAutoencoder,
    PieceDecoder,
)
from musqa_pipeline.learning.pretraining.framewise_recipe import (
    AUTOENCODER_RECIPES,
    CLASSIFIER_RECIPES,
    DCEC_RECIPES,
)

IMAGES = torch.rand(2, 63, 48, generator=torch.Generator().manual_seed(0))


def n_parameters(module):
    return sum(p.numel() for p in module.parameters())


def test_parameters_are_those_of_the_layers():
    weights = 9 * (64 * 64 * 3 + 64 * 32 + 32 * 16 + 16)  # of 3 x 3 cells
    biases = 64 * 3 + 32 + 16 + 1
    norms = 2 * (64 * 3 + 32 + 16)
    assert n_parameters(PieceDecoder()) == weights + biases + norms == 134_497
    assert n_parameters(FramewiseAutoencoder(4)) == 134_688 + 134_497
    assert n_parameters(ClusteringNetwork(4, 10)) == 269_185 + 3_840
    assert n_parameters(DegradationClassifier(4, 6)) == 134_688 + 385 * 6


def test_the_mirror_gives_pieces_of_the_shape_that_the_body_took():
    network = FramewiseAutoencoder(16).eval()
    with torch.no_grad():
        features, made = network(IMAGES)
    pieces = network.pieces_of(IMAGES)
    assert features.shape == (2, 4, 384)
    assert made.shape == pieces.shape == (2, 4, 48, 15)
    for piece in range(4):
        there = IMAGES[1, 16 * piece : 16 * piece + 15].T
        assert torch.equal(pieces[1, piece], there)
        with torch.no_grad():
            alone = network(IMAGES[1:, 16 * piece : 16 * piece + 15])[1]
        torch.testing.assert_close(made[1, piece], alone[0, 0])


def test_bands_and_frames_of_the_mirror_are_not_mixed_up():
    """What lies in the lowest of six bands of features reaches the lowest 35 bands, and no other.

    Each convolution reaches a band further, and each enlargement doubles how far that is.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        decoder = PieceDecoder().eval()
    features = torch.zeros(2, 64, 6)
    features[1, :, 0] = 1
    with torch.no_grad():
        zero, low = decoder(features.flatten(1))
    moved_f = (low - zero).abs().sum(dim=1)
    assert moved_f[:35].min() > 0
    assert moved_f[35:].max() == 0


def test_a_classifier_is_convmaxpool_with_more_answers():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        ours, theirs = DegradationClassifier(16, 6).eval(), ConvMaxPool(16).eval()
    theirs.body.load_state_dict(ours.body.state_dict())
    with torch.no_grad():
        theirs.out.weight[:] = ours.out.weight[3:4]
        theirs.out.bias[:] = ours.out.bias[3:4]
        logits = ours(IMAGES)
        assert logits.shape == (2, 6)
        torch.testing.assert_close(logits[:, 3], theirs(IMAGES))


def test_what_is_clustered_is_the_maximum_over_pieces():
    network = ClusteringNetwork(15, 3).eval()
    with torch.no_grad():
        pieces = [network.embed(IMAGES[:, 15 * i : 15 * i + 15]) for i in range(4)]
        torch.testing.assert_close(network.embed(IMAGES), torch.stack(pieces).amax(0))


def test_recipes_are_the_papers_and_small_ones():
    paper, small = DCEC_RECIPES["paper"], DCEC_RECIPES["small"]
    assert (paper.window_frames, paper.window_hop_frames, paper.n_clusters) == (2_000, 1_000, 10)
    assert (paper.kmeans_starts, paper.renewal_updates, paper.clustering_weight) == (20, 140, 0.1)
    assert (paper.piece_hop_frames, small.piece_hop_frames) == (4, 16)
    assert AUTOENCODER_RECIPES.keys() == CLASSIFIER_RECIPES.keys() == DCEC_RECIPES.keys()
    assert CLASSIFIER_RECIPES["paper"].classes == CLASSES
    assert CLASSIFIER_RECIPES["paper"].identity()["classes"] == list(CLASSES)
    with pytest.raises(ValidationError, match="max_updates"):
        type(paper)(max_updates=0)
