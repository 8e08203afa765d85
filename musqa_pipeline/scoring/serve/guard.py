"""What stands before every request: whose names it may carry, and what answers always say.

The server has no login. What keeps a page of the web from using it through the user's browser is
that the Host header must be an address or a known name (a rebound DNS name is neither), that
requests from other origins are refused, and that no answer allows another origin to read it.
"""

from __future__ import annotations

from collections.abc import Collection
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from musqa_pipeline.scoring.serve.problems import ProblemError, refusal
from musqa_pipeline.scoring.serve.settings import LOOPBACK_NAMES, as_address

CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "media-src blob:",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)
HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}


class Guard:
    """Refuses requests that another site sends, and adds the headers of `HEADERS`.

    The Host header may be an address, localhost or one of `allowed_hosts`.
    """

    def __init__(self, app: ASGIApp, allowed_hosts: Collection[str] = ()) -> None:
        self._app = app
        self._names = {name.lower() for name in (*LOOPBACK_NAMES, *allowed_hosts)}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or pass it on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers[name] = value
            await send(message)

        try:
            self._check(Headers(scope=scope), scope["method"])
        except ProblemError as problem:
            # What follows may be another request than it seems.
            await refusal(problem)(scope, receive, send_guarded)
            return
        await self._app(scope, receive, send_guarded)

    def _check(self, headers: Headers, method: str) -> None:
        if "transfer-encoding" in headers and "content-length" in headers:
            raise ProblemError(
                400,
                "two_lengths",
                "the body is chunked and has a Content-Length; send one of them",
            )
        host = headers.get("host", "")
        name = _name_of(f"//{host}")
        if name is None or not (name in self._names or as_address(name)):
            raise ProblemError(
                421,
                "unknown_host",
                f"this server does not answer to the name {host[:100]!r}; use its address, or "
                "start it with --allow-host NAME",
            )
        origin = headers.get("origin")
        elsewhere = origin is not None and _place_of(origin) != host.lower()
        # A link from elsewhere may open the page; a script or a form may do nothing.
        opens = method == "GET" and headers.get("sec-fetch-mode") == "navigate"
        if elsewhere or (headers.get("sec-fetch-site") == "cross-site" and not opens):
            raise ProblemError(
                403, "other_origin", "pages of other sites may not use this server; open its own"
            )


def _name_of(url: str) -> str | None:
    try:
        parts = urlsplit(url)
        _ = parts.port  # raises if it is none
    except ValueError:
        return None
    return parts.hostname


def _place_of(origin: str) -> str | None:
    try:
        return urlsplit(origin).netloc.lower()
    except ValueError:
        return None
