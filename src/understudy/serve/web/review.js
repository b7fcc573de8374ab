// Review: each pair, exam question and marked answer beside its passage; one key decides. The file of decisions is that
// of `understudy review`.

import { get, post } from "./api.js";
import { h, percent, range, say } from "./dom.js";
import { keep } from "./main.js";
import { openPassage, quoted } from "./passage.js";
import { similar } from "./similar.js";

const SORTS = { pair: "pair", item: "exam question", open: "question without options", mark: "marked answer" };
const DONE = { accept: "accepted", reject: "rejected", edit: "edited", undo: "taken back" };
const BY = "understudy-reviewer";
const KEYS_OFF = "understudy-keys-off";
const MORE = 50;
const made = []; // what this tab wrote, last first to be taken back: lists of {id, …}
const reasons = []; // of this tab's rejections, offered again
let listening = null;

export async function review(query) {
  const sheet = new Sheet(query);
  await sheet.load();
  listening?.abort();
  listening = new AbortController();
  document.addEventListener("keydown", (event) => sheet.key(event), { signal: listening.signal });
  return sheet.parts();
}

class Sheet {
  constructor(query) {
    this.query = query;
    this.told = h("p", { class: "lead" });
    this.count = h("p", { class: "soft", role: "status" });
    this.card = h("div", { class: "review" });
    this.below = h("div", {});
    this.list = h("ol", { class: "queue" });
    this.rows = [];
    this.record = null;
  }

  get audit() { return this.query.get("show") === "audit"; }

  parts() {
    const set = (name) => (event) => { this.query.set(name, event.target.value); this.again(); };
    const select = (name, label, options) => h("label", {}, label, " ", h("select", { onchange: set(name) },
      options.map(([value, text]) => h("option", { value, selected: value === (this.query.get(name) ?? "") }, text))));
    const number = (name, label, least, fallback) => h("label", {}, label, " ", h("input", {
      type: "number", min: least, max: 10000, value: this.query.get(name) ?? fallback, onchange: set(name),
    }));
    return [
      h("h1", {}, "Review"), this.told,
      h("form", { class: "filters", onsubmit: (event) => event.preventDefault() },
        select("show", "Show", [["", "what waits"], ["decided", "decided"], ["all", "all"], ["audit", "a random sample (audit)"]]),
        this.audit ? [number("n", "Pairs", 1, 60), number("seed", "Seed", 0, 0)] : [
          select("sort", "What", [["", "anything"], ["pair", "pairs"], ["item", "exam questions"], ["open", "questions without options"], ["mark", "marked answers"]]),
          h("label", {}, "Words ", h("input", { type: "search", value: this.query.get("q") ?? "", onchange: set("q") }))],
        h("label", {}, "Decisions by ", h("input", {
          type: "text", maxLength: 100, placeholder: this.by, value: sessionStorage.getItem(BY) ?? "",
          onchange: (event) => sessionStorage.setItem(BY, event.target.value),
        })),
        h("label", { class: "box" }, h("input", {
          type: "checkbox", checked: !sessionStorage.getItem(KEYS_OFF),
          onchange: (event) => { if (event.target.checked) sessionStorage.removeItem(KEYS_OFF); else sessionStorage.setItem(KEYS_OFF, "1"); },
        }), "one key decides")),
      this.count, this.card, this.below,
      h("h2", {}, this.audit ? "The sample, in its order" : "The queue, riskiest first"), this.list];
  }

  // Filters changed: the whole screen is made anew, since other fields may be needed.
  again() {
    for (const name of ["id", "offset"]) this.query.delete(name);
    keep("review", this.query);
    window.dispatchEvent(new HashChangeEvent("hashchange"));
  }

