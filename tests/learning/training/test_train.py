import errno
import functools
import json
import logging
import os
import signal
from dataclasses import asdict, replace
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pytest
import torch

from musqa_pipeline.core import seals
from musqa_pipeline.core.errors import LakeError, SettingsError, StageError
from musqa_pipeline.core.seal_format import State
from musqa_pipeline.core.seeds import derive_seed
from musqa_pipeline.learning.predict import load_model
from musqa_pipeline.learning.training.environment import usable_threads
from tests.learning import tiny
from tests.learning.killed import kill_in_the_middle
from tests.learning.tiny import SETTINGS, train_tiny


def state_of(path):
    return torch.load(path, weights_only=True)


def losses_in(folder):
    return state_of(folder / "checkpoint.ckpt")["musqa"]["history"]["loss"]


def assert_same_tensors(left, right):
    assert left.keys() == right.keys()
    for name in left:
        assert torch.equal(left[name], right[name]), name


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(tiny.MODELS, "tiny", tiny.ENTRY)
        patch.setenv("MUSQA_WORKERS", "1")
        return train_tiny(tmp_path_factory.mktemp("undisturbed"))


def test_a_run_killed_in_the_middle_and_resumed_equals_an_undisturbed_one_tensor_for_tensor(
    tmp_path, undisturbed
):
    said, complaints = kill_in_the_middle("tests.learning.tiny", tmp_path)
    # Nothing is said but a line an epoch, not even by Lightning.
    assert [line.split(",")[0] for line in said] == [
        f"tiny: epoch {n} of at most 8" for n in (1, 2, 3)
    ]
    assert complaints == ""
    n_done = len(losses_in(tmp_path))
    assert 0 < n_done < SETTINGS.max_epochs
    assert n_done == 3
    assert not (tmp_path / "weights.pt").exists()

    torch.manual_seed(12345)  # the resumed run must not depend on where torch's generator stands
    epochs = []
    resumed = train_tiny(tmp_path, on_epoch=lambda metrics: epochs.append(metrics["epoch"]))
    assert epochs == [3, 4, 5, 6, 7]
    assert resumed.curves == undisturbed.curves
    assert_same_tensors(state_of(resumed.weights), state_of(undisturbed.weights))
    last, expected = (
        state_of(folder / "checkpoint.ckpt") for folder in (tmp_path, undisturbed.weights.parent)
    )
    assert_same_tensors(last["state_dict"], expected["state_dict"])
    for index, moments in expected["optimizer_states"][0]["state"].items():
        assert_same_tensors(last["optimizer_states"][0]["state"][index], moments)


def test_it_equals_a_loop_written_by_hand(tmp_path):
    trained = train_tiny(tmp_path, replace(SETTINGS, device="cpu"))
    torch.manual_seed(derive_seed("models.weights", 0, "tiny"))
    network = tiny.Tiny()
    optimizer = torch.optim.Adam(network.parameters(), lr=0.01, eps=1e-7)
    plateau = torch.optim.lr_scheduler.ReduceLROnPlateau(
        optimizer, factor=0.5, patience=0, threshold=1e-4, threshold_mode="abs"
    )
    losses, validation_losses, rates, best = [], [], [], {}
    for epoch in range(8):
        rates.append(optimizer.param_groups[0]["lr"])
        network.train()
        total = 0.0
        for batch, (images, quality) in enumerate(tiny.train_batches(epoch)):
            torch.manual_seed(derive_seed("models.batch", 0, epoch, batch))
            loss = ((network(torch.from_numpy(images)) - torch.from_numpy(quality)) ** 2).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() * len(images)
        losses.append(total / tiny.N_TRAIN)
        network.eval()
        images, quality = tiny.make_images(tiny.N_VALIDATION, 2)
        with torch.no_grad():
            predicted = network(torch.from_numpy(images)).numpy()
        validation_losses.append(float(((predicted - quality) ** 2).mean()))
        if validation_losses[-1] == min(validation_losses):
            best = {name: tensor.clone() for name, tensor in network.state_dict().items()}
        plateau.step(validation_losses[-1])
    assert trained.curves["learning_rate"] == rates
    assert len(set(rates)) > 1  # the plateau was met
    np.testing.assert_allclose(trained.curves["loss"], losses, rtol=1e-4)
    np.testing.assert_allclose(trained.curves["validation_loss"], validation_losses, rtol=1e-4)
    assert trained.best_epoch == int(np.argmin(validation_losses))
    assert trained.best_epoch < 7  # the best weights are not simply the last
    for name, tensor in state_of(trained.weights).items():
        torch.testing.assert_close(tensor, best[name], rtol=1e-4, atol=1e-5)


