"use strict";

const at = (id) => document.getElementById(id);
const timeline = new Timeline(at("timeline"));
const player = at("player");
const FLAG_TEXTS = {
  looped: "shorter than 10 s: repeated", clipped_input: "clipped", mixed_windows: "quality varies",
  not_finite: "samples that are no numbers", odd_level: "peaks far above full scale",
};
let words = null, limits = null, request = null, chosen = null, answer = null, objectUrl = null;
let asked = false;

async function start() {
  const [model, scale, granted] = await Promise.all(
    ["model", "words", "limits"].map(async (name) => (await fetch(`api/v1/${name}`)).json()),
  );
  words = scale;
  limits = granted;
  at("model").textContent = `${model.name} ${model.version}`.trim();
  at("limits").textContent += ` Up to ${limits.max_mb} MB and ${limits.max_minutes} minutes.`;
  at("top").textContent = words.highest_mos;
  at("lowest").textContent = words.lowest_mos;
  at("highest").textContent = words.highest_mos;
  const borders = [words.highest_mos, ...words.words.map((word) => word.from_mos)];
  words.words.forEach((word, index) => {
    const zone = document.createElement("i");
    zone.className = `z-${word.name}`;
    zone.title = word.name;
    zone.dataset.word = word.name;
    zone.style.flex = `${borders[index] - borders[index + 1]}`;
    at("zones").prepend(zone);
    const name = document.createElement("dt");
    name.textContent = `${word.name}, from ${word.from_mos}`;
    name.className = `w-${word.name}`;
    const text = document.createElement("dd");
    text.textContent = word.meaning;
    const measured = document.createElement("small");
    measured.textContent = word.measured;
    text.append(measured);
    at("word-list").append(name, text);
  });
}

function wordOf(mos) {
  return (words.words.find((word) => mos >= word.from_mos) || words.words.at(-1)).name;
}

function choose(files) {
  if (!files.length) return;
  if (files.length > 1) return refuse("One recording at a time, please; musqa scan scores folders.");
  const file = files[0];
  if (limits && file.size > limits.max_mb * 1e6) {
    return refuse(`${file.name} has ${(file.size / 1e6).toFixed(0)} MB; this server takes ${limits.max_mb} MB.`);
  }
  score(file);
}

function refuse(text) {
  at("progress").hidden = true;
  at("problem").textContent = text;
  at("problem").hidden = false;
}

function score(file) {
  if (request) request.abort();
  const own = (request = new XMLHttpRequest());
  at("problem").hidden = true;
  at("result").hidden = true;
  at("progress").hidden = false;
  const say = (text, part) => {
    at("progress-text").textContent = text;
    if (part === undefined) at("progress-bar").removeAttribute("value");
    else at("progress-bar").value = part;
  };
  say(`Sending ${file.name}`, 0);
  const began = performance.now();
  const timer = setInterval(() => {
    if (own.sent) say(`Listening to ${file.name}: ${((performance.now() - began) / 1000).toFixed(0)} s`);
  }, 500);
  own.upload.onprogress = (event) => say(`Sending ${file.name}`, event.loaded / event.total);
  own.upload.onload = () => { own.sent = true; say(`Listening to ${file.name}`); };
  own.onloadend = () => {
    clearInterval(timer);
    if (request !== own) return;
    request = null;
    at("progress").hidden = true;
    if (own.aborted) return;
    let body = null;
    try { body = JSON.parse(own.responseText); } catch { /* not an answer of ours; said below */ }
    if (own.status === 200 && body) show(file, body);
    else refuse(body && body.error ? `${file.name}: ${body.error.message}.`
      : "The server does not answer; is musqa serve still running?");
  };
  own.onabort = () => { own.aborted = true; };
  own.open("POST", "api/v1/score?spectrogram=true");
  own.setRequestHeader("Content-Type", "application/octet-stream");
  own.send(file);
}

