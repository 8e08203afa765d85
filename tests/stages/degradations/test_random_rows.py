import json
from collections import Counter

import numpy as np
import pytest
from scipy.signal import welch

from musqa_pipeline.audio.constants import EXCERPT_SAMPLES
from musqa_pipeline.audio.degradations.codecs import VBR, Codec, CodecParams
from musqa_pipeline.audio.degradations.effects import (
    BitCrushParams,
    EchoParams,
    LimiterParams,
    ResampleParams,
)
from musqa_pipeline.audio.degradations.lowpass import FAMILY_WEIGHTS, LowpassParams, lag_samples
from musqa_pipeline.audio.degradations.processes import DEGRADATIONS, PROCESSES
from musqa_pipeline.audio.degradations.rebuild import degraded_audio
from musqa_pipeline.core.errors import SettingsError
from musqa_pipeline.core.fingerprints import digest
from musqa_pipeline.core.settings.per_catalog import (
    CARRIER_NAMES,
    EFFECT_NAMES,
    RANDOM_NAMES,
    DegradationsSettings,
)
from musqa_pipeline.core.settings.preset import load_preset
from musqa_pipeline.stages.degradations.apply import degrade_reference
from musqa_pipeline.stages.degradations.checks import estimate_lag_samples
from musqa_pipeline.stages.degradations.plan import n_cascades_of, plan_reference, processes_of
from musqa_pipeline.stages.degradations.random_rows import (
    EFFECT_WEIGHTS,
    NAME_WEIGHTS,
    STRENGTHS,
    class_id,
    draw_random,
    params_json,
    process_of,
)
from musqa_pipeline.stages.degradations.table import DEGRADATIONS as TABLE
from musqa_pipeline.stages.degradations.table import PLAN_COLUMNS
from tests.audio.music import music


def drawn(n, excerpt_id="aa-0", seed=0, cascade_fraction=0.25):
    return draw_random(excerpt_id, n, seed=seed, cascade_fraction=cascade_fraction)


MANY = drawn(1_500)
EFFECTS = draw_random("aa-0", 24, seed=1, cascade_fraction=0.0, names=EFFECT_NAMES)


def settings(**values):
    return DegradationsSettings(singles=(), n_cascades=0, **values)


def test_fewer_rows_are_the_first_of_more_and_no_row_comes_twice():
    assert drawn(40) == MANY[:40]
    assert len(set(MANY)) == len(MANY)


def test_references_and_seeds_differ():
    assert drawn(20, excerpt_id="ab-0") != MANY[:20]
    assert drawn(20, seed=1) != MANY[:20]


def test_the_share_of_cascades_is_the_one_wanted():
    assert np.mean([len(row) == 2 for row in MANY]) == pytest.approx(0.25, abs=0.04)
    assert {len(row) for row in drawn(50, cascade_fraction=0.0)} == {1}
    assert {len(row) for row in drawn(50, cascade_fraction=1.0)} == {2}


def test_another_share_keeps_what_is_drawn_first():
    alone, both = drawn(30, cascade_fraction=0.0), drawn(30, cascade_fraction=1.0)
    assert np.mean([a[0] == b[0] for a, b in zip(alone, both, strict=True)]) > 0.8


def test_no_single_repeats_a_process_of_the_tables():
    listed = {(process.name, process.params) for process in PROCESSES.values()}
    singles = {(row[0].name, row[0].params) for row in MANY if len(row) == 1}
    assert not singles & listed
    halves = {(half.name, half.params) for row in MANY if len(row) == 2 for half in row}
    assert halves & listed  # two of them in a row may be of the tables


def test_every_kind_is_drawn_as_often_as_its_weight_says():
    halves = [half for row in drawn(3_000, cascade_fraction=1.0) for half in row]
    names = Counter(half.name for half in halves)
    for name, weight in NAME_WEIGHTS.items():
        assert names[name] / len(halves) == pytest.approx(weight, abs=0.02), name
    families = Counter(half.params.family for half in halves if half.name == "lowpass")
    for family, weight in FAMILY_WEIGHTS.items():
        assert families[family] / names["lowpass"] == pytest.approx(weight, abs=0.04), family
    controls = {(h.name, h.params.control) for h in halves if isinstance(h.params, CodecParams)}
    assert controls == {
        ("mp2", "default"),
        *(("mp3", way) for way in ("default", "abr", VBR)),
        *(("adts", way) for way in ("default", VBR)),
        *(("ogg", way) for way in ("default", VBR)),
        *(("opus", way) for way in ("default", "cbr", "constrained")),
    }


