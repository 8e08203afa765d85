// Parts of a recording's spectrogram, asked of the server as finely as they are looked at.
// The server keeps no file, so each question sends it again; what was answered is kept here.
import { placeOf, SCALES } from "./axes.js";

const MOST_TILES = 24;
const MOST_COLUMNS = 4096, MOST_ROWS = 2048;
const PATIENCE_MS = 180;
const FINEST = 1 / 16; // of a frame: columns that are closer show nothing new
export const LOWEST_DB = -122.5, STEP_DB = 0.5;

export class RefusedError extends Error {
  name = "RefusedError";
}

function spanOf(view) {
  const { on } = SCALES[view.scale];
  return on(view.high_hz) - on(view.low_hz);
}

export class Tiles {
  constructor(file, changed, failed) {
    Object.assign(this, { file, changed, failed, known: [], asking: null, timer: 0, whole: null });
  }

  // The channel of a view; the mean of all where a recording has no such channel.
  channelOf({ channel }) {
    const wanted = { mix: 1, left: 2, right: 2, mid: 2, side: 2 }[channel] || Number(channel);
    return this.whole && wanted > this.whole.channels ? "mix" : channel;
  }

  // What is known of a view, coarse to fine.
  of(view) {
    const fits = (tile) => tile.channel === this.channelOf(view) && tile.asked_s === view.frame_s
      && tile.start_s < view.stop_s && tile.stop_s > view.start_s;
    return this.known.filter(fits).sort((a, b) => a.fineness - b.fineness);
  }

  suffices(view, width, height) {
    const { duration_s, half_hz } = this.whole;
    if (view.start_s >= duration_s || view.low_hz >= half_hz) return true; // nothing is there
    const stop_s = Math.min(view.stop_s, duration_s), high_hz = Math.min(view.high_hz, half_hz);
    return this.of(view).some((tile) => {
      const covers = tile.start_s <= Math.max(0, view.start_s) + 1e-6 && tile.stop_s >= stop_s - 1e-6
        && tile.low_hz <= view.low_hz + 1e-3 && tile.high_hz >= high_hz - 1e-3;
      const column_s = (tile.stop_s - tile.start_s) / tile.columns;
      const inTime = column_s <= (1.2 * (view.stop_s - view.start_s)) / width
        || column_s <= 1.01 * FINEST * tile.frame_s || tile.columns >= MOST_COLUMNS;
      const inBand = tile.scale === view.scale
        && tile.rows / spanOf(tile) >= (0.8 * height) / spanOf(view);
      return covers && inTime && inBand;
    });
  }

  // Ask for a view soon, unless it is known well enough; a later question takes its place.
  want(view, width, height) {
    clearTimeout(this.timer);
    if (!this.whole || this.suffices(view, width, height)) return;
    this.timer = setTimeout(() => this.ask(view, width, height), this.known.length ? PATIENCE_MS : 0);
  }

  async ask(view, width, height) {
    if (this.asking) this.asking.abort();
    const own = (this.asking = new AbortController());
    try {
      await this.get(this.question(view, width, height), own.signal);
    } catch (error) {
      if (error.name !== "AbortError") this.failed(error);
    } finally {
      if (this.asking === own) this.asking = null;
    }
  }

  // A margin of half a view on each side, so that a small step needs no other question.
  question(view, width, height) {
    const { whole } = this;
    const question = { channel: this.channelOf(view), frame_s: view.frame_s, scale: view.scale };
    const span = view.stop_s - view.start_s;
    const start = Math.max(0, view.start_s - span / 2);
    const stop = Math.min(whole.duration_s, view.stop_s + span / 2);
    const columns = Math.min((width * (stop - start)) / span, (stop - start) / (FINEST * view.frame_s));
    Object.assign(question, { start_s: start, stop_s: stop });
    question.columns = Math.round(Math.min(MOST_COLUMNS, Math.max(columns, 300)));
    const { on, off } = SCALES[view.scale];
    const [low, high] = [on(view.low_hz), on(view.high_hz)];
    const bottom = on(view.scale === "log" ? Math.min(20, view.low_hz) : 0);
    const from = Math.max(bottom, low - (high - low) / 2);
    const to = Math.min(on(whole.half_hz), high + (high - low) / 2);
    question.low_hz = Math.max(0, off(from));
    question.high_hz = Math.min(whole.half_hz, off(to));
    question.rows = Math.round(Math.min(MOST_ROWS, Math.max(64, (height * (to - from)) / (high - low))));
    return question;
  }

