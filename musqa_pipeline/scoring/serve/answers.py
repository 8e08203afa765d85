"""What the API answers, as types that its OpenAPI page describes."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field


class EventAnswer(BaseModel):
    """Something that was found at some place of a recording, and may be why it sounds bad."""

    kind: str = Field(description="Detector: band_edge, holes, pre_echo, clipping, click, …")
    start_s: float
    stop_s: float
    strength: float = Field(description="How strong it is, in `unit`.")
    unit: str = Field(description="Unit of `strength`: hz, db, fraction, count.")
    text: str = Field(description="One plain sentence.")
    details: dict[str, Any] = Field(description="More numbers, by name with its unit.")


class WindowAnswer(BaseModel):
    """The score of a window."""

    start_s: float
    stop_s: float
    mos: float | None = Field(description="Predicted MOS-LQO; null where the scorer abstains.")
    mos_low: float | None
    mos_high: float | None = Field(description="Ends of the 90 % interval.")
    abstained: str = Field(description="silence, short, speech, unfamiliar, or empty.")


class OriginAnswer(BaseModel):
    """Whether a recording was coded by a lossy codec before, and how that is known."""

    verdict: str = Field(
        description="genuine, possibly lossy, likely lossy; lossy file if its own codec is lossy."
    )
    codec: str = Field(description="From what, such as MP3 at 128 kbit/s; empty if unknown.")
    evidence: list[str] = Field(description="What was found, one plain sentence each.")


class AlternativeAnswer(BaseModel):
    """One of two answers that both fit."""

    mos: float
    probability: float = Field(description="Those of both sum to 1.")
    cause: str = Field(description="What it takes for granted: treble, damage, or empty for none.")


class RecordingScore(BaseModel):
    """The score of a recording."""

    mos: float | None = Field(
        description="Predicted ViSQOL MOS-LQO, 1 to about 4.73; null where the scorer abstains."
    )
    mos_low: float | None
    mos_high: float | None = Field(
        description="Ends of the calibrated 90 % interval; null for a model without calibration."
    )
    word: str = Field(description="What the number alone means; see /api/v1/words.")
    abstained: str = Field(description="Why there is no score, in one word; empty if there is one.")
    reason: str = Field(description="The same as a sentence, and what was found.")
    flags: list[str] = Field(description="What to know about the number, such as looped.")
    duration_s: float
    sample_rate_hz: int
    channels: int
    bandwidth_hz: float | None = Field(description="Upper edge of what there is to hear.")
    loudness_lufs: float | None = Field(description="Integrated loudness, ITU-R BS.1770-4.")
    true_peak_dbtp: float | None
    origin: OriginAnswer | None = Field(description="Null where it cannot be told.")
    cause: str = Field(description="The likeliest cause of a low score; empty if none was found.")
    windows: list[WindowAnswer]
    events: list[EventAnswer]
    model: str = Field(description="Name and version of the model.")
    words: str = Field(description="What the interval allows, such as good or better.")
    sentence: str = Field(description="What is heard, how much, and why; empty without a score.")
    alternatives: list[AlternativeAnswer] = Field(
        description="Two answers that both fit, the worse one first; else empty."
    )


class SpectrogramAnswer(BaseModel):
    """Levels over time and frequency."""

    columns: int
    rows: int
    seconds_per_column: float
    highest_hz: float = Field(description="Upper edge of the last row; the first begins at 0.")
    floor_db: float = Field(description="Level of the value 0; 255 is the loudest cell, 0 dB.")
    levels: str = Field(description="Base64 of columns x rows bytes, column by column.")


class ViewAnswer(BaseModel):
    """A part of a recording as a spectrogram; a sine at full scale has 0 dB."""

    duration_s: float = Field(description="Of the recording.")
    sample_rate_hz: int
    channels: int
    start_s: float
    stop_s: float = Field(description="Ends of what is shown, fitted to the recording.")
    low_hz: float
    high_hz: float
    scale: str = Field(description="Rows are equally high on it: linear, mel or log.")
    channel: str
    frame_s: float = Field(description="Length of the frames that were transformed.")
    columns: int
    rows: int
    lowest_db: float = Field(description="Level of the value 0, and of all that is softer.")
    step_db: float = Field(description="From a value to the next.")
    levels: str = Field(
        description="Base64 of columns x rows bytes, column by column, the lowest row first."
    )


class ScoreAnswer(BaseModel):
    """What POST /api/v1/score answers."""

    score: RecordingScore
    meaning: str = Field(description="The same as the score's `sentence`.")
    spectrogram: SpectrogramAnswer | None = Field(description="Only if it was asked for.")


class WordAnswer(BaseModel):
    """A word for a part of the scale."""

    name: str
    from_mos: float = Field(description="It stands for scores from here on, up to the next word.")
    meaning: str
    measured: str = Field(description="What lies at its lower border.")


class WordsAnswer(BaseModel):
    """The scale and its words."""

    lowest_mos: float
    highest_mos: float
    words: list[WordAnswer] = Field(description="From the top of the scale to its end.")


class ModelAnswer(BaseModel):
    """The model that scores."""

    name: str
    version: str
    digest: str = Field(description="blake2b of the file; scores of equal digests are comparable.")
    calibrated: bool = Field(description="Whether scores have intervals.")
    knows_distance: bool = Field(description="Whether it abstains on unfamiliar sound.")
    card: str = Field(description="The model card, Markdown.")


class LimitsAnswer(BaseModel):
    """What the server grants."""

    max_mb: float
    max_minutes: float
    timeout_s: float


class HealthAnswer(BaseModel):
    """That the server is alive."""

    status: str
    busy: int = Field(description="Recordings that are being scored or wait.")


class Problem(BaseModel):
    """Why a request was refused."""

    code: str = Field(description="One word for programs.")
    message: str = Field(description="A sentence for people: what is wrong and what to do.")


class ProblemAnswer(BaseModel):
    """What every refusal answers."""

    error: Problem
