// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors
//
// Makes what is shown, and the words for values. Text goes in as text nodes only: names, logs and outputs are hostile.

const longestText = 4000;

/** Makes the invisible visible: controls, and the marks that reorder or hide their neighbours. */
export function visible(text, most = longestText) {
  const cut = text.length > most ? `${text.slice(0, most)}… (${count(text.length)} characters)` : text;
  return cut.replace(/\r\n/g, "\n")
    .replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff]/g, "\ufffd");
}

/** Who looks on, as the node says: only its owner changes anything but approvals. */
export const me = { isOwner: false, role: "" };
/** What buttons of those who may not change anything would do; the node refuses it, too. */
const changing = new Set(["do", "menu", "bulk", "start-run", "edit-budget", "clear-budget", "fork", "skip", "mark-done", "check-config", "apply-config", "choose"]);

let svgSpace;
const shapes = new Set(["svg", "g", "path", "rect", "circle", "line", "text", "title"]);

/**
 * An element. Listeners are none of it: whoever acts is found by `data-act` where the click arrives, so that what is
 * shown can be made anew at any time.
 *
 * @param {string} tag with classes behind points: `span.state.good`
 * @param {...any} children texts, numbers, elements and lists of them; null and false are left out. The first may be
 *   an object of attributes, of which null and false leave one out.
 * @returns {any} null for what would change something, where somebody looks on who may not
 */
