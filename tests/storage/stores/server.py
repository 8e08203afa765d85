"""A server of Amazon's S3 protocol for tests: moto behind a strict front that can misbehave.

moto honours conditional puts; two at the same moment it does not keep apart, it verifies no
checksum, and it gives parts of an object without bytes. The front does as real storage does, and
plays the faults that a test asks for.
Run as a program: ``python server.py PID``; it prints its process id and port, and ends with PID.
"""

from __future__ import annotations

import base64
import hashlib
import io
import json
import logging
import os
import re
import socket
import struct
import sys
import threading
import time
from pathlib import Path

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import WSGIRequestHandler, make_server

CONTROL = "/__faults"


class Front:
    """A WSGI application around moto."""

    def __init__(self):
        self.storage = DomainDispatcherApplication(create_backend_app)
        self.turn = threading.Lock()
        self.rules = []

    def __call__(self, environ, start_response):
        length = int(environ.get("CONTENT_LENGTH") or 0)
        path = environ["PATH_INFO"]
        if path == CONTROL:
            return self.control(environ, start_response, environ["wsgi.input"].read(length))
        fault = self.next_fault(environ["REQUEST_METHOD"], f"{path}?{environ['QUERY_STRING']}")
        if fault == "reset_upload":  # the body breaks off half-way
            environ["wsgi.input"].read(length // 2)
            return cut(environ)
        body = environ["wsgi.input"].read(length)
        if fault == "slow":
            time.sleep(1.5)
        if fault == "error":
            return refuse(start_response, "503 Slow Down", "SlowDown")
        if fault == "denied":
            return refuse(start_response, "403 Forbidden", "InvalidAccessKeyId")
        if fault == "corrupt_upload":
            body = bytes([body[0] ^ 1]) + body[1:]
        if len(body) < length:
            return refuse(start_response, "400 Bad Request", "IncompleteBody")
        wanted = environ.get("HTTP_CONTENT_MD5")
        if wanted and base64.b64encode(hashlib.md5(body).digest()).decode() != wanted:
            return refuse(start_response, "400 Bad Request", "BadDigest")
        environ["wsgi.input"] = io.BytesIO(body)
        answer = []

        def keep(status, headers, exc_info=None):
            answer[:] = [status, headers]

        with self.turn:
            content = b"".join(self.storage(environ, keep))
        if "HTTP_RANGE" in environ and not content and answer[0].startswith("2"):
            return refuse(start_response, "416 Range Not Satisfiable", "InvalidRange")
        if fault == "lost_answer":
            return cut(environ)
        if fault == "corrupt_download":
            content = bytes([content[0] ^ 1]) + content[1:]
        start_response(*answer)
        if fault == "reset_download":
            return halved(environ, content)
        return [content]

    def next_fault(self, method, target):
        """Return the fault that this request meets, and count it."""
        with self.turn:
            for rule in self.rules:
                if method in rule["methods"] and re.search(rule["match"], target):
                    if rule["skip"] > 0:
                        rule["skip"] -= 1
                    elif rule["times"] > rule["fired"]:
                        rule["fired"] += 1
                        return rule["kind"]
        return None

    def control(self, environ, start_response, body):
        """Set the rules, or tell how often each fired."""
        with self.turn:
            if environ["REQUEST_METHOD"] == "POST":
                self.rules = json.loads(body)
            content = json.dumps(self.rules).encode()
        start_response("200 OK", [("Content-Length", str(len(content)))])
        return [content]


def refuse(start_response, status, code):
    content = f"<Error><Code>{code}</Code><Message>key AKIDSECRET</Message></Error>".encode()
    start_response(status, [("Content-Length", str(len(content)))])
    return [content]


def cut(environ):
    """Reset the connection, as a router or a dying server does."""
    connection = environ["werkzeug.socket"]
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.shutdown(socket.SHUT_RDWR)
    raise ConnectionResetError


def halved(environ, content):
    yield content[: len(content) // 2]
    cut(environ)


class Handler(WSGIRequestHandler):
    """Keeps connections open, and logs nothing."""

    protocol_version = "HTTP/1.1"

    def log(self, type, message, *args):
        pass


def end_with(pid):
    """End this process when another one is gone."""
    while Path(f"/proc/{pid}").exists():
        time.sleep(1)
    os._exit(0)


if __name__ == "__main__":
    if os.fork():  # no child of pytest's: other tests count its children
        os._exit(0)
    logging.disable(logging.CRITICAL)
    server = make_server("127.0.0.1", 0, Front(), threaded=True, request_handler=Handler)
    threading.Thread(target=end_with, args=(int(sys.argv[1]),), daemon=True).start()
    print(os.getpid(), server.server_port, flush=True)
    server.serve_forever()
