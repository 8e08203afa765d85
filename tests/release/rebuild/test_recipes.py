"""A published set, its lake wiped, and back again from the references alone."""

import dataclasses
import json
import shutil

import numpy as np
import polars as pl
import pyarrow.parquet as pq
import pytest
import soundfile
from typer.testing import CliRunner

from musqa_pipeline.audio.degradations.builds import builds_here, differing_builds
from musqa_pipeline.audio.degradations.rebuild import degraded_audio
from musqa_pipeline.cli.recipe import app
from musqa_pipeline.core.errors import LakeError, StageError
from musqa_pipeline.release.rebuild.collect import collect_recipe, write_references
from musqa_pipeline.release.rebuild.file import HEAD_KEY, read_recipe, write_recipe
from musqa_pipeline.release.rebuild.references import find_references
from musqa_pipeline.release.rebuild.replay import DATASET_FILE, replay
from musqa_pipeline.release.rebuild.words import missing_references, other_encoders, verdict
from musqa_pipeline.stages.views.published_set import read_published_set
from tests.release.published_set import CATALOG, bitstreams, by_id

N_ROWS = 4 * 6 + 1


@pytest.fixture(scope="module")
def exported(published_set, tmp_path_factory):
    """The recipe file of the set, and the set's references."""
    folder = tmp_path_factory.mktemp("recipe")
    published = read_published_set(published_set.home, str(published_set.preset))
    write_recipe(collect_recipe(published), folder / "set.recipe")
    write_references(published, published.rows, folder / "references")
    return folder


@pytest.fixture
def recipe(exported):
    return read_recipe(exported / "set.recipe")


def some(recipe, n_references=1):
    """The recipe of its first references alone."""
    ids = recipe.rows["excerpt_id"].unique(maintain_order=True)[:n_references].to_list()
    rows = recipe.rows.filter(pl.col("excerpt_id").is_in(ids))
    return dataclasses.replace(recipe, rows=rows)


def rebuilt(out):
    """Bitstream and hash of every row in a folder that a replay wrote."""
    return {
        k: v for f in sorted(out.glob("*/*.parquet")) for k, v in by_id(pq.read_table(f)).items()
    }


def test_a_set_comes_back_from_its_tracks_bit_for_bit(published_set, recipe, tmp_path):
    moved = tmp_path / "elsewhere" / "deep"
    moved.mkdir(parents=True)
    for number, path in enumerate(sorted(published_set.music.glob("*.flac"))):
        shutil.copy(path, moved / f"{number} under another name.flac")
    (moved / "notes.mp3").write_text("no music")
    found = find_references(recipe.rows, [tmp_path / "elsewhere"])
    report = replay(recipe, found, tmp_path / "out")
    assert verdict(recipe, report, builds_here()) == []
    assert (report.rows, report.references, report.made) == (N_ROWS, 4, 4)
    assert set(recipe.rows["kind"]) == {"reference", "single", "cascade", "random"}
    assert "white_noise" in set(recipe.rows["last_name"])
    wanted = bitstreams(published_set.context)
    assert rebuilt(tmp_path / "out") == wanted
    dataset = pq.read_table(tmp_path / "out" / DATASET_FILE)
    context = published_set.context
    assert dataset.sort_by("degraded_id") == context.lake.read(
        context.joint_partition("dataset"), "dataset", dataset.column_names
    ).sort_by("degraded_id").replace_schema_metadata(None)


def test_references_with_tails_serve_as_well_as_tracks(published_set, exported, recipe, tmp_path):
    found = find_references(recipe.rows, [exported / "references"])
    assert {source.start_frame for source in found.sources.values()} == {None}
    one = some(recipe)
    report = replay(one, found, tmp_path / "out")
    assert report.rows == one.rows.height
    wanted = bitstreams(published_set.context)
    assert rebuilt(tmp_path / "out").items() <= wanted.items()
    file = next((tmp_path / "out" / CATALOG).glob("*.parquet"))
    heard = degraded_audio(pq.read_table(file).to_pylist())
    assert all(x.shape == (480_000,) and np.abs(x).max() > 0.01 for x in heard)