export function h(tag, ...children) {
  const [name, ...classes] = tag.split(".");
  svgSpace ??= document.getElementById("space").namespaceURI;
  const made = shapes.has(name) ? document.createElementNS(svgSpace, name) : document.createElement(name);
  if (name === "button") made.type = "button";
  if (classes.length > 0) made.setAttribute("class", classes.join(" "));
  const attributes = children[0]?.constructor === Object ? children.shift() : {};
  if (!me.isOwner && changing.has(attributes["data-act"])) return null;
  for (const [key, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (key === "class") made.setAttribute("class", `${made.getAttribute("class") ?? ""} ${value}`.trim());
    else if (key === "size") Object.assign(made.style, value);
    else if (key === "value" && "value" in made && name !== "progress") made.value = value;
    else made.setAttribute(key, value === true ? "" : visible(String(value)));
  }
  add(made, children);
  return made;
}

function add(parent, children) {
  for (const child of children) {
    if (child === null || child === undefined || child === false) continue;
    if (Array.isArray(child)) add(parent, child);
    else if (child instanceof Node) parent.append(child);
    else parent.append(document.createTextNode(visible(String(child))));
  }
}

/**
 * Makes `old` look like `fresh` and touches only what differs, so that focus, selection and scroll position stay.
 * Children with a `data-key` are told apart by it.
 */
export function morph(old, fresh) {
  if (old.nodeType !== fresh.nodeType || old.nodeName !== fresh.nodeName) return old.replaceWith(fresh);
  if (old.nodeType === Node.TEXT_NODE) {
    if (old.data !== fresh.data) old.data = fresh.data;
    return undefined;
  }
  for (const { name } of [...old.attributes]) {
    // What a person opened stays open.
    if (!fresh.hasAttribute(name) && name !== "open" && name !== "data-at") old.removeAttribute(name);
  }
  for (const { name, value } of fresh.attributes) {
    if (old.getAttribute(name) === value) continue;
    // As an attribute a style would be an inline one, which the policy of the page forbids.
    if (name === "style") old.style.cssText = fresh.style.cssText; else old.setAttribute(name, value);
  }
  if (old.nodeName === "INPUT" || old.nodeName === "SELECT" || old.nodeName === "TEXTAREA") {
    if (old !== document.activeElement && old.value !== fresh.value && old.nodeName !== "SELECT") old.value = fresh.value;
    if (old.nodeName !== "SELECT") return undefined;
  }
  morphChildren(old, fresh);
  if (old.nodeName === "SELECT" && old !== document.activeElement) old.value = fresh.dataset.value ?? fresh.value;
  return undefined;
}

function morphChildren(old, fresh) {
  const all = [...fresh.childNodes];
  const keys = new Set(all.map((child) => child.dataset?.key));
  const keyed = new Map();
  for (const child of [...old.children]) {
    const key = child.dataset?.key;
    if (!key) continue;
    // What goes away goes first: what stays is then not moved, which would take the focus from it.
    if (keys.has(key)) keyed.set(key, child);
    else child.remove();
  }
  let next = old.firstChild;
  for (const wanted of all) {
    const key = wanted.dataset?.key;
    const same = key ? keyed.get(key) : next;
    if (!same || (!key && same.dataset?.key)) {
      old.insertBefore(wanted, next);
      continue;
    }
    if (key) keyed.delete(key);
    const after = same === next ? next.nextSibling : next;
    if (same !== next) old.insertBefore(same, next);
    morph(same, wanted);
    next = after;
  }
  while (next) {
    const gone = next;
    next = next.nextSibling;
    gone.remove();
  }
}

/** Puts `children` in the place of what `root` holds. */
export function show(root, ...children) {
  if (!root.firstChild) return add(root, children);
  const fresh = root.cloneNode(false);
  add(fresh, children);
  return morphChildren(root, fresh);
}

// ---- Words for values --------------------------------------------------------------------------------------------

let usesUTC;
export const isUTC = () => (usesUTC ??= localStorage.getItem("naos-utc") === "yes");
export function setUTC(value) {
  usesUTC = value;
  localStorage.setItem("naos-utc", value ? "yes" : "no");
}

export function count(number) { return Number(number).toLocaleString("en-US"); }

export function many(number, one, more = `${one}s`) { return `${count(number)} ${number === 1 ? one : more}`; }

export function short(number) {
  if (number < 1000) return String(number);
  if (number < 1e6) return `${(Math.floor(number / 100) / 10).toFixed(1)}k`;
  return `${(Math.floor(number / 1e5) / 10).toFixed(1)}M`;
}

/** Whole nano-dollars; four digits below one dollar where two would lose something; rounded up, never down. */
export function money(nano) {
  const fine = Math.abs(nano) < 1e9 && nano % 1e7 !== 0;
  return fine ? `$${(Math.ceil(nano / 1e5) / 1e4).toFixed(4)}` : `$${(Math.ceil(nano / 1e7) / 100).toFixed(2)}`;
}

export function duration(milliseconds) {
  if (milliseconds < 1000) return `${Math.max(0, Math.round(milliseconds))} ms`;
  if (milliseconds < 60_000) return `${(milliseconds / 1000).toFixed(1)} s`;
  if (milliseconds < 3_600_000) return `${Math.floor(milliseconds / 60_000)} min ${Math.floor(milliseconds / 1000) % 60} s`;
  if (milliseconds < 172_800_000) return `${Math.floor(milliseconds / 3_600_000)} h ${Math.floor(milliseconds / 60_000) % 60} min`;
  return `${Math.floor(milliseconds / 86_400_000)} days`;
}

let skew = 0;
/** How far the node's clock is ahead of the browser's, in milliseconds; less than its own resolution is nothing. */
export function setSkew(milliseconds) { skew = Math.abs(milliseconds) > 3000 ? milliseconds : 0; }

/** The node's time. */
export const nodeNow = () => Date.now() + skew;

function ago(text, now) {
  const seconds = Math.floor((now - Date.parse(text)) / 1000);
  if (seconds < 0) return `in ${duration(-seconds * 1000).replace(".0 s", " s")}`;
  if (seconds < 1) return "now";
  if (seconds < 60) return `${seconds} s ago`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)} h ago`;
  return `${Math.floor(seconds / 86_400)} d ago`;
}

const zone = () => (isUTC() ? "UTC" : undefined);

export function absolute(text) {
  if (!text) return "";
  return new Date(text).toLocaleString("en-GB", { timeZone: zone(), dateStyle: "medium", timeStyle: "long" });
}

export function clock(text, digits = 3) {
  return new Date(text).toLocaleTimeString("en-GB", {
    timeZone: zone(), hour12: false, hour: "2-digit", minute: "2-digit", second: "2-digit",
    ...(digits > 0 ? { fractionalSecondDigits: digits } : {}),
  });
}

/** A relative time whose absolute one shows on hover; `refreshTimes` keeps it going. */
export function relative(text) {
  if (!text) return h("span.quiet", "–");
  return h("time", { datetime: text, title: absolute(text) }, ago(text, nodeNow()));
}

/** A time of the day, with the date on hover. */
export function moment(text, digits = 3) {
  if (!text) return h("span.quiet", "–");
  return h("time.fixed", { datetime: text, title: absolute(text) }, clock(text, digits));
}

export function refreshTimes(root) {
  const now = nodeNow();
  for (const time of root.querySelectorAll("time[datetime]:not(.fixed)")) {
    const words = ago(time.dateTime, now);
    if (time.textContent !== words) time.textContent = words;
  }
}

// ---- States ------------------------------------------------------------------------------------------------------

const glyphs = {
  // Agents and supervisors.
  running: ["●", "good"], starting: ["◐", "good"], idle: ["○", "quiet"], stopping: ["◒", "quiet"],
  stopped: ["□", "quiet"], waiting: ["◆", "warn"], backoff: ["▲", "warn"], paused: ["‖", "warn"],
  stuck: ["▲", "warn"], failed: ["✗", "bad"], exhausted: ["$", "bad"],
  // Runs and steps.
  queued: ["○", "quiet"], pending: ["○", "quiet"], suspended: ["◌", "warn"], compensating: ["↺", "warn"],
  completed: ["✓", "good"], succeeded: ["✓", "good"], replayed: ["↻", "good"], compensated: ["↺", "warn"],
  "compensated-partial": ["↺", "bad"], cancelled: ["⊘", "quiet"], skipped: ["⇥", "quiet"], halted: ["✗", "bad"],
  refused: ["⊘", "bad"], crashed: ["✗", "bad"], interrupted: ["◌", "warn"],
  // Schedules and findings.
  active: ["●", "good"], broken: ["✗", "bad"], ok: ["✓", "good"], note: ["i", "quiet"], warning: ["▲", "warn"],
  problem: ["✗", "bad"], draining: ["◒", "warn"], started: ["✓", "good"],
  approved: ["✓", "good"], consumed: ["✓", "good"], requested: ["◆", "warn"], escalated: ["◆", "warn"], denied: ["✗", "bad"], expired: ["✗", "bad"], missed: ["▲", "warn"],
};

/** A state as a glyph, a word and a colour: none of them says it alone. */
export function state(word, title) {
  const [glyph, colour] = glyphs[word] ?? ["·", "quiet"];
  return h("span.state", { class: colour, title }, h("span.glyph", { "aria-hidden": "true" }, glyph), h("span", word));
}

// Why a run stands still; the same words as in the terminal.
const pauses = {
  person: "a person paused it", budget: "the budget is used up", poison: "the node came down over it",
  compensation: "a compensation keeps failing", version: "this version cannot read its definition",
  exhausted: "the retries of a step are used up", unknown: "nobody knows whether a step had its effect",
  loop: "the agent goes round in circles", calls: "the agent has made all the model calls that it may make",
};

export const pauseWords = (reason) => pauses[reason] ?? reason ?? "a person paused it";

export const colourOf = (word) => glyphs[word]?.[1] ?? "quiet";
export const unhealthy = new Set(["failed", "exhausted", "stuck", "backoff", "paused", "waiting"]);
export const finalStatuses = new Set(["completed", "failed", "compensated", "compensated-partial", "cancelled", "stopped"]);
export const runStatuses = ["queued", "running", "suspended", "paused", "compensating", "completed", "failed", "compensated", "compensated-partial", "cancelled", "stopped", "halted"];

// ---- Links and small parts ---------------------------------------------------------------------------------------

export const agentPath = (name) => `/agents/${encodeURIComponent(name)}`;
export const runPath = (id) => `/runs/${encodeURIComponent(id)}`;
export const agentLink = (name) => h("a", { href: agentPath(name) }, name);
export const runLink = (id, words) => h("a.id", { href: runPath(id), title: id }, words ?? shortID(id));
export const shortID = (id) => (id.length > 16 ? `${id.slice(0, 4)}…${id.slice(-8)}` : id);

export function panel(title, ...children) {
  const id = `h-${title.toLowerCase().replace(/[^a-z]+/g, "-")}`;
  return h("section.panel", { "aria-labelledby": id, "data-key": id }, h("h2", { id }, title), children);
}

/** What is not there yet, what it is for, and the command that changes that. */
export function empty(words, ...commands) {
  return h("div.empty", h("p", words), commands.map((line) => command(line)));
}

export function command(line) {
  return h("p.command", h("code", line),
    h("button.plain", { "data-act": "copy", "data-text": line, "aria-label": `Copy ${line}` }, "Copy"));
}

/** What could be written into the configuration. */
export const sample = (text) => h("pre.json", { tabindex: "0" }, text);

/** One of several choices; `data` says what a click on it does. */
export const chip = (words, data, isChosen) => h("button.chip", { ...data, "aria-pressed": String(isChosen) }, words);

export const fact = (label, ...value) => h("div", { "data-key": label }, h("dt", label), h("dd", ...value));

/** Links to the parts of a page; the first one has no name in the address. */
export function tabs(label, path, entries, here) {
  return h("nav.tabs", { "aria-label": label }, entries.map(([key, title]) =>
    h("a", { href: `${path}${key ? `?tab=${key}` : ""}`, "aria-current": key === here ? "page" : null }, title)));
}

/** What the node says, with what stands between its backquotes as code; all of it is text, whoever wrote it. */
export const prose = (text) => text?.split("`").map((part, index, all) => (index % 2 && all[index + 1] !== undefined ? h("code", part) : part));

