"""What the API is asked beside a recording, as a type that its OpenAPI page describes."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from musqa_pipeline.core.errors import SettingsError
from musqa_pipeline.scoring.picture.view import (
    DEFAULT_FRAME_S,
    LONGEST_FRAME_S,
    MOST_COLUMNS,
    MOST_ROWS,
    SHORTEST_FRAME_S,
    Scale,
    View,
)
from musqa_pipeline.scoring.serve.problems import ProblemError


class ViewQuery(BaseModel):
    """What part of a recording is wanted as a spectrogram."""

    model_config = ConfigDict(allow_inf_nan=False)

    start_s: float = Field(0.0, ge=0)
    stop_s: float | None = Field(None, description="The end of the recording.")
    low_hz: float = Field(0.0, ge=0)
    high_hz: float | None = Field(None, description="Half the sample rate.")
    scale: Scale = Field(Scale.linear, description="linear, mel or log.")
    channel: str = Field("mix", description="mix, left, right, mid, side, or a number from 1.")
    frame_s: float = Field(
        round(DEFAULT_FRAME_S, 5),
        ge=SHORTEST_FRAME_S,
        le=LONGEST_FRAME_S,
        description="About how long the frames are.",
    )
    columns: int = Field(1_200, ge=1, le=MOST_COLUMNS)
    rows: int = Field(400, ge=1, le=MOST_ROWS)

    def view(self) -> View:
        """Return what is asked for; raise ProblemError, a 422, if no recording has it."""
        try:
            return View(**self.model_dump())
        except SettingsError as error:
            raise ProblemError(422, "bad_parameter", str(error)) from error
