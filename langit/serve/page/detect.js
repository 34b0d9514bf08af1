// The detector: one file in, the verdict in plain words out.

import { call } from "./api.js";
import { $, code, facts, h } from "./dom.js";
import { busy, fileDrop, onPaste } from "./filedrop.js";
import { open } from "./frame.js";
import { hasWord, onWords, told, w } from "./words.js";

let last = null;
let asked = null;

function draw() {
  $("#drop").replaceChildren(fileDrop({ id: "file", title: w("detect.drop"), hint: w("detect.drop.hint"), accept: "video/*,image/*", onFile: ask }));
  if (last) show(last.answer, last.name, false);
}

async function ask(file) {
  asked?.abort();
  asked = new AbortController();
  const { signal } = asked;
  $("#problem").hidden = true;
  $("#answer").hidden = false;
  $("#answer").replaceChildren(busy());
  $("#said").textContent = w("examining");
  try {
    const answer = await call("POST", "/v1/detect", { file, signal });
    last = { answer, name: file.name };
    show(answer, file.name, true);
  } catch (error) {
    if (error.name === "AbortError") return;
    $("#answer").hidden = true;
    $("#said").textContent = "";
    $("#problem").textContent = error.message;
    $("#problem").hidden = false;
  }
}

function show(answer, name, focus) {
  const title = w(`verdict.${answer.made_by_machine}.${answer.edited}`);
  const mark = answer.edited === "yes" ? ["changed", "≠"] : answer.made_by_machine === "unknown" ? ["", "?"] : ["yes", "✓"];
  const finding = `finding.${answer.finding}`;
  const claims = answer.claims;
  const prompt = claims?.prompt;
  const panel = h("div", { className: "panel answer" },
    h("div", { className: "verdict" },
      h("span", { className: `sign ${mark[0]}`, ariaHidden: "true" }, mark[1]),
      h("div", {}, h("h2", { id: "answer-title" }, title), h("p", {}, hasWord(finding) ? w(finding) : told(answer.detail)))),
    facts([
      [w("fact.file"), name],
      [w("fact.made_by"), claims?.generator],
      [w("fact.model"), claims?.model ?? (answer.known_here ? w("fact.model.here", { digest: answer.known_here.model_digest.slice(0, 12) }) : null)],
      [w("fact.prompt"), prompt ? `“${prompt}”` : claims ? w("fact.prompt.none") : null],
      [w("fact.asked"), claims?.asked && claims.asked !== prompt ? `“${claims.asked}”` : null],
      [w("fact.ability"), claims?.ability ? (hasWord(`ability.${claims.ability}`) ? w(`ability.${claims.ability}`) : claims.ability) : null],
      [w("fact.made_from"), (claims?.made_from ?? []).map((one) => one.model ? `${one.name} (${one.model})` : one.name)],
      [w("fact.trained_on"), [...answer.trained_on.map(told), ...(claims?.training_undisclosed_by ? [w("fact.undisclosed", { makers: claims.training_undisclosed_by })] : [])]],
      [w("fact.signer"), answer.signer ? `${answer.signer.name}${answer.signer.this_server ? w("fact.signer.here") : w(`fact.signer.${answer.signer.vouched_for_by}`)}` : null],
      [w("fact.watermark"), answer.watermark === "none" ? w("fact.watermark.none") : answer.watermark],
      [w("fact.made_at"), answer.known_here?.made_at?.slice(0, 16).replace("T", " ")],
      ["SHA-256", code(answer.sha256)],
    ]),
    claims && !claims.about_this_file ? h("p", { className: "hint" }, w("detect.other")) : null,
    claims ? h("p", { className: "hint" }, w("detect.word")) : null);
  $("#answer").replaceChildren(panel);
  $("#answer").hidden = false;
  $("#said").textContent = title;
  if (focus) $("#answer").focus();
}

onWords(draw);
await open();
onPaste(ask);
