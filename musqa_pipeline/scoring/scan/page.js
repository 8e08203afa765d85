"use strict";
const head = JSON.parse(document.getElementById("head").textContent);
const rows = JSON.parse(document.getElementById("data").textContent).map((values, index) => {
  const row = { index };
  head.fields.forEach((name, i) => { row[name] = values[i]; });
  row.text = [row.file, row.cause, row.codec, row.word, row.problem].join(" ").toLowerCase();
  return row;
});
const PER_PAGE = 100;
const COLOURS = ["#000004", "#0b0724", "#210c4a", "#3b0f70", "#57157e", "#721f81", "#8c2981",
  "#a8327d", "#c43c75", "#de4968", "#f1605d", "#fa7d5e", "#fe9f6d", "#fec287", "#fde2a3",
  "#fcfdbf"].map((hex) => [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16)));
const at = (id) => document.getElementById(id);
const words = head.words.map(([name]) => name);
const groups = new Map();
for (const row of rows) {
  if (row.copies) groups.set(row.copies, [...(groups.get(row.copies) || []), row]);
}

const SHOW = {
  "all files": () => true,
  ...Object.fromEntries(words.map((word) => [word, (r) => r.word === word])),
  "no score": (r) => r.mos === null && !r.problem,
  unreadable: (r) => Boolean(r.problem),
  "lossless, likely of lossy origin": (r) => r.lossy_origin === "likely",
  "lossless, possibly of lossy origin": (r) => r.lossy_origin === "possible",
  "copies": (r) => Boolean(r.copies),
  "copies that are not the best": (r) => Boolean(r.best_copy),
  "copies without a best one": (r) => r.copies && !hasBest(r),
  ...Object.fromEntries(["new", "moved", "changed", "better", "worse"]
    .map((kind) => [`since the last scan: ${kind}`, (r) => r.change === kind])),
};
const last = (value) => (value === null || value === undefined ? Infinity : value);
const SORT = {
  "worst first": null,
  name: (a, b) => (a.file < b.file ? -1 : 1),
  length: (a, b) => last(a.duration_s) - last(b.duration_s) || 0,
  bandwidth: (a, b) => last(a.bandwidth_hz) - last(b.bandwidth_hz) || 0,
  "loudness range": (a, b) => last(a.loudness_range_lu) - last(b.loudness_range_lu) || 0,
  "crest factor": (a, b) => last(a.crest_factor_db) - last(b.crest_factor_db) || 0,
  bitrate: (a, b) => last(a.bitrate_kbps) - last(b.bitrate_kbps) || 0,
  loudness: (a, b) => last(a.loudness_lufs) - last(b.loudness_lufs) || 0,
  "change of score": (a, b) => last(changeOf(a)) - last(changeOf(b)) || 0,
  "copies together": (a, b) => last(a.copies) - last(b.copies) || b.is_best_copy - a.is_best_copy,
};
let shown = rows;
let page = 0;

// The best copy itself has no path of the best.
function hasBest(row) {
  return Boolean(row.is_best_copy || row.best_copy);
}

function changeOf(row) {
  return row.mos === null || typeof row.mos_before !== "number" ? null : row.mos - row.mos_before;
}

function make(name, className, ...children) {
  const element = document.createElement(name);
  if (className) element.className = className;
  for (const child of children) {
    if (child !== null && child !== undefined && child !== "") element.append(child);
  }
  return element;
}

function draw(name, attributes, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
}

const colourOf = (word) => `var(--${words.includes(word) ? word : "none"})`;
const wordOf = (mos) => (head.words.find(([, from]) => mos >= from) || head.words.at(-1))[0];
const clock = (s) => `${Math.floor(s / 60)}:${String(Math.floor(s % 60)).padStart(2, "0")}`;
const kilo = (hz) => `${(hz / 1000).toFixed(1)} kHz`;
const number = (value, digits = 0) => value.toLocaleString("en", {
  minimumFractionDigits: digits, maximumFractionDigits: digits });

