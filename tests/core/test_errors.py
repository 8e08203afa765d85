"""Which failures pass: by their cause, not by their text."""

import errno

import pytest

from musqa_pipeline.core.errors import CatalogError, LakeError, MachineError, StageError, is_passing
from musqa_pipeline.core.files import explained


def lake_error(number, tmp_path):
    with pytest.raises(LakeError) as caught, explained("write", tmp_path):
        raise OSError(number, "x")
    return caught.value


@pytest.mark.parametrize("number", [errno.EIO, errno.ESTALE, errno.ETIMEDOUT, errno.ENETUNREACH])
def test_a_hiccup_of_a_disk_or_a_network_passes(number, tmp_path):
    assert is_passing(lake_error(number, tmp_path))


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EACCES, errno.ENOENT])
def test_what_somebody_must_mend_does_not(number, tmp_path):
    assert not is_passing(lake_error(number, tmp_path))


def test_a_lost_machine_passes_and_a_decision_does_not():
    assert is_passing(MachineError("the Dask scheduler went away"))
    assert is_passing(ConnectionResetError("x"))
    assert not is_passing(StageError("3 of 4 units failed"))
    assert not is_passing(CatalogError("empty"))
    assert not is_passing(ZeroDivisionError())


def test_a_client_of_a_storage_is_known_by_the_name_of_its_error():
    class EndpointConnectionError(Exception):
        pass

    error = LakeError("cannot read")
    error.__cause__ = EndpointConnectionError()
    assert is_passing(error)
