"""One helper for range checks of settings, so that their messages read alike."""

from __future__ import annotations

from musqa_pipeline.core.errors import SettingsError

SILENT_AT_DEFAULT = {"silent_at_default": True}
"""Metadata of a field that came after results were stored: while it has its default it is no part
of a fingerprint, so that what was made without it stays current."""


def require(condition: bool, section: str, settings: object, field: str, expected: str) -> None:
    """Raise `SettingsError` unless `condition` holds.

    Parameters
    ----------
    condition : bool
        Whether the value may be used.
    section : str
        Preset section, for the message.
    settings : object
        The settings object that has the field.
    field : str
        Name of the field.
    expected : str
        What was expected, completing "expected …".

    Raises
    ------
    SettingsError
        Naming section, field, value and what was expected.
    """
    if not condition:
        value = getattr(settings, field)
        raise SettingsError(f"[{section}] {field}={value!r}: expected {expected}; edit the preset")
