import pytest


@pytest.fixture(scope="session")
def keras():
    """Keras, computing with torch."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KERAS_BACKEND", "torch")
        return pytest.importorskip("keras", reason="Keras is not installed: no oracle")
