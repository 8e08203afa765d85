"""Wrong usage ends with exit code 2, whatever the command: a walk over all options with a range."""

import inspect
import typing

import pytest
from typer.testing import CliRunner

from musqa_pipeline.cli.app import command_line
from musqa_pipeline.core.errors import MusqaError

ANY_NUMBER = {
    "catalog equalise --seed",
    "catalog sampled --seed",
    "listening stimuli --seed",
}
"""Options that take every number but NaN."""
NEEDED = {
    "catalog equalise": ("from", "to"),
    "catalog sampled": ("out",),
    "export": ("demo", "--out", "out"),
    "gan degrade": ("a.wav", "out.wav", "--kind", "noise", "--intensity", "50"),
    "gate": ("a.wav", "--min-mos", "4"),
    "label": ("a.wav", "b.wav"),
    "listening compare": ("a.csv", "b.csv"),
    "listening mos": ("a.csv",),
    "listening screen": ("a.csv",),
    "listening stimuli": ("a.wav", "--out", "out"),
    "representations reconstruct": ("a.wav",),
    "scan": (".",),
    "score": ("a.wav",),
    "spectrogram": ("a.wav", "--out", "a.png"),
    "sweep": ("a.wav", "--codec", "mp3"),
}
"""Arguments with which a command comes to look at the option that is tried."""
CHECKED_BY_SETTINGS = {
    "listening mos --scale": ("1 1", "5 1", "0 inf", "nan 1"),
    "listening screen --scale": ("1 1", "5 1", "-inf 1", "0 nan"),
    "listening stimuli --per-recording": ("0", "10"),
    "listening stimuli --duration-s": ("4.9", "9.1", "inf"),
    "listening stimuli --repeated": ("-1",),
    "scan --excerpts": ("0", "21"),
    "score --window": ("2", "2.9", "10.1", "-1", "inf"),
    "score --hop": ("0.4", "0", "-5", "inf"),
    "score --rate": ("0", "3999", "768001"),
    "score --channels": ("0", "65", "-2"),
    "serve --port": ("-1", "65536", "80000"),
    "serve --max-mb": ("0", "-1", "inf"),
    "serve --max-minutes": ("0", "-1", "inf"),
    "serve --timeout-s": ("0", "-1", "inf"),
    "serve --workers": ("0", "-1"),
    "serve --waiting": ("-1",),
    "serve --patience-s": ("0", "inf"),
    "serve --min-kbps": ("0", "inf"),
    "serve --max-connections": ("0", "-1"),
    "serve --max-per-client": ("0", "257"),
    "serve --disk-mb": ("0", "199", "inf"),
    "spectrogram --start-s": ("-1", "inf"),
    "spectrogram --stop-s": ("0", "-1"),
    "spectrogram --low-hz": ("-1", "inf"),
    "spectrogram --high-hz": ("0", "-1"),
    "spectrogram --frame-s": ("0", "1.1", "inf"),
    "spectrogram --floor-db": ("inf", "-inf", "-201"),
    "spectrogram --ceiling-db": ("inf", "201"),
    "spectrogram --width": ("0", "239", "9999"),
    "spectrogram --height": ("0", "159", "9999"),
}
"""Values out of the ranges that a class of settings checks, and not typer."""
WORDS = {
    "export --split": "half",
    "export --format": "mp3",
    "score --format": "u8",
    "spectrogram --scale": "bark",
    "spectrogram --channel": "both",
    "sweep --codec": "flac",
    "sweep --bitrates": "24-256",
    "run --until": "lunch",
    "label --second-opinion": "mine",
    "compare --device": "tpu",
    "listening stimuli --test-id": "a/b",
    "listening stimuli --processes": "3,x",
    "catalog add --map": "recording",
}


