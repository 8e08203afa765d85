"""The page: whole, self-contained, and safe whatever files are called."""

import base64
import json
import os
import re
import shutil

import numpy as np
import pytest

from musqa_pipeline.scoring.scan import page
from musqa_pipeline.scoring.scan.page import CSV_COLUMNS
from musqa_pipeline.scoring.scan.thumbnails import COLUMNS, ROWS, thumbnail
from tests import ROOT
from tests.scoring.scan.test_scan import DULL, FAKE, rows_of
from tests.scoring.serve.browser import Browser, find_chromium


def data_of(path):
    text = path.read_text("utf-8")
    parts = re.findall(r'<script id="(\w+)" type="application/json">(.*?)</script>', text, re.S)
    found = {name: json.loads(part) for name, part in parts}
    return found["head"], [
        dict(zip(found["head"]["fields"], row, strict=True)) for row in found["data"]
    ]


def test_the_page_holds_what_the_table_holds(first_scan):
    scanned, report = first_scan
    head, rows = data_of(report.page)
    table = rows_of(scanned.out)
    assert [row["file"] for row in rows] == list(table)
    assert head["summary"] == report.summary
    for row in rows:
        written = table[row["file"]]["mos"]
        assert row["mos"] == (round(float(written), 2) if written else None)
        assert bool(row["problem"]) == (row["thumbnail"] == "")
    two = next(row for row in rows if row["file"] == "two.wav")
    assert [w[:2] for w in two["windows"]] == [[0.3, 10.3], [11.0, 21.0], [21.7, 31.7]]
    assert len(base64.b64decode(two["thumbnail"])) == COLUMNS * ROWS // 2


def test_nothing_is_fetched_and_names_cannot_break_out(first_scan):
    text = first_scan[1].page.read_text("utf-8")
    assert not re.search(r"\b(src|href|url)\s*[=(]", text)
    assert set(re.findall(r"https?://[^\s\"')]+", text)) == {"http://www.w3.org/2000/svg"}
    assert "default-src 'none'" in text
    assert "\\u003cb>dull" in text
    assert "<b>dull" not in text
    assert "innerHTML" not in text


def test_the_page_has_the_worst_rows_alone(first_scan, scanned, monkeypatch):
    monkeypatch.setattr(page, "MOST_ROWS", 3)
    report = scanned.again()
    head, rows = data_of(report.page)
    assert (len(rows), rows[0]["file"], head["mostRows"]) == (3, DULL, 3)
    assert len(rows_of(scanned.out)) == 9


def test_a_thumbnail_shows_pitch_and_time():
    rate_hz = 44_100
    t = np.arange(10 * rate_hz) / rate_hz
    low, high = (np.sin(2 * np.pi * hz * t).astype(np.float32) for hz in (3_000, 15_000))
    data = thumbnail((low, high), rate_hz)
    cells = np.frombuffer(data, np.uint8)
    image = np.stack([cells >> 4, cells & 15], axis=1).reshape(ROWS, COLUMNS)
    row_of = [ROWS - 1 - int(hz / (22_000 / ROWS)) for hz in (3_000, 15_000)]
    assert image[:, 5].argmax() == row_of[0]
    assert image[:, 50].argmax() == row_of[1]
    assert image[row_of[1], 5] < 8
    assert image.max() == 15


