import json

import polars as pl
import pytest

from musqa_pipeline.stages.dataset.candidates import find_candidates


def row(degraded_id, **changes):
    values = {
        "catalog": "a", "degraded_id": degraded_id, "excerpt_id": "t-0", "track_id": "t",
        "pcm_hash": "p", "in_pool": True, "identical_to": None, "depth": 1, "first_id": 1,
        "last_id": 1, "mos": 3.0, "verdict": "usable", "flags": [], "tier": "",
        "track_upper_edge_hz": 20_000.0, "track_bitrate_kbps": 900.0, "track_codec": "flac",
        "kind": "single", "first_params": None,
    }  # fmt: skip
    return {**values, **changes}


def kept(*rows, **options):
    found = find_candidates(
        pl.DataFrame(
            rows,
            schema_overrides={
                "identical_to": pl.String,
                "flags": pl.List(pl.String),
                "first_params": pl.String,
            },
        ),
        **options,
    )
    assert sum(found.left_out.values()) == len(rows) - found.rows.height
    return found.rows["degraded_id"].to_list(), {k: n for k, n in found.left_out.items() if n}


def test_rows_out_of_the_pool_are_left_out():
    assert kept(row("1"), row("2", in_pool=False)) == (["1"], {"not in the pool": 1})


def test_of_identical_rows_the_least_processed_in_the_pool_stays():
    rows = [
        row("25", in_pool=False, first_id=25, last_id=25),
        row("30_26", identical_to="25", depth=2, first_id=30, last_id=26),
        row("26", identical_to="25", first_id=26, last_id=26),
        row("27", identical_to="25", first_id=27, last_id=27),
        row("28", first_id=28, last_id=28),
    ]
    names, left_out = kept(*rows)
    assert names == ["26", "28"]
    assert left_out == {"not in the pool": 1, "identical to another row": 2}


def test_equal_ids_of_two_references_are_not_identical_rows():
    rows = [row("25"), row("26", identical_to="25"), row("25", excerpt_id="t-1")]
    assert kept(*rows)[0] == ["25", "25"]


def test_a_song_in_two_catalogs_gives_rows_in_the_first_only():
    rows = [row("1", catalog="b"), row("1", catalog="a"), row("9", catalog="b", pcm_hash="q")]
    assert kept(*rows) == (["1", "9"], {"same song in another catalog": 1})


def test_a_flagged_track_gives_rows_only_well_below_its_own_quality():
    flagged = {
        "verdict": "flagged", "flags": ["lossy_source", "upper_edge"], "tier": "lossy_below_150k",
        "track_upper_edge_hz": 11_000.0, "track_bitrate_kbps": 96.0, "track_codec": "mp3",
        "pcm_hash": "q", "track_id": "f", "excerpt_id": "f-0",
    }  # fmt: skip
    scale = [1.2, 2.0, 2.8, 3.6, 4.2, 4.6]
    rows = [row(f"clean {mos}", mos=mos, last_id=i) for i, mos in enumerate(scale)]
    rows += [row(f"lossy {mos}", mos=mos, last_id=i, **flagged) for i, mos in enumerate(scale)]
    names, left_out = kept(*rows, below_margin_mos=0.5)
    assert [n for n in names if n.startswith("clean")] == [f"clean {mos}" for mos in scale]
    lossy = [n for n in names if n.startswith("lossy")]
    assert "lossy 1.2" in lossy
    assert "lossy 4.6" not in lossy
    assert lossy == [f"lossy {mos}" for mos in scale[: len(lossy)]]
    assert left_out == {"flagged track near its own quality": 6 - len(lossy)}
    stricter = kept(*rows, below_margin_mos=1.5)[0]
    assert len(stricter) < len(names)
    assert len(kept(*rows)[0]) == 12


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0)])
def test_the_rows_that_stay_keep_their_order(order):
    rows = [row(str(i), first_id=i, last_id=i) for i in order]
    assert kept(*rows)[0] == [str(i) for i in order]


def chain(name, *faults, kind="carrier", **changes):
    listed = [{"fault": fault, "intensity": intensity} for fault, intensity in faults]
    params = json.dumps({"carrier": "lp", "faults": listed})
    return row(name, kind=kind, first_params=params, first_id=400, last_id=400, **changes)


def ladder(fault, *mos):
    return [
        chain(f"{song}-{fault}-{place}", (fault, 25.0 * place), kind="ladder", in_pool=False,
              excerpt_id=f"{song}-0", mos=value)
        for song in "abc"
        for place, value in enumerate(mos)
    ]  # fmt: skip


def test_a_chain_with_a_fault_that_the_metric_does_not_hear_is_not_trusted():
    rows = [
        *ladder("hiss", 4.7, 4.2, 3.5, 2.8, 2.0),
        *ladder("flutter", 4.73, 4.72, 4.72, 4.71, 4.71),
        chain("1", ("hiss", 50.0)),
        chain("2", ("hiss", 50.0), ("flutter", 100.0)),
        chain("3", ("flutter", 100.0), kind="counterfactual"),
        chain("4", ("wow", 100.0)),
        row("5"),
    ]
    names, left_out = kept(*rows)
    assert names == ["1", "5"]
    assert left_out == {"not in the pool": 30, "a fault that the metric does not hear": 3}
    overrides = {"identical_to": pl.String, "flags": pl.List(pl.String), "first_params": pl.String}
    found = find_candidates(pl.DataFrame(rows, schema_overrides=overrides))
    assert found.untrusted["degraded_id"].to_list() == ["2", "3", "4"]
