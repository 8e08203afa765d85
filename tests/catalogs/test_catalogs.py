import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from musqa_pipeline.catalogs.known import (
    Catalog,
    add_catalog,
    catalog_files,
    catalog_found,
    list_catalogs,
    load_catalog,
    to_toml,
)
from musqa_pipeline.core.errors import CatalogError


@pytest.fixture
def music(tmp_path):
    folder = tmp_path / "My Music (2024)"
    (folder / "sub").mkdir(parents=True)
    for name in ("b.wav", "a.FLAC", "sub/c d.mp3", "notes.txt", ".hidden.wav"):
        (folder / name).write_bytes(b"x")
    return folder


def files_of(folder, **columns):
    return {e.file: e for e in catalog_files(Catalog("c", folder, columns))}


def test_a_catalog_points_to_its_folder_and_copies_nothing(home, music):
    added = add_catalog(home, music)
    assert added.name == "My-Music-2024"
    assert list_catalogs(home) == [added] == [load_catalog(home, added.name)]
    names = sorted(p.name for p in (home / "catalogs" / added.name).iterdir())
    assert names == [".catalog.toml.seal", "catalog.toml"]


def test_files_are_listed_by_path_and_others_counted(music):
    listing = catalog_found(Catalog("c", music)).listing
    assert [e.file for e in listing.entries] == ["a.FLAC", "b.wav", "sub/c d.mp3"]
    assert listing.n_other_files == 1


def test_adding_again_updates_the_column_map(home, music):
    (music / "tracks.csv").write_text("file,work\nb.wav,opus 1\n")
    add_catalog(home, music, "m")
    add_catalog(home, music, "m", {"recording": "work"})
    assert load_catalog(home, "m").columns == {"recording": "work"}


def test_a_folder_s_accents_are_dropped_from_the_name(home, tmp_path):
    folder = tmp_path / "Música d'été"
    folder.mkdir()
    (folder / "a.wav").write_bytes(b"x")
    assert add_catalog(home, folder).name == "Musica-d-ete"


def test_a_name_belongs_to_one_folder(home, music, tmp_path):
    add_catalog(home, music, "m")
    other = tmp_path / "other"
    other.mkdir()
    (other / "x.wav").touch()
    with pytest.raises(CatalogError, match=r"catalog 'm' is .*My Music.* already; choose another"):
        add_catalog(home, other, "m")


def test_a_folder_is_the_same_however_it_is_spelled(home, music, tmp_path):
    add_catalog(home, music, "m")
    (tmp_path / "link").symlink_to(music)
    for again in (tmp_path / "link", music.parent / "x" / ".." / music.name):
        assert add_catalog(home, again, "m").folder == music
    assert [one.folder for one in list_catalogs(home)] == [music]


@pytest.mark.parametrize("name", ["a b", "", "../x", "-a", "_x", "ä", "x" * 65])
def test_a_name_that_is_no_safe_folder_name_is_refused(home, music, name):
    with pytest.raises(CatalogError, match="expected letters, digits, - and _"):
        add_catalog(home, music, name)
    assert list_catalogs(home) == []


def test_a_missing_and_an_empty_folder_are_refused_in_one_sentence(home, tmp_path):
    with pytest.raises(CatalogError, match="does not exist; check the path"):
        add_catalog(home, tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "readme.txt").touch()
    with pytest.raises(CatalogError, match=r"is empty: .* holds no audio file \(1 others\); put"):
        add_catalog(home, tmp_path / "empty")
    assert not (home / "catalogs").exists()


def test_a_folder_that_vanished_is_an_error_and_not_an_empty_list(home, music):
    catalog = add_catalog(home, music, "m")
    music.rename(music.with_name("moved"))
    with pytest.raises(CatalogError, match="does not exist; check the path, or connect the disk"):
        catalog_files(catalog)


