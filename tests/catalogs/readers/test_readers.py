"""Each reader on a tiny tree with its dataset's layout."""

import csv

import numpy as np
import pytest

from musqa_pipeline.audio.files.reading import read_blocks
from musqa_pipeline.catalogs.folder import METADATA, Source
from musqa_pipeline.catalogs.known import Catalog, add_catalog, catalog_files, load_catalog
from musqa_pipeline.catalogs.readers import gtzan
from musqa_pipeline.catalogs.readers.fma import short_licence, track_file
from musqa_pipeline.catalogs.readers.pmqd import write_opinions
from musqa_pipeline.catalogs.readers.registry import READERS, detect_reader
from musqa_pipeline.core.errors import CatalogError
from musqa_pipeline.core.settings.evaluation import ReleaseSettings
from musqa_pipeline.release.model.attribution import is_allowed
from tests.audio.sounds import noise, run_tracks, tracks_of, write
from tests.catalogs.readers import trees


def read(name, folder, **options):
    return READERS[name].read(Source(folder, **options))


def by_file(found):
    return {entry.file: entry.metadata for entry in found.listing.entries}


def differences(found):
    return {difference.what: difference.files for difference in found.differences}


@pytest.mark.parametrize("name", trees.TREES)
def test_a_dataset_is_known_by_its_layout_and_has_all_metadata_keys(name, home, tmp_path):
    folder = trees.TREES[name](tmp_path / "data")
    assert detect_reader(folder) == name
    added = add_catalog(home, folder, "c")
    assert added.reader == load_catalog(home, "c").reader == name
    entries = catalog_files(added)
    assert entries == sorted(entries, key=lambda e: e.file)
    assert all(tuple(entry.metadata) == METADATA for entry in entries)
    assert all(entry.path.is_file() for entry in entries)
    assert READERS[name].read(Source(folder)) == READERS[name].read(Source(folder))


@pytest.mark.parametrize("name", trees.TREES)
def test_another_layout_is_refused_with_the_one_that_is_expected(name, tmp_path):
    trees.tone(tmp_path / "music" / "song.wav")
    with pytest.raises(CatalogError, match=rf"reader {name}: .* has no .*; expected .*readers"):
        read(name, tmp_path / "music")


@pytest.mark.parametrize("name", trees.TREES)
def test_a_column_map_is_refused_where_the_dataset_has_metadata(name, tmp_path):
    folder = trees.TREES[name](tmp_path / "data")
    with pytest.raises(CatalogError, match=r"columns \['title'\] are mapped, but it takes"):
        read(name, folder, columns={"title": "x"})


@pytest.mark.parametrize("name", trees.TREES)
def test_links_out_of_a_dataset_are_left_out_and_named(name, tmp_path):
    folder = trees.TREES[name](tmp_path / "data")
    first = read(name, folder).listing.entries[0]
    elsewhere = first.path.rename(tmp_path / f"elsewhere{first.path.suffix}")
    first.path.symlink_to(elsewhere)
    found = read(name, folder)
    assert first.file not in by_file(found)
    assert any(first.file in files for what, files in differences(found).items() if "links" in what)
    assert first.file in by_file(read(name, folder, follow_links=True))


@pytest.mark.parametrize("name", READERS)
def test_every_reader_says_terms_citation_source_and_layout(name):
    reader = READERS[name]
    assert reader.title
    assert reader.licence
    assert reader.layout
    assert reader.source
    assert reader.citation or name in ("folder", "csv")
    for archive in reader.archives:
        assert len(archive.digest) == {"md5": 32, "sha1": 40, "sha256": 64}[archive.algorithm]


def test_what_a_reader_says_stands_in_the_table_of_tracks(home, tmp_path):
    for part, song in (("train", "Ann - One"), ("test", "Bo - Two")):
        (tmp_path / "data" / part / song).mkdir(parents=True)
        write(tmp_path / "data" / part / song / "mixture.wav", noise(seed=len(part)))
    rows = tracks_of(run_tracks(home, tmp_path / "data")).values()
    assert sorted((row["role"], row["artist"], row["title"], row["recording"]) for row in rows) == [
        ("test", "Bo", "Two", "Bo - Two"),
        ("train", "Ann", "One", "Ann - One"),
    ]


