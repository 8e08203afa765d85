// The tools of a picture: zoom, scale, channel, frame, range of levels, layers, and saving it.
import { clock } from "./axes.js";
import { savePicture, saveValues } from "./save.js";
import { make } from "./verdict.js";

const at = (id) => document.getElementById(id);
const LAYERS = {
  scores: "score of each window", interval: "its 90 % interval", events: "what was found",
  edges: "band edges", cursor: "player", grid: "grid",
};

export function listenToControls(picture, nameOf) {
  const buttons = {
    "time-in": () => picture.zoomTime(0.5, heldTime()), "time-out": () => picture.zoomTime(2, heldTime()),
    "band-in": () => picture.zoomBand(0.5, 0), "band-out": () => picture.zoomBand(2, 0),
    "see-all": () => picture.seeAll(),
    "save-png": () => savePicture(picture, nameOf()), "save-view": () => saveValues(picture, nameOf()),
  };
  for (const [id, act] of Object.entries(buttons)) at(id).addEventListener("click", act);
  at("view-scale").addEventListener("change", (event) => picture.see({ scale: event.target.value }));
  at("channel").addEventListener("change", (event) => picture.see({ channel: event.target.value }));
  at("frame").addEventListener("change", (event) => picture.see({ frame_s: Number(event.target.value) }));
  for (const id of ["floor", "ceiling"]) at(id).addEventListener("change", () => setRange(picture));
  for (const [name, text] of Object.entries(LAYERS)) {
    const box = make("input");
    box.type = "checkbox";
    box.id = `layer-${name}`;
    box.checked = picture.layers[name];
    box.addEventListener("change", () => { picture.layers[name] = box.checked; picture.fit(); });
    const swatch = make("i");
    swatch.className = name;
    const label = make("label", "", box, swatch, text);
    label.id = `label-${name}`;
    at("layers").append(label);
  }
  picture.onview = () => tell(picture);

  function heldTime() {
    const { start_s, stop_s } = picture.view;
    const inside = picture.position >= start_s && picture.position <= stop_s;
    return inside ? picture.position : undefined;
  }
}

function setRange(picture) {
  const floor_db = Number(at("floor").value), ceiling_db = Number(at("ceiling").value);
  if (Number.isFinite(floor_db) && ceiling_db >= floor_db + 5) picture.see({ floor_db, ceiling_db });
  tell(picture); // what is no range is taken back
}

// Offer what a recording has, and say what is seen of it.
export function offer(picture, tile) {
  const named = tile.channels === 1 ? { mix: "mono" }
    : tile.channels === 2 ? { mix: "mean of both", left: "left", right: "right", mid: "mid (L + R)", side: "side (L − R)" }
    : { mix: "mean of all", ...Object.fromEntries(Array.from({ length: tile.channels }, (_, i) => [`${i + 1}`, `channel ${i + 1}`])) };
  at("channel").replaceChildren(...Object.entries(named).map(([value, text]) => {
    const option = make("option", text);
    option.value = value;
    return option;
  }));
  tell(picture);
}

export function tell(picture) {
  const { view, whole } = picture;
  at("view-scale").value = view.scale;
  at("channel").value = view.channel;
  at("frame").value = `${view.frame_s}`;
  at("floor").value = view.floor_db;
  at("ceiling").value = view.ceiling_db;
  const is_whole = view.start_s < 1e-6 && view.stop_s > whole.duration_s - 1e-6;
  const digits = view.stop_s - view.start_s < 10 ? 2 : 1;
  at("seen").textContent = `${is_whole ? "all" : `${clock(view.start_s, digits)} to ${clock(view.stop_s, digits)}`}, `
    + `${Math.round(view.low_hz)} to ${Math.round(view.high_hz)} Hz`;
}
