// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors
//
// What stands above the page: the palette, the keys, questions before something is done, and short news.

import { h, prose, show, visible } from "./dom.js";
import { live } from "./live.js";
import { go, pages } from "./router.js";

const announceEvery = 5000;
const toastFor = 6000;

// ---- News --------------------------------------------------------------------------------------------------------

let announced = 0;
let pending = 0;

/** For those who listen instead of looking: one message in five seconds, the newest. */
export function announce(text) {
  clearTimeout(pending);
  const wait = Math.max(0, announced + announceEvery - Date.now());
  pending = setTimeout(() => {
    announced = Date.now();
    document.getElementById("announce").textContent = visible(text, 300);
  }, wait);
}

/** Shows for a moment what came of something, and says it. */
export function toast(text, kind = "good") {
  const made = h("p.toast", { class: kind }, prose(text));
  document.getElementById("toasts").append(made);
  setTimeout(() => made.remove(), toastFor);
  announce(text);
}

export async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    toast("Copied");
  } catch { toast("The browser does not let anything be copied.", "bad"); }
}

// ---- Dialogs -----------------------------------------------------------------------------------------------------

/** Opens a dialog; it is gone once it is closed, and the focus is where it was. */
function open(className, label, ...children) {
  const dialog = h("dialog", { class: className, "aria-label": label }, ...children);
  const before = document.activeElement;
  dialog.addEventListener("close", () => {
    dialog.remove();
    if (before?.isConnected) before.focus();
  });
  dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
  document.body.append(dialog);
  dialog.showModal();
  return dialog;
}

export const dialogIsOpen = () => document.querySelector("dialog[open]") !== null;

/**
 * Asks before something is done.
 *
 * @param {{title: string, text: any, verb: string, danger?: boolean, typed?: string,
 *   fields?: {name: string, label: string, kind?: string, value?: string, options?: string[], hint?: string}[]}} question
 * @returns {Promise<Record<string, string> | null>} the fields, or null for no
 */
export function confirm(question) {
  return new Promise((answer) => {
    const fields = (question.fields ?? []).map((field) => h("label.field.stack", field.label,
      field.options
        ? h("select", { name: field.name }, field.options.map((option) => h("option", { selected: option === field.value }, option)))
        : field.kind === "area"
          ? h("textarea", { name: field.name, rows: "5", spellcheck: "false" }, field.value ?? "")
          : h("input", { name: field.name, type: field.kind ?? "text", autocomplete: "off", value: field.value ?? "" }),
      field.hint ? h("span.note", field.hint) : null));
    if (question.typed) {
      fields.push(h("label.field.stack", `Type ${question.typed} to go on`,
        h("input", { name: "typed", type: "text", autocomplete: "off" })));
    }
    const yes = h("button", { type: "submit", class: question.danger ? "act danger" : "act primary" }, question.verb);
    const form = h("form", { method: "dialog" }, h("h2", question.title),
      typeof question.text === "string" ? h("p", question.text) : question.text, fields,
      h("div.buttons", h("button.act", { "data-close": true }, "Back"), yes));
    const dialog = open("ask", question.title, form);
    let given = null;
    form.addEventListener("submit", (event) => {
      const values = Object.fromEntries([...form.querySelectorAll("[name]")].map((input) => [input.name, input.value]));
      if (question.typed && values.typed.trim() !== question.typed) {
        event.preventDefault();
        return;
      }
      given = values;
    });
    form.querySelector("[data-close]").addEventListener("click", () => dialog.close());
    dialog.addEventListener("close", () => answer(given));
    (form.querySelector("[name]") ?? (question.danger ? form.querySelector("[data-close]") : yes)).focus();
  });
}

