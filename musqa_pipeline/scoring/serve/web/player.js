// The browser plays the user's own file; where it cannot, the server makes a WAV of it.

export class Player {
  constructor(audio, note, moved) {
    Object.assign(this, { audio, note, moved, file: null, address: null, asked: false });
    audio.addEventListener("error", () => this.askForPreview());
    audio.addEventListener("timeupdate", () => moved(audio.currentTime));
    audio.addEventListener("play", () => this.tick());
  }

  open(file) {
    Object.assign(this, { file, asked: false });
    this.note.textContent = "";
    this.load(file);
  }

  load(blob) {
    if (this.address) URL.revokeObjectURL(this.address);
    this.address = URL.createObjectURL(blob);
    this.audio.src = this.address;
  }

  // The audio element tells its time four times a second; a cursor is to glide.
  tick() {
    if (this.audio.paused) return;
    this.moved(this.audio.currentTime);
    requestAnimationFrame(() => this.tick());
  }

  listenAt(seconds) {
    this.seek(seconds);
    this.audio.play().catch(() => { /* the note says why, or the user has paused it */ });
  }

  seek(seconds) {
    this.audio.currentTime = seconds;
    this.moved(seconds);
  }

  toggle(seconds) {
    if (this.audio.paused) this.listenAt(seconds); else this.audio.pause();
  }

  async askForPreview() {
    if (this.asked || !this.file) return;
    this.asked = true;
    const { file } = this;
    this.note.textContent = "This browser does not play the format; asking for a WAV of it …";
    try {
      const wav = await previewOf(file);
      if (file !== this.file) return;
      const time = this.audio.currentTime;
      this.load(wav);
      this.audio.currentTime = time;
      this.note.textContent = "Playing a 16-bit WAV that musqa made of it.";
    } catch (error) {
      if (file === this.file) this.note.textContent = `It cannot be played here: ${error.message}`;
    }
  }
}

export async function previewOf(file) {
  const headers = { "Content-Type": "application/octet-stream" };
  const found = await fetch("api/v1/preview", { method: "POST", body: file, headers });
  if (!found.ok) throw new Error((await found.json()).error.message);
  return found.blob();
}
