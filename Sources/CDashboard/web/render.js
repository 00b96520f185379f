// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors
//
// Makes what is shown. Text goes in through textContent only: names, logs and model output are hostile.

const glyphs = {
  running: ["●", "good"], starting: ["●", "good"], idle: ["○", "quiet"], stopping: ["○", "quiet"],
  stopped: ["○", "quiet"], waiting: ["◆", "warn"], backoff: ["▲", "warn"], paused: ["‖", "warn"],
  stuck: ["▲", "warn"], failed: ["✗", "bad"], exhausted: ["$", "bad"],
};

const runGlyphs = {
  queued: ["○", "quiet"], running: ["●", "good"], suspended: ["◌", "warn"], paused: ["‖", "warn"],
  compensating: ["↺", "warn"], completed: ["✓", "good"], failed: ["✗", "bad"], compensated: ["↺", "warn"],
  "compensated-partial": ["↺", "bad"], cancelled: ["‖", "quiet"], stopped: ["■", "bad"], halted: ["✗", "bad"],
};

export const unhealthyStates = new Set(["failed", "exhausted", "stuck", "backoff", "paused", "waiting"]);

const longestText = 4000;
let usesUTC = false;
export function setUTC(value) { usesUTC = value; }

/** An element with a class, a text and children; nothing else is ever set on it here. */
export function element(tag, className = "", text = undefined, ...children) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text !== undefined && text !== null) made.textContent = visible(String(text));
  made.append(...children);
  return made;
}

/** Makes the invisible visible: controls, and the marks that reorder or hide their neighbours. */
export function visible(text) {
  const cut = text.length > longestText ? `${text.slice(0, longestText)}… (${text.length} characters)` : text;
  return cut.replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff]/g, "\ufffd");
}

export function count(number) { return Number(number).toLocaleString("en-US"); }

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
  if (milliseconds < 100) return `${Math.max(0, Math.round(milliseconds))} ms`;
  if (milliseconds < 60_000) return `${(milliseconds / 1000).toFixed(1)} s`;
  if (milliseconds < 3_600_000) return `${Math.floor(milliseconds / 60_000)} min ${Math.floor(milliseconds / 1000) % 60} s`;
  return `${Math.floor(milliseconds / 3_600_000)} h ${Math.floor(milliseconds / 60_000) % 60} min`;
}

export function ago(text, now) {
  if (!text) return "–";
  const seconds = Math.max(0, Math.floor((now - Date.parse(text)) / 1000));
  if (seconds < 1) return "now";
  if (seconds < 60) return `${seconds}s ago`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)}m ago`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)}h ago`;
  return `${Math.floor(seconds / 86_400)}d ago`;
}

export function absolute(text) {
  if (!text) return "";
  const zone = usesUTC ? "UTC" : undefined;
  return new Date(text).toLocaleString("en-GB", { timeZone: zone, dateStyle: "medium", timeStyle: "long" });
}

export function clock(text) {
  const zone = usesUTC ? "UTC" : undefined;
  return new Date(text).toLocaleTimeString("en-GB", {
    timeZone: zone, hour12: false, hour: "2-digit", minute: "2-digit", second: "2-digit", fractionalSecondDigits: 3,
  });
}

/** A relative time whose absolute one shows on hover; `refreshTimes` keeps it going. */
export function relative(text) {
  const made = element("time", "", ago(text, Date.now()));
  if (text) {
    made.dateTime = text;
    made.title = absolute(text);
  }
  return made;
}

export function refreshTimes(root) {
  const now = Date.now();
  for (const time of root.querySelectorAll("time[datetime]")) {
    if (!time.classList.contains("fixed")) time.textContent = ago(time.dateTime, now);
  }
}

function cell(label, className, text, ...children) {
  const made = element("td", className, text, ...children);
  if (label) made.dataset.label = label;
  return made;
}

function state(word, table) {
  const [glyph, colour] = table[word] ?? ["?", "quiet"];
  const mark = element("span", "glyph", glyph);
  mark.setAttribute("aria-hidden", "true");
  return element("span", `state ${colour}`, undefined, mark, element("span", "", word));
}

