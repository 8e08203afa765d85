// The score of a recording: its number and word, facts, what was found, and the windows.
import { clock } from "./axes.js";
import { EVENT_NAMES } from "./overlays.js";

const at = (id) => document.getElementById(id);
const FLAG_TEXTS = {
  looped: "shorter than 10 s: repeated", clipped_input: "clipped", mixed_windows: "quality varies",
  not_finite: "samples that are no numbers", odd_level: "peaks far above full scale",
};
let words = null;

export function make(tag, text, ...children) {
  const element = document.createElement(tag);
  if (text) element.textContent = text;
  element.append(...children);
  return element;
}

// Explain the scale and its words, which the server tells.
export function explain(scale) {
  words = scale;
  at("top").textContent = scale.highest_mos;
  at("lowest").textContent = scale.lowest_mos;
  at("highest").textContent = scale.highest_mos;
  const borders = [scale.highest_mos, ...scale.words.map((word) => word.from_mos)];
  scale.words.forEach((word, index) => {
    const zone = make("i");
    zone.className = `z-${word.name}`;
    zone.title = word.name;
    zone.dataset.word = word.name;
    zone.style.flex = `${borders[index] - borders[index + 1]}`;
    at("zones").prepend(zone);
    const name = make("dt", `${word.name}, from ${word.from_mos}`);
    name.className = `w-${word.name}`;
    at("word-list").append(name, make("dd", word.meaning, make("small", word.measured)));
  });
}

function wordOf(mos) {
  return (words.words.find((word) => mos >= word.from_mos) || words.words.at(-1)).name;
}

function sentence(text) {
  return text ? `${text[0].toUpperCase()}${text.slice(1)}.` : "";
}

// Show the answer of a score; `jumpTo` takes the index of an event that is chosen.
export function show(found, jumpTo) {
  const result = found.score;
  const scored = result.mos !== null;
  at("mos").textContent = scored ? result.mos.toFixed(2) : "no score";
  at("word").textContent = scored ? result.words : result.abstained;
  at("word").className = scored ? `w-${result.word}` : "";
  at("interval").textContent = !scored ? ""
    : result.mos_low === null ? "predicted MOS-LQO; this model has no calibrated interval"
    : `predicted MOS-LQO; 90 % interval ${result.mos_low.toFixed(2)} to ${result.mos_high.toFixed(2)}`;
  at("meaning").textContent = scored ? found.meaning : sentence(result.reason);
  showScale(result);
  at("flags").replaceChildren(...result.flags.map((flag) => make("li", FLAG_TEXTS[flag] || flag.replaceAll("_", " "))));
  const number = (value, digits, unit) => (value === null ? "none" : `${value.toFixed(digits)} ${unit}`);
  at("bandwidth").textContent = number(result.bandwidth_hz && result.bandwidth_hz / 1000, 1, "kHz");
  at("loudness").textContent = number(result.loudness_lufs, 1, "LUFS");
  at("peak").textContent = number(result.true_peak_dbtp, 1, "dBTP");
  at("length").textContent = clock(result.duration_s);
  const channels = { 1: "mono", 2: "stereo" }[result.channels] || `${result.channels} channels`;
  at("format").textContent = `${result.sample_rate_hz / 1000} kHz, ${channels}`;
  const origin = result.origin;
  const is_coded = origin && origin.verdict.includes("lossy") && origin.verdict !== "lossy file";
  at("origin").textContent = !origin ? "unknown" : is_coded && origin.codec ? `${origin.verdict}: ${origin.codec}` : origin.verdict;
  at("evidence").replaceChildren(...(is_coded ? origin.evidence : []).map((text) => make("li", sentence(text))));
  showEvents(result.events, jumpTo);
  showWindows(result.windows);
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

function showEvents(events, jumpTo) {
  at("no-events").hidden = events.length > 0;
  at("events").replaceChildren(...events.map((event, index) => {
    const button = make("button", "",
      make("time", `${clock(event.start_s)} – ${clock(event.stop_s)}`),
      make("b", EVENT_NAMES[event.kind] || event.kind), make("span", event.text));
    button.type = "button";
    button.dataset.index = index;
    button.addEventListener("click", () => jumpTo(index));
    return make("li", "", button);
  }));
}

function showWindows(windows) {
  at("windows").replaceChildren(...windows.map((part) => make("tr", "", ...[
    `${clock(part.start_s)} – ${clock(part.stop_s)}`,
    part.mos === null ? part.abstained : part.mos.toFixed(2),
    part.mos_low === null ? "" : `${part.mos_low.toFixed(2)} to ${part.mos_high.toFixed(2)}`,
    part.mos === null ? "" : wordOf(part.mos),
  ].map((text) => make("td", text)))));
}
