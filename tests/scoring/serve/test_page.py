"""The page in a real browser: a file is dropped, scored, looked at and heard."""

import json
import re
import urllib.request

import pytest

from tests.scoring.serve.browser import find_chromium

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(find_chromium() is None, reason="no Chromium: run `make browser` as root"),
]
SCORED = "!document.getElementById('result').hidden"
REFUSED = "!document.getElementById('problem').hidden"


def text(page, name):
    return page.value(f"document.getElementById({name!r}).textContent.trim()")


def test_a_file_is_dropped_scored_and_heard(page, address, folder):
    path = folder / "faulty, née ♫.flac"
    request = urllib.request.Request(f"{address}api/v1/score", path.read_bytes(), method="POST")
    request.add_header("Content-Type", "audio/flac")
    score = json.load(urllib.request.urlopen(request))["score"]
    assert len(score["events"]) >= 2

    page.drop(path, "#drop")
    page.wait_for(SCORED)
    assert text(page, "name") == path.name
    assert text(page, "mos") == f"{score['mos']:.2f}"
    assert text(page, "word") == score["words"]
    assert text(page, "meaning") == score["sentence"]
    assert text(page, "loudness") == f"{score['loudness_lufs']:.1f} LUFS"
    assert text(page, "format") == "48 kHz, stereo"
    assert text(page, "origin").startswith(score["origin"]["verdict"])
    told = "lossy" in score["origin"]["verdict"]
    n_told = page.value("document.querySelectorAll('#evidence li').length")
    assert n_told == (len(score["origin"]["evidence"]) if told else 0)
    buttons = page.value("[...document.querySelectorAll('#events button')].map(b => b.textContent)")
    assert len(buttons) == len(score["events"])
    for button, event in zip(buttons, score["events"], strict=True):
        assert event["text"] in button

    # The browser plays the user's own file; a click on a find jumps there.
    late = max(range(len(buttons)), key=lambda index: score["events"][index]["start_s"])
    page.click(f"#events li:nth-child({late + 1}) button")
    page.wait_for("!document.getElementById('player').paused")
    start_s = score["events"][late]["start_s"]
    page.wait_for(f"Math.abs(document.getElementById('player').currentTime - {start_s}) < 3")
    assert page.value("document.getElementById('player').src").startswith("blob:")
    assert text(page, "player-note") == ""

    # A click on the timeline jumps, too: its middle is about the recording's.
    page.value("document.getElementById('player').pause()")
    page.click("#timeline")
    page.wait_for("Math.abs(document.getElementById('player').currentTime - 12) < 3")

    assert page.complaints() == []
    asked = page.requested()
    assert f"{address}api/v1/score" in asked
    assert any(url.startswith(f"{address}api/v1/spectrogram?") for url in asked)
    assert [url for url in asked if not url.startswith((address, f"blob:{address}", "data:"))] == []


def test_it_works_by_keyboard_alone(page, folder):
    page.press("Tab")
    page.press("Tab")
    assert page.value("document.activeElement.id") == "file"  # after the link to the API
    page.choose(folder / "faulty, née ♫.flac", "#file")
    page.wait_for(SCORED)
    assert page.value("document.activeElement.id") == "name"
    page.value("document.getElementById('timeline').focus()")
    now = "Number(document.getElementById('timeline').getAttribute('aria-valuenow'))"
    page.press("ArrowRight")
    page.press("ArrowRight", modifiers=8)
    assert page.value(now) == 11.0
    page.press("ArrowLeft")
    assert page.value(now) == 10.0
    page.press("End")
    assert page.value(now) == 24.0
    page.press("n")
    current = "document.querySelector('#events [aria-current=true]').dataset.index"
    assert page.value(current) == "0"
    page.press("n")
    assert page.value(current) == "1"
    page.press("p")
    assert page.value(current) == "0"
    assert page.complaints() == []


def test_what_the_browser_cannot_play_is_heard_as_wav(page, folder):
    page.drop(folder / "old.aiff", "#drop")
    page.wait_for(SCORED)
    page.wait_for("document.getElementById('player-note').textContent.startsWith('Playing a')")
    page.wait_for("document.getElementById('player').duration > 11.9")
    assert page.complaints() == []


def test_a_file_that_is_no_music_is_refused_with_a_sentence(page, folder):
    page.drop(folder / "notes.txt", "#drop")
    page.wait_for(REFUSED)
    assert text(page, "problem").startswith("notes.txt: ")
    assert page.value("document.getElementById('result').hidden")
    page.drop(folder / "old.aiff", "#drop")  # and the next one is scored
    page.wait_for(SCORED)
    assert page.value("document.getElementById('problem').hidden")


@pytest.mark.parametrize("width", [1400, 400])
@pytest.mark.parametrize("dark", [False, True])
def test_nothing_is_wider_than_the_screen(page, folder, width, dark):
    page.choose(folder / "faulty, née ♫.flac", "#file")
    page.wait_for(SCORED)
    page.value("document.querySelectorAll('details').forEach(d => { d.open = true; })")
    page.resize(width, 900, dark=dark)
    assert page.value("document.documentElement.scrollWidth") == width
    ink, ground = (
        page.value(f"getComputedStyle(document.body).{name}").removeprefix("rgb")
        for name in ("color", "backgroundColor")
    )
    light = [sum(map(int, re.findall(r"\d+", colour))) for colour in (ink, ground)]
    assert (light[0] > light[1]) is dark


def test_the_description_is_shown_without_anything_from_outside(page, address):
    page.open(f"{address}api/docs")
    page.wait_for("document.querySelectorAll('#paths section').length === 7")
    page.wait_for("document.getElementById('RecordingScore')")
    assert page.complaints() == []
    assert [url for url in page.requested() if not url.startswith((address, "data:"))] == []
