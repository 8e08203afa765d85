"""What pre-training is worth, on made-up rows of which it is known."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import polars as pl
import pytest
import torch
from scipy.stats import spearmanr

from musqa_pipeline.core.errors import StageError
from musqa_pipeline.studies.figures import house_style, to_png

N_RECORDINGS, N_SEEDS = 30, 2


@pytest.fixture(scope="module")
def archive():
    import archive_bodies
    import archive_pretraining

    return SimpleNamespace(bodies=archive_bodies, tables=archive_pretraining)


class Body(torch.nn.Module):
    """Tells how loud either half of a waveform is, or two samples, which are noise."""

    def __init__(self, hears: bool) -> None:
        super().__init__()
        self.config = SimpleNamespace(hidden_size=2)
        self.gain = torch.nn.Parameter(torch.ones(2))
        self.hears = hears

    def forward(self, samples_ns):
        halves_n2 = samples_ns.unflatten(1, (2, -1)).abs().mean(2)
        frame_n2 = halves_n2 if self.hears else samples_ns[:, :2]
        return SimpleNamespace(last_hidden_state=(self.gain * frame_n2).unsqueeze(1))


@pytest.fixture
def bodies(archive, monkeypatch, tmp_path):
    """120 rows of 30 recordings, 10 of them test; one body hears both faults, the other noise."""
    rng = np.random.default_rng(3)
    n = 4 * N_RECORDINGS
    severity = rng.uniform(0, 100, (n, 2))
    loud = torch.from_numpy(severity).float().repeat_interleave(40, 1)
    waveforms = loud * torch.from_numpy(rng.choice([-1.0, 1.0], loud.shape)).float() / 100
    waveforms[:, :2] = torch.from_numpy(rng.normal(size=(n, 2))).float()
    number = np.arange(n) // 4
    rows = pl.DataFrame({
        "catalog": "music", "degraded_id": [f"{i:03d}" for i in range(n)],
        "recording": [f"song {i:02d}" for i in number],
        "part": np.where(number % 3 == 0, "test", "train"), "kind": "carrier",
        "trusted": rng.random(n) < 0.8, "label": 100 - severity.mean(axis=1),
    })  # fmt: skip

    class MadeUp(archive.bodies.Bodies):
        def __init__(self) -> None:
            self.context = SimpleNamespace(fingerprints={"dataset": "d", "waveforms": "w"})
            self.tuning = archive.bodies.Tuning(
                updates=60, body_learning_rate=1e-2, learning_rate=1e-2
            )
            self.seeds = range(N_SEEDS)
            self._answers = archive.bodies.KeptAnswers(tmp_path, "answers")
            self.rows, self.severities, self.waveforms = rows, severity, waveforms

        def body(self, kind, seed):
            return Body(kind == archive.bodies.BEFORE)

    monkeypatch.setattr(
        archive.bodies, "body_of", lambda *_, **__: SimpleNamespace(identity="body")
    )
    monkeypatch.setattr(archive.bodies, "described", lambda rows: severity)
    monkeypatch.setattr(archive.tables, "COUNTS", (10, None))
    monkeypatch.setattr(archive.tables, "N_DRAWS", 40)
    return MadeUp()


def test_the_statistic_is_the_mean_of_spearmans(archive):
    rng = np.random.default_rng(0)
    known, said = rng.normal(size=(30, 3)).round(1), rng.normal(size=(30, 2, 3)).round(1)
    each = [spearmanr(known[:, k], said[:, s, k])[0] for k in range(3) for s in range(2)]
    assert archive.tables.mean_spearman(known, said) == pytest.approx(np.mean(each))
    known[:, 0], said[:, 0, 1] = 1.0, 5.0  # not asked; and one that says nothing
    kept = [spearmanr(known[:, k], said[:, s, k])[0] for s, k in ((1, 1), (0, 2), (1, 2))]
    assert archive.tables.mean_spearman(known, said) == pytest.approx(sum(kept) / 4)
    assert archive.tables.mean_spearman(np.ones((30, 2)), said[..., :2]) is None


def test_a_body_that_hears_faults_gains_and_the_control_fails(archive, bodies):
    a, results = archive.tables, archive.tables.Results(bodies)
    for way in (a.FROZEN, a.TUNED):
        assert results.score(way, a.BEFORE, a.SEVERITIES, None).value > 0.9
        assert abs(results.score(way, a.CHANCE, a.SEVERITIES, None).value) < 0.4
        gain = results.gain(way, a.SEVERITIES, (None,))
        assert gain.low > 0.4
        assert gain.n_recordings == N_RECORDINGS / 3
    assert results.score(a.FROZEN, a.FEATURES, a.SEVERITIES, None).value > 0.9
    assert abs(results.score(a.FROZEN, a.SHUFFLED, a.SEVERITIES, None).value) < 0.5


def test_test_recordings_are_asked_and_never_learned_from(archive, bodies):
    for target in (archive.bodies.SEVERITIES, archive.bodies.MOS):
        labelled = [set(bodies.labelled(target, n, 0)) for n in (10, 40, None)]
        assert labelled[0] < labelled[1] < labelled[2]
        assert set(bodies.labelled(target, 10, 1)) != labelled[0]
        asked = set(bodies.asked(target))
        met = {bodies.whose[row] for row in labelled[2]}
        assert not met & {bodies.whose[row] for row in asked}
        known = bodies.rows.height if target == "severities" else bodies.rows["trusted"].sum()
        assert len(asked | labelled[2]) == known
    with pytest.raises(StageError, match=r"80 rows have severities .* 81 are asked"):
        bodies.labelled(archive.bodies.SEVERITIES, 81, 0)


def test_fine_tuned_answers_are_kept(archive, bodies, monkeypatch):
    first = bodies.tuned(archive.bodies.BEFORE, archive.bodies.MOS, 10, 1)
    monkeypatch.setattr(archive.bodies, "tune", lambda *_: pytest.fail("asked again"))
    again = bodies.tuned(archive.bodies.BEFORE, archive.bodies.MOS, 10, 1)
    np.testing.assert_array_equal(first, again)
    with pytest.raises(pytest.fail.Exception, match="asked again"):
        bodies.tuned(archive.bodies.BEFORE, archive.bodies.MOS, 40, 1)


def test_every_row_is_met_equally_often(archive):
    tuning = archive.bodies.Tuning(updates=15, batch_size=4)
    met = np.concatenate(list(archive.bodies.batches(6, tuning, 0)))
    assert np.bincount(met).tolist() == [10] * 6
    other = np.concatenate(list(archive.bodies.batches(6, tuning, 1)))
    assert met.tolist() != other.tolist()


def test_the_table_and_the_picture_show_all_ways(archive, bodies):
    a, results = archive.tables, archive.tables.Results(bodies)
    lines = a.results_table(results, a.SEVERITIES).splitlines()
    assert [line.split("|")[1].strip() for line in lines[2:]] == [
        "pre-trained, frozen", "random weights, frozen", "**gain, frozen**",
        "pre-trained, fine-tuned", "random weights, fine-tuned", "**gain, fine-tuned**",
        "descriptive features, frozen", "pre-trained, labels shuffled, frozen",
    ]  # fmt: skip
    with house_style("archives"):
        figure = a.draw_results(results)
        frozen, tuned = figure.axes[:2]
        assert [line.get_label() for line in tuned.lines[:3]] == [
            "pre-trained", "random weights", "descriptive features",
        ]  # fmt: skip
        assert len(frozen.lines) == 5  # four, and zero
        assert to_png(figure).startswith(b"\x89PNG")
