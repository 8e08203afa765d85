import copy
import dataclasses
import pickle
import re
import typing
from typing import Annotated

import pytest
from pydantic import Field
from pydantic.dataclasses import dataclass as pydantic_dataclass

from musqa_pipeline.core.errors import SettingsError
from musqa_pipeline.core.fingerprints import digest
from musqa_pipeline.core.settings.evaluation import PromotionSettings
from musqa_pipeline.core.settings.per_catalog import (
    AdaptiveSettings,
    DegradationsSettings,
    ExcerptsSettings,
)
from musqa_pipeline.core.settings.preset import (
    SECTIONS,
    Preset,
    builtin_presets,
    load_preset,
    parse_preset,
)
from musqa_pipeline.core.settings.section import Section, Several, ZeroOrMore, silent
from musqa_pipeline.learning.gan.recipe import GanRecipe
from musqa_pipeline.learning.pretraining.recipe import PAPER as W2V_PAPER
from musqa_pipeline.learning.pretraining.recipe import SMALL as W2V_SMALL
from musqa_pipeline.learning.registry import MODELS
from musqa_pipeline.stages.graph import joint_context
from musqa_pipeline.stages.graph import load_preset as load_whole
from musqa_pipeline.stages.models.recipes import recipe_of
from musqa_pipeline.stages.rows import MAIN_STAGES
from musqa_pipeline.stages.segments.genres import genre_classes
from musqa_pipeline.studies.listening.pmqd_paper import GENRES
from tests import ROOT

FIELDS = [(s, f.name) for s in SECTIONS for f in dataclasses.fields(getattr(Preset(name="p"), s))]
LIBRARY = ROOT / "musqa_pipeline"
USED_IN = {
    "adaptive": ["stages/dataset/adaptive", "stages/degradations"],
    "dataset": ["stages/dataset"],
    "degradations": ["stages/degradations"],
    "evaluation": ["stages/evaluation"],
    "excerpts": ["stages/excerpts", "stages/dataset", "audio/excerpts"],
    "labels": ["stages/labels", "audio/metrics"],
    "models": ["stages/models", "learning"],
    "opinions": ["stages/dataset/second_metric"],
    "promotion": ["release/promotion"],
    "protocols": ["stages/models/trials"],
    "release": ["release/model"],
    "spectrograms": ["stages/spectrograms", "audio/features"],
    "tracks": ["stages/tracks", "audio/measures"],
}
"""Where a section's fields do their work."""


def other_value(settings, field):
    """Another value that the field may have."""
    value = getattr(settings, field)
    if isinstance(settings, PromotionSettings) and field == "network":
        return "cnn1d"
    hint = typing.get_type_hints(type(settings))[field]
    if typing.get_origin(hint) is typing.Literal:
        return next((v for v in typing.get_args(hint) if v != value), "one to come")
    if field == "device" and value == "auto":
        return "cuda:1"
    if isinstance(value, bool):
        return not value
    if isinstance(value, str):
        return f"{value}-other"
    if field == "random_lowpass_hz":
        return (value[0], value[1] - 1)
    if isinstance(value, tuple):
        return value[:-1] if len(value) > 1 else (*value, "another")
    if isinstance(value, dict):
        return {"cnn1d": {"batch_size": 3}} if field == "recipes" else {"boosted": 2}
    return value + (1 if isinstance(value, int) else -0.01 if 0.99 <= value < 1 else 0.01)


def test_the_presets_load():
    assert builtin_presets() == [
        "archive", "archive_small", "demo", "effects", "gan", "gan_small", "musqa", "paper",
        "paper_small", "representations", "representations_low_rate", "vinylset",
    ]  # fmt: skip
    for name in builtin_presets():
        assert load_whole(name).name == name