def test_parameters_stay_in_their_ranges_and_fill_them():
    lowpasses = [h.params for row in MANY for h in row if h.name == "lowpass"]
    cutoffs_hz = np.array([p.cutoff_hz for p in lowpasses])
    assert 2_500 <= cutoffs_hz.min() < 2_700
    assert 18_500 < cutoffs_hz.max() <= 20_000
    assert np.median(cutoffs_hz) == pytest.approx(np.sqrt(2_500 * 20_000), rel=0.15)
    assert {p.order for p in lowpasses} == {None, *range(2, 11)}
    assert all((p.order is None) == (p.family == "fir") for p in lowpasses)
    for codec in (d for d in DEGRADATIONS.values() if isinstance(d, Codec)):
        given = [h.params for row in MANY for h in row if h.name == codec.name]
        rates_kbps = {p.bitrate_kbps for p in given if p.control == "default"}
        assert rates_kbps <= set(codec.steps_kbps)
        assert len(rates_kbps) > 10, codec.name
        assert all((p.bitrate_kbps is None) == (p.quality is not None) for p in given)
    rates_hz = [h.params.sample_rate_hz for row in MANY for h in row if h.name == "resample"]
    assert 8_000 <= min(rates_hz) <= max(rates_hz) <= 44_100
    assert np.mean([rate in (11_025, 22_050, 44_100) for rate in rates_hz]) > 0.1


def test_kinds_and_cut_offs_can_be_chosen():
    rows = draw_random(
        "aa-0", 400, seed=0, cascade_fraction=0.0, names=["lowpass"], lowpass_hz=(13e3, 22e3)
    )
    assert {row[0].name for row in rows} == {"lowpass"}
    cutoffs_hz = np.array([row[0].params.cutoff_hz for row in rows])
    assert 13_000 <= cutoffs_hz.min() < 13_100
    assert 21_800 < cutoffs_hz.max() <= 22_000
    assert {row[0].params.family for row in rows} == set(FAMILY_WEIGHTS)
    for row in rows:
        assert lag_samples(row[0].params) >= 0  # it can be designed
    two = draw_random("aa-0", 400, seed=0, cascade_fraction=0.0, names=["opus", "mp3"])
    share = np.mean([row[0].name == "mp3" for row in two])
    assert share == pytest.approx(0.16 / 0.26, abs=0.06)


def test_rows_may_begin_at_another_number():
    # Of low-passes alone, since no two are equal: a row that was there before is drawn again.
    given = {"seed": 0, "cascade_fraction": 0.25, "names": ["lowpass"]}
    assert draw_random("aa-0", 40, **given)[29:] == draw_random("aa-0", 11, first=30, **given)
    rows = plan_reference("aa-0", 0, settings(n_random=3, random_first=1_001))
    assert [row["process"] for row in rows] == ["r1001", "r1002", "r1003"]


def test_the_names_are_those_that_are_drawn():
    assert set(RANDOM_NAMES) == set(NAME_WEIGHTS)
    assert set(EFFECT_NAMES) == set(EFFECT_WEIGHTS)
    assert {*RANDOM_NAMES, *EFFECT_NAMES, *CARRIER_NAMES} == set(DEGRADATIONS)


@pytest.mark.parametrize(
    ("n_rows", "chosen", "digested"),
    [
        (1_500, {}, "748001e294c4afea22f91efb26c40388"),
        (200, {"names": ["lowpass", "mp3"]}, "80d0fbf4edb6614853cb86def668aed7"),
        (
            100,
            {"names": ["lowpass"], "lowpass_hz": (13e3, 22e3)},
            "84d2c04013ae0c8d2e07be7fb258de6d",
        ),
    ],
)
def test_rows_that_name_no_effect_are_what_they_were_before_there_were_effects(
    n_rows, chosen, digested
):
    rows = draw_random("aa-0", n_rows, seed=0, cascade_fraction=0.25, **chosen)
    written = [[(half.process_id, half.name, params_json(half)) for half in row] for row in rows]
    assert digest(written) == digested


def test_effects_are_drawn_where_they_are_named():
    assert not {half.name for row in MANY for half in row} & set(EFFECT_NAMES)
    weights = {**NAME_WEIGHTS, **EFFECT_WEIGHTS}
    rows = draw_random("aa-0", 3_000, seed=0, cascade_fraction=1.0, names=list(weights))
    names = Counter(half.name for row in rows for half in row)
    for name, weight in weights.items():
        share = names[name] / names.total()
        assert share == pytest.approx(weight / sum(weights.values()), abs=0.015), name
    preset = settings(n_random=30, random_names=EFFECT_NAMES)
    planned = plan_reference("aa-0", 0, preset)
    assert {row["first_name"] for row in planned} == set(EFFECT_NAMES)
    assert {half for row in planned for half in processes_of(row)} == {
        half
        for row in draw_random("aa-0", 30, seed=0, cascade_fraction=0.25, names=preset.random_names)
        for half in row
    }


