"""A whole test of two made-up recordings, made once."""

import csv

import numpy as np
import pytest
import soundfile
import yaml
from scipy.signal import freqz_sos

from musqa_pipeline.audio.constants import SAMPLE_RATE_HZ
from musqa_pipeline.audio.degradations.lowpass import _sections
from musqa_pipeline.audio.measures.loudness import integrated_lufs
from musqa_pipeline.core.errors import LakeError, SettingsError
from musqa_pipeline.studies.listening.maker import write_test
from musqa_pipeline.studies.listening.plan import PagePlan, plan_files
from musqa_pipeline.studies.listening.ratings import read_webmushra
from musqa_pipeline.studies.listening.settings import StimuliSettings
from musqa_pipeline.studies.listening.stimuli import anchor_params, make_page
from tests.audio.music import music
from tests.audio.sounds import write

SETTINGS = StimuliSettings(test_id="tiny", duration_s=5.0, process_ids=(17, 20, 33))
START = SAMPLE_RATE_HZ


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("listening")
    for i, name in enumerate(("practice", "song")):
        write(folder / f"{name}.flac", music(seed=i + 1)[: 7 * SAMPLE_RATE_HZ], subtype="PCM_24")
    pages = [
        PagePlan(folder / f"{name}.flac", name, 1.0, 5.0, ids, name == "practice")
        for name, ids in (("practice", (20,)), ("song", (17, 33)))
    ]
    write_test(pages, folder / "out", SETTINGS)
    return folder


@pytest.fixture(scope="module")
def key(folder):
    with (folder / "out" / "key.csv").open(newline="") as stream:
        return list(csv.DictReader(stream))


def audio(folder, row):
    samples, rate_hz = soundfile.read(
        folder / "out" / "webmushra" / "configs" / "resources" / "tiny" / row["file"]
    )
    assert rate_hz == SAMPLE_RATE_HZ
    np.testing.assert_array_equal(samples[:, 0], samples[:, 1])  # both ears
    return samples[:, 0]


def test_the_configuration_has_webmushras_pages_and_names_files_that_are_there(folder, key):
    root = folder / "out" / "webmushra"
    text = (root / "configs" / "tiny.yaml").read_text("utf-8")
    assert "- -" not in text  # webMUSHRA's reader takes that for text
    config = yaml.safe_load(text)
    assert config["testId"] == "tiny"
    assert (config["stopOnErrors"], config["showButtonPreviousPage"]) == (True, False)
    kinds = [p["type"] if isinstance(p, dict) else p[0] for p in config["pages"]]
    assert kinds == ["generic", "volume", "mushra", "random", "finish"]
    assert config["pages"][2]["id"] == "training"
    shuffled = config["pages"][3][1:]
    assert [p["id"] for p in shuffled] == ["page01", "page02"]  # the song, and the song again
    for page in (config["pages"][2], *shuffled):
        rows = {r["stimulus"]: r for r in key if r["trial"] == page["id"]}
        assert set(page["stimuli"]) == set(rows) - {"reference"}
        for name, path in [*page["stimuli"].items(), ("reference", page["reference"])]:
            assert path.endswith(rows[name]["file"])
            assert (root / path).is_file()
        assert (page["createAnchor35"], page["createAnchor70"]) == (False, False)
        assert page["showConditionNames"] is False
    questions = {q["name"]: q for q in config["pages"][4]["questionnaire"]}
    assert [r["value"] for r in questions["headphones"]["response"]] == ["yes", "no"]


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "a file").touch()
    with pytest.raises(LakeError, match=r"cannot make .*a file/x/.*: Not a directory"):
        write_test([], tmp_path / "a file" / "x", SETTINGS)


def test_names_tell_nothing(key):
    names = [row["file"] for row in key]
    assert len(set(names)) == len(names) == 4 + 5 + 5
    for row in key:
        assert set(row["file"].removesuffix(".wav")) <= set("s0123456789abcdef")
    order = [row["file"] for row in key if row["trial"] == "page01"]
    assert order != sorted(order)


