"""A test that nobody has heard, and listeners who rate it, with faults on demand."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np

RECORDINGS = [f"song{i}" for i in range(7)]
CONDITIONS = ("reference", "process_3", "process_17", "process_29", "anchor_3500", "anchor_7000")
REPEATED = "song2"
QUALITY = {
    "reference": 99.0,
    "process_3": 88.0,
    "process_17": 70.0,
    "process_29": 45.0,
    "anchor_3500": 22.0,
    "anchor_7000": 50.0,
}
"""What a condition deserves, before what a song adds."""


def key_rows():
    """Rows of a key: a practice page, seven songs, one of them twice."""
    pages = [("training", "practice", 1), *((f"page{i}", s, 1) for i, s in enumerate(RECORDINGS))]
    pages.append(("page7", REPEATED, 2))
    return [
        {
            "trial": trial,
            "stimulus": "reference" if condition == "reference" else f"{recording}-{condition}-{n}",
            "excerpt": f"{recording}-{condition}.wav",
            "recording": recording,
            "condition": condition,
            "presentation": n,
            "training": "yes" if trial == "training" else "",
        }
        for trial, recording, n in pages
        for condition in CONDITIONS
    ]


def deserved(recording, condition):
    """The quality that listeners agree on, 0-100."""
    if condition == "reference":
        return QUALITY[condition]
    song = RECORDINGS.index(recording) if recording in RECORDINGS else 0
    return QUALITY[condition] + 4.0 * np.sin(song)


def clean_scores(rng, key):
    """Scores of an attentive listener, by trial and stimulus, in whole points."""
    bias = rng.normal(0, 4)
    scores = {}
    for row in key:
        score = deserved(row["recording"], row["condition"])
        if row["condition"] == "reference":
            score = 100.0 if rng.random() < 0.8 else rng.uniform(90, 99)
        else:
            score = np.clip(score + bias + rng.normal(0, 5), 0, 99)
        scores[row["trial"], row["stimulus"]] = float(np.rint(score))
    return scores


def scored_pages(key):
    return sorted({row["trial"] for row in key if not row["training"]})


def set_condition(scores, key, condition, value, n_pages=None):
    """Overwrite the scores of a condition, on some pages or on all."""
    pages = scored_pages(key)[:n_pages]
    for row in key:
        if row["condition"] == condition and row["trial"] in pages:
            scores[row["trial"], row["stimulus"]] = value


def plant(fault, scores, key):
    """Plant one fault in the scores of a clean listener; returns the answer on headphones."""
    if fault == "headphones":
        return "no"
    if fault == "all_top":
        for where in scores:
            scores[where] = 100.0
    elif fault == "reference_mid_scale":
        set_condition(scores, key, "reference", 52.0, 3)
    elif fault == "anchor_top":
        set_condition(scores, key, "anchor_3500", 100.0, 2)
    elif fault == "anchor_above_reference":
        set_condition(scores, key, "reference", 75.0, 2)
        set_condition(scores, key, "anchor_3500", 80.0, 2)
        set_condition(scores, key, "anchor_7000", 78.0, 2)
    elif fault == "anchor_above_mid_anchor":
        set_condition(scores, key, "anchor_3500", 85.0, 2)
        set_condition(scores, key, "anchor_7000", 45.0, 2)
    elif fault == "repeats":
        scores["page2", f"{REPEATED}-process_17-1"] = 90.0
        scores["page7", f"{REPEATED}-process_17-2"] = 39.0
    return "yes"


def write_key(path: Path):
    rows = key_rows()
    with path.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


def write_results(path: Path, faults, *, uuid=True, seed=0):
    """Write what webMUSHRA's service appends to mushra.csv, a session for each fault or None."""
    key = key_rows()
    header = ["session_test_id", "listener", "headphones"] + ["session_uuid"] * uuid
    header += ["trial_id", "rating_stimulus", "rating_score", "rating_time", "rating_comment"]
    with path.open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(header)
        for i, fault in enumerate(faults):
            scores = clean_scores(np.random.default_rng([seed, i]), key)
            headphones = plant(fault, scores, key) if fault else "yes"
            who = ["musqa", f"listener {i}", headphones] + [f"uuid-{i}"] * uuid
            for (trial, stimulus), score in scores.items():
                writer.writerow([*who, trial, stimulus, f"{score:.0f}", 61_000, ""])
    return path
