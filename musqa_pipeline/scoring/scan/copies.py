"""Copies of a recording in a library, and the best of each group."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from musqa_pipeline.scoring.scan.fingerprints import Heard, find_copies, unpack
from musqa_pipeline.scoring.scan.store import Scan, ScanStore

SAME_MOS = 0.1
"""Scores so close to the best say nothing of which copy is better: what a resampling or another
window may move them (`docs/scoring.md`)."""
SAME_BANDWIDTH_HZ = 500.0
DOUBTS = {"": 0, "possible": 1, "likely": 2}
"""How sure it is that a lossless file is a fake, by `lossy_origin`."""
NO_BEST = "all lossless copies are likely of lossy origin"
"""Why none is called the best: an original is not among them."""


def find_groups(store: ScanStore, scan: Scan) -> dict[str, int]:
    """Group the contents of a scan by ear; return the number of the group, from 1 on, by key.

    They go in the order of the first content; one without a copy is left out. Files with the same
    content are no group here: they share a key.
    """
    keys: list[str] = []

    def heard() -> Iterator[Heard]:
        rows = store.rows(
            "SELECT key, duration_s, fingerprint FROM results WHERE setting = ? AND key IN "
            "(SELECT key FROM files WHERE scan = ?) ORDER BY duration_s, key",
            scan.setting,
            scan.number,
        )
        for key, duration_s, fingerprint in rows:
            words = unpack(fingerprint)
            if any(len(w) for w in words):
                keys.append(key)
                yield Heard(len(keys) - 1, duration_s, words)

    pairs = [(copy.first, copy.second) for copy in find_copies(heard())]
    if not pairs:
        return {}
    edges = coo_array((np.ones(len(pairs)), np.transpose(pairs)), shape=(len(keys), len(keys)))
    _, recording = connected_components(edges, directed=False)
    numbers: dict[int, int] = {}
    return {keys[i]: numbers.setdefault(recording[i], len(numbers) + 1) for i in np.unique(pairs)}


def best_copy(copies: Sequence[dict[str, Any]]) -> tuple[int | None, str]:
    """Choose the copy to keep; return its place, and what decided, or None and why there is none.

    They are records of one group, one at least, with `file` and `size_bytes`, as `rows.py` gives
    them. None is called the best where all that are lossless are likely fakes.
    """
    fit = [c for c in copies if c["is_lossy"] or c["lossy_origin"] != "likely"]
    if all(c["is_lossy"] for c in fit) and len(fit) < len(copies):
        return None, NO_BEST
    if len(copies) == 1:
        return 0, "all have the same content"
    best_mos = max((c["mos"] for c in fit if c["mos"] is not None), default=None)
    known = [c for c in fit if best_mos is None or c["mos"] is not None]
    doubts = [DOUBTS[c["lossy_origin"]] for c in known if not c["is_lossy"]]
    least_doubt = min(doubts, default=0)
    widest = max(c["bandwidth_hz"] or 0.0 for c in fit)

    def merits(copy: dict[str, Any]) -> tuple[bool, ...]:
        mos, doubt = copy["mos"], DOUBTS[copy["lossy_origin"]]
        return (
            # A fake is no better than its original, whatever a model says of the two.
            copy["is_lossy"] or doubt < DOUBTS["likely"],
            # What no score is known of may be clipped; an edge without a grid is a small doubt.
            best_mos is None or mos is not None,
            copy["is_lossy"] or doubt == least_doubt,
            best_mos is None or (mos is not None and mos >= best_mos - SAME_MOS),
            not copy["is_lossy"],
            (copy["bandwidth_hz"] or 0.0) >= widest - SAME_BANDWIDTH_HZ,
        )

    def rank(i: int) -> tuple[Any, ...]:
        # The name decides last, so that the order of the files does not.
        copy = copies[i]
        # Of two lossless files the smaller is the more practical, of two lossy ones the larger.
        size = copy["size_bytes"] if copy["is_lossy"] else -copy["size_bytes"]
        tie = (round(copy["mos"] or 0.0, 2), copy["sample_rate_hz"], size)
        return tuple(not merit for merit in merits(copy)), tuple(-v for v in tie), copy["file"]

    order = sorted(range(len(copies)), key=rank)
    first, second = merits(copies[order[0]]), merits(copies[order[1]])
    surer = "of the surer origin"
    names = (surer, "with a score", surer, "the higher score", "lossless", "the wider band")
    for name, a, b in zip(names, first, second, strict=True):
        if a and not b:
            return order[0], name
    return order[0], "alike in score, band and codec"
