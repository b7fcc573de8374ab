// The screens and their addresses: `#/verdict?pair=…`. The address alone says what is shown.

import { get } from "./api.js";
import { chat } from "./chat.js";
import { h } from "./dom.js";
import { review } from "./review.js";
import { runs } from "./runs.js";
import { verdict } from "./verdict.js";

const SCREENS = { chat, verdict, review, runs };
const content = document.getElementById("content");
let shown = null;
let turn = 0;

function place() {
  const [path, query = ""] = location.hash.replace(/^#\/?/, "").split("?");
  return { name: Object.hasOwn(SCREENS, path) ? path : "chat", query: new URLSearchParams(query) };
}

// Change the address without going to another screen: filters.
export function keep(name, query) {
  const kept = new URLSearchParams([...query].filter(([, value]) => value));
  history.replaceState(null, "", `#/${name}${kept.size ? `?${kept}` : ""}`);
}

async function show() {
  if (location.hash === "#content") { content.focus(); return; }
  const { name, query } = place();
  const mine = ++turn;
  for (const link of document.querySelectorAll("nav a")) {
    if (link.dataset.screen === name) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  content.setAttribute("aria-busy", "true");
  let made;
  try {
    made = await SCREENS[name](query, await run);
  } catch (error) {
    made = [h("h1", {}, "That did not work"), h("p", { class: "warn", role: "alert" }, error.message)];
  }
  if (mine !== turn) return;
  content.replaceChildren(...[made].flat());
  content.removeAttribute("aria-busy");
  document.title = `${name[0].toUpperCase()}${name.slice(1)} – Understudy`;
  if (shown !== null && shown !== name) { content.focus({ preventScroll: true }); scrollTo(0, 0); }
  shown = name;
}

const run = get("/api/run");
run.then((found) => { document.getElementById("run-name").textContent = found.label; }, () => {});
window.addEventListener("hashchange", show);
show();
