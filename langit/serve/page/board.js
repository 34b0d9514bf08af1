// The storyboard: a timeline whose cards are dragged or set by numbers, each with a text, a picture or a clip.

import { $, h } from "./dom.js";
import { fileDrop } from "./filedrop.js";
import { useShown, view } from "./slots.js";
import { state } from "./state.js";
import { number, w } from "./words.js";

const STEP = 0.25; // seconds that a card moves by
const LEAST = 0.5;

export function boardField(redraw) {
  const board = state.board;
  const length = numberInput("board-seconds", board.seconds, 1, 60, 0.5, (value) => {
    board.seconds = value;
    board.cards.forEach((card) => { card.end = Math.min(card.end, value); card.start = Math.min(card.start, card.end - LEAST); });
    redraw();
  });
  return h("div", { className: "field" },
    h("div", { className: "label-row" }, h("span", { className: "label" }, w("board")), h("div", { className: "inline" }, h("label", { htmlFor: "board-seconds" }, w("board.seconds")), length)),
    timeline(redraw),
    h("ol", { className: "board" }, board.cards.map((card, place) => row(card, place, redraw))),
    h("button", { type: "button", className: "quiet small", id: "board-add", disabled: !roomFor(), on: { click: () => {
      const room = roomFor();
      board.cards.push({ ...room, text: "" });
      board.cards.sort((one, other) => one.start - other.start);
      redraw();
      $(`#card-text-${board.cards.findIndex((card) => card.start === room.start)}`)?.focus();
    } } }, w("board.add")),
    h("div", { className: "field" }, h("label", { htmlFor: "board-style" }, w("board.style")),
      h("input", { id: "board-style", value: board.style, maxLength: 200, placeholder: w("board.style.example"), on: { input: (event) => { board.style = event.target.value; } } })));
}

// The first gap of at least LEAST seconds.
function roomFor() {
  let from = 0;
  for (const card of [...state.board.cards, { start: state.board.seconds, end: 0 }]) {
    if (card.start - from >= LEAST) return { start: from, end: Math.min(card.start, from + 2) };
    from = card.end;
  }
  return null;
}

function timeline(redraw) {
  const { seconds, cards } = state.board;
  const bar = h("div", { className: "timeline", role: "group", ariaLabel: w("board.timeline") });
  for (let second = 1; second < seconds; second += 1) {
    const tick = h("span", { className: "tick", ariaHidden: "true" });
    tick.style.left = `${second / seconds * 100}%`;
    bar.append(tick);
  }
  cards.forEach((card, place) => {
    const block = h("button", { type: "button", className: "block", ariaLabel: w("board.block", { number: place + 1, start: number(card.start, 2), end: number(card.end, 2) }) },
      h("span", {}, String(place + 1)), h("i", { className: "handle", ariaHidden: "true" }));
    const lay = () => {
      block.style.left = `${card.start / seconds * 100}%`;
      block.style.width = `${(card.end - card.start) / seconds * 100}%`;
    };
    lay();
    drag(block, bar, card, place, lay, redraw);
    block.addEventListener("keydown", (event) => {
      const way = { ArrowLeft: -STEP, ArrowRight: STEP }[event.key];
      if (!way) return;
      event.preventDefault();
      move(card, place, way, event.shiftKey);
      redraw();
      document.querySelectorAll(".block")[place]?.focus();
    });
    bar.append(block);
  });
  return bar;
}

function limits(place) {
  const { cards, seconds } = state.board;
  return [cards[place - 1]?.end ?? 0, cards[place + 1]?.start ?? seconds];
}

function move(card, place, by, resize) {
  const [from, to] = limits(place);
  if (resize) card.end = Math.min(to, Math.max(card.start + LEAST, card.end + by));
  else {
    const way = Math.min(to - card.end, Math.max(from - card.start, by));
    card.start += way;
    card.end += way;
  }
}

function drag(block, bar, card, place, lay, redraw) {
  let begun = null;
  block.addEventListener("pointerdown", (event) => {
    block.setPointerCapture(event.pointerId);
    begun = { x: event.clientX, start: card.start, end: card.end, resize: event.target.classList.contains("handle") };
  });
  block.addEventListener("pointermove", (event) => {
    if (!begun) return;
    const by = Math.round((event.clientX - begun.x) / bar.clientWidth * state.board.seconds / STEP) * STEP;
    card.start = begun.start;
    card.end = begun.end;
    move(card, place, by, begun.resize);
    lay();
  });
  for (const kind of ["pointerup", "pointercancel"]) block.addEventListener(kind, () => {
    if (begun && (begun.start !== card.start || begun.end !== card.end)) redraw();
    else if (begun) $(`#card-text-${place}`)?.focus();
    begun = null;
  });
}

function row(card, place, redraw) {
  const [from, to] = limits(place);
  const name = w("board.card", { number: place + 1 });
  const what = card.media
    ? h("div", { className: "given" }, view(card.media), h("span", { className: "hint given-words" }, card.media.name),
      h("button", { type: "button", className: "quiet small", on: { click: () => { delete card.media; redraw(); } } }, w("slot.remove")))
    : h("div", {}, h("textarea", { id: `card-text-${place}`, rows: 2, maxLength: 1000, value: card.text, ariaLabel: w("board.text", { card: name }), placeholder: w("prompt.needed.example"), on: { input: (event) => { card.text = event.target.value; } } }),
      fileDrop({ id: `card-file-${place}`, title: w("board.file"), hint: "", accept: "image/*,video/*", onFile: (file) => {
        card.media = { file, name: file.name, url: URL.createObjectURL(file), kind: file.type.startsWith("image") ? "image" : "video" };
        redraw();
      } }), useShown(name, (video) => { card.media = video; redraw(); }));
  const times = [["start", from, card.end - LEAST], ["end", card.start + LEAST, to]].map(([key, least, most]) =>
    h("div", {}, h("label", { htmlFor: `card-${key}-${place}` }, w(`board.${key}`)), numberInput(`card-${key}-${place}`, card[key], least, most, STEP, (value) => { card[key] = value; redraw(); })));
  return h("li", { className: "card-row", ariaLabel: name }, h("span", { className: "order", ariaHidden: "true" }, String(place + 1)), h("div", { className: "card-what" }, what, h("div", { className: "times" }, times,
    state.board.cards.length > 1 ? h("button", { type: "button", className: "quiet small", ariaLabel: w("board.remove.of", { card: name }), on: { click: () => { state.board.cards.splice(place, 1); redraw(); } } }, w("slot.remove")) : null)));
}

function numberInput(id, value, min, max, step, onChange) {
  const input = h("input", { id, min, max, step, value, inputMode: "decimal" });
  input.setAttribute("type", "number");
  input.addEventListener("change", () => {
    const wanted = Number(input.value);
    if (Number.isFinite(wanted)) onChange(Math.min(max, Math.max(min, wanted)));
  });
  return input;
}
