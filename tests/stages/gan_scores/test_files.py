"""Files asked about by a GAN: windows, percentiles among unmet originals, and what is refused."""

from __future__ import annotations

import json

import numpy as np
import pytest
from typer.testing import CliRunner

from musqa_pipeline.audio.features.pcm import pcm_at_rate
from musqa_pipeline.cli.gan import app
from musqa_pipeline.core.errors import SettingsError, UnfitInputError
from musqa_pipeline.stages.engine.stage import run_stage
from musqa_pipeline.stages.gan_scores.files import HOP_SAMPLES, open_judge, score_file
from musqa_pipeline.stages.graph import get_stage
from musqa_pipeline.stages.views.duck import publish
from tests.audio.sounds import write
from tests.stages.gan_scores.small_scores import trained
from tests.stages.segments.small_catalog import stereo

N = 201_984


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    context = trained(tmp_path_factory.mktemp("files"))
    run_stage(get_stage("gan_scores"), context)
    publish(context, ["segments", "gans", "gan_scores"])
    return context.home


@pytest.fixture(scope="module")
def judge(home):
    return open_judge(home)


def test_windows_are_scored_as_the_critic_scores_their_sound(judge, tmp_path):
    samples = stereo(12.0, seed=7)
    write(tmp_path / "a b é.wav", samples, subtype="FLOAT")
    found = score_file(judge, tmp_path / "a b é.wav")
    starts = np.arange(len(found.windows)) * HOP_SAMPLES
    assert len(starts) == (len(samples) - N) // HOP_SAMPLES + 1 == 4
    assert [window.start_s for window in found.windows] == pytest.approx(starts / 48_000)
    pcm = [pcm_at_rate(samples[s : s + N].astype(np.float32), 16_000) for s in starts]
    np.testing.assert_allclose(
        [window.score for window in found.windows], judge.critic.score(np.stack(pcm)), atol=1e-5
    )
    assert found.score == pytest.approx(np.mean([window.score for window in found.windows]))


def test_percentiles_are_among_the_originals_that_it_never_met(judge):
    scores = sorted(judge.originals["mean_genre_score"].to_list())
    assert len(scores) == 5
    assert judge.percentile(scores[0] - 1, as_genre=False) == 0
    assert judge.percentile(scores[2] + 1e-9, as_genre=False) == pytest.approx(60)
    assert judge.percentile(scores[-1] + 1, as_genre=True) == 100


def test_silent_windows_have_no_score_and_do_not_count(judge, tmp_path):
    samples = stereo(14.0, seed=3)
    samples[: N + HOP_SAMPLES] = 0
    write(tmp_path / "late.wav", samples, subtype="FLOAT")
    found = score_file(judge, tmp_path / "late.wav")
    silent = [window.score is None for window in found.windows]
    assert silent == [True, True, *[False] * (len(silent) - 2)]
    assert np.isfinite(found.score)


@pytest.mark.parametrize(
    ("duration_s", "gain", "message"),
    [
        (4.2, 1, r"it lasts 4.20 s.*a window takes 4.208 s"),
        (6.0, 0, "every window is silent or constant; give music that sounds"),
    ],
)
def test_what_has_no_window_that_sounds_is_refused(judge, tmp_path, duration_s, gain, message):
    write(tmp_path / "a.wav", gain * stereo(duration_s), subtype="FLOAT")
    with pytest.raises(UnfitInputError, match=message):
        score_file(judge, tmp_path / "a.wav")


@pytest.mark.parametrize("rate_hz", [8_000, 44_100, 48_000])
def test_a_constant_is_no_music(judge, tmp_path, rate_hz):
    write(tmp_path / "a.wav", np.full(12 * rate_hz, 0.3, np.float32), rate_hz, subtype="FLOAT")
    with pytest.raises(UnfitInputError, match="every window is silent or constant"):
        score_file(judge, tmp_path / "a.wav")


def test_an_unknown_genre_or_run_names_those_there_are(judge, home, tmp_path):
    with pytest.raises(SettingsError, match=r"tiny-0 has no such class; did you mean 'other'\?"):
        judge.class_of("othr")
    with pytest.raises(SettingsError, match="--run 'mine-0': there is tiny-0"):
        open_judge(home, "mine-0")


def test_the_command_scores_what_it_can_and_says_why_not(home, tmp_path, monkeypatch):
    monkeypatch.setenv("MUSQA_HOME", str(home))
    write(tmp_path / "good.wav", stereo(5.0), subtype="PCM_16")
    write(tmp_path / "short.wav", stereo(1.0), subtype="PCM_16")
    files = [str(tmp_path / name) for name in ("good.wav", "short.wav")]
    done = CliRunner().invoke(app, ["score", *files, "--json", "--genre", "other"])
    assert done.exit_code == 1
    good, short = (json.loads(line) for line in done.output.splitlines())
    assert (good["run"], good["genre"], len(good["windows"])) == ("tiny-0", "other", 1)
    assert 0 <= good["percentile"] <= 100
    assert short["problem"].startswith("it lasts 1.00 s")
    alone = CliRunner().invoke(app, ["score", files[0]])
    assert alone.exit_code == 0
    assert "percentile" in alone.output
