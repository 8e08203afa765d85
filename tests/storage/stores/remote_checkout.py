"""A checkout whose lake is on the test's storage."""

from __future__ import annotations

import os
from dataclasses import dataclass

from musqa_pipeline.core.home import ObjectHome
from tests.assets.checkout import Checkout

STORAGE_NAMES = ("MUSQA_S3_ENDPOINT", "MUSQA_SCRATCH", "MUSQA_LEASE_S")


@dataclass
class RemoteCheckout(Checkout):
    """Its home is set after it was made."""

    remote_home: ObjectHome | None = None

    @property
    def environment(self) -> dict[str, str]:
        """The environment of its commands."""
        storage = {name: os.environ[name] for name in STORAGE_NAMES}
        return {**super().environment, **storage, "MUSQA_HOME": str(self.remote_home)}

    @property
    def home(self) -> ObjectHome:
        """Its MUSQA_HOME."""
        assert self.remote_home is not None
        return self.remote_home
