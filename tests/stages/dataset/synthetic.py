"""Made-up candidates and tracks, shaped like what stages 1-4 give."""

from __future__ import annotations

import numpy as np
import polars as pl

from musqa_pipeline.stages.dataset.groups import SplitTrack


def make_candidates(
    *, n_tracks: int = 30, n_cascades: int = 20, seed: int = 0, parts: str = "tttttvvee"
) -> pl.DataFrame:
    """Singles of 30 processes and random cascades; most qualities lie at the top, as in life."""
    rng = np.random.default_rng(seed)
    strength = np.concatenate([rng.beta(1.2, 5, 41) * 0.9, [0.75, 0.6, 0.42, 0.35]])
    names = ["mp2"] * 8 + ["mp3"] * 8 + ["aac"] * 11 + ["ogg"] * 5 + ["opus"] * 9 + ["lowpass"] * 4
    long_parts = {"t": "train", "v": "validation", "e": "test"}
    rows = []
    for t in range(n_tracks):
        track_id = f"{t:016x}"
        pairs = [(p, p) for p in range(1, 46, 1 if n_cascades < 3 else 2)]
        pairs += [(int(a), int(b)) for a, b in rng.integers(1, 46, (n_cascades, 2))]
        for i, (first, last) in enumerate(dict.fromkeys(pairs)):
            is_single = first == last and i < 45
            loss = max(strength[first - 1], strength[last - 1]) * rng.uniform(0.85, 1.0)
            quality = float(np.clip(0.933 * (1 - loss) + rng.normal(0, 0.01), 0, 0.933))
            process = str(first) if is_single else f"{first}_{last}"
            rows.append(
                {
                    "catalog": "music",
                    "degraded_id": f"{track_id}-0-{process}",
                    "excerpt_id": f"{track_id}-0",
                    "track_id": track_id,
                    "recording": f"recording {t}",
                    "split_group": track_id,
                    "part": long_parts[parts[t % len(parts)]],
                    "genre": f"genre {t % 5}",
                    "last_name": names[last - 1],
                    "depth": 1 if is_single else 2,
                    "first_id": first,
                    "last_id": last,
                    "mos": 1 + 4 * quality,
                    "quality": quality,
                }
            )
    return pl.DataFrame(rows).unique("degraded_id", maintain_order=True)


def make_track(number: int, **changes: object) -> SplitTrack:
    """A track that shares nothing with one of another number."""
    values: dict[str, object] = {
        "catalog": "music",
        "track_id": f"{number:016x}",
        "file": f"{number}.flac",
        "recording": f"recording {number}",
        "artist": "",
        "pcm_hash": f"{number:032x}",
        "role": "",
    }
    return SplitTrack(**{**values, **changes})  # type: ignore[arg-type]