def test_the_paper_preset_has_the_papers_numbers():
    paper = load_preset("paper")
    assert paper.excerpts.target_lufs == -23.0
    assert paper.degradations.singles == tuple(range(1, 46))
    assert len(paper.degradations.pool_excluded) == 15
    assert paper.degradations.pool_rows == 64_960
    assert (paper.dataset.size, paper.dataset.test_size) == (13_000, 750)
    assert paper.dataset.protocol == "paper_two_way"
    assert (paper.spectrograms.n_mels, paper.spectrograms.n_fft) == (256, 2048)
    models = paper.models
    assert (models.learning_rate, models.learning_rate_factor) == (1e-3, 0.5)
    assert (models.learning_rate_patience_epochs, models.stop_patience_epochs) == (10, 50)
    assert (models.batch_size, models.max_epochs) == (64, 300)
    assert models.names == ("cnn1d", "inception_v3", "vgg19")
    recipes = [recipe_of(name, models) for name in models.names]
    assert [recipe.batch_size for recipe in recipes] == [64, 64, 32]
    assert {(r.learning_rate, r.kept_weights, r.weight_decay) for r in recipes} == {
        (1e-3, "best", 0.0)
    }
    assert paper.protocols.repetitions == dict.fromkeys(models.names, 15)
    assert round(250 * paper.protocols.validation_fraction) == 60


@pytest.mark.parametrize(
    ("name", "network", "size", "width", "steps"),
    [("gan", "paper", 256, 64, 100_000), ("gan_small", "small", 128, 32, 50_000)],
)
def test_presets_of_gans_are_the_papers_but_for_their_size(name, network, size, width, steps):
    preset = load_whole(name)
    gan = preset.further["gan"]
    assert (gan.networks, gan.n_seeds, gan.critic) == ((network,), 3, "last")
    recipe = gan.recipe(network, len(GENRES))
    assert recipe == GanRecipe(
        size=size, g_width=width, d_width=width, n_genres=13, batch_size=24, steps=steps,
        g_learning_rate=1e-4, d_learning_rate=2e-4,
    )  # fmt: skip
    assert preset.models.precision == "auto"
    assert set(gan.genres.values()) == {*GENRES, "other"}
    about = {"catalog": "c", "file": "", "part": "train"}
    spelled = [
        {**about, "track_id": word, "recording": str(number), "genre": word}
        for word in (*GENRES, "hip-hop/trap")
        for number in range(4)
    ]
    classes = genre_classes(spelled, gan.genres)
    assert [classes["c", word] for word in GENRES] == list(GENRES)
    assert classes["c", "hip-hop/trap"] == "Hip Hop"


def test_a_preset_inherits_what_it_does_not_name(tmp_path):
    file = tmp_path / "mine.toml"
    file.write_text('extends = "musqa"\n[dataset]\nsize = 77\n')
    mine, musqa = load_preset(file), load_preset("musqa")
    assert mine.name == "mine"
    assert mine.dataset == dataclasses.replace(musqa.dataset, size=77)
    assert mine.degradations == musqa.degradations


