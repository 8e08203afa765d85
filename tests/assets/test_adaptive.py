"""The adaptive mode through the whole graph: real codecs, real labels, real commands."""

from __future__ import annotations

import json

import pytest

from musqa_pipeline.stages.views.duck import query
from tests.assets.checkout import Checkout

ADAPTIVE = """
[adaptive]
rounds = 2
cascades_per_round = 2
rows_wanted = 60
n_bins = 6
"""


@pytest.mark.long
def test_a_run_in_rounds_fills_the_dataset_and_a_second_one_makes_nothing(tmp_path, music):
    checkout = Checkout.make(tmp_path / "checkout", music)
    preset = checkout.root / "tiny.toml"
    text = preset.read_text().replace("singles = [3, 42]", "singles = [3, 10, 42]")
    preset.write_text(text + ADAPTIVE)
    command = ("run", "--preset", "tiny.toml", "--until", "spectrograms", "--json")
    lines = checkout.musqa(*command).stdout.splitlines()
    reports = {report["stage"]: report for report in map(json.loads, lines)}

    planned = query(checkout.home, "SELECT round, count(*) AS n FROM tiny.rounds GROUP BY ALL")
    assert sorted(planned["round"]) == [1, 2]
    assert all(6 <= n <= 12 for n in planned["n"])
    n_rows = 6 * (3 + 1) + planned["n"].sum()
    assert reports["degradations"]["rows"] == n_rows
    assert (reports["labels"]["made"], reports["labels"]["row_count"]) == (0, n_rows)

    unlabelled = query(
        checkout.home,
        "SELECT count(*) AS n FROM tiny.rounds r LEFT JOIN tiny.degradations d USING (catalog, "
        "excerpt_id, process) LEFT JOIN tiny.labels l USING (catalog, degraded_id) "
        "WHERE l.quality IS NULL",
    )
    assert unlabelled["n"].to_list() == [0]
    errors = query(
        checkout.home,
        "SELECT abs(predicted_quality - quality) AS error FROM tiny.rounds JOIN tiny.degradations "
        "USING (catalog, excerpt_id, process) JOIN tiny.labels USING (catalog, degraded_id)",
    )
    assert errors["error"].median() < 0.05
    drawn = query(
        checkout.home,
        "SELECT count(*) AS n FROM tiny.dataset JOIN (SELECT catalog, degraded_id FROM tiny.rounds "
        "JOIN tiny.degradations USING (catalog, excerpt_id, process)) USING (catalog, degraded_id)",
    )
    assert drawn["n"][0] > 0
    assert reports["spectrograms"]["row_count"] == reports["dataset"]["row_count"] >= drawn["n"][0]

    lines = checkout.musqa(*command).stdout.splitlines()
    assert {json.loads(line)["made"] for line in lines} == {0}