def test_gtzan_takes_the_roles_of_the_fault_filtered_partition(tmp_path):
    found = read("gtzan", trees.gtzan(tmp_path))
    assert {file: m["role"] for file, m in by_file(found).items()} == {
        "genres/blues/blues.00000.wav": "train",
        "genres/blues/blues.00012.wav": "test",
        "genres/blues/blues.00029.wav": "train",
        "genres/jazz/jazz.00051.wav": "train",
    }
    said = differences(found)
    assert said["left out, replicas or faulty"] == ("genres/jazz/jazz.00033.wav",)
    assert said["left out, not GTZAN's"] == ("genres/blues/mine.wav",)
    assert len(said["missing"]) == 995
    assert len(said["shorter than 29.5 s"]) == 4
    assert str(found.differences[0]).startswith("995 files missing: genres/blues/blues.00001.wav, ")
    assert str(found.differences[0]).endswith(" and 987 more")


def test_gtzan_s_partition_has_the_published_sizes_and_no_clip_twice():
    test, train, validation = map(gtzan.clips, (gtzan.TEST, gtzan.TRAIN, gtzan.VALIDATION))
    assert (len(train), len(validation), len(test)) == (443, 197, 290)
    assert len(train | validation | test) == 930
    assert {name.partition(".")[0] for name in test} == set(gtzan.GENRES)


@pytest.mark.parametrize(
    ("genre", "sizes"),
    [
        ("blues", (46, 23, 31)),
        ("classical", (48, 20, 31)),
        ("country", (45, 23, 30)),
        ("disco", (42, 22, 29)),
        ("hiphop", (47, 18, 27)),
        ("jazz", (43, 17, 27)),
        ("metal", (44, 20, 27)),
        ("pop", (41, 13, 30)),
        ("reggae", (43, 17, 26)),
        ("rock", (44, 24, 32)),
    ],
)
def test_each_genre_of_gtzan_has_as_many_clips_a_part_as_paper_003_prints(genre, sizes):
    parts = [gtzan.clips(part) for part in (gtzan.TRAIN, gtzan.VALIDATION, gtzan.TEST)]
    found = tuple(sum(name.startswith(f"{genre}.") for name in part) for part in parts)
    assert found == sizes


def test_gtzan_without_its_upper_folder_is_known_too(tmp_path):
    assert by_file(read("gtzan", trees.gtzan(tmp_path, "")))["blues/blues.00012.wav"]["genre"]


def test_fma_reads_three_lines_of_names_and_the_tracks_of_its_subset(tmp_path):
    folder = trees.fma(tmp_path)
    found = read("fma", folder)
    assert by_file(found) == {
        "fma_medium/000/000002.mp3": {
            "title": "Food", "artist": "AWOL", "recording": "000002", "genre": "Hip-Hop",
            "licence": "CC-BY", "role": "train", "tier": "lossy",
        },
        "fma_medium/000/000003.mp3": {
            "title": "Electric\nAve", "artist": "AWOL", "recording": "000003", "genre": "",
            "licence": "CC-BY-NC", "role": "train", "tier": "lossy",
        },
    }  # fmt: skip
    assert differences(found) == {"missing": ("fma_medium/000/000005.mp3",)}
    assert found.listing.n_other_files == 3


@pytest.mark.parametrize(
    ("title", "short"),
    [
        ("Attribution", "CC-BY"),
        ("Attribution 3.0 International", "CC-BY-3.0"),
        ("Creative Commons Attribution 4.0", "CC-BY-4.0"),
        ("Attribution-Noncommercial-Share Alike 3.0 United States", "CC-BY-NC-SA-3.0"),
        ("Attribution-NonCommercial-NoDerivatives (aka Music Sharing) 3.0", "CC-BY-NC-ND-3.0"),
        ("CC0 1.0 Universal", "CC0-1.0"),
        ("FMA-Limited: Download Only", "FMA-Limited: Download Only"),
        ("", ""),
    ],
)
def test_licences_of_fma_are_those_that_a_release_compares(title, short):
    assert short_licence(title) == short
    open_terms = short.startswith(("CC-BY", "CC0")) and "-NC" not in short
    assert is_allowed(short, ReleaseSettings().licences) == open_terms


