"""One helper for range checks of settings, so that their messages read alike."""

from __future__ import annotations

from musqa_pipeline.core.errors import SettingsError

SILENT_AT_DEFAULT = {"silent_at_default": True}
"""Metadata of a field that came after results were stored: while it has its default it is no part
of a fingerprint, so that what was made without it stays current."""


def require(condition: bool, section: str, settings: object, field: str, expected: str) -> None:
    """Raise `SettingsError` unless `condition` holds.

    Raises
    ------
    SettingsError
        Naming section, field, value and what was expected.
    """
    if not condition:
        value = getattr(settings, field)
        raise SettingsError(f"[{section}] {field}={value!r}: expected {expected}; edit the preset")