def test_a_preset_may_extend_a_file_beside_it(tmp_path):
    (tmp_path / "base.toml").write_text("[models]\nseed = 5\n")
    (tmp_path / "mine.toml").write_text('extends = "base.toml"\n[models]\nbatch_size = 2\n')
    models = load_preset(tmp_path / "mine.toml").models
    assert (models.seed, models.batch_size) == (5, 2)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[dataset]\nsizes = 5\n", "[dataset]: unknown key 'sizes'; did you mean 'size'?"),
        ("[datasets]\nsize = 5\n", "unknown key 'datasets'; did you mean 'dataset'?"),
        ("[dataset]\nsize = 'x'\n", "[dataset] size='x': expected int"),
        ("[dataset]\nsize = true\n", "[dataset] size=True: expected int"),
        ("[dataset]\nsize = 3\n", "[dataset] size=3: expected at least 10"),
        ("[excerpts]\nflagged_tracks = 'no'\n", "expected one of 'exclude', 'include', 'below'"),
        ("[degradations]\nsingles = 4\n", "[degradations] singles=4: expected a list; edit"),
        ("[degradations]\nsingles = [1, true]\n", "singles[1]=True: expected int; edit"),
        ("[degradations]\npool_excluded = [1, 46]\n", "pool_excluded[1]=46: expected process ids"),
        ("[degradations]\ninclude_reference = 1\n", "include_reference=1: expected bool"),
        ("[tracks]\nmin_duration_s = '10'\n", "[tracks] min_duration_s='10': expected a float"),
        ("[tracks]\nsilence_lufs = nan\n", "[tracks] silence_lufs=nan: expected in [-70, 0)"),
        ("[tracks]\nmin_upper_edge_hz = inf\n", "min_upper_edge_hz=inf: expected in [0, 22050]"),
        ("[evaluation]\nlistening_highest = nan\n", "listening_highest=nan: expected above listen"),
        ("[evaluation]\nlistening_tests = [3]\n", "listening_tests[0]=3: expected str"),
        ("[release]\nname = 'A'\n", "name='A': expected small letters, digits, dots and hyphens"),
        ("[release]\nversion = 'v1'\n", "version='v1': expected a digit, then digits, letters"),
        ('[release]\nname = "a\\n"\n', r"[release] name='a\n': expected small letters"),
        ("[release]\nlicences = []\n", "[release] licences=[]: expected at least one; edit"),
        ("[spectrograms]\nrows_per_shard = 8\n", "rows_per_shard=8: expected at least rows_per_g"),
        ("[protocols]\nfolds = 3\n", "[protocols] folds=3: expected a section with keys"),
        ("[protocols.folds]\nmean = 'x'\n", "[protocols.folds] mean='x': expected int; edit"),
        ("[protocols.folds]\nmean = 101\n", "[protocols.folds] mean=101: expected 1-100 repetit"),
        ("[models]\nnames = []\n", "[models] names=[]: expected at least one network"),
        ("[models]\nbackbone_weights = ''\n", "backbone_weights='': expected 'imagenet', 'random'"),
        ("[models]\nrecipes = 3\n", "[models] recipes=3: expected a section with keys"),
        (
            "[models.recipes.a]\nseeds = 1\n",
            "[models.recipes.a]: unknown key 'seeds'; did you mean 'seed'?",
        ),
        ("[models.recipes.a]\nnames = ['b']\n", "[models.recipes.a]: unknown key 'names'"),
        ("[models.recipes.a]\nseed = 1.0\n", "[models.recipes.a] seed=1.0: expected int; edit"),
        ("[models.recipes.a]\ndevices = 0\n", "[models.recipes.a] devices=0: expected at least 1"),
        (
            "[models.recipes.a]\nwarmup_epochs = 300\n",
            "[models.recipes.a] warmup_epochs=300: expected 0 or more, and below max_epochs",
        ),
        ("catalogs = 'rock'\n", "preset catalogs='rock': expected a list"),
        ("[further]\nx = 1\n", "preset: unknown key 'further'; "),
        ("[degradations]\nsingles = [46]\n", "singles=(46,): expected different process ids"),
        ("[adaptive]\nevenness = 1.0\n", "evenness=1.0: expected above 0 and below 1"),
        (
            "[adaptive]\nrounds = 2\n[degradations]\nsingles = []\n",
            "predicted from their halves; name the processes as singles",
        ),
        (
            "[adaptive]\nrounds = 2\n[degradations]\nmost_rows = { a = 9 }\n",
            "with [degradations] most_rows: rounds need every single of a reference",
        ),
        (
            "[degradations]\nmost_rows = { a = 0 }\n",
            "[degradations.most_rows] a=0: expected 1 or more",
        ),
        (
            "[degradations]\nmost_rows = { a = 9 }\nn_carrier = 1\ninclude_reference = true\n",
            "most_rows={'a': 9}: expected {}, as n_carrier needs each chain's counterfactuals",
        ),
        (
            '[promotion]\nnetwork = "musqa_net"\n',
            "network='musqa_net' with [models] names=['cnn1d']: only a network that is trained",
        ),
        ("[promotion]\nmargin_points = 0\n", "margin_points=0: expected above 0"),
        ("[promotion]\nconfidence = 0.5\n", "confidence=0.5: expected in (0.5, 1)"),
        ("dataset = 3\n", "dataset=3: expected a section with keys"),
        ("[dataset\n", "is not valid TOML"),
        ('extends = "bad.toml"\n', "extends itself"),
    ],
)
def test_a_wrong_preset_says_what_is_wrong(tmp_path, text, message):
    file = tmp_path / "bad.toml"
    file.write_text(text)
    with pytest.raises(SettingsError, match=re.escape(message)) as refused:
        load_preset(file)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("name", "digested"),
    [
        ("demo", "fdafeced6a3bd6e7994f8919fae0e139"),
        ("effects", "340421e17b016a52798a3a2553663581"),
        ("gan", "df4d75126dded67190ef2b2c30a1c02a"),
        ("gan_small", "df4d75126dded67190ef2b2c30a1c02a"),
        ("musqa", "db7b0b17168439fc7a0b541a4226bc0a"),
        ("paper", "4e80fc29ebc1619b9643b489faaaf3f0"),
        ("paper_small", "9f31d52af7ae22f77c31339ecf0aa371"),
        ("representations", "5f2e2971b9b3f203448b909715635ff7"),
        ("representations_low_rate", "5f2e2971b9b3f203448b909715635ff7"),
    ],
)
def test_what_a_preset_made_stays_current(name, digested):
    """A new field is `silent` at what was done before; else the CHANGELOG says so."""
    preset = load_whole(name)
    assert digest({section: preset.section(section) for section in SECTIONS}) == digested


