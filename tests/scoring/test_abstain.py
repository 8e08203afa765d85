"""Reasons: sentences with the figure that decided."""

import pytest

from musqa_pipeline.scoring import abstain


@pytest.mark.parametrize(
    ("distance", "shown"),
    [(1.7, "1.70"), (1.0001, "1.01"), (1.7000001, "1.70"), (1.01, "1.01"), (12.0, "12.00")],
)
def test_a_distance_is_never_shown_within_the_limit(distance, shown):
    assert f"(distance {shown}, limit 1)" in abstain.unfamiliar_reason(distance)


def test_silence_short_and_speech_say_what_to_do():
    assert "check the polarity of one of them" in abstain.silence_reason(cancelled=True)
    assert "below -70 LUFS" in abstain.silence_reason(cancelled=False)
    assert abstain.short_reason(1.25) == "only 1.2 s of sound; the scorer needs 3 s, better 10"
    assert "(probability 0.91)" in abstain.speech_reason(0.912)