function show(file, found) {
  chosen = file;
  answer = found;
  const result = found.score;
  document.body.classList.add("scored");
  at("result").hidden = false;
  at("name").textContent = file.name;
  const scored = result.mos !== null;
  at("mos").textContent = scored ? result.mos.toFixed(2) : "no score";
  at("word").textContent = scored ? result.word : result.abstained;
  at("word").className = scored ? `w-${result.word}` : "";
  at("interval").textContent = !scored ? ""
    : result.mos_low === null ? "predicted MOS-LQO; this model has no calibrated interval"
    : `predicted MOS-LQO; 90 % interval ${result.mos_low.toFixed(2)} to ${result.mos_high.toFixed(2)}`;
  at("meaning").textContent = scored ? found.meaning : sentence(result.reason);
  at("cause").textContent = result.cause ? `Likely cause: ${result.cause}.` : "";
  showScale(result);
  at("flags").replaceChildren(...result.flags.map((flag) => {
    const item = document.createElement("li");
    item.textContent = FLAG_TEXTS[flag] || flag.replaceAll("_", " ");
    return item;
  }));
  const number = (value, digits, unit) => (value === null ? "none" : `${value.toFixed(digits)} ${unit}`);
  at("bandwidth").textContent = number(result.bandwidth_hz && result.bandwidth_hz / 1000, 1, "kHz");
  at("loudness").textContent = number(result.loudness_lufs, 1, "LUFS");
  at("peak").textContent = number(result.true_peak_dbtp, 1, "dBTP");
  at("length").textContent = clock(result.duration_s);
  const channels = { 1: "mono", 2: "stereo" }[result.channels] || `${result.channels} channels`;
  at("format").textContent = `${result.sample_rate_hz / 1000} kHz, ${channels}`;
  at("band-legend").hidden = !result.windows.some((part) => part.mos_low !== null);
  showEvents(result.events);
  showWindows(result.windows);
  timeline.show(found, words);
  at("timeline").setAttribute("aria-valuemax", result.duration_s.toFixed(1));
  place(0);
  const { spectrogram, ...plain } = found;
  const json = JSON.stringify({ file: file.name, ...plain }, null, 1);
  at("save").href = `data:application/json;charset=utf-8,${encodeURIComponent(json)}`;
  at("save").download = `${file.name}.json`;
  asked = false;
  at("player-note").textContent = "";
  listenTo(file);
  at("name").focus({ preventScroll: true });
}

function sentence(text) {
  return text ? `${text[0].toUpperCase()}${text.slice(1)}.` : "";
}

function showScale(result) {
  const part = (mos) => (100 * (mos - words.lowest_mos)) / (words.highest_mos - words.lowest_mos);
  const scored = result.mos !== null;
  at("scale").hidden = at("ends").hidden = !scored;
  if (!scored) return;
  at("scale").setAttribute("aria-label", `${result.mos.toFixed(2)} on a scale from ${words.lowest_mos} to ${words.highest_mos}`);
  at("point").style.left = `${part(result.mos)}%`;
  at("range").hidden = result.mos_low === null;
  if (result.mos_low !== null) {
    at("range").style.left = `${part(result.mos_low)}%`;
    at("range").style.width = `${part(result.mos_high) - part(result.mos_low)}%`;
  }
  for (const zone of at("zones").children) zone.classList.toggle("here", zone.dataset.word === result.word);
}

function showEvents(events) {
  at("no-events").hidden = events.length > 0;
  at("events").replaceChildren(...events.map((event, index) => {
    const item = document.createElement("li");
    const button = document.createElement("button");
    button.type = "button";
    button.dataset.index = index;
    const time = document.createElement("time");
    time.textContent = `${clock(event.start_s)} – ${clock(event.stop_s)}`;
    const kind = document.createElement("b");
    kind.textContent = EVENT_NAMES[event.kind] || event.kind;
    const text = document.createElement("span");
    text.textContent = event.text;
    button.append(time, kind, text);
    button.addEventListener("click", () => jumpTo(index));
    item.append(button);
    return item;
  }));
}

