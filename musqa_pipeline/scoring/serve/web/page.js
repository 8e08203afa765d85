// The page: what is dropped is looked at, scored, and heard.
import { clock } from "./axes.js";
import { Comparison } from "./compare.js";
import { listenToControls, offer } from "./controls.js";
import { listenToKeys, listenToPointer } from "./gestures.js";
import { Picture } from "./picture.js";
import { Player } from "./player.js";
import { chosenIn, filesOf, Recordings } from "./recordings.js";
import { reasonOf, scoreOf } from "./scoring.js";
import { Tiles } from "./tiles.js";
import { explain, show } from "./verdict.js";

const at = (id) => document.getElementById(id);
const FIRST = { columns: 2000, rows: 512, channel: "mix", scale: "linear" };
const picture = new Picture(at("timeline"));
const player = new Player(at("player"), at("player-note"), place);
const recordings = new Recordings(at("recordings"), choose);
const comparison = new Comparison(picture, {
  moved: place, look, annotate, started: (other) => { player.audio.pause(); at("player").hidden = true; recordings.next = other; },
  ended: (first, second) => {
    at("player").hidden = false;
    recordings.next = null;
    if (second !== recordings.shown) release(second);
    if (first === recordings.shown) {
      picture.look([{ tiles: first.tiles, gain_db: 0, late_s: 0 }]);
      annotate(first);
    }
  },
});
let words = null, limits = null, running = null;

async function start() {
  const [model, scale, granted] = await Promise.all(
    ["model", "words", "limits"].map(async (name) => (await fetch(`api/v1/${name}`)).json()),
  );
  words = scale;
  limits = granted;
  at("limits").textContent += ` Up to ${limits.max_mb} MB and ${limits.max_minutes} minutes each.`;
  explain(scale);
  at("model").textContent = `${model.name} ${model.version}`.trim();
}

function take(files) {
  if (!files.length) return;
  const made = recordings.add(files);
  for (const each of made) {
    if (limits && each.file.size > limits.max_mb * 1e6) {
      each.state = "refused";
      each.problem = `${each.file.name} has ${(each.file.size / 1e6).toFixed(0)} MB; this server takes ${limits.max_mb} MB.`;
    }
  }
  if (!made.length) refuse("That is more than this page holds; musqa scan scores folders of any size.");
  else choose(made[0]);
  run();
}

// Score what waits, one after the other, what is shown first.
async function run() {
  if (running) return;
  running = new AbortController();
  at("progress").hidden = false;
  for (let each; !running.signal.aborted && (each = recordings.nextWaiting());) {
    each.state = "listening";
    recordings.render();
    try {
      if (each === recordings.shown) await look(each);
      each.answer = await scoreOf(each.file, say, running.signal);
      each.state = "scored";
    } catch (error) {
      each.state = error.name === "AbortError" ? "cancelled" : "refused";
      each.problem = error.name === "AbortError" ? "" : reasonOf(error, each.file);
    }
    recordings.render();
    comparison.offer(recordings);
    if (each === recordings.shown) present(each);
    comparison.scored(each);
  }
  running = null;
  at("progress").hidden = true;
}

function say(text, part) {
  const waiting = recordings.all.filter((each) => each.state === "waiting").length;
  at("progress-text").textContent = waiting ? `${text} (${waiting} more)` : text;
  if (part === undefined) at("progress-bar").removeAttribute("value");
  else at("progress-bar").value = part;
}

function refuse(text) {
  at("problem").textContent = text;
  at("problem").hidden = !text;
}

// Fetch the picture of the whole, once, and show it if it is still wanted.
function look(each) {
  if (!each.looking) {
    if (running) say(`Drawing ${each.file.name}`);
    each.tiles = new Tiles(each.file, () => picture.refresh(), (error) => refuse(reasonOf(error, each.file)));
    each.looking = each.tiles.get({ ...FIRST, frame_s: Number(at("frame").value) });
    each.looking.catch(() => { each.looking = null; });
  }
  return each.looking.then((tile) => {
    each.tile = tile;
    if (each === recordings.shown && at("look").hidden) draw(each);
  });
}

