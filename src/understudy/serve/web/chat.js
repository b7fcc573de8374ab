// Chat: one question to several arms, their answers side by side as they are written.

import { post, stream } from "./api.js";
import { h, say } from "./dom.js";
import { keep } from "./main.js";
import { openPassage } from "./passage.js";

const USUAL = ["base", "sft", "sft+rag"];
const WORDS = { base: "base", sft: "tuned" };
const ABSTAIN = "The documentation does not say.";
const talk = []; // the turns of this tab: {question, answers: arm → text}
let log = null;

export function armWords(arm) {
  const [model, context] = arm.split("+");
  const named = WORDS[model] ?? model;
  return context === "rag" ? `${named} + retrieval` : context ? `${named} + ${context}` : named;
}

function columns(query, run) {
  const have = run.arms.map((a) => a.arm);
  const asked = (query.get("arms") ?? "").split(",").filter((arm) => have.includes(arm));
  if (asked.length) return asked;
  const usual = USUAL.filter((arm) => have.includes(arm));
  return have.includes("sft") ? usual : ["base", "base+rag"].filter((arm) => have.includes(arm));
}

export function chat(query, run) {
  const chosen = new Set(columns(query, run));
  const order = [...run.arms].sort((a, b) => a.arm.localeCompare(b.arm));
  log ??= h("div", { id: "log" });
  let stop = null;
  const field = h("textarea", { id: "question", rows: 2, required: true, "aria-describedby": "hint" });
  const button = h("button", { type: "submit" }, "Ask");
  const halt = h("button", { type: "button", class: "second", disabled: true, onclick: () => stop?.abort() }, "Stop");

  async function ask(event) {
    event.preventDefault();
    const question = field.value.trim();
    if (!question || stop) return;
    const arms = order.filter((a) => chosen.has(a.arm));
    stop = new AbortController();
    button.disabled = true;
    halt.disabled = false;
    field.value = "";
    const turn = { question, answers: {} };
    const cells = arms.map(({ arm }) => answerCell(arm));
    log.append(h("section", { class: "turn" }, h("h2", {}, question), h("div", { class: "columns" }, cells.map((c) => c.element))));
    cells[0].element.parentElement.parentElement.scrollIntoView({ block: "start" });
    say("The answers are being written.");
    await Promise.all(arms.map((a, i) => write(a, turn, cells[i], stop.signal)));
    talk.push(turn);
    stop = null;
    button.disabled = false;
    halt.disabled = true;
    field.focus({ preventScroll: true });
    say("The answers are complete.");
  }

  const boxes = order.map(({ arm }) => h("label", { class: "box" },
    h("input", {
      type: "checkbox", checked: chosen.has(arm),
      onchange: (event) => {
        if (event.target.checked) chosen.add(arm); else chosen.delete(arm);
        if (!chosen.size) { chosen.add(arm); event.target.checked = true; }
        query.set("arms", order.filter((a) => chosen.has(a.arm)).map((a) => a.arm).join(","));
        keep("chat", query);
      },
    }), armWords(arm)));
  return [
    h("h1", {}, "Chat"),
    h("fieldset", { class: "boxes" }, h("legend", {}, "Who answers"), boxes),
    log,
    h("form", { class: "ask", onsubmit: ask },
      h("label", { htmlFor: "question" }, "Question"), field,
      h("p", { id: "hint", class: "soft" }, "Ctrl + Enter sends. Each column answers by itself and sees its own earlier answers."),
      h("p", {}, button, " ", halt)),
  ].map((part) => {
    if (part.className === "ask") {
      field.addEventListener("keydown", (event) => {
        if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) part.requestSubmit();
      });
    }
    return part;
  });
}

function answerCell(arm) {
  const text = h("p", { class: "answer" }, "…");
  const under = h("div", { class: "under" });
  return { element: h("article", { "aria-label": armWords(arm) }, h("h3", {}, armWords(arm)), text, under), text, under };
}

async function write({ arm, model }, turn, cell, signal) {
  const messages = talk.flatMap((t) => (t.answers[arm]
    ? [{ role: "user", content: t.question }, { role: "assistant", content: t.answers[arm] }] : []));
  let text = "";
  let citations = [];
  let cut = "";
  try {
    for await (const chunk of stream({ model, messages: [...messages, { role: "user", content: turn.question }] }, signal)) {
      const choice = chunk.choices[0];
      text += choice?.delta?.content ?? "";
      citations = chunk.citations ?? citations;
      if (choice?.finish_reason === "length") cut = "The answer was cut at its limit.";
      if (text) cell.text.textContent = text;
    }
  } catch (error) {
    cut = signal.aborted ? "Stopped." : error.message;
  }
  turn.answers[arm] = text.replace(/ \[\d{1,3}\]$/, "");
  cell.text.replaceChildren(...(text.trim() ? marked(text.trim(), citations) : [h("em", {}, "No answer.")]));
  cell.under.replaceChildren(...below(arm, model, turn.question, text, citations, cut));
}

// The answer's text with each `[n]` as a button that opens passage n.
function marked(text, citations) {
  return text.split(/(\[\d{1,3}\])/).map((part) => {
    const cited = /^\[\d{1,3}\]$/.test(part) && citations.find((c) => `[${c.n}]` === part);
    return cited ? h("button", {
      type: "button", class: "cite", "aria-label": `Passage ${cited.n}: ${cited.place}`,
      onclick: () => openPassage(cited.chunk_id),
    }, part) : part;
  });
}

function below(arm, model, question, text, citations, cut) {
  const cited = citations.some((c) => text.includes(`[${c.n}]`));
  const why = text.trim().startsWith(ABSTAIN) ? "No source: the documentation does not say."
    : citations.length ? "No source: none of the passages read supports this answer."
      : "No source: from the model’s memory alone.";
  return [
    cut ? h("p", { class: "warn", role: "alert" }, cut) : null,
    cited || !text.trim() ? null : h("p", { class: "nosource" }, why),
    citations.length ? h("details", {}, h("summary", {}, `${citations.length} passages read`),
      h("ol", {}, citations.map((c) => h("li", {},
        h("button", { type: "button", class: "link", onclick: () => openPassage(c.chunk_id) }, c.place),
        h("span", { class: "soft" }, ` ${c.title}`))))) : null,
    marking(arm, { model, question, answer: text.trim(), passages: citations.map((c) => c.chunk_id) }),
  ].filter(Boolean);
}

// A bad answer goes to review, with a word on what is wrong.
function marking(arm, mark) {
  const note = h("input", { type: "text", maxLength: 5000 });
  const told = h("p", { class: "soft", role: "status" });
  const form = h("form", {
    onsubmit: async (event) => {
      event.preventDefault();
      try {
        await post("/api/feedback", { ...mark, verdict: "bad", note: note.value });
        box.replaceWith(h("p", { class: "soft", role: "status" }, "Marked as bad; it waits in ", h("a", { href: "#/review?sort=mark" }, "Review"), "."));
      } catch (error) {
        told.textContent = error.message;
      }
    },
  }, h("label", {}, "What is wrong (may stay empty) ", note), h("button", { type: "submit", class: "second" }, "Send to review"), told);
  const box = h("details", {}, h("summary", {}, "Mark as bad", h("span", { class: "sr" }, `: the answer of ${armWords(arm)}`)), form);
  return box;
}
