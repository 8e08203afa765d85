// Times and frequencies: how they are written, where ticks stand, how a scale spreads them.
// musqa_pipeline/scoring/picture/axes.py does the same for pictures without a browser.

export const SCALES = {
  linear: { on: (hz) => hz, off: (place) => place },
  mel: { on: (hz) => 2595 * Math.log10(1 + hz / 700), off: (place) => 700 * (10 ** (place / 2595) - 1) },
  log: { on: (hz) => Math.log(Math.max(hz, 1e-3)), off: (place) => Math.exp(place) },
};
export const LOWEST_LOG_HZ = 20;
const TIME_STEPS_S = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5,
  1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 14400];
const TICK_ROOM = 70, ROW_ROOM = 22;

// Where a part of a scale lies, from 0 at its lower end to 1.
export function placeOf(hz, view) {
  const { on } = SCALES[view.scale];
  return (on(hz) - on(view.low_hz)) / (on(view.high_hz) - on(view.low_hz));
}

export function hzAt(place, view) {
  const { on, off } = SCALES[view.scale];
  return off(on(view.low_hz) + place * (on(view.high_hz) - on(view.low_hz)));
}

export function clock(seconds, digits = 1) {
  const unit = 10 ** digits;
  const whole = Math.round(Math.max(0, seconds) * unit);
  const minutes = Math.floor(whole / (60 * unit));
  const rest = ((whole - minutes * 60 * unit) / unit).toFixed(digits);
  return `${minutes}:${rest.padStart(digits ? 3 + digits : 2, "0")}`;
}

export function hertz(hz) {
  if (hz >= 9999.5) return `${(hz / 1000).toFixed(2)} kHz`;
  return hz >= 999.5 ? `${(hz / 1000).toFixed(3)} kHz` : `${hz.toFixed(hz < 100 ? 1 : 0)} Hz`;
}

export function timeTicks(start, stop, width) {
  const step = TIME_STEPS_S.find((s) => (stop - start) / s <= width / TICK_ROOM) || TIME_STEPS_S.at(-1);
  const digits = step < 1 ? Math.ceil(-Math.log10(step) - 1e-9) : 0;
  const found = [];
  for (let i = Math.ceil(start / step - 1e-9); i * step <= stop + 1e-9; i++) {
    found.push({ at: i * step, text: clock(i * step, digits) });
  }
  return found;
}

function short(hz) {
  return hz >= 1000 ? `${+(hz / 1000).toFixed(3)}k` : `${+hz.toFixed(2)}`;
}

function evenTicks(low, high, most) {
  const raw = (high - low) / Math.max(1, most);
  const unit = 10 ** Math.floor(Math.log10(raw));
  const step = unit * [1, 2, 5, 10].find((factor) => factor * unit >= raw - 1e-9);
  const found = [];
  for (let i = Math.ceil(low / step - 1e-9); i * step <= high * (1 + 1e-9); i++) found.push(i * step);
  return found;
}

// Even steps where the scale is even or nearly so; else the roundest numbers that have room.
export function hzTicks(view, height) {
  const { low_hz: low, high_hz: high } = view;
  let found = [];
  if (view.scale === "linear" || high < 3 * Math.max(low, 1)) found = evenTicks(low, high, height / ROW_ROOM);
  else {
    for (const factors of [[1], [5], [2], [3, 7], [4, 6, 8]]) {
      for (let unit = 10; unit <= high; unit *= 10) {
        for (const hz of factors.map((factor) => factor * unit)) {
          const far = (other) => Math.abs(placeOf(hz, view) - placeOf(other, view)) * height >= ROW_ROOM;
          if (hz >= low && hz <= high && found.every(far)) found.push(hz);
        }
      }
    }
  }
  return found.sort((a, b) => a - b).map((hz) => ({ at: hz, text: short(hz) }));
}
