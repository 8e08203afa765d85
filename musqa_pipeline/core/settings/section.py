"""What the sections of a preset share: pydantic checks them, and one sentence says what is wrong.

A section is a frozen pydantic dataclass that inherits from `Section`; its ranges are types, and
what one field demands of another is checked in `__post_init__`, which runs after the types. An
int may stand for a float and a list for a tuple; nothing else is converted.
"""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Iterable
from typing import Annotated, Any, ClassVar, Self, TypeVar

from pydantic import (
    BeforeValidator,
    ConfigDict,
    Field,
    ModelWrapValidatorHandler,
    ValidationError,
    model_validator,
)
from pydantic.dataclasses import dataclass
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from musqa_pipeline.core.errors import SettingsError

T = TypeVar("T")
Several = Annotated[tuple[T, ...], BeforeValidator(lambda v: tuple(v) if type(v) is list else v)]
"""A list in TOML, a tuple in Python."""
ZeroOrMore = Annotated[int, Field(ge=0)]
OneOrMore = Annotated[int, Field(ge=1)]

_TYPES = {
    "int_type": "int",
    "float_type": "a float",
    "string_type": "str",
    "bool_type": "bool",
    "tuple_type": "a list",
    "dict_type": "a section with keys",
    "dataclass_type": "a section with keys",
    "dataclass_exact_type": "a section with keys",
}
"""What to say of pydantic's errors of type."""


def silent(default: Any = dataclasses.MISSING, *, factory: Any = dataclasses.MISSING) -> Any:
    """Give a default, or what makes one, to a field that came after results were stored.

    While the field has it, it is no part of a fingerprint, so that what was made without the field
    stays current.
    """
    metadata = {"silent_at_default": True}
    return dataclasses.field(default=default, default_factory=factory, metadata=metadata)


def placement(default: Any) -> Any:
    """Give a default to a field that says where results are made: no part of any fingerprint."""
    return dataclasses.field(default=default, metadata={"placement": True})


@dataclass(frozen=True, kw_only=True, config=ConfigDict(extra="forbid", strict=True))
class Section:
    """A section of a preset, whose name is that of the class: `TracksSettings` is ``[tracks]``."""

    __pydantic_fields__: ClassVar[dict[str, FieldInfo]]

    @model_validator(mode="wrap")
    @classmethod
    def _in_one_sentence(cls, given: Any, check: ModelWrapValidatorHandler[Self]) -> Self:
        try:
            return check(given)
        except ValidationError as error:
            if not error.errors()[0]["loc"]:  # no section at all, which the preset says
                raise
            raise SettingsError(cls._sentence(error.errors()[0])) from None

    @classmethod
    def _where(cls) -> str:
        return f"[{cls.__name__.removesuffix('Settings').lower()}]"

    @classmethod
    def _sentence(cls, problem: ErrorDetails) -> str:
        """Say where the problem is, what was given, what is expected and what to do."""
        name, *inside = problem["loc"]
        where, kind = cls._where(), problem["type"]
        if kind == "unexpected_keyword_argument":
            return unknown_key(where, str(name), cls.__pydantic_fields__)
        key = str(name)
        for part in inside:
            if isinstance(part, str):  # a key of a table
                where, key = f"{where[:-1]}.{key}]", part
            else:
                key = f"{key}[{part}]"
        if kind == "literal_error":
            expected = f"one of {problem['ctx']['expected'].replace(' or ', ', ')}"
        else:
            expected = _TYPES.get(kind) or cls._expected(str(name))
        value = problem["input"]
        if type(value) is int and value.bit_length() > 64:  # perhaps too long to be written out
            return f"{where} {key}: the number is too large; expected {expected}"
        return f"{where} {key}={value!r}: expected {expected}; edit the preset"

    @classmethod
    def _expected(cls, name: str) -> str:
        """Say what a field may be: in its own words, or by its bounds."""
        field = cls.__pydantic_fields__[name]
        if field.description:
            return field.description
        names = ("ge", "gt", "le", "lt")
        bound = {n: getattr(part, n) for part in field.metadata for n in names if hasattr(part, n)}
        low, high = bound.get("ge", bound.get("gt")), bound.get("le", bound.get("lt"))
        if high is not None:
            return f"in {'[' if 'ge' in bound else '('}{low}, {high}{']' if 'le' in bound else ')'}"
        if "gt" in bound:
            return f"above {low}"
        return f"at least {low}" if low else "0 or more"

    def require(self, condition: bool, name: str, expected: str) -> None:
        """Raise `SettingsError` unless a field is what the other fields demand."""
        if not condition:
            value = getattr(self, name)
            raise SettingsError(
                f"{self._where()} {name}={value!r}: expected {expected}; edit the preset"
            )

    def plain(self) -> dict[str, Any]:
        """Return the fields as plain values, for fingerprints and records.

        A `placement` is left out, and fields with a `silent` default while they have it.
        """
        shown = {
            f.name
            for f in dataclasses.fields(self)
            if not f.metadata.get("placement")
            and (not f.metadata.get("silent_at_default") or getattr(self, f.name) != _default_of(f))
        }
        return {name: v for name, v in dataclasses.asdict(self).items() if name in shown}


def _default_of(field: dataclasses.Field[Any]) -> Any:
    made = field.default_factory
    return field.default if made is dataclasses.MISSING else made()


def unknown_key(where: str, key: str, known: Iterable[str]) -> str:
    """Say that a key is unknown, and which one is near."""
    known = list(known)
    near = difflib.get_close_matches(key, known, n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"expected one of {', '.join(known)}"
    return f"{where}: unknown key {key!r}; {hint}"
