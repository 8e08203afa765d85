"""Bodies of a lake written by hand: what they hear, who shares them, and what begins with them."""

import dataclasses
import json
import shutil

import numpy as np
import polars as pl
import pytest
import soundfile as sf
import torch

from musqa_pipeline.audio.features.nisqa_mel import nisqa_mel_of_track
from musqa_pipeline.audio.features.pcm import WAVEFORM_SAMPLES, pcm_at_rate
from musqa_pipeline.audio.files.signals import read_signal
from musqa_pipeline.core.errors import SettingsError, StageError, UnfitInputError
from musqa_pipeline.core.settings.models import ModelsSettings, ProtocolsSettings
from musqa_pipeline.learning.data.shards import ImageShards
from musqa_pipeline.learning.entry import TrainingSettings
from musqa_pipeline.learning.predict import load_model
from musqa_pipeline.learning.pretraining.dcec import clusters_of
from musqa_pipeline.learning.pretraining.folder import read_folder
from musqa_pipeline.learning.pretraining.framewise_run import read_body
from musqa_pipeline.learning.registry import MODELS
from musqa_pipeline.stages.engine.stage import run_stage
from musqa_pipeline.stages.graph import get_stage
from musqa_pipeline.stages.models.pretraining import material, stage
from musqa_pipeline.stages.models.pretraining.bodies import body_of, body_settings
from musqa_pipeline.stages.models.pretraining.checks import check_pretraining_met_no_test
from musqa_pipeline.stages.models.pretraining.pictures import plot_curves, read_pretrainings
from musqa_pipeline.stages.models.pretraining.settings import PretrainingSettings
from musqa_pipeline.stages.models.pretraining.stage import list_units, make_run
from musqa_pipeline.stages.models.pretraining.table import PRETRAININGS
from musqa_pipeline.stages.models.runs import read_preset_runs
from musqa_pipeline.stages.models.stage import run_folder, unit_id_of
from musqa_pipeline.stages.models.targets import add_further_targets
from musqa_pipeline.stages.models.trials.stage import list_units as list_trials
from musqa_pipeline.stages.spectrograms.features.rows import read_rows
from musqa_pipeline.stages.spectrograms.nisqa.table import NISQA_MELS
from musqa_pipeline.stages.spectrograms.row_shards import shard_files
from musqa_pipeline.stages.spectrograms.waveforms.table import WAVEFORMS
from tests.audio.sounds import write
from tests.learning.pretraining.tiny_wav2vec2 import ARCHITECTURE, TINY
from tests.stages.evaluation.small_lake import ENTRY, PRESET, small_lake
from tests.stages.segments.small_catalog import stereo

HOP = {"piece_hop_frames": 60}
SHORT = {"max_epochs": 1, "batch_size": 4, "train_rows": "every"}
RECIPES = {"w2v_mos": SHORT, "w2v_mos_random": SHORT}
FRAMEWISE = (
    "convmaxpool_autoencoder", "convmaxpool_degradations", "convmaxpool_dcec",
    "convmaxpool_dcec_mtl",
)  # fmt: skip
RECIPES |= dict.fromkeys(FRAMEWISE, SHORT | HOP)
WINDOWS = HOP | {"window_frames": 200, "window_hop_frames": 100, "batch_size": 4}
# 50 frames a second, so that 10 s cost little.
FEW_FRAMES = dataclasses.replace(ARCHITECTURE, conv_kernel=(20, 32), conv_stride=(10, 32))
TINY = dataclasses.replace(TINY, architecture=FEW_FRAMES, crop_samples=8_000)
TINY_RECIPE = {
    "wav2vec2": dataclasses.asdict(TINY),
    "autoencoder": WINDOWS | {"max_epochs": 2},
    "dcec": WINDOWS
    | {"n_clusters": 3, "max_updates": 4, "renewal_updates": 2, "checkpoint_updates": 2},
    "degradation_classifier": HOP | {"max_epochs": 2, "validation_fraction": 0.3},
}
REAL_STREAMS = dict(material.STREAMS)
BOTH = ("w2v_mos", "w2v_mos_random")