  async load() {
    const offset = Number(this.query.get("offset")) || 0;
    const asked = this.audit ? { n: this.query.get("n") ?? 60, seed: this.query.get("seed") ?? 0 }
      : { show: this.query.get("show") || "waiting", sort: this.query.get("sort") ?? "", q: this.query.get("q") ?? "", offset, most: MORE };
    const found = await get(`/api/review${this.audit ? "/audit" : ""}?${new URLSearchParams(asked)}`);
    this.rows = found.rows;
    this.by = found.by ?? "";
    this.summary(found);
    const { estimate } = found;
    this.count.textContent = estimate ? estimated(estimate) : `${found.fitting} fit the filters`
      + (found.rows.length < found.fitting ? `, shown from number ${offset + 1} on` : "");
    this.fitting = found.fitting ?? found.rows.length;
    this.draw(offset);
    await this.open(this.query.get("id") ?? this.next()?.id);
  }

  summary(found) {
    this.told.textContent = `${found.waiting} of ${found.of} wait. Decisions are lines of ${found.path}.`;
    this.applied = found.applied ?? this.applied;
    if (this.applied === false) this.told.textContent += ` To apply them: generate: {decisions: ${found.path}} in the recipe.`;
  }

  asks(row) { return this.audit ? row.good === null : row.decision === null || this.query.get("show") === "all" || this.query.get("show") === "decided"; }

  next() {
    const at = this.rows.findIndex((row) => row.id === this.record?.id);
    return this.rows.slice(at + 1).find((row) => this.asks(row)) ?? (at < 0 || !this.audit ? undefined : this.rows.find((row) => this.asks(row)));
  }

  draw(offset = Number(this.query.get("offset")) || 0) {
    this.list.start = offset + 1;
    this.list.replaceChildren(...this.rows.map((row) => h("li", {},
      h("button", { type: "button", class: "link", "aria-current": row.id === this.record?.id ? "true" : null, onclick: () => this.open(row.id, true) }, row.question),
      " ", h("span", { class: "soft" }, [SORTS[row.sort], `risk ${row.risk.toFixed(2)}`, row.doc_id].filter(Boolean).join(" · ")), " ",
      row.decision ? h("span", { class: `chip ${row.decision}` }, DONE[row.decision]) : null)));
    const step = (to, text) => h("button", { type: "button", class: "second", onclick: () => { this.query.set("offset", String(to)); this.query.delete("id"); keep("review", this.query); this.record = null; this.load(); } }, text);
    this.list.parentElement?.querySelector(".paging")?.remove();
    const paging = h("p", { class: "paging" }, offset ? step(Math.max(0, offset - MORE), "Earlier ones") : null, " ",
      !this.audit && offset + this.rows.length < this.fitting ? step(offset + MORE, "Later ones") : null);
    queueMicrotask(() => this.list.after(paging));
  }

  async open(id, focus = false) {
    this.below.replaceChildren();
    if (!id) {
      this.record = null;
      this.query.delete("id");
      this.card.replaceChildren(h("p", { class: "card better", tabIndex: -1 }, this.rows.length ? "Nothing more here." : "Nothing waits here."));
      if (focus) this.card.firstChild.focus();
      return;
    }
    try {
      this.record = await get(`/api/review/records/${encodeURIComponent(id)}`);
    } catch (error) {
      this.card.replaceChildren(h("p", { class: "warn", role: "alert" }, error.message));
      return;
    }
    this.query.set("id", id);
    keep("review", this.query);
    this.card.replaceChildren(this.shown(), this.beside());
    for (const button of this.list.querySelectorAll("button[aria-current]")) button.removeAttribute("aria-current");
    this.list.children[this.rows.findIndex((row) => row.id === id)]?.firstChild.setAttribute("aria-current", "true");
    if (focus) this.card.querySelector("h2").focus();
  }

