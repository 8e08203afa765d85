"""Reconstructions of made-up excerpts whose PSNR is known."""

from __future__ import annotations

import json
from typing import Any

import polars as pl

SETTLED = 200


def made_up_rows(
    psnr_db: dict[tuple[str, str], float], *, n_excerpts: int = 4, n_seeds: int = 2
) -> pl.DataFrame:
    """Make rows by loss and inputs; PSNR grows by 1 dB an excerpt, a seed and a way to stop."""
    rows = []
    for excerpt in range(n_excerpts):
        about = {
            "excerpt_id": f"e{excerpt}", "catalog": "c", "recording": f"r{excerpt // 2}",
            "part": "test", "whose": f"c/r{excerpt // 2}",
        }  # fmt: skip
        for seed in range(n_seeds):
            rows.append({**about, **_row("none", "nothing", seed, "untrained", 0, 5.0 + excerpt)})
            for (loss, inputs), value in psnr_db.items():
                stops = {"equal": 400, "settled": SETTLED, "best": 100, "last": 800}
                for number, (stop, step) in enumerate(stops.items()):
                    said = value + excerpt + seed + number
                    rows.append({**about, **_row(loss, inputs, seed, stop, step, said)})
    return pl.DataFrame(rows)


def _row(loss: str, inputs: str, seed: int, stop: str, step: int, psnr_db: float) -> dict[str, Any]:
    return {
        "training": "" if loss == "none" else f"{loss}-{inputs}-{seed}-0", "loss": loss,
        "inputs": inputs, "seed": seed, "stop": stop, "step": step, "psnr_db": psnr_db,
        "ms_ssim": 0.5, "nlpd": 1.0, "log_mel_mse": 10 ** (-psnr_db / 10),
        "used_bits_a_cell": 0.1, "visqol_mos": 2.0, "visqol_untouched_mos": 4.0,
    }  # fmt: skip


def made_up_training(loss: str, inputs: str, seed: int) -> dict[str, Any]:
    """Make a row of `autoencoders` with curves of four checkpoints."""
    psnr_db = [10.0 + seed, 12.0, 11.0, 9.0]
    return {
        "loss": loss, "inputs": inputs, "seed": seed, "steps": 800, "minutes": 3.0,
        "settled_step": SETTLED, "fixed_bits_a_cell": 0.58,
        "curves_json": json.dumps({"psnr_db_unmet": psnr_db, "nlpd_unmet": [1.0, 0.9, 0.8, 0.9]}),
    }  # fmt: skip
