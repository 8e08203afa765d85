"""A release from a small lake: trainings, the folder, what is made again and what is not."""

import copy
import dataclasses
import json

import numpy as np
import polars as pl
import pytest

from musqa_pipeline.core.errors import SettingsError, StageError
from musqa_pipeline.learning.baselines import simple
from musqa_pipeline.learning.networks.musqa_net import MusqaNet
from musqa_pipeline.learning.registry import MODELS
from musqa_pipeline.release.model import assemble, domain, out_of_fold, stage
from musqa_pipeline.release.model.against_shipped import against_markdown, hold_against
from musqa_pipeline.release.model.certificate import made_piece
from musqa_pipeline.release.model.divisions import FINAL, divide
from musqa_pipeline.release.model.domain import Scale, fit_domain
from musqa_pipeline.release.model.gates import LARGEST
from musqa_pipeline.release.model.hub import hub_card
from musqa_pipeline.release.model.out_of_fold import read_said
from musqa_pipeline.release.model.stage import (
    TREES_FILE,
    list_units,
    make_unit,
    publish_release,
    read_release_rows,
    training_folder,
)
from musqa_pipeline.release.model.trees import (
    predict_boosted,
    read_trees,
    with_heard_features,
)
from musqa_pipeline.scoring.model_file import SHIPPED, ModelFile
from musqa_pipeline.stages.engine.stage import run_stage
from musqa_pipeline.stages.graph import get_stage
from musqa_pipeline.stages.models.trials.networks import images_of, train_network
from musqa_pipeline.stages.spectrograms.features.rows import KEYS
from tests.release.model.release_lake import RELEASE, release_lake
from tests.release.model.sounds import piece
from tests.stages.evaluation.small_lake import ENTRY

ABOUT = {"n_train": 1, "n_train_groups": 1, "minutes": 0.0}