def preset(names=("w2v_mos",), protocols=None, recipes=RECIPES, **pretraining):
    return dataclasses.replace(
        PRESET,
        models=ModelsSettings(names=names, recipes=recipes),
        protocols=protocols or ProtocolsSettings(),
        further={"pretraining": PretrainingSettings(recipes=TINY_RECIPE, **pretraining)},
    )


def like(context, **changes):
    return dataclasses.replace(context, preset=preset(**changes))


def made_up_stream(path):
    rng = np.random.default_rng(5)
    return rng.normal(0, 800, 20_000).astype(np.int16)


def made_up_mel(path):
    return np.random.default_rng(6).integers(0, 256, (400, 48), np.uint8)


def made_up_versions(path):
    return np.random.default_rng(7).integers(0, 256, (1, 6, 100, 48), np.uint8)


@pytest.fixture(scope="module", autouse=True)
def _streams():
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(material.STREAMS, "consumed", list)
        patch.setitem(material.STREAMS, "waveforms", made_up_stream)
        patch.setitem(material.STREAMS, "mels", made_up_mel)
        patch.setitem(material.STREAMS, "versions", made_up_versions)
        for name in PRESET.models.names:
            patch.setitem(MODELS, name, ENTRY)
        patch.setenv("MUSQA_WORKERS", "1")
        yield


@pytest.fixture(scope="module")
def context(tmp_path_factory):
    """The lake with noise for waveforms and images, before the stage."""
    made = small_lake(tmp_path_factory.mktemp("pretraining") / "home", preset=preset())
    others = {"waveforms": "e" * 32, "pretraining": "f" * 32, "nisqa_mels": "d" * 32}
    made = dataclasses.replace(made, fingerprints={**made.fingerprints, **others})
    rng = np.random.default_rng(0)
    rows = made.lake.read(made.joint_partition("dataset"), "dataset").to_pylist()
    mono = {"dtype": "int16", "n_frames": WAVEFORM_SAMPLES, "n_bands": 1}
    mel = {"dtype": "uint8", "n_frames": 1001, "n_bands": 48, "storage_error": 0.001}
    for table, cells in ((WAVEFORMS, mono), (NISQA_MELS, mel)):
        n_cells, kind = cells["n_frames"] * cells["n_bands"], np.dtype(cells["dtype"])
        images = [
            {name: row.get(name) for name in table.schema.names}
            | cells
            | {"max_db": -18.0, "min_db": -31.0, "upper_edge_hz": 8_000.0, "looped": False}
            | {"image": rng.normal(100, 30, n_cells).clip(0, 255).astype(kind).tobytes()}
            for row in rows
        ]
        for part in ("train", "validation", "test"):
            shard = table.from_rows([row for row in images if row["part"] == part])
            partition = made.joint_partition(table.name)
            made.lake.write(partition, f"{part}-00000", shard, row_group_rows=4)
    return made


@pytest.fixture(scope="module")
def pretrained(context):
    assert run_stage(get_stage("pretraining"), context).made == 1
    return context


def groups_of(unit):
    return {track for _, track in unit.plan["material"]}


def test_it_hears_no_test_recording_and_no_recording_that_a_fold_predicts(context):
    (own,) = list_units(context)
    rows = read_rows(context)
    test = set(rows.filter(part="test")["track_id"])
    assert groups_of(own) == set(rows["track_id"]) - test
    folds = like(context, protocols=ProtocolsSettings(folds={"w2v_mos": 2}, n_folds=2))
    units = list_units(folds)
    assert len(units) == 1 + 2  # the test part's fold shares the body of stage 7
    assert own.unit_id in {unit.unit_id for unit in units}
    parts = [groups_of(unit) for unit in units if unit.unit_id != own.unit_id]
    assert parts[0] | parts[1] == groups_of(own)
    assert not parts[0] & parts[1]


def test_one_body_serves_both_halves_of_a_fold(context):
    protocols = ProtocolsSettings(grouped={"w2v_mos": 1}, n_label_folds=2, n_label_classes=2)
    halves = list_units(like(context, protocols=protocols))
    assert len(halves) == 1 + 2


def test_a_group_keeps_the_others_of_its_recording_out(context):
    tracks = pl.DataFrame({
        "catalog": ["a", "a", "b", "b"], "track_id": ["1", "2", "3", "4"],
        "recording": ["x", "y", "x", "z"], "split_group": ["g", "h", None, None],
    })  # fmt: skip
    assert material.material_of(tracks, {"g"}) == [["a", "2"], ["b", "4"]]
    assert len(material.material_of(tracks, set())) == 4