def test_an_unknown_and_a_damaged_catalog_say_what_to_do(home, music):
    add_catalog(home, music, "m")
    with pytest.raises(CatalogError, match=r"'n' is unknown \(known: m\); add it with"):
        load_catalog(home, "n")
    toml = home / "catalogs" / "m" / "catalog.toml"
    toml.write_text("folder =")
    with pytest.raises(CatalogError, match=r"TOMLDecodeError.*delete it and add the catalog again"):
        load_catalog(home, "m")
    toml.write_text('folder = "/x"\nreader = "tape"')
    with pytest.raises(CatalogError, match="reader='tape': expected one of folder"):
        load_catalog(home, "m")
    for text, message in (
        ('folder = "x"', "ValueError: folder='x' is no absolute path"),
        ('folder = "/x"\n[columns]\ntitle = 5', "expected names of columns in quotes"),
        (f"x = {'[' * 3000}", "nested too deeply"),
        (f"x = {'9' * 5000}", "Exceeds the limit"),
    ):
        toml.write_text(text)
        with pytest.raises(CatalogError, match=message):
            load_catalog(home, "m")


@given(folder=st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")))
def test_any_folder_name_survives_the_toml(tmp_path_factory, folder):
    home = tmp_path_factory.mktemp("home")
    catalog = Catalog("c", Path("/" + folder), {"title": folder or "x"})
    path = home / "catalogs" / "c" / "catalog.toml"
    path.parent.mkdir(parents=True)
    path.write_text(to_toml(catalog), encoding="utf-8", newline="")
    assert load_catalog(home, "c") == catalog


def test_tracks_csv_describes_files_and_unlisted_files_stay(music):
    (music / "tracks.csv").write_text(
        "﻿file,title,artist,work,role,tier,extra\n"
        'b.wav," A, B ",Ann,w1,TEST,lossless,zzz\n'
        "./sub/c d.mp3,C,,w2,,,\n",
        encoding="utf-8",
    )
    files = files_of(music, recording="work")
    assert files["b.wav"].metadata == {
        "title": "A, B", "artist": "Ann", "recording": "w1", "genre": "", "licence": "",
        "role": "test", "tier": "lossless",
    }  # fmt: skip
    assert files["sub/c d.mp3"].metadata["recording"] == "w2"
    assert set(files["a.FLAC"].metadata.values()) == {""}


def test_a_listed_file_that_is_absent_is_an_entry_that_stage_1_will_refuse(music):
    (music / "tracks.csv").write_text("file,title\ngone.wav,Gone\nnotes.txt,Notes\n")
    files = files_of(music)
    assert files["gone.wav"].metadata["title"] == "Gone"
    assert not files["gone.wav"].path.exists()
    assert "notes.txt" in files  # named, so it is for stage 1 to say what is wrong with it


def test_accents_written_as_two_characters_match(music):
    (music / "cafe\u0301.wav").touch()
    (music / "tracks.csv").write_text("file,title\ncaf\u00e9.wav,T\n", encoding="utf-8")
    assert files_of(music)["cafe\u0301.wav"].metadata["title"] == "T"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("title\nx\n", "has no column 'file', only 'title'; add it"),
        ("", "has no column 'file', only an empty first line"),
        ("file,role\nb.wav,dev\n", "line 2: role='dev' of 'b.wav': expected train, test or"),
        ("file\n../b.wav\n", r"line 2: file='\.\./b.wav': expected a path inside"),
        ("file\n/b.wav\n", "line 2: file='/b.wav': expected a path inside"),
        ("file,title\n,x\n", "line 2: file='': expected a path inside"),
        ('file\n"b\0.wav"\n', r"line 2: file='b\\x00.wav': expected a path inside"),
        ("file\nb.wav\nb.wav\n", "line 3: file 'b.wav' is named in line 2 already"),
        ('file\n"b.wav\n', "unexpected end of data; save it as CSV in UTF-8"),
    ],
)
def test_a_wrong_tracks_csv_names_the_line(music, text, message):
    (music / "tracks.csv").write_text(text)
    with pytest.raises(CatalogError, match=message):
        files_of(music)


def test_a_tracks_csv_in_another_alphabet_says_so(music):
    (music / "tracks.csv").write_bytes("file,title\nb.wav,Gr\u00fc\u00dfe\n".encode("latin-1"))
    with pytest.raises(CatalogError, match="save it as CSV in UTF-8"):
        files_of(music)


