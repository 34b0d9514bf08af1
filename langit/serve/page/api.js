// Calls of the server, with the browser's session. Errors carry the server's sentence, in the language of the page.

import { told } from "./words.js";

export class Problem extends Error {
  constructor(message, status, param) {
    super(told(message));
    this.status = status;
    this.param = param;
  }
}

export async function call(method, path, { json, form, file, signal, headers = {} } = {}) {
  const options = { method, signal, headers: { ...headers }, credentials: "same-origin" };
  if (json !== undefined) {
    options.body = JSON.stringify(json);
    options.headers["Content-Type"] = "application/json";
  } else if (form) options.body = form;
  else if (file) {
    options.body = file;
    options.headers["Content-Type"] = "application/octet-stream";
  }
  let answer;
  try {
    answer = await fetch(path, options);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem("the server does not answer", 0);
  }
  const text = await answer.text();
  let body = text;
  try { body = JSON.parse(text); } catch { /* plain text */ }
  if (!answer.ok) {
    const wrong = body?.error ?? {};
    throw new Problem(wrong.message ?? `${answer.status} ${answer.statusText}`, answer.status, wrong.param);
  }
  return body;
}

export const content = (id, variant = "video") => `/v1/videos/${id}/content?variant=${variant}`;

export function newKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
