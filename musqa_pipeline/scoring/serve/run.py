"""Starting the server, and what it says then."""

from __future__ import annotations

import logging
import resource
import socket
import threading
from collections.abc import Callable
from types import FrameType

import uvicorn
from fastapi import FastAPI

from musqa_pipeline.core.errors import SettingsError
from musqa_pipeline.scoring.model_file import load_model, resolve_model_path
from musqa_pipeline.scoring.serve.app import create_app
from musqa_pipeline.scoring.serve.connections import connection_kind
from musqa_pipeline.scoring.serve.desk import Desk
from musqa_pipeline.scoring.serve.settings import ServeSettings, as_address

GRACE_S = 3
TAKEN_AT_ONCE = 16
"""Connections, in one turn of the loop: all may speak before so many come that one has to go."""
OTHER_FILES = 256
"""Beside connections: files of requests, workers, and connections that are being let go."""
QUEUE = 1024
"""Connections that the kernel keeps until then; it has the next one wait for a second."""


def serve(settings: ServeSettings, say: Callable[[str], object]) -> None:
    """Serve until interrupted; `say` takes lines for the user.

    Raises
    ------
    ModelError
        If the model cannot be used.
    SettingsError
        If the address cannot be listened on, or the system allows too few open files.
    """
    _allow_files(settings.max_connections + OTHER_FILES)
    model = load_model(resolve_model_path(settings.model))
    listener = _listener(settings)
    port = listener.getsockname()[1]
    if not settings.is_loopback:
        say(
            f"warning: {settings.host} can be reached by other machines, and there is no password: "
            "whoever reaches it can have files scored; put a server with access control before it"
        )
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    say(f"musqa serves at http://{host}:{port}/ with {model.label}; stop it with Ctrl-C")
    logging.getLogger("python_multipart").setLevel(logging.ERROR)  # why, is said below
    app = create_app(settings, model)
    config = uvicorn.Config(
        app,
        # One parser and one loop, whatever else is installed; h11 bounds what it keeps of a head.
        http=connection_kind(settings),
        loop="asyncio",
        ws="none",
        backlog=TAKEN_AT_ONCE,
        log_level="error",  # below are faults of clients, which could fill a disk with them
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=GRACE_S,
    )
    with listener:
        _Server(config, app).run(sockets=[listener])


class _Server(uvicorn.Server):
    """A server that ends what is being scored when it is told to stop, and so ends at once."""

    def __init__(self, config: uvicorn.Config, app: FastAPI) -> None:
        super().__init__(config)
        self._app = app

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to take connections; asyncio gives the kernel the number that it takes at once."""
        await super().startup(sockets)
        for listener in sockets or ():
            listener.listen(QUEUE)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Note that it is to stop; in a thread, because dismissing workers takes a moment."""
        super().handle_exit(sig, frame)
        desk: Desk | None = getattr(self._app.state, "desk", None)
        if desk is not None:
            threading.Thread(target=desk.stop, name="musqa-stop").start()


def _allow_files(n_files: int) -> None:
    """Have the system allow so many open files: at its limit nobody is let in, for seconds."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if resource.RLIM_INFINITY != hard < n_files:
        raise SettingsError(
            f"--max-connections {n_files - OTHER_FILES} need {n_files} open files, and the system "
            f"allows {hard}; name fewer, or raise its limit"
        )
    if resource.RLIM_INFINITY != soft < n_files:
        resource.setrlimit(resource.RLIMIT_NOFILE, (n_files, hard))


def _listener(settings: ServeSettings) -> socket.socket:
    """Bind before anything else is started, so that a taken port is one sentence."""
    address = as_address(settings.host)
    family = socket.AF_INET6 if address is not None and address.version == 6 else socket.AF_INET
    listener = socket.socket(family)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((settings.host, settings.port))
        listener.listen()  # whoever comes before the first answer waits for it
    except OSError as error:
        listener.close()
        raise SettingsError(
            f"cannot listen on {settings.host} port {settings.port} "
            f"({error.strerror or error}); choose another --port or --host"
        ) from error
    return listener
