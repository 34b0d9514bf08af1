// The gallery: what this key has made, read from the server, so that it is there after a restart. Pictures are listed
// by this browser, and kept by the server.

import { call, content } from "./api.js";
import { $, h } from "./dom.js";
import { shown } from "./stage.js";
import { number, w, when } from "./words.js";

const PAGE = 12;
const PICTURES = "langit.pictures";
let videos = [];
let pictures = [];
let after = "";
let more = false;

export const all = () => [...videos, ...pictures].sort((one, other) => other.created_at - one.created_at);

export async function load(acts) {
  const page = await call("GET", `/v1/videos?limit=${PAGE}${after ? `&after=${after}` : ""}`);
  const known = new Set(videos.map((one) => one.id));
  videos.push(...page.data.filter((one) => !known.has(one.id)));
  more = page.has_more;
  after = page.last_id ?? after;
  if (!pictures.length) pictures = readPictures();
  draw(acts);
}

function readPictures() {
  try { return JSON.parse(localStorage.getItem(PICTURES) ?? "[]"); } catch { return []; }
}

function keepPictures() {
  try { localStorage.setItem(PICTURES, JSON.stringify(pictures.slice(0, 100))); } catch { /* shown until the page is closed */ }
}

export function put(video, acts) {
  const list = video.object === "image" ? pictures : videos;
  const at = list.findIndex((one) => one.id === video.id);
  if (at < 0) list.unshift(video);
  else list[at] = video;
  if (video.object === "image") keepPictures();
  draw(acts);
}

export function drop(video, acts) {
  videos = videos.filter((one) => one.id !== video.id);
  pictures = pictures.filter((one) => one.id !== video.id);
  keepPictures();
  draw(acts);
}

export function draw(acts) {
  const list = all();
  const focused = document.activeElement?.id;
  $("#cards").replaceChildren(...list.map((video) => card(video, acts)));
  $("#gallery-note").textContent = list.length ? w("gallery.kept") : w("gallery.none");
  $("#more").hidden = !more;
  if (focused?.startsWith("card-")) document.getElementById(focused)?.focus({ preventScroll: true });
}

function card(video, acts) {
  const words = video.prompt || video.x_prompt || (video.x_ability ? w(`ability.${video.x_ability}`) : w("ability.text"));
  const busy = video.status === "queued" || video.status === "in_progress";
  const note = busy ? (video.status === "queued" ? w("queued") : `${number(video.progress ?? 0)}%`) : video.status === "failed" ? w("failed") : when(video.created_at);
  return h("li", {}, h("button", {
    type: "button", className: `card ${video.status ?? ""}`, id: `card-${video.id}`, "aria-current": video.id === shown() ? "true" : null,
    on: { click: () => acts.open(video), mouseenter: play, mouseleave: rest, focus: play, blur: rest },
  }, h("span", { className: "shot" }, shot(video, busy)), h("span", { className: "words" }, words), h("span", { className: "hint" }, note)));
}

function shot(video, busy) {
  if (busy) return h("i", { className: "pulse", ariaHidden: "true" });
  if (video.status === "failed") return h("i", { className: "cross", ariaHidden: "true" }, "×");
  if (video.object === "image") return h("img", { src: video.url, alt: "", loading: "lazy" });
  return h("img", { src: content(video.id, "thumbnail"), alt: "", loading: "lazy", "data-video": content(video.id) });
}

// A thumbnail plays while it is pointed at.
function play(event) {
  const picture = event.currentTarget.querySelector("img[data-video]");
  if (!picture || matchMedia("(prefers-reduced-motion: reduce)").matches) return;
  picture.after(h("video", { src: picture.dataset.video, muted: true, loop: true, autoplay: true, playsInline: true, tabIndex: -1, ariaHidden: "true" }));
}

function rest(event) {
  event.currentTarget.querySelector("video")?.remove();
}
