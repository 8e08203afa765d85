"""The documentation site: every page on one shelf, every link to something, and a strict build."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests import ROOT


@pytest.fixture(scope="module")
def site():
    import build_site

    return build_site


@pytest.fixture(scope="module")
def laid_out(site, tmp_path_factory):
    out = tmp_path_factory.mktemp("site")
    return site.lay_out(out).parent


def nav(folder):
    config = tomllib.loads((folder / "zensical.toml").read_text())
    return config["project"]["nav"]


def test_every_page_is_on_one_shelf_of_the_four(site, laid_out):
    shelves = [next(iter(entry)) for entry in nav(laid_out)]
    assert shelves == [
        "Home", "Use the scorer", "Run the factory", "Understand the science", "Change the code",
    ]  # fmt: skip
    pages = list(site.site_pages(nav(laid_out)))
    assert len(pages) == len(set(pages))
    assert {page for page in pages if "/" not in page} == {
        *(page.name for page in (ROOT / "docs").glob("*.md")), *site.BROUGHT.values(),
    }  # fmt: skip
    assert sorted(pages) == sorted(
        path.relative_to(laid_out / "pages").as_posix()
        for path in (laid_out / "pages").rglob("*.md")
        if path.parent.name != "results"
    )


def test_every_link_between_pages_leads_to_one(laid_out):
    n_links = 0
    for page in (laid_out / "pages").glob("*.md"):
        for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text()):
            if "://" not in target:
                assert (page.parent / target).exists(), f"{page.name}: {target}"
                n_links += 1
    assert n_links > 200


def test_the_api_has_every_module_of_the_libraries(site):
    pages = site.api_pages()
    listed = set(re.findall(r"^::: (\S+)$", "\n".join(pages.values()), re.MULTILINE))
    for building in site.LIBRARIES:
        for path in (ROOT / "musqa_pipeline" / building).rglob("*.py"):
            dotted = ".".join(path.relative_to(ROOT).with_suffix("").parts)
            assert (dotted in listed) == (not path.name.startswith("_")), dotted
    assert "musqa_pipeline.scoring.scorer.Scorer" in pages["api/musqa_pipeline.md"]


def test_a_link_to_nothing_ends_with_its_place(site, monkeypatch):
    match = site.LINK.search("[x](nowhere.md#there)")
    with pytest.raises(SystemExit, match=r"README.md: a link to nowhere.md, which does not exist"):
        site._moved(match, ROOT / "README.md")


def test_a_page_that_no_shelf_has_is_named(site, tmp_path, monkeypatch):
    docs = tmp_path / "docs"
    docs.mkdir()
    (docs / "site.toml").write_text((ROOT / "docs/site.toml").read_text())
    (docs / "lonely.md").write_text("# Lonely\n")
    monkeypatch.setattr(site, "DOCS", docs)
    with pytest.raises(SystemExit, match=r"docs/site.toml: no shelf has lonely.md"):
        site.lay_out(tmp_path / "out")


def test_the_long_tests_install_what_builds_the_site(tmp_path):
    done = subprocess.run(
        ["make", "--dry-run", "test-long", f"VENV={tmp_path}"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.index('".[docs]"') < done.stdout.index("-m pytest")


@pytest.mark.long
@pytest.mark.timeout(900)
def test_the_site_is_built_without_a_warning(tmp_path):
    zensical = Path(sys.executable).with_name("zensical")
    if not zensical.exists():
        pytest.skip("needs the extra [docs]: make docs-site installs it")
    done = subprocess.run(
        [sys.executable, ROOT / "docs/scripts/build_site.py", tmp_path],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    built = Path(done.stdout.splitlines()[-1])
    assert "How good does this music sound" in built.read_text()
    assert "score_batch" in (built.parent / "api/musqa_pipeline.html").read_text()
    assert (built.parent / "search.json").stat().st_size > 1e5


DOCKERFILES = sorted((ROOT / "deploy").glob("*.Dockerfile"))


@pytest.mark.parametrize("path", DOCKERFILES, ids=lambda path: path.name)
def test_what_a_dockerfile_copies_is_there(path):
    copied = re.findall(r"^COPY (?!--from)(?:--\S+ )?(.+) \S+$", path.read_text(), re.MULTILINE)
    assert copied
    for name in " ".join(copied).split():
        assert (ROOT / name).exists(), name


@pytest.mark.long
@pytest.mark.parametrize("path", DOCKERFILES, ids=lambda path: path.name)
def test_hadolint_has_nothing_to_say(path):
    hadolint = Path(sys.executable).with_name("hadolint")
    if not hadolint.exists():
        pytest.skip("needs the extra [docs]: make docs-site installs it")
    done = subprocess.run([hadolint, path], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")
