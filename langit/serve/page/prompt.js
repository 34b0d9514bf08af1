// The prompt, with what the model will make of it, told while it is typed: words that it cannot show are underlined.

import { call } from "./api.js";
import { h, later } from "./dom.js";
import { ABILITIES, state } from "./state.js";
import { number, told as inWords, w } from "./words.js";

const WAIT = 250; // milliseconds of silence before the model is asked
let asked = null;

export function promptField() {
  const ability = ABILITIES[state.ability];
  const under = h("div", { className: "under", ariaHidden: "true" });
  const told = h("div", { className: "told", id: "told" });
  const count = h("span", { className: "hint count", id: "count" });
  const area = h("textarea", { id: "prompt", rows: 3, maxLength: 1000, spellcheck: false, value: state.prompt, "aria-describedby": "told count", placeholder: w(`prompt.${ability.prompt}.example`) });
  const cover = later(WAIT, () => look(area, under, told));
  const mark = () => {
    count.textContent = w("prompt.count", { count: number(area.value.length) });
    under.textContent = area.value;
  };
  area.addEventListener("input", () => {
    state.prompt = area.value;
    mark();
    cover();
  });
  area.addEventListener("scroll", () => { under.scrollTop = area.scrollTop; });
  mark();
  cover();
  return h("div", { className: "field" },
    h("div", { className: "label-row" }, h("label", { htmlFor: "prompt" }, w(`prompt.${ability.prompt}`)), count),
    h("div", { className: "writing" }, under, area), told);
}

async function look(area, under, told) {
  asked?.abort();
  const text = area.value.trim();
  if (!text) {
    told.replaceChildren();
    return;
  }
  asked = new AbortController();
  const ability = ABILITIES[state.ability];
  const given = ability.slots.some((slot) => state.slots[slot]);
  const words = { prompt: text, ability: ability.name, x_expand: given || !state.expand ? "off" : "embedded" };
  if (state.model) words.model = state.model;
  if (/^\d{1,18}$/.test(state.seed)) words.x_seed = state.seed;
  try {
    const found = await call("POST", "/v1/prompts/coverage", { json: words, signal: asked.signal });
    underline(under, area.value, found.lost);
    told.replaceChildren(...tell(found, area));
  } catch (error) {
    if (error.name === "AbortError") return;
    told.replaceChildren(error.status === 400 ? h("p", { className: "problem" }, error.message) : "");
  }
}

function underline(under, text, lost) {
  const words = lost.filter(Boolean).map((word) => word.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
  if (!words.length) {
    under.textContent = text;
    return;
  }
  const pattern = new RegExp(`(?<![\\p{L}\\p{N}])(${words.join("|")})(?![\\p{L}\\p{N}])`, "giu");
  const parts = [];
  let from = 0;
  for (const found of text.matchAll(pattern)) {
    parts.push(text.slice(from, found.index), h("mark", {}, found[0]));
    from = found.index + found[0].length;
  }
  under.replaceChildren(...parts, text.slice(from), "\n");
}

function tell(found, area) {
  if (found.refused) return [h("p", { className: "problem" }, inWords(found.refused))];
  if (found.open) return [h("p", { className: "hint" }, w("cover.open"))];
  const lines = [];
  if (found.lost.length) {
    lines.push(h("p", { className: "lost" }, w(found.mostly_lost ? "cover.mostly" : "cover.lost"), " ",
      ...found.lost.map((word) => {
        const near = found.suggestions[word];
        if (!near) return h("span", { className: "word" }, word);
        return h("button", { type: "button", className: "word", title: w("cover.use", { word: near }), on: { click: () => swap(area, word, near) } }, word, h("span", { className: "near" }, ` → ${near}?`));
      })));
  } else lines.push(h("p", { className: "known" }, "✓ ", w("cover.all")));
  if (found.text && found.by) lines.push(h("p", { className: "hint" }, w("cover.reads"), " ", h("q", {}, found.text)));
  return lines;
}

function swap(area, word, near) {
  const escaped = word.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
  area.value = area.value.replace(new RegExp(escaped, "iu"), near);
  area.dispatchEvent(new Event("input"));
  area.focus();
}
