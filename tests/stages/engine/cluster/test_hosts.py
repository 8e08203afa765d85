"""Fan-out over several hosts: they share the lake, not a home; those that differ are refused."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from musqa_pipeline.audio.degradations.builds import builds_here
from musqa_pipeline.core.errors import StageError
from musqa_pipeline.core.workers.interface import Needs
from musqa_pipeline.stages.engine.cluster.dask_cluster import DaskCluster
from musqa_pipeline.stages.engine.cluster.sites import objection, this_site
from musqa_pipeline.stages.engine.stage import run_stage
from tests.stages.engine.cluster.hosts import Hosts, refusal
from tests.stages.engine.toy_stage import SQUARES, TOY, toy_context

ENCODING = replace(TOY, tools=("numpy", "imageio-ffmpeg"))
NUMBERS = " ".join(str(n) for n in range(21, 51))
OTHER = """#!/bin/sh
echo "ffmpeg version {version} Copyright (c) the developers"
echo "libavcodec     61. 19.101 / 61. 19.101"
"""


def other_ffmpeg(folder: Path, version: str) -> str:
    """Write a program that says to be another build of ffmpeg."""
    path = folder / f"ffmpeg-{version}"
    path.write_text(OTHER.format(version=version))
    path.chmod(0o755)
    return str(path)


@pytest.fixture
def ffmpeg_is(monkeypatch):
    from musqa_pipeline.audio.degradations.ffmpeg import ffmpeg_version

    def forget():
        for cached in (ffmpeg_version, builds_here, objection):
            cached.cache_clear()

    def use(path):
        monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", path)
        forget()

    yield use
    monkeypatch.delenv("IMAGEIO_FFMPEG_EXE", raising=False)
    forget()


def test_a_machine_without_ffmpeg_or_with_another_build_objects(ffmpeg_is, tmp_path):
    site = this_site(Needs(("imageio-ffmpeg",)))
    assert objection(site) == ""
    version = dict(site.versions)["ffmpeg"]
    ffmpeg_is(str(tmp_path / "nowhere"))
    assert "ffmpeg cannot be run" in objection(site)
    assert objection(site).endswith("then restart the worker")
    ffmpeg_is(other_ffmpeg(tmp_path, "4.0"))
    assert f"ffmpeg is 4.0 there and {version} here" in objection(site)
    ffmpeg_is(other_ffmpeg(tmp_path, version))  # the same version, another program
    assert objection(site).startswith("ffmpeg's program is ")
    assert objection(site).endswith("install the same versions there and restart the worker")


@pytest.fixture
def hosts(tmp_path_factory):
    reason = refusal()
    if reason:
        pytest.skip(reason)
    found = Hosts(tmp_path_factory.mktemp("hosts"))
    yield found
    found.stop()


def files_of(home):
    lake = home / "lake"
    return {str(p.relative_to(lake)): p.read_bytes() for p in lake.rglob("u*.parquet")}


@pytest.mark.long
def test_two_hosts_without_a_shared_home_give_what_one_machine_gives(hosts, home, tmp_path):
    context, undisturbed = toy_context(home, NUMBERS), toy_context(tmp_path / "one", NUMBERS)
    (home / "slow").write_text("0.2")
    hosts.add("anna")
    hosts.add("berta")
    hosts.wait_for(2)
    run_stage(ENCODING, context, fanout=DaskCluster(hosts.address))
    run_stage(ENCODING, undisturbed)
    assert files_of(home) == files_of(undisturbed.home)
    made = context.lake.scan(TOY.partition(context), SQUARES.schema)
    assert made.num_rows == 30
    assert {"anna", "berta"} <= {p.name for p in hosts.folder.iterdir()}
    own = {name: [p.name for p in (hosts.folder / name).iterdir()] for name in ("anna", "berta")}
    assert all(own.values()), "a host wrote its scratch elsewhere"


@pytest.mark.long
@pytest.mark.parametrize(
    ("trouble", "sentence"),
    [
        ("no ffmpeg", r"ffmpeg cannot be run .*correct or unset IMAGEIO_FFMPEG_EXE=/nowhere"),
        ("old ffmpeg", r"ffmpeg is 4\.0 there and .* here"),
        ("no lake", r"it does not see the lake; share the folder .* under the same path"),
    ],
)
def test_a_host_that_cannot_do_the_same_is_refused_by_name(
    hosts, home, tmp_path, trouble, sentence
):
    context = toy_context(home, NUMBERS)
    hosts.add("anna")
    if trouble == "no lake":
        hosts.add("berta", hidden=(home,))
    else:
        away = trouble == "no ffmpeg"
        hosts.add(
            "berta",
            IMAGEIO_FFMPEG_EXE="/nowhere" if away else other_ffmpeg(tmp_path, "4.0"),
        )
    hosts.wait_for(2)
    with pytest.raises(StageError, match=r"the Dask worker .*cannot work for this run: ") as told:
        run_stage(ENCODING, context, fanout=DaskCluster(hosts.address))
    assert told.match(sentence)
    assert context.lake.done(TOY.partition(context)) == []
    assert f"tcp://{hosts.net}.3" in str(told.value), "it is named by its address"


@pytest.mark.long
@pytest.mark.parametrize("away_s", [5.0, None], ids=["for a while", "for good"])
def test_a_host_whose_cable_is_pulled_costs_no_unit(hosts, home, tmp_path, away_s):
    context, undisturbed = toy_context(home, NUMBERS), toy_context(tmp_path / "one", NUMBERS)
    (home / "slow").write_text("1.0")
    hosts.add("anna")
    hosts.add("berta")
    hosts.wait_for(2)
    errors = []

    def run():
        try:
            run_stage(ENCODING, context, fanout=DaskCluster(hosts.address))
        except Exception as error:
            errors.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    deadline = time.monotonic() + 120
    while len(context.lake.done(TOY.partition(context))) < 3 and time.monotonic() < deadline:
        time.sleep(0.1)
    hosts.pull("berta")
    assert hosts.state("berta") == "DOWN"
    assert 3 <= len(context.lake.done(TOY.partition(context))) < 30
    if away_s is not None:
        time.sleep(away_s)
        hosts.plug("berta")
    thread.join(timeout=400)
    assert not thread.is_alive()
    assert errors == []
    run_stage(ENCODING, undisturbed)
    assert files_of(home) == files_of(undisturbed.home)
