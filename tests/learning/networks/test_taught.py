import numpy as np
import onnx
import pytest
import torch
from torch.nn import functional

from musqa_pipeline.learning.entry import TrainingSettings
from musqa_pipeline.learning.networks.insenet import InseNet
from musqa_pipeline.learning.networks.musqa_net import MusqaNet, cross_entropy
from musqa_pipeline.learning.networks.musqa_net_augmentation import equalised, some_segments
from musqa_pipeline.learning.networks.taught import EDGE_WEIGHT, PLAN_WEIGHT, TEACHER_WEIGHT
from musqa_pipeline.learning.registry import MODELS, TEACHERS
from musqa_pipeline.release.model.export import export_run
from tests.release.model.test_export import write_run

SETTINGS = TrainingSettings()
IMAGES = torch.rand(4, 31, 1024, generator=torch.Generator().manual_seed(0)) * 0.8
PAIRS = torch.rand(4, 125, 64, generator=torch.Generator().manual_seed(1))
QUALITY = torch.tensor([0.1, 0.4, 0.8, 0.93])
TARGETS = torch.stack([QUALITY, 0.9 * QUALITY, QUALITY.square()], 1)
UNSAID = TARGETS.clone()
UNSAID[:, 1:] = torch.nan


def built(name):
    torch.manual_seed(3)
    return MODELS[name].build(SETTINGS)


def loss_of(name, network, images, targets):
    torch.manual_seed(5)
    return MODELS[name].loss(network, images, targets)


@pytest.mark.parametrize(
    ("name", "kind", "images"), [("musqa_net", MusqaNet, IMAGES), ("insenet", InseNet, PAIRS)]
)
def test_a_taught_network_begins_and_answers_as_the_other_and_its_heads_change_nothing(
    name, kind, images
):
    taught, plain = built(f"{name}_taught").eval(), built(name).eval()
    assert type(plain) is kind
    own = taught.state_dict()
    assert all(torch.equal(own[key], tensor) for key, tensor in plain.state_dict().items())
    further = [key for key in own if key not in plain.state_dict()]
    assert further
    assert all(key.startswith("teachers.") for key in further)
    with torch.no_grad():
        before = taught(images)
        for parameter in taught.teachers.parameters():
            parameter.zero_()
        assert torch.equal(taught(images), before)
        assert torch.equal(plain(images), before)


@pytest.mark.parametrize(("name", "images"), [("musqa_net", IMAGES), ("insenet", PAIRS)])
def test_each_teacher_adds_its_weight_to_the_loss_where_it_said_something(name, images):
    network = built(f"{name}_taught").eval()
    alone = loss_of(f"{name}_taught", network, images, UNSAID)
    torch.manual_seed(5)
    if name == "musqa_net":
        expected = cross_entropy(network, equalised(some_segments(images), QUALITY), QUALITY)
    else:
        expected = functional.mse_loss(network(images), QUALITY)
    torch.testing.assert_close(alone, expected)
    both = loss_of(f"{name}_taught", network, images, TARGETS)
    one = TARGETS.clone()
    one[:, 2] = torch.nan
    other = TARGETS.clone()
    other[:, 1] = torch.nan
    parts = [loss_of(f"{name}_taught", network, images, t) - alone for t in (one, other)]
    assert min(parts) > 0
    torch.testing.assert_close(both - alone, sum(parts))
    both.backward()
    assert all(float(p.grad.abs().sum()) > 0 for p in network.parameters())


def test_the_square_error_of_a_teacher_counts_a_tenth():
    network = built("insenet_taught").eval()
    with torch.no_grad():
        said = network.teachers(network.heard(PAIRS))
        rows = torch.tensor([True, False, True, True])
        targets = UNSAID.clone()
        targets[rows, 2] = TARGETS[rows, 2]
        expected = TEACHER_WEIGHT * (said[rows, 1] - TARGETS[rows, 2]).square().mean()
        found = [loss_of("insenet_taught", network, PAIRS, t) for t in (targets, UNSAID)]
    assert float(found[0] - found[1]) == pytest.approx(float(expected), rel=1e-4)


PLANS = torch.tensor([[0.2, 0.4, 0.0], [torch.nan, torch.nan, 3.0], [0.7, 1.0, 1.0],
                      [torch.nan] * 3])  # fmt: skip


def test_what_a_member_misses_of_the_plan_is_in_its_loss():
    network = built("musqa_net_planned").eval()
    targets = torch.cat([QUALITY[:, None], PLANS], dim=1)
    nothing = torch.cat([QUALITY[:, None], torch.full((4, 3), torch.nan)], dim=1)
    torch.manual_seed(5)
    heard = network.summed_up(equalised(some_segments(IMAGES), QUALITY))
    with torch.no_grad():
        found, alone = (
            float(loss_of("musqa_net_planned", network, IMAGES, t)) for t in (targets, nothing)
        )
        torch.manual_seed(5)
        own = cross_entropy(network, equalised(some_segments(IMAGES), QUALITY), QUALITY)
        missed = []
        for member, head in zip(network.members, network.plans, strict=True):
            plan = head(member.heard(heard))
            edges = (plan[[0, 2], :2] - PLANS[[0, 2], :2]).square().sum(1).mean()
            codecs = functional.cross_entropy(plan[:3, 2:], torch.tensor([0, 3, 1]))
            missed.append(float(EDGE_WEIGHT * edges + codecs))
    assert alone == pytest.approx(float(own), rel=1e-5)
    assert found == pytest.approx(float(own) + PLAN_WEIGHT * np.mean(missed), rel=1e-5)
    loss_of("musqa_net_planned", network, IMAGES, targets).backward()
    assert all(float(p.grad.abs().sum()) > 0 for p in network.parameters())


def test_an_export_has_no_head(tmp_path):
    names = {}
    for name in ("musqa_net", "musqa_net_taught", "musqa_net_planned"):
        write_run(tmp_path / name, name, built(name).eval())
        export_run(tmp_path / name, tmp_path / f"{name}.onnx", name="own", version="7")
        graph = onnx.load(tmp_path / f"{name}.onnx").graph
        names[name] = {w.name: np.prod(w.dims) for w in graph.initializer}
    assert names["musqa_net_taught"] == names["musqa_net_planned"] == names["musqa_net"]


def test_the_registry_knows_the_teachers():
    for name in ("musqa_net", "insenet"):
        taught, plain = MODELS[f"{name}_taught"], MODELS[name]
        assert taught.further_targets == TEACHERS
        assert (taught.input, taught.recipe) == (plain.input, plain.recipe)
        assert plain.further_targets == ()
