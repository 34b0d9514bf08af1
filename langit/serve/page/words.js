// The page in English and Indonesian, light and dark. Both choices are kept in this browser alone.

const LANGUAGES = { en: "English", id: "Indonesia" };
let table = {};
let sentences = []; // of the server: a pattern of the English one, and the same in the language of the page
let language = "en";
const listeners = [];

export function w(key, values = {}) {
  const text = table[key] ?? key;
  return text.replace(/\{(\w+)\}/g, (all, name) => (name in values ? String(values[name]) : all));
}

// A sentence of the server in the language of the page; one that is not known stays as it is. Its parts may be known, too.
export function told(text) {
  for (const [pattern, translated] of sentences) {
    const found = pattern.exec(text);
    if (found) return translated.replace(/\{(\d)\}/g, (all, place) => told(found[Number(place) + 1]));
  }
  return text;
}

const literal = (text) => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");

async function readSentences() {
  if (language === "en") return []; // the server's own
  const rows = await (await fetch(`/page/sentences.${language}.json`)).json();
  return rows.map(([english, translated]) => [new RegExp(`^${english.split(/\{\d\}/).map(literal).join("(.+?)")}$`, "su"), translated]);
}

export const hasWord = (key) => key in table;
export const locale = () => language;
export const onWords = (act) => listeners.push(act);

export function number(value, digits = 0) {
  return new Intl.NumberFormat(language, { maximumFractionDigits: digits }).format(value);
}

export function when(seconds) {
  return new Intl.DateTimeFormat(language, { day: "numeric", month: "short", hour: "numeric", minute: "2-digit" }).format(new Date(seconds * 1000));
}

function read(key) {
  try { return localStorage.getItem(key); } catch { return null; }
}

function keep(key, value) {
  try { localStorage.setItem(key, value); } catch { /* private windows: chosen again next time */ }
}

export async function speak(wanted) {
  const given = wanted ?? read("langit.language") ?? (navigator.language.startsWith("id") ? "id" : "en");
  language = given in LANGUAGES ? given : "en";
  if (wanted) keep("langit.language", language);
  table = await (await fetch(`/page/words.${language}.json`)).json();
  sentences = await readSentences();
  document.documentElement.lang = language;
  for (const element of document.querySelectorAll("[data-w]")) element.textContent = w(element.dataset.w);
  for (const element of document.querySelectorAll("[data-w-label]")) element.setAttribute("aria-label", w(element.dataset.wLabel));
  const title = document.body.querySelector("h1");
  document.title = `Langit: ${title ? title.textContent : ""}`;
  for (const act of listeners) act();
}

export const languages = () => Object.entries(LANGUAGES);

const dark = matchMedia("(prefers-color-scheme: dark)");

export function theme() {
  return read("langit.theme") ?? "auto";
}

export function paint(choice) {
  if (choice) keep("langit.theme", choice);
  const wanted = choice ?? theme();
  document.documentElement.dataset.theme = wanted === "auto" ? (dark.matches ? "dark" : "light") : wanted;
}

dark.addEventListener("change", () => paint());
paint();
