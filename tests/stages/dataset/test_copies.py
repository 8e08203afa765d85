"""Darker copies in a small lake: known by their track, passed over by trainings and pages."""

import dataclasses

from musqa_pipeline.core.settings.models import ModelsSettings
from musqa_pipeline.learning.registry import MODELS
from musqa_pipeline.stages.dataset.inputs import read_untrained
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
