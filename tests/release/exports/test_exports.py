"""A small published set in every format, read back by other means than it was written."""

import csv
import dataclasses
import hashlib
import io
import json
import re
import signal
import subprocess
import sys

import numpy as np
import polars as pl
import pyarrow.parquet as pq
import pytest
import soundfile
import typer
import webdataset
import yaml
from scipy.io import wavfile
from typer.testing import CliRunner

from musqa_pipeline.cli import export as export_command
from musqa_pipeline.core.csv_files import unguarded
from musqa_pipeline.core.errors import LakeError, StageError
from musqa_pipeline.core.workers import local
from musqa_pipeline.core.workers.interface import Inline
from musqa_pipeline.release.exports.formats import files_of, halvings, write_rows
from musqa_pipeline.release.exports.kinds import Format
from musqa_pipeline.release.exports.plan import EXPORTED, Options, Shard, plan_export
from musqa_pipeline.release.exports.run import CHECKSUMS_FILE, rebuilt_rows, write_export
from musqa_pipeline.stages.dataset.splits import PARTS
from musqa_pipeline.stages.views.published_set import read_published_set
from tests.release.published_set import CATALOG


@pytest.fixture(scope="module")
def published(published_set):
    return read_published_set(published_set.home, str(published_set.preset))


def exported(published, folder, format_, **options):
    """Write an export and return its report and the rows of its table."""
    plan = plan_export(published, Options(Format(format_), **options))
    report = write_export(published, plan, folder)
    with (folder / "metadata.csv").open(encoding="utf-8", newline="") as file:
        return report, list(csv.DictReader(file))


@pytest.fixture(scope="module")
def waves(published, tmp_path_factory):
    """All rows as WAV, with references."""
    folder = tmp_path_factory.mktemp("waves")
    report, rows = exported(published, folder, "wav", with_references=True)
    return folder, report, rows


def test_every_row_that_may_be_passed_on_is_a_float_file_equal_to_what_was_labelled(waves):
    folder, report, rows = waves
    assert (report.rows, len(rows)) == (len(rows), report.rows)
    assert {row["terms"] for row in rows} == {"CC-BY-4.0", "CC0-1.0"}
    for row in rows:
        rate, samples = wavfile.read(folder / row["file_name"])
        assert (rate, samples.dtype, samples.shape) == (48_000, np.float32, (480_000,))
        found = hashlib.blake2b(samples.astype("<f4").tobytes(), digest_size=16).hexdigest()
        assert found == row["pcm_hash"]
        assert row["file_name"].startswith(f"{row['split']}/")
        assert float(row["file_gain_db"]) == 0.0


def test_references_are_the_untouched_ten_seconds(waves, published):
    folder, _, rows = waves
    files = sorted((folder / "references").iterdir())
    assert {path.stem for path in files} == {row["reference_key"] for row in rows}
    context = published.context
    for path in files:
        samples, _ = soundfile.read(path, dtype="int16")
        excerpt_id = path.stem.partition("--")[2]
        unit = context.lake.read(context.partition("excerpts", CATALOG), excerpt_id, ["flac"])
        wanted, _ = soundfile.read(io.BytesIO(unit["flac"][0].as_py()), dtype="int16")
        np.testing.assert_array_equal(samples, wanted[:480_000])


def test_what_may_not_be_passed_on_is_named_and_has_no_audio(waves, published):
    folder, report, rows = waves
    with (folder / "without_audio.csv").open(newline="") as file:
        kept = list(csv.DictReader(file))
    assert {row["terms"] for row in kept} == {"CC-BY-ND-4.0", "unstated"}
    assert report.without_audio == len(kept) == published.rows.height - len(rows)
    assert not any(list(folder.rglob(f"{row['key']}.*")) for row in kept)
    card = (folder / "README.md").read_text()
    assert "| CC-BY-ND-4.0 | 1 | 6 |" in card or "| CC-BY-ND-4.0 | 1 | 7 |" in card
    assert "| unstated | 1 |" in card
    assert "Piece 2" not in card


