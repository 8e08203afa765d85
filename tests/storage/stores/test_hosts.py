"""Hosts that share nothing but object storage: no home, no lake folder, no scratch."""

from __future__ import annotations

import os
import socket
import threading

import pytest

from musqa_pipeline.stages.engine.cluster.dask_cluster import DaskCluster
from musqa_pipeline.stages.engine.stage import run_stage
from musqa_pipeline.storage.stores.opening import _open_bucket
from tests.stages.engine.cluster.hosts import Hosts, refusal
from tests.storage.stores.conftest import SECRET
from tests.storage.stores.toy import N_UNITS, SQUARES, TOY, toy_context


def relay(host: str, target: tuple[str, int]) -> tuple[socket.socket, int]:
    """Pass what comes to a host's address on to the storage, which listens on loopback alone."""
    listener = socket.create_server((host, 0))

    def pump(source: socket.socket, sink: socket.socket) -> None:
        try:
            while block := source.recv(65_536):
                sink.sendall(block)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            source.close()
            sink.close()

    def serve() -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            server = socket.create_connection(target)
            for ends in ((client, server), (server, client)):
                threading.Thread(target=pump, args=ends, daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()
    return listener, listener.getsockname()[1]


@pytest.mark.long
def test_hosts_that_share_storage_alone_make_what_one_machine_makes(
    remote_home, storage, tmp_path, tmp_path_factory, monkeypatch
):
    if reason := refusal():
        pytest.skip(reason)
    monkeypatch.setenv("TEST_SLOW_S", "0.5")
    hosts = Hosts(tmp_path_factory.mktemp("hosts"))
    try:
        gate = f"{hosts.net}.1"
        listener, port = relay(gate, ("127.0.0.1", int(storage.endpoint.rpartition(":")[2])))
        monkeypatch.setenv("MUSQA_S3_ENDPOINT", f"http://{gate}:{port}")
        _open_bucket.cache_clear()
        for name in ("anna", "berta"):
            hosts.add(
                name,
                hidden=(tmp_path,),
                MUSQA_S3_ENDPOINT=os.environ["MUSQA_S3_ENDPOINT"],
                MUSQA_SCRATCH=str(hosts.folder / name / "scratch"),
                MUSQA_LEASE_S="4",
            )
        hosts.wait_for(2)
        context = toy_context(remote_home)
        report = run_stage(TOY, context, fanout=DaskCluster(hosts.address))
        assert report.made == N_UNITS
        made = context.lake.scan(TOY.partition(context), SQUARES.schema)
        assert made.column("square").to_pylist() == [n * n for n in range(N_UNITS)]
        here = toy_context(tmp_path / "disk")
        run_stage(TOY, here)
        partition = TOY.partition(context)
        for unit in here.lake.done(partition):
            remote = context.lake.store.read_bytes(partition.key(unit))
            assert remote == here.lake.path(partition, unit).read_bytes()
        assert SECRET not in hosts.log
        listener.close()
    finally:
        hosts.stop()