def test_a_preset_may_let_it_hear_all_and_the_table_says_so(context):
    protocols = ProtocolsSettings(folds={"w2v_mos": 1}, n_folds=2)
    (unit,) = list_units(like(context, protocols=protocols, transductive=True))
    assert len(groups_of(unit)) == 10
    run_stage(get_stage("pretraining"), like(context, transductive=True))
    (row,) = read_pretrainings(context, [unit])
    assert (row["transductive"], row["n_tracks"], row["n_recordings"]) == (True, 10, 10)


def test_repetitions_take_seeds_in_turn(context):
    protocols = ProtocolsSettings(folds={"w2v_mos": 3}, n_folds=2)
    units = list_units(like(context, protocols=protocols, n_seeds=2))
    assert sorted(unit.plan["seed"] for unit in units) == [0, 0, 0, 1, 1, 1]


def test_only_networks_that_begin_with_a_body_ask_for_one(context):
    assert list_units(like(context, names=("w2v_mos_random",))) == []
    assert list_units(like(context, names=("cnn1d",))) == []
    assert body_settings(context, "cnn1d") == []
    assert body_of(context, "cnn1d") is None


def test_a_network_waits_for_its_body(tmp_path, context):
    other = dataclasses.replace(
        context, fingerprints={**context.fingerprints, "pretraining": "0" * 32}
    )
    with pytest.raises(StageError, match=r"w2v_mos: pre-training .* run the stage pretraining"):
        body_of(other, "w2v_mos")


def test_it_is_made_once_and_its_row_says_what_it_heard(pretrained):
    assert run_stage(get_stage("pretraining"), pretrained).made == 0
    (row,) = read_pretrainings(pretrained, list_units(pretrained))
    assert (row["method"], row["seed"], row["finished"]) == ("wav2vec2", 0, True)
    assert (row["n_tracks"], row["checkpoints"], row["refused"]) == (6, 3, [])
    assert len(json.loads(row["curves_json"])["contrastive_loss"]) == 3
    assert plot_curves(pretrained).startswith(b"\x89PNG")


def test_tracks_that_are_too_short_are_not_counted_but_listed_for_the_check(context, monkeypatch):
    lengths = iter([TINY.crop_samples - 1, TINY.crop_samples, 0, 20_000, 20_000, 20_000])
    monkeypatch.setitem(
        material.STREAMS, "waveforms", lambda pieces: made_up_stream(pieces)[: next(lengths)]
    )
    other = {**context.fingerprints, "pretraining": "a" * 32}
    other = dataclasses.replace(context, fingerprints=other)
    (unit,) = list_units(other)
    assert run_stage(get_stage("pretraining"), other).made == 1
    (row,) = read_pretrainings(other, [unit])
    assert row["heard"] == ["/".join(key) for key in unit.plan["material"]]
    tracks = material.listed_tracks(other).filter(
        pl.col("track_id").is_in([unit.plan["material"][i][1] for i in (1, 3, 4, 5)])
    )
    assert (row["n_tracks"], row["n_recordings"]) == (4, 4)
    assert row["hours"] == pytest.approx(tracks["duration_s"].sum() / 3600)


def test_the_check_finds_a_body_that_met_a_test_recording_and_one_that_is_absent(pretrained):
    sound = check_pretraining_met_no_test(pretrained)
    assert sound.passed
    assert sound.numbers == {"n_bodies": 1, "n_absent": 0, "n_transductive": 0, "n_met": 0}
    folds = ProtocolsSettings(folds={"w2v_mos": 1}, n_folds=3)
    absent = check_pretraining_met_no_test(like(pretrained, protocols=folds))
    assert (absent.passed, absent.numbers["n_absent"]) == (False, 3)
    partition = pretrained.joint_partition("pretraining")
    (unit,) = list_units(pretrained)
    (row,) = pretrained.lake.read(partition, unit.unit_id).to_pylist()
    test = read_rows(pretrained).filter(part="test")["track_id"][0]
    wrong = row | {"heard": [*row["heard"], f"music/{test}"]}
    try:
        pretrained.lake.write(partition, unit.unit_id, PRETRAININGS.from_rows([wrong]))
        assert check_pretraining_met_no_test(pretrained).numbers["n_met"] == 1
    finally:
        pretrained.lake.write(partition, unit.unit_id, PRETRAININGS.from_rows([row]))
    assert check_pretraining_met_no_test(like(pretrained, names=("cnn1d",))).passed


