// What the server is asked, with the key where one is needed. The key stays in this tab.

import { h } from "./dom.js";

const KEEP = "understudy-key";
let asking = null;

function headers(more) {
  const key = sessionStorage.getItem(KEEP);
  return key ? { ...more, authorization: `Bearer ${key}` } : more;
}

async function send(path, body, signal) {
  for (;;) {
    const response = await fetch(path, {
      method: body === undefined ? "GET" : "POST",
      headers: headers(body === undefined ? {} : { "content-type": "application/json" }),
      body: body === undefined ? undefined : JSON.stringify(body),
      signal,
    });
    if (response.ok) return response;
    const said = await response.json().catch(() => null);
    if (response.status !== 401) throw new Error(said?.error?.message ?? `the server answered ${response.status}`);
    const refused = sessionStorage.getItem(KEEP) !== null;
    asking ??= askForKey(refused).finally(() => { asking = null; });
    await asking;
  }
}

export const get = async (path) => (await send(path)).json();
export const post = async (path, body) => (await send(path, body)).json();

// Server-sent events of an answer, one parsed chunk at a time.
export async function* stream(body, signal) {
  const response = await send("/v1/chat/completions", { ...body, stream: true }, signal);
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let waiting = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const lines = (waiting + value).split(/\r?\n/);
    waiting = lines.pop();
    for (const line of lines) {
      if (!line.startsWith("data: ")) continue;
      if (line === "data: [DONE]") return;
      const chunk = JSON.parse(line.slice(6));
      if (chunk.error) throw new Error(chunk.error.message);
      yield chunk;
    }
  }
}

function askForKey(refused) {
  const dialog = document.getElementById("key");
  return new Promise((resolve) => {
    const field = h("input", { type: "password", id: "key-field", autocomplete: "off", required: true });
    const form = h("form", {
      onsubmit: (event) => {
        event.preventDefault();
        sessionStorage.setItem(KEEP, field.value.trim());
        dialog.close();
        resolve();
      },
    },
    h("h2", { id: "key-title" }, "This server asks for a key"),
    refused ? h("p", { class: "warn", role: "alert" }, "The server refused that key.") : null,
    h("label", { htmlFor: "key-field" }, "Key (kept in this tab only)"), field,
    h("p", {}, h("button", { type: "submit" }, "Use this key")));
    dialog.replaceChildren(form);
    dialog.oncancel = (event) => event.preventDefault();
    dialog.showModal();
    field.focus();
  });
}
