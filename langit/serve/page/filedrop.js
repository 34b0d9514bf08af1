// A place for one file: chosen, dropped or pasted, with the keyboard as well.

import { h } from "./dom.js";
import { w } from "./words.js";

export function fileDrop({ id, title, hint, accept, onFile }) {
  const input = h("input", { type: "file", id, accept, "aria-describedby": `${id}-hint`, on: {
    change: () => { if (input.files[0]) onFile(input.files[0]); input.value = ""; },
  } });
  input.setAttribute("type", "file");
  const label = h("label", { className: "drop", htmlFor: id }, h("b", {}, title), h("span", { className: "hint", id: `${id}-hint` }, hint), input);
  for (const kind of ["dragenter", "dragover"]) label.addEventListener(kind, (event) => { event.preventDefault(); label.classList.add("over"); });
  for (const kind of ["dragleave", "drop"]) label.addEventListener(kind, () => label.classList.remove("over"));
  label.addEventListener("drop", (event) => {
    event.preventDefault();
    if (event.dataTransfer.files[0]) onFile(event.dataTransfer.files[0]);
  });
  return label;
}

export function onPaste(onFile) {
  document.addEventListener("paste", (event) => {
    const file = event.clipboardData?.files[0];
    if (file) onFile(file);
  });
}

export const busy = () => h("p", { className: "busy" }, w("examining"));
