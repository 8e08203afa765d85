"""Lakes of early releases: what brings them forward before anything is made in them."""

from __future__ import annotations

from collections.abc import Callable

from musqa_pipeline.catalogs.content_ids import CONTENT_IDS
from musqa_pipeline.core.home import Home
from musqa_pipeline.storage.lake.layout import Migrated, apply_migrations

MIGRATIONS = (CONTENT_IDS,)
"""In order; the first leads to layout 2."""


def bring_forward(home: Home, log: Callable[[str], object] | None = None) -> list[Migrated]:
    """Apply `MIGRATIONS` with `apply_migrations`."""
    return apply_migrations(home, MIGRATIONS, log)
