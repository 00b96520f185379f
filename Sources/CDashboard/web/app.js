// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import { Unauthorised, follow, headers } from "/stream.js";
import * as render from "/render.js";

const mostLines = 2000;
const mostEvents = 100;
const announceEvery = 5000;

const find = (id) => document.getElementById(id);
const view = {
  agents: new Map(), totals: null, runs: [], paused: false, held: [], follows: true, agent: "", announced: 0,
  lines: [],
};

// ---- Values ------------------------------------------------------------------------------------------------------

function setText(id, text) {
  const target = find(id);
  const shown = render.visible(String(text));
  if (target.textContent !== shown) target.textContent = shown;
}

/** Puts a row in the place of the one before it, without moving the focus, the scroll position or a selection. */
function putRow(body, key, row, index) {
  row.dataset.key = key;
  const old = [...body.children].find((child) => child.dataset.key === key);
  if (old) {
    if (old.isEqualNode(row)) return;
    row.classList.add("changed");
    old.replaceWith(row);
  } else {
    body.insertBefore(row, body.children[index] ?? null);
  }
}

function showAgents(changed) {
  const body = find("agents").tBodies[0];
  const names = [...view.agents.keys()];
  for (const agent of changed) putRow(body, agent.name, render.agentRow(agent), names.indexOf(agent.name));
  for (const row of [...body.children]) if (!view.agents.has(row.dataset.key)) row.remove();
  find("agents-empty").hidden = names.length > 0;
  find("agents").hidden = names.length === 0;
  const all = [...view.agents.values()];
  setText("n-running", `${all.filter((agent) => agent.state === "running").length}/${all.length}`);
  const unhealthy = all.filter((agent) => render.unhealthyStates.has(agent.state)).length;
  setText("n-unhealthy", unhealthy);
  find("n-unhealthy").classList.toggle("bad", unhealthy > 0);
  setText("n-tokens", render.short(all.reduce((sum, agent) => sum + agent.tokens, 0)));
  setText("n-cost", render.money(all.reduce((sum, agent) => sum + agent.costNanoUSD, 0)));
  const choice = find("log-agent");
  const known = new Set([...choice.options].map((option) => option.value));
  for (const name of names) if (!known.has(name)) choice.append(new Option(render.visible(name), name));
}

function showRuns(runs) {
  view.runs = runs;
  const body = find("runs").tBodies[0];
  const keys = new Set(runs.map((run) => run.id));
  for (const row of [...body.children]) if (!keys.has(row.dataset.key)) row.remove();
  runs.forEach((run, index) => putRow(body, run.id, render.runRow(run), index));
  find("runs-empty").hidden = runs.length > 0;
  find("runs").hidden = runs.length === 0;
}

function showTotals(totals) {
  view.totals = totals;
  setText("n-runs", render.count(totals.runs.total ?? 0));
  setText("project", totals.node.project);
  document.title = `${render.visible(totals.node.project)} · Nexus OS`;
  const node = totals.node;
  setText("node", `naos ${node.version} · pid ${node.pid ?? "–"} · up since ${render.absolute(node.startedAt) || "–"}`);
}

// ---- Happenings and the log --------------------------------------------------------------------------------------

function showEvents(events, skipped) {
  const list = find("events");
  const at = new Date().toISOString();
  if (skipped > 0) list.prepend(render.element("li", "warn", `${render.count(skipped)} more were skipped`));
  for (const event of events) {
    const line = render.eventLine(event, at);
    if (line) list.prepend(line);
    if (event.type === "agent" && ["failed", "exhausted", "stuck"].includes(event.state)) {
      announce(`${event.agent} is ${event.state}`);
    }
  }
  while (list.children.length > mostEvents) list.lastChild.remove();
  find("events-empty").hidden = list.children.length > 0;
}

function showLines(lines, skipped) {
  const log = find("log");
  if (skipped > 0) view.lines.push({ skipped });
  view.lines.push(...lines);
  if (view.lines.length > mostLines) view.lines.splice(0, view.lines.length - mostLines);
  const added = document.createDocumentFragment();
  if (skipped > 0) added.append(render.element("div", "line skip", `… ${render.count(skipped)} lines were skipped`));
  for (const line of lines) if (view.agent === "" || line.agent === view.agent) added.append(render.logLine(line));
  log.append(added);
  while (log.children.length > mostLines) log.firstChild.remove();
  find("log-empty").hidden = view.lines.length > 0;
  log.classList.toggle("none", view.lines.length === 0);
  if (view.follows) log.scrollTop = log.scrollHeight;
}

