"""Wrong usage ends with exit code 2, whatever the command: a walk over all options with a range."""

import typing

import pytest
from typer.testing import CliRunner

from musqa_pipeline.cli import app

ANY_NUMBER = {
    "catalog equalise --seed",
    "catalog sampled --seed",
    "listening stimuli --seed",
    "listening compare --threshold",
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


def commands(group, path=""):
    """Yield the words and the function of each command."""
    for command in group.registered_commands:
        yield f"{path} {command.name or command.callback.__name__}".strip(), command.callback
    for inner in group.registered_groups:
        yield from commands(inner.typer_instance, f"{path} {inner.name}".strip())


def numbers():
    """Return each option that is a number: its words, its kind, its option of typer."""
    app.register_commands()
    found = {}
    for words, function in commands(app.app):
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
    ended = CliRunner().invoke(app.app, [*command, *needed, option, *value.split()])
    assert (ended.exit_code, ended.exception.__class__) == (2, SystemExit), ended.exception
    assert "Usage: " in ended.stderr
    assert "Traceback" not in ended.stderr
    assert list(tmp_path.iterdir()) == []


def test_every_number_has_a_range_that_this_test_knows():
    without = {
        name
        for name, (_, option) in NUMBERS.items()
        if option.min is None and option.max is None and name not in CHECKED_BY_SETTINGS
    }
    assert without == ANY_NUMBER
    assert set(CHECKED_BY_SETTINGS) <= set(NUMBERS)
    assert len(NUMBERS) > 40
