"""The spectrogram of the page: zoomed, moved, read, in other scales and channels, and saved."""

import io
import json
import re

import numpy as np
import pytest
import soundfile
from PIL import Image

from musqa_pipeline.scoring.picture.axes import hz_ticks, time_ticks
from musqa_pipeline.scoring.picture.colours import tint, usual_range
from musqa_pipeline.scoring.picture.levels import LOWEST_DB, STEP_DB
from musqa_pipeline.scoring.picture.paint import BOTTOM, LEFT, RIGHT, TOP, Sheet, paint
from musqa_pipeline.scoring.picture.view import Scale, View
from tests.audio.music import music
from tests.scoring.serve.browser import find_chromium

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(find_chromium() is None, reason="no Chromium: run `make browser` as root"),
]
RATE_HZ = 48_000
SEEN = "document.getElementById('look') && !document.getElementById('look').hidden"
SCORED = "!document.getElementById('result').hidden"
IDLE = "document.getElementById('progress').hidden"


@pytest.fixture(scope="module")
def tones(tmp_path_factory):
    """Left 1 kHz at -6 dB, right 5 kHz at -26 dB, 20 s; the last 10 s are silent."""
    seconds = np.arange(20 * RATE_HZ) / RATE_HZ
    samples = np.stack(
        [0.5 * np.sin(2 * np.pi * 1_000 * seconds), 0.05 * np.sin(2 * np.pi * 5_000 * seconds)],
        axis=1,
    )
    samples[10 * RATE_HZ :] = 0
    path = tmp_path_factory.mktemp("tones") / "tones.flac"
    soundfile.write(path, samples, RATE_HZ)
    return path


@pytest.fixture
def drawn(page, tones):
    page.drop(tones, "#drop")
    page.wait_for(SCORED)
    return page


def text(page, name):
    return page.value(f"document.getElementById({name!r}).textContent.trim()")


def seen(page):
    """Start, stop (s), low and high (Hz) of what is seen, by what the page says."""
    found = text(page, "seen")
    times = [60 * int(m) + float(s) for m, s in re.findall(r"(\d+):([\d.]+)", found)] or [0, 20]
    return (*times, *map(int, re.search(r"(\d+) to (\d+) Hz", found).groups()))


def point_at(page, time_s, hz):
    """Move the mouse to a time and a frequency of a linear picture, and return what is read."""
    x, y = page.value(
        "(() => { const e = document.getElementById('timeline'); "
        "e.scrollIntoView({block: 'center'}); const b = e.getBoundingClientRect(); "
        "return [b.x, b.y]; })()"
    )
    start, stop, low, high = seen(page)
    plot = page.value("document.getElementById('timeline').dataset.plot")
    left, top, right, bottom = map(float, plot.split(","))
    at = (
        x + left + (time_s - start) / (stop - start) * (right - left),
        y + bottom - (hz - low) / (high - low) * (bottom - top),
    )
    page.send("Input.dispatchMouseEvent", type="mouseMoved", x=at[0], y=at[1])
    return at, text(page, "readout")


def level_of(readout):
    return float(re.search(r"· ([−\d.]+) dB$", readout)[1].replace("−", "-"))


def choose(page, name, value):
    page.value(
        f"(() => {{ const e = document.getElementById({name!r}); e.value = {value!r}; "
        "e.dispatchEvent(new Event('change')); })()"
    )


