// The form: tabs for the abilities, and the fields of the one that is chosen.

import { boardField } from "./board.js";
import { brushField } from "./brush.js";
import { $, h } from "./dom.js";
import { promptField } from "./prompt.js";
import { slotField } from "./slots.js";
import { ABILITIES, LONGEST, model, state, useModel } from "./state.js";
import { number, w } from "./words.js";

export function drawTabs() {
  const names = Object.keys(ABILITIES);
  $("#tabs").replaceChildren(...names.map((name) => h("button", {
    type: "button", role: "tab", id: `tab-${name}`, "aria-selected": String(name === state.ability), "aria-controls": "ability",
    tabIndex: name === state.ability ? 0 : -1, className: "tab",
    on: {
      click: () => choose(name),
      keydown: (event) => {
        const way = { ArrowRight: 1, ArrowLeft: -1, Home: -Infinity, End: Infinity }[event.key];
        if (way === undefined) return;
        event.preventDefault();
        const at = names.indexOf(name);
        const to = Number.isFinite(way) ? (at + way + names.length) % names.length : way < 0 ? 0 : names.length - 1;
        choose(names[to]);
        $(`#tab-${names[to]}`).focus();
      },
    },
  }, w(`ability.${name}`))));
}

export function choose(name) {
  state.ability = name;
  drawTabs();
  draw();
  $(`#tab-${name}`).scrollIntoView({ block: "nearest", inline: "nearest" });
}

export function draw() {
  const panel = $("#ability");
  const ability = ABILITIES[state.ability];
  const focused = document.activeElement?.id;
  panel.setAttribute("aria-labelledby", `tab-${state.ability}`);
  panel.replaceChildren(
    h("p", { className: "hint lead-in" }, w(`ability.${state.ability}.text`)),
    ...(ability.slots.includes("clip") ? ability.slots.map((slot) => slotField(slot, draw)) : []),
    ...(ability.brush ? [brushField()] : []),
    ...(ability.board ? [boardField(draw)] : []),
    promptField(),
    ...(ability.slots.includes("first") ? [h("div", { className: "pair" }, ability.slots.map((slot) => slotField(slot, draw)))] : []),
    settings(ability), advanced(ability));
  $("#problem").hidden = true;
  $("#go span").textContent = w(state.ability === "image" ? "go.image" : "go");
  if (focused) document.getElementById(focused)?.focus({ preventScroll: true });
}

function settings(ability) {
  const made = model();
  const fields = [];
  if (state.models.length > 1) fields.push(select("model", state.models.map((one) => [one.id, one.id]), state.model, (value) => {
    useModel(state.models.find((one) => one.id === value));
    draw();
  }));
  if (ability.size && made) fields.push(select("size", made.x_sizes.map((size) => [size, size.replace("x", " × ")]), state.size, (value) => { state.size = value; }));
  if (ability.length && made) {
    const { least, most, step } = made.x_seconds;
    fields.push(range("seconds", least, state.long ? LONGEST : most, step, state.seconds, (value) => { state.seconds = value; }, (value) => w("seconds.of", { seconds: number(value, 2) })));
  }
  if (ability.bridge) {
    const [least, most] = ability.bridge;
    fields.push(range(`bridge.${state.ability}`, least, most, 0.5, state.bridge[state.ability], (value) => { state.bridge[state.ability] = value; }, (value) => w("seconds.of", { seconds: number(value, 2) })));
  }
  if (ability.strength) fields.push(range("strength", 0.1, 1, 0.05, state.strength[state.ability], (value) => { state.strength[state.ability] = value; }, (value) => number(value * 100) + "%"));
  const checks = [];
  if (ability.length) checks.push(check("long", state.long, (value) => {
    state.long = value;
    const most = value ? LONGEST : made?.x_seconds.most ?? state.seconds;
    state.seconds = Math.min(most, value ? Math.max(state.seconds, 10) : state.seconds);
    draw();
  }));
  if (ability.before) checks.push(check("before", state.before, (value) => { state.before = value; }));
  if (ability.blend) checks.push(check("blend", state.blend, (value) => { state.blend = value; }));
  return h("div", {}, h("div", { className: "settings" }, fields), ...checks);
}

function advanced(ability) {
  const made = model();
  const seed = h("input", { id: "seed", inputMode: "numeric", pattern: "[0-9]*", value: state.seed, placeholder: w("seed.any"), maxLength: 18, on: { input: (event) => { state.seed = event.target.value.replace(/\D/g, ""); event.target.value = state.seed; } } });
  const dice = h("button", { type: "button", className: "quiet small", on: { click: () => { state.seed = String(Math.floor(Math.random() * 1e6)); seed.value = state.seed; } } }, w("seed.roll"));
  const box = h("details", { className: "more", open: advanced.open, on: { toggle: (event) => { advanced.open = event.target.open; } } },
    h("summary", {}, w("advanced")),
    h("div", { className: "settings" },
      h("div", {}, h("label", { htmlFor: "seed" }, w("seed")), h("div", { className: "row" }, seed, dice)),
      made?.x_fast ? select("quality", [["", w("quality.auto")], ["fast", w("quality.fast")], ["full", w("quality.full")]], state.quality, (value) => { state.quality = value; }) : null,
      text("steps", state.steps, (value) => { state.steps = value; }, "numeric"),
      text("guidance", state.guidance, (value) => { state.guidance = value; }, "decimal"),
      text("negative", state.negative, (value) => { state.negative = value; }, "text"),
      ability.slots.length || ability.board ? select("fit", [["crop", w("fit.crop")], ["pad", w("fit.pad")], ["stretch", w("fit.stretch")]], state.fit, (value) => { state.fit = value; }) : null),
    check("expand", state.expand, (value) => {
      state.expand = value;
      $("#prompt").dispatchEvent(new Event("input"));
    }));
  return box;
}

function select(key, options, value, onChange) {
  return h("div", {}, h("label", { htmlFor: key }, w(key)),
    h("select", { id: key, on: { change: (event) => onChange(event.target.value) } }, options.map(([code, name]) => h("option", { value: code, selected: code === value }, name))));
}

function range(key, min, max, step, value, onChange, say) {
  const id = key.replace(".", "-");
  const said = h("output", { htmlFor: id, className: "hint" }, say(value));
  const input = h("input", { id, min, max, step, on: { input: () => { onChange(Number(input.value)); said.textContent = say(Number(input.value)); input.setAttribute("aria-valuetext", said.textContent); } } });
  input.setAttribute("type", "range");
  input.value = value;
  input.setAttribute("aria-valuetext", say(value));
  return h("div", {}, h("div", { className: "label-row" }, h("label", { htmlFor: id }, w(key)), said), input);
}

function text(key, value, onChange, mode) {
  return h("div", {}, h("label", { htmlFor: key }, w(key)), h("input", { id: key, value, inputMode: mode, placeholder: w(`${key}.example`), on: { input: (event) => onChange(event.target.value) } }));
}

function check(key, value, onChange) {
  const input = h("input", { id: key, checked: value, on: { change: () => onChange(input.checked) } });
  input.setAttribute("type", "checkbox");
  return h("label", { className: "check", htmlFor: key }, input, w(key));
}