def test_an_unknown_preset_lists_the_known_ones():
    with pytest.raises(
        SettingsError,
        match="'papre' is unknown; use one of archive, archive_small, demo, effects, gan, "
        "gan_small, musqa, paper, paper_small, representations, representations_low_rate, vinylset",
    ):
        load_preset("papre")
    with pytest.raises(SettingsError, match="does not exist"):
        load_preset("nowhere.toml")


@pytest.mark.parametrize("name", ["main", "Main", "Mine", "system", "a-b", "2x", "a;drop"])
def test_a_name_that_cannot_be_a_schema_is_refused(name):
    with pytest.raises(SettingsError, match="preset name"):
        parse_preset(name, {})


def test_a_preset_that_is_no_utf8_is_named(tmp_path):
    (tmp_path / "mine.toml").write_bytes(b"# caf\xe9\n")
    with pytest.raises(SettingsError, match=r"mine\.toml cannot be read .*save it as UTF-8"):
        load_preset(tmp_path / "mine.toml")


@pytest.mark.parametrize("section", SECTIONS)
def test_every_field_is_documented_and_checked(section):
    kind = SECTIONS[section]
    source = __import__("inspect").getsource(kind)
    for field in dataclasses.fields(kind):
        assert re.search(rf'    {field.name}: [^\n]*\n    """', source), field.name


