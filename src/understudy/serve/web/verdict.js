// Verdict: the recommendation, the arms, who turned which questions, what was forgotten.

import { get } from "./api.js";
import { armName, chance, h, percent, points, range, svg, table } from "./dom.js";
import { questions } from "./questions.js";

export async function verdict(query) {
  const found = await get("/api/verdict");
  if (!found.verdict) {
    return [h("h1", {}, "Verdict"), h("p", {}, "This run has no benchmark, so nothing was measured."),
      h("ul", {}, found.missing.map((text) => h("li", {}, text)))];
  }
  const advice = found.recommendation;
  return [
    h("div", { class: `card ${advice.arm ? "better" : "worse"}` },
      h("h1", { class: "headline" }, advice.sentence),
      advice.reasons.length ? h("details", {}, h("summary", {}, "What this rests on"),
        h("ul", {}, advice.reasons.map((text) => h("li", {}, text)))) : null),
    h("section", {}, h("h2", {}, "What came out"),
      h("p", { class: "lead" }, found.verdict.headline), h("p", {}, found.verdict.in_hundred),
      h("ul", { class: "trust" }, found.verdict.trust.map((t) => h("li", { class: t.tone },
        h("span", { class: "tone" }, { good: "Good: ", warn: "Mind: " }[t.tone] ?? ""), t.text)))),
    h("section", {}, h("h2", {}, "Arms and shortcut baselines"), arms(found)),
    h("section", {}, h("h2", {}, "Pairs: which questions flipped"), flips(found)),
    found.free ? h("section", {}, h("h2", {}, "Free answers"), free(found)) : null,
    h("section", {}, h("h2", {}, "Forgetting"), forgetting(found)),
    h("section", { id: "questions" }, h("h2", {}, "Questions"), await questions(query, found)),
    found.missing.length || found.problems.length ? h("section", {}, h("h2", {}, "Not shown"),
      h("ul", {}, [...found.missing, ...found.problems].map((text) => h("li", {}, text)))) : null,
  ].filter(Boolean);
}

function arms(found) {
  const level = Math.round(100 * found.provenance.confidence);
  const rows = found.arms.map((arm) => {
    const cells = [
      [arm.label, h("span", { class: "what" }, arm.kind === "floor" ? "shortcut baseline: " : "", arm.description),
        arm.error ? h("span", { class: "what warn" }, arm.error) : null],
      percent(arm.acc.value),
      [range(arm.acc.low, arm.acc.high, percent)],
      bar(arm, found.provenance.chance),
      String(arm.acc.n),
    ];
    cells.kind = arm.kind;
    return cells;
  });
  return table(`Accuracy with ${level} % intervals; the line in each bar is guessing`,
    ["Arm", "Right", "Interval", "0 to 100 %", "n"], rows, { numbers: [1, 2, 4] });
}

// The interval as a bar with the value in it; the figures stand beside it.
function bar(arm, guess) {
  const { value, low, high } = arm.acc;
  const drawn = svg("svg", { class: "bar", viewBox: "0 0 100 10", preserveAspectRatio: "none", "aria-hidden": "true" },
    svg("rect", { x: 0, y: 4, width: 100, height: 2, class: "track" }),
    svg("rect", { x: 100 * guess, y: 0, width: 0.6, height: 10, class: "guess" }));
  if (low !== null && high !== null) drawn.append(svg("rect", { x: 100 * low, y: 3, width: Math.max(100 * (high - low), 0.5), height: 4, class: "span" }));
  if (value !== null) drawn.append(svg("rect", { x: 100 * value - 0.6, y: 0, width: 1.2, height: 10, class: "value" }));
  return drawn;
}

function flips(found) {
  if (!found.comparisons.length) return h("p", {}, "No two arms were compared.");
  return h("div", { class: "pairs" }, found.comparisons.map((c) => {
    const first = armName(c.first);
    const second = armName(c.second);
    const cell = (n, firstRight, secondRight) => {
      const query = new URLSearchParams({ first: c.first, a: firstRight ? "right" : "wrong", second: c.second, b: secondRight ? "right" : "wrong" });
      return n ? h("a", { href: `#/verdict?${query}`, "aria-label": `${n} questions: ${first} ${firstRight ? "right" : "wrong"}, ${second} ${secondRight ? "right" : "wrong"}` }, String(n)) : "0";
    };
    return h("article", { class: `card ${c.verdict}` },
      h("h3", {}, `${first} against ${second} `, h("span", { class: `chip ${c.verdict}` }, c.verdict)),
      h("p", {}, c.sentence),
      table(`Questions that ${first} and ${second} got right`, [h("span", { class: "sr" }, "Outcome"), `${second} right`, `${second} wrong`], [
        [`${first} right`, cell(c.both, true, true), cell(c.only_first, true, false)],
        [`${first} wrong`, cell(c.only_second, false, true), cell(c.neither, false, false)],
      ], { numbers: [1, 2], hidden: true }),
      h("p", { class: "soft" }, `McNemar p ${chance(c.p_mcnemar)} (exact, questions as independent); clustered p ${chance(c.p)}, `
        + `after Holm ${chance(c.p_holm)}; difference ${points(c.difference.value)} points (${range(c.difference.low, c.difference.high, points)}).`));
  }));
}

// What a person is told who asks without options.
function free(found) {
  const of = (share) => share.n ? [percent(share.value), h("span", { class: "what" }, `${range(share.low, share.high, percent)}, n ${share.n}`)] : "–";
  const { rows, differences } = found.free;
  return h("div", {},
    h("p", { class: "soft" }, "The model's answer where a passage supports it, else the passage's own sentence, else that the documentation does not say."),
    table("Free answers of every arm", ["Arm", "Right", "Right and supported", "Refused, though answered", "Refused, not answered", "Refused, not treated"],
      rows.map((r) => [armName(r.arm), of(r.right), of(r.right_and_supported), of(r.refused), of(r.refused_without_answer), of(r.refused_untreated)]),
      { numbers: [1, 2, 3, 4, 5] }),
    differences.length ? h("ul", {}, differences.map((d) => h("li", {},
      `${armName(d.first)} − ${armName(d.second)}: ${points(d.difference.value)} points ${d.what} (${range(d.difference.low, d.difference.high, points)}, n = ${d.difference.n})`))) : null);
}

function forgetting(found) {
  const general = found.general;
  if (!general || (!general.tasks.length && !Object.keys(general.kl).length)) {
    return h("p", {}, "Whether general skills suffered was not measured. ", general?.note ?? "");
  }
  const kl = Object.entries(general.kl).map(([model, value]) => `${model} ${value === null ? "–" : value.toPrecision(3)}`);
  return h("div", {},
    general.tasks.length ? table("General skills before and after", ["Skill", "Before", "After", "Change, points", "Verdict"],
      general.tasks.map((t) => [[t.name, h("span", { class: "what" }, `${t.before} to ${t.after}, n ${t.acc_after.n}`)], percent(t.acc_before.value), percent(t.acc_after.value),
        `${points(t.difference.value)} (${range(t.difference.low, t.difference.high, points)})`,
        h("span", { class: `chip ${t.verdict}` }, t.verdict)]), { numbers: [1, 2, 3] }) : null,
    kl.length ? h("p", {}, `Mean divergence from the base, nats a token: ${kl.join(", ")}.`) : null,
    general.note ? h("p", { class: "soft" }, general.note) : null);
}
