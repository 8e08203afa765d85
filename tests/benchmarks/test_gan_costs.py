"""The benchmark of GANs, at a size that takes seconds."""

from __future__ import annotations

import sys

from benchmarks import gan


def test_it_ends_with_what_the_loader_makes_beside_the_steps(monkeypatch, capsys):
    sizes = {"size": 64, "g-width": 1, "d-width": 1, "batch-size": 2, "runs": 1}
    monkeypatch.setattr(sys, "argv", ["gan.py", *(f"--{k}={v}" for k, v in sizes.items())])
    gan.main()
    *_, both, last = capsys.readouterr().out.splitlines()
    loader, steps = (float(part.split()[1]) for part in both.split(";"))
    name, ratio = last.split()
    assert name == "loader_over_step"
    assert abs(float(ratio) - loader / steps) <= 0.05 + 0.01 * loader / steps
