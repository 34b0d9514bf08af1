// The page for making videos: joins the form, the stage and the gallery.

import { call, newKey, Problem } from "./api.js";
import { choose, draw as drawForm, drawTabs } from "./composer.js";
import { $, h } from "./dom.js";
import { open } from "./frame.js";
import * as gallery from "./gallery.js";
import { fill, ofVideo } from "./slots.js";
import * as stage from "./stage.js";
import { ABILITIES, missing, request, state, useModel } from "./state.js";
import { onWords, w } from "./words.js";

let session = null;
let sending = false;

const acts = {
  open(video) {
    if (video.status === "queued" || video.status === "in_progress") stage.watch(video, acts);
    else stage.show(video, acts);
    gallery.draw(acts);
    if (matchMedia("(max-width: 900px)").matches) $("#stage").scrollIntoView({ block: "start" });
    $("#stage").focus({ preventScroll: true });
  },
  staged() {
    if (ABILITIES[state.ability].slots.includes("clip") || state.ability === "storyboard") drawForm();
  },
  over(video) {
    gallery.put(video, acts);
  },
  async cancel(video) {
    await call("DELETE", gallery.place(video));
    gallery.drop(video, acts);
    stage.empty();
    stage.say(w("cancelled"));
  },
  async remove(video) {
    const dialog = $("#sure");
    dialog.returnValue = "no";
    dialog.showModal();
    await new Promise((done) => dialog.addEventListener("close", done, { once: true }));
    if (dialog.returnValue !== "yes") return;
    await call("DELETE", gallery.place(video)).catch(complain);
    gallery.drop(video, acts);
    if (stage.shown() === video.id) stage.empty();
  },
  async use(video, what) {
    if (what === "reuse") reuse(video);
    else if (what === "start") {
      const file = new File([await (await fetch(video.url)).blob()], "picture.png", { type: "image/png" });
      fill("first", { file, name: video.prompt, url: URL.createObjectURL(file), kind: "image" });
      choose("text");
    } else {
      fill("clip", ofVideo(video));
      choose(what);
    }
    $("#compose").scrollIntoView({ block: "nearest" });
    $("#prompt")?.focus();
  },
};

// Seed and settings of a video that was made, for another one.
function reuse(video) {
  state.prompt = video.prompt ?? "";
  state.seed = String(video.x_seed ?? "");
  const size = video.x_size ?? video.size;
  const found = state.models.find((one) => one.id === video.model);
  if (found) useModel(found);
  if (found?.x_sizes.includes(size)) state.size = size;
  const seconds = video.x_seconds ?? Number(video.seconds);
  if (seconds > 0 && found) {
    state.long = seconds > found.x_seconds.most;
    state.seconds = seconds;
  }
  choose(video.object === "image" ? "image" : "text");
  stage.say(w("reused"));
}

function complain(error) {
  $("#problem").textContent = error.message;
  $("#problem").hidden = false;
}

async function send() {
  if ($("#go").disabled) return;
  const lack = missing();
  if (lack) {
    complain(new Problem(w(lack)));
    if (lack === "missing.prompt") $("#prompt").focus();
    return;
  }
  if (sending) return;
  sending = true;
  $("#go").disabled = true;
  $("#problem").hidden = true;
  try {
    const { path, json, form } = request();
    if (state.ability === "image") stage.say(w("working"));
    const answer = await call("POST", path, { json, form, headers: { "Idempotency-Key": newKey() } });
    if (state.ability === "image") showPicture(answer);
    else {
      gallery.put(answer, acts);
      acts.open(answer);
      gallery.draw(acts);
    }
  } catch (error) {
    complain(error);
    if (error.status === 401) logIn();
  } finally {
    sending = false;
    $("#go").disabled = false;
  }
}

function showPicture(answer) {
  const [made] = answer.data;
  const picture = { ...made, object: "image", status: "completed", id: made.url.split("/").at(-2), prompt: state.prompt, model: state.model, created_at: answer.created, completed_at: answer.created, size: answer.size };
  gallery.put(picture, acts);
  acts.open(picture);
  stage.say(w("done"));
}

async function models() {
  for (let tries = 0; ; tries += 1) {
    const found = (await call("GET", "/v1/models")).data;
    if (found.length) {
      state.models = found;
      useModel(found.find((one) => one.id === state.model) ?? found[0]);
      $("#go").disabled = false;
      if (!$("#problem").hidden) $("#problem").hidden = true;
      return;
    }
    if (tries === 0) complain(new Problem(w("loading")));
    await new Promise((done) => setTimeout(done, 1000));
  }
}

async function logIn() {
  const dialog = $("#login");
  if (dialog.open) return;
  dialog.addEventListener("cancel", (event) => event.preventDefault());
  $("#login-form").addEventListener("submit", async (event) => {
    event.preventDefault();
    try {
      await call("POST", "/session", { json: { key: $("#key").value } });
      location.reload();
    } catch (error) {
      $("#login-problem").textContent = error.message;
      $("#login-problem").hidden = false;
    }
  });
  dialog.showModal();
}

function leave() {
  if (!session || session.open) return [];
  return [h("button", { type: "button", className: "quiet small", on: { click: async () => { await call("DELETE", "/session"); location.reload(); } } }, w("logout"))];
}

async function start() {
  onWords(() => {
    drawTabs();
    drawForm();
    if (!stage.shown()) stage.empty();
    else {
      const video = gallery.all().find((one) => one.id === stage.shown());
      if (video && (video.status === "completed" || video.status === "failed")) stage.show(video, acts);
    }
    gallery.draw(acts);
  });
  try {
    session = await call("GET", "/session");
  } catch (error) {
    await open(leave);
    if (error.status === 401) return logIn();
    return complain(error);
  }
  await open(leave);
  $("#form").addEventListener("submit", (event) => { event.preventDefault(); send(); });
  document.addEventListener("keydown", (event) => { if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) send(); });
  $("#more").addEventListener("click", () => gallery.load(acts));
  try {
    await gallery.load(acts);
    const [newest] = gallery.all();
    if (newest && newest.status !== "failed") {
      if (newest.status === "completed") stage.show(newest, acts);
      else stage.watch(newest, acts);
      gallery.draw(acts);
    }
    await models(); // the button waits for them: a press before would be lost
    drawForm();
  } catch (error) {
    complain(error);
    $("#go").disabled = false;
  }
}

await start();
