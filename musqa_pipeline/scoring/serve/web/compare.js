// A and B: one is shown and heard, or what is different; at one loudness if that is wished.
import { lagOfTiles } from "./align.js";
import { Pair } from "./pair.js";
import { make } from "./verdict.js";

const at = (id) => document.getElementById(id);
const SHOWS = ["a", "b", "difference"];

export class Comparison {
  // `look` fetches the picture of a recording; `annotate` shows a score, or none, over it.
  constructor(picture, { moved, look, annotate, started, ended }) {
    Object.assign(this, { picture, moved, look, annotate, started, ended, both: null, pair: null, shows: "a", late_s: 0 });
    at("other").addEventListener("change", (event) => this.choose(event.target.value));
    for (const name of SHOWS) at(`show-${name}`).addEventListener("click", () => this.show(name));
    at("match").addEventListener("change", () => this.show(this.shows));
    at("pair-play").addEventListener("click", () => this.pair.toggle(this.picture.position));
    addEventListener("keydown", (event) => {
      const types = event.target.matches("input:not([type=checkbox]), select, textarea");
      if (event.key.toLowerCase() !== "x" || !this.both || types || event.ctrlKey || event.metaKey || event.altKey) return;
      this.show(this.shows === "a" ? "b" : "a");
    });
  }

  // Offer those that can be compared with the one that is shown.
  offer(recordings) {
    const others = recordings.all.filter((each) => each !== recordings.shown && each.state !== "refused");
    at("compare").hidden = !others.length;
    const options = [["", "none"], ...others.map((each) => [recordings.all.indexOf(each), each.name])];
    const chosen = this.both ? recordings.all.indexOf(this.both[1]) : "";
    at("other").replaceChildren(...options.map(([value, text]) => {
      const option = make("option", text);
      option.value = value;
      return option;
    }));
    at("other").value = chosen;
    this.recordings = recordings;
  }

  async choose(value) {
    this.end();
    if (value === "") return;
    const { shown, all } = this.recordings;
    const both = (this.both = [shown, all[Number(value)]]);
    const pair = (this.pair = new Pair(this.moved));
    at("other").value = value;
    at("pair").hidden = false;
    at("pair-play").disabled = true;
    at("pair-note").textContent = "Drawing and decoding both …";
    this.started(both[1]);
    try {
      await this.look(both[1]);
      const late_s = await lagOfTiles(both.map((each) => each.tiles)).catch(() => null);
      if (this.both !== both) return;
      this.late_s = late_s || 0;
      this.show("a");
      await pair.open(both.map((each) => each.file), both[0].tile.duration_s + both[1].tile.duration_s);
      if (this.both !== both) return pair.close();
      at("pair-play").disabled = false;
      this.show(this.shows);
    } catch (error) {
      if (this.both === both) at("pair-note").textContent = `They cannot be switched between while they play: ${error.message}.`;
    }
  }

  // Gains that make both as loud as the softer one, in dB; none is ever made louder.
  gains() {
    const levels = this.both.map((each) => each.answer && each.answer.score.loudness_lufs);
    if (!at("match").checked || !levels.every(Number.isFinite)) return [0, 0];
    return levels.map((level) => Math.min(...levels) - level);
  }

  show(name) {
    if (!this.both || !this.both[1].tile) return;
    this.shows = name;
    const gains = this.gains();
    const sources = this.both.map((each, i) => ({ tiles: each.tiles, gain_db: gains[i], late_s: i * this.late_s }));
    const index = name === "b" ? 1 : 0;
    this.picture.look(name === "difference" ? sources : [sources[index]]);
    this.annotate(name === "difference" ? null : this.both[index]);
    if (name !== "difference") this.pair.turn(index, gains); else this.pair.turn(this.pair.heard, gains);
    for (const each of SHOWS) at(`show-${each}`).setAttribute("aria-pressed", each === name);
    this.tell(gains);
  }

  tell(gains) {
    const levels = this.both.map((each) => each.answer && each.answer.score.loudness_lufs);
    const known = this.both.map((each, i) => (each.answer ? (levels[i] === null ? "silent" : `${levels[i].toFixed(1)} LUFS`) : "not measured yet"));
    const told = known.map((text, i) => `${"AB"[i]} ${text}${gains[i] ? `, played ${(-gains[i]).toFixed(1)} dB softer` : ""}`);
    const late_ms = Math.round(1000 * this.late_s);
    const aligned = late_ms ? ` B comes ${Math.abs(late_ms)} ms ${late_ms > 0 ? "later" : "earlier"}, made up for.` : "";
    at("pair-note").textContent = `${told.join("; ")}.${aligned}${this.pair.buffers ? "" : " Decoding both …"}`.replaceAll(" -", " −");
  }

  // A recording was scored: its loudness may be known now.
  scored(each) {
    if (this.both && this.both.includes(each)) this.show(this.shows);
  }

  end() {
    if (!this.both) return;
    const [first, second] = this.both;
    this.pair.close();
    Object.assign(this, { both: null, pair: null, shows: "a", late_s: 0 });
    at("pair").hidden = true;
    at("other").value = "";
    this.ended(first, second);
  }
}
