// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors
//
// The frame around the pages: navigation, keys, the chip that says how fresh everything is, and where clicks arrive.

import * as actions from "./actions.js";
import { get, headers } from "./api.js";
import * as dialogs from "./dialogs.js";
import { absolute, h, isUTC, me, refreshTimes, setUTC, show, visible } from "./dom.js";
import { connect, live, setPaused, subscribe } from "./live.js";
import { all } from "./pages.js";
import { go, pages, start } from "./router.js";

const find = (id) => document.getElementById(id);
let root;
/** The page that is shown: what its module's `open` gave. */
let page = null;
/** What `pages.js` says of it. */
let here = null;
const everything = new Set(["agents", "totals", "runs", "events", "log", "first"]);

// ---- Pages -------------------------------------------------------------------------------------------------------

function arrive(now, { isSame, scroll }) {
  showNavigation();
  if (isSame && page) {
    page.requery?.(now.query);
    page.update?.(new Set());
    return;
  }
  const isFirst = page === null;
  page?.close?.();
  const hadFocus = root.contains(document.activeElement) || document.activeElement === document.body;
  root.replaceChildren();
  here = now.page;
  page = here.open({ root, values: now.values, query: now.query });
  page.update?.(everything);
  title();
  if (hadFocus && !isFirst) root.focus({ preventScroll: true });
  wanted = scroll;
  scrollTo(0, scroll);
}

/** Where the page was scrolled to when it was left: it may be as long as it was only once the node has answered. */
let wanted = 0;
function scrollBack() {
  if (wanted === 0) return;
  scrollTo(0, wanted);
  if (Math.abs(scrollY - wanted) < 2) wanted = 0;
}
const stay = () => { wanted = 0; };

function title() {
  const project = live.totals?.node.project;
  const name = page?.title?.() ?? here?.title;
  const text = visible([name, project, "Nexus OS"].filter(Boolean).join(" · "), 200);
  if (document.title !== text) document.title = text;
}

function showNavigation() {
  const path = location.pathname;
  const waiting = live.totals?.approvals ?? 0;
  show(find("nav"), h("ul", pages.filter((one) => one.title).map((one) => {
    const isHere = one.path === path || (one.path !== "/" && path.startsWith(`${one.path}/`));
    return h("li", h("a", { href: one.path, "aria-current": isHere ? "page" : null },
      h("span", one.title), one.path === "/approvals" && waiting > 0 ? h("span.badge", waiting) : null,
      h("kbd", { "aria-hidden": "true" }, `g ${one.key}`)));
  })));
  find("nav").querySelector("[aria-current]")?.scrollIntoView({ block: "nearest", inline: "nearest" });
}

// ---- The frame ---------------------------------------------------------------------------------------------------

const staleAfter = 60_000;

function showLink() {
  const { state, until, lastHeard, paused } = live.link;
  const now = Date.now();
  let kind = state;
  let words = "Live";
  if (paused) [kind, words] = ["paused", "Paused"];
  else if (state === "connecting") words = "Connecting";
  else if (state === "waiting") {
    const seconds = Math.max(1, Math.ceil((until - now) / 1000));
    words = `Reconnecting (${seconds} s)`;
    if (lastHeard > 0 && now - lastHeard > staleAfter) {
      kind = "stale";
      words = `Stale since ${new Date(lastHeard).toTimeString().slice(0, 5)}`;
    }
  }
  const chip = find("live");
  chip.className = `chip ${kind}`;
  chip.setAttribute("aria-pressed", String(paused));
  const word = find("live-word");
  if (word.textContent !== words) word.textContent = words;
  document.body.classList.toggle("old", kind === "stale");
}

let spoken = "live";
function speakLink() {
  const { state } = live.link;
  if (state === spoken || state === "connecting") return;
  spoken = state;
  dialogs.announce(state === "live" ? "Connected again" : "The connection to the node is lost");
}

let unwell = new Set();
let unwellAt = 0;
function speakAgents() {
  if (Date.now() - unwellAt < 1000) return;
  unwellAt = Date.now();
  const now = new Set([...live.agents.values()].filter((agent) => ["failed", "exhausted", "stuck"].includes(agent.state)).map((agent) => `${agent.name} is ${agent.state}`));
  const fresh = [...now].filter((text) => !unwell.has(text));
  unwell = now;
  if (fresh.length > 0) dialogs.announce(fresh.slice(0, 3).join(", "));
}

function showFrame() {
  const node = live.totals?.node;
  if (!node) return;
  const project = find("project");
  if (project.textContent !== visible(node.project)) project.textContent = visible(node.project);
  const words = `naos ${node.version} · pid ${node.pid ?? "–"} · up since ${absolute(node.startedAt) || "–"}${me.isOwner || !me.role ? "" : ` · you are ${me.name} (${me.role})`}`;
  if (find("node").textContent !== words) find("node").textContent = visible(words);
}

const themes = { auto: "Auto", light: "Light", dark: "Dark" };
function setTheme(name) {
  const theme = themes[name] ? name : "auto";
  if (theme === "auto") document.documentElement.removeAttribute("data-theme");
  else document.documentElement.dataset.theme = theme;
  localStorage.setItem("naos-theme", theme);
  find("theme").textContent = themes[theme];
  find("theme").setAttribute("aria-label", `Colours: ${themes[theme]}`);
}

/** Asked anew with each connection: a role may have changed. */
async function askWho() {
  const who = await get("/session").catch(() => null);
  if (!who || (who.isOwner === me.isOwner && who.role === me.role)) return;
  Object.assign(me, who);
  showFrame();
  page?.update?.(everything);
}

function showZone() { find("zone").textContent = isUTC() ? "UTC" : "Local time"; }

// ---- What can be done everywhere ---------------------------------------------------------------------------------

