// Every question, filtered by what stands in the address; one opens with its passages and option scores.

import { get } from "./api.js";
import { armName, h, percent, say, table } from "./dom.js";
import { keep } from "./main.js";
import { openPassage } from "./passage.js";

const MOST = 100;
const OUTCOMES = ["right", "wrong", "unreadable"];

export async function questions(query, found) {
  const { items } = await get("/api/items");
  const names = found.arms.map((a) => a.name);
  const list = h("div", {});
  const count = h("p", { role: "status" });

  function fits(item) {
    const is = (arm, wanted) => {
      const outcome = item.outcomes[arm] ?? "none";
      return wanted === "wrong" ? outcome === "wrong" || outcome === "unreadable" : outcome === wanted;
    };
    const [first, a, second, b] = ["first", "a", "second", "b"].map((name) => query.get(name));
    const words = (query.get("q") ?? "").toLowerCase();
    return (!first || !a || is(first, a)) && (!second || !b || is(second, b))
      && (!query.get("doc") || item.doc_id === query.get("doc"))
      && (!words || item.question.toLowerCase().includes(words))
      && (!query.get("flipped") || new Set(names.filter((n) => !n.startsWith("floor:")).map((n) => item.outcomes[n] === "right")).size > 1);
  }

  function draw() {
    const shown = items.filter(fits);
    const most = Number(query.get("most")) || MOST;
    count.textContent = `${shown.length} of ${items.length} questions`;
    list.replaceChildren(...shown.slice(0, most).map((item) => row(item, names, query)));
    if (shown.length > most) {
      list.append(h("p", {}, h("button", {
        type: "button", class: "second", onclick: () => { query.set("most", String(most + MOST)); keep("verdict", query); draw(); },
      }, `Show ${Math.min(MOST, shown.length - most)} more`)));
    }
  }

  function set(name, value) {
    query.set(name, value);
    query.delete("most");
    keep("verdict", query);
    draw();
  }

  function select(name, label, options) {
    const chosen = query.get(name) ?? "";
    return h("label", {}, label, " ", h("select", { onchange: (event) => set(name, event.target.value) },
      [["", "any"], ...options].map(([value, text]) => h("option", { value, selected: value === chosen }, text))));
  }

  const armOptions = names.map((name) => [name, armName(name)]);
  const outcomes = OUTCOMES.map((name) => [name, name]);
  const documents = [...new Set(items.map((item) => item.doc_id))].filter(Boolean).sort().map((doc) => [doc, doc]);
  const filters = h("form", { class: "filters", onsubmit: (event) => event.preventDefault() },
    select("first", "Arm", armOptions), select("a", "is", outcomes),
    select("second", "and arm", armOptions), select("b", "is", outcomes),
    select("doc", "Document", documents),
    h("label", {}, "Words ", h("input", { type: "search", value: query.get("q") ?? "", oninput: (event) => set("q", event.target.value) })),
    h("label", { class: "box" }, h("input", { type: "checkbox", checked: Boolean(query.get("flipped")), onchange: (event) => set("flipped", event.target.checked ? "1" : "") }), "flipped between arms"),
    h("a", { href: "#/verdict" }, "Clear"));
  draw();
  if (query.get("first") || query.get("item")) requestAnimationFrame(() => document.getElementById("questions")?.scrollIntoView());
  return h("div", {}, filters, count, list);
}

function row(item, names, query) {
  const body = h("div", {}, "Loading …");
  let asked = false;
  const details = h("details", {
    class: "question", open: query.get("item") === item.id,
    ontoggle: async () => {
      if (!details.open) return;
      query.set("item", item.id);
      keep("verdict", query);
      if (asked) return;
      asked = true;
      try {
        body.replaceChildren(...whole(await get(`/api/items/${encodeURIComponent(item.id)}`)));
        say("The question is open.");
      } catch (error) {
        asked = false;
        body.replaceChildren(h("p", { class: "warn", role: "alert" }, error.message));
      }
    },
  }, h("summary", {}, item.question, " ", h("span", { class: "soft" }, item.doc_id), " ",
    h("span", { class: "outcomes" }, names.filter((n) => !n.startsWith("floor:") && item.outcomes[n]).map((name) =>
      h("span", { class: `chip ${item.outcomes[name]}` }, `${armName(name)} ${item.outcomes[name] === "right" ? "✓" : item.outcomes[name] === "wrong" ? "✗" : "?"}`)))), body);
  return details;
}

function whole(q) {
  const scored = q.answers.some((a) => a.option_scores);
  const rows = q.answers.map((a) => [
    [armName(a.arm), a.cause ? h("span", { class: "what" }, a.cause) : null],
    h("span", { class: `chip ${a.outcome}` }, `${a.letter || "–"} ${a.outcome}`),
    ...(scored ? q.options.map((_, i) => {
      const score = a.option_scores?.[i];
      const text = score === undefined ? "–" : score.toFixed(2);
      return a.letter === q.letters[i] ? h("strong", {}, text) : text;
    }) : []),
    a.text || (a.acc === null ? "–" : percent(a.acc)),
  ]);
  const found = q.retrieved.map((r) => h("div", {}, h("h3", {}, `Found for ${r.arms.map(armName).join(", ")}`),
    h("ol", {}, r.chunks.map((id, i) => h("li", {}, passageButton(q, id, r.gold[i] ? " (holds the answer)" : ""))))));
  return [
    h("ol", { class: "options" }, q.options.map((text, i) => h("li", { class: i === q.correct ? "correct" : undefined }, text, i === q.correct ? h("span", { class: "chip right" }, "key") : null))),
    table("What each arm answered, with the mean score of each option", ["Arm", "Answer", ...(scored ? q.letters : []), "Text or share right"], rows,
      { numbers: scored ? q.letters.map((_, i) => i + 2) : [] }),
    q.chunk_id ? h("p", {}, "The answer stands in ", passageButton(q, q.chunk_id, "")) : h("p", { class: "nosource" }, "No source: no passage of the corpus is linked."),
    q.quote ? h("blockquote", {}, q.quote) : null,
    ...found,
  ].filter(Boolean);
}

function passageButton(q, id, more) {
  const passage = q.passages[id];
  const text = passage ? `${passage.doc_id}${passage.lines ? `, ${passage.lines}` : ""}` : id;
  return [h("button", { type: "button", class: "link", onclick: () => openPassage(id, q.quote) }, text), more];
}
