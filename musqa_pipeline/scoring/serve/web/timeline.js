"use strict";
// Draws a recording: spectrogram, score of each window over it, and what was found below it.

const EVENT_NAMES = {
  band_edge: "band edge", holes: "holes", pre_echo: "pre-echo", clipping: "clipping",
  click: "click", dropout: "dropout", hum: "hum", noise: "noise", mono_collapse: "mono",
};
const LANE = 18;
const AXIS = 22;
// Dark to light; the same in both colour schemes, so that the lines over it are seen in both.
const STOPS = [[10, 9, 22], [52, 22, 92], [134, 38, 108], [217, 84, 74], [250, 158, 72], [252, 236, 168]];

function clock(seconds) {
  const whole = Math.max(0, seconds);
  const rest = whole % 60;
  const text = rest.toFixed(1).padStart(4, "0");
  return text === "60.0" ? `${Math.floor(whole / 60) + 1}:00.0` : `${Math.floor(whole / 60)}:${text}`;
}

function tint(level) {
  const place = (level / 255) * (STOPS.length - 1);
  const index = Math.min(STOPS.length - 2, Math.floor(place));
  const part = place - index;
  return STOPS[index].map((value, i) => value + part * (STOPS[index + 1][i] - value));
}

function picture(spectrogram) {
  const bytes = atob(spectrogram.levels);
  const { columns, rows } = spectrogram;
  const canvas = document.createElement("canvas");
  canvas.width = columns;
  canvas.height = rows;
  const context = canvas.getContext("2d");
  const image = context.createImageData(columns, rows);
  const palette = Array.from({ length: 256 }, (_, level) => tint(level));
  for (let column = 0; column < columns; column++) {
    for (let row = 0; row < rows; row++) {
      const colour = palette[bytes.charCodeAt(column * rows + row)];
      const at = 4 * ((rows - 1 - row) * columns + column);
      image.data.set([colour[0], colour[1], colour[2], 255], at);
    }
  }
  context.putImageData(image, 0, 0);
  return canvas;
}

