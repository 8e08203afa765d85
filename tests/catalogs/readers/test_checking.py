"""Whether a copy is whole: checksums, sizes, and the commands that say so."""

import hashlib
import json
from dataclasses import replace

import pytest
import typer
from typer.testing import CliRunner

from musqa_pipeline.catalogs.folder import Source
from musqa_pipeline.catalogs.readers.checking import check
from musqa_pipeline.catalogs.readers.interface import Checksum
from musqa_pipeline.catalogs.readers.registry import READERS
from musqa_pipeline.cli import catalog
from tests.catalogs.readers import trees


@pytest.fixture
def musqa(home, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # outside of a checkout: no Dagster instance is touched
    monkeypatch.delenv("MUSQA_PROJECT", raising=False)
    app = typer.Typer()
    app.add_typer(catalog.app, name="catalog")
    return lambda *words: CliRunner().invoke(app, list(words))


def said(result):
    return {difference.what: difference.files for difference in result.differences}


def test_fma_is_compared_with_its_own_checksums(tmp_path):
    folder = trees.fma(tmp_path)
    good = check(READERS["fma"], Source(folder))
    assert good.n_compared == 2
    assert list(said(good)) == ["missing"]
    path = folder / "fma_medium" / "000" / "000003.mp3"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    (folder / "fma_medium" / "000" / "000002.mp3").unlink()
    bad = said(check(READERS["fma"], Source(folder)))
    assert bad["with another checksum than published"] == ("fma_medium/000/000003.mp3",)
    assert bad["in the dataset's list of checksums and not there"] == ("fma_medium/000/000002.mp3",)
    assert "with another checksum than published" not in said(
        check(READERS["fma"], Source(folder), hashes=False)
    )


def test_a_list_of_checksums_cannot_lead_out_of_the_folder(tmp_path):
    folder = trees.fma(tmp_path / "data")
    secret = trees.tone(tmp_path / "secret.wav")
    digest = hashlib.sha1(secret.read_bytes()).hexdigest()
    path = folder / "fma_medium" / "checksums"
    path.write_text(f"{digest}  ../../secret.wav\n{digest}  {secret}\n")
    assert check(READERS["fma"], Source(folder)).n_compared == 0


def test_a_published_archive_is_compared_where_it_lies_in_the_folder(tmp_path):
    folder = trees.gtzan(tmp_path)
    (folder / "genres.tar.gz").write_bytes(b"archive")
    found = said(check(READERS["gtzan"], Source(folder)))
    assert found["with another checksum than published"] == ("genres.tar.gz",)
    right = Checksum("genres.tar.gz", "md5", hashlib.md5(b"archive").hexdigest(), 7)
    reader = replace(READERS["gtzan"], archives=(right,))
    whole = check(reader, Source(folder))
    assert whole.n_compared == 1
    assert "with another checksum than published" not in said(whole)
    (folder / "genres.tar.gz").write_bytes(b"archives")
    assert said(check(reader, Source(folder), hashes=False))["of another size than published"] == (
        "genres.tar.gz",
    )


def test_the_commands_say_what_a_copy_is_and_what_it_lacks(musqa, tmp_path):
    folder = trees.fma(tmp_path / "data")
    added = musqa("catalog", "add", str(folder), "--name", "f")
    assert added.exit_code == 0, added.output
    assert "catalog f: 2 files in" in added.output
    assert "read as FMA: a dataset for music analysis, by its layout; --reader fol" in added.output
    assert "1 files missing: fma_medium/000/000005.mp3" in added.output
    checked = musqa("catalog", "check", "f", "--all")
    assert checked.exit_code == 1
    assert "2 files compared with published checksums or sizes" in checked.output
    assert "1 files missing:\n  fma_medium/000/000005.mp3" in checked.output
    trees.tone(folder / "fma_medium" / "000" / "000005.mp3")
    whole = musqa("catalog", "check", "f", "--json")
    assert whole.exit_code == 0
    assert json.loads(whole.output)["whole"] is True


def test_a_plain_folder_has_nothing_to_compare_with_and_is_whole(musqa, tmp_path):
    trees.tone(tmp_path / "music" / "a.wav")
    musqa("catalog", "add", str(tmp_path / "music"))
    checked = musqa("catalog", "check", "music")
    assert checked.exit_code == 0
    assert "0 files compared" in checked.output


def test_the_readers_are_listed_and_told(musqa):
    rows = [json.loads(line) for line in musqa("catalog", "readers", "--json").output.splitlines()]
    assert [row["reader"] for row in rows] == list(READERS)
    told = musqa("catalog", "readers", "musdb18").output
    assert "doi:10.5281/zenodo.1117372" in told
    assert "licence: for education and research" in told
    assert "musqa catalog readers NAME" in musqa("catalog", "readers").output


def test_ratings_of_pmqd_are_written_once(musqa, tmp_path):
    folder = trees.pmqd(tmp_path / "data")
    out = tmp_path / "opinions.csv"
    assert "3 ratings in" in musqa("catalog", "opinions", str(folder), str(out)).output
    again = musqa("catalog", "opinions", str(folder), str(out))
    assert "opinions.csv exists already; name another file" in str(again.exception)