def test_fma_full_has_the_tracks_of_all_subsets(tmp_path):
    found = read("fma", trees.fma(tmp_path, "full"))
    assert differences(found)["missing"] == (
        "fma_full/000/000005.mp3",
        "fma_full/123/123456.mp3",
    )
    assert track_file(7) == "000/000007.mp3"


def test_fma_without_tracks_csv_is_read_without_roles(tmp_path):
    folder = trees.fma(tmp_path)
    (folder / "fma_metadata" / "tracks.csv").unlink()
    with pytest.raises(CatalogError, match=r"has no fma_metadata/tracks\.csv; expected"):
        read("fma", folder)
    (folder / "fma_metadata" / "raw_tracks.csv").write_text(
        "track_id,album_title,artist_name,license_title,track_title,track_url\n"
        "2,LP,AWOL,Attribution,Food,http://x\n"
    )
    row = by_file(read("fma", folder))["fma_medium/000/000002.mp3"]
    assert (row["title"], row["licence"], row["role"]) == ("Food", "CC-BY", "")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a,b\n", "has no column 'artist.name', 'album.title'|has no column 'album.title'"),
        ("", "has no column 'album.title', 'artist.name', 'set.split'"),
        (",x\n\xff", "invalid|has no column"),
    ],
)
def test_damaged_metadata_of_fma_are_refused(tmp_path, text, message):
    folder = trees.fma(tmp_path)
    (folder / "fma_metadata" / "tracks.csv").write_bytes(text.encode("latin-1"))
    with pytest.raises(CatalogError, match=message):
        read("fma", folder)


def test_a_track_of_fma_without_a_number_is_refused(tmp_path):
    folder = trees.fma(tmp_path)
    path = folder / "fma_metadata" / "tracks.csv"
    path.write_text(path.read_text() + "../../2,LP,A,test,small,Rock,CC0,T\n")
    with pytest.raises(CatalogError, match=r"track_id='../../2': expected a number; get the file"):
        read("fma", folder)


def test_two_subsets_of_fma_are_one_too_many(tmp_path):
    folder = trees.fma(tmp_path)
    (folder / "fma_full").mkdir()
    with pytest.raises(CatalogError, match=r"single subset \(it has medium, full, which share"):
        read("fma", folder)


def test_musdb18_hq_gives_mixtures_with_roles_and_artists(tmp_path):
    folder = trees.musdb18_hq(tmp_path)
    (folder / "train" / "Ann - Two" / "mixture.wav").unlink()
    trees.tone(folder / "notes.wav")
    found = read("musdb18", folder)
    rows = by_file(found)
    assert set(rows) == {"test/Bo - A - B/mixture.wav", "train/Ann - One/mixture.wav"}
    song = rows["test/Bo - A - B/mixture.wav"]
    assert (song["artist"], song["title"], song["role"]) == ("Bo", "A - B", "test")
    assert differences(found) == {
        "missing": ("train/Ann - Two/mixture.wav",),
        "left out, not MUSDB18's": ("notes.wav",),
    }


def test_of_a_stem_file_the_mixture_is_decoded(tmp_path):
    folder = trees.musdb18(tmp_path)
    assert detect_reader(folder) == "musdb18"
    rows = by_file(read("musdb18", folder))
    assert rows["train/Ann - One.stem.mp4"]["title"] == "One"
    samples = np.concatenate(list(read_blocks(folder / "train" / "Ann - One.stem.mp4")))[:, 0]
    spectrum = np.abs(np.fft.rfft(samples[:44_100]))
    assert np.argmax(spectrum) == pytest.approx(500, abs=1)
    assert spectrum[990:1010].max() < 0.01 * spectrum.max()


def test_both_kinds_of_musdb18_in_one_folder_are_refused(tmp_path):
    trees.musdb18(tmp_path)
    trees.tone(tmp_path / "train" / "Cy - Three" / "mixture.wav")
    with pytest.raises(CatalogError, match=r"no single kind of songs \(both stem files and WAV\)"):
        read("musdb18", tmp_path)


