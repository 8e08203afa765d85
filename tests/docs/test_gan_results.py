"""The tables on GANs from a small lake, each number again from what the lake holds."""

from __future__ import annotations

import re
from copy import copy
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from musqa_pipeline.audio.degradations.processes import PROCESSES
from musqa_pipeline.core.errors import SettingsError
from musqa_pipeline.learning.gan.critic import critic_of_run, untrained_critic
from musqa_pipeline.learning.gan.recipe import GanRecipe
from musqa_pipeline.learning.registry import MODELS
from musqa_pipeline.stages.engine.stage import run_stage
from musqa_pipeline.stages.gan_scores.read import cells_of, ladders_of
from musqa_pipeline.stages.graph import get_stage
from musqa_pipeline.studies.listening.cells import cells_correlation, read_cells
from musqa_pipeline.studies.statistics.ladders import fall
from musqa_pipeline.studies.statistics.metrics import auc, rmse, spearman
from tests import ROOT
from tests.stages.evaluation import small_lake as small_lake_module
from tests.stages.evaluation.small_lake import small_lake
from tests.stages.gan_scores.small_scores import trained
from tests.stages.gans.small_gans import TINY

N_NULL = 3
SOME_PROCESSES = {n: PROCESSES[n] for n in (10, 14, 45)}


@pytest.fixture(scope="module")
def scripts():
    import gan_codecs
    import gan_evidence
    import gan_sounds
    import gan_tables
    import write_gan_results

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gan_evidence, "N_NULL", N_NULL)
        patch.setattr(gan_evidence, "N_CLOUD", 48)
        for module in (gan_codecs, gan_sounds):
            patch.setattr(module, "PROCESSES", SOME_PROCESSES)
        yield write_gan_results, gan_tables, gan_codecs, gan_evidence


@pytest.fixture(scope="module")
def evidence(scripts, tmp_path_factory):
    context = trained(tmp_path_factory.mktemp("results"))
    run_stage(get_stage("gan_scores"), context)
    return scripts[3].Evidence(context)


@pytest.fixture(scope="module")
def results(scripts):
    return scripts[0]


def line_of(table: str, name: str) -> list[str]:
    (line,) = [line for line in table.splitlines() if line.startswith(f"| {name} |")]
    return [part.strip() for part in line.strip("|").split("|")]


def test_falls_are_those_of_the_stored_scores(results, evidence):
    (training,) = evidence.trainings
    found = {kind: fall({kind: of}, "gan").mean
             for kind, of in ladders_of(evidence.versions, training.score).items()}  # fmt: skip
    assert results.within_rho(evidence) == pytest.approx(np.mean(list(found.values())))
    table = results.within_table(evidence)
    line = line_of(table, "D, tiny-0")[1:]
    assert line[0] == f"{np.mean(list(found.values())):.2f}"  # two recordings, no interval
    assert line[1:] == [f"{found[kind]:.2f}" for kind in results.KINDS]
    mse = line_of(table, "MSE, negative")
    assert mse[2] == "-1.00"  # distortion
    assert "20 ladders of 2 recordings" in table


def test_the_null_is_of_untrained_discriminators_of_the_same_shape(results, evidence):
    null = evidence.null()
    assert null.shape == (N_NULL, evidence.versions.height)
    drawn = (evidence.versions["draw"] == "drawn").to_numpy()
    assert np.isnan(null[:, drawn]).all()
    assert np.isfinite(null[:, ~drawn]).all()
    genres = np.array(evidence.genres())[~drawn]
    last = untrained_critic(evidence.recipe, 2).score_images([evidence.images()[~drawn]], genres)
    assert null[2, ~drawn] == pytest.approx(last, abs=1e-5)
    each = [fall(ladders_of(evidence.versions, np.nan_to_num(one)), "gan").mean for one in null]
    lower = np.mean(np.array(each) <= results.within_rho(evidence))
    assert results.within_null_percentile(evidence) == pytest.approx(100 * lower, abs=3)
    quantile = line_of(results.within_table(evidence), "mean of 1 untrained, 50 % quantile")
    assert float(quantile[1]) == pytest.approx(np.median(each), abs=0.01)


