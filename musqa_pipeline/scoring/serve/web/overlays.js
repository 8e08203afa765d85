// What was found in a recording, drawn over its spectrogram; each layer can be switched off.

export const EVENT_NAMES = {
  band_edge: "band edge", holes: "holes", pre_echo: "pre-echo", clipping: "clipping",
  click: "click", dropout: "dropout", hum: "hum", noise: "noise", mono_collapse: "mono",
};
export const LANE = 18;
const EDGE = "#7fe0ff", BANDWIDTH = "#b6ffb0";

export function drawOver(pen, picture) {
  pen.save();
  pen.beginPath();
  pen.rect(picture.left, picture.top, picture.right - picture.left, picture.bottom - picture.top);
  pen.clip();
  if (picture.layers.interval) drawIntervals(pen, picture);
  if (picture.layers.scores) drawScores(pen, picture);
  if (picture.layers.edges) drawEdges(pen, picture);
  pen.restore();
  if (picture.layers.scores) drawScoreAxis(pen, picture);
}

function heightOf(mos, { words, bottom, top }) {
  const { lowest_mos: lowest, highest_mos: highest } = words;
  return bottom - ((mos - lowest) / (highest - lowest)) * (bottom - top);
}

function drawScoreAxis(pen, picture) {
  pen.fillStyle = picture.colour("muted");
  pen.textAlign = "left";
  pen.textBaseline = "middle";
  const at = picture.right + 6;
  for (const mos of [1, 2, 3, 4]) pen.fillText(mos, at, Math.min(picture.bottom - 6, heightOf(mos, picture)));
  pen.fillText("MOS", at - 2, picture.top + 5);
}

// Windows in which each begins where the one before ends: the last one may reach back.
function joined({ windows }) {
  let end = 0;
  return windows.map((part) => {
    const start_s = Math.max(end, part.start_s);
    end = part.stop_s;
    return { ...part, start_s };
  });
}

function drawIntervals(pen, picture) {
  for (const part of joined(picture.score)) {
    if (part.mos_low === null) continue;
    const left = picture.xOf(part.start_s), wide = picture.xOf(part.stop_s) - left;
    const top = heightOf(part.mos_high, picture), bottom = heightOf(part.mos_low, picture);
    pen.fillStyle = "rgba(255, 255, 255, .14)";
    pen.fillRect(left, top, wide, bottom - top);
    pen.fillStyle = "rgba(255, 255, 255, .6)";
    for (const end of [top, bottom]) pen.fillRect(left, end - 0.5, wide, 1);
  }
}

function drawScores(pen, picture) {
  for (const [width, colour] of [[6, "rgba(0, 0, 0, .75)"], [3, "#fff"]]) {
    pen.strokeStyle = colour;
    pen.lineWidth = width;
    pen.lineJoin = "round";
    pen.beginPath();
    let goes_on = false;
    for (const part of joined(picture.score)) {
      if (part.mos === null) { goes_on = false; continue; }
      const y = heightOf(part.mos, picture);
      if (goes_on) pen.lineTo(picture.xOf(part.start_s), y); else pen.moveTo(picture.xOf(part.start_s), y);
      pen.lineTo(picture.xOf(part.stop_s), y);
      goes_on = true;
    }
    pen.stroke();
  }
}

// The upper edge of what there is to hear, and edges that codecs left at their times.
function drawEdges(pen, picture) {
  const { score, view } = picture;
  const line = (hz, from, to, colour) => {
    if (!(hz > view.low_hz && hz < view.high_hz)) return;
    pen.strokeStyle = colour;
    pen.lineWidth = 1.5;
    pen.setLineDash([5, 4]);
    pen.beginPath();
    pen.moveTo(picture.xOf(from), picture.y(hz));
    pen.lineTo(picture.xOf(to), picture.y(hz));
    pen.stroke();
    pen.setLineDash([]);
  };
  if (score.bandwidth_hz) line(score.bandwidth_hz, 0, score.duration_s, BANDWIDTH);
  for (const event of score.events) {
    if (event.unit === "hz") line(event.strength, event.start_s, event.stop_s, EDGE);
  }
}

export function drawEvents(pen, picture) {
  const { left, right } = picture;
  picture.kinds.forEach((kind, lane) => {
    const y = picture.bottom + lane * LANE;
    pen.fillStyle = picture.colour("muted");
    pen.textAlign = "right";
    pen.textBaseline = "middle";
    pen.fillText(EVENT_NAMES[kind] || kind, left - 6, y + LANE / 2 + 1);
    pen.fillStyle = picture.colour("line");
    pen.fillRect(left, y + LANE / 2, right - left, 1);
    pen.fillStyle = picture.colour("poor");
    for (const event of picture.score.events) {
      if (event.kind !== kind) continue;
      const from = Math.max(left, picture.xOf(event.start_s)), to = Math.min(right, picture.xOf(event.stop_s));
      if (from <= right && to >= left) pen.fillRect(from, y + 4, Math.max(3, to - from), LANE - 8);
    }
  });
}
