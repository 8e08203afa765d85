"""A request's body, streamed to a file: raw, or the part `file` of a form; never held in memory.

The limit counts bytes as they come, whatever the headers promise. Names that clients give are
never used.
"""

from __future__ import annotations

import errno
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import IO

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import ClientDisconnect

from musqa_pipeline.scoring.serve.problems import ProblemError

FIELD = "file"
FORM_BYTES = 65_536
"""What a form may take beside its file."""
MAX_HEADER_BYTES = 8_192
AUDIO_TYPES = ("application/octet-stream", "application/ogg", "video/mp4", "video/quicktime")
"""Types of a raw body beside ``audio/*``; what the bytes are is seen when they are decoded."""


async def save_body(
    chunks: AsyncIterator[bytes],
    content_type: str,
    path: Path,
    max_bytes: int,
    take: Callable[[int], object] = lambda n_bytes: None,
) -> None:
    """Write the audio of a request, whose body comes in chunks, to a file.

    It is a form if its content type says ``multipart/form-data``. `take` is told how many bytes are
    written next, and raises if there is no room for them. Raise ProblemError: 413 if the audio is
    larger than `max_bytes`, 415 if the type is none of audio, 400 if the form is broken or the
    client hangs up, 422 if there is no audio in it, 507 if the disk is full.
    """
    kind, options = parse_options_header(content_type.encode("latin-1", "replace"))
    is_form = kind == b"multipart/form-data"
    name = kind.decode("latin-1")
    if not (is_form or not name or name.startswith("audio/") or name in AUDIO_TYPES):
        raise ProblemError(
            415,
            "not_audio",
            f"Content-Type {name}: send the bytes of an audio file as audio/* or "
            f"application/octet-stream, or a form with the part {FIELD!r}",
        )
    try:
        with path.open("wb") as file:
            sink = _Form(file, options.get(b"boundary", b"")) if is_form else _Raw(file)
            n_bytes = 0
            async for chunk in chunks:
                n_bytes += len(chunk)
                refuse_too_large(n_bytes - (FORM_BYTES if is_form else 0), max_bytes)
                take(len(chunk))
                sink.write(chunk)
                refuse_too_large(sink.n_bytes, max_bytes)
                if is_form and n_bytes - sink.n_bytes > FORM_BYTES:
                    raise FormParserError(f"more than {FORM_BYTES} bytes beside its file")
            sink.close()
    except ClientDisconnect as error:
        raise ProblemError(400, "hung_up", "the client hung up; send it again") from error
    except FormParserError as error:
        raise ProblemError(
            400, "bad_form", f"the form cannot be read ({error}); send it as curl -F does"
        ) from error
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise ProblemError(
                507, "disk_full", "the server's disk is full; free some space there"
            ) from error
        raise
    if not sink.n_bytes:
        raise ProblemError(
            422,
            "empty",
            f"no audio came; send a file as the part {FIELD!r} of a form, or as the body",
        )


def refuse_too_large(n_bytes: int, max_bytes: int) -> None:
    """Refuse a recording by a 413, if what came, or what its header says, is too large."""
    if n_bytes > max_bytes:
        raise ProblemError(
            413,
            "too_large",
            f"the file is larger than {max_bytes / 1e6:g} MB; send a part of it, or start the "
            "server with a larger --max-mb",
        )


class _Raw:
    """A body that is the file."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.n_bytes = 0

    def write(self, chunk: bytes) -> None:
        self.n_bytes += len(chunk)
        self._file.write(chunk)

    def close(self) -> None:
        pass


class _Form:
    """A form; the first part with the name `FIELD` is written, all else is dropped."""

    def __init__(self, file: IO[bytes], boundary: bytes) -> None:
        if not boundary:
            raise FormParserError("no boundary")
        self._file = file
        self.n_bytes = 0
        self._found = self._inside = self._ended = False
        self._header = self._value = b""
        self._parser = MultipartParser(
            boundary,
            {
                "on_header_field": self._on_header_field,
                "on_header_value": self._on_header_value,
                "on_header_end": self._on_header_end,
                "on_part_data": self._on_part_data,
                "on_part_end": self._on_part_end,
                "on_end": self._on_end,
            },
        )

    def write(self, chunk: bytes) -> None:
        self._parser.write(chunk)

    def close(self) -> None:
        self._parser.finalize()
        if not self._ended:
            raise FormParserError("it ends too early")

    def _on_header_field(self, data: bytes, start: int, end: int) -> None:
        self._header = _bounded(self._header + data[start:end])

    def _on_header_value(self, data: bytes, start: int, end: int) -> None:
        self._value = _bounded(self._value + data[start:end])

    def _on_header_end(self) -> None:
        if self._header.lower() == b"content-disposition" and not self._found:
            _, options = parse_options_header(self._value)
            self._inside = self._found = options.get(b"name") == FIELD.encode()
        self._header = self._value = b""

    def _on_part_data(self, data: bytes, start: int, end: int) -> None:
        if self._inside:
            self.n_bytes += end - start
            self._file.write(data[start:end])

    def _on_part_end(self) -> None:
        self._inside = False

    def _on_end(self) -> None:
        self._ended = True


def _bounded(header: bytes) -> bytes:
    if len(header) > MAX_HEADER_BYTES:
        raise FormParserError("a header of a part is too long")
    return header