/** Something that there is not, and why. */
export const missing = (title, problem, path, all) => [h("h1", title), problem
  ? [h("p.empty", prose(`${problem.message} ${problem.hint ?? ""}`)), h("p", h("a", { href: path }, all))] : h("p.empty", "Asking the node…")];

export const sumOf = (list, of) => list.reduce((sum, one) => sum + of(one), 0);

/** What 95 of 100 of these stay below; undefined for none. */
export const p95 = (times) => times.sort((a, b) => a - b)[Math.ceil(times.length * 0.95) - 1];

/** Milliseconds that something took, or takes by now. */
export const tookOf = (one, now = nodeNow()) => (one.endedAt ? Date.parse(one.endedAt) : now) - Date.parse(one.createdAt ?? one.startedAt);

/** Gives the browser a file to keep. */
export function download(name, text, type) {
  const address = URL.createObjectURL(new Blob([text], { type }));
  h("a", { href: address, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(address), 1000);
}

/** Any JSON value, laid out, as text. */
export function json(value, most = 20_000) {
  const text = typeof value === "string" ? value : JSON.stringify(value, null, 2);
  const code = h("pre.json", { tabindex: "0" });
  code.append(document.createTextNode(visible(text ?? "null", most)));
  return code;
}

/** `>` stands before a column of numbers, `~` before a name that is only heard. */
function headOf(name) {
  if (name.startsWith("~")) return h("th", { scope: "col" }, h("span.unseen", name.slice(1)));
  return h("th", { scope: "col", class: name.startsWith(">") ? "num" : null }, name.replace(">", ""));
}

/** A table of data that is small enough to be shown whole; `label` names it for those who listen. */
export function table(label, heads, rows, name = "") {
  return h("div.scroll", h("table", { class: `cards ${name}`, "aria-label": label },
    h("thead", h("tr", heads.map(headOf))),
    h("tbody", rows)));
}

/** A cell; on a phone its label stands before it. */
export function cell(label, ...children) {
  const attributes = children[0]?.constructor === Object ? children.shift() : {};
  return h("td", { "data-label": label || null, ...attributes }, ...children);
}
