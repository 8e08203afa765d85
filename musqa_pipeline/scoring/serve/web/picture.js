// A spectrogram that is zoomed and moved: what part is seen, its levels, its axes and its legend.
import { clock, hertz, hzAt, hzTicks, LOWEST_LOG_HZ, placeOf, SCALES, timeTicks } from "./axes.js";
import { css, DIFFERENCE_STOPS, STOPS, table, usualRange } from "./colours.js";
import { drawEvents, drawOver, LANE } from "./overlays.js";
import { LOWEST_DB, sampled, STEP_DB } from "./tiles.js";

const AXIS = 22, LEGEND = 34, DIFFERENCE_DB = 24, SHORTEST_S = 0.02, NARROWEST = 1 / 400;
export const FONT = "12px system-ui, 'DejaVu Sans', sans-serif";

export class Picture {
  constructor(canvas) {
    Object.assign(this, { canvas, position: 0, pointer: null, sources: [], view: null, score: null });
    this.layers = { scores: true, interval: true, events: true, edges: true, grid: false, cursor: true };
    this.onview = () => {};
    this.raster = document.createElement("canvas");
    new ResizeObserver(() => { this.stale = true; this.draw(); this.want(); }).observe(canvas);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.draw());
  }

  // Begin with a recording whose first tile is there.
  open(tiles, tile) {
    this.whole = { duration_s: tile.duration_s, half_hz: tile.sample_rate_hz / 2 };
    let loudest = 0;
    for (const level of tile.cells) if (level > loudest) loudest = level;
    this.view = {
      start_s: 0, stop_s: tile.duration_s, low_hz: tile.low_hz, high_hz: this.whole.half_hz, scale: tile.scale,
      channel: tile.channel, frame_s: tile.asked_s, ...usualRange(LOWEST_DB + STEP_DB * loudest),
    };
    Object.assign(this, { score: null, kinds: [], position: 0, pointer: null });
    this.look([{ tiles, gain_db: 0, late_s: 0 }]);
  }

  // Look at one source of levels, or at the difference of two; what is late in one is shown in time.
  look(sources) {
    this.sources = sources;
    this.stale = true;
    this.fit();
    this.want();
  }

  // Show what was found in the recording over its levels; nothing if `score` is null.
  annotate(score, words) {
    Object.assign(this, { score, words, kinds: score ? [...new Set(score.events.map((event) => event.kind))] : [] });
    this.fit();
  }

  fit() {
    const lanes = this.layers.events && this.score ? LANE * this.kinds.length : 0;
    this.canvas.style.height = `${(innerWidth <= 700 ? 230 : 340) + AXIS + LEGEND + lanes}px`;
    this.draw();
  }

  see(change) {
    const view = { ...this.view, ...change };
    const { duration_s, half_hz } = this.whole;
    const span = Math.min(duration_s, Math.max(view.stop_s - view.start_s, Math.min(SHORTEST_S, duration_s)));
    view.start_s = Math.min(Math.max(0, view.start_s), duration_s - span);
    view.stop_s = view.start_s + span;
    const { on, off } = SCALES[view.scale];
    const bottom = view.scale === "log" ? Math.min(LOWEST_LOG_HZ, half_hz / 2) : 0;
    const [from, to] = [on(bottom), on(half_hz)];
    const wide = Math.min(to - from, Math.max(on(view.high_hz) - on(Math.max(bottom, view.low_hz)), (to - from) * NARROWEST));
    const low = Math.min(Math.max(from, on(Math.max(bottom, view.low_hz))), to - wide);
    view.low_hz = low <= from + 1e-9 ? bottom : off(low);
    view.high_hz = low + wide >= to - 1e-9 ? half_hz : off(low + wide);
    this.view = view;
    this.stale = true;
    this.draw();
    this.want();
    this.onview();
  }

  seeAll() {
    this.see({ start_s: 0, stop_s: this.whole.duration_s, low_hz: 0, high_hz: this.whole.half_hz });
  }

  // Zoom by a factor below 1 for nearer; `time` and `place` (0 to 1 of the height) stay where they are.
  zoomTime(factor, time = (this.view.start_s + this.view.stop_s) / 2) {
    const { start_s, stop_s } = this.view;
    this.see({ start_s: time - (time - start_s) * factor, stop_s: time + (stop_s - time) * factor });
  }

  zoomBand(factor, place = 0.5) {
    this.see({
      low_hz: Math.max(0, hzAt(place - place * factor, this.view)),
      high_hz: hzAt(place + (1 - place) * factor, this.view),
    });
  }

  move(times, places) {
    const { start_s, stop_s } = this.view;
    const step = times * (stop_s - start_s);
    const held = SCALES[this.view.scale].on(this.whole.half_hz);
    const bottom = SCALES[this.view.scale].on(this.view.scale === "log" ? LOWEST_LOG_HZ : 0);
    const { on, off } = SCALES[this.view.scale];
    const [low, high] = [on(this.view.low_hz), on(this.view.high_hz)];
    const lift = Math.min(held - high, Math.max(bottom - low, places * (high - low)));
    this.see({ start_s: start_s + step, stop_s: stop_s + step, low_hz: off(low + lift), high_hz: off(high + lift) });
  }

  seek(seconds) {
    this.position = seconds;
    this.draw();
  }

  // Follow the player to the next page when it leaves what is seen.
  follow(seconds) {
    const { start_s, stop_s } = this.view;
    const span = stop_s - start_s;
    if (span < this.whole.duration_s - 1e-6 && (seconds < start_s || seconds > stop_s)) {
      this.see({ start_s: seconds, stop_s: seconds + span });
    }
    this.seek(seconds);
  }

  timeAt(x) {
    const part = Math.min(1, Math.max(0, (x - this.left) / (this.right - this.left)));
    return this.view.start_s + part * (this.view.stop_s - this.view.start_s);
  }

  x(seconds) {
    const { start_s, stop_s } = this.view;
    return this.left + ((seconds - start_s) / (stop_s - start_s)) * (this.right - this.left);
  }

  // Where a time of the recording is that is shown.
  xOf(seconds) {
    return this.x(seconds - this.sources[0].late_s);
  }

  // What of a source is seen.
  viewOf({ late_s }) {
    return { ...this.view, start_s: this.view.start_s + late_s, stop_s: this.view.stop_s + late_s };
  }

  y(hz) {
    return this.bottom - placeOf(hz, this.view) * (this.bottom - this.top);
  }

  isInside(x, y) {
    return x >= this.left && x < this.right && y >= this.top && y < this.bottom;
  }

  // Time, frequency and level under a point of the canvas.
  read(x, y) {
    const part = [(x - this.left) / (this.right - this.left), (y - this.top) / (this.bottom - this.top)];
    const { width, height } = this.raster;
    const cell = Math.min(width - 1, Math.floor(part[0] * width)) + Math.min(height - 1, Math.floor(part[1] * height)) * width;
    const levels = this.levels.map((each) => each[cell]);
    const is_known = levels.every((level) => level > 0);
    const db = this.sources.map((source, i) => LOWEST_DB + STEP_DB * levels[i] + source.gain_db);
    return {
      time_s: this.timeAt(x), hz: hzAt(1 - part[1], this.view),
      level_db: !is_known ? null : db.length > 1 ? db[0] - db[1] : db[0],
    };
  }

  describe({ time_s, hz, level_db }) {
    const digits = this.view.stop_s - this.view.start_s < 10 ? 3 : 2;
    const unit = this.sources.length > 1 ? "dB apart" : "dB";
    const level = level_db === null ? `below ${LOWEST_DB} dB` : `${level_db.toFixed(1).replace("-", "−")} ${unit}`;
    return `${clock(time_s, digits)} · ${hertz(hz)} · ${level}`;
  }

  size() {
    const ratio = Math.min(2, devicePixelRatio || 1);
    return [this.right - this.left, this.bottom - this.top].map((n) => Math.max(1, Math.round(n * ratio)));
  }

  want() {
    if (!this.view || !this.canvas.clientWidth) return;
    for (const source of this.sources) source.tiles.want(this.viewOf(source), ...this.size());
  }

  refresh() {
    this.stale = true;
    this.draw();
  }

  draw() {
    if (!this.view || !this.canvas.clientWidth) return;
    const ratio = devicePixelRatio || 1;
    const width = this.canvas.clientWidth, height = this.canvas.clientHeight;
    this.canvas.width = Math.round(width * ratio);
    this.canvas.height = Math.round(height * ratio);
    const pen = this.canvas.getContext("2d");
    pen.scale(ratio, ratio);
    const style = getComputedStyle(document.documentElement);
    this.colour = (name) => style.getPropertyValue(`--${name}`).trim();
    pen.fillStyle = this.colour("card");
    pen.fillRect(0, 0, width, height);
    pen.font = FONT;
    const lanes = this.layers.events && this.score ? LANE * this.kinds.length : 0;
    this.left = lanes ? 76 : 54;
    this.right = width - (this.score && this.layers.scores ? 34 : 10);
    this.top = 8;
    this.bottom = height - AXIS - LEGEND - lanes;
    if (this.right - this.left < 20) return;
    this.canvas.dataset.plot = [this.left, this.top, this.right, this.bottom]; // where levels lie, for scripts
    this.drawLevels(pen);
    this.drawAxes(pen, lanes);
    if (this.score) {
      drawOver(pen, this);
      if (lanes) drawEvents(pen, this);
    }
    this.drawMarks(pen, lanes);
    this.drawLegend(pen, height);
  }

  drawLevels(pen) {
    const [width, height] = this.size();
    if (this.stale || this.raster.width !== width || this.raster.height !== height) {
      this.levels = this.sources.map((source) => {
        const view = this.viewOf(source);
        return sampled(source.tiles.of(view), view, width, height);
      });
      this.raster.width = width;
      this.raster.height = height;
      const image = new ImageData(width, height);
      const pixels = new Uint32Array(image.data.buffer);
      const [first, second] = this.levels;
      if (second) {
        const offset = (this.sources[0].gain_db - this.sources[1].gain_db) / STEP_DB;
        const reach = DIFFERENCE_DB / STEP_DB;
        const colours = table(4 * reach + 1, (i) => i / (4 * reach), DIFFERENCE_STOPS);
        const floor = (this.view.floor_db - LOWEST_DB) / STEP_DB; // of two that nobody hears, no difference
        for (let i = 0; i < pixels.length; i++) {
          const apart = Math.max(first[i], floor) - Math.max(second[i], floor) + (first[i] > floor || second[i] > floor ? offset : 0);
          pixels[i] = colours[Math.round(2 * (Math.min(reach, Math.max(-reach, apart)) + reach))];
        }
      } else {
        const { floor_db, ceiling_db } = this.view;
        const gain = this.sources[0].gain_db;
        const colours = table(256, (i) => (LOWEST_DB + STEP_DB * i + gain - floor_db) / (ceiling_db - floor_db));
        for (let i = 0; i < pixels.length; i++) pixels[i] = colours[first[i]];
      }
      this.raster.getContext("2d").putImageData(image, 0, 0);
      this.stale = false;
    }
    pen.drawImage(this.raster, this.left, this.top, this.right - this.left, this.bottom - this.top);
  }

  drawAxes(pen, lanes) {
    const base = this.bottom + lanes;
    pen.textBaseline = "middle";
    for (const { at, text } of hzTicks(this.view, this.bottom - this.top)) {
      const y = this.y(at);
      this.grid(pen, this.left, y, this.right - this.left, 1);
      pen.fillStyle = this.colour("muted");
      pen.textAlign = "right";
      pen.fillRect(this.left - 4, y, 4, 1);
      pen.fillText(text, this.left - 7, Math.min(this.bottom - 5, Math.max(this.top + 5, y)));
    }
    pen.save();
    pen.translate(11, (this.top + this.bottom) / 2);
    pen.rotate(-Math.PI / 2);
    pen.textAlign = "center";
    pen.fillText("Hz", 0, 0);
    pen.restore();
    pen.textAlign = "center";
    for (const { at, text } of timeTicks(this.view.start_s, this.view.stop_s, this.right - this.left)) {
      const x = this.x(at);
      this.grid(pen, x, this.top, 1, base - this.top);
      pen.fillStyle = this.colour("muted");
      pen.fillRect(x, base, 1, 4);
      const half = pen.measureText(text).width / 2;
      pen.fillText(text, Math.min(x, this.canvas.clientWidth - half - 1), base + AXIS / 2 + 2);
    }
  }

  grid(pen, x, y, width, height) {
    if (!this.layers.grid) return;
    pen.fillStyle = "rgba(255, 255, 255, .28)";
    pen.fillRect(x, y, width, height);
  }

  drawMarks(pen, lanes) {
    if (this.pointer) {
      pen.fillStyle = "rgba(255, 255, 255, .7)";
      pen.fillRect(this.pointer.x, this.top, 1, this.bottom - this.top);
      pen.fillRect(this.left, this.pointer.y, this.right - this.left, 1);
    }
    if (this.box) {
      pen.strokeStyle = "#fff";
      pen.strokeRect(this.box.x, this.box.y, this.box.width, this.box.height);
    }
    const { start_s, stop_s } = this.view;
    if (this.layers.cursor && this.position >= start_s && this.position <= stop_s) {
      const x = this.x(this.position);
      pen.fillStyle = "rgba(0, 0, 0, .6)";
      pen.fillRect(x - 2, this.top, 4, this.bottom - this.top);
      pen.fillStyle = "#7fd0ff";
      pen.fillRect(x - 1, this.top - 6, 2, this.bottom + lanes - this.top + 6);
    }
  }

  drawLegend(pen, height) {
    const differs = this.sources.length > 1;
    const [low, high] = differs ? [-DIFFERENCE_DB, DIFFERENCE_DB] : [this.view.floor_db, this.view.ceiling_db];
    const top = height - LEGEND + 6;
    const width = Math.min(360, this.right - this.left - (this.sources[0].gain_db && !differs ? 150 : 70));
    for (let i = 0; i < width; i++) {
      pen.fillStyle = css(i / (width - 1), differs ? DIFFERENCE_STOPS : STOPS);
      pen.fillRect(this.left + i, top, 1.5, 9);
    }
    pen.fillStyle = this.colour("muted");
    pen.textBaseline = "middle";
    const step = [5, 10, 20, 30, 60, 120].find((db) => (high - low) / db <= width / 40) || 120;
    for (let db = Math.ceil(low / step) * step; db <= high; db += step) {
      const x = this.left + ((db - low) / (high - low)) * width;
      pen.fillRect(Math.min(x, this.left + width - 1), top + 9, 1, 3);
      pen.textAlign = "center";
      pen.fillText(`${db > 0 && differs ? "+" : ""}${db}`.replace("-", "−"), x, top + 20);
    }
    pen.textAlign = "left";
    const gain = this.sources[0].gain_db;
    const unit = gain ? `dBFS, ${(-gain).toFixed(1)} dB softer` : "dBFS";
    pen.fillText(differs ? "dB, A − B" : unit, this.left + width + 14, top + 5);
  }
}