def test_stimuli_are_24_bit_equally_loud_and_equally_long(folder, key):
    info = soundfile.info(
        folder / "out" / "webmushra" / "configs" / "resources" / "tiny" / key[0]["file"]
    )
    assert (info.subtype, info.channels) == ("PCM_24", 2)
    for row in key:
        x = audio(folder, row)
        assert len(x) == 5 * SAMPLE_RATE_HZ
        assert integrated_lufs(x) == pytest.approx(float(row["loudness_lufs"]), abs=0.05)
        assert row["loudness_lufs"] == "-23.0"
        assert np.abs(x[:4]).max() < 1e-3  # faded
        assert np.abs(x[-4:]).max() < 1e-3


def test_repeats_are_the_same_sounds_under_other_names(folder, key):
    first, second = (
        {r["condition"]: r for r in key if r["trial"] == page} for page in ("page01", "page02")
    )
    assert set(first) == set(second)
    for condition, row in first.items():
        again = second[condition]
        assert (row["presentation"], again["presentation"]) == ("1", "2")
        assert again["excerpt"] == row["file"] == row["excerpt"]
        assert again["file"] != row["file"]
        np.testing.assert_array_equal(audio(folder, row), audio(folder, again))


def lag(x, y):
    spectrum = np.fft.rfft(x, 2 * len(x)) * np.conj(np.fft.rfft(y, 2 * len(y)))
    peak = int(np.argmax(np.fft.irfft(spectrum)))
    return peak - 2 * len(x) if peak > len(x) else peak


