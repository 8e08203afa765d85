// The recordings that were dropped: which are waiting, which are scored, and which one is shown.
import { make } from "./verdict.js";

const MOST = 500;
// The endings of musqa_pipeline/audio/files/listing.py; of a folder, other files are left alone.
const SUFFIXES = new Set(("wav wave bwf w64 rf64 flac aif aiff aifc caf au snd mp3 mp2 m4a m4b mp4 aac adts alac "
  + "ogg oga opus wma wv ape tta mka webm ac3 dsf").split(" "));

function isAudio(name) {
  return !name.startsWith(".") && SUFFIXES.has(name.split(".").at(-1).toLowerCase());
}

// Files of a drop; those of folders with their paths. Must be called before the drop is over.
export async function filesOf(transfer) {
  const entries = [...(transfer.items || [])].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  if (!entries.some((entry) => entry.isDirectory)) return [...transfer.files].map((file) => ({ file, name: file.name }));
  const found = [];
  for (const entry of entries) await collect(entry, "", found);
  return found;
}

async function collect(entry, path, found) {
  if (found.length > MOST) return;
  const name = path + entry.name;
  if (entry.isFile) {
    if (path && !isAudio(entry.name)) return;
    found.push({ file: await new Promise((done, failed) => entry.file(done, failed)), name });
    return;
  }
  const reader = entry.createReader();
  let inside;
  do { // a reader gives a hundred at a time
    inside = await new Promise((done, failed) => reader.readEntries(done, failed));
    for (const each of inside.sort((a, b) => a.name.localeCompare(b.name))) await collect(each, `${name}/`, found);
  } while (inside.length);
}

// Files that were chosen with an input; of a folder, what is audio by its name.
export function chosenIn(input) {
  const found = [...input.files].map((file) => ({ file, name: file.webkitRelativePath || file.name }));
  return input.webkitdirectory ? found.filter(({ file }) => isAudio(file.name)) : found;
}

export class Recordings {
  constructor(list, choose) {
    Object.assign(this, { list, choose, all: [], shown: null, next: null });
  }

  // Add files and return their entries, the first `MOST` of them.
  add(files) {
    const room = Math.max(0, MOST - this.all.length);
    const made = files.slice(0, room).map(({ file, name }) => ({ file, name, state: "waiting", problem: "", answer: null, tiles: null, tile: null }));
    this.all.push(...made);
    this.render();
    return made;
  }

  nextWaiting() {
    const wished = [this.shown, this.next].find((each) => each && each.state === "waiting");
    return wished || this.all.find((each) => each.state === "waiting");
  }

  cancel() {
    for (const each of this.all) if (each.state === "waiting") each.state = "cancelled";
    this.render();
  }

  render() {
    const { list } = this;
    const focused = [...list.querySelectorAll("button")].indexOf(document.activeElement);
    list.parentElement.hidden = this.all.length < 2;
    list.replaceChildren(...this.all.map((each) => {
      const mos = each.answer && each.answer.score.mos;
      const score = make("b", !each.answer ? "" : mos === null ? "–" : mos.toFixed(2));
      const told = each.answer ? each.answer.score.words || each.answer.score.abstained : each.state;
      const word = make("span", told);
      if (each.answer) word.className = `w-${each.answer.score.word}`;
      const button = make("button", "", make("span", each.name), score, word);
      button.type = "button";
      button.setAttribute("aria-current", each === this.shown);
      button.addEventListener("click", () => this.choose(each));
      return make("li", "", button);
    }));
    if (focused >= 0) list.querySelectorAll("button")[focused]?.focus({ preventScroll: true });
  }
}