CONTRADICTIONS = [
    "score",
    "score a.wav --list b.txt",
    "score a.wav --stream",
    "score a.wav --rate 8000",
    "score a.wav --channels 1 --format s16le",
    "score --stream --workers 2",
    "score --stream --no-causes",
    "score --stream --max-hours 2",
    "score --stream --timeline",
    "score a.wav --json --csv",
    "score a.wav --csv --timeline",
    "score a.wav --worst 2 --sort file",
    "gate",
    "gate a.wav",
    "gate a.wav --sure --write-baseline b.csv",
    "gate a.wav --min-mos 4 --max-drop 0.2",
    "gate a.wav --list b.txt --min-mos 4",
    "scan . --full --excerpts 4",
    "compare a.wav",
    "compare a.wav b.wav --pairs c.csv",
    "compare --pairs c.csv --json --csv",
    "label a.wav",
    "label a.wav b.wav --pairs c.csv",
    "label a.wav b.wav --json --csv",
    "sweep a.wav --codec mp3 --json --csv",
    "query a --json --csv",
    "catalog add",
    "catalog add . --demo",
    "catalog add --demo --name x",
    "catalog add --demo --no-follow-links",
    "model use",
    "model use a.onnx --shipped",
    "recipe export demo x.recipe --accept-terms A",
    "listening stimuli a.wav --plan b.csv --out o",
    "gan degrade a.wav out.mp3 --kind noise --intensity 5",
    "gan pmqd",
    "representations reconstruct a.wav --wav out.mp3",
]
"""Options that exclude each other, do nothing or lack each other."""
NO_SUCH = [
    "score none.wav",
    "score --list none.txt",
    "score none.wav --model none.onnx",
    "gate none.wav --min-mos 4",
    "gate none.wav --baseline none.csv",
    "scan none",
    "compare none.wav none.flac",
    "compare --pairs none.csv",
    "label none.wav none.flac",
    "label --pairs none.csv",
    "sweep none.wav --codec mp3",
    "serve --model none.onnx",
    "catalog add none",
    "catalog remove none",
    "catalog check none",
    "catalog readers none",
    "catalog equalise none out",
    "catalog opinions none out.csv",
    "run --preset none",
    "status --preset none.toml",
    "report --preset none",
    "costs --preset none",
    "query SELEC",
    "export none --out out",
    "recipe export none out.recipe",
    "recipe replay none --references . --out out",
    "model use none.onnx",
    "model export none",
    "model history --preset none",
    "listening mos none.csv",
    "listening screen none.csv",
    "listening compare none.csv none.csv",
    "listening stimuli none.wav --out out",
    "listening predict none",
    "gan degrade none.wav out.wav --kind noise --intensity 50",
    "gan score none.wav",
    "gan pmqd none",
    "representations reconstruct none.wav --wav out.wav",
]
"""Names of nothing: the usage is right, and the command fails."""


def commands(group, path=""):
    """Yield the words and the function of each command."""
    for command in group.registered_commands:
        yield f"{path} {command.name or command.callback.__name__}".strip(), command.callback
    for inner in group.registered_groups:
        yield from commands(inner.typer_instance, f"{path} {inner.name}".strip())


def needs_argument(function):
    """Whether a command cannot be called without an argument or an option."""
    of_users = list(inspect.signature(function).parameters.values())
    return any(p.default is p.empty and p.name != "ctx" for p in of_users)


MUSQA = command_line()


def numbers():
    """Return each option that is a number: its words, its kind, its option of typer."""
    found = {}
    for words, function in commands(MUSQA):
        for name, hint in typing.get_type_hints(function, include_extras=True).items():
            if typing.get_origin(hint) is not typing.Annotated:
                continue
            kind, option = typing.get_args(hint)
            kinds = {kind, *typing.get_args(kind)} - {type(None)}
            if kinds & {int, float}:
                told = [d for d in (option.default, *option.param_decls) if isinstance(d, str)]
                found[f"{words} {(told or [f'--{name}'])[0]}"] = (kinds, option)
    return found


NUMBERS = numbers()


