"""Originals that do not teach all: darker copies, and narrow ones whose labels are not trusted."""

import dataclasses

import polars as pl

from musqa_pipeline.core.settings.models import ModelsSettings
from musqa_pipeline.learning.registry import MODELS
from musqa_pipeline.stages.dataset.inputs import read_narrow, read_untrained
from musqa_pipeline.stages.evaluation.stage import evaluated_runs
from musqa_pipeline.stages.spectrograms.features.rows import allowed_rows, read_rows
from musqa_pipeline.stages.tracks.table import TRACKS
from tests.stages.evaluation.small_lake import ENTRY, small_lake


def test_the_excerpts_of_copies_are_known_and_no_model_is_fitted_on_them(tmp_path, monkeypatch):
    for name in ("brightness", "late"):
        monkeypatch.setitem(MODELS, name, ENTRY)
    context = small_lake(tmp_path / "home")
    assert read_untrained(context) == set()
    partition = context.partition("tracks", "music")
    row = context.lake.read(partition, "u3").to_pylist()[0]
    context.lake.write(partition, "u3", TRACKS.from_rows([row | {"tier": "equalised"}]))
    track_id = row["track_id"]
    assert read_untrained(context) == {("music", f"{track_id}-0")}

    rows = read_rows(context)
    assert track_id in rows["track_id"].to_list()
    for train_rows in ("every", "trusted", "uniform_draw"):
        settings = ModelsSettings(train_rows=train_rows)
        allowed = rows.filter(allowed_rows(settings))
        assert allowed.height
        assert track_id not in allowed["track_id"].to_list()
        without = dataclasses.replace(settings, left_out_catalogs=("music",))
        assert rows.filter(allowed_rows(without)).is_empty()
    assert len(read_untrained(context, ("music", "elsewhere"))) == rows["track_id"].n_unique()


def test_of_narrow_originals_only_rows_with_trusted_labels_train(tmp_path, monkeypatch):
    for name in ("brightness", "late"):
        monkeypatch.setitem(MODELS, name, ENTRY)
    context = small_lake(tmp_path / "home")
    partition = context.partition("tracks", "music")
    ids = []
    for unit, edge_hz in (("u0", 5_800.0), ("u1", 15_999.0), ("u2", 16_000.0)):
        row = context.lake.read(partition, unit).to_pylist()[0]
        context.lake.write(partition, unit, TRACKS.from_rows([row | {"upper_edge_hz": edge_hz}]))
        ids.append(row["track_id"])
    narrow = set(ids[:2])
    excerpts = read_narrow(context, 16_000.0)
    assert {excerpt_id.split("-")[0] for _, excerpt_id in excerpts} >= narrow
    assert ("music", f"{ids[2]}-0") not in excerpts
    assert read_narrow(context, 0.0) == set()

    rows = read_rows(context).with_columns(trusted=pl.col("depth") == 2)
    settings = ModelsSettings(train_rows="every")
    every = rows.filter(allowed_rows(settings))
    asked = dataclasses.replace(settings, narrowest_original_hz=16_000.0)
    some = rows.filter(allowed_rows(asked))
    for track_id in ids:
        mine = every.filter(track_id=track_id)
        assert mine["trusted"].n_unique() == 2, "else this asks nothing"
        kept = some.filter(track_id=track_id)
        assert kept.height == (1 if track_id in narrow else mine.height)


def test_who_may_train_is_part_of_what_is_trained_and_evaluated(tmp_path, monkeypatch):
    for name in ("brightness", "late"):
        monkeypatch.setitem(MODELS, name, ENTRY)
    context = small_lake(tmp_path / "home")
    assert "limits" not in evaluated_runs(context), "evaluations from before stay as they are"
    narrowed = {"left_out_catalogs": ("elsewhere",), "narrowest_original_hz": 16_000.0}
    found = []
    for name, value in narrowed.items():
        models = dataclasses.replace(context.preset.models, **{name: value})
        preset = dataclasses.replace(context.preset, models=models)
        about = evaluated_runs(dataclasses.replace(context, preset=preset))
        found.append((about["limits"], about["runs"]))
    assert [limits for limits, _ in found] == [["elsewhere"], [16_000.0]]
    assert found[0][1] != found[1][1] != evaluated_runs(context)["runs"]
