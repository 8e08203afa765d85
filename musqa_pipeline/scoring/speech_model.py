"""Coefficients of the speech model: made by `benchmarks/fit_speech.py`."""

from __future__ import annotations

# Mean and spread of speech; weights of z and of its square.
MODEL: dict[str, tuple[float, float, float, float]] = {
    "syllabic_over_slow": (0.2238, 0.18436, -0.0091917, -0.13036),
    "syllabic_over_fast": (0.64082, 0.15297, 0.066178, -0.1671),
    "syllabic_depth": (-0.97871, 0.13616, 0.029325, -0.13348),
    "quiet_frames": (0.39578, 0.049744, -0.024642, -0.12309),
    "pauses": (0.20725, 0.062245, 0.054317, -0.11292),
    "short_pauses": (1.3559, 0.42899, 0.049603, -0.18069),
    "hiss_spread": (2.2941, 0.21748, -0.017295, -0.12276),
    "hiss_share": (0.046212, 0.03354, -0.0153, -0.10373),
    "flux_mean": (0.37097, 0.053841, 0.00050337, -0.047925),
    "flux_spread": (0.21548, 0.032232, 0.035245, -0.043961),
    "held_tones": (0.10575, 0.060345, -0.026789, -0.084135),
    "voiced_share": (0.61688, 0.11482, 0.029744, -0.025285),
    "pitch_glide": (-0.80213, 0.11968, 0.029602, -0.15799),
    "pitch_jumps": (0.23958, 0.18459, 0.0038975, 0.040226),
    "pitch_spread": (9.543, 6.1726, -0.032867, -0.08955),
}
BIAS = 4.4626
