"""Vinylset's files are found under three kinds of names, and what nobody knows is not guessed."""

from __future__ import annotations

import pytest

from musqa_pipeline.catalogs.folder import Source
from musqa_pipeline.catalogs.rating import Rating
from musqa_pipeline.catalogs.readers.registry import READERS
from musqa_pipeline.catalogs.readers.vinylset import track_name
from musqa_pipeline.core.errors import CatalogError
from tests.catalogs.readers import trees


def read(folder):
    return READERS["vinylset"].read(Source(folder))


def differences(found):
    return {difference.what: difference.files for difference in found.differences}


@pytest.fixture
def folder(tmp_path):
    return trees.vinylset(tmp_path / "data")


def test_prepared_flat_and_downloaded_files_are_those_of_their_labels(folder):
    entries = {entry.file: entry for entry in read(folder).listing.entries}
    assert {file: entry.rating for file, entry in entries.items()} == {
        "0203Greensleeves_aache320_ln.wav": Rating(3.53846, 0.6513975266092, 13),
        "2a/0102WhyWasIBorn_sample_aache320_ln_C2.wav": Rating(3.82353, 0.251277703804109, 17),
        "downloads/02.01. Someday.mp3": Rating(3.89474, 0.295799254796553, 19),
    }
    assert all(entry.metadata["role"] == "" for entry in entries.values())


def test_recordings_are_records_and_one_of_two_is_not_guessed(folder):
    found = read(folder)
    assert {e.file: e.metadata["recording"] for e in found.listing.entries} == {
        "0203Greensleeves_aache320_ln.wav": "",
        "2a/0102WhyWasIBorn_sample_aache320_ln_C2.wav": "",
        "downloads/02.01. Someday.mp3": "cd_some-record",
    }
    said = differences(found)
    (unclear,) = (files for what, files in said.items() if "two records" in what)
    assert unclear == ("0203Greensleeves_aache320_ln.wav",)
    assert said["missing"] == ("3a/Liquid_aache320_ln_C3.wav",)
    assert said["left out, in no line of vinylset_MOS.txt"] == ("mine.wav",)


def test_without_addresses_each_file_is_a_recording_of_its_own(folder):
    (folder / "url_list.txt").unlink()
    assert {e.metadata["recording"] for e in read(folder).listing.entries} == {""}


def test_several_files_that_may_be_one_labels_are_left_out(folder):
    trees.tone(folder / "0201Someday.wav")
    found = read(folder)
    several = differences(found)["left out, as several may be one label's"]
    assert several == ("0201Someday.wav", "downloads/02.01. Someday.mp3")
    assert len(found.listing.entries) == 2
    trees.tone(folder / "0201Someday_aache320_ln_C0.wav")  # the label's own name decides
    files = {e.file for e in read(folder).listing.entries}
    assert "0201Someday_aache320_ln_C0.wav" in files
    assert "0201Someday.wav" not in files


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("02.01. Someday.mp3", "0201Someday"),
        ("x/01.02. Why Was I Born?_sample.mp3", "0102WhyWasIBorn_sample"),
        ("2a/0102WhyWasIBorn_sample_aache320_ln_C2.wav", "0102WhyWasIBorn_sample"),
        ("0101My Re\u0302verie_aache320_ln.wav", "0101MyRêverie"),
    ],
)
def test_names_of_one_track_have_this_in_common(file, name):
    assert track_name(file) == name


def test_a_label_file_that_cannot_be_is_refused_with_its_reason(folder):
    labels = folder / "vinylset_MOS.txt"
    labels.write_text(labels.read_text().replace("3.89474", "5.2"))
    with pytest.raises(CatalogError, match=r"label=5.2 of 0a/0201Someday.*from 1 to 5"):
        read(folder)


@pytest.mark.parametrize("text", [b"Someday.mp3\n", b"\xff\xfe\xe9\n"])
def test_a_list_of_addresses_that_cannot_be_is_refused(folder, text):
    (folder / "url_list.txt").write_bytes(text)
    with pytest.raises(CatalogError, match=r"url_list\.txt.*get it again"):
        read(folder)
