// One decision for many: whom it would reach and what it would do to each, shown before anything is written.

import { get } from "./api.js";
import { h } from "./dom.js";

const SCOPES = { fact: "of the same fact", page: "of the same kind on this page", kind: "of the same kind everywhere" };

// last: {id, what} of the decision that is carried over. write(scope, ids) is called with those that stay ticked.
export function similar(last, done, sorts, write) {
  const shown = h("div", { "aria-live": "polite" });
  let turn = 0;

  async function preview(scope) {
    const mine = ++turn;
    shown.replaceChildren(h("p", {}, "Looking …"));
    let changes;
    try {
      ({ changes } = await get(`/api/review/similar?${new URLSearchParams({ id: last.id, scope })}`));
    } catch (error) {
      shown.replaceChildren(h("p", { class: "warn", role: "alert" }, error.message));
      return;
    }
    if (mine !== turn) return;
    if (!changes.length) {
      shown.replaceChildren(h("p", {}, "It would change nothing else."));
      return;
    }
    const chosen = new Set(changes.map((change) => change.id));
    const button = h("button", { type: "button", onclick: () => write(scope, [...chosen]) });
    const name = () => { button.textContent = `Write these ${chosen.size}`; button.disabled = !chosen.size; };
    name();
    shown.replaceChildren(h("ul", { class: "changes" }, changes.map((change) => h("li", {},
      h("label", { class: "box" }, h("input", {
        type: "checkbox", checked: true,
        onchange: (event) => { if (event.target.checked) chosen.add(change.id); else chosen.delete(change.id); name(); },
      }), `${sorts[change.sort]} ${done[change.what]}${change.reason ? `: ${change.reason}` : ""}`),
      ...texts(change)))), h("p", {}, button));
  }

  const first = h("input", { type: "radio", name: "scope", value: "fact", onchange: () => preview("fact") });
  const radios = Object.entries(SCOPES).map(([scope, text]) => h("label", { class: "box" },
    scope === "fact" ? first : h("input", { type: "radio", name: "scope", value: scope, onchange: () => preview(scope) }), text));
  queueMicrotask(() => first.focus());
  return h("section", { class: "card panel", "aria-label": "Apply to similar ones" },
    h("fieldset", { class: "boxes" }, h("legend", {}, `Carry “${done[last.what]}” over to those`), radios), shown);
}

function texts({ before, after, locked }) {
  const lines = [];
  for (const what of ["question", "answer"]) {
    if (after && after[what] && after[what] !== before[what]) {
      lines.push(h("p", { class: "was" }, h("del", {}, before[what])), h("p", { class: "is" }, h("ins", {}, after[what])));
    } else if (what === "question") lines.push(h("p", {}, before.question));
  }
  if (!after) lines.push(h("p", { class: "soft" }, before.answer));
  if (locked) lines.push(h("p", { class: "nosource" }, "A benchmark has asked this question; the next report says that it was taken out."));
  return lines;
}