function showLogAgain() {
  const lines = view.lines;
  view.lines = [];
  find("log").replaceChildren();
  for (const line of lines) if (line.skipped) showLines([], line.skipped); else showLines([line], 0);
}

/** At most one message in five seconds for those who listen instead of looking. */
function announce(text) {
  const now = Date.now();
  if (now - view.announced < announceEvery) return;
  view.announced = now;
  setText("announce", text);
}

// ---- The stream --------------------------------------------------------------------------------------------------

function take(name, data) {
  if (view.paused) {
    // What is missed while it is paused is fetched afresh when it goes on.
    return;
  }
  switch (name) {
    case "snapshot":
    case "reset":
      view.agents = new Map(data.status.agents.map((agent) => [agent.name, agent]));
      find("agents").tBodies[0].replaceChildren();
      showAgents(data.status.agents);
      showTotals(data.status);
      showRuns(data.runs.runs);
      view.lines = [];
      find("log").replaceChildren();
      showLines(data.log.lines, 0);
      break;
    case "agents":
      for (const agent of data) view.agents.set(agent.name, agent);
      showAgents(data);
      break;
    case "totals": showTotals(data); break;
    case "runs": showRuns(data.runs); break;
    case "events": showEvents(data.events, data.skipped); break;
    case "log": showLines(data.lines, data.skipped); break;
  }
}

let lastHeard = 0;
function tell(state, seconds = 0) {
  const chip = find("live");
  if (state === "live") lastHeard = Date.now();
  chip.className = `chip ${view.paused ? "paused" : state}`;
  if (view.paused) return setText("live-word", "Paused");
  if (state === "live") return setText("live-word", "Live");
  const stale = lastHeard > 0 && Date.now() - lastHeard > 60_000;
  if (stale) chip.className = "chip stale";
  const since = new Date(lastHeard).toTimeString().slice(0, 5);
  setText("live-word", stale ? `Stale since ${since}` : `Reconnecting (${Math.max(1, seconds)} s)`);
}

async function refresh() {
  const get = async (path) => {
    const answer = await fetch(`/api/v1${path}`, { headers: headers() });
    if (answer.status === 401) throw new Unauthorised();
    if (!answer.ok) throw new Error(`status ${answer.status}`);
    return answer.json();
  };
  const [status, runs, log] = await Promise.all([get("/status"), get("/runs?limit=25"), get("/logs?limit=200")]);
  take("reset", { status, runs, log });
}

// ---- Controls ----------------------------------------------------------------------------------------------------

function togglePause() {
  view.paused = !view.paused;
  find("live").setAttribute("aria-pressed", String(view.paused));
  tell("live");
  if (!view.paused) refresh().catch(leaveIfUnauthorised);
}

function leaveIfUnauthorised(error) {
  if (error instanceof Unauthorised) location.replace("/login");
}

find("live").addEventListener("click", togglePause);
document.addEventListener("keydown", (event) => {
  const inField = event.target.closest("input, select, textarea, button, [role=log]");
  if (event.key !== " " || inField || event.ctrlKey || event.metaKey || event.altKey) return;
  event.preventDefault();
  togglePause();
});

find("logout").addEventListener("click", async () => {
  await fetch("/api/v1/logout", { method: "POST", headers: headers() }).catch(() => {});
  localStorage.removeItem("naos-session");
  location.replace("/login");
});

find("log-follow").addEventListener("click", () => setFollow(!view.follows));
find("log").addEventListener("scroll", () => {
  const log = find("log");
  const atEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 24;
  if (atEnd !== view.follows) setFollow(atEnd);
});

function setFollow(follows) {
  view.follows = follows;
  find("log-follow").setAttribute("aria-pressed", String(follows));
  if (follows) find("log").scrollTop = find("log").scrollHeight;
}

find("log-agent").addEventListener("change", (event) => {
  view.agent = event.target.value;
  showLogAgain();
});

find("zone").addEventListener("click", () => {
  const utc = find("zone").textContent === "Local time";
  find("zone").textContent = utc ? "UTC" : "Local time";
  render.setUTC(utc);
  showLogAgain();
  if (view.totals) showTotals(view.totals);
});

setInterval(() => { if (!view.paused) render.refreshTimes(document); }, 1000);
follow(take, tell).catch(leaveIfUnauthorised);