def test_what_was_asked_once_is_not_asked_again(results, evidence, monkeypatch):
    before = evidence.measures()
    monkeypatch.setattr(evidence, "sounds", lambda what: pytest.fail("versions are made once more"))
    again = evidence.measures()
    assert all(np.array_equal(before[name], again[name]) for name in before)
    kept = sorted(path.name for path in (evidence.context.home / "cache/gan-results").iterdir())
    assert any(re.fullmatch(r"measures-[0-9a-f]{16}.npz", name) for name in kept)


def test_cells_and_the_best_that_needs_no_label(results, evidence, capsys):
    ratings = read_cells(ROOT / "docs/results/listeners_cells.csv")
    chosen, cells = cells_of(evidence.versions)
    whose = evidence.versions["whose"].to_numpy()[chosen]

    def expected(score):
        return cells_correlation(score[chosen], cells, whose, ratings, "gan").spearman

    assert results.cells_rho(evidence) == pytest.approx(expected(evidence.scores[0]))
    free = results.judges(evidence, results.LABEL_FREE)
    assert len(free) == 6
    best = max(expected(score) for score in free.values())
    assert results.best_free_baseline(evidence) == pytest.approx(best)
    assert capsys.readouterr().out.splitlines()[-1] in free
    assert "ViSQOL" not in results.cells_table(evidence)  # this lake has none
    assert line_of(results.cells_table(evidence), "I, negative")[1] == "0.52"


def test_shares_count_segments_that_fell(results, evidence):
    rows = evidence.versions.with_row_index("row")
    original = dict(rows.filter(kind="original").select("segment_id", "row").rows())
    table = results.share_table(evidence)
    for kind, shown in zip(results.KINDS, line_of(table, "D, tiny-0")[1:], strict=True):
        strong = rows.filter(kind=kind, draw="ladder", intensity=90)
        of_recording: dict[str, list[bool]] = {}
        for row in strong.to_dicts():
            score = evidence.scores[0]
            above = score[original[row["segment_id"]]] > score[row["row"]]
            of_recording.setdefault(row["recording"], []).append(above)
        assert float(shown) == pytest.approx(
            np.mean([*map(np.mean, of_recording.values())]), abs=0.01
        )
    assert line_of(table, "I, negative")[1:] == ["1.00"] * 4


def test_pairs_name_the_best_of_those_without_a_label(results, evidence):
    table = results.paired_table(evidence)
    best = results.best_within(evidence)
    free = results.judges(evidence, results.LABEL_FREE)
    assert table.count("the best of them") == 1
    line = line_of(table, f"{best} (the best of them)")
    theirs = fall(ladders_of(evidence.versions, free[best]), "gan").mean
    assert float(line[1]) == pytest.approx(results.within_rho(evidence) - theirs, abs=0.01)


def test_checkpoints_are_followed_to_the_last_one(scripts, evidence):
    (training,) = evidence.trainings
    steps, scores = evidence.checkpoints(training)
    assert steps == [1, 2]
    # Standardised, so the same but for scale.
    assert np.corrcoef(scores[-1], training.score)[0, 1] == pytest.approx(1, abs=1e-6)
    assert np.corrcoef(scores[0], training.score)[0, 1] < 1 - 1e-6
    assert scripts[1].steps_table(evidence).count("tiny-0") == 2


def test_memory_holds_what_trained_against_what_did_not(scripts, evidence):
    from gan_memory import memory

    found = memory(evidence, evidence.trainings[0])
    assert found["met"].tolist() == [1, 0, 0, 0, 0, 0]  # a track, no validation, five originals
    original = (evidence.versions["kind"] == "original").to_numpy()
    assert found["score"][1:] == pytest.approx(evidence.scores[0][original], abs=1e-5)
    first = untrained_critic(evidence.recipe, 0).score_images(
        [evidence.images()[original]], [0] * 5
    )
    assert found["untrained"][0, 1:] == pytest.approx(first, abs=1e-5)
    shown = line_of(scripts[1].memory_table(evidence), "tiny-0")[1]
    assert float(shown.split(" ")[0]) == pytest.approx(auc(found["met"], found["score"]), abs=0.01)


