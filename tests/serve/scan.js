() => {
  const found = [];
  const visible = (element) => {
    if (element.closest("details:not([open]) > :not(summary)")) return false;
    const style = getComputedStyle(element);
    if (style.visibility === "hidden" || style.display === "none" || Number(style.opacity) === 0) return false;
    return element.getClientRects().length > 0 && !element.closest("[hidden], [aria-hidden=true]");
  };
  const text = (element) => (element?.innerText ?? element?.textContent ?? "").trim();
  const name = (element) => {
    const by = (element.getAttribute("aria-labelledby") ?? "").split(/\s+/).filter(Boolean)
      .map((id) => text(document.getElementById(id))).join(" ");
    const labels = element.labels ? [...element.labels].map(text).join(" ") : "";
    const alt = element.getAttribute("alt") ?? [...element.querySelectorAll("img[alt]")].map((one) => one.alt).join(" ");
    return (element.getAttribute("aria-label") ?? "").trim() || by.trim() || labels.trim()
      || (["INPUT", "SELECT", "TEXTAREA"].includes(element.tagName) ? "" : text(element)) || alt || element.title || "";
  };
  const show = (element) => `${element.tagName.toLowerCase()}#${element.id}.${element.className}`.slice(0, 80);

  const controls = "button, a[href], input, select, textarea, summary, video, canvas[role], [role=tab], [role=progressbar], [role=img], dialog[open]";
  for (const element of document.querySelectorAll(controls)) {
    if (element.closest("dialog:not([open])")) continue;
    if (!visible(element) && (element.type !== "file" || !visible(element.parentElement))) continue;
    if (element.closest("[aria-hidden=true]")) continue;
    if (!name(element)) found.push(`no name: ${show(element)}`);
    const box = element.getBoundingClientRect();
    const isText = element.tagName === "A" && getComputedStyle(element).display === "inline";
    if (["BUTTON", "A", "SELECT"].includes(element.tagName) && !isText && (box.height < 24 || box.width < 12)) found.push(`too small to hit: ${show(element)} ${box.width}x${box.height}`);
  }
  for (const element of document.querySelectorAll("img")) if (!element.hasAttribute("alt")) found.push(`no alt: ${show(element)}`);
  const ids = [...document.querySelectorAll("[id]")].map((one) => one.id);
  for (const id of new Set(ids.filter((one, place) => ids.indexOf(one) !== place))) found.push(`id given twice: ${id}`);
  for (const element of document.querySelectorAll("[aria-labelledby], [aria-controls], [aria-describedby]"))
    for (const attribute of ["aria-labelledby", "aria-controls", "aria-describedby"])
      for (const id of (element.getAttribute(attribute) ?? "").split(/\s+/).filter(Boolean))
        if (!document.getElementById(id) && visible(element)) found.push(`${attribute} names nothing: ${id}`);
  let level = 0;
  for (const heading of document.querySelectorAll("h1, h2, h3, h4")) {
    if (heading.closest("dialog:not([open]), [hidden]")) continue;
    const own = Number(heading.tagName[1]);
    if (own > level + 1) found.push(`heading skips a level: ${text(heading)}`);
    level = own;
  }
  if (document.querySelectorAll("h1").length !== 1) found.push("not one h1");
  if (!document.documentElement.lang) found.push("no language");
  if (document.querySelectorAll("main").length !== 1) found.push("not one main");
  for (const element of document.querySelectorAll("[tabindex]")) if (element.tabIndex > 0) found.push(`tab order is forced: ${show(element)}`);

  const parse = (colour) => {
    const parts = colour.match(/[\d.]+/g).map(Number);
    return { r: parts[0], g: parts[1], b: parts[2], a: parts[3] ?? 1 };
  };
  const luminance = ({ r, g, b }) => {
    const [x, y, z] = [r, g, b].map((c) => { c /= 255; return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4; });
    return 0.2126 * x + 0.7152 * y + 0.0722 * z;
  };
  const ground = (element) => {
    for (let one = element; one; one = one.parentElement) {
      const style = getComputedStyle(one);
      if (style.backgroundImage !== "none") return null;
      const colour = parse(style.backgroundColor);
      if (colour.a === 1) return colour;
      if (colour.a > 0) return null;
    }
    return { r: 255, g: 255, b: 255, a: 1 };
  };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  let checked = 0;
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    if (!walker.currentNode.textContent.trim() || !visible(element) || element.closest("option, script, noscript, .hidden, .under, .skip, :disabled")) continue;
    const style = getComputedStyle(element);
    const [front, back] = [parse(style.color), ground(element)];
    if (!back || front.a < 1) continue;
    const [low, high] = [luminance(front), luminance(back)].sort((one, other) => one - other);
    const ratio = (high + 0.05) / (low + 0.05);
    const size = parseFloat(style.fontSize);
    const large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
    checked += 1;
    if (ratio < (large ? 3 : 4.5)) found.push(`contrast ${ratio.toFixed(2)}: ${text(element).slice(0, 40)}`);
  }
  const wide = document.documentElement.scrollWidth - innerWidth;
  if (wide > 0) found.push(`${wide} pixels wider than the window`);
  return { found: [...new Set(found)], checked };
}
