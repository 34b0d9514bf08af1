// Pictures and clips to start from: a file of this computer, or a video of the gallery.

import { content } from "./api.js";
import { h } from "./dom.js";
import { fileDrop } from "./filedrop.js";
import { onStage, state } from "./state.js";
import { w } from "./words.js";

const PICTURES = ["first", "last"];

export function slotField(name, redraw) {
  const given = state.slots[name];
  const title = w(`slot.${name}`);
  if (!given) {
    const picture = PICTURES.includes(name);
    return h("div", { className: "field" }, fileDrop({ id: `slot-${name}`, title, hint: w(picture ? "slot.picture" : "slot.video"), accept: picture ? "image/*" : "video/*", onFile: (file) => {
      fill(name, { file, name: file.name, url: URL.createObjectURL(file), kind: file.type.startsWith("image") ? "image" : "video" });
      redraw();
    } }), picture ? null : useShown(title, (video) => { fill(name, video); redraw(); }));
  }
  return h("div", { className: "field given" },
    view(given), h("div", { className: "given-words" }, h("b", {}, title), h("span", { className: "hint" }, given.name)),
    h("button", { type: "button", className: "quiet small", ariaLabel: w("slot.remove.of", { name: title }), on: { click: () => {
      fill(name, null);
      redraw();
    } } }, w("slot.remove")));
}

// A button that takes the video on the stage, if there is one.
export function useShown(title, onVideo) {
  const video = onStage();
  if (!video) return null;
  return h("button", { type: "button", className: "quiet small wide", ariaLabel: w("slot.shown.of", { name: title }), on: { click: () => onVideo(ofVideo(video)) } }, w("slot.shown"));
}

export function view(given) {
  return given.kind === "image"
    ? h("img", { src: given.url, alt: "", className: "thumb" })
    : h("video", { src: given.url, muted: true, loop: true, autoplay: true, playsInline: true, className: "thumb", tabIndex: -1, ariaHidden: "true" });
}

export function fill(name, given) {
  const before = state.slots[name];
  if (before?.file) URL.revokeObjectURL(before.url);
  state.slots[name] = given;
  if (name === "clip") state.mask = null;
}

export const ofVideo = (video) => ({ id: video.id, name: video.prompt || video.id, url: content(video.id), kind: "video" });
