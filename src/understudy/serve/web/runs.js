// Runs: what the store holds, how far each is, and two of them compared.

import { get } from "./api.js";
import { h, percent, points, range, chance, table } from "./dom.js";

const EVERY = 2000; // milliseconds between two looks at runs that are working
const SELDOM = 15000; // and where none is

export async function runs(query) {
  const list = h("div", {});
  const first = await refresh(list);
  const labels = first.map((run) => run.label);
  const found = h("div", { "aria-live": "polite" });
  const again = () => setTimeout(async () => {
    if (!list.isConnected) return;
    if (!list.contains(document.activeElement)) await refresh(list).catch(() => {});
    again();
  }, list.dataset.works === "yes" ? EVERY : SELDOM);
  again();
  const select = (name, label, fallback) => h("label", {}, label, " ",
    h("select", { name }, labels.map((text) => h("option", { value: text, selected: text === (query.get(name) ?? fallback) }, text))));
  const form = h("form", {
    class: "filters",
    onsubmit: (event) => {
      event.preventDefault();
      const chosen = new URLSearchParams(new FormData(event.target));
      if (`#/runs?${chosen}` === location.hash) compare(chosen, found);
      else location.hash = `#/runs?${chosen}`;
    },
  }, select("first", "First run", labels[1] ?? labels[0]), select("second", "against second run", labels[0]), h("button", { type: "submit" }, "Compare"));
  if (query.get("first") && query.get("second")) await compare(query, found);
  return [h("h1", {}, "Runs"), list, h("section", {}, h("h2", {}, "Compare two runs"),
    labels.length > 1 ? form : h("p", {}, "There is one run; a second one can be compared with it."), found)];
}

async function refresh(list) {
  const { runs: all } = await get("/api/runs");
  list.dataset.works = all.some((run) => run.progress?.alive) ? "yes" : "no";
  list.replaceChildren(table("Runs, newest first", ["Run", "When", "Stages", "Verdict"], all.map((run) => [
    [run.label, run.served ? h("span", { class: "what" }, "served here") : null],
    run.created.slice(0, 16).replace("T", " "),
    [`${run.stages.filter((s) => s.done).length} of ${run.stages.length} `,
      h("span", { class: "outcomes" }, run.stages.map((s) => h("span", { class: `chip ${s.done ? "right" : ""}` }, `${s.stage} ${s.done ? "✓" : "…"}`))),
      state(run)],
    run.verdict ? run.verdict.sentence : "–",
  ])));
  return all;
}

// What a run is busy with, or why it is not.
function state(run) {
  const p = run.progress;
  if (!p || !p.alive) {
    if (run.finished) return null;
    const cut = p ? `stopped in ${p.stage}, last heard of ${p.at.slice(0, 19).replace("T", " ")} UTC`
      : run.until ? `told to stop after ${run.until}` : "unfinished";
    return h("span", { class: "what" }, `${cut}; the same command goes on from there`);
  }
  const where = `${p.stage}${p.what ? `: ${p.what}` : ""}`;
  const share = p.total ? Math.min(1, p.done / p.total) : null;
  return h("span", { class: "what works" }, h("strong", {}, "running "), where,
    share === null ? "" : ` ${Math.round(p.done)} of ${Math.round(p.total)}`,
    h("progress", { "aria-label": `${run.label}, ${where}`, ...(share === null ? {} : { value: share }) }));
}

async function compare(query, found) {
  found.replaceChildren(h("p", {}, "Comparing …"));
  try {
    const said = await get(`/api/compare?${new URLSearchParams({ first: query.get("first"), second: query.get("second") })}`);
    found.replaceChildren(
      table("Accuracy of each arm on its own questions", ["Run and arm", "Right", "Interval", "n"],
        Object.entries(said.arms).map(([name, acc]) => [name, percent(acc.value), range(acc.low, acc.high, percent), String(acc.n)]), { numbers: [1, 2, 3] }),
      table("Paired on common questions: the second run against the first", ["Pair", "Verdict", "Difference, points", "Only second right", "Only first right", "McNemar p"],
        said.comparisons.map((c) => [[`${c.first} against ${c.second}`, h("span", { class: "what" }, c.sentence)],
          h("span", { class: `chip ${c.verdict}` }, c.verdict), `${points(c.difference.value)} (${range(c.difference.low, c.difference.high, points)})`,
          String(c.only_first), String(c.only_second), chance(c.p_mcnemar)]), { numbers: [2, 3, 4, 5] }));
  } catch (error) {
    found.replaceChildren(h("p", { class: "warn", role: "alert" }, error.message));
  }
}
