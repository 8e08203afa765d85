"""What a client is told when there is no score: a status, a word and a sentence."""

from __future__ import annotations

from starlette.responses import JSONResponse

from musqa_pipeline.core.errors import UnfitInputError

RETRY_AFTER_S = 5
UNKNOWN_TYPE = ("unknown_format", "not_audio")
"""Reasons that say that the bytes are no audio that this server can read."""
NO_AUDIO = ("no known audio format", "the file holds no audio")
"""How the details of other reasons begin that say so, too."""


class ProblemError(Exception):
    """A request that is refused: an HTTP status, a word for programs, and a sentence for people.

    The sentence says what is wrong and what to do; `retry_after_s` is when to try again.
    """

    def __init__(
        self, status: int, code: str, message: str, retry_after_s: int | None = None
    ) -> None:
        super().__init__(status, code, message, retry_after_s)
        self.status, self.code, self.message = status, code, message
        self.retry_after_s = retry_after_s

    @property
    def headers(self) -> dict[str, str]:
        """Headers of the answer."""
        return {} if self.retry_after_s is None else {"Retry-After": str(self.retry_after_s)}

    @property
    def body(self) -> dict[str, dict[str, str]]:
        """Body of the answer."""
        return {"error": {"code": self.code, "message": self.message}}


def refusal(problem: ProblemError) -> JSONResponse:
    """Answer with a problem, and end the connection."""
    return JSONResponse(problem.body, problem.status, {**problem.headers, "Connection": "close"})


def unfit(error: UnfitInputError) -> ProblemError:
    """Say why a recording has no score: 415 if it is no audio, 413 if it is too long, else 422."""
    message = f"{error.detail}; {error.advice}"
    if error.detail.startswith(NO_AUDIO):
        return ProblemError(415, "not_audio", f"{error.detail}; send a recording")
    status = 415 if error.reason in UNKNOWN_TYPE else 413 if error.reason == "too_long" else 422
    return ProblemError(status, error.reason, message)
