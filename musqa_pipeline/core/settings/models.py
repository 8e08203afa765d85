"""Settings of trainings: networks and the protocols that compare them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field, fields, replace
from typing import Annotated, Any, Literal

from pydantic import Field
from pydantic.dataclasses import dataclass

from musqa_pipeline.core.devices import DEVICE, DEVICES
from musqa_pipeline.core.errors import SettingsError
from musqa_pipeline.core.settings.section import (
    OneOrMore,
    Section,
    Several,
    placement,
    silent,
    unknown_key,
)

IMAGENET, RANDOM = "imagenet", "random"
"""Values of `backbone_weights` that are no path."""
_Networks = Annotated[Several[str], Field(min_length=1, description="at least one network")]
_Device = Annotated[str, Field(pattern=rf"^({DEVICE})$", description=DEVICES)]
_Weights = Annotated[
    str, Field(min_length=1, description="'imagenet', 'random' or the path of a file")
]

PRETRAINED = "pretrained"
"""Value of `w2v_weights`, which may be `RANDOM` too; others are folders."""
_W2vWeights = Annotated[
    str, Field(min_length=1, description="'pretrained', 'random' or the path of a folder")
]


@dataclass(frozen=True, kw_only=True)
class ModelsSettings(Section):
    """How networks are trained; the preset section ``[models]`` (paper 001, III.E)."""

    names: _Networks = ("cnn1d",)
    """Networks to train, names of the model registry."""
    train_rows: Literal["uniform_draw", "trusted", "every"] = "uniform_draw"
    """Rows that train and validate: those drawn so that quality is uniform (the paper's), all whose
    labels are trusted, or every one."""
    left_out_catalogs: Several[str] = silent(())
    """Catalogs of which nothing trains or stops a training; their recordings are predicted."""
    narrowest_original_hz: Annotated[float, Field(ge=0, le=24_000)] = silent(0.0)
    """Rows whose label is not trusted train only if the sound of their original reaches up to here:
    where a codec or a filter cut the original, its label says that a low-pass takes nothing."""
    seed: int = 0
    """Seed of initial weights, sampler order and dropout."""
    batch_size: OneOrMore = 64
    """Images in a step."""
    learning_rate: Annotated[float, Field(gt=0, le=1)] = 1e-3
    """Adam's first learning rate."""
    learning_rate_factor: Annotated[float, Field(gt=0, lt=1)] = 0.5
    """The learning rate is multiplied by this when validation loss stalls."""
    learning_rate_patience_epochs: OneOrMore = 10
    """Epochs without improvement before that happens."""
    plateau_threshold: Annotated[float, Field(ge=0)] = 1e-4
    """Absolute fall of validation loss that counts as improvement for the learning rate."""
    max_epochs: OneOrMore = 300
    """Most epochs that are trained."""
    stop_patience_epochs: OneOrMore = 50
    """Training ends after this many epochs without a lower validation loss."""
    max_minutes: Annotated[float, Field(ge=0)] = 0.0
    """If above 0, a training ends after this time, unfinished; with more of it, it goes on."""
    learning_rate_schedule: Literal["plateau", "cosine"] = silent("plateau")
    """The rate falls when validation loss stalls, or along a cosine that ends at `max_epochs`."""
    warmup_epochs: int = silent(0)
    """Epochs in which a cosine's rate first rises in equal steps; below `max_epochs`."""
    weight_decay: Annotated[float, Field(ge=0, lt=1)] = silent(0.0)
    """Above 0, AdamW with this decay of all weights but biases and norms; 0 is plain Adam."""
    weight_average_decay: Annotated[float, Field(ge=0, lt=1)] = silent(0.0)
    """Above 0, an exponential average of the weights with this decay a step is kept and used."""
    gradient_clip_norm: Annotated[float, Field(ge=0)] = silent(0.0)
    """Above 0, the largest norm that the gradients of a step may have together."""
    kept_weights: Literal["best", "last"] = silent("best")
    """Weights of the epoch with the lowest validation loss (the paper's), or of the last one, where
    a schedule of fixed length ends and few recordings would choose by chance."""
    n_members: Annotated[int, Field(ge=1, le=16)] = silent(4)
    """Members of a musqa-net, whose answers are averaged; time and size follow it."""
    darkened_fraction: Annotated[float, Field(ge=0, le=1)] = silent(0.0)
    """Share of the good excerpts whose levels musqa-net's training lets fall towards high bands, as
    in dark recordings. It buys dark music with full-band music, see `docs/musqa_net.md`."""
    darkest_db_per_octave: Annotated[float, Field(ge=2, le=24)] = silent(13.0)
    """The steepest of these falls; the gentlest is 2 dB an octave."""
    stop_on: Literal["loss", "loss_or_correlation"] = silent("loss")
    """What has to improve for training to go on: validation loss, or as in NISQA's training that or
    Pearson's r of the validation images."""
    body_learning_rate: Annotated[float, Field(ge=0, le=1)] = silent(0.0)
    """Above 0, Adam's first learning rate of a network's body, the part that may be pre-trained; it
    follows the schedule of `learning_rate`, which all else has."""
    piece_hop_frames: Annotated[int, Field(ge=1, le=100)] = silent(4)
    """Frames of 10 ms from a piece of 15 to the next in NISQA's family: 4 makes 247 of 10 s."""
    cluster_weight: Annotated[float, Field(ge=0)] = silent(0.1)
    """Of the cross entropy of clusters beside the error of quality, in ConvMaxPool DCEC MTL."""
    precision: Literal["auto", "32", "bf16-mixed", "16-mixed"] = silent("32")
    """Numbers of the forward pass: float32, or mixed with bfloat16 or (GPU only) float16;
    ``"auto"`` is bfloat16 on a GPU or CPU that multiplies it, and float32 elsewhere."""
    device: _Device = placement("auto")
    """Where networks are trained and asked: ``"cpu"``, ``"cuda"``, ``"cuda:1"``, or ``"auto"``, a
    GPU where there is one. It is no part of a fingerprint: a training may go on elsewhere."""
    devices: OneOrMore = silent(1)
    """GPUs (processes, where there is no GPU) that share each batch evenly."""
    backbone_weights: _Weights = silent("imagenet")
    """Of Inception v3 and VGG19: ``"imagenet"`` (torchvision's), ``"random"``, or a file's path."""
    backbone_output: Literal["softmax", "logits"] = silent("softmax")
    """What their dense layers see of the 1000 outputs."""
    w2v_weights: _W2vWeights = silent("pretrained")
    """What w2vMOS begins with: ``"pretrained"``, a wav2vec 2.0 of the stage ``pretraining``;
    ``"random"``; or a folder with ``config.json`` and ``model.safetensors``, as transformers writes
    it. Nothing is downloaded."""
    imported_run: str = silent("")
    """Folder of an imported network (`musqa model import-keras`), for the recipe of that network:
    its weights are taken as they are and nothing is trained."""
    recipes: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Fields of this section that differ for one network: ``[models.recipes.vgg19]``."""

    def __post_init__(self) -> None:
        warms_up = 0 <= self.warmup_epochs < self.max_epochs
        self.require(warms_up, "warmup_epochs", "0 or more, and below max_epochs")
        for network, recipe in self.recipes.items():
            self._check_recipe(f"[models.recipes.{network}]", recipe)

    def _check_recipe(self, where: str, recipe: Mapping[str, Any]) -> None:
        known = {f.name for f in fields(self)} - {"names", "recipes"}
        for key in recipe:
            if key not in known:
                raise SettingsError(unknown_key(where, key, sorted(known)))
        try:
            replace(self, recipes={}, **recipe)
        except SettingsError as error:
            raise SettingsError(str(error).replace("[models]", where, 1)) from error

    def recipe(self) -> dict[str, Any]:
        """Return what a training depends on, for fingerprints; how long it may take is not."""
        plain = {k: v for k, v in self.plain().items() if k not in {"names", "recipes"}}
        return {**plain, "max_minutes": 0.0}


_Repetitions = Annotated[
    Mapping[str, Annotated[int, Field(ge=1, le=100)]], Field(description="1-100 repetitions")
]
_Shares = Annotated[
    Several[Annotated[float, Field(gt=0, le=1)]], Field(description="shares in (0, 1]")
]


@dataclass(frozen=True, kw_only=True)
class ProtocolsSettings(Section):
    """Which trials are made beside the training of stage 7; the preset section ``[protocols]``.

    Each protocol is a table from model to a number of repetitions: a network of ``[models]`` or a
    baseline, for example ``folds = {boosted = 3, musqa_net = 3}``. None is made by default.
    """

    repetitions: _Repetitions = field(default_factory=dict)
    """The paper's (001, III.E, IV): each repetition is a new split of the recordings that are not
    test into training and validation; the untouched test recordings are predicted."""
    folds: _Repetitions = field(default_factory=dict)
    """For few recordings: each recording is predicted by models that never met it. Repetitions are
    seeds."""
    leave_codec_out: _Repetitions = field(default_factory=dict)
    """Each codec or effect, or those of `left_out`, is predicted by models that never met it, in
    either half of a cascade."""
    singles_to_cascades: _Repetitions = field(default_factory=dict)
    """Cascades are predicted by models that never met one."""
    synthesised_to_real: _Repetitions = field(default_factory=dict)
    """Recordings are predicted by models that met synthesised music alone."""
    real_to_synthesised: _Repetitions = field(default_factory=dict)
    """The other way round."""
    learning_curve: _Repetitions = field(default_factory=dict)
    """Training on a part of the references, see `curve_fractions`."""
    ablations: _Repetitions = field(default_factory=dict)
    """Models on the rows of `learning_curve` with all references, for variants of one network."""
    grouped: _Repetitions = silent(factory=dict)
    """`stratified` with all rows of a recording, and of what is kept with it, in one part."""
    stratified: _Repetitions = silent(factory=dict)
    """Paper 004's: folds with `n_label_classes` classes of the label evenly spread. A half of each
    stops a training and the other is predicted, then they change places. Rows are dealt one by
    one, so that a recording may stand on both sides."""
    random_labels: _Repetitions = silent(factory=dict)
    """The control of paper 004: training and stopping by Gaussian noise of the training labels'
    mean and SD, drawn anew in each repetition. These take the trainings of `grouped` in turn, and
    what they predict is held against the true labels."""
    n_folds: Annotated[int, Field(ge=2, le=50)] = 5
    """Groups of recordings that `folds` leaves out in turn, beside the test recordings."""
    validation_fraction: Annotated[float, Field(gt=0, lt=0.5)] = 0.15
    """Share of the training groups that stop a training; nothing is reported on them."""
    n_label_folds: Annotated[int, Field(ge=2, le=50)] = silent(3)
    """Folds of `stratified` and `grouped`; each makes two trainings."""
    n_label_classes: Annotated[int, Field(ge=1, le=100)] = silent(15)
    """Classes of equal size, by rank of the label, that they spread evenly over the halves."""
    left_out: Several[str] = silent(())
    """Degradations that `leave_codec_out` leaves out, one at a time; all of the rows' if empty."""
    curve_fractions: _Shares = (0.125, 0.25, 0.5, 1.0)
    """_Shares of the training groups that `learning_curve` trains on."""

    def wanted(self) -> dict[str, Mapping[str, int]]:
        """Return the repetitions of each model, by protocol, in the order of the fields."""
        return {name: getattr(self, name) for name in PROTOCOLS}

    def models(self) -> set[str]:
        """Return the networks and baselines that any protocol names."""
        return {model for counts in self.wanted().values() for model in counts}


PROTOCOLS = (
    "repetitions", "folds", "leave_codec_out", "singles_to_cascades", "synthesised_to_real",
    "real_to_synthesised", "learning_curve", "ablations", "grouped", "stratified",
    "random_labels",
)  # fmt: skip
"""Fields that are protocols."""
