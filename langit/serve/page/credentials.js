// What stands under a video: who made it, from what, what that was trained on, and the nearest training clips.

import { call } from "./api.js";
import { code, facts, h } from "./dom.js";
import { hasWord, number, told, w, when } from "./words.js";

const still = matchMedia("(prefers-reduced-motion: reduce)");
const SIDE = 96; // CSS pixels of a clip

export function credentials(video) {
  const made = video.x_provenance ?? {};
  const prompt = video.x_prompt ?? video.prompt;
  const asked = video.prompt;
  const seconds = video.x_seconds ?? Number(video.seconds);
  const fps = video.x_fps ? ` · ${number(video.x_fps, 2)} fps` : "";
  const ability = video.x_ability;
  const steps = video.x_steps;
  const trained = h("span", {}, "…");
  training(video.model).then((lines) => trained.replaceChildren(...lines.map((line, place) => [place ? h("br") : "", line]).flat()), (error) => { trained.textContent = error.message; });
  return h("div", { className: "credentials" },
    facts([
      [w("fact.prompt"), prompt ? `“${prompt}”` : null],
      [w("fact.asked"), asked && asked !== prompt ? `“${asked}”` : null],
      [w("fact.model"), model(video, made)],
      [w("fact.ability"), ability ? (hasWord(`ability.${ability}`) ? w(`ability.${ability}`) : ability) : null],
      [w("fact.settings"), [
        `${w("seed")} ${video.x_seed ?? "?"}`,
        `${(video.x_size ?? video.size ?? "").replace("x", " × ")}${seconds && video.object !== "image" ? ` · ${w("seconds.of", { seconds: number(seconds, 2) })}${fps}` : ""}${steps ? ` · ${w("steps.of", { steps })}` : ""}`,
      ]],
      [w("fact.trained_on"), trained],
      [w("fact.made_from"), (made.parents ?? []).map((one) => code(one.sha256 ?? one.name ?? String(one)))],
      [w("fact.notes"), (video.x_notes ?? []).map(told)],
    ]),
    h("details", { className: "more" }, h("summary", {}, w("marks")), facts([
      [w("fact.signed"), [w("fact.signed.c2pa"), made.signer].filter(Boolean).join(", ")],
      [w("fact.watermark"), made.watermark ? code(made.watermark) : null],
      ["SHA-256", made.sha256 ? code(made.sha256) : null],
      [w("fact.entry"), made.entry ? code(made.entry) : null],
      [w("fact.digest"), made.model_digest ? code(made.model_digest.replace("sha256:", "")) : null],
      [w("fact.made_at"), video.completed_at ? when(video.completed_at) : null],
    ]), h("p", { className: "hint" }, h("a", { href: "/detect" }, w("marks.check")))));
}

function model(video, made) {
  const digest = (made.model_digest ?? "").replace("sha256:", "").slice(0, 12);
  return [made.model ?? video.model, digest ? ` (${digest}…)` : ""].join("");
}

const asked = new Map(); // what each model was trained on does not change

async function training(name) {
  if (!asked.has(name)) asked.set(name, call("GET", `/v1/training/${encodeURIComponent(name)}`));
  const found = await asked.get(name);
  const lines = found.trained_on.map(told);
  if (found.undisclosed_by) lines.push(w("fact.undisclosed", { makers: found.undisclosed_by }));
  if (found.ledger) lines.push(w("fact.ledger", { entries: number(found.ledger.entries), origin: found.ledger.origin }));
  return lines;
}

export function nearest(video, signal) {
  const place = h("div", { className: "clips" }, h("p", { className: "busy-line hint" }, w("nearest.wait")));
  const section = h("section", { className: "nearest", "aria-labelledby": "nearest-title" }, h("h3", { id: "nearest-title" }, w("nearest")), place, h("p", { className: "hint" }, w("nearest.note")));
  call("GET", `/v1/videos/${video.id}/nearest`, { signal }).then((found) => {
    if (!found.clips.length) section.replaceChildren(h("p", { className: "hint" }, told(found.note)));
    else place.replaceChildren(...found.clips.map(clip));
  }, (error) => { if (error.name !== "AbortError") place.replaceChildren(h("p", { className: "hint" }, error.message)); });
  return section;
}

function clip(found) {
  const box = h("div", { className: "film", role: "img", ariaLabel: w("nearest.clip", { name: found.name }) });
  if (found.strip) roll(box, found);
  else box.append(h("span", { className: "hint" }, told(found.missing)));
  return h("figure", {}, box, h("figcaption", {}, h("b", {}, w("nearest.share", { share: number(found.share * 100, 1) })), h("span", {}, found.name), h("span", { className: "hint" }, `${found.owner}, ${found.licence}`)));
}

// A strip of frames side by side, moved through one after the other.
function roll(box, found) {
  const picture = new Image();
  picture.addEventListener("load", () => {
    const canvas = h("canvas", { width: SIDE * 2, height: Math.round(SIDE * 2 * picture.height / (picture.width / found.frames)) });
    const pen = canvas.getContext("2d");
    pen.imageSmoothingQuality = "high";
    const wide = picture.width / found.frames;
    let at = 0;
    const draw = () => {
      pen.drawImage(picture, at * wide, 0, wide, picture.height, 0, 0, canvas.width, canvas.height);
      at = (at + 1) % found.frames;
      if (!still.matches && (canvas.isConnected || at < 2)) setTimeout(draw, 250);
    };
    box.replaceChildren(canvas);
    draw();
  });
  picture.src = found.strip;
}
