"""The table `segments`."""

import pyarrow as pa

from musqa_pipeline.core.tables import Column, Table

SEGMENTS = Table(
    "segments",
    "a segment of a test recording in one version (none unless `[gan] networks` names a network)",
    (
        Column("version_id", pa.string(), "the version: its segment, kind and intensity"),
        Column("segment_id", pa.string(), "the segment: its track and its number there"),
        Column("catalog", pa.string(), "catalog of the track"),
        Column("track_id", pa.string(), "its track"),
        Column("recording", pa.string(), "its recording"),
        Column("genre", pa.string(), "class of its genre by `[gan] genres`"),
        Column("start_frame", pa.int64(), "where it begins, at the file's own rate"),
        Column("sample_rate_hz", pa.int32(), "that rate in hertz"),
        Column("gain_db", pa.float64(), "gain to `[gan] level`, before it is degraded"),
        Column(
            "draw", pa.string(), "original, drawn (I uniform), or ladder (I 10, 30, 50, 70, 90)"
        ),
        Column(
            "kind", pa.string(), "original, or intensity_distortion, _limiter, _lowpass, _noise"
        ),
        Column("intensity", pa.float64(), "I, 0 to 100; none of an original", nullable=True),
        Column("params", pa.string(), "parameters of the degradation as JSON: I, seed of a noise"),
        Column("noise_seed", pa.int64(), "seed of the noise; none of others", nullable=True),
        Column("pcm_hash", pa.string(), "blake2b of the float32 samples, stereo at 48 kHz"),
        Column("mse", pa.float64(), "mean squared difference from its original, as made"),
        Column(
            "flatness_48k",
            pa.float64(),
            "spectral flatness, 0 to 1, mean over frames of 2048 samples and channels",
        ),
        Column("flatness_16k", pa.float64(), "the same of it at 16 kHz"),
        Column(
            "temporal_sd",
            pa.float64(),
            "deviation over time of its mel image (16 kHz, 256 bands, -1 to 1), mean over bands",
        ),
        Column(
            "visqol_mos",
            pa.float64(),
            "ViSQOL's MOS-LQO against its original, mono; none unless `[gan] visqol`",
            nullable=True,
        ),
        Column(
            "zimtohrli_mos",
            pa.float64(),
            "Zimtohrli's MOS likewise, where its package is installed",
            nullable=True,
        ),
        Column(
            "musqa_net",
            pa.float64(),
            "quality, 0 to 0.95, that the shipped musqa-net predicts of it",
            nullable=True,
        ),
        Column(
            "rating",
            pa.float64(),
            "mean opinion of its listeners; of originals in a catalog that brings ratings",
            nullable=True,
        ),
    ),
)