def saving(page, folder, button, name):
    """Click a button that saves a file, and wait for it."""
    page.send("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(folder))
    page.click(button)
    for _ in range(100):
        if (folder / name).exists():
            return
        page.value("new Promise((done) => setTimeout(done, 100))")


def test_the_cursor_reads_time_frequency_and_level(drawn):
    # A line of the picture is 70 Hz high.
    readout = max((point_at(drawn, 5, hz)[1] for hz in (930, 1_000, 1_070)), key=level_of)
    time, hz, _ = readout.split(" · ")
    assert time.startswith(("0:05.0", "0:04.9"))
    assert float(hz.removesuffix(" kHz")) == pytest.approx(1.0, abs=0.1)
    # The mean of both channels is 6 dB softer; a Hann window reads up to 1.4 dB less.
    assert level_of(readout) == pytest.approx(-12.5, abs=1.5)
    assert level_of(point_at(drawn, 5, 9_000)[1]) < -80
    assert point_at(drawn, 15, 1_010)[1].endswith("below -122.5 dB")
    assert drawn.complaints() == []


def test_channels_and_scales_are_asked_for_and_drawn(drawn):
    choose(drawn, "channel", "left")
    drawn.wait_for("performance.getEntriesByType('resource').some(e => e.name.includes('=left'))")

    for _ in range(50):
        read = [point_at(drawn, 5, hz)[1] for hz in (930, 1_000, 1_070)]
        if not any("below" in each for each in read):
            break
        drawn.value("new Promise((done) => setTimeout(done, 100))")
    assert max(map(level_of, read)) == pytest.approx(-6.5, abs=1.5)
    choose(drawn, "view-scale", "log")
    drawn.wait_for(
        "performance.getEntriesByType('resource').some(e => e.name.includes('scale=log'))"
    )
    assert seen(drawn) == (0, 20, 20, 24_000)
    assert drawn.complaints() == []


def test_it_is_zoomed_and_moved_with_the_mouse(drawn):
    (x, y), _ = point_at(drawn, 5, 12_000)
    wheel = {"type": "mouseWheel", "x": x, "y": y, "deltaX": 0}
    drawn.send("Input.dispatchMouseEvent", **wheel, deltaY=-300, modifiers=2)  # Ctrl
    start, stop, low, high = seen(drawn)
    assert stop - start == pytest.approx(20 / 1.25**3, abs=0.1)
    assert (5 - start) / (stop - start) == pytest.approx(0.25, abs=0.02)  # the place is kept
    assert (low, high) == (0, 24_000)
    drawn.send("Input.dispatchMouseEvent", **wheel, deltaY=-300, modifiers=10)  # and Shift
    assert seen(drawn)[3] - seen(drawn)[2] == pytest.approx(24_000 / 1.25**3, rel=0.01)
    drawn.click("#see-all")
    assert seen(drawn) == (0, 20, 0, 24_000)

    (x, y), _ = point_at(drawn, 2, 8_000)
    (right, top), _ = point_at(drawn, 4, 16_000)
    mouse = {"button": "left", "clickCount": 1}
    drawn.send("Input.dispatchMouseEvent", type="mousePressed", x=x, y=y, **mouse)
    drawn.send("Input.dispatchMouseEvent", type="mouseMoved", x=right, y=top, **mouse)
    drawn.send("Input.dispatchMouseEvent", type="mouseReleased", x=right, y=top, **mouse)
    np.testing.assert_allclose(seen(drawn), (2, 4, 8_000, 16_000), rtol=0.02)
    assert drawn.value("document.getElementById('player').paused")  # a drag is no click
    (x, y), _ = point_at(drawn, 3, 12_000)
    drawn.send("Input.dispatchMouseEvent", type="mousePressed", x=x, y=y, modifiers=8, **mouse)
    drawn.send("Input.dispatchMouseEvent", type="mouseMoved", x=x - 80, y=y, modifiers=8, **mouse)
    drawn.send("Input.dispatchMouseEvent", type="mouseReleased", x=x - 80, y=y, **mouse)
    start, stop, *_ = seen(drawn)
    assert start > 2.05
    assert stop - start == pytest.approx(2, abs=0.03)
    assert drawn.complaints() == []


def test_nearer_pictures_are_asked_for_once(drawn):
    entries = "performance.getEntriesByType('resource')"
    count = f"{entries}.filter(e => e.name.includes('spectrogram?')).length"
    before = drawn.value(count)
    nearer = "document.getElementById('time-in').click()"
    drawn.value(f"(() => {{ {'; '.join([nearer] * 4)}; }})()")  # at once, on a slow machine too
    drawn.wait_for(f"{count} === {before + 1}")
    start, stop, *_ = seen(drawn)
    assert (start, stop) == (0, 1.25)
    drawn.press("PageDown")  # the focus is on the name: nothing moves
    assert seen(drawn)[0] == 0
    drawn.value("document.getElementById('timeline').focus()")
    drawn.press("ArrowRight", modifiers=8)
    assert seen(drawn)[0] >= 0
    drawn.value("new Promise((done) => setTimeout(done, 600))")
    assert drawn.value(count) == before + 1  # half a view beside it is known


def test_keys_zoom_move_and_read(drawn):
    drawn.value("document.getElementById('timeline').focus()")
    drawn.press("End")
    drawn.press("Home")
    drawn.press("+")
    assert seen(drawn)[:2] == (0, 10)
    drawn.press("PageDown")
    assert seen(drawn)[:2] == (9, 19)
    drawn.press("]")
    assert seen(drawn)[3] - seen(drawn)[2] == pytest.approx(12_000, rel=0.01)
    drawn.press("0")
    assert seen(drawn) == (0, 20, 0, 24_000)
    drawn.press("ArrowRight")
    drawn.press("ArrowUp")
    spoken = drawn.value("document.getElementById('timeline').getAttribute('aria-valuetext')")
    assert spoken == text(drawn, "readout")
    assert re.search(r"kHz · .*dB$", spoken)
    assert drawn.complaints() == []


def test_each_layer_can_be_switched_off(page, folder):
    page.drop(folder / "faulty, née ♫.flac", "#drop")
    page.wait_for(SCORED)
    page.wait_for(IDLE)
    shot = "document.getElementById('timeline').toDataURL()"
    layers = page.value("[...document.querySelectorAll('#layers input')].map(box => box.id)")
    assert layers == [
        f"layer-{name}" for name in ("scores", "interval", "events", "edges", "cursor", "grid")
    ]
    shots = [page.value(shot)]
    for layer in layers:
        if layer == "layer-interval":  # the tiny model has none, so there is nothing to switch
            assert page.value("document.getElementById('label-interval').hidden")
            continue
        page.click(f"#{layer}")
        shots.append(page.value(shot))
    assert len(set(shots)) == len(shots)
    assert page.complaints() == []


def test_a_range_of_levels_is_kept_in_order(drawn):
    choose(drawn, "floor", "-60")
    assert drawn.value("document.getElementById('floor').value") == "-60"
    choose(drawn, "ceiling", "-70")
    assert drawn.value("document.getElementById('ceiling').value") != "-70"


def test_several_files_are_scored_one_after_the_other(page, folder, tones):
    page.drop([tones, folder / "notes.txt", folder / "old.aiff"], "#drop")
    page.wait_for("document.querySelectorAll('#recordings button').length === 3")
    page.wait_for(IDLE)
    rows = page.value(
        "[...document.querySelectorAll('#recordings button')].map(b => b.textContent)"
    )
    assert rows[1] == "notes.txtrefused"
    assert rows[0].startswith("tones.flac")
    assert rows[2].startswith("old.aiff")
    assert text(page, "name") == "tones.flac"
    page.click("#recordings li:nth-child(2) button")
    assert text(page, "problem").startswith("notes.txt: ")
    assert page.value("document.getElementById('shown').hidden")
    page.click("#recordings li:nth-child(3) button")
    page.wait_for(SEEN)
    assert text(page, "name") == "old.aiff"
    assert page.value("document.getElementById('problem').hidden")
    assert page.value("document.activeElement.textContent").startswith("old.aiff")
    assert page.complaints() == [] or all("415" in line for line in page.complaints())


LISTED = """import("./recordings.js").then(({ Recordings }) => {
  const list = document.createElement("ul");
  document.createElement("div").append(list);
  const found = new Recordings(list, () => {});
  const scores = [{ mos: 3, word: "poor", words: "poor or fair", abstained: "" },
    { mos: null, word: "", words: "", abstained: "speech" }];
  found.all = [...scores.map((score) => ({ name: "a", answer: { score } })),
    { name: "b", state: "waiting" }];
  found.render();
  const words = [...list.querySelectorAll("button > :last-child")];
  return words.map((word) => [word.textContent, word.className]);
})"""


def test_the_list_says_what_the_interval_allows(page):
    shown = [["poor or fair", "w-poor"], ["speech", "w-"], ["waiting", ""]]
    assert page.value(LISTED) == shown


def test_a_folder_is_taken_without_what_is_no_audio(page, folder, tones, tmp_path):
    inside = tmp_path / "album" / "disc 1"
    inside.mkdir(parents=True)
    (inside / "song.flac").write_bytes(tones.read_bytes())
    (inside.parent / "other.flac").write_bytes(tones.read_bytes())
    (inside / "cover.jpg").write_bytes(b"no music")
    page.drop(tmp_path / "album", "#drop")
    page.wait_for("document.querySelectorAll('#recordings button').length === 2")
    names = page.value(
        "[...document.querySelectorAll('#recordings button span:first-child')]"
        ".map(e => e.textContent)"
    )
    assert sorted(names) == ["album/disc 1/song.flac", "album/other.flac"]
    page.wait_for(IDLE)
    assert page.complaints() == []


def test_what_is_seen_is_saved(drawn, tmp_path):
    drawn.click("#time-in")
    saving(drawn, tmp_path, "#save-png", "tones.flac.png")
    saving(drawn, tmp_path, "#save-view", "tones.flac.view.json")
    saved = json.loads((tmp_path / "tones.flac.view.json").read_text("utf-8"))
    assert saved["file"] == "tones.flac"
    assert (saved["view"]["start_s"], saved["view"]["stop_s"]) == (0, 10)
    levels_db = np.array(saved["sources"][0]["levels_db"], float)
    assert levels_db.shape == (saved["columns"], saved["rows"])
    row = int(np.nanmean(levels_db, axis=0).argmax())
    assert (row + 0.5) / saved["rows"] * 24_000 == pytest.approx(1_000, abs=100)
    assert np.nanmax(levels_db) == pytest.approx(-12.5, abs=1.5)
    assert saved["score"]["duration_s"] == 20
    with Image.open(tmp_path / "tones.flac.png") as image:
        assert image.format == "PNG"
        assert image.width == drawn.value("document.getElementById('timeline').width")
    assert drawn.complaints() == []


def test_two_recordings_are_compared_at_one_loudness(page, tones, tmp_path):
    samples, _ = soundfile.read(tones)
    softer = tmp_path / "softer.aiff"  # Chromium plays none, so that the server makes a WAV of it
    soundfile.write(softer, samples / 4, RATE_HZ)
    page.drop([tones, softer], "#drop")
    page.wait_for(IDLE)
    choose(page, "other", "1")
    page.wait_for("!document.getElementById('pair-play').disabled")
    said = text(page, "pair-note")
    assert re.search(r"^A −[\d.]+ LUFS, played 12\.0 dB softer; B −[\d.]+ LUFS\.$", said), said

    page.click("#show-difference")
    at = (5, 1_000)
    assert re.search(r"(· |−)0\.[05] dB apart$", point_at(page, *at)[1])
    page.click("#match")
    assert "softer" not in text(page, "pair-note")
    assert 11.4 < float(re.search(r"([\d.]+) dB apart$", point_at(page, *at)[1])[1]) < 12.6
    page.click("#match")

    page.click("#show-a")
    matched = point_at(page, *at)[1]
    page.press("x")
    assert page.value("document.getElementById('show-b').getAttribute('aria-pressed')") == "true"
    assert level_of(point_at(page, *at)[1]) == pytest.approx(level_of(matched), abs=0.6)

    now = "Number(document.getElementById('timeline').getAttribute('aria-valuenow'))"
    page.click("#pair-play")
    page.wait_for(f"{now} > 0.5")
    began = page.value(f"[performance.now() / 1000, {now}]")
    for _ in range(6):
        page.press("x")
    ended = page.value(f"[performance.now() / 1000, {now}]")
    took_s = ended[0] - began[0]
    assert ended[1] - began[1] == pytest.approx(took_s, abs=0.3)  # switching costs no time
    page.click("#timeline")  # and a click plays both from there
    page.wait_for(f"Math.abs({now} - 10) < 2")
    page.click("#pair-play")

    choose(page, "other", "")
    assert page.value("document.getElementById('pair').hidden")
    assert not page.value("document.getElementById('player').hidden")
    assert page.complaints() == []


def test_a_mono_copy_at_another_rate_is_compared(page, tones, tmp_path):
    samples, _ = soundfile.read(tones)
    other = tmp_path / "mono.wav"
    soundfile.write(other, samples[: 10 * RATE_HZ : 6].mean(axis=1), RATE_HZ // 6)
    page.drop([tones, other], "#drop")
    page.wait_for(IDLE)
    choose(page, "channel", "left")
    choose(page, "other", "1")
    page.wait_for("!document.getElementById('pair-play').disabled")
    page.click("#show-b")
    assert seen(page) == (0, 20, 0, 24_000)
    page.click("#time-in")
    page.value("new Promise((done) => setTimeout(done, 1500))")
    assert page.value("document.getElementById('problem').hidden")
    assert page.complaints() == []


LAGS = """
import("/align.js").then(({ lagOfBuffers }) => {
  const made = (samples) => {
    const buffer = new AudioBuffer({ length: samples.length, sampleRate: 48000 });
    buffer.copyToChannel(samples, 0);
    return buffer;
  };
  let state = 1;
  const noise = Float32Array.from({ length: 4 * 48000 }, (_, i) => {
    state = (state * 48271) % 2147483647;
    return (state / 2147483647 - 0.5) * Math.exp(-(i % 9000) / 2000);
  });
  const moved = (by, gain) => noise.map((_, i) => gain * (noise[i - by] || 0));
  const steady = noise.map((_, i) => Math.sin(i / 7));
  const found = [[1105, 0.5], [-1105, 1], [0, 1], [20000, -1]].map(
    ([by, gain]) => Math.round(48000 * lagOfBuffers([noise, moved(by, gain)].map(made))),
  );
  return [...found, lagOfBuffers([noise, steady].map(made))];
})
"""


def test_sounds_are_aligned_to_the_sample(page):
    assert page.value(LAGS) == [1_105, -1_105, 0, 20_000, None]


@pytest.mark.parametrize("late_ms", [25, -60])
def test_a_copy_that_is_late_is_compared_in_time(page, tmp_path, late_ms):
    samples = music(12 * RATE_HZ)
    late = late_ms * RATE_HZ // 1_000
    moved = np.concatenate([np.zeros(late, np.float32), samples]) if late > 0 else samples[-late:]
    for name, part in (("first.wav", samples), ("late.wav", moved)):
        soundfile.write(tmp_path / name, part, RATE_HZ)
    page.drop([tmp_path / "first.wav", tmp_path / "late.wav"], "#drop")
    page.wait_for(IDLE)
    choose(page, "other", "1")
    page.wait_for("!document.getElementById('pair-play').disabled")
    said = re.search(r"B comes (\d+) ms (later|earlier), made up for\.", text(page, "pair-note"))
    assert int(said[1]) == pytest.approx(abs(late_ms), abs=1)
    assert said[2] == ("later" if late_ms > 0 else "earlier")

    page.click("#match")
    page.click("#show-difference")
    for _ in range(4):
        page.click("#time-in")
    page.value("new Promise((done) => setTimeout(done, 2000))")
    saving(page, tmp_path, "#save-view", "first.wav.view.json")
    values = json.loads((tmp_path / "first.wav.view.json").read_text("utf-8"))
    assert [source["late_s"] for source in values["sources"]] == [
        0, pytest.approx(late_ms / 1_000, abs=1e-3),
    ]  # fmt: skip
    first, second = (np.array(s["levels_db"], float) for s in values["sources"])
    heard = (first > -70) & (second > -70)
    assert heard.mean() > 0.2
    assert np.median(np.abs(first - second)[heard]) < 0.6
    span_s = values["view"]["stop_s"] - values["view"]["start_s"]
    late_columns = round(late_ms / 1_000 / span_s * len(second))
    out_of_step = np.abs(first - np.roll(second, late_columns, axis=0))[heard]
    assert np.nanmedian(out_of_step) > 1.5  # as it would be without
    assert page.complaints() == []


def test_the_page_and_the_command_have_one_rule_for_axes_and_colours(page):
    def told(module, call):
        return page.value(f"import('/{module}.js').then((m) => {call})")

    for scale in Scale:
        for low_hz, high_hz in ((0, 24_000), (0, 700), (900, 1_100), (15_000, 15_050)):
            view = View(low_hz=low_hz, high_hz=high_hz, scale=scale).within(1, 48_000)
            asked = {"low_hz": view.low_hz, "high_hz": view.high_hz, "scale": scale.value}
            found = told("axes", f"m.hzTicks({json.dumps(asked)}, 332)")
            assert [tick["text"] for tick in found] == [text for _, text in hz_ticks(view, 332)]
    for start_s, stop_s in ((0, 240), (59.95, 60.05), (0, 0.02), (10, 86_400)):
        found = told("axes", f"m.timeTicks({start_s}, {stop_s}, 600)")
        assert [t["text"] for t in found] == [t for _, t in time_ticks(start_s, stop_s, 600)]
    parts = np.linspace(-0.1, 1.1, 60)
    assert told("colours", f"{parts.tolist()}.map((p) => m.tint(p))") == tint(parts).tolist()
    for loudest_db in (-122.5, -44.6, -2.1, 3):
        found = told("colours", f"m.usualRange({loudest_db})")
        assert (found["floor_db"], found["ceiling_db"]) == usual_range(loudest_db)
    assert told("tiles", "[m.LOWEST_DB, m.STEP_DB]") == [LOWEST_DB, STEP_DB]


def test_the_page_and_the_command_paint_the_same(page, folder):
    path = folder / "faulty, née ♫.flac"
    page.drop(path, "#drop")
    page.wait_for(SCORED)
    for layer in ("scores", "events", "edges", "cursor"):
        page.click(f"#layer-{layer}")
    page.wait_for("document.getElementById('seen').textContent.startsWith('all')")
    plot = page.value("document.getElementById('timeline').dataset.plot")
    left, top, right, bottom = map(int, plot.split(","))
    width, height = right - left, bottom - top
    pixels = page.value(
        "[...document.getElementById('timeline').getContext('2d')"
        f".getImageData({left}, {top}, {width}, {height}).data]"
    )
    drawn = np.array(pixels).reshape(height, width, 4)[..., :3]
    sheet = Sheet(width=width + LEFT + RIGHT, height=height + TOP + BOTTOM)
    png, _, (floor_db, ceiling_db) = paint(path, View(), sheet)
    with Image.open(io.BytesIO(png)) as image:
        painted = np.array(image)[TOP : TOP + height, LEFT : LEFT + width]
    for name, level_db in (("floor", floor_db), ("ceiling", ceiling_db)):
        assert float(page.value(f"document.getElementById('{name}').value")) == level_db
    # The page's cells are a little smaller than its pixels, of which each shows the loudest.
    assert np.abs(drawn - painted.astype(int)).mean() < 12
    shifted = np.abs(np.roll(drawn, 40, axis=1) - painted.astype(int)).mean()
    assert np.abs(drawn - painted.astype(int)).mean() < shifted / 2
