"""Screenshots as the pages hold them: cut, in 256 colours."""

from __future__ import annotations

from pathlib import Path

from PIL import Image


def make_small(path: Path, box: tuple[int, int, int, int] | None = None) -> None:
    """Keep a picture, or a part of it, in 256 colours, and print its size."""
    picture = Image.open(path).convert("RGB").crop(box)
    picture.quantize(colors=256, dither=Image.Dither.NONE).save(path, optimize=True)
    print(f"docs/pictures/{path.name}: {path.stat().st_size // 1000} kB")
