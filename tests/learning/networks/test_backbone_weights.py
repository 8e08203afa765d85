import hashlib
from types import SimpleNamespace
from urllib.error import URLError

import pytest
import torch
from torch import nn

from musqa_pipeline.core.errors import SettingsError
from musqa_pipeline.learning.networks.imagenet import Published, fill_backbone

STATE = {"weight": torch.arange(6.0).reshape(2, 3), "bias": torch.ones(2)}


@pytest.fixture
def published(tmp_path, monkeypatch):
    """Weights of a tiny network, published under a name that ends in their hash."""
    torch.save(STATE, tmp_path / "made")
    content = (tmp_path / "made").read_bytes()
    name = f"tiny-{hashlib.sha256(content).hexdigest()[:8]}.pth"
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path / "hub"))
    result = Published("tiny", None)

    def get_state_dict(*, progress, check_hash):
        if not result.place.exists():
            raise URLError("no route to host")
        return torch.load(result.place)

    weights = SimpleNamespace(url=f"https://somewhere/{name}", get_state_dict=get_state_dict)
    object.__setattr__(result, "weights", weights)
    result.place.parent.mkdir(parents=True)
    return result, content


def filled(published, wanted):
    network = nn.Linear(3, 2)
    fill_backbone(network, published, wanted, seed=0)
    return network.state_dict()


def test_imagenet_takes_torchvisions_file_from_its_place(published):
    entry, content = published
    entry.place.write_bytes(content)
    found = filled(entry, "imagenet")
    assert all(torch.equal(found[name], STATE[name]) for name in STATE)


def test_a_file_may_lie_anywhere_and_hold_an_auxiliary_head(published, tmp_path):
    path = tmp_path / "mine.pth"
    torch.save({**STATE, "AuxLogits.fc.bias": torch.ones(3)}, path)
    found = filled(published[0], str(path))
    assert all(torch.equal(found[name], STATE[name]) for name in STATE)


def test_weights_that_cannot_be_fetched_are_named_with_hash_and_place(published):
    entry, _ = published
    with pytest.raises(SettingsError) as caught:
        filled(entry, "imagenet")
    assert str(caught.value) == (
        f"[models] backbone_weights='imagenet': cannot load {entry.file_name} (published SHA-256 "
        f"begins with {entry.sha256_begins}): <urlopen error no route to host>; put the file at "
        f"{entry.place}, or set backbone_weights to its path, or to 'random' for a training that "
        "is no result of the paper's"
    )
    assert len(entry.sha256_begins) == 8


def test_other_bytes_under_the_published_name_are_refused(published, tmp_path):
    entry, _ = published
    torch.save({**STATE, "bias": torch.zeros(2)}, entry.place)
    with pytest.raises(SettingsError, match=r"has SHA-256 \w{12}…, published is one that begins"):
        filled(entry, "imagenet")
    copy = tmp_path / entry.file_name
    copy.write_bytes(entry.place.read_bytes())
    with pytest.raises(SettingsError, match="delete the file and fetch it again"):
        filled(entry, str(copy))


def test_a_path_that_leads_nowhere_says_what_was_expected(published, tmp_path):
    entry, _ = published
    with pytest.raises(
        SettingsError,
        match=rf"backbone_weights='.*gone\.pth': cannot read it \(.*\); expected 'imagenet', "
        rf"'random' or the path of a state dictionary of tiny, such as {entry.file_name}",
    ):
        filled(entry, str(tmp_path / "gone.pth"))
    (tmp_path / "text.pth").write_text("no weights")
    with pytest.raises(SettingsError, match="cannot read it"):
        filled(entry, str(tmp_path / "text.pth"))
    torch.save([1.0], tmp_path / "list.pth")
    with pytest.raises(SettingsError, match="it holds no dictionary; expected 'imagenet'"):
        filled(entry, str(tmp_path / "list.pth"))


def test_weights_of_another_network_do_not_fit(published, tmp_path):
    torch.save({"weight": torch.zeros(5)}, tmp_path / "other.pth")
    with pytest.raises(SettingsError, match="does not fit tiny; expected torchvision's state"):
        filled(published[0], str(tmp_path / "other.pth"))


def test_torchvision_publishes_the_files_that_the_docs_name():
    from torchvision.models import Inception_V3_Weights, VGG19_Weights

    from musqa_pipeline.learning import torchvision_ops  # noqa: F401 - before torchvision

    vgg = Published("vgg19", VGG19_Weights.IMAGENET1K_V1)
    inception = Published("inception_v3", Inception_V3_Weights.IMAGENET1K_V1)
    assert (vgg.file_name, vgg.sha256_begins) == ("vgg19-dcbb9e9d.pth", "dcbb9e9d")
    assert inception.file_name == "inception_v3_google-0cc3c7bd.pth"
    assert inception.sha256_begins == "0cc3c7bd"
