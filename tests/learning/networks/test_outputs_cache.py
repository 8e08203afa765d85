import pytest
import torch

from musqa_pipeline.core.errors import LakeError
from musqa_pipeline.learning.networks.outputs_cache import OutputsCache


class Doubled:
    """Gives the first two cells, doubled, and remembers how many images it was shown."""

    def __init__(self):
        self.n_shown = 0

    def __call__(self, images):
        self.n_shown += len(images)
        return 2 * images.flatten(1)[:, :2]


def test_only_new_images_are_computed_and_all_come_back_in_order(tmp_path):
    images = torch.rand(4, 3, 2)
    compute, cache = Doubled(), OutputsCache(tmp_path / "a.bin", 2)
    cache.get(images[[0, 2]], compute)
    found = cache.get(images[[3, 2, 1, 0]], compute)
    assert torch.equal(found, Doubled()(images[[3, 2, 1, 0]]))
    assert (compute.n_shown, len(cache)) == (4, 4)


def test_a_torn_record_is_cut_off_and_computed_again(tmp_path):
    path, images = tmp_path / "a.bin", torch.rand(3, 3, 2)
    OutputsCache(path, 2).get(images, Doubled())
    whole = path.read_bytes()
    path.write_bytes(whole[:-5])
    compute, cache = Doubled(), OutputsCache(path, 2)
    assert len(cache) == 2
    assert torch.equal(cache.get(images, compute), Doubled()(images))
    assert compute.n_shown == 1
    assert path.read_bytes() == whole


def test_processes_append_to_one_file_in_turn(tmp_path):
    path, images = tmp_path / "a.bin", torch.rand(4, 3, 2)
    one, other = OutputsCache(path, 2), OutputsCache(path, 2)
    one.get(images[:1], Doubled())
    other.get(images[1:2], Doubled())
    with path.open("ab") as file:
        file.write(b"torn by a kill")
    one.get(images[2:3], Doubled())
    other.get(images[3:], Doubled())
    compute, reader = Doubled(), OutputsCache(path, 2)
    assert torch.equal(reader.get(images, compute), Doubled()(images))
    assert compute.n_shown == 0


def test_a_process_that_may_not_write_leaves_the_file_alone(tmp_path):
    path, images = tmp_path / "a.bin", torch.rand(2, 3, 2)
    OutputsCache(path, 2).get(images[:1], Doubled())
    before = path.read_bytes()
    reader = OutputsCache(path, 2, writable=False)
    assert torch.equal(reader.get(images, Doubled()), Doubled()(images))
    assert path.read_bytes() == before


def test_a_folder_that_cannot_be_written_is_one_sentence(tmp_path):
    cache = OutputsCache(tmp_path / "gone" / "a.bin", 2)
    with pytest.raises(LakeError, match=r"cannot write .*a\.bin"):
        cache.get(torch.rand(1, 2, 2), Doubled())