@pytest.mark.parametrize("name", EFFECT_NAMES)
def test_an_effect_fills_the_range_of_its_strength_and_each_third_is_a_class(name):
    rows = draw_random("aa-0", 600, seed=0, cascade_fraction=0.0, names=[name])
    field, low, high = STRENGTHS[name]
    values = np.array([getattr(row[0].params, field) for row in rows])
    assert low <= values.min() < low + 0.02 * (high - low)
    assert high - 0.02 * (high - low) < values.max() <= high
    ids = np.array([row[0].process_id for row in rows])
    assert len(set(ids)) == 3
    third = (ids - ids.min())[np.argsort(values)]
    assert third.tolist() == sorted(third.tolist())
    assert np.bincount(third).tolist() == pytest.approx([200] * 3, abs=45)
    others = {row[0].process_id for row in EFFECTS if row[0].name != name}
    assert not others & set(ids.tolist())
    assert not {half.process_id for row in MANY for half in row} & set(ids.tolist())


def test_a_process_that_was_written_down_is_the_one_that_was_drawn():
    for row in MANY:
        for half in row:
            assert process_of(half.name, params_json(half)) == half


@pytest.mark.parametrize(
    ("name", "params", "expected"),
    [
        ("lowpass", LowpassParams(2_500.0), 100),
        ("lowpass", LowpassParams(5_000.0), 101),
        ("lowpass", LowpassParams(20_000.0, "fir"), 142),
        ("mp2", CodecParams(32), 151),
        ("mp3", CodecParams(320, "abr"), 164),
        ("mp3", CodecParams(None, VBR, 0.0), 166),
        ("mp3", CodecParams(None, VBR, 9.9), 168),
        ("opus", CodecParams(16, "cbr"), 190),
        ("resample", ResampleParams(8_000.0, "Linear"), 210),
        ("resample", ResampleParams(44_100.0, "LQ"), 262),
        ("limiter", LimiterParams(-24.0, 50.0), 310),
        ("limiter", LimiterParams(-6.0, 50.0), 312),
        ("echo", EchoParams(100.0, 0.3, 0.3), 351),
        ("bit_crush", BitCrushParams(16.0), 382),
    ],
)
def test_what_is_alike_has_one_class(name, params, expected):
    assert class_id(name, params) == expected


def test_classes_of_different_names_differ_and_are_beyond_the_tables():
    names = {}
    for row in MANY:
        for half in row:
            names.setdefault(half.process_id, set()).add(half.name)
    assert all(len(of) == 1 for of in names.values())
    assert min(names) >= 100
    assert len(names) > 50


def test_a_random_row_says_what_is_done():
    rows = plan_reference("aa-0", 3, DegradationsSettings(n_random=40))
    random = [row for row in rows if row["kind"] == "random"]
    assert [row["degraded_id"] for row in random] == [f"aa-0-r{i}" for i in range(1, 41)]
    assert rows[-40:] == random
    assert rows[:-40] == plan_reference("aa-0", 3, DegradationsSettings())
    for row, halves in zip(random, MANY, strict=False):
        assert set(row) == {c.name for c in PLAN_COLUMNS}
        assert processes_of(row) == halves
        assert row["depth"] == len(halves)
        assert row["in_pool"]
        for place, half in (("first", halves[0]), ("last", halves[-1])):
            assert row[f"{place}_name"] == half.name
            assert row[f"{place}_id"] == half.process_id
            params = json.loads(row[f"{place}_params"])
            assert row[f"{place}_bitrate_kbps"] == params.get("bitrate_kbps")
            assert row[f"{place}_cutoff_hz"] == params.get("cutoff_hz")


def test_random_rows_count_for_a_wanted_total():
    wanted = DegradationsSettings(singles=(1, 2), n_cascades=3, n_random=4, pool_rows=26)
    assert sorted(n_cascades_of(["a", "b", "c"], wanted).values()) == [2, 3, 3]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"n_random": -1}, r"n_random=-1: expected 0 or more; edit the preset"),
        (
            {"random_cascade_fraction": 1.5},
            r"random_cascade_fraction=1.5: expected in \[0, 1\]; edit the preset",
        ),
        ({"random_first": 0}, "random_first=0: expected 1 or more; edit the preset"),
        ({"random_names": ()}, r"random_names=\(\): expected different names, one or more of low"),
        (
            {"random_names": ("flac",)},
            r"random_names=\('flac',\): expected different names, one or",
        ),
        (
            {"random_lowpass_hz": (9e3, 23e3)},
            r"random_lowpass_hz=\(9000.0, 23000.0\): expected a lower and a higher frequency in "
            r"\[1000, 22000\]; edit the preset",
        ),
    ],
)
def test_a_wrong_setting_is_named(values, message):
    with pytest.raises(SettingsError, match=message):
        DegradationsSettings(**values)


