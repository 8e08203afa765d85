import pytest

from musqa_pipeline.core.errors import MusqaError
from musqa_pipeline.core.home import find_checkout, home_folder, require_checkout


def test_the_checkout_is_found_from_any_folder_inside_it(tmp_path, monkeypatch):
    monkeypatch.delenv("MUSQA_PROJECT", raising=False)
    monkeypatch.delenv("MUSQA_HOME", raising=False)
    (tmp_path / "dagster.yaml").touch()
    inside = tmp_path / "a" / "b"
    inside.mkdir(parents=True)
    monkeypatch.chdir(inside)
    assert find_checkout() == tmp_path
    assert home_folder() == tmp_path / "data"


def test_outside_a_checkout_one_sentence_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.delenv("MUSQA_PROJECT", raising=False)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(MusqaError, match="change into one, or set MUSQA_PROJECT"):
        require_checkout()
    monkeypatch.setenv("MUSQA_PROJECT", str(tmp_path))
    with pytest.raises(MusqaError, match=r"no dagster\.yaml there; set it to a checkout"):
        require_checkout()


def test_musqa_home_wins_over_the_checkout(tmp_path, monkeypatch):
    monkeypatch.setenv("MUSQA_HOME", str(tmp_path / "lake"))
    assert home_folder() == tmp_path / "lake"
