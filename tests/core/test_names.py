"""Names and paths out of foreign files: what they may be, and where they may lead."""

import numpy as np
import pytest
import soundfile

from musqa_pipeline.catalogs.equalised import write_equalised_catalog
from musqa_pipeline.core.errors import CatalogError, LakeError
from musqa_pipeline.core.names import is_name, short, stays_inside
from musqa_pipeline.storage.stores.local_store import LocalStore

CLIMBING = ["../x.wav", "a/../../x.wav", "/etc/x.wav", "a\0.wav", ".."]


@pytest.mark.parametrize("name", ["a", "openmusic", "0_a-B", "x" * 64])
def test_names_are_letters_digits_and_dashes(name):
    assert is_name(name)


@pytest.mark.parametrize(
    "name", ["", "-a", "_a", "a.b", "a/b", "a\n", "a\0", "é", "a b", "..", "x" * 65, "a\\b"]
)
def test_all_else_is_no_name(name):
    assert not is_name(name)


@pytest.mark.parametrize("path", [*CLIMBING, "", "."])
def test_a_path_of_a_table_that_may_lead_elsewhere_is_told(path):
    assert not stays_inside(path)
    assert stays_inside("a/b..c/d.wav")


@pytest.mark.parametrize("key", ["../x", "lake/../../x", "/etc/x", "a\0"])
def test_no_key_of_the_lake_leads_out_of_its_home(tmp_path, key):
    store = LocalStore(tmp_path / "home")
    for write in (lambda: store.write_bytes(key, b"x"), lambda: store.delete(key)):
        with pytest.raises(LakeError, match=r"is no key below .*home; what names it is damaged"):
            write()
    assert list(tmp_path.iterdir()) == []
    store.write_bytes("lake/a/b", b"x")
    assert store.read_bytes("lake/a/b") == b"x"


@pytest.mark.parametrize("file", [*CLIMBING[:4], "link.wav"])
def test_darker_copies_are_made_of_files_inside_of_the_folder_alone(tmp_path, file):
    music, noise = tmp_path / "music", np.random.default_rng(1).standard_normal(4_800)
    music.mkdir()
    soundfile.write(tmp_path / "x.wav", 0.1 * noise, 48_000)
    (music / "link.wav").symlink_to(tmp_path / "x.wav")
    (music / "tracks.csv").write_text(f"file,recording\n{file},r\n")
    with pytest.raises(CatalogError, match="expected a path inside the catalog's folder"):
        write_equalised_catalog(music, tmp_path / "copies", log=lambda line: None)
    assert not (tmp_path / "copies").exists()


def test_a_foreign_value_in_a_message_is_short_and_has_no_control_characters():
    assert short("a\x1b\n") == r"'a\x1b\n'"
    assert short("x" * 1000) == f"'{'x' * 60}'… (1,000 characters)"
    assert short(list(range(1000))).endswith("… (4,890 characters)")
    assert len(short({"a": "x" * 1000})) < 100