function picture(row) {
  if (!row.thumbnail) return make("div", "blank");
  const { columns, rows: height } = head.picture;
  const canvas = make("canvas");
  canvas.width = columns;
  canvas.height = height;
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", "spectrogram");
  const context = canvas.getContext("2d");
  const image = context.createImageData(columns, height);
  const bytes = atob(row.thumbnail);
  for (let i = 0; i < columns * height; i += 1) {
    const byte = bytes.charCodeAt(i >> 1);
    const [r, g, b] = COLOURS[i % 2 ? byte & 15 : byte >> 4];
    image.data.set([r, g, b, 255], 4 * i);
  }
  context.putImageData(image, 0, 0);
  return canvas;
}

function timeline(row) {
  const box = make("div", "line");
  if (!row.duration_s) return box;
  const length = row.duration_s;
  const svg = draw("svg", { viewBox: "0 0 1000 100", preserveAspectRatio: "none",
    role: "img", "aria-label": "score over time, and where something was found" });
  svg.append(draw("rect", { x: 0, y: 84, width: 1000, height: 2, fill: "var(--line)" }));
  for (const [start, stop, mos] of row.windows) {
    const height = mos === null ? 6 : Math.max(4, ((mos - 1) / 3.73) * 84);
    svg.append(draw("rect", { x: (1000 * start) / length, y: 84 - height, height,
      width: Math.max(3, (1000 * (stop - start)) / length - 1),
      fill: mos === null ? "var(--none)" : colourOf(wordOf(mos)) }));
  }
  for (const [, start, stop] of row.events) {
    svg.append(draw("rect", { x: (1000 * start) / length, y: 90, height: 10,
      width: Math.max(3, (1000 * (stop - start)) / length), fill: "var(--ink)", opacity: 0.55 }));
  }
  box.append(svg, make("span", "", clock(length)));
  return box;
}

function scoreBox(row) {
  const box = make("div", "score");
  const value = make("b", "", row.mos === null || row.problem ? "–" : row.mos.toFixed(2));
  const word = make("span", "", row.problem ? "unreadable" : row.words || row.abstained);
  value.style.color = word.style.color = colourOf(row.word);
  box.append(value, word);
  if (typeof row.mos_low === "number") {
    box.append(make("span", "soft", `${row.mos_low.toFixed(2)} – ${row.mos_high.toFixed(2)}`));
  }
  return box;
}

function tags(row) {
  const found = [];
  if (row.lossy_origin) {
    found.push([`${row.lossy_origin} lossy origin`, row.lossy_origin === "likely" ? "bad" : "fair"]);
  }
  if (row.copies) {
    found.push(row.is_best_copy ? ["best copy", "transparent"]
      : [hasBest(row) ? "copy" : "copy, none is the best", "fair"]);
  }
  if (row.change) {
    const change = changeOf(row);
    found.push([change && Math.abs(change) >= 0.01
      ? `${row.change} ${change > 0 ? "+" : "−"}${Math.abs(change).toFixed(2)}` : row.change, "good"]);
  }
  for (const kind of new Set(row.events ? row.events.map(([name]) => name) : [])) {
    found.push([kind.replace("_", " "), "none"]);
  }
  return found.map(([text, colour]) => {
    const tag = make("span", "tag", text);
    tag.style.color = colourOf(colour);
    return tag;
  });
}

function facts(row) {
  if (row.problem) return row.problem;
  return [row.codec, row.bitrate_kbps ? `${number(row.bitrate_kbps)} kbit/s` : "",
    row.bandwidth_hz ? `up to ${kilo(row.bandwidth_hz)}` : "",
    row.loudness_lufs !== null ? `${row.loudness_lufs.toFixed(1)} LUFS` : ""]
    .filter(Boolean).join(" · ");
}

// The file is where it was when it was scanned, seen from this page; nothing is read until it plays.
function playerOf(row) {
  const path = row.address || row.file.split("/").map(encodeURIComponent).join("/");
  const address = `${head.library}/${path}`;
  const link = make("a", "", "Open the file");
  link.setAttribute("href", address);
  const note = make("span", "soft");
  note.setAttribute("role", "status");
  const audio = make("audio");
  audio.controls = true;
  audio.preload = "none";
  audio.setAttribute("aria-label", `Player of ${row.file}`);
  audio.setAttribute("src", address);
  audio.addEventListener("error", () => {
    note.textContent = " This browser does not play it, or it has moved since the scan.";
  });
  return { audio, box: make("div", "wide player", ...(row.problem ? [] : [audio]), link, note) };
}

