"""What the graph says of a stage, before anything of it is loaded."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Row:
    """What the graph says of a stage."""

    name: str
    maker: str
    """Its `Maker`, as ``module:NAME`` below `musqa_pipeline`."""
    table: str
    """What its view shows, as ``module:NAME``."""
    joint: bool = False
    """Whether it is made over all catalogs that the preset sees, and not per catalog."""
    beside: str = ""
    """The stage that it is made beside, if it is none of the eight that `--until` names."""
    upstream: tuple[str, ...] = ()
    """Stages whose fingerprint its own depends on."""
    reads: tuple[str, ...] = ()
    """Further stages that are to be made before it."""
    section: str = ""
    """Section of the preset that is in its fingerprint; none where unit ids say what they need."""
    settings: str = ""
    """Class of that section as ``module:NAME``, if `Preset` does not declare it."""