def test_medleydb_gives_mixes_with_what_their_yaml_says(tmp_path):
    found = read("medleydb", trees.medleydb(tmp_path))
    rows = by_file(found)
    told = rows["V1/AClassicEducation_NightOwl/AClassicEducation_NightOwl_MIX.wav"]
    assert (told["artist"], told["title"]) == ("A Classic Education", "Night Owl")
    assert (told["genre"], told["licence"]) == ("Singer/Songwriter", "CC-BY-NC-SA-4.0")
    silent = rows["V2/Ann_Song/Ann_Song_MIX.wav"]
    assert (silent["artist"], silent["title"]) == ("Ann", "Song")
    assert differences(found) == {
        "missing (described, but without a mix)": ("Gone_Away_MIX.wav",),
        "without metadata (the artist is taken from the name)": ("Ann_Song",),
        "left out, not MedleyDB's": ("V2/demo.wav",),
    }


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("artist: [", "cannot be used .ParserError"),
        ("- a\n- b\n", "cannot be used: expected keys and values"),
        ("a: " + "[" * 3000, "cannot be used .RecursionError"),
        ("!!python/object/apply:os.system ['touch x']", "cannot be used .ConstructorError"),
        ("x: " + "y" * (1 << 20), "larger than 1048576 bytes"),
    ],
)
def test_hostile_metadata_of_medleydb_are_refused(tmp_path, text, message):
    folder = trees.medleydb(tmp_path)
    (folder / "Metadata" / "Ann_Song_METADATA.yaml").write_text(text)
    with pytest.raises(CatalogError, match=message):
        read("medleydb", folder)


def test_movements_of_musicnet_are_one_recording(tmp_path):
    found = read("musicnet", trees.musicnet(tmp_path))
    rows = by_file(found)
    assert {file: row["role"] for file, row in rows.items()} == {
        "musicnet/test_data/1759.wav": "test",
        "musicnet/train_data/1727.wav": "train",
        "musicnet/train_data/1728.wav": "train",
    }
    one, two = (rows[f"musicnet/train_data/{n}.wav"] for n in (1727, 1728))
    assert one["recording"] == two["recording"]
    assert one["recording"] == "Schubert: Piano Quintet in A major (European Archive)"
    assert (one["title"][-10:], one["artist"]) == ("2. Andante", "")
    assert differences(found) == {
        "missing": ("1760.wav",),
        "left out, not in the metadata": ("musicnet/train_data/9999.wav",),
    }


def test_musicnet_without_recordings_or_columns_is_refused(tmp_path):
    (tmp_path / "musicnet_metadata.csv").write_text(trees.MUSICNET_CSV)
    with pytest.raises(CatalogError, match="no train_data or test_data with WAV files; expected"):
        read("musicnet", tmp_path)
    (tmp_path / "musicnet_metadata.csv").write_text("id,composer\n1,Bach\n")
    with pytest.raises(CatalogError, match="has no column 'composition', 'movement', 'source'; it"):
        read("musicnet", tmp_path)


def test_of_pmqd_only_originals_are_references(tmp_path):
    found = read("pmqd", trees.pmqd(tmp_path))
    assert by_file(found) == {
        "audio/aa.wav": {
            "title": "One", "artist": "Ann", "recording": "Ann: One", "genre": "Acoustic",
            "licence": "", "role": "test", "tier": "",
        },
    }  # fmt: skip
    assert differences(found) == {
        "missing": ("audio/cc.wav",),
        "left out, degraded and so no references": ("audio/bb.wav",),
    }


def test_the_ratings_of_pmqd_become_opinions_that_listening_reads(tmp_path):
    from musqa_pipeline.studies.listening.mos import read_opinions

    assert write_opinions(trees.pmqd(tmp_path / "data"), tmp_path / "opinions.csv") == 3
    opinions = read_opinions(tmp_path / "opinions.csv")
    assert [(o.file, o.mos, o.condition, o.recording) for o in opinions] == [
        ("audio/aa.wav", 4.0, "reference", "Ann: One"),
        ("audio/bb.wav", 3.0, "lowpass_63.92", "Ann: One"),
        ("audio/cc.wav", 5.0, "reference", "Bo: Two, again"),
    ]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("4.0,90", "nine,90", "rating='nine' of 0: expected 1 to 5"),
        ("4.0,90", "nan,90", "rating='nan' of 0: expected 1 to 5"),
        ("aa.wav", "../aa.wav", r"sample_filename='\.\./aa.wav' of 0: expected the name of a file"),
        ("sample_filename", "file", "has no column 'sample_filename'"),
    ],
)
def test_a_table_of_pmqd_that_is_wrong_is_refused(tmp_path, old, new, message):
    folder = trees.pmqd(tmp_path / "data")
    (folder / "pmqd.csv").write_text(trees.PMQD_CSV.replace(old, new))
    with pytest.raises(CatalogError, match=message):
        write_opinions(folder, tmp_path / "opinions.csv")