function details(row) {
  const box = make("div", "more");
  const table = make("table");
  const add = (name, value) => {
    if (value !== null && value !== undefined && value !== "") {
      table.append(make("tr", "", make("td", "", name), make("td", "", String(value))));
    }
  };
  add("file", row.file);
  add("reason", row.reason);
  add("flags", (row.flags || []).join(", ").replaceAll("_", " "));
  add("sample rate", row.sample_rate_hz && `${number(row.sample_rate_hz)} Hz`);
  add("channels", row.channels);
  add("true peak", typeof row.true_peak_dbtp === "number" ? `${row.true_peak_dbtp} dBTP` : "");
  add("loudness range", typeof row.loudness_range_lu === "number" ? `${row.loudness_range_lu} LU` : "");
  add("crest factor", typeof row.crest_factor_db === "number" ? `${row.crest_factor_db} dB` : "");
  add("made from", row.lossy_origin && row.origin_codec);
  add("evidence", row.lossy_origin && row.origin_evidence);
  add("score before", row.mos_before);
  add("was at", row.moved_from);
  box.append(table);
  const player = playerOf(row);
  const list = make("ul", "events");
  for (const [, start, stop, text] of row.events || []) {
    const play = make("button", "", `${clock(start)}–${clock(stop)}`);
    play.type = "button";
    play.setAttribute("aria-label", `Play from ${clock(start)}: ${text}`);
    play.addEventListener("click", () => {
      player.audio.currentTime = start;
      player.audio.play().catch(() => { /* the note below it says why */ });
    });
    list.append(make("li", "", play, `  ${text}`));
  }
  if (list.children.length) box.append(list);
  if (row.copies) {
    const others = make("ul", "copies");
    for (const other of groups.get(row.copies).filter((r) => r !== row)) {
      const link = make("button", "", other.file);
      link.type = "button";
      link.addEventListener("click", () => reveal(other));
      others.append(make("li", "", link, ` ${other.mos === null ? "–" : other.mos.toFixed(2)}`,
        other.is_best_copy ? ` – the best: ${other.best_because}` : ""));
    }
    const why = row.is_best_copy ? `The best copy: ${row.best_because}. Others:`
      : hasBest(row) ? "Copies of it:" : `None is called the best: ${row.best_because}. Copies of it:`;
    box.append(make("div", "wide", why, others));
  }
  if (row.duration_s) {
    const large = timeline(row);
    large.classList.add("wide");
    box.append(large);
  }
  box.append(player.box);
  return box;
}

function item(row, open) {
  const button = make("button", "row", scoreBox(row), picture(row),
    make("div", "name", make("b", "", row.file), make("span", "", row.cause),
      make("span", "", facts(row)), ...tags(row)), timeline(row));
  button.type = "button";
  const li = make("li", "", button);
  const toggle = () => {
    const more = li.querySelector(".more");
    button.setAttribute("aria-expanded", String(!more));
    if (more) more.remove();
    else li.append(details(row));
  };
  button.setAttribute("aria-expanded", "false");
  button.addEventListener("click", toggle);
  if (open) toggle();
  return li;
}

function render(open = null) {
  const pages = Math.max(1, Math.ceil(shown.length / PER_PAGE));
  page = Math.min(Math.max(0, page), pages - 1);
  at("rows").replaceChildren(...shown.slice(page * PER_PAGE, (page + 1) * PER_PAGE)
    .map((row) => item(row, row === open)));
  at("count").textContent = `${number(shown.length)} of ${number(rows.length)} files`;
  at("place").textContent = `Page ${number(page + 1)} of ${number(pages)}`;
  at("first").disabled = at("back").disabled = page === 0;
  at("next").disabled = at("last").disabled = page === pages - 1;
}

