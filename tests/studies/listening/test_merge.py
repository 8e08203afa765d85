import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from musqa_pipeline.core.errors import SettingsError
from musqa_pipeline.studies.listening.merge import (
    ListeningTest,
    find_audio,
    in_points,
    merge,
    pooled,
    read_test,
)
from musqa_pipeline.studies.listening.mos import Opinion, mean_opinions, read_opinions
from musqa_pipeline.studies.listening.ratings import Rating, Ratings

HUNDRED = (0.0, 100.0)


def panel(name, scores, condition="process_3", recording="song"):
    """The test of one panel: each listener's score of each file."""
    ratings = Ratings(
        tuple(
            Rating(f"{name}{i}", file, score, condition=condition, recording=recording)
            for file, own in scores.items()
            for i, score in enumerate(own)
        )
    )
    return ListeningTest(Path(f"{name}.csv"), tuple(mean_opinions(ratings)))


def test_different_stimuli_stand_one_after_the_other_as_each_test_has_them():
    first, second = panel("a", {"x": (40, 60), "y": (10, 20)}), panel("b", {"z": (80, 90)})
    found = merge([first, second])
    assert [(o.file, o.mos, o.n_raters) for o in found] == [
        ("x", 50.0, 2), ("y", 15.0, 2), ("z", 85.0, 2),
    ]  # fmt: skip
    assert tuple(found) == (*first.opinions, *second.opinions)


def test_of_a_stimulus_in_two_tests_every_listener_counts_once():
    # By hand: 40, 60 and 80, 90, 90 are 360 in all, 72 on average, and not (50 + 86.7) / 2.
    found = merge([panel("a", {"x": (40, 60)}), panel("b", {"x": (80, 90, 90), "y": (5,)})])
    assert [(o.file, o.n_raters) for o in found] == [("x", 5), ("y", 1)]
    assert found[0].mos == pytest.approx(72.0)
    # Squares about 72: 1024, 144, 64, 324, 324 are 1880, a fourth of it 470; t of 4 is 2.776.
    assert found[0].sd == pytest.approx(math.sqrt(470))
    assert found[0].half_width == pytest.approx(2.7764 * math.sqrt(470 / 5), rel=1e-4)


def test_pooled_panels_are_the_opinion_of_all_listeners_together():
    rng = np.random.default_rng(5)
    for sizes in ((1, 1), (1, 7), (4, 9), (2, 3, 15)):
        scores = [rng.uniform(0, 100, n) for n in sizes]
        parts = [panel(f"p{i}", {"x": own}).opinions[0] for i, own in enumerate(scores)]
        (oracle,) = panel("all", {"x": np.concatenate(scores)}).opinions
        found = pooled(parts)
        for name in ("mos", "sd", "half_width", "n_raters"):
            assert getattr(found, name) == pytest.approx(getattr(oracle, name)), (sizes, name)


def test_without_a_panels_deviation_there_is_no_interval():
    known = Opinion("x", 40.0, 3.0, 9, 4.0)
    assert pooled([known, Opinion("x", 60.0, None, 3, None)]).half_width is None
    assert pooled([known, Opinion("x", 60.0, None, 3, None)]).mos == pytest.approx(45.0)


def test_every_scale_becomes_points_of_100():
    five = panel("five", {"x": (2, 4), "y": (1, 1), "z": (5, 5)})
    found = in_points(five, (1.0, 5.0)).opinions
    assert [o.mos for o in found] == [50.0, 0.0, 100.0]
    assert found[0].sd == pytest.approx(25 * math.sqrt(2))
    assert found[0].half_width == pytest.approx(25 * five.opinions[0].half_width)
    # What a table says of itself counts, whatever is said of others.
    own = replace(five, opinions=tuple(replace(o, scale=(1.0, 5.0)) for o in five.opinions))
    assert in_points(own, HUNDRED).opinions == found
    hundred = panel("h", {"x": (2, 4)})
    assert in_points(hundred, HUNDRED).opinions[0].mos == hundred.opinions[0].mos


def test_what_cannot_be_put_on_a_scale_is_refused():
    five = panel("five", {"x": (2, 4)})
    with pytest.raises(SettingsError, match=r"five.csv does not say on which scale x was rated"):
        in_points(five)
    with pytest.raises(SettingsError, match=r"five\.csv: x lies outside its scale, 1 to 2"):
        in_points(five, (1.0, 2.0))


