"""Property tests here count examples, not milliseconds: a busy machine is no failure."""

from hypothesis import settings

settings.register_profile("dataset", deadline=None)
settings.load_profile("dataset")