def test_the_card_says_whose_it_is_and_how_it_was_made(waves, published):
    folder, report, rows = waves
    card = (folder / "README.md").read_text()
    _, head, body = card.split("---\n", 2)
    facts = yaml.safe_load(head)
    assert facts["license"] == ["cc-by-4.0", "cc0-1.0"]
    assert facts["size_categories"] == ["n<1K"]
    assert facts["task_categories"] == ["audio-classification"]
    assert "license_name" not in facts
    assert "configs" not in facts  # the Hub finds the splits of such files by their folders
    by_piece = sum(row["title"] == "Piece 0" for row in rows)
    assert f"| Piece 0 | Nobody 0 | CC-BY-4.0 | piece 0.flac | test | {by_piece} |" in body
    encoders = {row["encoder"] for row in rows}
    assert all(f"| `{encoder}` |" in body for encoder in encoders)
    assert f"`visqol-v3 3.8.1` ({published.rows.height} rows)" in body
    assert all(f"| `{column.name}` | " in body for column in EXPORTED.columns)
    total = re.search(r"\| all \| (\d+) \| (\d+) \| 4 \| 4 \|", body)
    assert (int(total[1]), int(total[2])) == (published.rows.height, report.rows)


def test_tags_are_text_in_the_card_and_no_formulas_in_the_tables(published, tmp_path):
    title, artist = '=1+1 <img src=x onerror="a()"> [b](http://c)', "-x | `y` \x1b[2J"
    hostile = published.rows.with_columns(title=pl.lit(title), artist=pl.lit(artist))
    changed = dataclasses.replace(published, rows=hostile)
    _, rows = exported(changed, tmp_path, "wav", splits=("test",), limit=1)
    card = (tmp_path / "README.md").read_text()
    assert "| =1+1 &lt;img src=x" in card
    assert r"\[b\](http://c) | -x \| \`y\` \\x1b\[2J | CC" in card
    assert "<img" not in card
    assert "\x1b" not in card
    assert "&lt;catalog&gt;--&lt;degraded_id&gt;; unique" in card
    assert [(row["title"], row["artist"]) for row in rows] == [(f"'{title}", f"'{artist}")]
    assert (unguarded(rows[0]["title"]), float(rows[0]["mos"]) > 1) == (title, True)
    yaml.safe_load(card.split("---\n")[1])


def test_a_folder_that_is_none_of_an_export_keeps_what_ends_in_tmp(published, tmp_path):
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / ".notes.tmp").write_text("dear")
    plan = plan_export(published, Options(Format.flac))
    with pytest.raises(StageError, match=r"holds other files \(deep\)"):
        write_export(published, plan, tmp_path)
    assert (tmp_path / "deep" / ".notes.tmp").read_text() == "dear"


def test_no_file_of_an_export_is_written_through_a_link(published, tmp_path):
    folder, elsewhere = tmp_path / "out", tmp_path / "elsewhere"
    elsewhere.mkdir()
    exported(published, folder, "flac", splits=("test",), limit=1)
    for path in (folder / "test").iterdir():
        path.unlink()
    (folder / "test").rmdir()
    (folder / "test").symlink_to(elsewhere)
    with pytest.raises(LakeError, match=r"test is a link that leads out of .*out; remove it"):
        exported(published, folder, "flac", splits=("test",), limit=1)
    assert list(elsewhere.iterdir()) == []


