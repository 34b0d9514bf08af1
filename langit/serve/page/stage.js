// The stage: what is being made, sharpening from noise, and then the video with its credentials.

import { call, content } from "./api.js";
import { credentials, nearest } from "./credentials.js";
import { $, h } from "./dom.js";
import { putOnStage } from "./state.js";
import { number, told, w } from "./words.js";

const still = matchMedia("(prefers-reduced-motion: reduce)");
const TURN = 350; // milliseconds for each frame of a preview
let watching = null;
let shownId = "";
let turning = 0;
let leaving = new AbortController(); // ends what is still asked about a video that is no longer shown

export const shown = () => shownId;
export const say = (text) => { $("#said").textContent = text; };

export function empty() {
  stop();
  shownId = "";
  putOnStage(null);
  $("#shown").replaceChildren(h("div", { className: "empty" }, h("div", { className: "sky", ariaHidden: "true" }), h("p", {}, h("b", {}, w("empty")), h("br"), w("empty.text"))));
}

function stop() {
  watching?.close();
  watching = null;
  clearInterval(turning);
  leaving.abort();
  leaving = new AbortController();
}

// Follow a job to its end; `acts` are told when it is over.
export function watch(video, acts) {
  stop();
  shownId = video.id;
  const size = video.x_size ?? video.size ?? "1x1";
  const [wide, high] = size.split("x").map(Number);
  const canvas = h("canvas", { className: "becoming", width: 512, height: Math.max(1, Math.round(512 * high / wide)), role: "img", ariaLabel: w("preview") });
  const bar = h("div", { className: "bar", role: "progressbar", "aria-valuemin": 0, "aria-valuemax": 100, ariaLabel: w("progress") }, h("i"));
  const line = h("p", { className: "hint told-progress" });
  const wait = h("div", { className: "waiting" }, canvas);
  $("#shown").replaceChildren(wait, h("div", { className: "progress" }, bar, h("div", { className: "label-row" }, line,
    h("button", { type: "button", className: "quiet small", on: { click: () => acts.cancel(video) } }, w("cancel")))),
  h("p", { className: "asked" }, video.prompt ? `“${video.prompt}”` : ""));
  let spoken = -1;
  const progress = (now) => {
    const share = now.progress ?? 0;
    bar.firstChild.style.width = `${share}%`;
    bar.setAttribute("aria-valuenow", String(share));
    const stage = now.status === "queued" ? w("queued") : now.x_steps_total ? w("step.of", { step: now.x_step, total: now.x_steps_total }) : w("working");
    line.textContent = [stage, now.x_details && told(now.x_details)].filter(Boolean).join(" · ");
    canvas.style.filter = `blur(${Math.max(0, 10 * (1 - share / 100)).toFixed(1)}px)`; // what is still noise need not look like an error
    const quarter = Math.floor(share / 25);
    if (quarter > spoken) {
      spoken = quarter;
      say(w("progress.of", { share: number(share) }));
    }
  };
  progress(video);
  watching = new EventSource(`/v1/videos/${video.id}/events`);
  watching.addEventListener("video", (event) => progress(JSON.parse(event.data)));
  watching.addEventListener("preview", (event) => preview(JSON.parse(event.data).url, canvas, wide / high));
  watching.addEventListener("done", (event) => {
    stop();
    const done = JSON.parse(event.data);
    acts.over(done);
    show(done, acts, true);
  });
  watching.addEventListener("deleted", () => { stop(); empty(); });
}

// Frames side by side, with a pixel between them: shown one after the other, enlarged.
function preview(url, canvas, aspect) {
  const picture = new Image();
  picture.addEventListener("load", () => {
    const high = picture.naturalHeight;
    const wide = Math.round(high * aspect);
    const count = Math.max(1, Math.round((picture.naturalWidth + 1) / (wide + 1)));
    const pen = canvas.getContext("2d");
    pen.imageSmoothingQuality = "high";
    let at = 0;
    const draw = () => {
      pen.drawImage(picture, at * (wide + 1), 0, wide, high, 0, 0, canvas.width, canvas.height);
      at = (at + 1) % count;
    };
    canvas.classList.add("seen");
    clearInterval(turning);
    draw();
    turning = setInterval(draw, TURN);
  });
  picture.src = url;
}

export function show(video, acts, fresh = false) {
  stop();
  shownId = video.id;
  putOnStage(video);
  acts.staged();
  if (video.status === "failed") {
    const why = video.error ? told(video.error.message) : w("failed");
    $("#shown").replaceChildren(h("div", { className: "broken" }, h("h3", {}, w("failed")), h("p", {}, why), buttons(video, acts, ["reuse", "delete"])));
    say(`${w("failed")}: ${why}`);
    return;
  }
  const words = video.prompt || video.x_prompt || w("ability.image");
  const image = video.object === "image";
  const media = image
    ? h("img", { src: video.url, alt: words, className: "made" })
    : h("video", { src: content(video.id), className: "made", controls: true, loop: true, muted: true, autoplay: !still.matches, playsInline: true, ariaLabel: words });
  const [wide, high] = (video.x_size ?? video.size ?? "1x1").split("x").map(Number);
  media.style.aspectRatio = `${wide} / ${high}`;
  // Around a square video its own colours, out of focus, instead of black.
  const ambient = h("img", { src: image ? video.url : content(video.id, "thumbnail"), alt: "", className: "ambient" });
  $("#shown").replaceChildren(h("div", { className: "frame" }, ambient, media),
    h("div", { className: "under-video" },
      buttons(video, acts, image ? ["save", "reuse", "start", "delete"] : ["save", "reuse", "extend", "loop", "edit", "inpaint", "connect", "delete"]),
      h("h3", {}, w("credentials")), credentials(video), image ? null : nearest(video, leaving.signal)));
  if (fresh) say(w("done"));
}

function buttons(video, acts, names) {
  const image = video.object === "image";
  return h("div", { className: "acts" }, names.map((name) => {
    if (name === "save") return h("a", { className: "quiet small button", href: image ? video.url : content(video.id), download: `langit-${video.id}.${image ? "png" : "mp4"}` }, w("act.save"));
    return h("button", { type: "button", className: "quiet small", on: { click: () => acts[name === "delete" ? "remove" : "use"](video, name) } }, w(`act.${name}`));
  }));
}

export async function refresh(id) {
  return call("GET", `/v1/videos/${id}`);
}