  async get(question, signal) {
    const tile = await this.fetch(question, signal);
    this.known.push(tile);
    if (this.known.length > MOST_TILES) this.known.splice(1, 1); // the first one shows the whole
    this.changed(tile);
    return tile;
  }

  async fetch(question, signal) {
    const address = `api/v1/spectrogram?${new URLSearchParams(question)}`;
    const headers = { "Content-Type": "application/octet-stream" };
    const found = await fetch(address, { method: "POST", body: this.file, headers, signal });
    const tile = await found.json();
    if (!found.ok) throw new RefusedError(tile.error.message);
    const bytes = atob(tile.levels);
    tile.cells = Uint8Array.from(bytes, (letter) => letter.charCodeAt(0));
    delete tile.levels;
    tile.asked_s = question.frame_s;
    tile.fineness = (tile.columns / (tile.stop_s - tile.start_s)) * (tile.rows / (tile.high_hz - tile.low_hz));
    this.whole = { duration_s: tile.duration_s, half_hz: tile.sample_rate_hz / 2, channels: tile.channels };
    return tile;
  }

  forget() {
    clearTimeout(this.timer);
    if (this.asking) this.asking.abort();
    this.known = [];
  }
}

// The levels of a view, one byte a pixel, row by row from the top; 0 where nothing is known.
// A pixel over many cells shows the loudest, so that a click is seen from afar.
export function sampled(tiles, view, width, height) {
  const found = new Uint8Array(width * height);
  for (const tile of tiles) {
    const columns = places(width, (part) => {
      const time = view.start_s + part * (view.stop_s - view.start_s);
      return ((time - tile.start_s) / (tile.stop_s - tile.start_s)) * tile.columns;
    }, tile.columns);
    const rows = places(height, (part) => {
      const { on, off } = SCALES[view.scale];
      const hz = off(on(view.low_hz) + (1 - part) * (on(view.high_hz) - on(view.low_hz)));
      return (1 - placeOf(hz, tile)) * tile.rows;
    }, tile.rows);
    fill(found, tile, width, columns, rows);
  }
  return found;
}

// For each pixel the first cell that it shows and the last; -1 outside.
function places(n, placeAt, most) {
  const first = new Int32Array(n).fill(-1), last = new Int32Array(n);
  for (let i = 0; i < n; i++) {
    const middle = placeAt((i + 0.5) / n);
    if (middle < 0 || middle >= most) continue;
    first[i] = Math.max(0, Math.min(Math.floor(middle), Math.ceil(placeAt(i / n))));
    last[i] = Math.min(most - 1, Math.max(Math.floor(middle), Math.ceil(placeAt((i + 1) / n)) - 1));
  }
  return { first, last };
}

function fill(found, tile, width, columns, rows) {
  const { cells, rows: nRows } = tile;
  for (let x = 0; x < width; x++) {
    if (columns.first[x] < 0) continue;
    for (let y = 0; y < rows.first.length; y++) {
      if (rows.first[y] < 0) continue;
      let most = 0;
      for (let column = columns.first[x]; column <= columns.last[x]; column++) {
        // Cells lie from the lowest row up, pixels from the top down.
        for (let row = rows.first[y]; row <= rows.last[y]; row++) {
          const level = cells[column * nRows + nRows - 1 - row];
          if (level > most) most = level;
        }
      }
      found[y * width + x] = most;
    }
  }
}
