// Elements from plain values. Text is only ever set as text: nothing here reads markup.

export function h(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "class") element.className = value;
    else if (name in element && !name.startsWith("aria") && name !== "list") element[name] = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat(3).filter((c) => c !== null && c !== undefined && c !== false));
  return element;
}

export function svg(tag, attributes = {}, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

// On a narrow page its rows are cards, each cell under its heading's name: roles say that it is a table still.
export function table(caption, headings, rows, { numbers = [], hidden = false } = {}) {
  const n = (i) => (numbers.includes(i) ? "n" : undefined);
  return h("div", { class: "scroll", tabIndex: 0, role: "region", "aria-label": caption },
    h("table", { role: "table" },
      h("caption", { class: hidden ? "sr" : undefined }, caption),
      h("thead", { role: "rowgroup" }, h("tr", { role: "row" },
        headings.map((text, i) => h("th", { scope: "col", role: "columnheader", class: n(i) }, text)))),
      h("tbody", { role: "rowgroup" }, rows.map((cells) => h("tr", { role: "row", class: cells.kind },
        cells.map((cell, i) => i ? h("td", { role: "cell", class: n(i), "data-heading": headings[i] }, cell)
          : h("th", { scope: "row", role: "rowheader", class: n(i) }, cell)))))));
}

export function say(text) {
  document.getElementById("status").textContent = text;
}

// Figures as people read them; an undefined one is a dash, never a zero.
export const percent = (x) => (x === null || x === undefined ? "–" : `${(100 * x).toFixed(1)}\u00a0%`);
export const points = (x) => (x === null || x === undefined ? "–" : `${x < 0 ? "−" : "+"}${Math.abs(100 * x).toFixed(1)}`);
export const range = (low, high, show) => (low === null || high === null ? "–" : `${show(low)} to ${show(high)}`);
export const chance = (p) => (p === null || p === undefined ? "–" : p < 0.001 ? "< 0.001" : p.toFixed(3));
export const armName = (name) => name.replace(/^floor:/, "");
