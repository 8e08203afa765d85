// Two recordings that play in step: who listens changes between them without a gap.
import { lagOfBuffers } from "./align.js";
import { previewOf } from "./player.js";

const MOST_S = 1500; // of both together: a minute of stereo takes 23 MB when it is decoded
const FADE_S = 0.008;

async function decoded(context, file) {
  try {
    return await context.decodeAudioData(await file.arrayBuffer());
  } catch { // a format that the browser does not know
    return context.decodeAudioData(await (await previewOf(file)).arrayBuffer());
  }
}

export class Pair {
  constructor(moved) {
    Object.assign(this, { moved, buffers: null, sources: [], gains_db: [0, 0], late_s: [0, 0], heard: 0, position: 0, began: null });
  }

  async open(files, seconds) {
    if (seconds > MOST_S) {
      throw new Error(`both together have ${Math.round(seconds / 60)} minutes, and ${MOST_S / 60} can be held for switching; compare parts of them`);
    }
    this.context = new AudioContext();
    this.mixers = files.map(() => this.context.createGain());
    for (const mixer of this.mixers) mixer.connect(this.context.destination);
    this.turn(0);
    const buffers = await Promise.all(files.map((file) => decoded(this.context, file)));
    this.late_s = [0, lagOfBuffers(buffers) || 0];
    this.buffers = buffers;
  }

  get playing() {
    return this.began !== null;
  }

  get now() {
    if (!this.playing) return this.position;
    return Math.max(0, this.position + this.context.currentTime - this.began);
  }

  // Listen to one of them from now on, each at its gain.
  turn(heard, gains_db = this.gains_db) {
    Object.assign(this, { heard, gains_db });
    this.mixers?.forEach((mixer, i) => {
      mixer.gain.setTargetAtTime(i === heard ? 10 ** (gains_db[i] / 20) : 0, this.context.currentTime, FADE_S);
    });
  }

  listenAt(seconds) {
    if (!this.buffers) return;
    this.stop();
    this.context.resume();
    this.position = seconds;
    this.began = this.context.currentTime + 0.03;
    this.sources = this.buffers.map((buffer, i) => {
      const source = new AudioBufferSourceNode(this.context, { buffer });
      source.connect(this.mixers[i]);
      const place = seconds + this.late_s[i]; // before 0 there is nothing, so that it begins later
      source.start(this.began + Math.max(0, -place), Math.min(Math.max(0, place), buffer.duration));
      return source;
    });
    this.tick();
  }

  seek(seconds) {
    if (this.playing) this.listenAt(seconds);
    this.position = seconds;
    this.moved(seconds);
  }

  toggle(seconds) {
    if (this.playing) this.stop(); else this.listenAt(seconds);
    this.moved(this.now);
  }

  stop() {
    this.position = this.now;
    this.began = null;
    for (const source of this.sources) source.stop();
    this.sources = [];
  }

  tick() {
    if (!this.playing) return;
    if (this.now > Math.max(...this.buffers.map((buffer) => buffer.duration))) {
      this.stop();
      this.position = 0;
    }
    this.moved(this.now);
    requestAnimationFrame(() => this.tick());
  }

  close() {
    if (!this.context) return;
    this.stop();
    this.context.close();
    this.context = this.buffers = null;
  }
}
