"""The rule on licences, and what counts as an answer on vulnerabilities."""

import copy
import json
import subprocess
import sys

import pytest

from audit import __main__ as command
from audit.expressions import is_covered, licence_of
from audit.licences import audit_licences, installed, read_project, read_rules, requirements
from audit.vulnerabilities import Advisories, understood
from tests import ROOT


class Made:
    """A distribution with made-up metadata."""

    def __init__(self, licence_expression=None, classifiers=(), licence=None):
        self.metadata = self
        self._values = {"License-Expression": licence_expression, "License": licence}
        self._classifiers = list(classifiers)

    def get(self, name):
        return self._values.get(name)

    def get_all(self, name):
        return self._classifiers


def test_what_is_installed_is_allowed_and_the_base_holds_nothing_gpl():
    findings = audit_licences(read_project(), read_rules())
    assert findings.problems == []
    assert findings.looked_at["base"] >= 8
    assert not [extra for extra in findings.not_installed if extra.startswith("base ")]
    base, _ = installed(requirements(read_project())["base"])
    assert {"numpy", "soundfile", "onnxruntime", "rich"} <= base.keys()
    assert not {"pedalboard", "av", "imageio-ffmpeg", "pyfftw", "torch"} & base.keys()


def test_a_gpl_library_in_the_base_is_a_problem():
    project = copy.deepcopy(read_project())
    project["dependencies"].append("pedalboard>=0.9")
    problems = audit_licences(project, read_rules()).problems
    assert len(problems) == 1
    assert problems[0].startswith("[base] pedalboard ")
    assert "is GPL-3.0: not allowed there" in problems[0]
    project["dependencies"][-1] = "av"
    assert (
        "carries code that is GPL-2.0-or-later" in audit_licences(project, read_rules()).problems[0]
    )


def test_the_list_itself_may_not_let_the_gpl_into_the_base():
    rules = copy.deepcopy(read_rules())
    rules["extras"]["base"] = ["GPL-3.0"]
    problems = audit_licences(read_project(), rules).problems
    assert problems == ["licences.toml allows GPL-3.0 in the base; the base may hold nothing GPL"]


def test_an_unknown_licence_and_an_extra_without_a_list_fail():
    rules = copy.deepcopy(read_rules())
    del rules["known"]["zimtohrli"], rules["extras"]["m4a"]
    problems = audit_licences(read_project(), rules).problems
    assert any(
        p.startswith("[zimtohrli] zimtohrli ") and "do not say its licence; read it" in p
        for p in problems
    )
    assert "extra [m4a] has no list in licences.toml; add one" in problems


def test_every_extra_has_a_list_and_every_exception_a_reason():
    rules = read_rules()
    assert requirements(read_project()).keys() <= rules["extras"].keys()
    assert all(known["why"] for known in rules["known"].values())


def test_what_is_not_installed_is_said():
    project = {"dependencies": ["no-such-distribution-of-ours>=1"]}
    findings = audit_licences(project, read_rules())
    assert findings.not_installed == ["base (no-such-distribution-of-ours)"]


@pytest.mark.parametrize(
    ("made", "licence"),
    [
        (Made("MIT AND 0BSD", ["License :: OSI Approved :: BSD License"]), "MIT AND 0BSD"),
        (Made(classifiers=["License :: OSI Approved :: MIT License"], licence="GPL"), "MIT"),
        (
            Made(
                classifiers=["License :: OSI Approved :: BSD License", "License :: Public Domain"]
            ),
            "BSD AND public domain",
        ),
        (Made(classifiers=["Topic :: Multimedia"], licence="Apache 2.0"), "Apache-2.0"),
        (Made(licence="GPL-3.0"), "GPL-3.0"),
        (Made(licence="see LICENSE"), ""),
        (Made(), ""),
    ],
)
def test_licences_are_read_from_metadata(made, licence):
    assert licence_of(made) == licence


@pytest.mark.parametrize(
    ("expression", "covered"),
    [
        ("MIT", True),
        ("mit", True),
        ("MIT AND BSD", True),
        ("MIT AND GPL-3.0", False),
        ("GPL-3.0 OR MIT", True),
        ("GPL-3.0 OR LGPL", False),
        ("MIT AND (GPL-3.0 OR BSD)", True),
        ("(MIT OR GPL-3.0) AND GPL-3.0", False),
        ("MIT OR GPL-3.0 AND GPL-2.0", True),
        ("Apache-2.0 WITH LLVM-exception", True),
        ("Apache-2.0", False),
        ("public domain AND BSD", True),
        ("", False),
        ("MIT AND", False),
        ("(MIT", False),
        ("MIT)", False),
        ("MIT BSD", False),
    ],
)
def test_expressions_are_covered_as_they_bind(expression, covered):
    allowed = {"MIT", "BSD", "public domain", "Apache-2.0 WITH LLVM-exception"}
    assert is_covered(expression, allowed) is covered


CLEAN = {"name": "a", "version": "1", "vulns": []}
UNKNOWN = {"name": "b", "skip_reason": "Dependency not found on PyPI and could not be audited"}
OPEN = {"name": "c", "version": "2", "vulns": [{"id": "PYSEC-2026-1", "fix_versions": ["2.1"]}]}


@pytest.mark.parametrize(
    ("dependencies", "code", "said"),
    [
        ([CLEAN], 0, "0 known of 1 pinned versions that were looked up"),
        ([CLEAN, OPEN], 1, "c 2: PYSEC-2026-1, mended in 2.1"),
        ([UNKNOWN, OPEN], 1, "NOT LOOKED UP: 1 of 2 pinned versions"),
        ([CLEAN, UNKNOWN], 3, "NOT LOOKED UP: 1 of 2 pinned versions are unknown to the advisory"),
        ([UNKNOWN], 3, "0 known of 0 pinned versions that were looked up"),
        ([], 3, "0 known of 0"),
    ],
)
def test_only_an_answer_for_every_version_is_clean(capsys, dependencies, code, said):
    advisories = understood(json.dumps({"dependencies": dependencies, "fixes": []}), "")
    assert command.say_vulnerabilities(advisories) == code
    assert said in capsys.readouterr().out


def test_no_answer_is_said_and_is_not_clean(capsys):
    silent = understood("", "Traceback …\nConnectionError: no route to the service")
    assert command.say_vulnerabilities(silent) == 3
    said = capsys.readouterr().out
    assert "NOT LOOKED UP: pip-audit gave no report (ConnectionError: no route" in said


def test_the_command_ends_with_the_gravest_code(monkeypatch, capsys):
    found = Advisories(1, ["c 2: X"])
    monkeypatch.setattr(command, "look_up", lambda: found)
    assert command.main([]) == 1
    monkeypatch.setattr(command, "look_up", lambda: Advisories(failure="no network"))
    assert command.main([]) == 3
    monkeypatch.setattr(command, "look_up", lambda: Advisories(5))
    assert command.main([]) == 0
    assert "nothing in the base is GPL" in capsys.readouterr().out
    assert command.main(["weather"]) == 2
    assert "'weather': expected licences or vulnerabilities" in capsys.readouterr().err


def test_licences_are_audited_by_a_command():
    done = subprocess.run(
        [sys.executable, "-m", "audit", "licences"],
        cwd=ROOT, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert "all allowed by audit/licences.toml" in done.stdout