def test_a_csv_file_lists_audio_wherever_it_is(home, tmp_path):
    far = trees.tone(tmp_path / "far" / "a.wav")
    trees.tone(tmp_path / "lists" / "near" / "b.wav")
    path = tmp_path / "lists" / "my list.csv"
    path.write_text(f"where,title,role\n{far},Far,Test\nnear/b.wav,Near,\ngone.wav,,\n")
    catalog = add_catalog(home, path, columns={"file": "where"})
    assert (catalog.name, catalog.reader) == ("my-list", "csv")
    entries = {entry.file: entry for entry in catalog_files(load_catalog(home, "my-list"))}
    assert set(entries) == {str(far), "near/b.wav", "gone.wav"}
    assert entries[str(far)].path == far
    assert entries[str(far)].metadata["role"] == "test"
    assert entries["near/b.wav"].path.is_file()
    path.unlink()
    with pytest.raises(CatalogError, match=r"my list\.csv does not exist; check the path"):
        catalog_files(catalog)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("title\nx\n", "has no column 'file', only 'title'; add it, or name another one with"),
        ("file\n\n", "is empty"),
        ("file,title\n,x\n", "line 2: file='': expected the path of a file"),
        ("file\na.wav\na.wav\n", "line 3: file 'a.wav' is named above; keep one of them"),
        ("file,role\na.wav,dev\n", "line 2: role='dev' of 'a.wav': expected train, test or"),
        ('file\n"a', "save it as CSV in UTF-8"),
        ('file\n"a\0b"\n', r"line 2: file='a\\x00b': expected the path of a file"),
    ],
)
def test_a_list_that_is_wrong_names_the_line(home, tmp_path, text, message):
    path = tmp_path / "list.csv"
    path.write_text(text)
    with pytest.raises(CatalogError, match=message):
        add_catalog(home, path)


def test_an_own_tracks_csv_wins_over_a_layout(home, tmp_path):
    folder = trees.gtzan(tmp_path / "data")
    (folder / "tracks.csv").write_text("file,title\ngenres/blues/mine.wav,Mine\n")
    assert add_catalog(home, folder, "c").reader == "folder"


def test_a_catalog_keeps_its_reader_and_another_one_may_be_named(home, tmp_path):
    folder = trees.gtzan(tmp_path / "data")
    assert add_catalog(home, folder, "c", reader="folder").reader == "folder"
    assert add_catalog(home, folder, "c").reader == "folder"
    assert add_catalog(home, folder, "c", reader="gtzan").reader == "gtzan"
    with pytest.raises(CatalogError, match="reader='tape': expected one of folder, csv, fma, gt"):
        add_catalog(home, folder, "c", reader="tape")


def test_a_folder_that_several_readers_know_asks_for_one(tmp_path):
    trees.gtzan(trees.musdb18_hq(tmp_path))
    with pytest.raises(CatalogError, match="looks like gtzan and musdb18; choose one with"):
        detect_reader(tmp_path)


def test_an_empty_dataset_says_what_is_missing(tmp_path):
    folder = trees.pmqd(tmp_path)
    for path in (folder / "audio").iterdir():
        path.unlink()
    catalog = Catalog("c", folder, reader="pmqd")
    with pytest.raises(CatalogError, match=r"holds no audio file .*3 files missing: audio/aa\.wav"):
        catalog_files(catalog)


def test_cells_as_long_as_fma_s_are_read_and_the_limit_is_put_back(tmp_path):
    folder = trees.fma(tmp_path)
    path = folder / "fma_metadata" / "tracks.csv"
    path.write_text(path.read_text().replace("Food", "F" * 200_000))
    before = csv.field_size_limit()
    assert len(by_file(read("fma", folder))["fma_medium/000/000002.mp3"]["title"]) == 200_000
    assert csv.field_size_limit() == before
