"""Presets: one TOML file with a section per stage, checked field by field.

A preset may extend another one; what it does not name keeps the value of the preset it extends,
or the default of the field. What is not of the thirteen sections, such as a further stage's, is
declared where it is used and handed in.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import field
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_type_hints

from pydantic.dataclasses import dataclass

from musqa_pipeline.core.errors import SettingsError
from musqa_pipeline.core.settings.dataset import (
    DatasetSettings,
    OpinionsSettings,
    SpectrogramsSettings,
)
from musqa_pipeline.core.settings.evaluation import (
    EvaluationSettings,
    PromotionSettings,
    ReleaseSettings,
)
from musqa_pipeline.core.settings.models import ModelsSettings, ProtocolsSettings
from musqa_pipeline.core.settings.per_catalog import (
    LISTENERS,
    AdaptiveSettings,
    DegradationsSettings,
    ExcerptsSettings,
    LabelsSettings,
    TracksSettings,
)
from musqa_pipeline.core.settings.section import Section, Several, unknown_key
from musqa_pipeline.core.toml_text import parse_toml

DEMO_CATALOG = "demo"
RESERVED_NAMES = ("main", "temp", "system", "information_schema", "pg_catalog")


@dataclass(frozen=True, kw_only=True)
class Preset(Section):
    """Settings of the whole graph."""

    name: str
    """File name without its ending; also the DuckDB schema of the preset's views."""
    catalogs: Several[str] = ("*",)
    """Catalogs that stages 5-8 see; ``"*"`` stands for all but `demo`."""
    tracks: TracksSettings = field(default_factory=TracksSettings)
    excerpts: ExcerptsSettings = field(default_factory=ExcerptsSettings)
    degradations: DegradationsSettings = field(default_factory=DegradationsSettings)
    adaptive: AdaptiveSettings = field(default_factory=AdaptiveSettings)
    labels: LabelsSettings = field(default_factory=LabelsSettings)
    dataset: DatasetSettings = field(default_factory=DatasetSettings)
    opinions: OpinionsSettings = field(default_factory=OpinionsSettings)
    spectrograms: SpectrogramsSettings = field(default_factory=SpectrogramsSettings)
    models: ModelsSettings = field(default_factory=ModelsSettings)
    protocols: ProtocolsSettings = field(default_factory=ProtocolsSettings)
    evaluation: EvaluationSettings = field(default_factory=EvaluationSettings)
    release: ReleaseSettings = field(default_factory=ReleaseSettings)
    promotion: PromotionSettings = field(default_factory=PromotionSettings)
    further: Mapping[str, Section] = field(default_factory=dict)
    """The sections that were handed in, which are attributes as well."""

    def __post_init__(self) -> None:
        if self.adaptive.rounds and not self.degradations.singles:
            raise SettingsError(
                f"[adaptive] rounds={self.adaptive.rounds} with [degradations] singles=[]: "
                "cascades are predicted from their halves; name the processes as singles"
            )
        if self.adaptive.rounds and self.degradations.most_rows:
            raise SettingsError(
                f"[adaptive] rounds={self.adaptive.rounds} with [degradations] most_rows: rounds "
                "need every single of a reference; take one of them out"
            )
        promoted = self.promotion.network
        if promoted and promoted not in self.models.names:
            raise SettingsError(
                f"[promotion] network={promoted!r} with [models] names={list(self.models.names)}: "
                'only a network that is trained can be promoted; name it, or set network = ""'
            )
        if self.labels.metric == LISTENERS:
            self._require_untouched()

    def _require_untouched(self) -> None:
        """Refuse to degrade what listeners rated as it is."""
        wanted = {
            "singles": (),
            "n_cascades": 0,
            "n_random": 0,
            "n_carrier": 0,
            "include_reference": True,
        }
        found = {name: getattr(self.degradations, name) for name in wanted}
        if found != wanted:
            raise SettingsError(
                f'[labels] metric="{LISTENERS}" with [degradations] that make something: ratings '
                "are of tracks as they are; set singles = [], n_cascades = 0, n_random = 0, "
                "n_carrier = 0 and include_reference = true"
            )
        if self.excerpts.flagged_tracks != "include":
            raise SettingsError(
                f'[labels] metric="{LISTENERS}" with [excerpts] flagged_tracks='
                f'"{self.excerpts.flagged_tracks}": what listeners rated need be no clean '
                'reference; set flagged_tracks = "include"'
            )

    def sees(self, catalog: str) -> bool:
        """Whether stages 5-8 of this preset use a catalog."""
        return catalog in self.catalogs or ("*" in self.catalogs and catalog != DEMO_CATALOG)

    def section(self, stage: str) -> dict[str, Any]:
        """Return the settings of one stage as plain values, for fingerprints and records."""
        settings: Section = getattr(self, stage)
        return settings.plain()

    if not TYPE_CHECKING:  # else every attribute would be one to mypy

        def __getattr__(self, name: str) -> Section:
            try:
                return self.__dict__["further"][name]
            except KeyError:
                raise AttributeError(f"a preset has no section {name!r}") from None

    @classmethod
    def _where(cls) -> str:
        return "preset"