  shown() {
    const r = this.record;
    const button = (key, text, act, props = {}) => h("button", {
      type: "button", class: "second", "aria-keyshortcuts": key, onclick: act, ...props,
    }, text, " ", h("kbd", { "aria-hidden": "true" }, key));
    return h("article", { "aria-label": SORTS[r.sort] },
      h("p", { class: "soft" }, `${SORTS[r.sort]} · ${r.sort === "mark" ? r.model : r.kind} · risk ${r.risk.toFixed(2)}`),
      h("h2", { tabIndex: -1 }, r.question),
      r.options.length ? h("ol", { class: "options" }, r.options.map((text, i) => h("li", { class: i === r.correct ? "correct" : undefined }, text,
        i === r.correct ? h("span", { class: "chip right" }, "key") : null))) : h("p", { class: "answer" }, r.answer),
      r.reasons.length ? h("ul", { class: "why" }, r.reasons.map((text) => h("li", {}, text))) : null,
      r.locked ? h("p", { class: "nosource locked" }, "A benchmark has asked this question: it can be rejected, and the next report says so.") : null,
      r.standing ? this.standing(r.standing) : null,
      h("p", { class: "acts" },
        button("a", "Accept", () => this.decide({ what: "accept" })),
        button("r", "Reject …", () => this.rejecting()),
        r.editable ? button("e", "Edit …", () => this.editing()) : null,
        button("s", "Similar …", () => this.carry()),
        button("n", "Next", () => this.forward()),
        button("u", "Undo", () => this.undo(), { disabled: !made.length && !r.standing })),
      r.editable ? null : h("p", { class: "soft" }, "Exam questions can be rejected and never edited: an exam that changes by hand measures something else every time."));
  }

  standing(d) {
    const edit = d.what === "edit" ? h("span", { class: "what" }, `${d.question || this.record.question} → ${d.answer || this.record.answer}`) : null;
    return h("p", {}, h("span", { class: `chip ${d.what}` }, DONE[d.what]), ` ${[d.reason, d.who, d.when.slice(0, 16).replace("T", " ")].filter(Boolean).join(" · ")}`,
      d.alike ? " · carried over" : "", edit);
  }

  beside() {
    const { passage, quote, read, sort } = this.record;
    if (!passage) {
      return h("aside", { "aria-label": "Its passage" }, h("p", { class: "nosource" }, sort === "mark" ? "No source: from the model’s memory alone." : "No source: no passage is known."));
    }
    return h("aside", { "aria-label": "Its passage" },
      h("h3", {}, passage.title),
      h("div", { class: "document", tabIndex: 0, role: "region", "aria-label": "The passage" }, quoted(passage.text, quote, "mark")),
      (read.length ? read : [passage]).map((p) => h("p", {}, h("button", { type: "button", class: "link", onclick: () => openPassage(p.id, quote) }, `${p.place} in its document`))));
  }

  async decide(choice) {
    const { id } = this.record;
    if (await this.write("decide", { id, ...choice })) await this.forward();
  }

  // Write, note what was written so that it can be taken back, and show the new counts.
  async write(path, body) {
    try {
      const found = await post(`/api/review/${path}`, { ...body, by: sessionStorage.getItem(BY) ?? "" });
      if (path !== "undo") made.push(found.written);
      for (const { id, what } of found.written) {
        const row = this.rows.find((one) => one.id === id);
        if (row) row.decision = what === "undo" ? null : what;
      }
      this.summary(found);
      if (this.audit) await this.estimateAgain();
      this.draw();
      say(`${found.written.length} ${DONE[found.written[0]?.what] ?? ""}. ${found.waiting} wait.`);
      return found.written;
    } catch (error) {
      this.below.replaceChildren(h("p", { class: "warn", role: "alert" }, error.message));
      return null;
    }
  }

  async estimateAgain() {
    const found = await get(`/api/review/audit?${new URLSearchParams({ n: this.query.get("n") ?? 60, seed: this.query.get("seed") ?? 0 })}`);
    this.rows = found.rows;
    this.count.textContent = estimated(found.estimate);
  }

  async forward() {
    const row = this.next();
    if (row || this.audit) { await this.open(row?.id, true); return; }
    const offset = Number(this.query.get("offset")) || 0;
    const waits = !this.query.get("show");
    const passed = waits ? this.rows.filter((one) => one.decision === null).length : this.rows.length;
    if (offset + passed < this.fitting && this.rows.length) this.query.set("offset", String(offset + passed));
    this.query.delete("id");
    this.record = null;
    await this.load();
    this.card.querySelector("h2, p")?.focus();
  }

