"""The table `tracks`."""

import pyarrow as pa

from musqa_pipeline.core.tables import Column, Table

TRACKS = Table(
    "tracks",
    "a source recording that can be decoded and used",
    (
        Column("track_id", pa.string(), "first 16 digits of pcm_hash; unique within a catalog"),
        Column("unit_id", pa.string(), "hash of the path, the file's bytes and its metadata"),
        Column("file", pa.string(), "path relative to the catalog's folder"),
        Column("pcm_hash", pa.string(), "blake2b of decoded samples, rate and channel count"),
        Column("title", pa.string(), "from tracks.csv or the file's tags, else empty"),
        Column("artist", pa.string(), "from tracks.csv or the file's tags, else empty"),
        Column("recording", pa.string(), "recording that the file is a part of; else the file"),
        Column("genre", pa.string(), "from tracks.csv or the file's tags, else empty"),
        Column("licence", pa.string(), "from tracks.csv, else empty"),
        Column("role", pa.string(), "train, test or empty, from tracks.csv"),
        Column("tier", pa.string(), "what the origin was, from tracks.csv, else empty"),
        Column(
            "mos",
            pa.float64(),
            "mean opinion of listeners, from tracks.csv or a reader, else null",
            nullable=True,
        ),
        Column(
            "mos_ci", pa.float64(), "half the width of its 95 % interval, else null", nullable=True
        ),
        Column("n_ratings", pa.int32(), "ratings that it is the mean of, else null", nullable=True),
        Column("duration_s", pa.float64(), "decoded length in seconds"),
        Column("sample_rate_hz", pa.int32(), "sample rate of the file in hertz"),
        Column("channels", pa.int16(), "number of channels of the file"),
        Column("codec", pa.string(), "codec of the file, such as flac, pcm_s16le, mp3"),
        Column("bitrate_kbps", pa.float64(), "mean bitrate of the file in kbit/s"),
        Column("loudness_lufs", pa.float64(), "integrated loudness, BS.1770-4, in LUFS"),
        Column("true_peak_dbtp", pa.float64(), "4x oversampled peak in dBTP"),
        Column("upper_edge_hz", pa.float64(), "upper edge of the spectrum in hertz"),
        Column(
            "phase_correlation",
            pa.float64(),
            "correlation of left and right, -1 to 1; 1 for mono",
        ),
        Column("verdict", pa.string(), "usable, or flagged: no clean reference"),
        Column(
            "flags", pa.list_(pa.string()), "why flagged: lossy_source, upper_edge, out_of_phase"
        ),
    ),
)