function draw(each) {
  at("look").hidden = false;
  picture.open(each.tiles, each.tile);
  offer(picture, each.tile);
  at("timeline").setAttribute("aria-valuemax", each.tile.duration_s.toFixed(1));
  at("timeline").setAttribute("aria-valuenow", "0.0");
  at("timeline").setAttribute("aria-valuetext", clock(0));
  player.open(each.file);
  annotate(each);
}

function annotate(each) {
  picture.annotate(each && each.answer ? each.answer.score : null, words);
}

function release(each) {
  if (each.tiles) each.tiles.forget();
  each.looking = each.tile = null;
}

function hearing() {
  return comparison.both ? comparison.pair : player;
}

function choose(each) {
  const before = recordings.shown;
  recordings.shown = each;
  comparison.end();
  if (before && before !== each) release(before);
  recordings.render();
  comparison.offer(recordings);
  document.body.classList.add("scored");
  player.audio.pause();
  at("shown").hidden = false;
  at("name").textContent = each.name;
  at("look").hidden = at("result").hidden = at("found").hidden = true;
  present(each);
  if (each.state !== "refused") {
    look(each).catch((error) => { if (each === recordings.shown) refuse(reasonOf(error, each.file)); });
  }
}

function present(each) {
  refuse(each.problem);
  if (each.state === "refused") at("shown").hidden = at("look").hidden;
  if (!each.answer) return;
  const found = each.answer;
  show(found, jumpTo);
  at("result").hidden = at("found").hidden = false;
  at("label-interval").hidden = !found.score.windows.some((part) => part.mos_low !== null);
  const json = JSON.stringify({ file: each.file.name, ...found }, null, 1);
  at("save").href = `data:application/json;charset=utf-8,${encodeURIComponent(json)}`;
  at("save").download = `${each.file.name}.json`;
  if (!at("look").hidden && !comparison.both) annotate(each);
  if ([document.body, at("file"), at("folder")].includes(document.activeElement)) at("name").focus({ preventScroll: true });
}

function place(seconds) {
  if (!picture.view) return;
  const is_there = Math.abs(seconds - picture.position) < 1e-3;
  picture.follow(seconds);
  if (is_there) return; // what was read there stays told
  at("timeline").setAttribute("aria-valuenow", seconds.toFixed(1));
  at("timeline").setAttribute("aria-valuetext", clock(seconds));
}

function readout(text, { is_spoken = false } = {}) {
  at("readout").textContent = text || " ";
  if (is_spoken) at("timeline").setAttribute("aria-valuetext", text);
}

function eventButtons() {
  return [...at("events").querySelectorAll("button")];
}

function jumpTo(index) {
  eventButtons().forEach((button, i) => button.setAttribute("aria-current", i === index));
  hearing().listenAt(recordings.shown.answer.score.events[index].start_s);
}

function neighbour(step) {
  const buttons = eventButtons();
  const current = buttons.findIndex((button) => button.getAttribute("aria-current") === "true");
  const next = current < 0 ? (step > 0 ? 0 : buttons.length - 1) : current + step;
  if (next >= 0 && next < buttons.length) jumpTo(next);
}

for (const id of ["file", "folder"]) {
  at(id).addEventListener("change", (event) => { take(chosenIn(event.target)); event.target.value = ""; });
}
for (const name of ["dragenter", "dragover"]) {
  addEventListener(name, (event) => { event.preventDefault(); at("drop").classList.add("over"); });
}
addEventListener("dragleave", (event) => { if (!event.relatedTarget) at("drop").classList.remove("over"); });
addEventListener("drop", async (event) => {
  event.preventDefault();
  at("drop").classList.remove("over");
  take(await filesOf(event.dataTransfer));
});
at("cancel").addEventListener("click", () => { recordings.cancel(); if (running) running.abort(); });
listenToPointer(picture, { listenAt: (seconds) => hearing().listenAt(seconds), readout });
listenToKeys(picture, {
  seek: (seconds) => hearing().seek(seconds), toggle: () => hearing().toggle(picture.position), neighbour, readout,
});
listenToControls(picture, () => recordings.shown.file.name);
start().catch(() => refuse("The server does not answer; is musqa serve still running?"));