def test_checksums_are_those_of_all_files(waves):
    folder, report, _ = waves
    done = subprocess.run(
        ["sha256sum", "-c", CHECKSUMS_FILE], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0
    assert done.stdout.count(": OK") == report.files - 1
    assert "README.md: OK" in done.stdout


def test_an_export_goes_on_where_it_was_ended_and_gives_the_same_bytes(published, tmp_path):
    options = {"splits": ("test",), "limit": 2}
    exported(published, tmp_path / "a", "flac", **options)
    first = contents(tmp_path / "a")
    assert exported(published, tmp_path / "a", "flac", **options)[0].made == 0
    lost = next((tmp_path / "a" / "test").iterdir())
    lost.unlink()
    (tmp_path / "a" / "test" / f".{lost.name}.elsewhere-1.tmp").write_text("half")
    (tmp_path / "a" / "README.md").unlink()
    assert exported(published, tmp_path / "a", "flac", **options)[0].made == 1
    assert contents(tmp_path / "a") == first
    exported(published, tmp_path / "b", "flac", **options)
    assert contents(tmp_path / "b") == first


def contents(folder):
    """Every file below a folder."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_a_folder_of_another_export_or_of_anything_is_left_alone(waves, published, tmp_path):
    plan = plan_export(published, Options(Format.flac))
    with pytest.raises(StageError, match="holds another export: of another set, or with other opt"):
        write_export(published, plan, waves[0])
    (tmp_path / "letters.txt").write_text("dear")
    with pytest.raises(StageError, match=r"holds other files \(letters.txt\); name a new"):
        write_export(published, plan, tmp_path)
    assert (tmp_path / "letters.txt").read_text() == "dear"


def test_integer_files_of_loud_rows_say_how_to_bring_them_back(tmp_path):
    rng = np.random.default_rng(1)
    quiet_one = rng.uniform(-0.9, 0.9, 1000).astype(np.float32)
    loud = rng.uniform(-2.6, 2.6, 1000).astype(np.float32)
    shard = Shard("test-00000-of-00001", "test", [{"key": "a"}, {"key": "b"}])
    rows = list(zip(shard.rows, (quiet_one, loud), strict=True))
    gains = write_rows(Format.flac, tmp_path, shard, rows, {})
    assert gains == {"b": pytest.approx(12.041, abs=1e-3)}
    for (row, samples), gain_db, error in zip(
        rows, (0.0, gains["b"]), (2**-24, 2**-22), strict=True
    ):
        stored, _ = soundfile.read(tmp_path / "test" / f"{row['key']}.flac", dtype="float64")
        assert np.abs(stored).max() <= 1.0
        np.testing.assert_allclose(stored * 10 ** (gain_db / 20), samples, rtol=0, atol=error)
    write_rows(Format.wav, tmp_path, shard, rows, {})
    _, kept = wavfile.read(tmp_path / "test" / "b.wav")
    np.testing.assert_array_equal(kept, loud)


def test_a_sample_that_would_round_to_full_scale_is_halved():
    assert halvings(np.array([1 - 2**-23], np.float32)) == 0
    assert halvings(np.array([1.0], np.float32)) == 1
    assert halvings(np.zeros(3, np.float32)) == 0


def test_webdataset_reads_its_shards(published, tmp_path):
    _, rows = exported(published, tmp_path, "webdataset", splits=("test",), limit=3,
                       with_references=True)  # fmt: skip
    (shard,) = tmp_path.glob("*.tar")
    assert shard.name == "test-00000-of-00001.tar"
    samples = list(webdataset.WebDataset(str(shard), shardshuffle=False))
    assert [s["__key__"] for s in samples] == [r["key"] for r in sorted_like(samples, rows)]
    for sample in samples:
        said = json.loads(sample["json"])
        rate, heard = wavfile.read(io.BytesIO(sample["wav"]))
        assert rate == 48_000
        found = hashlib.blake2b(heard.astype("<f4").tobytes(), digest_size=16).hexdigest()
        assert found == said["pcm_hash"]
        reference, _ = soundfile.read(io.BytesIO(sample["reference.flac"]))
        assert reference.shape == (480_000,)
        assert set(said) == set(EXPORTED.schema.names)


def sorted_like(samples, rows):
    """The rows of the table in the order of the samples."""
    by_key = {row["key"]: row for row in rows}
    assert len(by_key) == len(samples)
    return [by_key[sample["__key__"]] for sample in samples]


def test_parquet_has_samples_as_numbers(published, tmp_path):
    exported(published, tmp_path, "parquet", splits=("test",), limit=2, with_references=True)
    (file,) = (tmp_path / "data").iterdir()
    table = pq.read_table(file)
    for row in table.to_pylist():
        samples = np.array(row["samples"], "<f4")
        assert hashlib.blake2b(samples.tobytes(), digest_size=16).hexdigest() == row["pcm_hash"]
    (beside,) = (tmp_path / "references").iterdir()
    references = pl.read_parquet(beside)
    assert set(references["reference_key"]) == set(table["reference_key"].to_pylist())
    assert references["samples"].list.len().unique().to_list() == [480_000]


@pytest.fixture(scope="module")
def hub(published, tmp_path_factory):
    """A folder for Hugging Face."""
    folder = tmp_path_factory.mktemp("hub")
    _, rows = exported(published, folder, "huggingface", limit=4, with_references=True)
    return folder, rows


def test_the_hubs_layout_names_its_audio_and_its_splits(hub):
    folder, rows = hub
    facts = yaml.safe_load((folder / "README.md").read_text().split("---\n")[1])
    default, references = facts["configs"]
    listed = [path for part in default["data_files"] for path in folder.glob(part["path"])]
    assert sorted(listed) == sorted((folder / "data").iterdir())
    there = {row["split"] for row in rows}
    assert [p["split"] for p in default["data_files"]] == [p for p in PARTS if p in there]
    assert references["config_name"] == "references"
    listed_beside = [p for part in references["data_files"] for p in folder.glob(part["path"])]
    assert sorted(listed_beside) == sorted((folder / "references").iterdir())
    table = pq.read_table(listed[0])
    features = json.loads(table.schema.metadata[b"huggingface"])["info"]["features"]
    assert features["audio"] == {"sampling_rate": 48_000, "_type": "Audio"}
    assert features["mos"] == {"dtype": "float64", "_type": "Value"}
    assert list(features) == table.column_names
    row = table.slice(0, 1).to_pylist()[0]
    assert row["audio"]["path"] == f"{row['key']}.wav"
    _, samples = wavfile.read(io.BytesIO(row["audio"]["bytes"]))
    found = hashlib.blake2b(samples.astype("<f4").tobytes(), digest_size=16).hexdigest()
    assert found == row["pcm_hash"]


def test_fewer_rows_are_some_of_more_and_every_row_is_in_one_shard(published):
    few = plan_export(published, Options(Format.parquet, limit=3))
    more = plan_export(published, Options(Format.parquet, limit=6))
    whole = plan_export(published, Options(Format.parquet))
    keys = [{row["key"] for shard in p.shards for row in shard.rows} for p in (few, more, whole)]
    assert keys[0] < keys[1] < keys[2]
    assert [len(k) for k in keys[:2]] == [3, 6]
    assert sum(len(shard.rows) for shard in whole.shards) == len(keys[2])
    assert len({few.mark, more.mark, whole.mark}) == 3


def test_terms_that_one_may_pass_on_are_taken_in(published):
    options = Options(Format.wav, accepted_terms=("CC-BY-ND-4.0", "unstated"))
    plan = plan_export(published, options)
    assert plan.rows["passed_on"].all()
    with pytest.raises(
        StageError, match=r"'CC-BY-SA': no recording of this set is under them; its"
    ):
        plan_export(published, Options(Format.wav, accepted_terms=("CC-BY-SA",)))


def test_an_export_without_audio_is_refused(published):
    closed = dataclasses.replace(
        published, rows=published.rows.with_columns(licence=pl.lit("CC-BY-NC-4.0"))
    )
    with pytest.raises(StageError, match=r"may be passed on as audio: their terms are 'CC-BY-NC-4"):
        plan_export(closed, Options(Format.wav))
    with pytest.raises(StageError, match="--split 'all': expected one of train, validation, test"):
        plan_export(published, Options(Format.wav, splits=("all",)))


def test_a_row_that_decodes_otherwise_is_not_exported(published):
    rows = published.rows.head(1).with_columns(pcm_hash=pl.lit("0" * 32)).to_dicts()
    with pytest.raises(StageError, match=r"comes out otherwise than it was labelled \(libsndfile"):
        rebuilt_rows(published.context, rows)


def test_a_file_in_the_way_is_an_error_of_one_sentence(published, tmp_path):
    (tmp_path / "file").write_text("")
    plan = plan_export(published, Options(Format.wav))
    with pytest.raises(LakeError, match=r"cannot lock .*file"):
        write_export(published, plan, tmp_path / "file")


def test_names_of_files_follow_the_format():
    shard = Shard("train-00000-of-00002", "train", [{"key": "k", "reference_key": "r"}])
    assert files_of(Format.wav, shard) == ["train/k.wav"]
    assert files_of(Format.flac, shard, of_references=True) == ["references/r.flac"]
    assert files_of(Format.webdataset, shard) == ["train-00000-of-00002.tar"]
    assert files_of(Format.huggingface, shard) == ["data/train-00000-of-00002.parquet"]


def test_other_terms_are_another_export(published):
    plan = plan_export(published, Options(Format.wav))
    closed = pl.when(pl.col("title") == "Piece 0").then(pl.lit("unknown")).otherwise("licence")
    changed = dataclasses.replace(published, rows=published.rows.with_columns(licence=closed))
    again = plan_export(changed, Options(Format.wav))
    assert again.mark != plan.mark
    assert again.rows["passed_on"].sum() < plan.rows["passed_on"].sum()


def test_the_command_says_what_it_wrote_and_what_it_kept_back(
    published_set, published, monkeypatch, tmp_path
):
    monkeypatch.setenv("MUSQA_HOME", str(published_set.home))
    monkeypatch.setattr(local, "LocalPool", Inline)
    app = typer.Typer()
    app.command()(export_command.export)
    command = [str(published_set.preset), "--out", str(tmp_path / "out"), "--limit", "1"]
    done = CliRunner().invoke(app, [*command, "--format", "flac"])
    assert done.exit_code == 0, done.exception
    said = done.output.replace("\n", " ")
    assert f"{tmp_path / 'out'}: 1 rows, 6 files, " in said
    kept = published.rows.filter(pl.col("licence") == "CC-BY-ND-4.0").height
    assert f"kept back: the audio of {kept} rows of 1 recordings, whose terms are CC-BY" in said
    assert [f.value for f in export_command.Format] == [f.value for f in Format]


KILLED = """
import os, signal, sys
from pathlib import Path
from musqa_pipeline.stages.views.published_set import read_published_set
from musqa_pipeline.release.exports.plan import Options, plan_export
from musqa_pipeline.release.exports.kinds import Format
from musqa_pipeline.release.exports.run import write_export
published = read_published_set(Path(sys.argv[1]), sys.argv[2])
plan = plan_export(published, Options(Format.flac, with_references=True))
left, move = int(sys.argv[4]), Path.replace
def move_or_die(path, target):
    global left
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    left -= 1
    return move(path, target)
Path.replace = move_or_die
write_export(published, plan, Path(sys.argv[3]))
"""


@pytest.mark.parametrize(
    "n_moved", [0, *(pytest.param(n, marks=pytest.mark.long) for n in (1, 7, 20))]
)
def test_an_export_that_was_killed_ends_with_the_bytes_of_one_that_was_not(
    published_set, published, tmp_path, n_moved
):
    folder = tmp_path / "killed"
    arguments = (published_set.home, published_set.preset, folder, n_moved)
    killed = subprocess.run([sys.executable, "-c", KILLED, *map(str, arguments)], check=False)
    assert killed.returncode == -signal.SIGKILL
    whole = [p for p in folder.rglob("*") if p.is_file() and not p.name.startswith(".")]
    assert len(whole) == n_moved
    assert not (folder / CHECKSUMS_FILE).exists()
    exported(published, folder, "flac", with_references=True)
    exported(published, tmp_path / "whole", "flac", with_references=True)
    assert contents(folder) == contents(tmp_path / "whole")


@pytest.mark.long
def test_the_package_datasets_loads_the_hubs_layout(hub):
    datasets = pytest.importorskip(
        "datasets", reason="the package datasets is not installed: only the layout is checked"
    )
    folder, rows = hub
    found = datasets.load_dataset(str(folder), "default")
    assert sum(part.num_rows for part in found.values()) == len(rows)
    by_key = {row["key"]: row for row in rows}
    for split, part in found.items():
        assert isinstance(part.features["audio"], datasets.Audio)
        for row in part.cast_column("audio", datasets.Audio(decode=False)):
            assert (split, row["terms"]) == (
                by_key[row["key"]]["split"],
                by_key[row["key"]]["terms"],
            )
            _, samples = wavfile.read(io.BytesIO(row["audio"]["bytes"]))
            assert samples.shape == (480_000,)
