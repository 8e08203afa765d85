"""`musqa serve`: a page and a JSON API around the scorer."""

from __future__ import annotations

from typing import Annotated

import typer

from musqa_pipeline.cli import output
from musqa_pipeline.cli.options import OtherModelOption, wrong_usage

HELP = """Serve a page where a file is dropped, scored and heard, and a JSON API.

It listens on this machine only unless told otherwise, keeps no file, and fetches nothing from
outside. The API is described at /api/docs.

Examples:

\b
  musqa serve
  curl -F file=@track.flac http://127.0.0.1:8000/api/v1/score
  curl --data-binary @track.flac -H 'Content-Type: audio/flac' \\
    http://127.0.0.1:8000/api/v1/score
"""


def serve(
    host: Annotated[str, typer.Option("--host", help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", help="Port; 0 takes any free one.")] = 8000,
    model: OtherModelOption = None,
    max_mb: Annotated[float, typer.Option("--max-mb", help="Largest file, in MB.")] = 200.0,
    max_minutes: Annotated[
        float, typer.Option("--max-minutes", help="Longest recording, in minutes.")
    ] = 30.0,
    timeout_s: Annotated[
        float, typer.Option("--timeout-s", help="Time for one recording, in seconds.")
    ] = 120.0,
    workers: Annotated[int, typer.Option("--workers", help="Processes that score.")] = 1,
    waiting: Annotated[
        int, typer.Option("--waiting", help="Requests that may wait; more are told to come again.")
    ] = 8,
    patience_s: Annotated[
        float, typer.Option("--patience-s", help="How far a client may be behind, in seconds.")
    ] = 30.0,
    min_kbps: Annotated[
        float, typer.Option("--min-kbps", help="Slowest rate that is served, in kbit/s.")
    ] = 128.0,
    max_connections: Annotated[
        int, typer.Option("--max-connections", help="Connections; above, the slowest is let go.")
    ] = 256,
    max_per_client: Annotated[
        int, typer.Option("--max-per-client", help="Connections of one address.")
    ] = 64,
    disk_mb: Annotated[
        float | None,
        typer.Option("--disk-mb", help="Room for files that come and go; ten of the largest."),
    ] = None,
    allow_host: Annotated[
        list[str] | None,
        typer.Option("--allow-host", metavar="NAME", help="Name by which it may be called, too."),
    ] = None,
) -> None:
    """Serve the page and the API; `HELP` says it to users."""
    from musqa_pipeline.scoring.serve.run import serve as run
    from musqa_pipeline.scoring.serve.settings import ServeSettings

    with wrong_usage():
        settings = ServeSettings(
            host=host,
            port=port,
            model=model,
            max_mb=max_mb,
            max_minutes=max_minutes,
            timeout_s=timeout_s,
            workers=workers,
            waiting=waiting,
            patience_s=patience_s,
            min_kbps=min_kbps,
            max_connections=max_connections,
            max_per_client=max_per_client,
            disk_mb=disk_mb,
            allowed_hosts=tuple(allow_host or ()),
        )
    run(settings, lambda line: output.say(line, err=True))
