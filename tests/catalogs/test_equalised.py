import csv

import numpy as np
import pytest
import soundfile

from musqa_pipeline.audio.equaliser import NOISE_FRACTION, draw_equaliser
from musqa_pipeline.catalogs.equalised import equalise, write_equalised_catalog
from musqa_pipeline.core.errors import CatalogError, LakeError
from tests.audio.bombs import wav_header

NOISE = 0.1 * np.random.default_rng(0).standard_normal(96_000)


def level_db(x, low_hz, high_hz):
    power = np.abs(np.fft.rfft(x)) ** 2
    hz = np.fft.rfftfreq(len(x), 1 / 48_000)
    return 10 * np.log10(power[(hz > low_hz) & (hz < high_hz)].mean())


def write_folder(folder, rows):
    folder.mkdir()
    for row in rows:
        soundfile.write(folder / row["file"], NOISE, 48_000, subtype="PCM_16")
    with (folder / "tracks.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, ["file", "recording", "artist", "role"])
        writer.writeheader()
        writer.writerows(rows)
    return folder


ROWS = [
    {"file": "a song.flac", "recording": "a", "artist": "Ä", "role": "train"},
    {"file": "b.flac", "recording": "b", "artist": "", "role": "test"},
    {"file": "c.flac", "recording": "c", "artist": "", "role": ""},
]


def read_csv(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_an_equaliser_darkens_by_its_slope_above_its_knee():
    drawn = [draw_equaliser(np.random.default_rng(seed)) for seed in range(200)]
    assert np.mean([e.noise_dbfs is not None for e in drawn]) == pytest.approx(
        NOISE_FRACTION, abs=0.1
    )
    quiet = next(e for e in drawn if e.noise_dbfs is None and e.slope_db_per_octave > 8)
    flat = type(quiet)(quiet.knee_hz, quiet.slope_db_per_octave, (0.0,) * 12, None, 0.0)
    made = equalise(NOISE, flat, np.random.default_rng(0))
    fall = level_db(made, 7_900, 8_100) - level_db(made, 15_900, 16_100)
    assert fall == pytest.approx(quiet.slope_db_per_octave, abs=0.7)
    assert np.max(np.abs(made)) == pytest.approx(0.7)


def test_a_noise_floor_has_its_level():
    drawn = draw_equaliser(np.random.default_rng(3))
    loud = type(drawn)(700.0, 13.0, (0.0,) * 12, -70.0, 0.0)
    noisy = equalise(NOISE, loud, np.random.default_rng(0))
    clean = equalise(
        NOISE, type(drawn)(700.0, 13.0, (0.0,) * 12, None, 0.0), np.random.default_rng(0)
    )
    floor = noisy - clean * (noisy @ clean) / (clean @ clean)
    assert 20 * np.log10(floor.std()) == pytest.approx(-70, abs=1)


def test_copies_keep_their_recording_and_no_test_recording_is_copied(tmp_path):
    source = write_folder(tmp_path / "music", ROWS)
    assert write_equalised_catalog(source, tmp_path / "dark", log=print) == 2
    rows = read_csv(tmp_path / "dark" / "tracks.csv")
    assert [(r["recording"], r["artist"], r["role"], r["tier"]) for r in rows] == [
        ("a", "Ä", "train", "equalised"), ("c", "", "train", "equalised"),
    ]  # fmt: skip
    for row in rows:
        made, rate_hz = soundfile.read(tmp_path / "dark" / row["file"])
        assert rate_hz == 48_000
        assert level_db(made, 12_000, 16_000) < level_db(made, 400, 600) - 3


def test_a_second_call_writes_the_same_and_keeps_what_is_there(tmp_path):
    source = write_folder(tmp_path / "music", ROWS)
    for folder in ("one", "two"):
        write_equalised_catalog(source, tmp_path / folder, log=print)
    files = sorted(p.name for p in (tmp_path / "one").glob("*.flac"))
    for name in files:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
    before = (tmp_path / "one" / files[0]).stat().st_mtime_ns
    write_equalised_catalog(source, tmp_path / "one", log=print)
    assert (tmp_path / "one" / files[0]).stat().st_mtime_ns == before


def test_a_number_of_copies_takes_as_many_recordings_each_once(tmp_path):
    rows = [
        {"file": f"{n}{take}.flac", "recording": f"{n}", "artist": "", "role": "train"}
        for n in range(4)
        for take in "xy"
    ]
    source = write_folder(tmp_path / "music", rows)
    assert write_equalised_catalog(source, tmp_path / "dark", n_copies=3, log=print) == 3
    made = read_csv(tmp_path / "dark" / "tracks.csv")
    assert len({row["recording"] for row in made}) == 3


def test_a_file_that_cannot_be_read_is_named_and_left_out(tmp_path):
    source = write_folder(tmp_path / "music", ROWS)
    (source / "c.flac").write_bytes(b"no audio")
    lines = []
    assert write_equalised_catalog(source, tmp_path / "dark", log=lines.append) == 1
    assert "c.flac: left out, it cannot be read" in lines[0]


@pytest.mark.parametrize(("place", "said"), [("a file/x", "Not a d"), ("proc", "No such file")])
def test_copies_that_cannot_be_written_are_told_in_a_sentence(tmp_path, place, said):
    source = write_folder(tmp_path / "music", ROWS[:1])
    (tmp_path / "a file").touch()
    (tmp_path / "proc").symlink_to("/proc")  # a folder in which nobody can make a file
    with pytest.raises(LakeError, match=rf"cannot write .*a song-eq0\.flac: {said}"):
        write_equalised_catalog(source, tmp_path / place, log=print)


@pytest.mark.parametrize("text", [None, "file\na.flac\n", "file,recording\na.flac,\n"])
def test_without_names_of_recordings_nothing_is_copied(tmp_path, text):
    (tmp_path / "music").mkdir()
    if text is not None:
        (tmp_path / "music" / "tracks.csv").write_text(text)
    with pytest.raises(CatalogError, match="recording"):
        write_equalised_catalog(tmp_path / "music", tmp_path / "dark")


def test_what_is_out_of_the_limits_or_no_number_is_left_out_with_what_to_do(tmp_path):
    source = write_folder(tmp_path / "music", ROWS)
    (source / "a song.flac").write_bytes(wav_header(1, 1, 40_000) + bytes(40_000))
    soundfile.write(source / "c.flac", np.full(96_000, np.nan), 48_000, "FLOAT", format="WAV")
    lines = []
    assert write_equalised_catalog(source, tmp_path / "dark", log=lines.append) == 0
    assert lines == [
        "a song.flac: left out, it cannot be read (1 Hz; resample it to 4000 to 768000 Hz)",
        "c.flac: left out, it cannot be read (it holds samples that are NaN or infinite; "
        "export the file again)",
    ]


def test_a_file_that_does_not_say_how_long_it_is_is_copied(tmp_path):
    source = write_folder(tmp_path / "music", ROWS[:1])
    header = wav_header(48_000, 1, 0xFFFF_FFFF)  # as FFmpeg writes to a pipe
    (source / "a song.flac").write_bytes(header + (NOISE * 32_767).astype("<i2").tobytes())
    assert write_equalised_catalog(source, tmp_path / "dark", log=print) == 1
