import dataclasses
import json

import numpy as np
import pytest

from musqa_pipeline.audio.degradations.applied import stored_as_flac
from musqa_pipeline.audio.degradations.carriers.chains import Chain
from musqa_pipeline.audio.degradations.codecs import CodecParams
from musqa_pipeline.audio.degradations.ffmpeg import decode
from musqa_pipeline.audio.degradations.processes import DEGRADATIONS, PROCESSES, Process
from musqa_pipeline.audio.degradations.rebuild import aligned
from musqa_pipeline.audio.degradations.written import RANGES
from musqa_pipeline.core.settings.per_catalog import DegradationsSettings
from musqa_pipeline.stages.degradations.apply import degrade_reference
from musqa_pipeline.stages.degradations.plan import plan_reference
from musqa_pipeline.stages.degradations.random_rows import params_json, process_of
from tests.audio.music import music

# Typed from the paper, independently of the code.
TABLE_I = {
    "mp2": (range(1, 9), [32, 48, 64, 96, 128, 192, 256, 320]),
    "mp3": (range(9, 17), [32, 48, 64, 96, 128, 192, 256, 320]),
    "adts": (range(17, 28), [24, 32, 48, 64, 96, 128, 192, 256, 320, 512, 700]),
    "ogg": (range(28, 33), [48, 64, 96, 128, 192]),
    "opus": (range(33, 42), [24, 32, 48, 64, 96, 128, 160, 192, 256]),
}
TABLE_II = {42: 3500, 43: 5000, 44: 7500, 45: 9000}
SECOND = 48_000


def test_the_45_processes_are_those_of_the_paper():
    expected = {
        process_id: (name, bitrate_kbps, None)
        for name, (ids, bitrates_kbps) in TABLE_I.items()
        for process_id, bitrate_kbps in zip(ids, bitrates_kbps, strict=True)
    } | {process_id: ("lowpass", None, cutoff_hz) for process_id, cutoff_hz in TABLE_II.items()}
    assert {i: (p.name, p.bitrate_kbps, p.cutoff_hz) for i, p in PROCESSES.items()} == expected


def test_what_the_issue_asks_for_is_registered():
    assert set(DEGRADATIONS) >= {
        *TABLE_I, "lowpass", "limiter", "clipping", "distortion", "reverb", "echo",
        "white_noise", "pink_noise", "bit_crush", "resample",
    }  # fmt: skip


@pytest.mark.parametrize("name", sorted(DEGRADATIONS))
def test_a_degradation_is_drawn_as_data_and_applied_without_chance(name):
    degradation = DEGRADATIONS[name]
    draws = [degradation.draw(np.random.default_rng(seed)) for seed in (5, 5, 6, 7, 8)]
    assert draws[0] == draws[1]
    assert len(set(draws)) > 1
    if not isinstance(draws[0], Chain):  # which has a reader of its own
        flat = json.loads(json.dumps(dataclasses.asdict(draws[0])))
        assert type(draws[0])(**flat) == draws[0]
    assert process_of(name, params_json(Process(0, name, draws[0]))).params == draws[0]
    if not isinstance(draws[0], CodecParams):  # whose ranges are those of each codec
        parts = [its for _, its in draws[0].faults] if isinstance(draws[0], Chain) else draws[:1]
        numbers = {k for its in parts for k, v in vars(its).items() if isinstance(v, int | float)}
        assert numbers <= set(RANGES), "each number has its range in written.py"

    x = music()[:SECOND]
    applied = degradation.apply(x, draws[0])
    again = degradation.apply(x, draws[0])
    assert applied == again
    (decoded,) = decode([(applied.container, applied.bitstream)])
    y = aligned(applied, decoded)
    assert len(x) - 2_048 <= len(y) <= len(x) + 4_096
    n = min(len(x), len(y))
    assert not np.array_equal(x[:n], y[:n])


class Inverted:
    """A degradation of one small class, as a newcomer would add it."""

    name = "inverted"

    def draw(self, rng):
        return None

    def apply(self, x, params):
        return stored_as_flac(-x)


def test_a_new_degradation_is_one_class_and_one_registry_line(monkeypatch):
    monkeypatch.setitem(DEGRADATIONS, "inverted", Inverted())
    monkeypatch.setitem(PROCESSES, 46, Process(46, "inverted", None))
    (row,) = plan_reference("a-0", 0, DegradationsSettings(singles=(42,)))
    row |= {"first_id": 46, "last_id": 46}
    (made,) = degrade_reference([row], music())
    (y,) = decode([(made["container"], made["bitstream"])])
    assert np.array_equal(y, -music())