class Timeline {
  constructor(canvas) {
    this.canvas = canvas;
    this.position = 0;
    new ResizeObserver(() => this.draw()).observe(canvas);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.draw());
  }

  show(answer, words) {
    this.score = answer.score;
    this.words = words;
    this.spectrogram = answer.spectrogram;
    this.image = answer.spectrogram && picture(answer.spectrogram);
    this.kinds = [...new Set(answer.score.events.map((event) => event.kind))];
    this.position = 0;
    this.canvas.style.height = `${(innerWidth <= 700 ? 230 : 300) + AXIS + LANE * this.kinds.length}px`;
    this.draw();
  }

  seek(seconds) {
    this.position = seconds;
    this.draw();
  }

  // The time under a point of the canvas.
  timeAt(x) {
    const part = (x - this.left) / (this.right - this.left);
    return Math.min(1, Math.max(0, part)) * this.score.duration_s;
  }

  draw() {
    if (!this.score) return;
    const ratio = devicePixelRatio || 1;
    const width = this.canvas.clientWidth, height = this.canvas.clientHeight;
    this.canvas.width = Math.round(width * ratio);
    this.canvas.height = Math.round(height * ratio);
    const pen = this.canvas.getContext("2d");
    pen.scale(ratio, ratio);
    const style = getComputedStyle(document.documentElement);
    this.colour = (name) => style.getPropertyValue(`--${name}`).trim();
    pen.font = "12px system-ui, 'DejaVu Sans', sans-serif";
    const labels = this.kinds.map((kind) => pen.measureText(EVENT_NAMES[kind] || kind).width);
    this.left = 8 + Math.ceil(Math.max(38, ...labels));
    this.right = width - 34;
    this.top = 8;
    this.bottom = height - AXIS - LANE * this.kinds.length;
    this.x = (seconds) => this.left + (seconds / this.score.duration_s) * (this.right - this.left);
    this.drawSpectrogram(pen);
    this.drawAxes(pen);
    this.drawScores(pen);
    this.drawEvents(pen);
    const x = this.x(this.position);
    pen.fillStyle = this.colour("accent");
    pen.fillRect(x - 1, this.top - 6, 2, height - AXIS - this.top + 6);
  }

  drawSpectrogram(pen) {
    pen.fillStyle = "rgb(10, 9, 22)";
    pen.fillRect(this.left, this.top, this.right - this.left, this.bottom - this.top);
    if (!this.image) return;
    // The last frame ends up to 0.1 s early; a picture that ends sooner does so for a reason.
    const seconds = this.spectrogram.columns * this.spectrogram.seconds_per_column;
    const whole = seconds > this.score.duration_s - 0.1;
    const width = whole ? this.right - this.left : this.x(seconds) - this.left;
    pen.drawImage(this.image, this.left, this.top, width, this.bottom - this.top);
  }

  y(mos) {
    const lowest = this.words.lowest_mos, highest = this.words.highest_mos;
    return this.bottom - ((mos - lowest) / (highest - lowest)) * (this.bottom - this.top);
  }

  drawAxes(pen) {
    pen.fillStyle = this.colour("muted");
    pen.textBaseline = "middle";
    if (this.spectrogram) {
      pen.textAlign = "right";
      const highest = this.spectrogram.highest_hz / 1000;
      const step = highest > 9 ? 4 : 1;
      for (let khz = step; khz <= highest; khz += step) {
        const y = this.bottom - (khz / highest) * (this.bottom - this.top);
        pen.fillText(khz === step ? `${khz} kHz` : khz, this.left - 6, Math.max(this.top + 6, y));
      }
    }
    pen.textAlign = "left";
    for (const mos of [1, 2, 3, 4]) pen.fillText(mos, this.right + 6, Math.min(this.bottom - 6, this.y(mos)));
    pen.fillText("MOS", this.right + 4, this.top + 5);
    const steps = [0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600];
    const room = (this.right - this.left) / 70;
    const step = steps.find((s) => this.score.duration_s / s <= room) || 600;
    pen.textAlign = "center";
    const base = this.bottom + LANE * this.kinds.length;
    for (let time = 0; time <= this.score.duration_s + 1e-6; time += step) {
      const text = step < 1 ? clock(time) : clock(time).replace(/\.0$/, "");
      pen.fillText(text, Math.min(this.x(time), this.right - 8), base + AXIS / 2 + 2);
      pen.fillRect(this.x(time), base, 1, 4);
    }
  }

  drawScores(pen) {
    for (const part of this.score.windows) {
      if (part.mos_low === null) continue;
      const left = this.x(part.start_s), wide = this.x(part.stop_s) - left;
      const top = this.y(part.mos_high), bottom = this.y(part.mos_low);
      pen.fillStyle = "rgba(255, 255, 255, .14)";
      pen.fillRect(left, top, wide, bottom - top);
      pen.fillStyle = "rgba(255, 255, 255, .6)";
      for (const end of [top, bottom]) pen.fillRect(left, end - 0.5, wide, 1);
    }
    for (const [width, colour] of [[6, "rgba(0, 0, 0, .75)"], [3, "#fff"]]) {
      pen.strokeStyle = colour;
      pen.lineWidth = width;
      pen.lineJoin = "round";
      pen.beginPath();
      let joined = false;
      for (const part of this.score.windows) {
        if (part.mos === null) { joined = false; continue; }
        const from = [this.x(part.start_s), this.y(part.mos)];
        if (joined) pen.lineTo(...from); else pen.moveTo(...from);
        pen.lineTo(this.x(part.stop_s), from[1]);
        joined = true;
      }
      pen.stroke();
    }
  }

  drawEvents(pen) {
    this.kinds.forEach((kind, lane) => {
      const y = this.bottom + lane * LANE;
      pen.fillStyle = this.colour("muted");
      pen.textAlign = "right";
      pen.textBaseline = "middle";
      pen.fillText(EVENT_NAMES[kind] || kind, this.left - 6, y + LANE / 2 + 1);
      pen.fillStyle = this.colour("line");
      pen.fillRect(this.left, y + LANE / 2, this.right - this.left, 1);
      pen.fillStyle = this.colour("poor");
      for (const event of this.score.events.filter((e) => e.kind === kind)) {
        const x = this.x(event.start_s);
        pen.fillRect(x, y + 4, Math.max(3, this.x(event.stop_s) - x), LANE - 8);
        if (event.unit === "hz" && this.spectrogram && event.strength < this.spectrogram.highest_hz) {
          const edge = this.bottom - (event.strength / this.spectrogram.highest_hz) * (this.bottom - this.top);
          pen.save();
          pen.strokeStyle = "#7fe0ff";
          pen.lineWidth = 1.5;
          pen.setLineDash([5, 4]);
          pen.beginPath();
          pen.moveTo(x, edge);
          pen.lineTo(this.x(event.stop_s), edge);
          pen.stroke();
          pen.restore();
        }
      }
    });
  }
}