SECTIONS: dict[str, type[Section]] = {
    name: kind
    for name, kind in get_type_hints(Preset).items()
    if isinstance(kind, type) and issubclass(kind, Section)
}


def builtin_presets() -> list[str]:
    """List the names of the presets that come with musqa."""
    folder = resources.files("musqa_pipeline.core.settings.presets")
    return sorted(
        p.name.removesuffix(".toml") for p in folder.iterdir() if p.name.endswith(".toml")
    )


def load_preset(name_or_file: str | Path, *, sections: Mapping[str, type[Section]] = {}) -> Preset:
    """Load a preset by name, or from a TOML file, with further sections as `parse_preset`."""
    name, raw = _merged(name_or_file, seen=())
    return parse_preset(name, raw, sections=sections)


def parse_preset(
    name: str, raw: Mapping[str, Any], *, sections: Mapping[str, type[Section]] = {}
) -> Preset:
    """Build a preset from nested mappings, as TOML gives them.

    `sections` are those that it may have beyond the thirteen: their classes by name.
    """
    # DuckDB's schemas differ by more than case, and some names are its own.
    if not name.isidentifier() or name != name.lower() or name in RESERVED_NAMES:
        raise SettingsError(
            f"preset name {name!r}: expected a small letter, then small letters, digits and "
            f"underscores, and none of {', '.join(RESERVED_NAMES)}; rename the file"
        )
    kinds = SECTIONS | dict(sections)
    for key, value in raw.items():
        if key != "catalogs" and key not in kinds:
            raise SettingsError(unknown_key("preset", key, ("catalogs", *kinds)))
        if key in kinds and not isinstance(value, Mapping):
            raise SettingsError(f"preset {key}={value!r}: expected a section with keys")
    built = {**raw, **{key: kind(**raw.get(key, {})) for key, kind in kinds.items()}}
    further = {key: built.pop(key) for key in sections}
    return Preset(name=name, further=further, **built)


def _merged(name_or_file: str | Path, seen: tuple[str, ...]) -> tuple[str, dict[str, Any]]:
    path = Path(name_or_file)
    if path.suffix == ".toml":
        try:
            if not path.is_file():
                raise SettingsError(f"preset file {path} does not exist; check the path")
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise SettingsError(
                f"preset file {path} cannot be read ({error}); save it as UTF-8 text"
            ) from error
    elif str(name_or_file) in builtin_presets():
        text = (
            resources.files("musqa_pipeline.core.settings.presets") / f"{name_or_file}.toml"
        ).read_text()
    else:
        raise SettingsError(
            f"preset {str(name_or_file)!r} is unknown; use one of {', '.join(builtin_presets())}, "
            "or the path of a .toml file"
        )
    try:
        raw = parse_toml(text)
    except ValueError as error:
        raise SettingsError(f"preset {name_or_file} is not valid TOML: {error}") from error
    if "name" in raw:
        raise SettingsError(
            f"preset {name_or_file}: name={raw['name']!r}: the name of its file is the name of a "
            "preset; rename the file and delete the key"
        )
    base = raw.pop("extends", None)
    if base is None:
        return path.stem, raw
    if not isinstance(base, str) or "\0" in base:
        raise SettingsError(
            f"preset {name_or_file}: extends={base!r}: expected the name of a preset or the path "
            "of a .toml file, in quotes"
        )
    if base.endswith(".toml"):
        base = path.parent / base
    seen = (*seen, _identity(name_or_file))
    if _identity(base) in seen:
        raise SettingsError(f"preset {name_or_file} extends itself through {str(base)!r}")
    _, inherited = _merged(base, seen)
    for key, value in raw.items():
        both_sections = isinstance(value, dict) and isinstance(inherited.get(key), dict)
        inherited[key] = {**inherited[key], **value} if both_sections else value
    return path.stem, inherited


def _identity(name_or_file: str | Path) -> str:
    """Tell presets apart, by whatever path they are named."""
    path = Path(name_or_file)
    return os.path.realpath(path) if path.suffix == ".toml" else str(name_or_file)
