import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from musqa_pipeline.learning.entry import TrainingSettings
from musqa_pipeline.learning.training.schedule import is_over, kept_epoch, learning_rate

LOSSES = st.lists(st.integers(0, 12).map(lambda n: n / 100), max_size=60)


@given(losses=LOSSES, patience=st.integers(1, 6), threshold=st.sampled_from([0.0, 0.015, 0.2]))
def test_the_learning_rate_is_that_of_torchs_scheduler_with_one_epoch_less_patience(
    losses, patience, threshold
):
    settings = TrainingSettings(
        learning_rate=0.5,
        learning_rate_factor=0.25,
        learning_rate_patience_epochs=patience,
        plateau_threshold=threshold,
    )
    optimizer = torch.optim.SGD([torch.zeros(1)], lr=0.5)
    oracle = torch.optim.lr_scheduler.ReduceLROnPlateau(
        optimizer, factor=0.25, patience=patience - 1, threshold=threshold,
        threshold_mode="abs", eps=0.0,
    )  # fmt: skip
    for n, loss in enumerate(losses):
        assert learning_rate(losses[:n], settings) == optimizer.param_groups[0]["lr"]
        oracle.step(loss)
    assert learning_rate(losses, settings) == optimizer.param_groups[0]["lr"]


def test_the_papers_rate_is_halved_by_the_tenth_epoch_without_improvement():
    paper = TrainingSettings()
    stalled = [0.5] + [0.5] * 9
    assert learning_rate(stalled, paper) == 1e-3
    assert learning_rate([*stalled, 0.5], paper) == 5e-4
    assert learning_rate([*stalled, 0.4998], paper) == 1e-3
    assert learning_rate([*stalled, 0.49995], paper) == 5e-4  # fell by less than the threshold


@given(losses=LOSSES.filter(len), patience=st.integers(1, 6))
def test_training_stops_at_the_first_epoch_that_ends_enough_epochs_without_a_lower_loss(
    losses, patience
):
    settings = TrainingSettings(max_epochs=50, stop_patience_epochs=patience)
    stop, best, waited = 50, np.inf, 0
    for n, loss in enumerate(losses[:50], start=1):
        best, waited = (loss, 0) if loss < best else (best, waited + 1)
        if waited == patience:
            stop = n
            break
    flags = [is_over(losses[:n], settings) for n in range(len(losses[:stop]) + 1)]
    assert flags == [n == stop for n in range(len(flags))]


def test_the_paper_stops_after_fifty_epochs_and_never_trains_more_than_three_hundred():
    paper = TrainingSettings()
    assert not is_over([0.1] * 50, paper)
    assert is_over([0.1] * 51, paper)
    falling = list(np.linspace(1, 0.1, 300))
    assert not is_over(falling[:299], paper)
    assert is_over(falling, paper)


def test_nisqa_goes_on_while_either_the_loss_or_the_correlation_improves():
    settings = TrainingSettings(stop_patience_epochs=3)
    losses = [0.5, 0.4, 0.6, 0.6, 0.6, 0.6]
    assert is_over(losses[:5], settings)
    # The loss was last lower in epoch 2, the correlation last higher in epoch 3.
    correlations = [0.1, 0.0, 0.2, 0.2, 0.15, 0.2]
    assert not is_over(losses[:5], settings, correlations[:5])
    assert is_over(losses, settings, correlations)
    assert not is_over([0.5, 0.5, 0.5, 0.4, 0.6, 0.6], settings, [0.3] + [0.1] * 5)


@pytest.mark.parametrize(("losses", "best"), [([3.0], 0), ([3, 1, 2, 1], 1), ([3, 2, 1], 2)])
def test_the_first_of_the_lowest_losses_wins(losses, best):
    assert kept_epoch(losses, TrainingSettings()) == best


def test_a_cosine_rises_in_equal_steps_and_falls_as_torchs_scheduler():
    settings = TrainingSettings(
        learning_rate=0.4, learning_rate_schedule="cosine", warmup_epochs=3, max_epochs=13
    )
    rates = [learning_rate([1.0] * n, settings) for n in range(13)]
    np.testing.assert_allclose(rates[:4], [0.1, 0.2, 0.3, 0.4])
    optimizer = torch.optim.SGD([torch.zeros(1)], lr=0.4)
    oracle = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=10)
    for rate in rates[3:]:
        assert rate == pytest.approx(optimizer.param_groups[0]["lr"])
        optimizer.step()
        oracle.step()
    assert learning_rate([1.0] * 13, settings) == pytest.approx(0, abs=1e-12)


def test_the_last_epoch_is_kept_where_the_settings_say_so():
    losses = [0.5, 0.1, 0.3]
    assert kept_epoch(losses, TrainingSettings()) == 1
    assert kept_epoch(losses, TrainingSettings(kept_weights="last")) == 2
