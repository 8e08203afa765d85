"""What several networks of a preset came to, and which of their discriminators are asked."""

from __future__ import annotations

import numpy as np
from gan_evidence import Evidence, Floats, parts_of
from gan_tables import number, rated_cells, table

from musqa_pipeline.learning.gan.critic import critic_of_run
from musqa_pipeline.stages.engine.context import Context
from musqa_pipeline.stages.evaluation.gan.falls import ALL, falls_of
from musqa_pipeline.stages.gan_scores.read import read_trainings, read_versions
from musqa_pipeline.stages.segments.tracks import gan_settings
from musqa_pipeline.studies.statistics.ladders import null_share

CRITICS = {
    "last": "last",
    "average": "average of weights",
    "checkpoints": "mean over checkpoints",
}


def configurations_table(context: Context) -> str:
    """Hold all trained networks of a preset side by side, each asked in three ways.

    A network's null are untrained discriminators of its own size, on its own images.
    """
    trained = {one.row["network"] for one in read_trainings(context, read_versions(context))}
    lines = []
    for name in gan_settings(context.preset).networks:
        if name in trained:
            evidence = Evidence(context, name)
            for critic, words in CRITICS.items():
                lines.append(_line(evidence, words, scores_of(evidence, critic)))
    return table(lines)


def scores_of(evidence: Evidence, critic: str) -> Floats:
    """Let a kind of critic of each training score all versions, (trainings, versions)."""

    def make() -> dict[str, Floats]:
        images, genres = parts_of(evidence.images()), evidence.genres()
        asked = [
            critic_of_run(evidence.folder(one), critic).to(evidence.device)  # type: ignore[arg-type]
            for one in evidence.trainings
        ]
        return {"score": np.stack([one.score_images(images, genres) for one in asked])}

    about = [evidence.versions_digest, [one.row["training"] for one in evidence.trainings], critic]
    return evidence.kept("critics", about, make)["score"]


def _line(evidence: Evidence, critic: str, scores: Floats) -> dict[str, object]:
    rows = [one.row for one in evidence.trainings]
    found = falls_of(evidence.versions, scores)
    null = evidence.null_falls()[ALL]
    cells = rated_cells(evidence, scores)
    ratio = np.mean([row["frechet_untrained"] / row["frechet_last"] for row in rows])
    per_seed = [falls_of(evidence.versions, [score])[ALL].mean for score in scores]
    return {
        "network": evidence.network,
        "steps": rows[0]["steps"],
        "minutes": f"{sum(row['minutes'] for row in rows):.0f}",
        "Fréchet ratio": f"{ratio:.1f}",
        "D": critic,
        **{kind: number(of.mean, of.low, of.high) for kind, of in found.items()},
        "seeds": " ".join(number(mean) for mean in per_seed),
        "% of null": f"{100 * null_share(found[ALL].mean, null, len(rows), 'gan'):.0f}",
        "21 cells": number(cells.spearman, cells.low, cells.high),
    }