def test_the_paper_has_no_random_row_and_the_settings_of_them_move_no_fingerprint_there():
    paper, musqa = load_preset("paper"), load_preset("musqa")
    assert paper.degradations.n_random == 0
    assert not {"n_random", "random_cascade_fraction"} & set(paper.section("degradations"))
    assert musqa.section("degradations")["n_random"] == musqa.degradations.n_random > 0


@pytest.fixture(scope="module")
def made():
    """Rows of one reference: singles of every name and family, and cascades."""
    plan = plan_reference("aa-0", 0, settings(n_random=400))
    chosen, names = {}, set()
    for number, (row, halves) in enumerate(zip(plan, MANY, strict=False)):
        if number >= 60 and row["first_name"] in names:
            continue
        names.add(row["first_name"])
        half = halves[0].params
        what = getattr(half, "family", getattr(half, "quality", None) is None)
        chosen.setdefault((row["depth"], row["first_name"], what), row)
    rows = degrade_reference(list(chosen.values()), music())
    return {row["process"]: row for row in rows}


@pytest.fixture(scope="module")
def audio(made):
    return dict(zip(made, degraded_audio(made.values()), strict=True))


def test_random_rows_fit_the_table(made):
    table = TABLE.from_rows(made.values())
    assert table.num_rows == len(made) > 15
    assert {row["first_name"] for row in made.values()} == set(NAME_WEIGHTS)


def test_every_random_row_is_aligned_to_one_sample(audio):
    reference = music()[:EXCERPT_SAMPLES]
    lags = {p: estimate_lag_samples(reference, x) for p, x in audio.items()}
    assert {p: lag for p, lag in lags.items() if abs(lag) > 1} == {}


@pytest.fixture(scope="module")
def with_effects():
    """Rows of the strongest and weakest draws of each effect, and cascades with a codec."""
    planned = plan_reference(
        "aa-0", 0, settings(n_random=150, random_names=(*EFFECT_NAMES, "mp3", "opus"))
    )
    chosen = {
        (row["depth"], row["first_name"], row["first_id"]): row
        for row in planned
        if row["depth"] == 1 or {row["first_name"], row["last_name"]} & {"mp3", "opus"}
    }
    return degrade_reference(list(chosen.values()), music())


def test_rows_with_effects_are_whole_aligned_and_made_without_chance(with_effects):
    assert {row["first_name"] for row in with_effects if row["depth"] == 1} > set(EFFECT_NAMES)
    assert sum(row["depth"] == 2 for row in with_effects) > 3
    reference = music()[:EXCERPT_SAMPLES]
    degraded = list(degraded_audio(with_effects))
    assert {len(x) for x in degraded} == {EXCERPT_SAMPLES}
    lags = [estimate_lag_samples(reference, x) for x in degraded]
    assert [lag for lag in lags if abs(lag) > 1] == []
    loudness_lufs = [row["loudness_lufs"] for row in with_effects]
    assert loudness_lufs == pytest.approx([-23.0] * len(degraded), abs=0.1)
    plan = [{c.name: row.get(c.name) for c in PLAN_COLUMNS} for row in with_effects[::-3]]
    again = {row["process"]: row["pcm_hash"] for row in degrade_reference(plan, music())}
    assert again == {row["process"]: row["pcm_hash"] for row in with_effects[::-3]}
    assert TABLE.from_rows(with_effects).num_rows == len(with_effects)


def test_neither_company_nor_order_changes_a_random_row(made):
    some = [made[p] for p in list(made)[::-4]]
    plan = [{c.name: row.get(c.name) for c in PLAN_COLUMNS} for row in some]
    for row in degrade_reference(plan, music()):
        assert {k: v for k, v in row.items() if k in made[row["process"]]} == made[row["process"]]


def test_every_random_row_loses_what_it_was_told_to_lose(made, audio):
    frequency_hz, before = welch(music()[:EXCERPT_SAMPLES], 48_000, nperseg=8_192)
    for process, row in made.items():
        _, after = welch(audio[process], 48_000, nperseg=8_192)
        lost_db = 10 * np.log10(after / before)
        params = json.loads(row["first_params"])
        if row["first_name"] == "lowpass" and row["depth"] == 1:
            low = lost_db[(frequency_hz > 200) & (frequency_hz < 1_000)].mean()
            at = np.interp(params["cutoff_hz"], frequency_hz, lost_db) - low
            assert at == pytest.approx(-3.0, abs=1.5), process
        elif row["first_name"] == "resample" and params["quality"] == "VHQ":
            above = frequency_hz > params["sample_rate_hz"] / 2 + 100
            assert lost_db[above].max() < -40, process
