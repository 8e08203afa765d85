// Mouse, fingers and keys on a picture.

const STEADY_PX = 5; // a press that moves less is a click
const THIN_PX = 14; // a box this thin marks a time or a band alone

export function listenToPointer(picture, { listenAt, readout }) {
  const { canvas } = picture;
  const down = new Map();
  let drag = null, was_dragged = false;
  const at = (event) => ({ x: event.offsetX, y: event.offsetY });

  function hover(point) {
    const inside = picture.view && picture.isInside(point.x, point.y);
    picture.pointer = inside ? point : null;
    picture.draw();
    readout(inside ? picture.describe(picture.read(point.x, point.y)) : "");
  }

  canvas.addEventListener("pointerdown", (event) => {
    if (!picture.view || (event.pointerType === "mouse" && event.button !== 0)) return;
    down.set(event.pointerId, at(event));
    was_dragged = down.size > 1;
    drag = { from: at(event), last: at(event), moves: event.shiftKey || event.pointerType !== "mouse" };
    canvas.setPointerCapture(event.pointerId);
  });

  canvas.addEventListener("pointermove", (event) => {
    const point = at(event);
    if (!down.has(event.pointerId)) {
      if (event.pointerType === "mouse" && picture.view) hover(point);
      return;
    }
    if (down.size === 2) pinch(event, point);
    else if (was_dragged || Math.hypot(point.x - drag.from.x, point.y - drag.from.y) > STEADY_PX) {
      was_dragged = true;
      picture.pointer = null;
      if (drag.moves) {
        picture.move((drag.last.x - point.x) / (picture.right - picture.left), (point.y - drag.last.y) / (picture.bottom - picture.top));
      } else mark(point);
    }
    drag.last = point;
    down.set(event.pointerId, point);
  });

  function mark(point) {
    const [x, y] = [clamp(point.x, picture.left, picture.right), clamp(point.y, picture.top, picture.bottom)];
    const [left, right] = [Math.min(x, drag.from.x), Math.max(x, drag.from.x)];
    const [top, bottom] = [Math.min(y, drag.from.y), Math.max(y, drag.from.y)];
    const box = { x: left, y: top, width: right - left, height: bottom - top };
    if (box.height < THIN_PX) Object.assign(box, { y: picture.top, height: picture.bottom - picture.top });
    else if (box.width < THIN_PX) Object.assign(box, { x: picture.left, width: picture.right - picture.left });
    picture.box = box;
    picture.draw();
  }

  function pinch(event, point) {
    const [other] = [...down].filter(([id]) => id !== event.pointerId).map(([, where]) => where);
    const before = down.get(event.pointerId);
    const apart = [Math.abs(before.x - other.x), Math.abs(point.x - other.x)];
    if (Math.min(...apart) > 10) picture.zoomTime(apart[0] / apart[1], picture.timeAt(other.x));
    const tall = [Math.abs(before.y - other.y), Math.abs(point.y - other.y)];
    const place = (picture.bottom - other.y) / (picture.bottom - picture.top);
    if (Math.min(...tall) > 30) picture.zoomBand(tall[0] / tall[1], clamp(place, 0, 1));
  }

  function up(event) {
    down.delete(event.pointerId);
    const { box } = picture;
    picture.box = null;
    if (!box || event.type === "pointercancel") return;
    const high = picture.read(box.x, box.y).hz;
    const low = picture.read(box.x, Math.min(box.y + box.height, picture.bottom - 0.01)).hz;
    picture.see({ start_s: picture.timeAt(box.x), stop_s: picture.timeAt(box.x + box.width), low_hz: Math.max(0, low), high_hz: high });
  }
  canvas.addEventListener("pointerup", up);
  canvas.addEventListener("pointercancel", up);
  canvas.addEventListener("pointerleave", () => { if (!down.size && picture.view) hover({ x: -1, y: -1 }); });
  canvas.addEventListener("click", (event) => {
    if (!was_dragged && picture.view) listenAt(picture.timeAt(event.offsetX));
    was_dragged = false;
  });

  canvas.addEventListener("wheel", (event) => {
    if (!picture.view) return;
    const { x, y } = at(event);
    const steps = (event.deltaY || event.deltaX) / (event.deltaMode ? 3 : 100);
    if (event.ctrlKey || event.metaKey) {
      const factor = 1.25 ** clamp(steps, -4, 4);
      const place = clamp((picture.bottom - y) / (picture.bottom - picture.top), 0, 1);
      if (event.shiftKey || x < picture.left) picture.zoomBand(factor, place);
      else picture.zoomTime(factor, picture.timeAt(x));
    } else if (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) {
      picture.move(0.1 * clamp(event.shiftKey ? steps : event.deltaX / 100, -5, 5), 0);
    } else return; // the page is scrolled
    event.preventDefault();
    hover({ x, y });
  }, { passive: false });
}

function clamp(value, low, high) {
  return Math.min(high, Math.max(low, value));
}

export function listenToKeys(picture, { seek, toggle, neighbour, readout }) {
  picture.canvas.addEventListener("keydown", (event) => {
    if (!picture.view || event.ctrlKey || event.metaKey || event.altKey) return;
    const { duration_s } = picture.whole;
    const span = picture.view.stop_s - picture.view.start_s;
    const step = Math.min(1, span / 10) * (event.shiftKey ? 10 : 1);
    const to = (time) => seek(clamp(time, 0, duration_s));
    const place = clamp((picture.bottom - picture.y(picture.cursor_hz ?? 1000)) / (picture.bottom - picture.top), 0, 1);
    const actions = {
      ArrowLeft: () => to(picture.position - step), ArrowRight: () => to(picture.position + step),
      Home: () => to(0), End: () => to(duration_s),
      PageUp: () => picture.move(-0.9, 0), PageDown: () => picture.move(0.9, 0),
      ArrowUp: () => lift(1), ArrowDown: () => lift(-1),
      "+": () => picture.zoomTime(0.5, held()), "-": () => picture.zoomTime(2, held()),
      "]": () => picture.zoomBand(0.5, place), "[": () => picture.zoomBand(2, place),
      0: () => picture.seeAll(), " ": toggle, n: () => neighbour(1), p: () => neighbour(-1),
    };
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    const action = actions[key === "=" ? "+" : key];
    if (!action) return;
    action();
    event.preventDefault();
  });

  function held() {
    const { start_s, stop_s } = picture.view;
    return picture.position >= start_s && picture.position <= stop_s ? picture.position : (start_s + stop_s) / 2;
  }

  // A cross at the position, which goes up and down, tells the level to who uses no mouse.
  function lift(direction) {
    const height = picture.bottom - picture.top;
    const y = picture.cursor_hz ? picture.y(picture.cursor_hz) : picture.top + height / 2;
    const row = clamp(y - (direction * height) / 40, picture.top, picture.bottom - 1);
    const x = clamp(picture.x(picture.position), picture.left, picture.right - 1);
    picture.pointer = { x, y: row };
    const found = picture.read(x, row);
    picture.cursor_hz = found.hz;
    picture.draw();
    readout(picture.describe(found), { is_spoken: true });
  }
}
