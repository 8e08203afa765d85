"""The table `excerpts`."""

import pyarrow as pa

from musqa_pipeline.core.tables import Column, Table

EXCERPTS = Table(
    "excerpts",
    "a 10 s reference: mono, 48 kHz, 16 bit, loudness-normalised",
    (
        Column("excerpt_id", pa.string(), "<track_id>-<index>; unique within a catalog"),
        Column("track_id", pa.string(), "track that it was cut from"),
        Column("index", pa.int16(), "number of the excerpt within its track, from 0"),
        Column("start_s", pa.float64(), "where it starts in the track, in seconds"),
        Column("source_lufs", pa.float64(), "loudness of the mono cut before gain, in LUFS"),
        Column("gain_db", pa.float64(), "gain that was applied, in dB"),
        Column("loudness_lufs", pa.float64(), "loudness of the stored 10 s, in LUFS"),
        Column("peak", pa.float64(), "largest absolute sample of the stored 10 s, full scale 1"),
        Column(
            "n_clipped_samples",
            pa.int32(),
            "samples of the 10 s that the gain took over full scale",
        ),
        Column("upper_edge_hz", pa.float64(), "upper edge of the excerpt's spectrum in hertz"),
        Column(
            "tail_samples", pa.int32(), "samples stored after the 10 s; they feed encoders only"
        ),
        Column("tail_mirrored", pa.bool_(), "whether the track ended and the tail is mirrored"),
        Column("flac", pa.binary(), "16-bit FLAC of the 480,000 samples and the tail"),
    ),
)
