"""A sealed file is what was written, heals, or is refused; a kill at any moment costs nothing."""

import os
import threading

import pytest

from musqa_pipeline.core import seals
from musqa_pipeline.core.errors import DamagedError
from musqa_pipeline.core.files import whole_file
from musqa_pipeline.core.seal_format import SMALL_BYTES, Seal, State


def write(path, content, *, sealed=True):
    with whole_file(path, sealed=sealed) as temporary:
        temporary.write_bytes(content)


def rot(path, content):
    """Change bytes as a disk does, without a new time."""
    stat = path.stat()
    path.write_bytes(content)
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "record.json"
    write(path, b'{"a": 1}')
    return path


def test_a_small_file_heals_and_says_so(path, caplog):
    assert seals.check(path) is State.WHOLE
    rot(path, b'{"a": 3}')
    assert seals.check(path) is State.WRONG
    assert seals.read(path) == b'{"a": 1}'
    assert path.read_bytes() == b'{"a": 1}'
    assert path.with_name(".record.json.was").read_bytes() == b'{"a": 3}'
    assert "record.json was not what musqa had written, and is restored" in caplog.text


def test_who_only_looks_changes_nothing(path):
    rot(path, b"?")
    with seals.left_alone():
        assert seals.read(path) == b'{"a": 1}'
    assert path.read_bytes() == b"?"


def test_a_large_file_is_refused(tmp_path):
    path = tmp_path / "weights.pt"
    write(path, bytes(SMALL_BYTES + 1))
    assert seals.read(path) == bytes(SMALL_BYTES + 1)
    rot(path, bytes(SMALL_BYTES) + b"\1")
    with pytest.raises(DamagedError, match=r"weights.pt is not what was written; .*verify --mend"):
        seals.read(path)
    assert not seals.restore(path)


def test_what_people_may_edit_is_taken_as_they_left_it_and_heals_from_rot(tmp_path):
    path = tmp_path / "catalog.toml"
    write(path, b"folder = '/a'")
    path.write_bytes(b"folder = '/b'")
    later = seals.seal_path(path).stat().st_mtime_ns + 1
    os.utime(path, ns=(later, later))
    assert seals.read(path, editable=True) == b"folder = '/b'"
    assert seals.check(path) is State.WRONG
    os.utime(path, ns=(0, 0))
    assert seals.read(path, editable=True) == b"folder = '/a'"


def test_each_bit_of_a_seal_counts(path, tmp_path):
    seal = seals.seal_path(path)
    large = tmp_path / "large"
    write(large, bytes(SMALL_BYTES + 1))
    for sealed in (path, large):
        seal = seals.seal_path(sealed)
        before = seal.read_bytes()
        for at in range(len(before)):
            seal.write_bytes(before[:at] + bytes([before[at] ^ 1]) + before[at + 1 :])
            assert seals.check(sealed) is State.SEAL, at
            assert seals.read(sealed) == sealed.read_bytes()
        seal.write_bytes(before)
    rot(seals.seal_path(path), seals.seal_path(path).read_bytes()[:-1] + b"]")
    assert seals.restore(path)
    assert seals.check(path) is State.WHOLE


def test_a_file_without_a_seal_is_read_and_gets_one(tmp_path):
    path = tmp_path / "old.json"
    write(path, b"old", sealed=False)
    assert (seals.check(path), seals.read(path)) == (State.NONE, b"old")
    seals.add(path)
    assert seals.check(path) is State.WHOLE
    write(path, b"new", sealed=False)  # what has a seal keeps a true one
    assert seals.check(path) is State.WHOLE


@pytest.mark.parametrize("moment", range(6))
def test_a_kill_at_any_moment_leaves_a_file_that_its_seal_knows(tmp_path, monkeypatch, moment):
    path = tmp_path / "record.json"
    write(path, b"old")
    real, left = type(path).replace, [moment]

    class KilledError(BaseException):
        pass

    def dying(self, target):
        if left[0] < 2 and left[0] % 2 == 0:
            raise KilledError
        real(self, target)
        if left[0] == 1:
            raise KilledError
        left[0] -= 2

    with monkeypatch.context() as patch:
        patch.setattr(type(path), "replace", dying)
        with pytest.raises(KilledError):
            write(path, b"new")
    assert seals.check(path) is State.WHOLE
    assert seals.read(path) == (b"old" if moment < 3 else b"new")
    write(path, b"newer")
    assert seals.check(path) is State.WHOLE
    assert Seal.from_bytes(seals.seal_path(path).read_bytes()).copy == b"newer"


def test_the_same_content_written_again_mends_a_damaged_seal(path):
    seal = seals.seal_path(path)
    whole = seal.read_bytes()
    for at in (3, 10, len(whole) - 1):  # of a word, of a digest, of the copy
        seal.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        assert seals.check(path) is State.SEAL
        write(path, path.read_bytes())
        assert (seals.check(path), seal.read_bytes()) == (State.WHOLE, whole)


def test_two_that_write_at_once_leave_a_whole_file(tmp_path):
    path = tmp_path / "record.json"

    def often(content):
        for n in range(40):
            temporary = path.with_name(f".{threading.get_ident()}.tmp")
            temporary.write_bytes(content * (n + 1))
            seals.put(temporary, path, sealed=True)

    threads = [threading.Thread(target=often, args=(c,)) for c in (b"a", b"b", b"c")]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        if path.exists():
            assert len(set(seals.read(path))) == 1
            assert seals.check(path) is not State.WRONG
    assert seals.check(path) is State.WHOLE


def test_moved_and_deleted_files_take_their_seals_along(path, tmp_path):
    target = tmp_path / "other.json"
    write(target, b"before")
    seals.move(path, target)
    assert (seals.check(target), target.read_bytes()) == (State.WHOLE, b'{"a": 1}')
    assert sorted(p.name for p in tmp_path.iterdir()) == [".other.json.seal", "other.json"]
    seals.remove(target)
    assert list(tmp_path.iterdir()) == []
