// What is seen, as a picture or as numbers; both are made here and sent nowhere.
import { FONT } from "./picture.js";
import { LOWEST_DB, STEP_DB } from "./tiles.js";

const TITLE = 26;

function download(blob, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

export function savePicture(picture, name) {
  const { canvas } = picture;
  const ratio = canvas.width / canvas.clientWidth;
  const page = document.createElement("canvas");
  page.width = canvas.width;
  page.height = canvas.height + Math.round(TITLE * ratio);
  const pen = page.getContext("2d");
  pen.scale(ratio, ratio);
  pen.fillStyle = picture.colour("card");
  pen.fillRect(0, 0, page.width, page.height);
  pen.fillStyle = picture.colour("ink");
  pen.font = `bold ${FONT}`;
  pen.fillText(`${name} · ${about(picture)}`, 10, 18, canvas.clientWidth - 20);
  pen.drawImage(canvas, 0, TITLE, canvas.clientWidth, canvas.clientHeight);
  page.toBlob((blob) => download(blob, `${name}.png`));
}

function about({ view, sources }) {
  return `${sources.length > 1 ? "A − B, " : ""}${view.channel}, ${view.scale}, ${Math.round(view.frame_s * 1000)} ms`;
}

// Levels of each pixel, from the lowest frequency and the start; null where none is known.
export function saveValues(picture, name) {
  const { view, score, raster } = picture;
  const { width, height } = raster;
  const sources = picture.sources.map(({ gain_db, late_s }, index) => {
    const levels = picture.levels[index];
    const columns = Array.from({ length: width }, (_, x) => Array.from({ length: height }, (_row, row) => {
      const level = levels[(height - 1 - row) * width + x];
      return level ? LOWEST_DB + STEP_DB * level + gain_db : null;
    }));
    return { gain_db, late_s, levels_db: columns };
  });
  const shown = Object.keys(picture.layers).filter((layer) => picture.layers[layer]);
  const plain = { file: name, view, columns: width, rows: height, layers: shown, position_s: picture.position, sources, score };
  download(new Blob([JSON.stringify(plain)], { type: "application/json" }), `${name}.view.json`);
}
