"""Opening a file with PyAV so that neither its name nor its content leads to another one.

FFmpeg reads playlists (HLS, DASH, concat) like any format, whatever a file is called: a hostile
file in a catalog, or one that is sent to the server, would have other files of the machine decoded
in its place. And a file called ``concat:a|b`` or ``http:…`` is a protocol to it. So the name is
given as one of the protocol ``file``, and only formats that hold their audio themselves are opened.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

FORMATS = (
    "3g2", "3gp", "aa", "aac", "aax", "ac3", "ac4", "act", "adts", "adx", "aea", "aiff", "amr",
    "amrnb", "amrwb", "apac", "ape", "aptx", "aptx_hd", "asf", "ast", "au", "avi", "avr", "bonk",
    "caf", "dsf", "dts", "dtshd", "dv", "eac3", "f4v", "flac", "flv", "gsm", "gxf", "hca", "iamf",
    "iff", "ilbc", "ipod", "ircam", "ismv", "latm", "lc3", "loas", "m4a", "matroska", "mca", "mj2",
    "mlp", "mmf", "mov", "mp2", "mp3", "mp4", "mpc", "mpc8", "mpeg", "mpegts", "mxf", "nistsphere",
    "nut", "oga", "ogg", "ogv", "oma", "opus", "osq", "paf", "pvf", "qcp", "qoa", "rka", "rm",
    "rso", "sbc", "sds", "shn", "siff", "sol", "sox", "spdif", "spx", "svs", "swf", "tak", "truehd",
    "tta", "vob", "voc", "vqf", "w64", "wav", "wavarc", "webm", "wsd", "wtv", "wv", "wve", "xa",
    "xwma",
)  # fmt: skip
"""FFmpeg's names of the formats that may be opened; no playlist is among them."""


def open_container(path: Path) -> Any:
    """Open a file.

    Parameters
    ----------
    path : Path

    Returns
    -------
    av.container.InputContainer
        To be closed by the caller.

    Raises
    ------
    av.error.FFmpegError
        If FFmpeg does not know the format, or it is none of `FORMATS`.
    UnicodeEncodeError, ValueError
        If PyAV cannot use the name.
    """
    import av

    return av.open(
        f"file:{os.fspath(path)}",
        metadata_errors="replace",
        options={"format_whitelist": ",".join(FORMATS), "protocol_whitelist": "file"},
    )
