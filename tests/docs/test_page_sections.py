"""Scripts write between two comments of a page, and nowhere else."""

import pytest

PAGE = "# A page\n\n<!-- a -->\n\nold\n\n<!-- /a -->\n\nbetween\n\n<!-- b -->\n<!-- /b -->\nend\n"


@pytest.fixture
def page(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(PAGE, "utf-8")
    return page


def test_sections_are_replaced_and_the_rest_is_left(page):
    from page_sections import write_sections

    write_sections(page, {"a": "| é |", "b": "more"})
    wanted = PAGE.replace("old", "| é |").replace("<!-- b -->\n", "<!-- b -->\n\nmore\n\n")
    assert page.read_text("utf-8") == wanted
    write_sections(page, {"a": "| é |"})
    assert page.read_text("utf-8") == wanted


def test_a_section_that_the_page_lacks_is_an_error_and_nothing_is_written(page):
    from page_sections import write_sections

    with pytest.raises(SystemExit, match=r"<!-- c --> … <!-- /c --> not found in docs/page\.md"):
        write_sections(page, {"a": "new", "c": "none"})
    assert page.read_text("utf-8") == PAGE
    write_sections(page, {"a": "new", "c": "none"}, if_there=True)
    assert page.read_text("utf-8") == PAGE.replace("old", "new")
