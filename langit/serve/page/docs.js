// The API's reference, drawn from its OpenAPI document. It names what there is, and sends nothing.

import { call } from "./api.js";
import { $, code, h } from "./dom.js";
import { open } from "./frame.js";
import { onWords, w } from "./words.js";

let found = null;

function draw() {
  if (!found) return;
  const groups = new Map();
  for (const [path, methods] of Object.entries(found.paths)) {
    for (const [method, operation] of Object.entries(methods)) {
      const group = operation.tags?.[0] ?? "";
      groups.set(group, [...(groups.get(group) ?? []), { path, method, operation }]);
    }
  }
  $("#calls").replaceChildren(...[...groups].map(([group, calls]) => h("section", {}, h("h2", {}, group), calls.map(one))));
}

function one({ path, method, operation }) {
  const inputs = (operation.parameters ?? []).filter((each) => each.in !== "header").map((each) => [each.name, each.schema ?? {}, each.required, each.description]);
  const bodies = operation.requestBody?.content ?? {};
  const schema = resolve((bodies["application/json"] ?? Object.values(bodies)[0])?.schema ?? {});
  const fields = Object.entries(schema.properties ?? {}).map(([name, value]) => [name, value, schema.required?.includes(name), value.description]);
  return h("details", { className: "call" }, h("summary", {}, h("b", { className: `method ${method}` }, method.toUpperCase()), " ", code(path)),
    h("p", {}, operation.description ?? operation.summary ?? ""),
    table(w("docs.inputs"), inputs),
    table(`${w("docs.body")} (${Object.keys(bodies).join(", ")})`, fields));
}

function table(title, rows) {
  if (!rows.length) return null;
  return h("div", {}, h("h3", {}, title), h("dl", { className: "facts" }, rows.flatMap(([name, schema, required, about]) => [
    h("dt", {}, code(name)), h("dd", {}, kind(schema), required ? ` · ${w("docs.required")}` : "", about ? h("span", { className: "hint" }, ` ${about}`) : null)])));
}

function resolve(schema) {
  const name = schema.$ref?.split("/").at(-1);
  return name ? found.components?.schemas?.[name] ?? {} : schema;
}

function kind(given) {
  const schema = resolve(given);
  if (schema.enum) return schema.enum.join(" | ");
  if (schema.const !== undefined) return String(schema.const);
  if (schema.anyOf) return [...new Set(schema.anyOf.filter((each) => each.type !== "null").map(kind))].join(" | ");
  if (schema.type === "array") return `[${kind(schema.items ?? {})}]`;
  return schema.format ?? schema.type ?? w("docs.any");
}

onWords(draw);
await open();
try {
  found = await call("GET", "/openapi.json");
  draw();
} catch (error) {
  $("#problem").textContent = error.message;
  $("#problem").hidden = false;
}