def test_a_network_begins_with_the_body_and_one_of_chance_with_the_same_layers(pretrained):
    body = body_of(pretrained, "w2v_mos")
    heard = read_folder(body.folder).state_dict()
    settings = TrainingSettings(body_architecture=body.architecture)
    network = body.entry_of("w2v_mos").build(settings)
    for name, tensor in network.body.state_dict().items():
        assert torch.equal(tensor, heard[name]), name
    chance = body_of(pretrained, "w2v_mos_random")
    assert chance.folder is None
    other = chance.entry_of("w2v_mos_random").build(
        TrainingSettings(body_architecture=chance.architecture)
    )
    assert {k: v.shape for k, v in other.body.state_dict().items()} == {
        k: v.shape for k, v in heard.items()
    }
    first, second = (next(iter(made.body.parameters())) for made in (other, network))
    assert not torch.equal(first, second)


def test_networks_are_trained_on_them_in_stage_7_and_under_a_protocol(pretrained):
    wanted = like(
        pretrained, names=BOTH, protocols=ProtocolsSettings(folds={"w2v_mos": 1}, n_folds=2)
    )
    run_stage(get_stage("pretraining"), wanted)
    assert run_stage(get_stage("models"), wanted).made == 2
    runs = {row["model"]: row for row in read_preset_runs(wanted)}
    assert runs["w2v_mos"]["parameters"] == runs["w2v_mos_random"]["parameters"]
    pcm = np.zeros((1, WAVEFORM_SAMPLES, 1), np.float32)
    pcm[0, ::7] = 0.1
    for name in BOTH:
        answer = load_model(run_folder(wanted, name))(torch.from_numpy(pcm))
        assert torch.isfinite(answer).all()
    assert run_stage(get_stage("trials"), wanted).made == 3
    assert run_stage(get_stage("trials"), wanted).made == 0


def test_trainings_on_labels_of_chance_begin_with_the_bodies_of_their_folds(context):
    protocols = ProtocolsSettings(
        grouped={"w2v_mos": 1}, random_labels={"w2v_mos": 4}, n_label_folds=2, n_label_classes=2
    )
    both = like(context, protocols=protocols)
    run_stage(get_stage("pretraining"), both)
    assert run_stage(get_stage("trials"), both).made == 4 + 1 + 4


def test_nisqas_convolutions_learn_three_ways_and_clusters_go_on_from_the_autoencoder(context):
    wanted = like(context, names=FRAMEWISE)
    units = {unit.plan["method"]: unit for unit in list_units(wanted)}
    assert sorted(units) == ["autoencoder", "dcec", "degradation_classifier"]
    alone = list_units(like(context, names=("convmaxpool_dcec",)))
    assert {unit.unit_id for unit in alone} == {
        units[method].unit_id for method in ("autoencoder", "dcec")
    }
    assert run_stage(get_stage("pretraining"), wanted).made == 3
    rows = {row["method"]: row for row in read_pretrainings(wanted, list(units.values()))}
    assert rows["dcec"]["checkpoints"] == 2
    assert {"kl", "mse"} < set(json.loads(rows["dcec"]["curves_json"]))
    assert plot_curves(wanted).startswith(b"\x89PNG")
    for name in FRAMEWISE:
        body = body_of(wanted, name)
        settings = TrainingSettings(body_architecture=body.architecture, **HOP)
        found = body.entry_of(name).build(settings).body.state_dict()
        expected = read_body(body.folder)
        assert all(torch.equal(found[key], expected[key]) for key in expected)
    assert run_stage(get_stage("models"), wanted).made == 4
    networks = {name: load_model(run_folder(wanted, name)) for name in FRAMEWISE}
    assert networks["convmaxpool_dcec_mtl"].clusters.out_features == 3


