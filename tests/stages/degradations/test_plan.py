from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from musqa_pipeline.core.seeds import unit_interval_hash
from musqa_pipeline.core.settings.per_catalog import PAPER_POOL_EXCLUDED, DegradationsSettings
from musqa_pipeline.core.settings.preset import load_preset
from musqa_pipeline.stages.degradations.plan import n_cascades_of, plan_reference, some_rows
from musqa_pipeline.stages.degradations.table import PLAN_COLUMNS

PAPER = load_preset("paper").degradations
IDS = [f"{i:016x}-0" for i in range(250)]


def cascades(excerpt_id, n, settings=PAPER):
    return [r["process"] for r in plan_reference(excerpt_id, n, settings) if r["depth"] == 2]


@settings(max_examples=15, deadline=None)
@given(n=st.integers(0, 2025), fewer=st.integers(0, 2025))
def test_fewer_cascades_are_the_first_of_more_and_no_pair_comes_twice(n, fewer):
    drawn = cascades("aa-0", n)
    assert len(drawn) == len(set(drawn)) == n
    assert cascades("aa-0", min(n, fewer)) == drawn[:fewer]


def test_all_ordered_pairs_of_the_45_processes_can_be_drawn():
    assert set(cascades("aa-0", 2025)) == {f"{a}_{b}" for a in range(1, 46) for b in range(1, 46)}


def test_references_and_seeds_differ_and_a_plan_can_be_drawn_again():
    first = cascades("aa-0", 50)
    assert cascades("aa-0", 50) == first
    assert cascades("ab-0", 50) != first
    assert cascades("aa-0", 50, DegradationsSettings(seed=1)) != first


def test_singles_out_of_the_pool_are_planned_but_not_drawn_from():
    singles = [r for r in plan_reference("aa-0", 5, PAPER) if r["depth"] == 1]
    assert [r["first_id"] for r in singles] == list(range(1, 46))
    assert {r["first_id"] for r in singles if not r["in_pool"]} == set(PAPER_POOL_EXCLUDED)
    everything = DegradationsSettings(pool_excluded=())
    assert all(r["in_pool"] for r in plan_reference("aa-0", 5, everything))


def test_a_row_says_what_is_done_in_every_column_of_the_plan():
    wanted = DegradationsSettings(include_reference=True, singles=(1, 42))
    reference, mp2, lowpass, *pairs = plan_reference("aa-0", 2025, wanted)
    planned = {c.name for c in PLAN_COLUMNS} - {"first_params", "last_params"}
    assert set(reference) | set(mp2) == planned
    assert (reference["degraded_id"], reference["kind"]) == ("aa-0-0", "reference")
    assert (reference["first_id"], reference["last_name"]) == (0, "reference")
    assert (mp2["first_name"], mp2["last_bitrate_kbps"], mp2["last_cutoff_hz"]) == ("mp2", 32, None)
    assert (lowpass["degraded_id"], lowpass["first_cutoff_hz"]) == ("aa-0-42", 3500)
    pair = next(r for r in pairs if r["process"] == "12_43")
    assert pair["degraded_id"] == "aa-0-12_43"
    assert (pair["kind"], pair["depth"], pair["first_id"], pair["last_id"]) == (
        "cascade",
        2,
        12,
        43,
    )
    assert (pair["first_name"], pair["first_bitrate_kbps"]) == ("mp3", 96)
    assert (pair["last_name"], pair["last_cutoff_hz"]) == ("lowpass", 5000)


def test_250_references_give_the_64960_rows_of_the_paper():
    counts = n_cascades_of(IDS, PAPER)
    rows = [row for i in IDS for row in plan_reference(i, counts[i], PAPER)]
    assert sum(row["in_pool"] for row in rows) == 64_960
    assert len(rows) == 68_710
    assert sorted(counts.values()) == [229] * 40 + [230] * 210
    ranked = sorted(IDS, key=lambda i: unit_interval_hash("degradations-cascades", 0, i))
    assert {i for i, n in counts.items() if n == 229} == set(ranked[:40])


def test_the_order_in_which_references_come_changes_nothing():
    assert n_cascades_of(reversed(IDS), PAPER) == n_cascades_of(IDS, PAPER)


def test_a_catalog_of_another_size_keeps_all_its_cascades():
    for ids in (IDS[:249], [*IDS, *(f"x{i}-0" for i in range(10))]):
        assert set(n_cascades_of(ids, PAPER).values()) == {230}
    assert set(n_cascades_of(IDS, DegradationsSettings()).values()) == {230}


def test_the_untouched_reference_counts_as_a_row_of_the_pool():
    wanted = DegradationsSettings(pool_rows=64_960 + 250, include_reference=True)
    assert sorted(n_cascades_of(IDS, wanted).values()) == [229] * 40 + [230] * 210


def test_some_rows_of_a_plan_are_drawn_and_the_reference_is_among_them():
    wanted = DegradationsSettings(include_reference=True, n_cascades=0, n_random=20)
    plans = [plan_reference(i, 0, wanted) for i in IDS]
    few, more = ([some_rows(plan, n, seed=0) for plan in plans] for n in (9, 20))
    assert {len(rows) for rows in few} == {9}
    for rows, beside, plan in zip(few, more, plans, strict=True):
        assert rows[0]["kind"] == "reference"
        assert [row for row in plan if row in rows] == rows
        assert all(row in beside for row in rows)
    counts = Counter(row["process"] for rows in few for row in rows if row["depth"])
    assert len(counts) == len(plans[0]) - 1  # every process comes up, about as often
    assert max(counts.values()) < 2.2 * min(counts.values())
    assert [r["process"] for r in some_rows(plans[0], 9, seed=1)] != [r["process"] for r in few[0]]
    assert some_rows(plans[0], 1_000, seed=0) == plans[0]