@pytest.mark.parametrize(("section", "field"), FIELDS)
def test_a_changed_field_changes_the_fingerprint_of_its_stage_and_of_those_after_it(
    home, section, field, monkeypatch
):
    monkeypatch.setitem(MODELS, "another", MODELS["cnn1d"])
    preset = Preset(name="p")
    if section == "adaptive":  # while it is off, its fields change nothing
        preset = Preset(name="p", adaptive=AdaptiveSettings(rounds=1))
    if section == "labels":  # listeners label what nothing was done to
        untouched = DegradationsSettings(singles=(), n_cascades=0, include_reference=True)
        cut = ExcerptsSettings(flagged_tracks="include")
        preset = Preset(name="p", degradations=untouched, excerpts=cut)
    settings = getattr(preset, section)
    changed = copy.copy(settings)  # `replace` would refuse the metric to come
    object.__setattr__(changed, field, other_value(settings, field))
    before = joint_context(home, preset).fingerprints
    after = joint_context(home, dataclasses.replace(preset, **{section: changed})).fingerprints
    moved = [stage for stage in MAIN_STAGES if before[stage] != after[stage]]
    if field in {f.name for f in dataclasses.fields(settings) if f.metadata.get("placement")}:
        assert before == after  # where something is made, and not what
        return
    if field == "max_minutes":  # how long a training may take, and not what it comes to
        assert moved == []
        return
    if section in {"models", "protocols"}:  # their units say which recipe and data they depend on
        assert moved == ["evaluation"]
        return
    if section == "opinions":  # a side branch: nothing comes after it
        assert moved == []
        assert before["opinions"] != after["opinions"]
        return
    if section == "promotion":  # a decision on what is there, and no result
        assert before == after
        return
    if section == "release":  # likewise, and its units say what they depend on
        assert moved == []
        return
    first = "degradations" if section == "adaptive" else section
    after_it = list(MAIN_STAGES[MAIN_STAGES.index(first) :])
    if section == "spectrograms":  # so are the networks that eat them, by their units
        after_it.remove("models")
    assert moved == after_it


@pytest.mark.parametrize(("section", "field"), FIELDS)
def test_no_field_is_there_for_nothing(section, field):
    used = re.compile(rf"\b(settings|{section})\.{field}\b|\"{field}\"")
    modules = [path for place in USED_IN[section] for path in (LIBRARY / place).rglob("*.py")]
    assert any(used.search(path.read_text()) for path in modules)


def test_the_demo_is_seen_only_where_it_is_named():
    assert not load_preset("musqa").sees("demo")
    assert load_preset("musqa").sees("anything")
    assert load_preset("demo").sees("demo")
    assert not load_preset("demo").sees("anything")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('name = "../elsewhere"', r"name='\.\./elsewhere': the name of its file is the name of a"),
        ("extends = 5", "extends=5: expected the name of a preset or the path of a .toml file"),
        ('extends = "././mine.toml"', "extends itself through"),
        (f'extends = "{"x" * 300}.toml"', "cannot be read .*File name too long"),
        (f"[tracks]\nmin_duration_s = 1{'0' * 400}", "the number is too large; expected a float"),
        (f"[dataset]\nn_bins = 0x{'f' * 6000}", r"number is too large; expected in \[2, 200\]"),
        (f"x = {'[' * 3000}", "is not valid TOML: arrays or tables are nested too deeply"),
        (f"x = {'9' * 5000}", "is not valid TOML: Exceeds the limit"),
    ],
)
def test_a_hostile_preset_is_refused_in_one_sentence(tmp_path, text, message):
    path = tmp_path / "mine.toml"
    path.write_text(text)
    with pytest.raises(SettingsError, match=message):
        load_preset(path)


@pydantic_dataclass(frozen=True, kw_only=True)
class FadesSettings(Section):
    """The section of a further stage."""

    length_s: Annotated[float, Field(gt=0)] = 2.0
    shapes: Several[str] = ("linear",)
    slope: ZeroOrMore = silent(0)


FADES = {"fades": FadesSettings}


def test_a_preset_may_have_sections_that_are_handed_in(tmp_path):
    (tmp_path / "base.toml").write_text('extends = "demo"\n[fades]\nlength_s = 3\n')
    file = tmp_path / "mine.toml"
    file.write_text("extends = 'base.toml'\n[fades]\nshapes = ['sine']\n")
    mine = load_preset(file, sections=FADES)
    assert mine.fades == FadesSettings(length_s=3.0, shapes=("sine",))
    assert mine.section("fades") == {"length_s": 3.0, "shapes": ("sine",)}
    assert mine.section("dataset") == load_preset("demo").section("dataset")
    for same in (pickle.loads(pickle.dumps(mine)), dataclasses.replace(mine, name="other")):
        assert same.fades == mine.fades


