// The gallery: what this key has made, read from the server, so that it is there after a restart.

import { call, content } from "./api.js";
import { $, h } from "./dom.js";
import { shown } from "./stage.js";
import { number, w, when } from "./words.js";

const PAGE = 12;
let made = [];
const lists = { videos: { after: "", more: true }, images: { after: "", more: true } };

export const all = () => [...made].sort((one, other) => other.created_at - one.created_at);
export const place = (video) => `/v1/${video.object === "image" ? "images" : "videos"}/${video.id}`;

export async function load(acts) {
  await Promise.all(Object.entries(lists).filter(([, list]) => list.more).map(async ([name, list]) => {
    const page = await call("GET", `/v1/${name}?limit=${PAGE}${list.after ? `&after=${list.after}` : ""}`);
    const known = new Set(made.map((one) => one.id));
    made.push(...page.data.filter((one) => !known.has(one.id) && (one.object !== "image" || one.status === "completed")));
    list.more = page.has_more;
    list.after = page.last_id ?? list.after;
  }));
  draw(acts);
}

export function put(video, acts) {
  made = [video, ...made.filter((one) => one.id !== video.id)];
  draw(acts);
}

export function drop(video, acts) {
  made = made.filter((one) => one.id !== video.id);
  draw(acts);
}

export function draw(acts) {
  const list = all();
  const focused = document.activeElement?.id;
  $("#cards").replaceChildren(...list.map((video) => card(video, acts)));
  $("#gallery-note").textContent = list.length ? w("gallery.kept") : w("gallery.none");
  $("#more").hidden = !lists.videos.more && !lists.images.more;
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
