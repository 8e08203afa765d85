"""How settings and commands name the device that networks are computed on."""

from __future__ import annotations

DEVICE = r"auto|cpu|cuda(:\d+)?"
"""Regular expression of a device's whole name."""
DEVICES = "'auto', 'cpu', 'cuda' or 'cuda:N'"
"""The same for people."""