def cases():
    """Yield words of an option and a value that is wrong."""
    for name, (kinds, option) in NUMBERS.items():
        pair = any(typing.get_origin(kind) is tuple for kind in kinds)
        values = list(CHECKED_BY_SETTINGS.get(name, ()))
        values += [] if pair else ["many"]
        values += ["nan"] if float in kinds and not pair else []
        step = 0.001 if float in kinds else 1
        values += [f"{option.min - step:g}"] if option.min is not None else []
        values += [f"{option.max + step:g}"] if option.max is not None else []
        for value in values:
            yield pytest.param(name, value, id=f"{name} {value}")
    for name, value in WORDS.items():
        yield pytest.param(name, value, id=f"{name} {value}")


@pytest.mark.parametrize(("name", "value"), list(cases()))
def test_what_is_out_of_range_ends_with_2(name, value, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MUSQA_HOME", str(tmp_path / "home"))
    *command, option = name.split()
    needed = NEEDED.get(" ".join(command), ())
    ended = CliRunner().invoke(MUSQA, [*command, *needed, option, *value.split()])
    assert (ended.exit_code, ended.exception.__class__) == (2, SystemExit), ended.exception
    assert "Usage: " in ended.stderr
    assert "Traceback" not in ended.stderr
    assert list(tmp_path.iterdir()) == []


def outcome(tmp_path, monkeypatch, words):
    """Run a command in a folder without anything; return how it ended and its exit code."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MUSQA_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("MUSQA_MODEL", raising=False)
    ended = CliRunner().invoke(MUSQA, words.split())
    told = isinstance(ended.exception, MusqaError)  # `main` prints it and ends with 1
    return ended, 1 if told else ended.exit_code


@pytest.mark.parametrize("words", CONTRADICTIONS)
def test_options_that_do_not_go_together_end_with_2(words, tmp_path, monkeypatch):
    ended, code = outcome(tmp_path, monkeypatch, words)
    assert (code, ended.exception.__class__) == (2, SystemExit), ended.exception
    assert "Usage: " in ended.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("words", NO_SUCH)
def test_names_of_nothing_are_no_wrong_usage(words, tmp_path, monkeypatch):
    ended, code = outcome(tmp_path, monkeypatch, words)
    assert code == 1, ended.exception
    assert "Usage: " not in ended.stderr


@pytest.mark.parametrize("words", [name for name, _ in commands(MUSQA)])
def test_every_command_knows_its_options_and_has_help(words, tmp_path, monkeypatch):
    unknown, code = outcome(tmp_path, monkeypatch, f"{words} --no-such-option")
    assert code == 2
    assert "No such option: --no-such-option" in unknown.stderr
    helped = [CliRunner().invoke(MUSQA, [*words.split(), form]) for form in ("-h", "--help")]
    assert [ended.exit_code for ended in helped] == [0, 0]
    assert helped[0].stdout == helped[1].stdout


@pytest.mark.parametrize("words", [name for name, f in commands(MUSQA) if needs_argument(f)])
def test_a_command_without_what_it_needs_ends_with_2(words, tmp_path, monkeypatch):
    ended, code = outcome(tmp_path, monkeypatch, words)
    assert code == 2
    assert "Missing " in ended.stderr


@pytest.mark.parametrize("words", ["", "nope", "catalog", "catalog nope", "runs", "--nope"])
def test_a_command_that_is_none_ends_with_2(words, tmp_path, monkeypatch):
    assert outcome(tmp_path, monkeypatch, words)[1] == 2


def test_every_number_has_a_range_that_this_test_knows():
    without = {
        name
        for name, (_, option) in NUMBERS.items()
        if option.min is None and option.max is None and name not in CHECKED_BY_SETTINGS
    }
    assert without == ANY_NUMBER
    assert set(CHECKED_BY_SETTINGS) <= set(NUMBERS)
    assert len(NUMBERS) > 40