def test_codecs_are_labelled_and_scored(scripts, evidence):
    from gan_labelled import features_of

    found = scripts[2].codecs(evidence)
    assert found["what"].tolist() == [p.name for p in SOME_PROCESSES.values()] * 2
    assert ((found["visqol"] > 1) & (found["visqol"] < 5)).all()
    score = scripts[2].codec_scores(evidence, evidence.trainings[0])
    features = features_of(evidence, evidence.trainings[0], found["image"])
    critic = critic_of_run(evidence.folder(evidence.trainings[0]), "last")
    assert features.shape == (6, 16 * evidence.recipe.d_width)
    weights = critic.discriminators[0].linear.weight.detach().numpy()[0]
    apart = np.diff(score - features @ weights)  # but for the genre's part and the bias
    embedding = critic.discriminators[0].embedding.weight.detach().numpy().mean(axis=0)
    assert apart == pytest.approx(np.diff(features @ embedding), abs=1e-4)
    table = scripts[1].codecs_table(evidence)
    assert line_of(table, "D, tiny-0")[1] == f"{spearman(found['visqol'], score):.2f}"
    assert "6 rows of 2 recordings" in table
    bare = copy(evidence)
    bare.context = replace(evidence.context, fingerprints={
        **evidence.context.fingerprints, "features": "f" * 32, "dataset": "f" * 32})  # fmt: skip
    few = scripts[1].few_labels_table(bare)
    assert line_of(few, "descriptive features, 470")[1:4] == ["–"] * 3  # one recording lies outside


def test_d_as_a_feature_is_worth_what_it_knows_and_nothing_in_another_order(monkeypatch, capsys):
    import gan_boosted

    rng = np.random.default_rng(0)
    whose = np.repeat([f"r{n}" for n in range(20)], 15)
    described, score = rng.standard_normal((300, 4)), rng.standard_normal(300)
    label = 50 + 10 * described[:, 0] + 10 * score
    found = {"label": label, "whose": whose, "described": described, "image": described}
    monkeypatch.setattr(gan_boosted, "labelled_or_coded", lambda evidence: found)
    monkeypatch.setattr(gan_boosted, "mean_score", lambda evidence, images: score)
    monkeypatch.setattr(gan_boosted, "N_SEEDS", 1)
    predicted, _ = gan_boosted.boosted(None)
    alone = gan_boosted.ALONE.format(4)
    errors = {name: rmse(label, values) for name, values in predicted.items()}
    assert list(errors) == [alone, gan_boosted.WITH_D, gan_boosted.SHUFFLED, gan_boosted.D_ALONE]
    assert errors[gan_boosted.WITH_D] < 0.8 * errors[alone]
    assert errors[gan_boosted.SHUFFLED] > 0.95 * errors[alone]
    assert errors[gan_boosted.D_ALONE] == pytest.approx(errors[alone], rel=0.2)
    gain = gan_boosted.boosted_difference(None)
    assert gain == pytest.approx(errors[gan_boosted.WITH_D] - errors[alone])
    said = capsys.readouterr().out
    table = gan_boosted.boosted_table(None)
    first, with_d = (line_of(table, name) for name in (alone, gan_boosted.WITH_D))
    assert first[1].startswith(f"{errors[alone]:.2f} [")
    assert first[2] == ""
    assert said == f"RMSE with D less without: {with_d[2]}\n"
    low, high = map(float, re.search(r"\[(.*), (.*)\]", with_d[2]).groups())
    assert low < gain < high < 0
    assert "300 rows of 20 recordings" in table


