// What the form holds, and which abilities there are. Values alone: drawing is elsewhere.

export const ABILITIES = {
  text: { path: "/v1/videos", prompt: "needed", slots: ["first", "last"], size: true, length: true, name: "generate" },
  image: { path: "/v1/images/generations", prompt: "needed", slots: [], size: true, name: "image" },
  extend: { path: "/v1/videos/extensions", prompt: "optional", slots: ["clip"], bridge: [0.5, 8], before: true, name: "extend" },
  loop: { path: "/v1/videos/loops", prompt: "optional", slots: ["clip"], bridge: [0.5, 4], name: "loop" },
  connect: { path: "/v1/videos/connections", prompt: "optional", slots: ["clip", "second"], bridge: [0.5, 4], blend: true, name: "connect" },
  edit: { path: "/v1/videos/edits", prompt: "needed", slots: ["clip"], strength: true, name: "edit" },
  inpaint: { path: "/v1/videos/edits", prompt: "needed", slots: ["clip"], strength: true, brush: true, name: "inpaint" },
  storyboard: { path: "/v1/videos/storyboards", prompt: "between", slots: [], board: true, size: true, name: "storyboard" },
};

export const BRIDGES = { extend: 2, loop: 1, connect: 1 };
export const STRENGTHS = { edit: 0.6, inpaint: 1 };
export const LONGEST = 60;

export const state = {
  ability: "text",
  prompt: "",
  model: "",
  models: [],
  size: "",
  seconds: 0,
  long: false,
  bridge: { ...BRIDGES },
  blend: false,
  before: false,
  strength: { ...STRENGTHS },
  seed: "",
  quality: "",
  steps: "",
  guidance: "",
  negative: "",
  expand: true,
  fit: "crop",
  slots: { first: null, last: null, clip: null, second: null }, // {name, url, kind, file} or {name, url, kind, id}
  mask: null, // a picture as a Blob
  board: { seconds: 6, style: "", cards: [{ start: 0, end: 2, text: "" }, { start: 3, end: 6, text: "" }] },
};

// The video that is shown, if it can be used: set by the page, so that fields need not know the stage.
let staged = null;
export const onStage = () => staged;
export function putOnStage(video) {
  staged = video?.status === "completed" && video.object !== "image" ? video : null;
}

export const model = () => state.models.find((one) => one.id === state.model) ?? state.models[0];

export function useModel(found) {
  state.model = found.id;
  if (!found.x_sizes.includes(state.size)) state.size = found.x_sizes[0];
  const length = found.x_seconds;
  if (!state.seconds || (state.seconds > length.most && !state.long) || state.seconds < length.least) state.seconds = length.default;
}

// The request of what the form holds: JSON where no file is given, else a form.
export function request() {
  const ability = ABILITIES[state.ability];
  const words = {};
  const files = {};
  if (state.model) words.model = state.model;
  if (state.prompt.trim() || ability.prompt === "needed") words.prompt = state.prompt.trim();
  if (ability.size && state.size) words.size = state.size;
  if (ability.length) {
    words.seconds = state.seconds;
    if (state.long) words.x_long = true;
  }
  if (ability.bridge) words[ability.blend && state.blend ? "x_blend" : "seconds"] = state.bridge[state.ability];
  if (ability.before && state.before) words.x_before = true;
  if (ability.strength) words.x_strength = state.strength[state.ability];
  if (state.seed !== "") words.x_seed = Number(state.seed);
  if (state.quality) words.x_quality = state.quality;
  if (state.steps !== "") words.x_steps = Number(state.steps);
  if (state.guidance !== "") words.x_guidance = Number(state.guidance);
  if (state.negative.trim()) words.x_negative = state.negative.trim();
  if (!state.expand) words.x_expand = "off";
  const names = { first: "input_reference", last: "x_last", clip: "video", second: "x_second" };
  for (const slot of ability.slots) put(names[slot], state.slots[slot], words, files);
  if (Object.keys(files).length || Object.values(words).some((value) => value?.id)) {
    words.x_fit = state.fit;
    if (!ability.length) words.x_rate = "resample";
  }
  if (ability.length && words.x_long) delete words.x_rate;
  if (ability.brush && state.mask) files.x_mask = state.mask;
  if (ability.board) {
    words.seconds = state.board.seconds;
    if (state.board.style.trim()) words.x_style = state.board.style.trim();
    words.x_cards = state.board.cards.map((card, place) => {
      const shown = { start: card.start, end: card.end };
      if (!card.media) return { ...shown, text: card.text };
      const kind = card.media.kind === "video" ? "video" : "image";
      if (card.media.id) return { ...shown, [kind]: { id: card.media.id } };
      files[`card-${place}`] = card.media.file;
      return { ...shown, [kind]: `card-${place}` };
    });
    if (words.x_cards.some((card) => !card.text)) Object.assign(words, { x_fit: state.fit, x_rate: "resample" });
  }
  if (state.ability === "image") words.response_format = "url";
  if (!Object.keys(files).length) return { path: ability.path, json: words };
  const form = new FormData();
  for (const [name, value] of Object.entries(words)) form.append(name, typeof value === "object" ? JSON.stringify(value) : String(value));
  for (const [name, file] of Object.entries(files)) form.append(name, file, file.name ?? `${name}.png`);
  return { path: ability.path, form };
}

function put(name, slot, words, files) {
  if (!slot) return;
  if (slot.id) words[name] = { id: slot.id };
  else files[name] = slot.file;
}

// What is missing before anything is sent, as the key of a sentence; "" if nothing is.
export function missing() {
  const ability = ABILITIES[state.ability];
  if (ability.prompt === "needed" && !state.prompt.trim()) return "missing.prompt";
  const needed = ability.slots.filter((slot) => slot === "clip" || slot === "second");
  if (needed.some((slot) => !state.slots[slot])) return needed.length > 1 ? "missing.clips" : "missing.clip";
  if (ability.brush && !state.mask) return "missing.mask";
  if (ability.board && state.board.cards.some((card) => !card.media && !card.text.trim())) return "missing.card";
  return "";
}