def test_the_clusters_of_training_images_are_targets(context):
    wanted = like(context, names=("convmaxpool_dcec_mtl",))
    run_stage(get_stage("pretraining"), wanted)
    body = body_of(wanted, "convmaxpool_dcec_mtl")
    images = ImageShards(shard_files(wanted, "nisqa_mels"), "train", "every")
    add_further_targets("convmaxpool_dcec_mtl", images, [wanted], body)
    cells = np.stack([cell for n in range(len(images.groups)) for cell in images.read_group(n)])
    np.testing.assert_array_equal(images.targets[:, 1], clusters_of(body.folder, cells))
    assert images.targets.shape == (images.n_rows, 2)


def test_another_recipe_of_the_body_is_another_training(context):
    def longer(**changes):
        recipe = dataclasses.asdict(dataclasses.replace(TINY, **changes))
        section = PretrainingSettings(recipes={"wav2vec2": recipe})
        changed = dataclasses.replace(context.preset, further={"pretraining": section})
        return dataclasses.replace(context, preset=changed)

    slower = longer(learning_rate=1e-5)
    assert unit_id_of(context, "w2v_mos") == unit_id_of(longer(), "w2v_mos")
    assert unit_id_of(context, "w2v_mos") != unit_id_of(slower, "w2v_mos")
    assert list_units(slower)[0].unit_id != list_units(context)[0].unit_id
    protocols = ProtocolsSettings(folds={"w2v_mos": 1, "mean": 1}, n_folds=2)
    ours, theirs = (
        {trial.unit_id for trial in list_trials(dataclasses.replace(
            place, preset=dataclasses.replace(place.preset, protocols=protocols)
        ))}
        for place in (context, slower)
    )  # fmt: skip
    assert {unit for unit in ours & theirs} == {unit for unit in ours if "mean" in unit}


def test_a_folder_of_transformers_serves_and_what_is_none_is_refused(pretrained, tmp_path):
    body = body_of(pretrained, "w2v_mos")

    def on(folder):
        return like(pretrained, recipes={"w2v_mos": SHORT | {"w2v_weights": str(folder)}})

    given = body_of(on(body.folder), "w2v_mos")
    assert (given.folder, json.loads(given.architecture)) == (
        body.folder, json.loads(body.architecture),
    )  # fmt: skip
    assert list_units(on(body.folder)) == []
    mine = tmp_path / "mine"
    shutil.copytree(body.folder, mine)
    assert body_of(on(mine), "w2v_mos").identity == given.identity
    tensors = mine / "model.safetensors"
    tensors.write_bytes(tensors.read_bytes()[:-1] + b"\1")
    assert body_of(on(mine), "w2v_mos").identity != given.identity
    with pytest.raises(SettingsError, match=r"config\.json"):
        body_of(on(tmp_path), "w2v_mos")


def test_what_cannot_be_is_said(context, monkeypatch, tmp_path):
    with pytest.raises(SettingsError, match=r"\[pretraining\] catalogs: the preset has no 'x'"):
        list_units(like(context, catalogs=("x",)))
    with monkeypatch.context() as patch:
        every = material.listed_tracks(context)
        patch.setattr(stage, "listed_tracks", lambda context: every.filter(part="test"))
        with pytest.raises(StageError, match=r"no track is left to learn from for w2v_mos"):
            list_units(context)
    with pytest.raises(SettingsError, match=r"unknown method; known are wav2vec2"):
        PretrainingSettings(recipes={"wave": {}})
    with pytest.raises(SettingsError, match=r"unknown key .updatess.; known are .*updates"):
        PretrainingSettings(recipes={"wav2vec2": {"updatess": 3}})
    with pytest.raises(SettingsError, match=r"\[pretraining\.recipes\.wav2vec2\] updates=-3"):
        PretrainingSettings(recipes={"wav2vec2": {"updates": -3}})

    def refuse(reason):
        def refused(pieces):
            raise UnfitInputError(reason, "it is not so", "leave it out")

        monkeypatch.setitem(material.STREAMS, "broken", refused)

    tracks = material.material_of(material.listed_tracks(context), ())
    refuse("silent")
    with pytest.raises(StageError, match=r"none of 10 tracks .*song 0.*silent: it is not so"):
        material.streams_of(context, tracks, "broken", tmp_path)
    refuse("unreadable")
    with pytest.raises(StageError, match=r"song 0\.flac in music cannot be read now .*run again"):
        material.streams_of(context, tracks, "broken", tmp_path)
    with pytest.raises(StageError, match=r"song 0\.flac .* its file is gone"):
        material.streams_of(context, tracks, "consumed", tmp_path)


