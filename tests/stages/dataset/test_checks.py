import dataclasses

import polars as pl
import pytest

from musqa_pipeline.core.settings.dataset import DatasetSettings
from musqa_pipeline.stages.dataset.balance import draw_dataset
from musqa_pipeline.stages.dataset.checks import (
    judge_leaks,
    judge_near_duplicates,
    judge_repeats,
    judge_uniformity,
)
from musqa_pipeline.stages.dataset.near_duplicates import PAIRS_SCHEMA, NearDuplicates
from musqa_pipeline.stages.dataset.report import DatasetReport
from musqa_pipeline.stages.dataset.uniformity import measure_uniformity
from tests.stages.dataset.synthetic import make_candidates, make_track

NO_ROWS = pl.DataFrame(schema={"catalog": pl.String, "track_id": pl.String, "part": pl.String})


def judged(*tracks, rows=NO_ROWS, **options):
    return judge_leaks(tracks, rows, **options)


@pytest.mark.parametrize(
    ("shared", "kind"),
    [
        ({"artist": "Ann"}, "artist"),
        ({"recording": "Suite"}, "recording"),
        ({"recording": "x.flac", "file": "x.flac"}, "recording"),
        ({"pcm_hash": "f" * 32}, "pcm"),
    ],
)
def test_each_kind_of_leak_is_counted_as_such(shared, kind):
    first, second = make_track(1, **shared), make_track(2, **shared)
    leaking = judged((first, "g", "train"), (second, "h", "test"))
    assert not leaking.passed
    assert {k: n for k, n in leaking.numbers.items() if "two_parts" in k and n} == {
        f"{kind}s_in_two_parts": 1
    }
    assert judged((first, "g", "train"), (second, "h", "train")).passed


def test_a_divided_group_is_a_leak():
    result = judged((make_track(1), "g", "train"), (make_track(2), "g", "validation"))
    assert result.numbers["groups_in_two_parts"] == 1
    assert not result.passed


def test_under_the_papers_protocol_an_artist_in_two_parts_is_counted_but_no_leak():
    tracks = [(make_track(i, artist="Ann"), str(i), p) for i, p in enumerate(["train", "test"])]
    result = judged(*tracks, by_artist=False)
    assert result.passed
    assert result.numbers["artists_in_two_parts"] == 1


def test_a_row_outside_the_part_of_its_track_is_found():
    track = make_track(1)
    rows = pl.DataFrame({"catalog": ["music"], "track_id": [track.track_id], "part": ["test"]})
    assert judged((track, "g", "test"), rows=rows).passed
    wrong = judged((track, "g", "train"), rows=rows)
    assert not wrong.passed
    assert wrong.numbers["rows_in_a_part_not_their_tracks"] == 1
    stranger = judged((make_track(2), "g", "test"), rows=rows)
    assert not stranger.passed


def test_a_row_under_two_catalogs_is_drawn_twice():
    rows = pl.DataFrame({"catalog": ["a", "b"], "degraded_id": ["t-0-1", "t-0-1"]})
    result = judge_repeats(rows)
    assert not result.passed
    assert result.numbers == {"rows": 2, "different_rows": 1}
    assert judge_repeats(rows[:1]).passed


def report_of(pool, size, n_bins=6):
    draw = draw_dataset(pool, DatasetSettings(size=size, n_bins=n_bins))
    uniform = draw.rows.filter("uniform_draw")
    parts = tuple(measure_uniformity(pool, uniform, draw.edges.tolist()))
    return DatasetReport(size, uniform.height, 0, pool.height, {}, 77, parts)


def test_uniformity_is_judged_part_by_part_and_says_what_to_do():
    pool = make_candidates(n_tracks=36, n_cascades=20)
    enough, too_much = report_of(pool, 60), report_of(pool, 20_000)
    assert judge_uniformity(enough).passed
    assert judge_uniformity(enough).numbers["evenness_train"] >= 0.98
    result = judge_uniformity(too_much)
    assert not result.passed
    assert result.numbers["rows"] == pool.height
    assert result.numbers["wanted"] == 20_000
    assert "size=20,000 was wanted; at size=77 every part would be even" in str(
        result.numbers["in_words"]
    )
    assert "bins that gave all they had: train " in too_much.sentence()
    one_bad = dataclasses.replace(enough.parts[1], evenness=0.97)
    spoilt = dataclasses.replace(enough, parts=(enough.parts[0], one_bad, *enough.parts[2:]))
    assert not judge_uniformity(spoilt).passed


def test_near_duplicates_are_named_with_their_parts():
    row = ("train", "a", "t1-0", "test", "b", "t2-0", 0.62, -3.0)
    pairs = pl.DataFrame([row], schema=PAIRS_SCHEMA, orient="row")
    result = judge_near_duplicates(NearDuplicates(pairs, 10, 24))
    assert not result.passed
    assert result.numbers["most_similar"] == ("t1-0 (a, train) and t2-0 (b, test): 0.62 at -3.0 s")
    clean = judge_near_duplicates(NearDuplicates(pairs.clear(), 10, 24))
    assert clean.passed
    assert clean.numbers["pairs_compared"] == 24