const acts = {
  pause: () => setPaused(!live.link.paused),
  theme: () => setTheme({ auto: "light", light: "dark", dark: "auto" }[localStorage.getItem("naos-theme") ?? "auto"] ?? "auto"),
  zone: () => {
    setUTC(!isUTC());
    showZone();
    showFrame();
    page?.update?.(everything);
  },
  help: () => dialogs.help(),
  palette: () => dialogs.palette(commands()),
  "start-run": (data) => actions.startRun(data?.name),
  copy: ({ text }) => dialogs.copy(text),
  do: (data) => actions.act(data.kind, data.verb, data.name, data),
  menu: ({ kind, name, state }) => actions.actionMenu(kind, name, state),
  "edit-budget": async (data) => { if (await actions.editBudget(data)) page?.acts?.changed?.(); },
  "clear-budget": async (data) => { if (await actions.clearBudget(data)) page?.acts?.changed?.(); },
  logout: async () => {
    await fetch("/api/v1/logout", { method: "POST", headers: headers() }).catch(() => null);
    localStorage.removeItem("naos-session");
    location.replace("/login");
  },
};

function commands() {
  return [
    ...(me.isOwner ? [{ title: "Start a run", kind: "action", run: acts["start-run"] }] : []),
    { title: live.link.paused ? "Go on with updates" : "Pause updates", kind: "action", run: acts.pause },
    { title: "Colours: next of auto, light, dark", kind: "action", run: acts.theme },
    { title: isUTC() ? "Show local times" : "Show times in UTC", kind: "action", run: acts.zone },
    { title: "Keys", kind: "help", run: acts.help },
    { title: "Log out", kind: "action", run: acts.logout },
    ...(page?.commands?.() ?? []),
  ];
}

function click(event) {
  const from = event.target.closest?.("[data-act]");
  if (from && !from.disabled) {
    const name = from.dataset.act;
    const act = page?.acts?.[name] ?? page?.log?.acts[name] ?? acts[name];
    if (!act) return;
    event.preventDefault();
    act(from.dataset);
    return;
  }
  const link = event.target.closest?.("a[href^='/']");
  if (!link || event.defaultPrevented || event.button !== 0 || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
  event.preventDefault();
  go(link.getAttribute("href"));
}

// ---- Keys --------------------------------------------------------------------------------------------------------

let goingUntil = 0;

function row() { return document.activeElement?.closest?.("main [data-row]"); }

function step(by) {
  if (page?.move) return page.move(by);
  const rows = [...root.querySelectorAll("[data-row]")];
  if (rows.length === 0) return undefined;
  const index = rows.indexOf(row());
  const target = rows[index < 0 ? (by > 0 ? 0 : rows.length - 1) : Math.max(0, Math.min(rows.length - 1, index + by))];
  const focus = target.querySelector("a, button") ?? target;
  focus.focus();
  target.scrollIntoView({ block: "nearest" });
  return undefined;
}

function letter(key) {
  if (goingUntil > Date.now()) {
    goingUntil = 0;
    const wanted = pages.find((one) => one.key === key);
    if (wanted) go(wanted.path);
    return wanted !== undefined;
  }
  switch (key) {
    case "g": goingUntil = Date.now() + 1500; return true;
    case "?": dialogs.help(); return true;
    case "/": {
      const field = root.querySelector("[data-filter]");
      field?.focus();
      field?.select?.();
      return field !== null;
    }
    case "j": step(1); return true;
    case "k": step(-1); return true;
    case ".": {
      const button = row()?.querySelector("[data-act=menu]");
      button?.click();
      return button !== undefined;
    }
    case "x": {
      const here = row();
      return here ? page?.choose?.(here.dataset.row) ?? false : false;
    }
  }
  return page?.key?.(key) ?? false;
}

function keydown(event) {
  if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") {
    event.preventDefault();
    if (!dialogs.dialogIsOpen()) acts.palette();
    return;
  }
  if (event.ctrlKey || event.metaKey || event.altKey || dialogs.dialogIsOpen()) return;
  const field = event.target.closest?.("input, select, textarea");
  if (field) {
    if (event.key === "Escape") field.blur();
    return;
  }
  if (event.key === " ") {
    if (event.target.closest?.("button, a, summary, [role=region], [role=log]")) return;
    event.preventDefault();
    acts.pause();
    return;
  }
  if (!dialogs.keysAreOn() || event.key.length !== 1) return;
  if (letter(event.key)) event.preventDefault();
}

// ---- Start -------------------------------------------------------------------------------------------------------

/** Shows the dashboard; `program` is the address of the file that holds all of this. */
export function dashboard(program) {
  root = find("page");
  document.addEventListener("click", click);
  document.addEventListener("input", (event) => page?.input?.(event.target));
  document.addEventListener("change", (event) => page?.changed?.(event.target));
  document.addEventListener("keydown", keydown);
  new ResizeObserver(scrollBack).observe(root);
  // Whoever scrolls is not led back any more.
  for (const name of ["wheel", "keydown", "pointerdown", "touchstart"]) addEventListener(name, stay, { passive: true });
  setTheme(localStorage.getItem("naos-theme") ?? "auto");
  showZone();
  // What somebody may do is known before anything is shown that could be done.
  askWho().then(() => start(all, arrive));
  subscribe((names) => {
    if (names.has("link")) {
      showLink();
      speakLink();
      if (live.link.state === "live") askWho();
    }
    if (names.has("totals")) {
      showFrame();
      showNavigation();
    }
    if (names.has("agents")) speakAgents();
    page?.update?.(names);
    title();
  });
  setInterval(() => {
    showLink();
    if (!live.link.paused && !document.hidden) {
      refreshTimes(document);
      page?.tick?.();
    }
  }, 1000);
  connect(program);
}