def test_the_result_and_the_folder_say_what_was_done(undisturbed):
    folder = undisturbed.weights.parent
    names = [
        "checkpoint.ckpt", "curves.json", "environment.json", "settings.json", "weights.pt",
    ]  # fmt: skip
    assert sorted(p.name for p in folder.iterdir()) == [*(f".{n}.seal" for n in names), *names]
    assert all(seals.check(folder / name) is State.WHOLE for name in names)
    assert undisturbed.finished
    assert (undisturbed.epochs, undisturbed.parameters) == (8, 48 * 12 + 12 + 12 + 1)
    assert undisturbed.best_validation_loss == min(undisturbed.curves["validation_loss"])
    assert 0 < undisturbed.minutes < 1
    assert json.loads((folder / "curves.json").read_text()) == undisturbed.curves
    record = json.loads((folder / "settings.json").read_text())
    assert record["model"] == "tiny"
    assert record["settings"] == asdict(SETTINGS)
    environment = json.loads((folder / "environment.json").read_text())
    assert environment["torch"] == version("torch")
    assert environment["n_threads"] == 1


def test_a_finished_run_is_not_trained_again(tmp_path):
    settings = replace(SETTINGS, max_epochs=2)
    first = train_tiny(tmp_path, settings)
    lines, epochs = [], []
    again = train_tiny(tmp_path, settings, log=lines.append, on_epoch=epochs.append)
    assert again == first
    assert lines == ["tiny: resumed after 2 epochs"]
    assert epochs == []


def test_metrics_of_every_epoch_are_handed_over_with_their_roots(tmp_path):
    seen = []
    result = train_tiny(tmp_path, replace(SETTINGS, max_epochs=2), on_epoch=seen.append)
    assert [m["epoch"] for m in seen] == [0, 1]
    assert [m["validation_loss"] for m in seen] == result.curves["validation_loss"]
    for metrics in seen:
        assert metrics["rmse"] ** 2 == pytest.approx(metrics["loss"])
        assert metrics["validation_rmse"] ** 2 == pytest.approx(metrics["validation_loss"])
    assert sum(m["seconds"] for m in seen) / 60 == pytest.approx(result.minutes)


def test_training_stops_early_and_keeps_the_weights_of_the_best_epoch(tmp_path):
    def moving_target():
        # What is right moves away epoch by epoch, so that the first epoch stays the best.
        moving_target.calls += 1
        for images, quality in tiny.validation_batches():
            yield images, quality + 10 * moving_target.calls

    moving_target.calls = 0
    settings = replace(SETTINGS, stop_patience_epochs=2)
    result = train_tiny(tmp_path, settings, validation_batches=moving_target)
    assert (result.epochs, result.best_epoch, result.finished) == (3, 0, True)
    one_epoch = train_tiny(tmp_path / "one", replace(SETTINGS, max_epochs=1))
    assert_same_tensors(state_of(result.weights), state_of(one_epoch.weights))


def test_max_minutes_ends_a_training_as_unfinished_and_more_minutes_go_on_with_it(
    tmp_path, undisturbed
):
    lines = []
    short = replace(SETTINGS, max_minutes=1e-9)
    result = train_tiny(tmp_path, short, log=lines.append)
    assert (result.finished, result.epochs) == (False, 1)
    assert lines[-1] == (
        "tiny: ended by max_minutes=1e-09 after 1 epochs; marked unfinished, no result"
    )
    longer = train_tiny(tmp_path, replace(SETTINGS, max_minutes=5.0))
    assert longer.finished
    assert longer.minutes > result.minutes  # all attempts together
    assert longer.curves == undisturbed.curves
    assert_same_tensors(state_of(longer.weights), state_of(undisturbed.weights))


def test_the_seed_decides_weights_and_dropout(tmp_path, undisturbed):
    other = train_tiny(tmp_path, replace(SETTINGS, seed=1, max_epochs=1))
    assert other.curves["loss"][0] != undisturbed.curves["loss"][0]


def test_a_training_may_use_all_cores_unless_told_otherwise(monkeypatch):
    monkeypatch.setenv("MUSQA_WORKERS", "3")
    assert usable_threads() == 3
    monkeypatch.delenv("MUSQA_WORKERS")
    assert usable_threads() == len(os.sched_getaffinity(0))


def test_threads_stay_those_that_a_run_began_with(tmp_path, monkeypatch, two_threads):
    train_tiny(tmp_path, replace(SETTINGS, max_minutes=1e-9))
    monkeypatch.setenv("MUSQA_WORKERS", "2")
    seen = []
    result = train_tiny(tmp_path, on_epoch=lambda metrics: seen.append(torch.get_num_threads()))
    assert set(seen) == {1}
    assert result.environment["n_threads"] == 1


def test_torch_python_and_the_process_are_left_as_they_were(tmp_path, capfd, two_threads):
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    before = (
        torch.get_num_threads(),
        torch.are_deterministic_algorithms_enabled(),
        logging.getLogger("lightning.pytorch").level,
        signal.getsignal(signal.SIGINT),
        signal.getsignal(signal.SIGTERM),
    )
    train_tiny(tmp_path, replace(SETTINGS, max_epochs=2))
    after = (
        torch.get_num_threads(),
        torch.are_deterministic_algorithms_enabled(),
        logging.getLogger("lightning.pytorch").level,
        signal.getsignal(signal.SIGINT),
        signal.getsignal(signal.SIGTERM),
    )
    assert after == before
    assert torch.equal(torch.rand(1), expected)
    assert capfd.readouterr() == ("", "")


