// The rights-holder's page: was it used, a signed receipt, and a request to take it down.

import { call } from "./api.js";
import { $, code, facts, h, save } from "./dom.js";
import { busy, fileDrop, onPaste } from "./filedrop.js";
import { open } from "./frame.js";
import { hasWord, number, onWords, told, w } from "./words.js";

const REASONS = ["copyright", "likeness", "privacy", "consent-withdrawn", "other"];
let last = null;
let shownFile = null;

function draw() {
  $("#drop").replaceChildren(fileDrop({ id: "file", title: w("rights.drop"), hint: w("rights.drop.hint"), accept: "video/*,image/*", onFile: (file) => ask({ file }) }));
  if (last) show(last, false);
}

async function ask({ file, hash }) {
  problem("");
  $("#ask").hidden = true;
  $("#answer").hidden = false;
  $("#answer").replaceChildren(busy());
  $("#said").textContent = w("examining");
  try {
    const form = new FormData();
    if (file) form.append("file", file);
    last = file ? await call("POST", "/v1/rights/usage", { form }) : await call("POST", "/v1/rights/usage", { json: { sha256: hash } });
    shownFile = file ?? null;
    show(last, true);
  } catch (error) {
    $("#answer").hidden = true;
    $("#said").textContent = "";
    problem(error.message);
  }
}

function problem(text) {
  $("#problem").textContent = text;
  $("#problem").hidden = !text;
}

function show(answer, focus) {
  const mark = { yes: ["used", "!"], no: ["unused", "✓"], unknown: ["", "?"] }[answer.used];
  const name = answer.sha256.slice(0, 16);
  $("#answer").replaceChildren(h("div", { className: "panel answer" },
    h("div", { className: "verdict" },
      h("span", { className: `sign ${mark[0]}`, ariaHidden: "true" }, mark[1]),
      h("div", {}, h("h2", { id: "answer-title" }, w(`used.${answer.used}`)), h("p", {}, answer.compared_looks ? w("rights.compared") : w("rights.exact")))),
    h("ul", { className: "models" }, answer.models.map((model) => h("li", {},
      h("b", {}, model.model), h("span", { className: model.used }, w(`model.used.${model.used}`)),
      model.why ? h("span", { className: "why" }, told(model.why)) : null))),
    ...answer.on_record.map((source) => facts([
      [w("rights.record"), source.title], [w("fact.creator"), source.creator], [w("fact.licence"), source.licence],
      [w("rights.looks"), source.looks ? `${number(source.looks.share * 100)}%` : null],
      [w("rights.may"), source.may_be_learnt_from],
      [w("rights.proof"), h("a", { href: `/v1/rights/proofs/${source.source}`, download: "" }, w("rights.proof.get"))],
    ])),
    facts([
      [w("rights.barred"), answer.barred ? answer.barred.slice(0, 10) : null],
      [w("rights.log"), w("rights.entries", { count: number(answer.ledger_entries) })],
      ["SHA-256", code(answer.sha256)],
    ]),
    h("div", { className: "actions" },
      h("button", { type: "button", className: "primary", on: { click: () => save(answer.receipt, `langit-${name}.answer`) } }, w("rights.receipt")),
      h("button", { type: "button", className: "quiet", id: "open-ask", "aria-expanded": "false", on: { click: (event) => { event.target.setAttribute("aria-expanded", "true"); drawAsk(answer); } } }, w("rights.takedown"))),
    h("p", { className: "hint" }, w("rights.receipt.hint"))));
  $("#answer").hidden = false;
  $("#said").textContent = w(`used.${answer.used}`);
  if (focus) $("#answer").focus();
}

function drawAsk(answer) {
  const field = (id, key, type = "text", extra = {}) => h("div", {}, h("label", { htmlFor: id }, w(key)), h("input", { id, required: true, maxLength: 300, type, ...extra }));
  const wrong = h("p", { className: "problem", role: "alert", hidden: true });
  const statement = h("textarea", { id: "statement", rows: 5, maxLength: 4000 });
  const reason = h("select", { id: "reason" }, REASONS.map((one) => h("option", { value: one }, w(`reason.${one}`))));
  const form = h("form", { className: "panel answer", on: { submit: async (event) => {
    event.preventDefault();
    wrong.hidden = true;
    const body = new FormData();
    body.append("reason", reason.value);
    body.append("name", $("#name").value);
    body.append("contact", $("#contact").value);
    body.append("statement", statement.value);
    body.append("sha256", answer.sha256);
    if (shownFile) body.append("file", shownFile);
    const send = $("#send");
    send.disabled = true;
    try {
      drawDone(await call("POST", "/v1/rights/requests", { form: body }));
    } catch (error) {
      wrong.textContent = error.message;
      wrong.hidden = false;
      send.disabled = false;
    }
  } } },
  h("h2", { id: "ask-title" }, w("ask.title")), h("p", { className: "hint" }, w("ask.lead")),
  h("div", { className: "fields" },
    h("div", {}, h("label", { htmlFor: "reason" }, w("ask.reason")), reason),
    h("div", { className: "two" }, field("name", "ask.name", "text", { autocomplete: "name" }), field("contact", "ask.contact", "email", { autocomplete: "email" })),
    h("div", {}, h("label", { htmlFor: "statement" }, w("ask.statement")), statement)),
  h("div", { className: "actions" }, h("button", { className: "primary", id: "send" }, w("ask.send"))), wrong);
  $("#ask").replaceChildren(form);
  $("#ask").hidden = false;
  reason.focus();
}

function drawDone(entered) {
  $("#ask").replaceChildren(h("div", { className: "panel answer" },
    h("h2", { id: "ask-title", tabIndex: -1 }, w("ask.done")), h("p", {}, w("ask.done.text")),
    facts([[w("rights.request"), code(entered.id)]]),
    h("div", { className: "actions" }, h("button", { type: "button", className: "primary", on: { click: () => save(entered.receipt, `langit-request-${entered.id.slice(0, 16)}.tlog-proof`) } }, w("ask.receipt")))));
  $("#request").value = entered.id;
  $("#ask-title").focus();
}

$("#hash-form").addEventListener("submit", (event) => {
  event.preventDefault();
  ask({ hash: $("#hash").value });
});
$("#standing-form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const said = $("#standing");
  try {
    const found = await call("GET", `/v1/rights/requests/${encodeURIComponent($("#request").value.trim().toLowerCase())}`);
    const key = `standing.${found.standing}`;
    said.textContent = `${hasWord(key) ? w(key) : found.standing}${found.why ? `: ${found.why}` : ""}`;
  } catch (error) {
    said.textContent = error.status === 404 ? w("standing.none") : error.message;
  }
});
onWords(draw);
await open();
onPaste((file) => ask({ file }));