def test_everything_is_cut_where_planned_and_aligned_with_the_reference(folder, key):
    rows = {r["condition"]: r for r in key if r["trial"] == "page01"}
    reference = audio(folder, rows["reference"])
    source = music(seed=2)[START : START + len(reference)]
    middle = slice(SAMPLE_RATE_HZ // 10, -SAMPLE_RATE_HZ // 10)
    gain = 10 ** (float(rows["reference"]["gain_db"]) / 20)
    np.testing.assert_allclose(reference[middle], gain * source[middle], rtol=1e-4, atol=1e-6)
    for condition, row in rows.items():
        assert abs(lag(audio(folder, row), reference)) <= 1, condition
        assert row["start_s"] == "1.0"


def band_db(x, low_hz, high_hz):
    power = np.abs(np.fft.rfft(x * np.hanning(len(x)))) ** 2
    f = np.fft.rfftfreq(len(x), 1 / SAMPLE_RATE_HZ)
    return 10 * np.log10(power[(f >= low_hz) & (f < high_hz)].sum() + 1e-30)


def test_anchors_pass_what_is_below_their_cut_off_and_nothing_above(folder, key):
    rows = {r["condition"]: r for r in key if r["trial"] == "page01"}
    reference = audio(folder, rows["reference"])
    for condition, cutoff_hz in (("anchor_3500", 3500), ("anchor_7000", 7000)):
        x = audio(folder, rows[condition])
        gain_db = float(rows[condition]["gain_db"]) - float(rows["reference"]["gain_db"])

        def change_db(low, high, x=x, gain_db=gain_db, top=cutoff_hz):
            ends = low * top, high * top
            return band_db(x, *ends) - band_db(reference, *ends) - gain_db

        assert change_db(0.1, 0.9) == pytest.approx(0, abs=0.3)
        assert change_db(8 / 7, 9 / 7) < -25
        assert change_db(9 / 7, 2) < -45


def test_the_anchor_is_of_tenth_order_with_the_ripple_that_its_docstring_says():
    for cutoff_hz, at_8_7, at_9_7 in ((3500.0, -31.7, -49.7), (7000.0, -34.7, -55.0)):
        sections = _sections(anchor_params(cutoff_hz))
        assert len(sections) == 5
        f = np.array([cutoff_hz, cutoff_hz * 8 / 7, cutoff_hz * 9 / 7])
        _, response = freqz_sos(sections, worN=f, fs=SAMPLE_RATE_HZ)
        assert 20 * np.log10(np.abs(response)) == pytest.approx([-3.01, at_8_7, at_9_7], abs=0.06)
        _, passed = freqz_sos(sections, worN=np.arange(1, 0.95 * cutoff_hz), fs=SAMPLE_RATE_HZ)
        assert np.ptp(20 * np.log10(np.abs(passed))) == pytest.approx(0.2, abs=0.01)


def test_a_page_that_would_clip_is_turned_down_as_a_whole(folder):
    loud = StimuliSettings(target_lufs=-10.0, duration_s=5.0)
    plan = PagePlan(folder / "song.flac", "song", 1.0, 5.0, (33,), False)
    made = make_page(plan, loud)
    assert max(np.abs(s.samples).max() for s in made) <= 1.0
    assert len({s.facts["loudness_lufs"] for s in made}) == 1
    assert made[0].facts["loudness_lufs"] < -10.0
    for s in made:
        assert integrated_lufs(s.samples) == pytest.approx(s.facts["loudness_lufs"], abs=0.1)


def test_pairs_name_every_scored_excerpt_with_its_reference(folder, key):
    with (folder / "out" / "pairs.csv").open(newline="") as stream:
        pairs = list(csv.DictReader(stream))
    base = "webmushra/configs/resources/tiny/"
    page = {r["condition"]: base + r["file"] for r in key if r["trial"] == "page01"}
    assert {pair["reference"] for pair in pairs} == {page.pop("reference")}
    assert [pair["degraded"] for pair in pairs] == list(page.values())
    assert all((folder / "out" / pair["degraded"]).is_file() for pair in pairs)


def test_listeners_of_this_test_are_read_back_with_its_key(folder, key, tmp_path):
    path = tmp_path / "mushra.csv"
    lines = ["session_test_id,listener,headphones,session_uuid,trial_id,rating_stimulus,"
             "rating_score,rating_time,rating_comment"]  # fmt: skip
    lines += [f"tiny,me,yes,u1,{r['trial']},{r['stimulus']},{i},9,x" for i, r in enumerate(key)]
    path.write_text("\n".join(lines) + "\n")
    ratings = read_webmushra(path, folder / "out" / "key.csv")
    assert len(ratings.scores) == 10
    assert {r.condition for r in ratings.scores} == {
        "reference", "process_17", "process_33", "anchor_3500", "anchor_7000",
    }  # fmt: skip


def test_without_a_planned_place_a_loud_one_is_taken(folder):
    quiet = np.zeros(12 * SAMPLE_RATE_HZ, np.float32)
    quiet[6 * SAMPLE_RATE_HZ :] = music()[: 6 * SAMPLE_RATE_HZ]
    path = write(folder / "late.flac", quiet, subtype="PCM_24")
    (_, page) = plan_files([folder / "song.flac", path], SETTINGS)
    (start_s,) = {s.facts["start_s"] for s in make_page(page, SETTINGS)}
    assert start_s > 3.5
    assert {s.facts["start_s"] for s in make_page(page, SETTINGS)} == {start_s}


def test_what_cannot_be_made_is_refused(folder, tmp_path):
    def page(name, start_s=None):
        return PagePlan(folder / name, name, start_s, 5.0, (33,), False)

    with pytest.raises(SettingsError, match=r"song.flac lasts 7.0 s: expected 8.0 s or more; star"):
        make_page(page("song.flac", 3.0), SETTINGS)
    with pytest.raises(
        SettingsError,
        match=r"none.flac: No such file or directory; check the path and your permission",
    ):
        make_page(page("none.flac"), SETTINGS)
    write(folder / "silent.flac", np.zeros(6 * SAMPLE_RATE_HZ, np.float32), subtype="PCM_24")
    with pytest.raises(SettingsError, match="reference has nothing above -70 LUFS; take another"):
        make_page(page("silent.flac", 0.0), SETTINGS)
    with pytest.raises(SettingsError, match="holds files already; name another folder, or delete"):
        write_test([], folder / "out", SETTINGS)
