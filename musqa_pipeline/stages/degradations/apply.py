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

from musqa_pipeline.audio.constants import EXCERPT_SAMPLES, TAIL_SAMPLES
from musqa_pipeline.audio.degradations.applied import LIBSNDFILE, Applied
from musqa_pipeline.audio.degradations.codecs import Codec, encode_all
from musqa_pipeline.audio.degradations.ffmpeg import STREAMS_PER_PROCESS, decode
from musqa_pipeline.audio.degradations.processes import DEGRADATIONS, Process
from musqa_pipeline.audio.degradations.rebuild import aligned, cut, with_gain
from musqa_pipeline.audio.files.flac import to_flac, to_int16
from musqa_pipeline.audio.measures.loudness import integrated_lufs
from musqa_pipeline.core.errors import UnfitInputError
from musqa_pipeline.stages.degradations.plan import processes_of

BETWEEN_SAMPLES = EXCERPT_SAMPLES + TAIL_SAMPLES * 3 // 4
"""Length of a first half that is handed on: without the last 50 ms, where the first encoder ran
into the end of its input, and with 150 ms for the second one to run into."""

_ProcessKey = tuple[int, str]
"""Id of a process, or of its class, and its parameters: sorts, and is equal for equal processes."""


@dataclass(frozen=True, eq=False)
class _Job:
    """One process on one signal."""

    key: tuple[str, _ProcessKey]
    """Hash of the input ("" for the reference) and the process."""
    pcm: NDArray[np.int16]
    process: Process


def degrade_reference(
    plan: Sequence[Mapping[str, Any]],
    reference: NDArray[np.float32],
    *,
    target_lufs: float = -23.0,
) -> list[dict[str, Any]]:
    """Make every row that is planned for one reference.

    Raises UnfitInputError if a degraded excerpt is silent, so that no gain brings it to the target.
    """
    pcm = to_int16(reference)
    of_row = {row["degraded_id"]: row for row in plan}
    halves = {row["degraded_id"]: processes_of(row) for row in plan}
    first_of = {_key(both[0]): both[0] for both in halves.values() if both}
    alone = {_key(both[0]) for both in halves.values() if len(both) == 1}
    handed_on = {_key(both[0]) for both in halves.values() if len(both) == 2}

    made: dict[tuple[str, _ProcessKey], dict[str, Any]] = {}
    between: dict[_ProcessKey, tuple[str, NDArray[np.int16]]] = {}
    firsts = [_Job(("", key), pcm, first_of[key]) for key in sorted(first_of)]
    for job, applied, decoded in _applied_and_decoded(firsts):
        _, key = job.key
        if key in handed_on:
            half = to_int16(aligned(applied, decoded)[:BETWEEN_SAMPLES])
            between[key] = (_hash(half), half)
        if key in alone:
            made[job.key] = _finished(applied, decoded, target_lufs)

    # Keyed by the first half's samples and sorted by it, so that equal halves are done once and
    # neighbours share an input.
    seconds: dict[tuple[str, _ProcessKey], _Job] = {}
    for both in halves.values():
        if len(both) == 2:
            digest, half = between[_key(both[0])]
            job = _Job((digest, _key(both[1])), half, both[1])
            seconds.setdefault(job.key, job)
    for job, applied, decoded in _applied_and_decoded([seconds[key] for key in sorted(seconds)]):
        made[job.key] = _finished(applied, decoded, target_lufs)

    rows = []
    first_with: dict[str, str] = {}
    for degraded_id, planned in of_row.items():
        both = halves[degraded_id]
        if not both:
            result = _untouched(pcm[:EXCERPT_SAMPLES])
        elif len(both) == 1:
            result = made["", _key(both[0])]
        else:
            result = made[between[_key(both[0])][0], _key(both[1])]
        earlier = first_with.setdefault(result["pcm_hash"], degraded_id)
        identical_to = earlier if earlier != degraded_id else None
        rows.append({**planned, **result, "identical_to": identical_to})
    return rows


def _key(process: Process) -> _ProcessKey:
    return process.process_id, repr(process.params)


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
    applied = Applied("flac", to_flac(pcm), 0, 0.0, LIBSNDFILE)
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
