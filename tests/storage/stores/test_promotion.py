"""Decisions on models, on object storage; `tests/release/promotion` has more, on a disk."""

import dataclasses

import pytest

from musqa_pipeline.learning.registry import MODELS
from musqa_pipeline.release.promotion.history import read_history
from musqa_pipeline.release.promotion.promote import promote
from musqa_pipeline.storage.lake.lake import Lake
from tests.release.promotion.world import lake_with_champions
from tests.stages.evaluation.small_lake import ENTRY


@pytest.mark.long
def test_a_champion_is_crowned_and_kept_on_object_storage(remote_home, tmp_path, monkeypatch):
    monkeypatch.setitem(MODELS, "brightness", ENTRY)
    monkeypatch.setitem(MODELS, "late", ENTRY)
    local = lake_with_champions(tmp_path / "home")
    there = Lake(remote_home).store
    for file in sorted(p for p in local.home.rglob("*") if p.is_file()):
        there.write_bytes(file.relative_to(local.home).as_posix(), file.read_bytes())
    context = dataclasses.replace(local, home=remote_home)
    row, on_disk = promote(context), promote(local)
    assert row["decision"] == "first"
    assert {**row, "decided_utc": None} == {**on_disk, "decided_utc": None}
    assert there.read_bytes(row["report"]) == b"<p>report</p>"
    assert promote(context)["number"] == 1
    assert read_history(context).champion["weights"] == row["weights"]