  rejecting() {
    const field = h("input", { type: "text", id: "reason", required: true, maxLength: 5000, list: "reasons", autocomplete: "off" });
    this.panel("Why is it rejected?", h("label", { htmlFor: "reason" }, "Reason, for whoever reads it later"), field,
      h("datalist", { id: "reasons" }, [...new Set(reasons)].map((value) => h("option", { value }))),
      () => { reasons.unshift(field.value.trim()); return this.decide({ what: "reject", reason: field.value }); }, "Reject");
    field.focus();
  }

  editing() {
    if (!this.record.editable) { say("An exam question can be rejected, never edited."); return; }
    const d = this.record.standing?.what === "edit" ? this.record.standing : {};
    const question = h("textarea", { id: "edit-question", rows: 2, value: d.question || this.record.question });
    const answer = h("textarea", { id: "edit-answer", rows: 4, value: d.answer || this.record.answer });
    this.panel("Edit", h("label", { htmlFor: "edit-question" }, "Question"), question, h("label", { htmlFor: "edit-answer" }, "Answer"), answer,
      () => this.decide({ what: "edit", question: question.value, answer: answer.value }), "Save (Ctrl + Enter)");
    answer.focus();
  }

  // A form under the record; Escape closes it.
  panel(title, ...rest) {
    const text = rest.pop();
    const act = rest.pop();
    const form = h("form", {
      class: "card panel", "aria-label": title,
      onsubmit: (event) => { event.preventDefault(); act(); },
      onkeydown: (event) => {
        if (event.key === "Escape") { this.below.replaceChildren(); this.card.querySelector("h2")?.focus(); }
        if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) { event.preventDefault(); form.requestSubmit(); }
      },
    }, rest, h("p", {}, h("button", { type: "submit" }, text)));
    this.below.replaceChildren(form);
  }

  carry() {
    const last = this.record?.standing ? { id: this.record.id, what: this.record.standing.what } : made.at(-1)?.[0];
    if (!last) { this.below.replaceChildren(h("p", { class: "warn", role: "alert" }, "Decide something first; then that can be carried over to others like it.")); return; }
    this.below.replaceChildren(similar(last, DONE, SORTS, async (scope, ids) => {
      const written = await this.write("similar", { id: last.id, scope, ids });
      if (!written) return;
      this.below.replaceChildren(h("p", { role: "status", tabIndex: -1 }, `${written.length} written; Undo takes them back together.`));
      const row = this.rows.find((one) => one.id === this.record?.id);
      if (row?.decision && !this.query.get("show")) await this.forward(); else this.below.firstChild.focus();
    }));
  }

  async undo() {
    const ids = made.length ? made.at(-1).map((one) => one.id) : this.record?.standing ? [this.record.id] : [];
    if (!ids.length) { say("Nothing to undo in this tab."); return; }
    if (!await this.write("undo", { ids })) return;
    made.pop();
    await this.open(ids[0], true);
  }

  key(event) {
    if (!this.card.isConnected) { listening?.abort(); return; }
    const typing = event.target.closest?.("input:not([type=checkbox]), textarea, select, dialog");
    if (typing || event.ctrlKey || event.metaKey || event.altKey || sessionStorage.getItem(KEYS_OFF) || !this.record) return;
    const act = { a: () => this.decide({ what: "accept" }), r: () => this.rejecting(), e: () => this.editing(), s: () => this.carry(), n: () => this.forward(), u: () => this.undo() }[event.key];
    if (!act || document.querySelector("dialog[open]")) return;
    event.preventDefault();
    act();
  }
}

function estimated(e) {
  if (e.share === null) return `None of the ${e.drawn} drawn pairs is read yet, so nothing can be said.`;
  return `${e.good} of ${e.read} random pairs are good: ${percent(e.share)} (95 % interval ${range(e.low, e.high, percent)}) of the run’s ${e.of}`
    + (e.read < e.drawn ? `; ${e.drawn - e.read} drawn are not read yet.` : ".");
}