function reveal(row) {
  for (const id of ["search", "from", "to"]) at(id).value = "";
  at("show").value = "copies";
  at("kind").value = "";
  choose();
  page = Math.floor(shown.indexOf(row) / PER_PAGE);
  render(row);
  at("rows").children[shown.indexOf(row) % PER_PAGE].scrollIntoView({ block: "center" });
}

function choose() {
  const text = at("search").value.trim().toLowerCase();
  const show = SHOW[at("show").value];
  const kind = at("kind").value;
  const [from, to] = ["from", "to"].map((id) => parseFloat(at(id).value));
  const within = (mos) => (Number.isNaN(from) || (mos !== null && mos >= from))
    && (Number.isNaN(to) || (mos !== null && mos <= to));
  shown = rows.filter((row) => show(row) && (!text || row.text.includes(text))
    && (!kind || (row.events || []).some(([name]) => name === kind)) && within(row.mos ?? null));
  const order = SORT[at("sort").value];
  if (order) shown.sort((a, b) => order(a, b) || a.index - b.index);
  if (at("down").checked) shown.reverse();
  page = 0;
  render();
}

function options(id, names) {
  at(id).replaceChildren(...names.map(([value, text]) => {
    const option = make("option", "", text);
    option.value = value;
    return option;
  }));
}

function summary() {
  const found = head.summary;
  document.title = `${head.title} – musqa scan`;
  at("title").textContent = head.title;
  at("lead").textContent = `${number(found.files)} files, ${number(found.hours, 1)} hours; `
    + `${number(found.scored)} scored by ${found.model}`
    + (found.mean_mos === null ? "" : `, mean ${found.mean_mos.toFixed(2)}`);
  for (const word of words) {
    const n = found.words[word];
    if (!n) continue;
    const button = make("button", "", `${word} ${number(n)}`);
    button.type = "button";
    button.style.flexGrow = n;
    button.style.background = colourOf(word);
    button.addEventListener("click", () => { at("show").value = word; choose(); });
    at("bar").append(button);
  }
  const note = (n, text, value) => {
    if (!n) return;
    const button = make("button", "", `${text}: ${number(n)}`);
    button.type = "button";
    button.addEventListener("click", () => { at("show").value = value; choose(); });
    at("notes").append(make("li", "", button));
  };
  note(found.unreadable, "Unreadable files", "unreadable");
  note(found.abstained, "Files without a score", "no score");
  note(found.lossy_origin.likely, "Lossless files, likely of lossy origin",
    "lossless, likely of lossy origin");
  note(found.copied_recordings, "Recordings that are there more than once", "copies");
  const changes = found.changes;
  if (changes.since) {
    for (const kind of ["new", "moved", "changed", "better", "worse"]) {
      note(changes[kind], `Since ${changes.since} UTC ${kind}`, `since the last scan: ${kind}`);
    }
    if (changes.gone) at("notes").append(make("li", "", `Gone: ${number(changes.gone)}`));
  }
  if (found.files > head.mostRows) {
    at("notes").append(make("li", "", `The worst ${number(head.mostRows)} are shown; `
      + "scan.csv has all."));
  }
  at("gone").hidden = !head.gone.length;
  at("gone").querySelector("ul").append(...head.gone.map(([file, mos]) =>
    make("li", "", file, mos === null ? "" : ` (${mos.toFixed(2)})`)));
  for (const [name, from, meaning] of head.words) {
    at("words").append(make("dt", "", `${name}, from ${from}`), make("dd", "", meaning));
  }
}

summary();
options("show", Object.keys(SHOW).filter((name) => rows.some(SHOW[name])).map((n) => [n, n]));
const kinds = [...new Set(rows.flatMap((r) => (r.events || []).map(([name]) => name)))].sort();
options("kind", [["", "anything"], ...kinds.map((k) => [k, k.replace("_", " ")])]);
options("sort", Object.keys(SORT).map((name) => [name, name]));
at("tools").addEventListener("input", choose);
at("tools").addEventListener("submit", (event) => event.preventDefault());
for (const [id, to] of [["first", () => 0], ["back", () => page - 1], ["next", () => page + 1],
  ["last", () => Infinity]]) {
  at(id).addEventListener("click", () => { page = to(); render(); at("tools").scrollIntoView(); });
}
choose();