def test_an_interrupt_reaches_the_caller_and_costs_one_epoch(tmp_path, undisturbed):
    def interrupt(metrics):
        if metrics["epoch"] == 1:
            raise KeyboardInterrupt

    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        train_tiny(tmp_path, on_epoch=interrupt)
    assert signal.getsignal(signal.SIGINT) is before
    assert train_tiny(tmp_path).curves == undisturbed.curves


def test_a_loss_that_is_not_finite_ends_the_training_with_advice(tmp_path):
    def broken(epoch):
        for images, quality in tiny.train_batches(epoch):
            yield images * np.float32(np.nan if epoch == 1 else 1), quality

    with pytest.raises(
        StageError, match=r"loss=nan, .* in epoch 1, expected finite .* lower \[mod"
    ):
        train_tiny(tmp_path, train_batches=broken)
    assert len(losses_in(tmp_path)) == 1


def test_no_images_are_an_error_that_says_which(tmp_path):
    with pytest.raises(StageError, match="no image to train on; add recordings"):
        train_tiny(tmp_path / "a", train_batches=lambda epoch: [])
    with pytest.raises(StageError, match=r"no image to validate with; .* validation_fraction"):
        train_tiny(tmp_path / "b", validation_batches=lambda: [])


def test_images_of_another_shape_are_refused(tmp_path):
    images = np.zeros((2, 8, 5), np.float32)
    with pytest.raises(SettingsError, match=r"images have shape \(8, 5\): expected \(8, 6\)"):
        train_tiny(tmp_path, train_batches=lambda epoch: [(images, np.zeros(2, np.float32))])


def test_a_checkpoint_of_other_data_or_settings_is_refused_by_name(tmp_path):
    one = replace(SETTINGS, max_epochs=1)
    train_tiny(tmp_path, one, data_fingerprint="aa")
    with pytest.raises(
        LakeError, match="belongs to another training, which differs in data, seed;"
    ):
        train_tiny(tmp_path, replace(one, seed=2), data_fingerprint="bb")


def test_a_damaged_checkpoint_is_named_and_never_trained_over(tmp_path):
    one = replace(SETTINGS, max_epochs=1)
    train_tiny(tmp_path, one)
    checkpoint = tmp_path / "checkpoint.ckpt"
    whole = checkpoint.read_bytes()
    checkpoint.write_bytes(whole[: len(whole) // 2])
    seals.seal_path(checkpoint).unlink()
    with pytest.raises(LakeError, match=r"cannot read .*checkpoint\.ckpt: .*delete the folder"):
        train_tiny(tmp_path, one)


def test_a_full_disk_is_one_sentence_and_leaves_the_checkpoint_before(
    tmp_path, monkeypatch, undisturbed
):
    write = Path.write_bytes

    def full(path, data):
        if ".seal." in path.name:
            return write(path, data)
        if full.after == 0:
            write(path, b"half")
            raise OSError(errno.ENOSPC, "No space left on device")
        full.after -= 1
        return write(path, data)

    full.after = 3  # weights and checkpoint of the first epoch, weights of the second
    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", full)
        with pytest.raises(LakeError, match=r"cannot write .*checkpoint\.ckpt: the disk is full"):
            train_tiny(tmp_path)
    assert len(losses_in(tmp_path)) == 1
    assert list(tmp_path.glob(".*.tmp")) == []
    assert train_tiny(tmp_path).curves == undisturbed.curves


def test_what_a_kill_left_half_written_is_swept_up(tmp_path):
    (tmp_path / ".checkpoint.ckpt.1.tmp").write_bytes(b"half")
    train_tiny(tmp_path, replace(SETTINGS, max_epochs=1))
    assert not (tmp_path / ".checkpoint.ckpt.1.tmp").exists()


def test_a_kill_between_naming_the_weights_and_storing_the_row_is_no_harm(tmp_path):
    one = replace(SETTINGS, max_epochs=1)
    first = train_tiny(tmp_path, one)
    weights = state_of(first.weights)
    assert_same_tensors(state_of(train_tiny(tmp_path, one).weights), weights)
    first.weights.unlink()
    with pytest.raises(LakeError, match=r"best-0000\.pt is missing; delete the folder"):
        train_tiny(tmp_path, one)


def test_the_network_learns_what_can_be_learned(tmp_path):
    settings = replace(SETTINGS, max_epochs=12, learning_rate_patience_epochs=10)
    many = functools.partial(tiny.train_batches, n=320)
    result = train_tiny(tmp_path, settings, train_batches=many)
    images, quality = tiny.make_images(200, 3)
    with torch.no_grad():
        predicted = load_model(tmp_path)(torch.from_numpy(images)).numpy()
    assert ((predicted - quality) ** 2).mean() < 0.5 * quality.var()
    assert np.corrcoef(predicted, quality)[0, 1] > 0.8
    assert result.best_validation_loss < 0.5 * result.curves["validation_loss"][0]
