"""What a set can be exported as; needs the base installation alone."""

from __future__ import annotations

from enum import StrEnum


class Format(StrEnum):
    """What a set can be exported as."""

    wav = "wav"
    flac = "flac"
    parquet = "parquet"
    webdataset = "webdataset"
    huggingface = "huggingface"