def test_d_as_a_feature_is_its_mean_over_seeds_in_deviations_of_originals(scripts, evidence):
    from gan_boosted import mean_score

    (training,) = evidence.trainings
    images = scripts[2].codecs(evidence)["image"]
    score = scripts[2].codec_scores(evidence, training)
    original = (evidence.versions["kind"] == "original").to_numpy()
    unmet = training.mean_genre_score[original]
    expected = (score - unmet.mean()) / unmet.std()
    assert mean_score(evidence, images) == pytest.approx(expected, abs=1e-4)


def test_images_are_those_that_were_scored(evidence):
    critic = evidence.critic(evidence.trainings[0])
    images = evidence.images()
    assert images.shape == (evidence.versions.height, 1, 64, 64)
    scores = critic.score_images(images[:7].split(3), [0] * 7)
    np.testing.assert_allclose(scores, evidence.scores[0][:7], atol=1e-5)


def test_other_tables_say_what_they_lack(scripts, evidence, results):
    assert scripts[1].genre_table(evidence).startswith("not run: one class (other)")
    assert scripts[1].beside_the_paper(evidence).startswith("not run: `[gan] visqol` is off")
    row = evidence.trainings[0].row
    assert results.frechet_ratio(evidence) == row["frechet_untrained"] / row["frechet_last"]
    assert results.cpu_minutes(evidence) > 0
    assert "| tiny-0 | 2 |" in results.trainings_table(evidence)
    with pytest.raises(
        SettingsError, match=r"--network other: expected one that is trained \(tiny\)"
    ):
        _ = scripts[3].Evidence(evidence.context, "other").trainings


@pytest.mark.long
def test_killed_trainings_end_as_undisturbed_ones(results, evidence):
    assert results.resume_difference(evidence) == 0


def test_labelled_rows_of_a_lake_bring_their_labels_and_images(tmp_path, monkeypatch):
    from gan_labelled import labelled

    monkeypatch.setitem(MODELS, "brightness", small_lake_module.ENTRY)
    monkeypatch.setitem(MODELS, "late", small_lake_module.ENTRY)
    context = small_lake(tmp_path / "home")
    recipe = GanRecipe(**TINY)
    asked = SimpleNamespace(context=context, recipe=recipe, kept=lambda what, about, make: make())
    found = labelled(asked)
    assert found["image"].shape == (30, 1, 64, 64)
    assert found["described"].shape == (30, 470)
    qualities = [p[3] for p in small_lake_module.PROCESSES.values()]
    expected = [100 * (0.9 if track == 7 and n != 1 else quality + 0.01 * track)
                for track in range(10) for n, quality in enumerate(qualities)]  # fmt: skip
    assert sorted(found["label"]) == pytest.approx(sorted(expected))
    assert set(found["whose"]) == {f"music/recording {track}" for track in range(10)}
    image = {whose: found["image"][found["whose"] == whose] for whose in found["whose"]}
    assert all(np.array_equal(one[0], other) for one in image.values() for other in one)
    assert not np.array_equal(found["image"][0], image["music/recording 5"][0])
    bare = SimpleNamespace(context=replace(context, fingerprints={
        **context.fingerprints, "features": "f" * 32}), recipe=recipe)  # fmt: skip
    assert labelled(bare) is None


def test_networks_stand_side_by_side_and_are_asked_in_three_ways(results, evidence):
    table = results.configurations_table(evidence.context)
    lines = [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()]
    head, rows = lines[0], lines[2:]
    assert [row[head.index("D")] for row in rows] == [
        "last", "average of weights", "mean over checkpoints",
    ]  # fmt: skip
    (training,) = evidence.trainings
    critic = critic_of_run(evidence.folder(training), "last")
    scores = critic.score_images([evidence.images()], evidence.genres())
    ladders = ladders_of(evidence.versions, scores)
    expected = np.mean([fall({kind: of}, "gan").mean for kind, of in ladders.items()])
    assert rows[0][head.index("all")] == rows[0][head.index("seeds")] == f"{expected:.2f}"
    assert {row[head.index("network")] for row in rows} == {evidence.network}
    assert all(0 <= int(row[head.index("% of null")]) <= 100 for row in rows)
