"""What `MUSQA_HOME` may be. Light enough for the base installation."""

from __future__ import annotations

from pathlib import Path

Home = Path
"""Root of catalogs, lake, reports and releases."""