def test_what_max_minutes_ends_has_no_row_and_goes_on_with_more_of_them(context):
    short = like(context, n_seeds=1)
    models = dataclasses.replace(short.preset.models, max_minutes=1e-9, seed=7)
    recipe = dataclasses.asdict(dataclasses.replace(TINY, learning_rate=3e-4))
    section = PretrainingSettings(recipes={"wav2vec2": recipe})
    ended = dataclasses.replace(
        short,
        preset=dataclasses.replace(short.preset, models=models, further={"pretraining": section}),
    )
    (unit,) = list_units(ended)
    with pytest.raises(StageError, match=r"was ended by max_minutes=1e-09; raise it"):
        make_run(ended, unit)
    longer = dataclasses.replace(
        ended,
        preset=dataclasses.replace(
            ended.preset, models=dataclasses.replace(models, max_minutes=0.0)
        ),
    )
    assert list_units(longer)[0].unit_id == unit.unit_id
    assert run_stage(get_stage("pretraining"), longer).made == 1


def test_a_catalog_that_trains_nothing_is_not_heard(context):
    left_out = dataclasses.replace(context.preset.models, left_out_catalogs=("music",))
    without = dataclasses.replace(
        context, preset=dataclasses.replace(context.preset, models=left_out)
    )
    with pytest.raises(StageError, match="no track is left to learn from"):
        list_units(without)


@pytest.mark.parametrize("rate_hz", [48_000, 44_100])
def test_streams_are_made_of_whole_files_piece_by_piece(tmp_path, monkeypatch, rate_hz):
    monkeypatch.setattr(material, "PIECE_S", 10)
    path = write(tmp_path / "café 1.wav", stereo(23.0), rate_hz, subtype="PCM_16")
    track = {"duration_s": sf.info(path).duration, "sample_rate_hz": rate_hz}
    made = {
        kind: REAL_STREAMS[kind](material._pieces(track, path))
        for kind in ("waveforms", "mels", "versions")
    }
    samples = read_signal(path).samples
    duration_s = len(samples) / 48_000
    pcm = pcm_at_rate(samples, 16_000)
    assert len(made["waveforms"]) == pytest.approx(16_000 * duration_s, abs=3)
    if rate_hz == 48_000:
        inside = np.r_[200:159_800, 160_200:300_000]  # but for the seam
        np.testing.assert_allclose(made["waveforms"][inside], pcm[inside], atol=2)
        whole = nisqa_mel_of_track([samples])
        assert made["mels"].shape == whole.shape == (1 + len(samples) // 480, 48)
        off = np.abs(made["mels"] / 255 - whole).max(axis=1) > 1 / 255
        assert set(np.flatnonzero(off)) <= {999, 1000, 1001, 1999, 2000, 2001}
    assert made["mels"].dtype == made["versions"].dtype == np.uint8
    assert made["versions"].shape == (int(duration_s // 10), 6, 1001, 48)
    again = REAL_STREAMS["versions"](material._pieces(track, path))
    np.testing.assert_array_equal(again, made["versions"])


def test_what_has_no_stream_says_why(tmp_path):
    short = write(tmp_path / "short.wav", stereo(3.0), 48_000)
    silent = write(tmp_path / "silent.wav", np.zeros((600_000, 2)), 48_000)
    for path, duration_s, kind, why in (
        (short, 3.0, "versions", "no 10 s of sound"),
        (silent, 12.5, "versions", "no 10 s of sound"),
        (silent, 12.5, "mels", "silent"),
    ):
        track = {"duration_s": duration_s, "sample_rate_hz": 48_000}
        with pytest.raises(UnfitInputError, match=why):
            REAL_STREAMS[kind](material._pieces(track, path))


def test_a_body_of_another_network_is_named(pretrained):
    body = body_of(pretrained, "w2v_mos")
    with pytest.raises(SettingsError, match="holds no body of this network"):
        body.entry_of("w2v_mos").build(TrainingSettings())  # of base
