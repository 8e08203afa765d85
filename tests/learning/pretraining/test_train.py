"""A wav2vec 2.0 pre-trains, is killed and goes on."""

from dataclasses import replace

import pytest
import torch

from musqa_pipeline.core.errors import LakeError, StageError
from musqa_pipeline.learning.entry import TrainingSettings
from musqa_pipeline.learning.pretraining import learner
from musqa_pipeline.learning.pretraining.folder import read_folder
from musqa_pipeline.learning.pretraining.train import untrained
from musqa_pipeline.learning.pretraining.wav2vec2 import build_pretraining
from musqa_pipeline.learning.training.checkpoint import read_weights
from musqa_pipeline.learning.training.kept import kept_files
from tests.learning.killed import kill_in_the_middle
from tests.learning.pretraining.tiny_wav2vec2 import TINY, train_tiny

CURVES = {
    "loss", "contrastive_loss", "accuracy", "diversity_loss", "feature_penalty", "perplexity",
    "code_perplexity", "learning_rate",
}  # fmt: skip
TWO = replace(TINY, updates=2, warmup_updates=1)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    return train_tiny(tmp_path_factory.mktemp("undisturbed"))


def test_a_training_killed_and_resumed_equals_an_undisturbed_one_bit_for_bit(tmp_path, undisturbed):
    said, _ = kill_in_the_middle("tests.learning.pretraining.tiny_wav2vec2", tmp_path)
    assert said == []
    epochs = []
    torch.manual_seed(12345)
    resumed = train_tiny(tmp_path, on_epoch=epochs.append)
    assert [metrics["epoch"] for metrics in epochs] == [2]
    assert resumed.curves == undisturbed.curves
    ends = [torch.load(r.weights.parent / "checkpoint.ckpt") for r in (resumed, undisturbed)]
    for part in ("state_dict", "optimizer_states"):
        torch.testing.assert_close(ends[0][part], ends[1][part], rtol=0, atol=0)
    assert ends[0]["global_step"] == ends[1]["global_step"] == TINY.updates
    for name in ("weights.pt", "model.safetensors", "config.json", "networks-00002.pt"):
        files = [result.weights.parent / name for result in (resumed, undisturbed)]
        assert files[0].read_bytes() == files[1].read_bytes(), name


def test_a_training_has_curves_and_its_network_comes_back(undisturbed):
    assert undisturbed.finished
    assert undisturbed.curves.keys() == CURVES
    assert all(len(values) == 3 for values in undisturbed.curves.values())
    rates = [TINY.learning_rate_of(update) for update in (1, 3, 5)]
    assert undisturbed.curves["learning_rate"] == rates
    for step, total in enumerate(undisturbed.curves["loss"]):
        parts = [
            undisturbed.curves[name][step] * weight
            for name, weight in (
                ("contrastive_loss", 1), ("diversity_loss", 0.1), ("feature_penalty", 10)
            )
        ]  # fmt: skip
        assert total == pytest.approx(sum(parts))
    folder = undisturbed.weights.parent
    assert [path.name for path in kept_files(folder)] == ["networks-00001.pt", "networks-00002.pt"]
    weights = read_weights(undisturbed.weights)
    network = read_folder(folder, build_pretraining)
    torch.testing.assert_close(dict(network.state_dict()), weights, rtol=0, atol=0)
    first = untrained(TINY, 0).state_dict()
    assert all(not torch.equal(first[name], weights[name]) for name in first if "norm" not in name)


def test_it_begins_with_the_untrained_network_of_its_seed(tmp_path):
    result = train_tiny(tmp_path, replace(TWO, learning_rate=1e-30))
    first = untrained(TWO, 0).state_dict()
    for name, tensor in read_weights(result.weights).items():
        torch.testing.assert_close(tensor, first[name], rtol=0, atol=1e-20, msg=name)
    other = untrained(TWO, 1).state_dict()
    assert not torch.equal(other["project_q.weight"], first["project_q.weight"])


def test_updates_draw_anew_and_seeds_draw_otherwise(tmp_path, monkeypatch):
    seen = []

    def seeing(network, samples, drawn, recipe, *, gumbel_temperature):
        seen.append((drawn.masked_nm.tolist(), samples.sum().item(), gumbel_temperature))
        return step(network, samples, drawn, recipe, gumbel_temperature=gumbel_temperature)

    step = learner.take_step
    monkeypatch.setattr(learner, "take_step", seeing)
    for seed in (0, 1):
        train_tiny(tmp_path / str(seed), training=TrainingSettings(seed=seed))
    assert len({str(masks) for masks, _, _ in seen}) == 12
    assert len({total for _, total, _ in seen}) == 12
    temperatures = [TINY.gumbel_temperature_of(update) for update in range(6)]
    assert [temperature for _, _, temperature in seen] == 2 * temperatures


@pytest.mark.parametrize(
    "option",
    [{"negatives_elsewhere": 3}, {"weight_decay": 0.5}, {"penalty_weight": 0.0}],
)
def test_each_option_trains_something_else(tmp_path, undisturbed, option):
    result = train_tiny(tmp_path, replace(TINY, **option))
    assert result.curves["loss"][-1] != undisturbed.curves["loss"][-1]


def test_another_training_is_refused_and_names_what_differs(tmp_path):
    train_tiny(tmp_path, TWO)
    with pytest.raises(LakeError, match=r"another training, which differs in negatives; delete"):
        train_tiny(tmp_path, replace(TWO, negatives=8))


def test_an_unfinished_training_leaves_no_folder_of_transformers(tmp_path):
    result = train_tiny(tmp_path, training=TrainingSettings(max_minutes=1e-9))
    assert not result.finished
    assert not list(result.weights.parent.glob("*.safetensors"))
    assert train_tiny(tmp_path).finished
    assert (result.weights.parent / "model.safetensors").exists()


def test_a_loss_that_is_not_finite_stops_the_training(tmp_path):
    with pytest.raises(StageError, match="expected finite numbers; lower learning_rate"):
        train_tiny(tmp_path, replace(TWO, penalty_weight=1e300))


def test_mixed_precision_trains_something_near(tmp_path, undisturbed):
    mixed = train_tiny(tmp_path, training=TrainingSettings(precision="bf16-mixed"))
    ours, exact = mixed.curves["feature_penalty"], undisturbed.curves["feature_penalty"]
    assert ours != exact
    assert ours == pytest.approx(exact, rel=0.05)


@pytest.mark.long
def test_two_processes_pre_train_together(tmp_path):
    recipe = replace(TINY, batch_size=4)
    result = train_tiny(tmp_path, recipe, training=TrainingSettings(device="cpu", devices=2))
    assert result.finished
    assert all(tensor.isfinite().all() for tensor in read_weights(result.weights).values())
