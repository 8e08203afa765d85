"""What clusters go by: faults, carriers or songs; DCEC's, and k-means' of descriptive features."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl
from gan_tables import table
from kept_answers import tell
from numpy.typing import NDArray
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_mutual_info_score
from sklearn.metrics.cluster import contingency_matrix
from sklearn.preprocessing import StandardScaler

from musqa_pipeline.core.errors import StageError
from musqa_pipeline.core.seeds import derive_generator
from musqa_pipeline.learning.data.loader import iter_rows
from musqa_pipeline.learning.pretraining.dcec import clusters_of
from musqa_pipeline.stages.dataset.inputs import read_labelled_rows
from musqa_pipeline.stages.degradations.table import CARRIER
from musqa_pipeline.stages.engine.context import Context
from musqa_pipeline.stages.labels.heard import faults_of
from musqa_pipeline.stages.models.pretraining.bodies import body_of, pretraining_settings
from musqa_pipeline.stages.models.pretraining.stage import beginnings
from musqa_pipeline.stages.models.trials.networks import images_of
from musqa_pipeline.stages.spectrograms.features.rows import KEYS, read_rows
from musqa_pipeline.stages.spectrograms.features.table import FEATURE_COLUMNS

MODEL = "convmaxpool_dcec"
SOUGHT = ("strongest fault", "carrier", "recording")
Labels = NDArray[np.int64]


def chains(context: Context) -> pl.DataFrame:
    """Return the rows with an image that are whole chains, with what clusters may go by.

    Raises StageError if there is none.
    """
    labelled = read_labelled_rows(context).filter(pl.col("kind") == CARRIER)
    about = [(faults_of(params), params) for params in labelled["first_params"]]
    known = labelled.select(KEYS).with_columns(
        pl.Series("strongest fault", [max(faults, key=faults.__getitem__) for faults, _ in about]),
        carrier=labelled["first_params"].str.json_path_match("$.carrier"),
    )
    rows = read_rows(context).join(known, on=KEYS, how="inner")
    if rows.is_empty():
        raise StageError(
            "no chain of a carrier is in the dataset; run a preset with [degradations] n_carrier"
        )
    return rows


def print_clusters(context: Context) -> None:
    """Print purity and adjusted mutual information; last, DCEC's by fault less by recording."""
    if pretraining_settings(context.preset).transductive:
        raise StageError(
            "[pretraining] transductive = true: every body has heard all recordings, and clusters "
            "are asked for of others; set it to false"
        )
    rows, lines = chains(context), []
    for _, held, repetition in beginnings(context, {MODEL}):
        unmet = (pl.col("part") == "test") | pl.col("split_group").is_in(sorted(held))
        asked = rows.filter(unmet).sort(KEYS)
        if asked.height < 2:
            continue
        tell(f"clusters of {asked.height} chains of recordings that a body has not heard")
        body = body_of(context, MODEL, held=held, repetition=repetition)
        assert body
        assert body.folder
        images = images_of(context, MODEL, asked)
        found = pl.concat(
            pl.DataFrame(
                {"catalog": batch.catalogs, "degraded_id": batch.degraded_ids}
            ).with_columns(cluster=pl.Series(clusters_of(body.folder, batch.images.numpy())))
            for batch in iter_rows(images)
        )
        clusters = asked.join(found, on=KEYS, how="left", maintain_order="left")["cluster"]
        n_clusters = pretraining_settings(context.preset).recipe_of("dcec").n_clusters
        for name, numbers in (
            ("DCEC", clusters.to_numpy()),
            ("k-means of features", by_features(rows.filter(~unmet), asked, n_clusters)),
            ("chance", chance(asked, n_clusters)),
        ):
            lines += judged(name, numbers, asked)
    if not lines:
        raise StageError(f"no body of {MODEL} has chains that it has not heard; add recordings")
    every = pl.DataFrame(lines)
    print(f"{spread_table(every)}\n\nMeans ± SD over {every['body'].n_unique()} bodies.\n")
    ami = every.filter(clusters="DCEC").group_by("with").agg(pl.mean("ami"))
    by = dict(ami.iter_rows())
    print(f"{by['strongest fault'] - by['recording']:.3f}")


def by_features(heard: pl.DataFrame, asked: pl.DataFrame, n_clusters: int) -> Labels:
    """Cluster rows by k-means of descriptive features, centres from other recordings."""
    scale = StandardScaler().fit(_features(heard))
    kmeans = KMeans(n_clusters, n_init=20, random_state=0).fit(scale.transform(_features(heard)))
    clusters: Labels = kmeans.predict(scale.transform(_features(asked)))
    return clusters


def _features(rows: pl.DataFrame) -> NDArray[np.float64]:
    return rows.select(FEATURE_COLUMNS).fill_null(0.0).fill_nan(0.0).to_numpy()


def chance(asked: pl.DataFrame, n_clusters: int) -> Labels:
    """Give each row a cluster by lot."""
    rng = derive_generator("archive clusters", asked.height)
    return rng.integers(n_clusters, size=asked.height)


def judged(clusters: str, numbers: Labels, asked: pl.DataFrame) -> list[dict[str, object]]:
    """Hold clusters against each thing that they may go by."""
    body = "/".join(sorted(set(asked["split_group"])))
    return [
        {
            "body": body, "clusters": clusters, "with": sought, "n": asked.height,
            "purity": purity(numbers, asked[sought].to_list()),
            "ami": float(adjusted_mutual_info_score(asked[sought].to_list(), numbers)),
        }
        for sought in SOUGHT
    ]  # fmt: skip


def purity(numbers: Labels, classes: Sequence[str]) -> float:
    """Return the share of rows that are of their cluster's most frequent class."""
    counts = contingency_matrix(classes, numbers)
    return float(counts.max(axis=0).sum() / counts.sum())


def spread_table(every: pl.DataFrame) -> str:
    """Write means and deviations over bodies."""
    lines = []
    for (clusters,), own in every.group_by("clusters", maintain_order=True):
        line: dict[str, object] = {"clusters": clusters}
        for sought in SOUGHT:
            part = own.filter(pl.col("with") == sought)
            for name, head in (("purity", "purity"), ("ami", "AMI")):
                sd = part[name].std() or 0.0
                line[f"{head}, {sought}"] = f"{part[name].mean():.2f} ± {sd:.2f}"
        lines.append(line)
    return table(lines)
