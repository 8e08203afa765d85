"""The target of model files: bytes of ONNX, or the JSON in their metadata."""

from __future__ import annotations

import json
from pathlib import Path

from musqa_pipeline.scoring.model_file import ModelFile
from musqa_pipeline.scoring.model_record import METADATA_KEY
from musqa_pipeline.scoring.model_seal import check_image

UNSEALED = Path(__file__).parent / "seeds" / "model_file" / "unsealed"


def model_file(data: bytes, folder: Path) -> None:
    """Open a model of the scorer and ask it; a text becomes the record of a small model."""
    path = folder / "x.onnx"
    if data.startswith(b"{"):
        # Of two entries with the same key onnxruntime takes the last one.
        data = UNSEALED.read_bytes() + metadata_entry(METADATA_KEY.encode(), data)
    path.write_bytes(data)
    model = ModelFile(path)
    model.answer(check_image())
    json.dumps([model.label, model.card, model.digest], ensure_ascii=False).encode()


def metadata_entry(key: bytes, value: bytes) -> bytes:
    """Write an entry of the metadata of an ONNX file, in the encoding of Protocol Buffers.

    Parameters
    ----------
    key, value : bytes
        Of the entry.

    Returns
    -------
    bytes
        To be appended to the file.
    """
    fields = ((b"\x0a", key), (b"\x12", value))
    inside = b"".join(tag + _varint(len(text)) + text for tag, text in fields)
    return b"\x72" + _varint(len(inside)) + inside


def _varint(number: int) -> bytes:
    parts = []
    while number > 0x7F:
        parts.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*parts, number])