def test_a_mapped_column_must_be_there(music):
    with pytest.raises(CatalogError, match=r"columns \['work'\] are mapped, but there is no"):
        files_of(music, recording="work")
    (music / "tracks.csv").write_text("file\nb.wav\n")
    with pytest.raises(CatalogError, match="has no column 'work', only 'file'"):
        files_of(music, recording="work")
    with pytest.raises(CatalogError, match=r"column map names \['song'\]; expected some of file"):
        files_of(music, song="file")


def test_odd_names_work(music):
    names = [b"tab\there.wav", b"line\nbreak.wav", "späß ü.wav".encode(), b"raw\xff\xfe.wav"]
    for name in names:
        (music / os.fsdecode(name)).touch()
    files = files_of(music)
    for name in names:
        assert files[os.fsdecode(name)].path.exists()
    assert files[os.fsdecode(b"raw\xff\xfe.wav")].printable == r"raw\xff\xfe.wav"
    assert files["line\nbreak.wav"].printable == "line\nbreak.wav"


def test_links_inside_the_folder_are_followed_once_and_dangling_ones_are_entries(music):
    (music / "linked").symlink_to(music / "sub")
    (music / "sub" / "up").symlink_to(music)
    (music / "dangling.wav").symlink_to(music / "gone.wav")
    (music / "loop.wav").symlink_to(music / "loop.wav")
    files = files_of(music)
    # Which of the two ways to the folder is taken first is a matter of their names.
    assert list(files) == ["a.FLAC", "b.wav", "dangling.wav", "linked/c d.mp3", "loop.wav"]
    assert not any(entry.leads_outside for entry in files.values())


@pytest.fixture
def with_links(music, tmp_path):
    """A catalog with links out of its folder: a file, a folder, and the CSV's word for both."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    for name in ("far.wav", "secret.txt"):
        (elsewhere / name).touch()
    (music / "linked").symlink_to(elsewhere)
    (music / "single.wav").symlink_to(elsewhere / "far.wav")
    return music


def test_links_out_of_the_folder_are_not_followed_unless_their_owner_says_so(with_links):
    outside = {e.file for e in catalog_files(Catalog("c", with_links)) if e.leads_outside}
    assert outside == {"linked", "single.wav"}
    allowed = catalog_files(Catalog("c", with_links, follow_links=True))
    assert [e.file for e in allowed] == [
        "a.FLAC", "b.wav", "linked/far.wav", "single.wav", "sub/c d.mp3",
    ]  # fmt: skip
    assert not any(entry.leads_outside for entry in allowed)


def test_a_tracks_csv_cannot_lead_out_of_the_folder(with_links, tmp_path):
    (with_links / "tracks.csv").write_text("file,title\nlinked/secret.txt,S\nlinked/far.wav,F\n")
    files = files_of(with_links)
    assert {f for f, e in files.items() if e.leads_outside} == {
        "linked", "linked/far.wav", "linked/secret.txt", "single.wav",
    }  # fmt: skip
    (with_links / "tracks.csv").rename(tmp_path / "rows.csv")
    (with_links / "tracks.csv").symlink_to(tmp_path / "rows.csv")
    with pytest.raises(CatalogError, match=r"tracks.csv is a link out of the catalog's folder"):
        files_of(with_links)


def test_a_catalog_that_is_itself_a_link_is_where_it_leads(music, tmp_path):
    (tmp_path / "shortcut").symlink_to(music)
    assert not any(e.leads_outside for e in catalog_files(Catalog("c", tmp_path / "shortcut")))
    (tmp_path / "My Music (2024) too").mkdir()  # a name that begins alike is another folder
    (tmp_path / "My Music (2024) too" / "x.wav").touch()
    (music / "x.wav").symlink_to(tmp_path / "My Music (2024) too" / "x.wav")
    assert [e.file for e in catalog_files(Catalog("c", music)) if e.leads_outside] == ["x.wav"]


def test_what_was_said_of_links_is_kept_when_a_catalog_is_added_again(home, with_links):
    add_catalog(home, with_links, "m", follow_links=True)
    assert add_catalog(home, with_links, "m").follow_links
    assert load_catalog(home, "m").follow_links
    assert not add_catalog(home, with_links, "m", follow_links=False).follow_links
