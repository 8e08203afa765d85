import pyarrow.parquet as pq

from musqa_pipeline.stages.degradations.plan import plan_reference
from musqa_pipeline.stages.degradations.stage import list_units
from musqa_pipeline.stages.engine.stage import run_stage
from musqa_pipeline.stages.excerpts.table import EXCERPTS
from musqa_pipeline.stages.graph import get_stage
from tests.stages.degradations.references import context_with_references

FEW = {"singles": [2, 42], "n_cascades": 6, "include_reference": True}


def test_a_reference_becomes_one_file_with_the_rows_of_its_plan(home):
    context = context_with_references(home, **FEW)
    report = run_stage(get_stage("degradations"), context)
    assert (report.units, report.made, report.rows) == (1, 1, 9)
    table = context.lake.read(context.partition("degradations"), "r0-0-n6")
    plan = plan_reference("r0-0", 6, context.preset.degradations)
    assert table.select(list(plan[1])).to_pylist() == [
        {**dict.fromkeys(plan[1]), **row} for row in plan
    ]
    path = context.lake.path(context.partition("degradations"), "r0-0-n6")
    groups = pq.read_metadata(path)
    assert [groups.row_group(i).num_rows for i in range(groups.num_row_groups)] == [8, 1]
    assert path.stat().st_size < 1.1 * sum(table["bitstream_bytes"].to_pylist()) + 50_000


def test_the_same_file_comes_out_byte_for_byte_when_it_is_made_again(home):
    context = context_with_references(home, singles=[9, 45], n_cascades=2)
    run_stage(get_stage("degradations"), context)
    path = context.lake.path(context.partition("degradations"), "r0-0-n2")
    first = path.read_bytes()
    path.unlink()
    assert run_stage(get_stage("degradations"), context).made == 1
    assert path.read_bytes() == first
    assert run_stage(get_stage("degradations"), context).made == 0


def test_each_reference_is_a_unit_and_one_in_quarantine_is_none(home):
    context = context_with_references(home, n_references=2, singles=[1, 2], n_cascades=3)
    context.lake.write(context.partition("excerpts"), "r7-0", EXCERPTS.from_rows([]))
    assert [u.unit_id for u in list_units(context)] == ["r0-0-n3", "r1-0-n3"]


def test_a_catalog_may_have_fewer_rows_a_reference_than_others(home):
    context = context_with_references(home, **FEW)
    assert context.catalog
    few = context_with_references(home, **FEW, most_rows={context.catalog: 3})
    other = context_with_references(home, **FEW, most_rows={"other": 3})
    assert [run_stage(get_stage("degradations"), c).rows for c in (few, other)] == [3, 9]
    made = few.lake.read(few.partition("degradations"), "r0-0-n6")["kind"].to_pylist()
    assert made[0] == "reference"


def test_a_wanted_total_takes_a_cascade_from_some_references(home):
    wanted = {"singles": [1, 2], "n_cascades": 3, "pool_rows": 13}
    context = context_with_references(home, n_references=3, **wanted)
    assert sorted(u.plan["n_cascades"] for u in list_units(context)) == [2, 2, 3]
