"""Lay out and build the documentation site: ``make docs-site``.

``python docs/scripts/build_site.py [--only-pages] [OUT]`` puts the pages of `site.toml` into
OUT/pages (``site`` when left out) and adds the pages of the API, one for each folder of the
buildings that people use as libraries; Zensical makes OUT/site of them, and ends at the first
warning.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
LIBRARIES = ("scoring", "audio", "studies", "learning")
"""Buildings whose docstrings have sections."""
MODEL = "musqa_pipeline/scoring/model"
BROUGHT = {
    "README.md": "index.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
    f"{MODEL}/MODEL_CARD.md": "model_card.md",
    f"{MODEL}/insenet.md": "insenet_card.md",
}
"""Pages that live elsewhere, and what the site calls them."""
LINK = re.compile(r"(\]\()([^)#\s]+)(#[^)\s]*)?(\))")
FOLDERS = ("pictures", "results")


def site_pages(nav: list[dict[str, Any]]) -> Iterator[str]:
    """List the pages that a nav names."""
    for entry in nav:
        for target in entry.values():
            if isinstance(target, str):
                yield target
            else:
                yield from site_pages(target)


def lay_out(out: Path) -> Path:
    """Write pages and configuration of the site into a folder; return the configuration."""
    config = tomllib.loads((DOCS / "site.toml").read_text("utf-8"))
    listed = set(site_pages(config["project"]["nav"]))
    unlisted = {page.name for page in DOCS.glob("*.md")} - listed
    if unlisted:
        sys.exit(f"error: docs/site.toml: no shelf has {', '.join(sorted(unlisted))}")
    pages = out / "pages"
    shutil.rmtree(pages, ignore_errors=True)
    pages.mkdir(parents=True)
    elsewhere = {name: source for source, name in BROUGHT.items()}
    for name in sorted(listed):
        source = ROOT / elsewhere.get(name, f"docs/{name}")
        text = LINK.sub(lambda m, source=source: _moved(m, source), source.read_text("utf-8"))
        (pages / name).write_text(text, "utf-8")
    for folder in FOLDERS:
        shutil.copytree(DOCS / folder, pages / folder)
    api = api_pages()
    (pages / "api").mkdir()
    for name, text in api.items():
        (pages / name).write_text(text, "utf-8")
    text = (DOCS / "site.toml").read_text("utf-8")
    named = ", ".join(f'{{ "{Path(name).stem}" = "{name}" }}' for name in api)
    text = text.replace('"API" = []', f'"API" = [{named}]')
    text = text.replace('paths = ["."]', f'paths = ["{ROOT.as_posix()}"]')
    written = out / "zensical.toml"
    written.write_text(text, "utf-8")
    return written


def api_pages() -> dict[str, str]:
    """Write a page for what `musqa_pipeline` exports, and one for each folder of the libraries."""
    top = "# musqa_pipeline\n\n" + "\n\n".join(
        f"::: {name}"
        for name in (
            "musqa_pipeline.scoring.scorer.Scorer",
            "musqa_pipeline.audio.metrics.visqol_mos.visqol_mos",
            "musqa_pipeline.release.torch_metrics.MusicQuality",
        )
    )
    found = {"api/musqa_pipeline.md": top + "\n"}
    for building in LIBRARIES:
        package = ROOT / "musqa_pipeline" / building
        for folder in sorted({package, *(p.parent for p in package.rglob("*.py"))}):
            modules = sorted(p for p in folder.glob("*.py") if not p.name.startswith("_"))
            dotted = ".".join(folder.relative_to(ROOT).parts)
            short = dotted.removeprefix("musqa_pipeline.")
            if modules:
                parts = [f"# {short}", *(f"::: {dotted}.{module.stem}" for module in modules)]
                found[f"api/{short}.md"] = "\n\n".join(parts) + "\n"
    return found


def _moved(match: re.Match[str], source: Path) -> str:
    """Return a link as it is on the site: to a page's new name, or to the file in the sources."""
    opening, target, anchor, closing = match.group(1), match.group(2), match.group(3), ")"
    if "://" in target or target.startswith("mailto:"):
        return match.group(0)
    path = (source.parent / target).resolve()
    if not path.exists():
        sys.exit(f"error: {source.relative_to(ROOT)}: a link to {target}, which does not exist")
    name = path.relative_to(ROOT).as_posix()
    return f"{opening}{BROUGHT.get(name, name.removeprefix('docs/'))}{anchor or ''}{closing}"


def main() -> None:
    """Build the site."""
    words = [word for word in sys.argv[1:] if word != "--only-pages"]
    out = Path(words[0] if words else ROOT / "site")
    config = lay_out(out)
    if "--only-pages" not in sys.argv:
        command = [str(Path(sys.executable).with_name("zensical")), "build", "--strict"]
        done = subprocess.run([*command, "-f", config.name], cwd=out, check=False)
        if done.returncode:
            sys.exit("error: the site was not built; mend what is named above")
        print(f"{out / 'site' / 'index.html'}")


if __name__ == "__main__":
    main()
