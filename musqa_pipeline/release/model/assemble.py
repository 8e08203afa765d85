"""From the trainings of a release to the folder that users get: model, card, numbers, pictures.

``MUSQA_HOME/releases/<name>-<version>/`` holds ``model.onnx``, ``MODEL_CARD.md``,
``calibration.json``, ``certificate.json``, ``accuracy.json``, ``gates.json``, ``promotion.json``,
``ATTRIBUTION.md`` and pictures; all of it but the model lies in ``<name>-<version>.refused/`` where
a gate is broken.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import torch

from musqa_pipeline.catalogs.demo_music.catalog import TrackPlan
from musqa_pipeline.catalogs.demo_music.styles import STYLES
from musqa_pipeline.core.errors import StageError
from musqa_pipeline.core.files import whole_file, write_whole
from musqa_pipeline.learning.data.loader import iter_rows
from musqa_pipeline.learning.device import find_device
from musqa_pipeline.learning.networks.musqa_net import MusqaNet
from musqa_pipeline.learning.predict import load_model
from musqa_pipeline.release.model.accuracy import accuracy_rows
from musqa_pipeline.release.model.against_shipped import hold_against
from musqa_pipeline.release.model.attribution import attribution_markdown, attribution_table
from musqa_pipeline.release.model.card import Facts, model_card
from musqa_pipeline.release.model.certificate import Piece, as_rows, certify, made_piece
from musqa_pipeline.release.model.consistency import make_sense
from musqa_pipeline.release.model.divisions import FINAL, OR_NONE
from musqa_pipeline.release.model.domain import Scale, read_domain
from musqa_pipeline.release.model.export import ScoringNetwork, checked_difference, write_model
from musqa_pipeline.release.model.gates import ANCHORS_HZ, broken_gates, judge
from musqa_pipeline.release.model.hub import HUB_CARD_FILE, LICENCE, hub_card
from musqa_pipeline.release.model.not_music import sounds_that_are_no_music
from musqa_pipeline.release.model.out_of_fold import calibrate, read_said
from musqa_pipeline.release.model.pictures import codecs_png, intervals_png, lowpass_png
from musqa_pipeline.release.model.singles import Predict, score_lowpasses
from musqa_pipeline.release.model.stage import (
    DOMAIN_FILE,
    TREES_FILE,
    list_units,
    read_release_rows,
    training_folder,
)
from musqa_pipeline.release.model.trees import read_trees
from musqa_pipeline.release.model.unusual_music import ask_unusual_music
from musqa_pipeline.scoring.model_file import SHIPPED, ModelFile
from musqa_pipeline.scoring.scorer import Scorer
from musqa_pipeline.stages.dataset.inputs import read_labelled_rows
from musqa_pipeline.stages.engine.context import Context
from musqa_pipeline.stages.models.trials.networks import images_of
from musqa_pipeline.stages.spectrograms.features.rows import KEYS

MODEL_FILE, CARD_FILE = "model.onnx", "MODEL_CARD.md"
CERTIFIED_SEED, CERTIFIED_S = 901, 15.0
"""Of the synthesised pieces of the certificate: no catalog of ours has this seed."""
N_CHECKED = 64
"""Stored images on which the file has to answer as torch does."""


def assemble_release(context: Context) -> Path:
    """Assemble the release of a preset; if that fails, an older one stays as it is.

    Raises StageError if the preset requires the gates and one is broken.
    """
    settings = context.preset.release
    key = f"releases/{settings.name}-{settings.version}"
    rows = read_release_rows(context)
    judged = calibrate(read_said(context, rows))
    scoring = _scoring_network(context, FINAL, judged.scale)
    record = {
        "name": settings.name,
        "version": settings.version,
        "network": settings.network,
        "calibration": judged.calibration,
        "domain": {"scale": asdict(judged.scale), "measures": ["cloud", "swing_db"]},
    }
    attribution = attribution_table(context, rows)
    with (
        context.lake.lock("releases"),
        tempfile.TemporaryDirectory(prefix="musqa-release-") as scratch,
    ):
        draft = Path(scratch) / MODEL_FILE
        write_model(scoring, {**record, "card": "", "accuracy": {}}, draft)
        difference = checked_difference(scoring, draft, _some_images(context, rows))
        accuracy = accuracy_rows(judged.said)
        labelled = read_labelled_rows(context)
        sense = make_sense(context, ModelFile(draft).quality, judged.said, labelled)
        invariance = as_rows(certify(draft, certified_pieces()))
        certificate: dict[str, Any] = {
            "invariance": invariance,
            "torch_and_onnxruntime": difference,
            "not_music": recognised(draft),
            "unusual_music": ask_unusual_music(draft),
            "sense": sense,
        }
        anchors = _anchors(context, judged.said, labelled)
        size = draft.stat().st_size
        gates = judge(judged.said, anchors, invariance, certificate["not_music"], size)
        against = hold_against(context, ModelFile(SHIPPED), judged.said)
        broken = broken_gates(gates) if settings.gates == "required" else ""
        facts = Facts(
            settings=settings,
            rows=rows,
            accuracy=accuracy,
            calibration=judged.calibration,
            coverage=judged.coverage,
            certificate=certificate,
            gates=gates,
            against=against,
            attribution=attribution_markdown(attribution),
            parameters=sum(p.numel() for p in scoring.parameters()),
            members=scoring.n_members(),
        )
        card = model_card(facts)
        final = {**record, "card": card, "accuracy": _headline(accuracy)}
        files: dict[str, bytes] = {
            CARD_FILE: card.encode(),
            "ATTRIBUTION.md": f"# Recordings\n\n{facts.attribution}\n".encode(),
            "calibration.json": _json({**judged.calibration, "coverage": judged.coverage}),
            "certificate.json": _json(certificate),
            "accuracy.json": _json(accuracy),
            "gates.json": _json([gate.as_row() for gate in gates]),
            "promotion.json": _json(against),
            "intervals.png": intervals_png(
                judged.evidence, judged.low, judged.high, judged.coverage["out_of_fold"]
            ),
            "lowpass.png": lowpass_png(sense["lowpass"]),
            "codecs.png": codecs_png(sense["codecs"]),
        }
        store = context.lake.store
        with store.work_folder(f"{key}.refused" if broken else key) as work:
            for name, content in files.items():
                write_whole(work.path / name, content)
            if not broken:
                with whole_file(work.path / MODEL_FILE) as temporary:
                    write_model(scoring, final, temporary)
                made = hub_card(ModelFile(work.path / MODEL_FILE), LICENCE)
                write_whole(work.path / HUB_CARD_FILE, made.encode())
    if broken:
        raise StageError(
            f"release: {settings.name} {settings.version} is refused: {broken}; look at "
            f"{store.address(key)}.refused, and change what trains, or set [release] gates to "
            f'"shown" for a model that nobody else gets, {OR_NONE}'
        )
    return store.local_folder(key)


def certified_pieces() -> list[Piece]:
    """Return the synthesised pieces of the certificate, one of each style."""
    return [
        made_piece(style.name, TrackPlan(index, CERTIFIED_SEED, CERTIFIED_S).samples().T, 48_000)
        for index, style in enumerate(STYLES)
    ]


def recognised(model: Path) -> list[dict[str, Any]]:
    """Tell which sounds that are no music a model abstains on."""
    scorer = Scorer(str(model), detect=False)
    rows = []
    for kind, sounds in sounds_that_are_no_music().items():
        reasons = [scorer.score(sound, 48_000).abstained for sound in sounds]
        rows.append({"kind": kind, "n": len(sounds), "n_abstained": sum(map(bool, reasons))})
    return rows


def _torch_quality(scoring: ScoringNetwork) -> Predict:
    steps = torch.tensor(scoring.steps())
    device = next(scoring.parameters()).device

    def predict(image: np.ndarray) -> float:
        with torch.inference_mode():
            seen = (each.to(device) for each in scoring.inputs(image[None]))
            return float(scoring(*seen)[0][0].cpu() @ steps)

    return predict


def _anchors(context: Context, said: pl.DataFrame, labelled: pl.DataFrame) -> pl.DataFrame:
    """Let the networks of each fold score the anchors of the references that they never met."""
    key = ["catalog", "excerpt_id"]
    asked = said.filter(asked="out_of_fold").select(*key, "split_group", "fold").unique(key)
    device = find_device(context.preset.models.device)
    parts = [
        score_lowpasses(
            context,
            _torch_quality(_scoring_network(context, fold).to(device)),
            labelled,
            of_fold.drop("fold"),
            ANCHORS_HZ,
        )
        for (fold,), of_fold in asked.sort(key).group_by("fold", maintain_order=True)
    ]
    return pl.concat(parts)


def _scoring_network(context: Context, fold: Any, scale: Scale | None = None) -> ScoringNetwork:
    """Put together what was trained for a fold; with a scale it knows how far an image is."""
    units = [unit for unit in list_units(context) if unit.plan["fold"] == fold]
    folders = [training_folder(context, unit) for unit in units]
    networks = []
    for folder in folders:
        network = load_model(folder)
        assert isinstance(network, MusqaNet)
        networks.append(network)
    weight = context.preset.release.boosted_weight
    domain = None if scale is None else (read_domain(folders[0] / DOMAIN_FILE), scale)
    trees = [read_trees(folder / TREES_FILE) for folder in folders if weight]
    return ScoringNetwork(networks, domain, trees, weight)


def _some_images(context: Context, rows: pl.DataFrame) -> np.ndarray:
    test = rows.filter(pl.col("part") == "test").sort(KEYS)
    some = (test if test.height else rows.sort(KEYS)).gather_every(max(1, test.height // N_CHECKED))
    images = images_of(context, context.preset.release.network, some.head(N_CHECKED))
    return np.concatenate([batch.cells for batch in iter_rows(images, N_CHECKED)])


def _headline(accuracy: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the numbers that a list of models shows: of the uniform draw, out of fold."""
    row = next(iter(accuracy), {})
    return {name: row.get(name) for name in ("asked", "subset", "pearson", "rmse", "n_recordings")}


def _json(value: Any) -> bytes:
    return (json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False) + "\n").encode()
