// A passage in its document: the text around it, the passage marked.

import { get } from "./api.js";
import { h } from "./dom.js";

export async function openPassage(chunkId, quote = "") {
  const dialog = document.getElementById("passage");
  const close = () => dialog.close();
  const title = h("h2", { id: "passage-title" }, "Passage");
  const body = h("div", {}, h("p", {}, "Loading …"));
  dialog.replaceChildren(
    h("div", { class: "head" }, title, h("button", { type: "button", onclick: close, autofocus: true }, "Close")), body);
  dialog.onclick = (event) => { if (event.target === dialog) close(); };
  dialog.showModal();
  try {
    const found = await get(`/documents/${encodeURIComponent(chunkId)}`);
    title.textContent = found.place;
    const mark = h("mark", {}, quoted(found.text, quote));
    body.replaceChildren(h("p", { class: "soft" }, found.title),
      h("div", { class: "document", tabIndex: 0, role: "region", "aria-label": "The passage in its document" },
        found.before, mark, found.after));
    mark.scrollIntoView({ block: "start" });
  } catch (error) {
    body.replaceChildren(h("p", { class: "warn", role: "alert" }, error.message));
  }
}

export function quoted(text, quote, tag = "strong") {
  const at = quote ? text.indexOf(quote) : -1;
  return at < 0 ? [text] : [text.slice(0, at), h(tag, {}, quote), text.slice(at + quote.length)];
}
