// How much later the second of two recordings is: encoders and decoders put silence before music.
export const MOST_S = 0.5;
const ALIKE = 0.5; // correlation below which it is other music
const SPAN_S = 8, COLUMNS = 4096, ROWS = 32; // columns of 2 ms
const COARSE_S = 0.001;

// The lag, in steps of `width` numbers, at which two series are most alike; null if at none.
export function lagOf(first, second, most, width = 1) {
  const parts = [first, second].map((series) => centred(series, width));
  const likeness = (lag) => correlation(...parts, lag * width);
  const [best, highest] = highestOf(likeness, -most, most);
  if (highest < ALIKE) return null;
  const [before, after] = [likeness(best - 1), likeness(best + 1)];
  const bend = before - 2 * highest + after; // of the parabola through the three
  return best + (bend < 0 ? (before - after) / (2 * bend) : 0);
}

// Where a function of whole numbers is highest, and how high.
function highestOf(likeness, from, to) {
  let best = from, highest = likeness(from);
  for (let lag = from + 1; lag <= to; lag++) {
    const found = likeness(lag);
    if (found > highest) [best, highest] = [lag, found];
  }
  return [best, highest];
}

// Without the mean of each of the `width` rows: what lasts tells no time.
function centred(series, width = 1) {
  const means = new Float64Array(width);
  series.forEach((value, i) => { means[i % width] += (value * width) / series.length; });
  return Float32Array.from(series, (value, i) => value - means[i % width]);
}

// Of `first` with what is `shift` numbers later in `second`, where both have any.
function correlation(first, second, shift) {
  const start = Math.max(0, -shift), stop = Math.min(first.length, second.length - shift);
  let both = 0, one = 0, other = 0;
  for (let i = start; i < stop; i++) {
    const a = first[i], b = second[i + shift];
    both += a * b;
    one += a * a;
    other += b * b;
  }
  return both / Math.sqrt(one * other || 1);
}

// Where to compare: the middle of the shorter one.
function middle(durations_s) {
  const shorter_s = Math.min(...durations_s), span_s = Math.min(SPAN_S, shorter_s);
  return [(shorter_s - span_s) / 2, (shorter_s + span_s) / 2];
}

// Of two spectrograms as the server makes them, in seconds.
export async function lagOfTiles(both) {
  const [start_s, stop_s] = middle(both.map((tiles) => tiles.whole.duration_s));
  const high_hz = Math.min(...both.map((tiles) => tiles.whole.half_hz));
  const question = {
    start_s, stop_s, low_hz: 0, high_hz, scale: "mel", channel: "mix", frame_s: 0.02, columns: COLUMNS, rows: ROWS,
  };
  const found = await Promise.all(both.map((tiles) => tiles.fetch(question)));
  const [first, second] = found.map((tile) => tile.cells);
  const column_s = (found[0].stop_s - found[0].start_s) / found[0].columns;
  if (found.some((tile) => tile.columns !== found[0].columns || tile.rows !== found[0].rows)) return null;
  const lag = lagOf(first, second, Math.round(MOST_S / column_s), found[0].rows);
  return lag === null ? null : lag * column_s;
}

// Of two sounds that a browser decoded, at one rate, in seconds: it may leave out what an encoder
// put before the music, where the server does not.
export function lagOfBuffers(both) {
  const rate = both[0].sampleRate, step = Math.round(COARSE_S * rate);
  const [start_s, stop_s] = middle(both.map((buffer) => buffer.duration));
  const parts = both.map((buffer) => buffer.getChannelData(0).subarray(start_s * rate, stop_s * rate));
  const coarse = lagOf(...parts.map((part) => envelope(part, step)), Math.round(MOST_S / COARSE_S));
  if (coarse === null) return null;
  const near = Math.round(coarse * step), most = 2 * step, length = Math.min(rate, ...parts.map((part) => part.length));
  const from = Math.floor((parts[0].length - length) / 2);
  const first = parts[0].subarray(from, from + length);
  const begin = from + near - most; // so that lag `most` stands for `near`
  const second = new Float32Array(length + 2 * most);
  for (let i = 0; i < second.length; i++) second[i] = parts[1][begin + i] || 0;
  const fixed = centred(first), moved = centred(second);
  const likeness = (lag) => Math.abs(correlation(fixed, moved, lag)); // one may be upside down
  const [best] = highestOf(likeness, 0, 2 * most);
  return (near - most + best) / rate;
}

function envelope(samples, step) {
  const found = new Float32Array(Math.floor(samples.length / step));
  for (let i = 0; i < found.length; i++) {
    let power = 0;
    for (let j = i * step; j < (i + 1) * step; j++) power += samples[j] ** 2;
    found[i] = Math.sqrt(power);
  }
  return found;
}
