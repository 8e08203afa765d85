"""All degraded excerpts of one reference, with their encodes and first halves shared.

Every excerpt costs one encode and one decode: the first half of a cascade is the single process
of the same reference, quantised to 16 bit as the paper's files between the halves were. Cascades
whose first halves are equal sample by sample (AAC at 320, 512 and 700 kbit/s) share the second.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from musqa_pipeline.audio import EXCERPT_SAMPLES, TAIL_SAMPLES
from musqa_pipeline.degradations.applied import LIBSNDFILE, Applied, flac_bytes, to_int16
from musqa_pipeline.degradations.audio import aligned, cut, with_gain
from musqa_pipeline.degradations.codecs import Codec, encode_all
from musqa_pipeline.degradations.processes import DEGRADATIONS, PROCESSES, Process
from musqa_pipeline.degradations.streams import STREAMS_PER_PROCESS, decode
from musqa_pipeline.errors import UnfitInputError
from musqa_pipeline.excerpts.loudness import integrated_lufs

BETWEEN_SAMPLES = EXCERPT_SAMPLES + TAIL_SAMPLES * 3 // 4
"""Length of a first half that is handed on: without the last 50 ms, where the first encoder ran
into the end of its input, and with 150 ms for the second one to run into."""


@dataclass(frozen=True, eq=False)
class _Job:
    """One process on one signal."""

    key: tuple[str, int]
    """Hash of the input ("" for the reference) and process id."""
    pcm: NDArray[np.int16]
    process: Process


def degrade_reference(
    plan: Sequence[Mapping[str, Any]],
    reference: NDArray[np.float32],
    *,
    target_lufs: float = -23.0,
) -> list[dict[str, Any]]:
    """Make every row that is planned for one reference.

    Parameters
    ----------
    plan : sequence of mapping
        Rows with the columns `table.PLAN_COLUMNS`, all of this reference.
    reference : ndarray of float32, shape (480000 + tail,)
        Mono, 48 kHz, 16-bit values; the tail feeds encoders and is never scored.
    target_lufs : float
        Integrated loudness of the results (BS.1770). The untouched reference keeps its own.

    Returns
    -------
    list of dict
        Rows of the table `degradations` in the order of the plan; the same bytes every time.

    Raises
    ------
    ToolError
        If ffmpeg is missing or fails.
    UnfitInputError
        If a degraded excerpt is silent, so that no gain brings it to the target.
    """
    pcm = to_int16(reference)
    of_row = {row["degraded_id"]: row for row in plan}
    first_ids = sorted({row["first_id"] for row in plan if row["depth"] > 0})
    single_ids = {row["first_id"] for row in plan if row["depth"] == 1}
    handed_on_ids = {row["first_id"] for row in plan if row["depth"] == 2}

    made: dict[tuple[str, int], dict[str, Any]] = {}
    between: dict[int, tuple[str, NDArray[np.int16]]] = {}
    firsts = [_Job(("", i), pcm, PROCESSES[i]) for i in first_ids]
    for job, applied, decoded in _applied_and_decoded(firsts):
        process_id = job.process.process_id
        if process_id in handed_on_ids:
            half = to_int16(aligned(applied, decoded)[:BETWEEN_SAMPLES])
            between[process_id] = (_hash(half), half)
        if process_id in single_ids:
            made[job.key] = _finished(applied, decoded, target_lufs)

    # Keyed by the first half's samples and sorted by it, so that equal halves are done once and
    # neighbours share an input.
    seconds: dict[tuple[str, int], _Job] = {}
    for row in plan:
        if row["depth"] == 2:
            digest, half = between[row["first_id"]]
            job = _Job((digest, row["last_id"]), half, PROCESSES[row["last_id"]])
            seconds.setdefault(job.key, job)
    for job, applied, decoded in _applied_and_decoded([seconds[key] for key in sorted(seconds)]):
        made[job.key] = _finished(applied, decoded, target_lufs)

    rows = []
    first_with: dict[str, str] = {}
    for degraded_id, planned in of_row.items():
        if planned["depth"] == 0:
            result = _untouched(pcm[:EXCERPT_SAMPLES])
        elif planned["depth"] == 1:
            result = made["", planned["first_id"]]
        else:
            result = made[between[planned["first_id"]][0], planned["last_id"]]
        earlier = first_with.setdefault(result["pcm_hash"], degraded_id)
        identical_to = earlier if earlier != degraded_id else None
        rows.append({**planned, **result, "identical_to": identical_to})
    return rows


def _applied_and_decoded(
    jobs: Sequence[_Job],
) -> Iterator[tuple[_Job, Applied, NDArray[np.float32]]]:
    """Apply processes and decode their results, a few streams at a time to bound memory."""
    for start in range(0, len(jobs), STREAMS_PER_PROCESS):
        batch = jobs[start : start + STREAMS_PER_PROCESS]
        coded, results = [], {}
        for job in batch:
            degradation = DEGRADATIONS[job.process.name]
            if isinstance(degradation, Codec):
                coded.append((job, degradation))
            else:
                x = job.pcm.astype(np.float32) / np.float32(32768.0)
                results[job.key] = degradation.apply(x, job.process.params)
        streams = encode_all([(job.pcm, codec, job.process.params) for job, codec in coded])
        results |= {job.key: stream for (job, _), stream in zip(coded, streams, strict=True)}
        ordered = [results[job.key] for job in batch]
        decoded = decode([(applied.container, applied.bitstream) for applied in ordered])
        yield from zip(batch, ordered, decoded, strict=True)


def _finished(applied: Applied, decoded: NDArray[np.float32], target_lufs: float) -> dict[str, Any]:
    """Cut to 10 s and bring to the target loudness; the headroom of FLAC goes with it."""
    x = cut(decoded, applied.delay_samples)
    measured_lufs = integrated_lufs(x)
    if not np.isfinite(measured_lufs):
        raise UnfitInputError(
            "silent_result",
            "a degraded version of the excerpt has nothing above -70 LUFS",
            "remove the track from the catalog, or cut it elsewhere with another excerpts seed",
        )
    return _result(applied, x, target_lufs - measured_lufs)


def _untouched(pcm: NDArray[np.int16]) -> dict[str, Any]:
    """Store the reference itself, at its own level."""
    applied = Applied("flac", flac_bytes(pcm, "PCM_16"), 0, 0.0, LIBSNDFILE)
    return _result(applied, pcm.astype(np.float32) / np.float32(32768.0), 0.0)


def _result(applied: Applied, x: NDArray[np.float32], gain_db: float) -> dict[str, Any]:
    final = with_gain(x, gain_db)
    return {
        "container": applied.container,
        "bitstream": applied.bitstream,
        "bitstream_bytes": len(applied.bitstream),
        "delay_samples": applied.delay_samples,
        "gain_db": gain_db,
        "loudness_lufs": integrated_lufs(final),
        "n_over_full_scale": int(np.count_nonzero(np.abs(final) > 1.0)),
        "pcm_hash": _hash(final),
        "encoder": applied.encoder,
    }


def _hash(x: NDArray[Any]) -> str:
    return hashlib.blake2b(
        x.astype(x.dtype.newbyteorder("<")).tobytes(), digest_size=16
    ).hexdigest()