def test_conflicts_are_refused(tmp_path):
    first, second = panel("a", {"x": (40, 60)}), panel("b", {"x": (80, 90)}, "anchor_3500")
    with pytest.raises(
        SettingsError, match=r"x is of condition process_3 in a.csv and of anchor_3500 in b.csv"
    ):
        merge([first, second])
    other = panel("b", {"x": (80, 90)}, recording="")
    with pytest.raises(SettingsError, match=r"of recording song in a.csv and of \(none\) in b"):
        merge([first, other])
    with pytest.raises(SettingsError, match=r"a.csv is named twice; its listeners would count"):
        merge([first, first])
    for n in (None, 0):
        silent = replace(second, opinions=(replace(first.opinions[0], n_raters=n),))
        with pytest.raises(SettingsError, match=r"b.csv does not say how many listeners rated it"):
            merge([first, silent])


def folder_of(path, files, rows="x.wav,50,9\n"):
    path.mkdir()
    (path / "opinions.csv").write_text(f"file,mos,n_raters\n{rows}")
    for name, content in files.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(content)
    return path


@pytest.fixture
def sounds(tmp_path):
    """Three tests of x.wav: a sound, another one, and the first again with another header."""
    tone = 0.1 * np.sin(np.arange(4_800) / 9)
    for name, sound, opinion in (
        ("a", tone, "50,9"),
        ("b", 0.5 * tone, "40,"),
        ("c", tone, "70,3"),
    ):
        folder = folder_of(tmp_path / name, {}, f"x.wav,{opinion}\n")
        with soundfile.SoundFile(folder / "x.wav", "w", 48_000, 1, "PCM_24") as file:
            if name == "c":
                file.comment = "made on another day"
            file.write(sound)
    assert (tmp_path / "a" / "x.wav").read_bytes() != (tmp_path / "c" / "x.wav").read_bytes()
    return tmp_path


def test_one_sound_in_two_folders_is_one_stimulus(sounds):
    first, same = read_test(sounds / "a"), read_test(sounds / "c")
    assert (first.name, first.folder) == ("a", sounds / "a")
    (found,) = merge([first, same])
    assert (found.file, found.mos, found.n_raters) == ("x.wav", 55.0, 12)


def test_two_sounds_of_one_name_are_two_stimuli(sounds):
    first, other = read_test(sounds / "a"), read_test(sounds / "b")
    found = merge([first, other])
    assert [(o.file, o.mos) for o in found] == [("a/x.wav", 50.0), ("b/x.wav", 40.0)]
    # A table alone has nothing to listen to: one name is one stimulus.
    with pytest.raises(SettingsError, match=r"does not say how many listeners rated it"):
        merge([read_test(sounds / "a" / "opinions.csv"), read_test(sounds / "b")])
    (sounds / "deep").mkdir()
    (sounds / "b").rename(sounds / "deep" / "a")
    with pytest.raises(SettingsError, match=r"two tests are called a, .* another sound x\.wav"):
        merge([first, read_test(sounds / "deep" / "a")])


def test_a_sound_that_cannot_be_compared_is_named(sounds):
    (sounds / "b" / "x.wav").write_bytes(b"no sound")
    with pytest.raises(
        SettingsError, match=r"x\.wav of a listening test cannot be read: .*or take"
    ):
        merge([read_test(sounds / "a"), read_test(sounds / "b")])


def test_audio_is_found_beside_the_table_or_where_stimuli_are_written(tmp_path):
    made = "webmushra/configs/resources/musqa/s1.wav"
    folder = folder_of(tmp_path / "a", {made: b"made", "s2.wav": b"beside"})
    assert find_audio(folder, "s1.wav") == folder / made
    assert find_audio(folder, "s2.wav") == folder / "s2.wav"
    assert find_audio(folder, "s3.wav") == folder / "s3.wav"
    assert find_audio(folder, "s\0.wav") == folder / "s\0.wav"


def test_a_table_says_its_scale_and_a_folder_needs_one(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("file,mos,scale_low,scale_high\nx,3,1,5\ny,4,,\n")
    assert [o.scale for o in read_opinions(path)] == [(1.0, 5.0), None]
    assert read_test(path).name == "t"
    for ends in ("5,1", "1,", ",5", "1,1"):
        path.write_text(f"file,mos,scale_low,scale_high\nx,3,{ends}\n")
        with pytest.raises(SettingsError, match="expected both, the low end first"):
            read_opinions(path)
    with pytest.raises(SettingsError, match=r"there is no .*opinions.csv; put the mean opinions"):
        read_test(tmp_path)