@pytest.mark.parametrize("rate_hz", [8_000, 192_000])
def test_a_thumbnail_of_any_rate_has_one_size(rate_hz):
    noise = np.random.default_rng(1).standard_normal(rate_hz).astype(np.float32)
    assert len(thumbnail([noise], rate_hz)) == COLUMNS * ROWS // 2
    silent = thumbnail([np.zeros(100, np.float32)], rate_hz)
    assert silent == thumbnail([], rate_hz) == bytes(COLUMNS * ROWS // 2)


def test_addresses_lead_from_the_page_to_the_files(first_scan):
    _, report = first_scan
    head, rows = data_of(report.page)
    assert head["library"] == "../music"
    for row in rows:
        assert row["address"] == ""  # names that are text say it themselves
        assert (report.page.parent / head["library"] / row["file"]).is_file()
    assert "media-src 'self' file:" in report.page.read_text("utf-8")


def test_a_name_that_is_no_text_has_an_address(scanned):
    odd = os.fsencode(scanned.library) + b"/odd \xff\x1b#.wav"
    shutil.copy(scanned.library / "two.wav", os.fsdecode(odd))
    _, rows = data_of(scanned.again().page)
    addresses = {row["file"]: row["address"] for row in rows if row["address"]}
    assert addresses == {"odd \\xff\\x1b#.wav": "odd%20%FF%1B%23.wav"}


def test_the_dynamics_of_what_was_heard_are_told(first_scan):
    scanned, report = first_scan
    table = rows_of(scanned.out)
    assert float(table["two.wav"]["crest_factor_db"]) > 5
    assert float(table["two.wav"]["loudness_range_lu"]) >= 0
    silent = table["b sides/silence.flac"]
    assert (silent["crest_factor_db"], silent["loudness_range_lu"]) == ("", "")
    shown = {row["file"]: row for row in data_of(report.page)[1]}
    expected = round(float(table["two.wav"]["crest_factor_db"]), 1)
    assert shown["two.wav"]["crest_factor_db"] == expected


@pytest.mark.long
@pytest.mark.skipif(find_chromium() is None, reason="no Chromium: run `make browser` as root")
def test_a_row_plays_its_file(first_scan):
    _, report = first_scan
    with Browser() as browser:
        browser.open(report.page.as_uri())
        browser.wait_for("document.querySelectorAll('#rows > li').length === 9")
        browser.value(
            "[...document.querySelectorAll('.row')]"
            ".find(row => row.textContent.includes('<b>dull')).click()"
        )
        assert browser.value("document.querySelector('audio').preload") == "none"
        assert [url for url in browser.requested() if "dull" in url] == []  # until it plays
        audio = "document.querySelector('audio')"
        browser.value(f"{audio}.play().then(() => true)")
        browser.wait_for(f"{audio}.currentTime > 0.2")
        assert browser.value(f"{audio}.duration") == pytest.approx(12, abs=0.1)
        find = "document.querySelector('.more .events button')"
        start_s = browser.value(f"{find}.textContent.split('–')[0].split(':').at(-1)")
        browser.value(f"{find}.click()")
        browser.wait_for(f"Math.abs({audio}.currentTime - {float(start_s)}) < 2")
        link = browser.value("document.querySelector('.player a').href")
        assert link.endswith("/music/%3Cb%3Edull%20%26%20old.flac")
        assert browser.complaints() == []


@pytest.mark.long
@pytest.mark.skipif(find_chromium() is None, reason="no Chromium: run `make browser` as root")
def test_rows_are_filtered_sorted_and_opened_in_a_browser(first_scan):
    _, report = first_scan
    with Browser() as browser:
        browser.open(report.page.as_uri())
        browser.wait_for("document.querySelectorAll('#rows > li').length === 9")
        names = "[...document.querySelectorAll('.name b')].map(e => e.textContent)"
        assert browser.value(names)[0] == DULL
        assert browser.value("document.querySelectorAll('canvas').length") == 7

        def choose(name, value):
            browser.value(
                f"(e => {{ e.value = {value!r}; e.dispatchEvent(new Event('input', "
                f"{{bubbles: true}})); }})(document.getElementById({name!r}))"
            )
            return browser.value(names)

        assert choose("show", "unreadable") == ["b sides/truncated.flac", "picture.mp3"]
        assert sorted(choose("show", "copies")) == ["b sides/one again.mp3", "one.flac"]
        choose("show", "all files")
        assert choose("search", "TWO") == ["two.wav"]
        choose("search", "")
        assert choose("sort", "name")[0] == DULL
        assert choose("from", "1")[-1] != "picture.mp3"
        browser.value("document.querySelector('.row').click()")
        assert DULL in browser.value("document.querySelector('.more').textContent")


def test_none_of_the_copies_of_a_fake_is_the_best(scanned):
    shutil.copy(scanned.library / FAKE, scanned.library / "z.flac")
    report = scanned.again()
    rows = rows_of(scanned.out)
    why = "all lossless copies are likely of lossy origin"
    for name in (FAKE, "z.flac"):
        row = rows[name]
        assert (row["n_copies"], row["best_copy"], row["best_because"]) == ("2", "", why)
    assert rows["one.flac"]["best_because"] != ""
    shown = {row["file"]: row for row in data_of(report.page)[1]}
    assert (shown[FAKE]["is_best_copy"], shown[FAKE]["best_copy"]) == (0, "")
    assert shown[FAKE]["best_because"] == why
    assert (shown["one.flac"]["is_best_copy"], shown["one.flac"]["best_copy"]) == (1, "")


@pytest.mark.long
@pytest.mark.skipif(find_chromium() is None, reason="no Chromium: run `make browser` as root")
def test_copies_without_a_best_one_are_told_in_a_browser(scanned):
    shutil.copy(scanned.library / FAKE, scanned.library / "z.flac")
    report = scanned.again()
    with Browser() as browser:
        browser.open(report.page.as_uri())
        browser.wait_for("document.querySelectorAll('#rows > li').length === 10")

        def shown(choice):
            browser.value(
                f"(e => {{ e.value = {choice!r}; e.dispatchEvent(new Event('input', "
                "{bubbles: true})); })(document.getElementById('show'))"
            )
            return browser.value(
                "[...document.querySelectorAll('#rows > li')].map(e => e.textContent)"
            )

        assert len(shown("copies")) == 4
        (other,) = shown("copies that are not the best")
        assert "one again.mp3" in other
        rows = shown("copies without a best one")
        assert len(rows) == 2
        assert all("copy, none is the best" in row for row in rows)
        browser.value("document.querySelector('.row').click()")
        more = browser.value("document.querySelector('.more').textContent")
        assert "None is called the best: all lossless copies are likely of lossy origin." in more
        assert browser.complaints() == []


def test_the_docs_explain_every_column():
    text = (ROOT / "docs" / "scanning.md").read_text("utf-8")
    told = dict(re.findall(r"^\| `(\w+)` \| (.+) \|$", text, re.M))
    assert told == CSV_COLUMNS