def test_a_replay_goes_on_where_it_was_ended(exported, recipe, tmp_path):
    found = find_references(recipe.rows, [exported / "references"])
    first = next(iter(some(recipe).rows.select("catalog", "excerpt_id").rows()))
    part = dataclasses.replace(found, sources={first: found.sources[first]})
    assert replay(some(recipe, 2), part, tmp_path).made == 1
    times = {path: path.stat().st_mtime_ns for path in tmp_path.glob("*/*.parquet")}
    assert len(times) == 1
    half = tmp_path / CATALOG / ".x.parquet.elsewhere-1.tmp"
    half.write_text("half")
    report = replay(some(recipe, 2), found, tmp_path)
    assert (report.references, report.made) == (2, 1)
    assert not half.exists()
    assert report.rows == some(recipe, 2).rows.height
    assert {path: path.stat().st_mtime_ns for path in times} == times


def test_the_same_set_gives_the_same_recipe(published_set, exported, tmp_path):
    again = read_published_set(published_set.home, str(published_set.preset))
    write_recipe(collect_recipe(again), tmp_path / "again")
    assert (tmp_path / "again").read_bytes() == (exported / "set.recipe").read_bytes()


def test_an_encoder_of_another_version_is_named_with_its_rows(recipe):
    assert other_encoders(recipe) == []
    name = "ffmpeg 6.1 libopus"
    other = pl.when(pl.col("last_name") == "opus").then(pl.lit(name)).otherwise("encoder")
    changed = dataclasses.replace(recipe, rows=recipe.rows.with_columns(encoder=other))
    (sentence,) = other_encoders(changed)
    here = builds_here()["ffmpeg"]
    opus = recipe.rows.filter(pl.col("last_name") == "opus")
    n_alone = opus.filter(pl.col("depth") == 1).height
    assert sentence.startswith(f"{opus.height} rows ({n_alone} of opus")
    assert sentence.endswith(f"need ffmpeg 6.1 libopus, here is ffmpeg {here}")


def test_a_row_that_comes_out_otherwise_is_named_and_not_written(exported, recipe, tmp_path):
    one = some(recipe)
    is_mp3 = pl.col("process") == "9"
    hashes = {"bitstream_hash": pl.when(is_mp3).then(pl.lit("0" * 32)).otherwise("bitstream_hash"),
              "pcm_hash": pl.when(pl.col("process") == "33").then(pl.lit("1" * 32))
              .otherwise("pcm_hash")}  # fmt: skip
    builds = {**one.head.builds, "ffmpeg libavcodec": "59.1.100", "soxr": "0.0.1"}
    changed = dataclasses.replace(
        one, rows=one.rows.with_columns(**hashes), head=dataclasses.replace(one.head, builds=builds)
    )
    found = find_references(recipe.rows, [exported / "references"])
    report = replay(changed, found, tmp_path)
    assert report.rows == 0
    assert list(tmp_path.glob("*/*")) == []
    said = verdict(changed, report, builds_here())
    encoder = builds_here()["ffmpeg"]
    first = one.rows.filter(is_mp3)["degraded_id"][0]
    assert said[0] == (
        f"1 row of mp3: the encoder wrote other bytes (recipe: ffmpeg {encoder} libmp3lame); "
        f"first {first} of catalog {CATALOG}"
    )
    assert said[1].startswith("1 row of opus: the bytes are equal, but were decoded or levelled")
    assert "ffmpeg libavcodec 59.1.100 there, " in said[2]
    assert "soxr 0.0.1 there, " in said[2]


def test_a_reference_that_was_changed_is_named(published_set, recipe, tmp_path):
    shutil.copytree(published_set.music, tmp_path / "music")
    path = tmp_path / "music" / "piece 1.flac"
    samples, rate = soundfile.read(path, dtype="int16")
    samples[200_000, 0] += 1
    soundfile.write(path, samples, rate, subtype="PCM_16")
    found = find_references(recipe.rows, [tmp_path / "music"])
    (sentence,) = missing_references(recipe, found)
    row = recipe.rows.filter(pl.col("track_file") == "piece 1.flac")
    assert sentence == (
        f"piece 1.flac of catalog {CATALOG} (PCM hash {row['track_pcm_hash'][0]}): "
        f"{row.height} rows"
    )