function showWindows(windows) {
  at("windows").replaceChildren(...windows.map((part) => {
    const row = document.createElement("tr");
    const interval = part.mos_low === null ? "" : `${part.mos_low.toFixed(2)} to ${part.mos_high.toFixed(2)}`;
    const cells = [
      `${clock(part.start_s)} – ${clock(part.stop_s)}`,
      part.mos === null ? part.abstained : part.mos.toFixed(2),
      interval,
      part.mos === null ? "" : wordOf(part.mos),
    ];
    for (const text of cells) row.insertCell().textContent = text;
    return row;
  }));
}

function listenTo(blob) {
  if (objectUrl) URL.revokeObjectURL(objectUrl);
  objectUrl = URL.createObjectURL(blob);
  player.src = objectUrl;
}

// The browser plays the user's own file; where it cannot, the server makes a WAV of it.
async function askForPreview() {
  if (asked || !chosen) return;
  asked = true;
  const file = chosen;
  at("player-note").textContent = "This browser does not play the format; asking for a WAV of it …";
  try {
    const found = await fetch("api/v1/preview", {
      method: "POST", body: file, headers: { "Content-Type": "application/octet-stream" },
    });
    if (!found.ok) throw new Error((await found.json()).error.message);
    const wav = await found.blob();
    if (file !== chosen) return;
    const time = timeline.position;
    listenTo(wav);
    player.currentTime = time;
    at("player-note").textContent = "Playing a 16-bit WAV that musqa made of it.";
  } catch (error) {
    at("player-note").textContent = `It cannot be played here: ${error.message}`;
  }
}

function place(seconds) {
  timeline.seek(seconds);
  at("timeline").setAttribute("aria-valuenow", seconds.toFixed(1));
  at("timeline").setAttribute("aria-valuetext", clock(seconds));
}

function listenAt(seconds) {
  place(seconds);
  player.currentTime = seconds;
  player.play().catch(() => { /* the note below the player says why, or the user has paused it */ });
}

function jumpTo(index) {
  const buttons = [...at("events").querySelectorAll("button")];
  buttons.forEach((button, i) => button.setAttribute("aria-current", i === index));
  listenAt(answer.score.events[index].start_s);
}

function neighbour(step) {
  const starts = answer.score.events.map((event) => event.start_s);
  const current = [...at("events").querySelectorAll("button")].findIndex((b) => b.getAttribute("aria-current") === "true");
  const next = current < 0 ? (step > 0 ? 0 : starts.length - 1) : current + step;
  if (next >= 0 && next < starts.length) jumpTo(next);
}

at("file").addEventListener("change", (event) => { choose(event.target.files); event.target.value = ""; });
for (const name of ["dragenter", "dragover"]) {
  addEventListener(name, (event) => { event.preventDefault(); at("drop").classList.add("over"); });
}
addEventListener("dragleave", (event) => { if (!event.relatedTarget) at("drop").classList.remove("over"); });
addEventListener("drop", (event) => {
  event.preventDefault();
  at("drop").classList.remove("over");
  choose([...event.dataTransfer.files]);
});
at("cancel").addEventListener("click", () => { if (request) request.abort(); });
player.addEventListener("timeupdate", () => { if (answer) place(player.currentTime); });
player.addEventListener("error", askForPreview);
at("timeline").addEventListener("click", (event) => listenAt(timeline.timeAt(event.offsetX)));
at("timeline").addEventListener("keydown", (event) => {
  const end = answer.score.duration_s;
  const moves = { ArrowLeft: -1, ArrowRight: 1, Home: -end, End: end };
  if (event.key in moves) {
    const step = moves[event.key] * (event.shiftKey ? 10 : 1);
    const time = Math.min(end, Math.max(0, timeline.position + step));
    player.currentTime = time;
    place(time);
  } else if (event.key === " ") {
    if (player.paused) listenAt(timeline.position); else player.pause();
  } else if (event.key.toLowerCase() === "n") neighbour(1);
  else if (event.key.toLowerCase() === "p") neighbour(-1);
  else return;
  event.preventDefault();
});
start().catch(() => refuse("The server does not answer; is musqa serve still running?"));