/** Lets one of several things be chosen. */
export function menu(title, items) {
  const dialog = open("palette", title, h("h2", title), h("ul", { role: "menu", "aria-label": title }, items.map((item, index) =>
    h("li", { role: "none" }, h("button", { role: "menuitem", "data-index": index }, item.title)))));
  const buttons = [...dialog.querySelectorAll("button")];
  dialog.addEventListener("keydown", (event) => {
    const step = { ArrowDown: 1, j: 1, ArrowUp: -1, k: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    buttons.at((buttons.indexOf(document.activeElement) + step + buttons.length) % buttons.length).focus();
  });
  dialog.addEventListener("click", (event) => {
    const chosen = event.target.closest("[data-index]");
    if (!chosen) return;
    dialog.close();
    items[Number(chosen.dataset.index)].run();
  });
  buttons[0]?.focus();
}

// ---- The palette -------------------------------------------------------------------------------------------------

/** How well `words` fit, or -1: all letters in their order; the start of a word counts most. */
export function fit(words, text) {
  let score = 0;
  let at = -1;
  for (const letter of words.toLowerCase()) {
    if (letter === " ") continue;
    const next = text.indexOf(letter, at + 1);
    if (next < 0) return -1;
    score += next === at + 1 ? 3 : /[^a-z0-9]/.test(text[next - 1] ?? " ") ? 2 : 0;
    at = next;
  }
  return score - text.length / 100;
}

const mostChoices = 12;

export function palette(commands) {
  const all = [
    ...pages.filter((page) => page.title).map((page) => ({ title: page.title, kind: "page", run: () => go(page.path) })),
    ...commands,
    ...[...live.agents.keys()].map((name) => ({ title: name, kind: "agent", run: () => go(`/agents/${encodeURIComponent(name)}`) })),
    ...live.runs.map((run) => ({ title: `${run.name} ${run.id}`, kind: run.status, run: () => go(`/runs/${encodeURIComponent(run.id)}`) })),
  ].map((item) => ({ ...item, text: item.title.toLowerCase() }));
  const input = h("input", {
    type: "text", role: "combobox", "aria-label": "Go to a page, an agent or a run, or do something", "aria-expanded": "true",
    "aria-controls": "choices", "aria-autocomplete": "list", autocomplete: "off", spellcheck: "false", placeholder: "A page, an agent, a run, an action…",
  });
  const list = h("ul", { id: "choices", role: "listbox", "aria-label": "Choices" });
  const dialog = open("palette", "Command palette", input, list);
  let choices = [];
  let chosen = 0;

  function render() {
    show(list, choices.length === 0 ? h("li.quiet", { role: "option", "aria-disabled": "true" }, "Nothing fits.") : choices.map((item, index) =>
      h("li", { role: "option", id: `choice-${index}`, "data-index": index, "aria-selected": index === chosen ? "true" : "false" },
        h("span", item.title), h("span.quiet", item.kind))));
    if (choices.length > 0) input.setAttribute("aria-activedescendant", `choice-${chosen}`);
    else input.removeAttribute("aria-activedescendant");
    list.querySelector("[aria-selected=true]")?.scrollIntoView({ block: "nearest" });
  }
  function filter() {
    const words = input.value.trim();
    choices = all.map((item) => ({ item, score: fit(words, item.text) })).filter(({ score }) => score > -1)
      .sort((a, b) => (words === "" ? 0 : b.score - a.score)).slice(0, mostChoices).map(({ item }) => item);
    chosen = 0;
    render();
  }
  function run(index) {
    const item = choices[index];
    if (!item) return;
    dialog.close();
    item.run();
  }
  input.addEventListener("input", filter);
  input.addEventListener("keydown", (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step && choices.length > 0) {
      event.preventDefault();
      chosen = (chosen + step + choices.length) % choices.length;
      render();
    } else if (event.key === "Enter") {
      event.preventDefault();
      run(chosen);
    }
  });
  list.addEventListener("click", (event) => {
    const item = event.target.closest("[data-index]");
    if (item) run(Number(item.dataset.index));
  });
  filter();
  input.focus();
}

// ---- The keys ----------------------------------------------------------------------------------------------------

export const keysAreOn = () => localStorage.getItem("naos-keys") !== "off";

export function help() {
  const rows = [
    ["Ctrl K", "Go anywhere, do anything"], ["/", "Filter what is shown"], ["j  k", "Next and previous row"],
    ["Enter", "Open the row"], [".", "What can be done with the row"], ["x", "Choose the row"],
    ["y  n", "Approve and deny"], ["Space", "Pause what is shown, and go on"], ["?", "This"],
    ...pages.filter((page) => page.key).map((page) => [`g ${page.key}`, page.title]),
  ];
  const toggle = h("input", { type: "checkbox", id: "keys-on" });
  toggle.checked = keysAreOn();
  const dialog = open("ask keys", "Keys", h("h2", "Keys"),
    h("dl.keys", rows.map(([keys, what]) => h("div", h("dt", keys.split(/ +/).map((key) => h("kbd", key))), h("dd", what)))),
    h("label.field", toggle, " Keys of one letter work"),
    h("div.buttons", h("button.act", "Close")));
  toggle.addEventListener("change", () => localStorage.setItem("naos-keys", toggle.checked ? "on" : "off"));
  dialog.querySelector("button").addEventListener("click", () => dialog.close());
  dialog.querySelector("button").focus();
}
