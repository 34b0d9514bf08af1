// The brush of inpainting: white where the clip is made anew. With a pointer, or a rectangle by numbers for keyboards.

import { $, h } from "./dom.js";
import { state } from "./state.js";
import { w } from "./words.js";

const FACTOR = 8; // the canvas is larger than a small clip, so that strokes are smooth

export function brushField() {
  const clip = state.slots.clip;
  if (!clip) return h("p", { className: "hint field" }, w("brush.clip"));
  const video = h("video", { src: clip.url, muted: true, playsInline: true, preload: "auto", tabIndex: -1, ariaHidden: "true" });
  const canvas = h("canvas", { className: "brush", id: "brush", tabIndex: 0, role: "img", ariaLabel: w("brush.canvas") });
  const size = h("input", { id: "brush-size", min: 2, max: 50, value: 18 });
  size.setAttribute("type", "range");
  const place = h("div", { className: "painting" }, video, canvas);
  video.addEventListener("loadedmetadata", () => {
    const factor = video.videoWidth < 400 ? FACTOR : 1;
    canvas.width = video.videoWidth * factor;
    canvas.height = video.videoHeight * factor;
    place.style.aspectRatio = `${video.videoWidth} / ${video.videoHeight}`;
    canvas.dataset.factor = String(factor);
    state.mask = null;
  });
  paintWith(canvas, size);
  const numbers = ["left", "top", "width", "height"].map((name, at) => {
    const input = h("input", { id: `brush-${name}`, min: 0, max: 100, value: [25, 25, 50, 50][at] });
    input.setAttribute("type", "number");
    return h("div", {}, h("label", { htmlFor: `brush-${name}` }, w(`brush.${name}`)), input);
  });
  return h("div", { className: "field" },
    h("span", { className: "label" }, w("brush")), place,
    h("div", { className: "brush-tools" },
      h("div", { className: "grow" }, h("label", { htmlFor: "brush-size" }, w("brush.size")), size),
      h("button", { type: "button", className: "quiet small", on: { click: () => clear(canvas) } }, w("brush.clear"))),
    h("details", {}, h("summary", {}, w("brush.numbers")),
      h("div", { className: "four" }, numbers),
      h("button", { type: "button", className: "quiet small", on: { click: () => rectangle(canvas) } }, w("brush.fill"))),
    h("p", { className: "hint", id: "brush-said", role: "status" }, state.mask ? w("brush.ready") : w("brush.hint")));
}

function paintWith(canvas, size) {
  let before = null;
  const at = (event) => {
    const box = canvas.getBoundingClientRect();
    return [(event.clientX - box.left) / box.width * canvas.width, (event.clientY - box.top) / box.height * canvas.height];
  };
  const stroke = (to) => {
    const pen = canvas.getContext("2d");
    pen.strokeStyle = "#ffffff";
    pen.lineCap = pen.lineJoin = "round";
    pen.lineWidth = canvas.width * Number(size.value) / 100;
    pen.beginPath();
    pen.moveTo(...(before ?? to));
    pen.lineTo(to[0] + 0.01, to[1]);
    pen.stroke();
    before = to;
  };
  canvas.addEventListener("pointerdown", (event) => {
    canvas.setPointerCapture(event.pointerId);
    before = null;
    stroke(at(event));
  });
  canvas.addEventListener("pointermove", (event) => { if (before) stroke(at(event)); });
  for (const kind of ["pointerup", "pointercancel"]) canvas.addEventListener(kind, () => {
    if (before) keep(canvas);
    before = null;
  });
}

function rectangle(canvas) {
  const [left, top, width, height] = ["left", "top", "width", "height"].map((name) => Number($(`#brush-${name}`).value) / 100);
  const pen = canvas.getContext("2d");
  pen.fillStyle = "#ffffff";
  pen.fillRect(left * canvas.width, top * canvas.height, width * canvas.width, height * canvas.height);
  keep(canvas);
}

function clear(canvas) {
  canvas.getContext("2d").clearRect(0, 0, canvas.width, canvas.height);
  state.mask = null;
  $("#brush-said").textContent = w("brush.hint");
}

// The mask in the clip's own size, white on black.
function keep(canvas) {
  const factor = Number(canvas.dataset.factor);
  const small = h("canvas", { width: canvas.width / factor, height: canvas.height / factor });
  const pen = small.getContext("2d");
  pen.fillStyle = "#000000";
  pen.fillRect(0, 0, small.width, small.height);
  pen.drawImage(canvas, 0, 0, small.width, small.height);
  small.toBlob((blob) => {
    state.mask = blob;
    $("#brush-said").textContent = w("brush.ready");
  }, "image/png");
}
