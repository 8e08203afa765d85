"""The lake: Parquet files that are either whole or absent, and the store that holds them."""

from musqa_pipeline.lake.lake import Lake
from musqa_pipeline.lake.opening import open_prefix, open_store, place_here
from musqa_pipeline.lake.shelf import EMPTY_CATALOG, FINGERPRINT_KEY, Shelf
from musqa_pipeline.lake.store import Store, StoredFile, WorkFolder

__all__ = [
    "EMPTY_CATALOG",
    "FINGERPRINT_KEY",
    "Lake",
    "Shelf",
    "Store",
    "StoredFile",
    "WorkFolder",
    "open_prefix",
    "open_store",
    "place_here",
]
