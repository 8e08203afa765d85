"""What a user who is not root is told; to root nothing is forbidden."""

import os

import pytest

from musqa_pipeline.core.errors import UnfitInputError


def refusal_as_nobody(function, path):
    """What a function of a path says to a user who is not root, to whom nothing is forbidden."""
    if os.getuid() != 0:
        with pytest.raises(UnfitInputError) as caught:
            function(path)
        return str(caught.value)
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.setgid(65_534)
            os.setuid(65_534)
            function(path)
        except UnfitInputError as error:
            os.write(writer, str(error).encode())
        finally:
            os._exit(0)
    os.close(writer)
    os.waitpid(child, 0)
    with os.fdopen(reader, encoding="utf-8") as stream:
        return stream.read()
