"""A model file of any kind, opened: whole, with a session and its record.

`model_file.py` has the model of a recording alone, `pair_model.py` that of a pair.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from musqa_pipeline.core.errors import ModelError, UnfitInputError
from musqa_pipeline.scoring import model_record, model_seal, onnx_file
from musqa_pipeline.scoring.onnx_file import ANEW


class OpenedModel:
    """What models of all kinds have in common.

    Parameters
    ----------
    path : Path
        The ONNX file.
    device : str
        Where it answers, see `onnx_file.providers_of`.

    Raises
    ------
    ModelError
        If it cannot be read, is damaged, no ONNX, or has no record in this format.
    SettingsError
        If there is no such device here.
    """

    def __init__(self, path: Path, *, device: str = "cpu") -> None:
        self.path = path
        data = onnx_file.read_bytes(path)
        self.digest = model_seal.digest(data)
        """blake2b, 16 bytes, of the file: scores of equal digests are comparable."""
        try:
            self.sealed = model_seal.has_seal(data)
            """Whether damage to the file would have shown."""
        except model_seal.BrokenSealError as error:
            raise ModelError(f"{path} is damaged: {error}; {ANEW}") from error
        self._check_file()
        self._session = onnx_file.open_session(data, path, device=device)
        try:
            self.record = model_record.parse_record(
                onnx_file.read_metadata(self._session, model_record.METADATA_KEY, path)
            )
            self.name = model_record.read_label(self.record, "name", path.stem)
            self.version = model_record.read_label(self.record, "version")
            self.card = model_record.read_card(self.record)
            """The model card, Markdown; empty if there is none."""
            self._read_record()
        except model_record.RecordError as error:
            raise ModelError(f"{path}: {error}") from error

    @property
    def label(self) -> str:
        """Name and version, as scores carry it."""
        return f"{self.name} {self.version}".strip()

    def _check_file(self) -> None:
        """Refuse bytes that are whole and still not what should be at this path."""

    def _read_record(self) -> None:
        """Read what models of one kind have in their record."""

    def _ask(self, inputs: Mapping[str, Any], outputs: list[str]) -> list[Any]:
        try:
            answers: list[Any] = self._session.run(outputs, inputs)
        except Exception as error:  # onnxruntime's classes have no common root of their own
            raise self._no_answer(f"fails ({onnx_file.shown(error)})") from error
        return answers

    def _check_answers(self, ask: Callable[[], Mapping[str, Any]]) -> None:
        """Compare what is said of what every machine can make with what the record says of it."""
        try:
            found = ask()
        except UnfitInputError as error:
            raise ModelError(f"{self.path} cannot score: {error.detail}; {ANEW}") from error
        if model_seal.ANSWERS not in self.record:
            return
        if not self.sealed:
            raise ModelError(f"{self.path} is damaged: the digest at its end is gone; {ANEW}")
        if how := model_seal.differs(self.record[model_seal.ANSWERS], found):
            raise ModelError(f"{self.path}: {how}; {ANEW}, or install another onnxruntime")

    def _no_answer(self, how: str) -> UnfitInputError:
        return UnfitInputError(
            "no_answer", f"the model {self.label} {how}", "score it with another model"
        )