def test_the_commands_say_what_happened_and_end_with_its_code(
    published_set, exported, monkeypatch, tmp_path
):
    monkeypatch.setenv("MUSQA_HOME", str(published_set.home))
    run = CliRunner()
    file, folder = tmp_path / "set.recipe", tmp_path / "references"
    command = ["export", str(published_set.preset), str(file), "--references", str(folder)]
    done = run.invoke(app, command)
    assert f"{N_ROWS} rows of 4 references; 2 references in" in done.output.replace("\n", "")
    assert "kept back: 1 recordings, whose terms are CC-BY-ND-4.0" in done.output
    assert "kept back: 1 recordings, whose terms are unstated" in done.output
    assert file.read_bytes() == (exported / "set.recipe").read_bytes()
    again = [str(file), "--references", str(folder), "--out", str(tmp_path / "out")]
    refused = run.invoke(app, ["replay", *again])
    assert isinstance(refused.exception, StageError)
    assert "2 tracks are not among 2 audio files, by their samples" in str(refused.exception)
    assert not (tmp_path / "out").exists()
    accepted = ["--accept-terms", "GPL"]
    wrong = run.invoke(app, [*command, *accepted])
    assert "'CC-BY-4.0', 'CC-BY-ND-4.0', 'CC0-1.0', 'unstated'" in str(wrong.exception)


def test_a_recipe_of_another_format_is_refused(exported, tmp_path):
    table = pq.read_table(exported / "set.recipe")
    head = table.schema.metadata[HEAD_KEY].replace(b'"format": 1', b'"format": 9')
    pq.write_table(table.replace_schema_metadata({HEAD_KEY: head}), tmp_path / "new.recipe")
    with pytest.raises(LakeError, match="recipe format 9, this musqa reads 1; use the musqa that"):
        read_recipe(tmp_path / "new.recipe")
    pq.write_table(table.replace_schema_metadata({}), tmp_path / "no.recipe")
    with pytest.raises(LakeError, match="is no recipe of musqa; export it again"):
        read_recipe(tmp_path / "no.recipe")
    (tmp_path / "bad.recipe").write_bytes((exported / "set.recipe").read_bytes()[:5000])
    with pytest.raises(LakeError, match="cannot be read as a recipe"):
        read_recipe(tmp_path / "bad.recipe")
    with pytest.raises(LakeError, match=r"cannot read .*gone\.recipe"):
        read_recipe(tmp_path / "gone.recipe")


def test_what_was_made_otherwise_than_now_gets_no_recipe(published_set):
    published = read_published_set(published_set.home, str(published_set.preset))
    with pytest.raises(StageError, match="made with other settings or versions of tools"):
        collect_recipe(dataclasses.replace(published, is_current=False))


def test_a_preset_without_a_set_is_said_to_have_none(published_set, tmp_path):
    with pytest.raises(StageError, match=r"preset demo has published no dataset .*there: small"):
        read_published_set(published_set.home, "demo")


def test_references_are_looked_for_in_folders(recipe, tmp_path):
    with pytest.raises(StageError, match="no such folder"):
        find_references(recipe.rows, [tmp_path / "nowhere"])


def test_builds_are_compared_by_name():
    here = builds_here()
    assert here["ffmpeg libavcodec"].count(".") == 2
    assert len(here["ffmpeg program"]) == 32
    assert differing_builds(here, here) == []
    other = {**here, "numpy": "1.0", "ffmpeg program": "0" * 32}
    assert differing_builds(other, here) == [
        f"numpy 1.0 there, {here['numpy']} here",
        f"ffmpeg program {'0' * 12} there, {here['ffmpeg program'][:12]} here",
    ]
    assert differing_builds({}, {"soxr": "1"}) == ["soxr absent there, 1 here"]


@pytest.mark.long
def test_the_command_makes_what_it_can_with_worker_processes(published_set, exported, tmp_path):
    folder = tmp_path / "references"
    shutil.copytree(exported / "references", folder)
    next(folder.glob("*/*.flac")).unlink()
    run, out = CliRunner(), tmp_path / "out"
    command = ["replay", str(exported / "set.recipe"), "--references", str(folder)]
    partial = run.invoke(app, [*command, "--out", str(out), "--partial"])
    assert "rows of 3 references, all equal to the recipe bit for bit" in partial.output
    assert "1 tracks are not among 3 audio files" in str(partial.exception)
    both = [*command, "--references", str(published_set.music), "--out", str(out), "--json"]
    whole = run.invoke(app, both)
    assert whole.exit_code == 0
    assert json.loads(whole.output.splitlines()[-1])["made"] == 1
    assert rebuilt(out) == bitstreams(published_set.context)