function budgetCell(agent) {
  const box = element("td", "budget wide");
  const budget = agent.budget;
  if (!budget) {
    box.append(element("span", "", money(agent.costNanoUSD)), element("span", "quiet", " · no budget"));
    return box;
  }
  const parts = [];
  const ratios = [];
  if (budget.maxNanoUSD !== null) {
    parts.push(`${money(budget.usedNanoUSD)} of ${money(budget.maxNanoUSD)}`);
    ratios.push(budget.maxNanoUSD > 0 ? (budget.usedNanoUSD + budget.heldNanoUSD) / budget.maxNanoUSD : 1);
  }
  if (budget.maxTokens !== null) {
    parts.push(`${short(budget.usedTokens)} of ${short(budget.maxTokens)} tokens`);
    ratios.push(budget.maxTokens > 0 ? budget.usedTokens / budget.maxTokens : 1);
  }
  const ratio = Math.min(1, Math.max(0, ...ratios));
  const bar = element("progress");
  bar.max = 1;
  bar.value = ratio;
  bar.setAttribute("aria-label", `${Math.round(ratio * 100)} percent of the budget used`);
  if (budget.exhausted || ratio >= 1) box.classList.add("over");
  else if (ratio >= 0.8) box.classList.add("near");
  box.append(element("span", "", parts.join(" · ")), bar);
  if (!budget.hard) box.append(element("span", "note", "soft: it only alerts"));
  return box;
}

export function agentRow(agent) {
  const row = element("tr");
  const name = cell("", "name", undefined, element("span", "", agent.name), element("span", "kind", agent.kind));
  const status = cell("", "", undefined, state(agent.state, glyphs));
  if (agent.note && agent.state !== "running") {
    status.append(element("span", "note", agent.note));
    status.classList.add("wide");
  }
  const restarts = `${agent.restarts.count} of ${agent.restarts.max} in ${agent.restarts.withinSeconds} s`;
  row.append(
    name, status, cell("", agent.step ? "step wide" : "step none", agent.step ?? "–"),
    cell("active", "short", undefined, relative(agent.lastActivity)),
    cell("restarts", agent.restarts.count > 0 ? "short warn" : "short", restarts), cell("tokens", "num", short(agent.tokens)),
    budgetCell(agent));
  return row;
}

export function runRow(run) {
  const row = element("tr");
  const status = cell("", "", undefined, state(run.status, runGlyphs));
  if (run.error) status.append(element("span", "note", `${run.error.code}: ${run.error.message}`));
  else if (run.pauseReason) status.append(element("span", "note", run.pauseReason));
  if (status.children.length > 1) status.classList.add("wide");
  const id = cell("", "id", `${run.id.slice(0, 14)}…`);
  id.title = run.id;
  const took = run.endedAt ? duration(Date.parse(run.endedAt) - Date.parse(run.createdAt)) : "–";
  row.append(
    id, cell("", "", run.name), status, cell("", "short", undefined, relative(run.createdAt)),
    cell("took", "num short", took), cell("tokens", "num", short(run.tokens)), cell("", "num", money(run.costNanoUSD)));
  return row;
}

export function logLine(line) {
  const time = element("time", "fixed", clock(line.at));
  time.dateTime = line.at;
  time.title = absolute(line.at);
  const who = element("span", "who", line.agent);
  if (line.run) who.title = line.run;
  return element("div", "line", undefined, time, who, element("span", "text", line.text));
}

/** One line about something that happened; null for what the tables show anyway. */
export function eventLine(event, at) {
  const made = element("li");
  const time = element("time", "fixed", clock(at));
  time.dateTime = at;
  if (event.type === "effect") {
    if (event.phase === "started") return null;
    const mark = { succeeded: "", replayed: "replayed ", failed: "failed ", refused: "refused " }[event.phase] ?? "";
    const what = element("span", "what", undefined, element("strong", "", event.agent), ` ${mark}`);
    what.append(element("span", "", `${event.kind} ${event.name} `), element("span", "quiet", event.detail));
    if (event.phase === "failed" || event.phase === "refused") what.classList.add("bad");
    const tokens = event.kind === "model" ? `${count(event.inputTokens)} → ${count(event.outputTokens)} tokens · ` : "";
    made.append(time, what, element("span", "cost", `${tokens}${duration(event.microseconds / 1000)}`));
    return made;
  }
  if (event.type === "run") {
    const what = element("span", "what", undefined, element("strong", "", event.agent), " ", state(event.status, runGlyphs));
    if (event.note && event.note !== event.status) what.append(element("span", "quiet", ` ${event.note}`));
    made.append(time, what, element("span", "cost", `${event.run.slice(0, 12)}…`));
    return made;
  }
  if (event.type === "agent" && unhealthyStates.has(event.state)) {
    const what = element("span", "what", undefined, element("strong", "", event.agent), " ", state(event.state, glyphs));
    if (event.note) what.append(element("span", "quiet", ` ${event.note}`));
    made.append(time, what, element("span"));
    return made;
  }
  return null;
}