@pytest.fixture(scope="module", autouse=True)
def _networks():
    """The lake's own networks, for as long as these tests run."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(MODELS, "brightness", ENTRY)
        patch.setitem(MODELS, "late", ENTRY)
        yield


@pytest.fixture(scope="module")
def context(tmp_path_factory):
    return release_lake(tmp_path_factory.mktemp("release") / "home")


@pytest.fixture(scope="module")
def report(context):
    return run_stage(get_stage("release"), context, log=print)


@pytest.fixture(scope="module")
def said(context, report):
    return read_said(context, read_release_rows(context))


@pytest.mark.usefixtures("report")
def test_trainings_are_made_once_and_a_second_seed_makes_the_new_ones_alone(context, report):
    assert (report.units, report.made) == (3, 3)
    assert run_stage(get_stage("release"), context, log=print).made == 0
    units = {unit.unit_id for unit in list_units(context)}

    def others(**changes):
        release = dataclasses.replace(RELEASE, **changes)
        preset = dataclasses.replace(context.preset, release=release)
        return {u.unit_id for u in list_units(dataclasses.replace(context, preset=preset))}

    assert units < others(n_seeds=2)
    assert units == others(name="other", version="9")
    assert not units & others(licences=("CC0",))
    assert not units & others(n_folds=3)
    assert others(network="") == set()


def test_a_network_without_a_distribution_is_refused_and_says_which_have_one(context):
    release = dataclasses.replace(RELEASE, network="musqa_net_point")
    preset = dataclasses.replace(context.preset, release=release)
    words = r"\[release\] network='musqa_net_point': expected one of musqa_net, .*; edit the preset"
    with pytest.raises(SettingsError, match=words):
        list_units(dataclasses.replace(context, preset=preset))


def test_a_network_that_an_accelerator_trained_is_asked_where_the_images_are(context, monkeypatch):
    def on_an_accelerator(*about, **rows):
        network, said = train_network(*about, **rows)
        far = copy.deepcopy(network).to("meta")  # a device on which nothing can be read
        far.cpu = lambda: network.cpu()
        return far, said

    monkeypatch.setattr(stage, "train_network", on_an_accelerator)
    unit = next(unit for unit in list_units(context) if unit.plan["fold"] == "0")
    probability = make_unit(context, unit)["probability"].to_pylist()
    np.testing.assert_allclose(np.sum(probability, axis=1), 1, rtol=1e-5)


def test_rows_with_noise_shape_neither_the_cloud_nor_the_scale(context, said, monkeypatch):
    heard, quiet = {}, read_release_rows(context)
    noise = pl.Series(["white_noise" if k % 3 == 0 else "mp3" for k in range(quiet.height)])
    rows = quiet.with_columns(first_name=None, last_name=noise)
    monkeypatch.setattr(stage, "read_release_rows", lambda _: rows)
    monkeypatch.setattr(stage, "train_network", lambda *_, **__: (MusqaNet().eval(), ABOUT))
    monkeypatch.setattr(
        domain, "fit_domain", lambda seen: heard.update(cloud=len(seen)) or fit_domain(seen)
    )
    unit = next(unit for unit in list_units(context) if unit.plan["fold"] == FINAL)
    make_unit(context, unit)
    train = divide(rows, FINAL, RELEASE.n_folds).train
    assert 0 < heard["cloud"] == train.filter(last_name="mp3").height < train.height

    monkeypatch.setattr(
        out_of_fold,
        "fit_scale",
        lambda cloud, *_: heard.update(scale=len(cloud)) or Scale(1.0, 1.0),
    )
    folds = said.drop("first_name", "last_name").join(
        rows.select(*KEYS, "first_name", "last_name"), on=KEYS
    )
    out_of_fold.calibrate(folds)
    asked = folds.filter(asked="out_of_fold")
    assert 0 < heard["scale"] == asked.filter(last_name="mp3").height < asked.height


def test_a_recording_under_other_terms_is_asked_of_the_final_network_alone(said):
    kept_out = said.filter(pl.col("track_id") == f"{5:016x}")
    assert set(kept_out["asked"]) == {"left_out"}
    assert kept_out["licence"].unique().to_list() == ["CC-BY-SA-3.0"]
    assert said.filter(asked="out_of_fold")["split_group"].n_unique() == 5
    assert said.filter(asked="test")["split_group"].n_unique() == 4


def test_seeds_are_averaged(context, said):
    preset = dataclasses.replace(context.preset, release=dataclasses.replace(RELEASE, n_seeds=2))
    two = dataclasses.replace(context, preset=preset)
    run_stage(get_stage("release"), two, log=print)
    both = read_said(two, read_release_rows(two))
    assert both.height == said.height
    parts = pl.DataFrame(
        two.lake.scan(two.joint_partition("release"), get_stage("release").table.schema)
    )
    one = (
        parts.filter(pl.col("asked") == "test")
        .group_by("catalog", "degraded_id")
        .agg(mean=pl.col("probability").list.get(3).mean())
    )
    joined = both.filter(asked="test").join(one, on=["catalog", "degraded_id"])
    np.testing.assert_allclose(joined["probability"].list.get(3), joined["mean"], rtol=1e-6)


def test_trees_are_fitted_in_each_fold_and_have_their_weight(context, said, monkeypatch):
    # A dozen rows would fill no leaf.
    monkeypatch.setattr(simple, "LEAST_ROWS_OF_A_LEAF", 2)
    preset = dataclasses.replace(
        context.preset, release=dataclasses.replace(RELEASE, boosted_weight=0.5)
    )
    mixed = dataclasses.replace(context, preset=preset)
    assert not {u.unit_id for u in list_units(mixed)} & {u.unit_id for u in list_units(context)}
    assert run_stage(get_stage("release"), mixed, log=print).made == 3
    both = read_said(mixed, read_release_rows(mixed))
    assert both["boosted"].is_not_null().all()
    assert both["boosted"].n_unique() > 5
    key = ["asked", "catalog", "degraded_id"]
    joined = both.join(said.select(*key, networks="probability"), on=key)
    assert joined.height == said.height
    steps = np.linspace(0, 0.95, 40)
    mean, networks = (
        np.stack(joined[name].to_list()) @ steps for name in ("probability", "networks")
    )
    points = joined["boosted"].to_numpy().clip(0, 0.95)
    np.testing.assert_allclose(mean, 0.5 * networks + 0.5 * points, atol=1e-4)
    for unit in list_units(mixed):
        trees = read_trees(training_folder(mixed, unit) / TREES_FILE)
        asked = both.filter(fold=unit.plan["fold"])
        asked = with_heard_features(asked, images_of(mixed, RELEASE.network, asked))
        np.testing.assert_allclose(predict_boosted(trees, asked), asked["boosted"], atol=1e-6)


def test_the_folder_holds_a_model_that_scores_with_intervals(context, said, monkeypatch):
    music = made_piece("folk", piece(2)[:240_000], 48_000)
    monkeypatch.setattr(assemble, "certified_pieces", lambda: [music])
    monkeypatch.setattr(
        assemble,
        "sounds_that_are_no_music",
        lambda: {
            "noise": [
                np.random.default_rng(0).standard_normal(480_000).astype(np.float32)
                * np.float32(0.1)
            ]
        },
    )
    castanets = {
        "style": "castanets", "n": 6, "n_scored": 5, "lowest_mos": 3.1, "highest_mos": 4.5,
        "abstained": {"unfamiliar": 1},
    }  # fmt: skip
    monkeypatch.setattr(assemble, "ask_unusual_music", lambda _: [castanets])
    # The lake's images are noise, and music is far from them: let nothing be too far.
    monkeypatch.setattr(out_of_fold, "fit_scale", lambda *_: Scale(cloud=1e6, swing_db=1e-3))
    folder = publish_release(context)
    assert folder == context.home / "releases" / "small-0.1"
    model = ModelFile(folder / "model.onnx")
    assert model.label == "small 0.1"
    assert model.calibration is not None
    assert model.card == (folder / "MODEL_CARD.md").read_text()
    assert (folder / "README.md").read_text() == hub_card(model, "Apache-2.0")
    for words in (
        "# small 0.1",
        "| recordings | 5 |",
        "CC-BY-4.0 1",
        "| song 1.flac |",
        "## Limits",
        " 4 members.",
        "All rows above train one network for a fixed",
        "is trained 2 times more",
        "| castanets | 6 | 5 | 3.10-4.50 | unfamiliar 1 |",
        f"Against {ModelFile(SHIPPED).label}, by the rule of promotion",
    ):
        assert words in model.card, words
    assert "CC-BY-SA" not in (folder / "ATTRIBUTION.md").read_text()
    certificate = json.loads((folder / "certificate.json").read_text())
    assert certificate["torch_and_onnxruntime"] <= 1e-4
    exact = {row["what"]: row for row in certificate["invariance"] if row["limit_mos"] == 0}
    assert len(exact) == 3
    assert all(row["holds"] for row in exact.values())
    against = json.loads((folder / "promotion.json").read_text())
    assert against["champion"] == ModelFile(SHIPPED).label
    assert against["decision"] == ("promoted" if against["upper_points"] < 1 else "kept")
    for picture in ("intervals.png", "lowpass.png", "codecs.png"):
        assert (folder / picture).read_bytes().startswith(b"\x89PNG")
    gates = {row["what"]: row for row in json.loads((folder / "gates.json").read_text())}
    assert list(gates) == list(LARGEST)
    assert gates["lines of the certificate that do not hold"]["n_rows"] == len(
        certificate["invariance"]
    )
    for gate in gates.values():
        assert f"| {gate['what']} |" in model.card
    # The lake's networks learned from noise in one epoch: no gate that users need is kept.
    assert not all(gate["holds"] for gate in gates.values())

    same = out_of_fold.calibrate(said).said
    for worse_points, decision in ((0.0, "promoted"), (20.0, "kept")):
        error = pl.col("predicted") - pl.col("label")
        moved = same.with_columns(pl.col("predicted") + worse_points * error.sign())
        found = hold_against(context, model, moved)
        assert (found["decision"], found["champion"]) == (decision, "small 0.1")
        assert found["n_rows"] == same.filter("uniform_draw", asked="test").height
        if not worse_points:  # the file answers as its networks do
            assert found["difference_points"] == pytest.approx(0, abs=0.01)
            assert "shown not to be worse. RMSE" in against_markdown(found)
    assert hold_against(context, model, same.filter(pl.col("asked") != "test")) is None
    assert "no test recordings" in against_markdown(None)

    monkeypatch.setattr(simple, "LEAST_ROWS_OF_A_LEAF", 2)
    release = dataclasses.replace(RELEASE, gates="required", boosted_weight=0.5)
    strict = dataclasses.replace(
        context, preset=dataclasses.replace(context.preset, release=release)
    )
    run_stage(get_stage("release"), strict, log=print)
    before = (folder / "model.onnx").read_bytes()
    words = r"small 0\.1 is refused: .*; look at .*0\.1\.refused"
    with pytest.raises(StageError, match=words) as refusal:
        publish_release(strict)
    assert (folder / "model.onnx").read_bytes() == before
    refused = folder.with_name("small-0.1.refused")
    assert not (refused / "model.onnx").exists()
    broken = [row for row in json.loads((refused / "gates.json").read_text()) if not row["holds"]]
    assert broken
    assert all(row["what"] in str(refusal.value) for row in broken)