def test_a_section_that_is_handed_in_has_its_defaults():
    plain = parse_preset("p", {}, sections=FADES)
    assert plain.fades == FadesSettings()
    assert plain.section("fades") == {"length_s": 2.0, "shapes": ("linear",)}
    with pytest.raises(AttributeError, match="has no section 'fades'"):
        parse_preset("p", {}).fades  # noqa: B018


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        ({"fades": {"length": 1}}, "[fades]: unknown key 'length'; did you mean 'length_s'?"),
        ({"fades": {"length_s": 0}}, "[fades] length_s=0: expected above 0; edit the preset"),
        ({"fades": 3}, "preset fades=3: expected a section with keys"),
        ({"fade": {}}, "preset: unknown key 'fade'; did you mean 'fades'?"),
    ],
)
def test_a_section_that_is_handed_in_is_checked_alike(raw, message):
    with pytest.raises(SettingsError, match=re.escape(message)):
        parse_preset("p", raw, sections=FADES)


def test_without_being_handed_in_a_section_is_unknown():
    with pytest.raises(SettingsError, match="preset: unknown key 'fades'"):
        parse_preset("p", {"fades": {}})


@pytest.mark.parametrize("kind", SECTIONS.values())
def test_settings_travel_to_workers_and_cannot_be_changed(kind):
    settings = kind()
    assert pickle.loads(pickle.dumps(settings)) == settings
    assert dataclasses.replace(settings) == settings
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(settings, dataclasses.fields(kind)[0].name, None)
    with pytest.raises(SettingsError, match="unknown key 'another'"):
        kind(another=1)


def test_an_int_stands_for_a_float_and_a_list_for_a_tuple():
    release = parse_preset("p", {"release": {"further": ["a"]}, "tracks": {"min_duration_s": 12}})
    assert release.release.further == ("a",)
    assert type(release.tracks.min_duration_s) is float


def test_presets_of_archives_have_the_networks_and_controls_of_paper_004():
    paper, archive, small = (load_whole(n) for n in ("vinylset", "archive", "archive_small"))
    assert paper.labels.metric == "listeners"
    assert paper.further["pretraining"].catalogs == ("musicnet",)
    networks = {
        "nisqa", "nisqa_l1", "convmaxpool", "convmaxpool_autoencoder", "convmaxpool_degradations",
        "convmaxpool_dcec", "convmaxpool_dcec_mtl", "w2v_mos", "w2v_mos_random", "musqa_net",
        "mean", "boosted",
    }  # fmt: skip
    for preset in (paper, archive, small):
        trained = {recipe_of(n, preset.models).train_rows for n in networks & MODELS.keys()}
        assert len(trained) == 1
        assert set(preset.protocols.grouped) == networks
        assert min(preset.protocols.random_labels[n] for n in ("boosted", "convmaxpool")) >= 20
        assert preset.dataset.protocol == "paper_two_way"
        assert (preset.protocols.n_label_folds, preset.protocols.n_label_classes) == (3, 15)
    assert set(paper.protocols.stratified) == networks
    assert archive.further["pretraining"].recipe_of("wav2vec2") == W2V_PAPER
    assert small.further["pretraining"].recipe_of("wav2vec2").architecture == W2V_SMALL.architecture
    heard = [small.further["pretraining"].recipe_of(name) for name in ("autoencoder", "dcec")]
    assert {recipe.window_frames for recipe in heard} == {500}  # open music lasts 10 s
    pieced = {name for name in networks if name.startswith(("nisqa", "convmaxpool"))}
    assert {recipe_of(n, small.models).piece_hop_frames for n in pieced} == {16}
    assert {recipe_of(n, archive.models).piece_hop_frames for n in pieced} == {4}
