// The top and the bottom of every page: where one is, language, and light or dark.

import { $, h } from "./dom.js";
import { languages, locale, onWords, paint, speak, theme, w } from "./words.js";

const PLACES = [["/", "nav.make"], ["/detect", "nav.detect"], ["/rights", "nav.rights"]];
const THEMES = ["auto", "light", "dark"];

export async function open(extra = () => []) {
  onWords(() => draw(extra));
  await speak();
}

function draw(extra) {
  const nav = h("nav", { ariaLabel: w("nav") }, PLACES.map(([path, key]) =>
    h("a", { href: path, "aria-current": location.pathname === path ? "page" : null }, w(key))));
  const language = h("select", { ariaLabel: w("language"), id: "language", className: "pick", on: { change: (event) => speak(event.target.value).then(() => $("#language").focus()) } },
    languages().map(([code, name]) => h("option", { value: code, selected: code === locale(), lang: code }, name)));
  const shade = h("select", { ariaLabel: w("theme"), id: "theme", className: "pick", on: { change: (event) => paint(event.target.value) } },
    THEMES.map((name) => h("option", { value: name, selected: name === theme() }, w(`theme.${name}`))));
  $("#top").replaceChildren(
    h("a", { className: "brand", href: "/" }, h("img", { src: "/page/sky.svg", alt: "", width: 28, height: 28 }), "langit"),
    nav,
    h("div", { className: "tools" }, ...extra(), language, shade),
  );
  $("#foot").replaceChildren(
    h("span", {}, w("foot.marked")),
    h("a", { href: "/docs" }, w("foot.api")),
    h("a", { href: "/rights" }, w("foot.rights")),
  );
}
