"""The web application: the page, the JSON API and its description; nothing comes from outside."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from dataclasses import asdict
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any

from fastapi import FastAPI, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, JSONResponse, Response
from starlette.exceptions import HTTPException
from starlette.types import Receive, Scope, Send

from musqa_pipeline.core.fingerprints import tool_version
from musqa_pipeline.scoring.model_file import ModelFile
from musqa_pipeline.scoring.serve import answers
from musqa_pipeline.scoring.serve.desk import Desk
from musqa_pipeline.scoring.serve.guard import Guard
from musqa_pipeline.scoring.serve.problems import ProblemError, refusal
from musqa_pipeline.scoring.serve.questions import ViewQuery
from musqa_pipeline.scoring.serve.settings import ServeSettings
from musqa_pipeline.scoring.serve.upload import FIELD, FORM_BYTES, refuse_too_large, save_body
from musqa_pipeline.scoring.serve.work import preview_job, score_job, view_job
from musqa_pipeline.scoring.words import HIGHEST_MOS, LOWEST_MOS, WORDS

SCRIPTS = (
    "align", "axes", "colours", "compare", "controls", "docs", "gestures", "overlays", "page",
    "pair", "picture", "player", "recordings", "save", "scoring", "tiles", "verdict",
)  # fmt: skip
PAGES = {
    "/": ("page.html", "text/html; charset=utf-8"),
    "/page.css": ("page.css", "text/css; charset=utf-8"),
    "/api/docs": ("docs.html", "text/html; charset=utf-8"),
    **{f"/{name}.js": (f"{name}.js", "text/javascript; charset=utf-8") for name in SCRIPTS},
}
"""Files of this package that are served, by path."""
AUDIO_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "description": "An audio file: the bytes themselves, or a form.",
        "content": {
            "audio/*": {"schema": {"type": "string", "format": "binary"}},
            "application/octet-stream": {"schema": {"type": "string", "format": "binary"}},
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": [FIELD],
                    "properties": {FIELD: {"type": "string", "format": "binary"}},
                }
            },
        },
    }
}
PROBLEMS: dict[int | str, dict[str, Any]] = {
    status: {"model": answers.ProblemAnswer, "description": text}
    for status, text in {
        408: "It came too slowly.",
        413: "Too large, or too long.",
        415: "No audio that the server can read.",
        422: "Audio that cannot be scored, or a wrong parameter.",
        503: "Too many are waiting; try again.",
        504: "It took too long and was stopped.",
    }.items()
}


def create_app(settings: ServeSettings, model: ModelFile) -> FastAPI:
    """Build the application; its workers live as long as its lifespan.

    Clients are told of `model`; workers load their own from its path.
    """

    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        app.state.desk = desk = Desk(settings)
        try:
            yield
        finally:
            desk.close()

    app = FastAPI(
        title="musqa",
        version=tool_version("musqa-pipeline"),
        description="How good does this music sound, where is it bad, and why?",
        lifespan=lifespan,
        docs_url=None,  # FastAPI's own pages load scripts from a server on the web
        redoc_url=None,
        openapi_url="/api/openapi.json",
    )
    app.add_middleware(Guard, allowed_hosts=settings.allowed_hosts)
    _add_problems(app)
    _add_pages(app)
    _add_facts(app, settings, model)
    _add_scoring(app, settings, model.path)
    return app


def _add_problems(app: FastAPI) -> None:
    @app.exception_handler(ProblemError)
    async def refused(request: Request, problem: ProblemError) -> JSONResponse:
        return refusal(problem)  # what is left of the body is not read

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> JSONResponse:
        first = error.errors()[0]
        name = ".".join(map(str, first["loc"][1:]))
        problem = ProblemError(422, "bad_parameter", f"{name}: {first['msg']}")
        return JSONResponse(problem.body, problem.status)

    @app.exception_handler(HTTPException)
    async def other(request: Request, error: HTTPException) -> JSONResponse:
        text = f"{request.method} {request.url.path}: {error.detail}; see /api/docs"
        problem = ProblemError(error.status_code, "no_such_page", text)
        return JSONResponse(problem.body, problem.status)


def _add_pages(app: FastAPI) -> None:
    folder = files("musqa_pipeline.scoring.serve") / "web"
    for path, (name, media_type) in PAGES.items():
        content = (folder / name).read_bytes()

        async def page(
            request: Request, content: bytes = content, media_type: str = media_type
        ) -> Response:
            return Response(content, media_type=media_type)

        app.add_route(path, page, methods=["GET"])


def _add_facts(app: FastAPI, settings: ServeSettings, model: ModelFile) -> None:
    @app.get("/healthz", tags=["server"], summary="Whether the server is alive")
    async def healthz(request: Request) -> answers.HealthAnswer:
        desk: Desk = request.app.state.desk
        return answers.HealthAnswer(status="ok", busy=desk.n_admitted)

    @app.get("/api/v1/limits", tags=["server"], summary="What the server grants")
    async def limits() -> answers.LimitsAnswer:
        return answers.LimitsAnswer(
            max_mb=settings.max_mb, max_minutes=settings.max_minutes, timeout_s=settings.timeout_s
        )

    @app.get("/api/v1/model", tags=["scoring"], summary="The model, with its card")
    async def about_model() -> answers.ModelAnswer:
        return answers.ModelAnswer(
            name=model.name,
            version=model.version,
            digest=model.digest,
            calibrated=model.calibration is not None,
            knows_distance=model.knows_distance,
            card=model.card,
        )

    @app.get("/api/v1/words", tags=["scoring"], summary="What scores mean, in words")
    async def words() -> answers.WordsAnswer:
        return answers.WordsAnswer(
            lowest_mos=LOWEST_MOS,
            highest_mos=HIGHEST_MOS,
            words=[answers.WordAnswer(**asdict(word)) for word in WORDS],
        )


def _add_scoring(app: FastAPI, settings: ServeSettings, model: Path) -> None:
    @contextlib.asynccontextmanager
    async def recording(request: Request) -> AsyncIterator[Path]:
        """Take a recording whole, and only then a place among those that are worked on."""
        desk: Desk = request.app.state.desk
        desk.refuse_if_full()
        with desk.spool.folder() as folder:
            path = folder.path / "recording"
            kind = request.headers.get("content-type", "")
            told_bytes = int(request.headers.get("content-length", 0))
            refuse_too_large(told_bytes - FORM_BYTES, settings.max_bytes)
            await save_body(request.stream(), kind, path, settings.max_bytes, folder.take)
            with desk.admitted():
                yield path

    @app.post(
        "/api/v1/score",
        tags=["scoring"],
        summary="Score a recording",
        responses=PROBLEMS,
        openapi_extra=AUDIO_BODY,
    )
    async def score(
        request: Request,
        window_s: Annotated[
            float | None, Query(ge=3, le=10, description="Length of a window in seconds; 10.")
        ] = None,
        hop_s: Annotated[
            float | None, Query(ge=0.5, description="From one window to the next; its length.")
        ] = None,
        spectrogram: Annotated[bool, Query(description="Whether to add a spectrogram.")] = False,
    ) -> answers.ScoreAnswer:
        desk: Desk = request.app.state.desk
        async with recording(request) as path:
            asked = (settings.max_duration_s, model, window_s, hop_s, spectrogram)
            return answers.ScoreAnswer.model_validate(await desk.run(score_job, path, *asked))

    @app.post(
        "/api/v1/spectrogram",
        tags=["scoring"],
        summary="Look at a part of a recording",
        responses=PROBLEMS,
        openapi_extra=AUDIO_BODY,
    )
    async def spectrogram_of(
        request: Request, query: Annotated[ViewQuery, Query()]
    ) -> answers.ViewAnswer:
        desk: Desk = request.app.state.desk
        view = query.view()
        async with recording(request) as path:
            found = await desk.run(view_job, path, settings.max_duration_s, view)
            return answers.ViewAnswer(**found)

    @app.post(
        "/api/v1/preview",
        tags=["scoring"],
        summary="Turn a recording into a WAV that every browser plays",
        responses={**PROBLEMS, 200: {"content": {"audio/wav": {}}, "description": "16-bit WAV."}},
        response_class=FileResponse,
        openapi_extra=AUDIO_BODY,
    )
    async def preview(request: Request) -> FileResponse:
        desk: Desk = request.app.state.desk
        with contextlib.ExitStack() as stack:
            folder = stack.enter_context(desk.spool.folder())
            wav = folder.path / "preview.wav"
            async with recording(request) as path:
                await desk.run(preview_job, path, settings.max_duration_s, wav)
            folder.take(wav.stat().st_size)
            return _SentOnce(wav, stack.pop_all())


class _SentOnce(FileResponse):
    """A WAV whose folder is left, and so deleted, when it was sent or the client hung up."""

    def __init__(self, path: Path, stack: contextlib.ExitStack) -> None:
        super().__init__(path, media_type="audio/wav")
        self._stack = stack

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with self._stack:
            await super().__call__(scope, receive, send)
