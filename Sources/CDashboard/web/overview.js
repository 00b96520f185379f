// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors
//
// What runs, what it costs, what is stuck and what waits: to be seen in five seconds.

import { get, repeating } from "./api.js";
import { bar, budgetRatio, columns, numbers, spent, stretches } from "./charts.js";
import { agentLink, agentPath, cell, command, count, duration, finalStatuses, h, many, moment, money, nodeNow, panel, pauseWords, prose, relative, runLink, runPath, short, shortID, show, state, table, unhealthy } from "./dom.js";
import { live } from "./live.js";
import { runTable } from "./rows.js";

const minute = 60_000;
const mostAgents = 8;
const mostRuns = 8;
const mostEvents = 14;
const mostWorries = 8;

export function open({ root }) {
  let hour = [];
  let budgets = [];
  let rendered = 0;
  const asking = repeating(async (signal) => {
    try {
      const [page, costs] = await Promise.all([get("/runs?limit=500&parent=any", signal), get("/costs", signal)]);
      const since = nodeNow() - 60 * minute;
      hour = page.runs.filter((run) => Date.parse(run.endedAt ?? run.updatedAt) >= since || !run.endedAt);
      budgets = costs.budgets;
      render();
    } catch { /* The chip says that the node does not answer. */ }
  }, 3000);

  function render() {
    const agents = [...live.agents.values()];
    if (!live.totals) return show(root, h("h1", "Overview"), h("p.empty", "Connecting to the node…"));
    if (agents.length === 0) return show(root, h("h1", "Overview"), first());
    const worries = worriesOf(agents, hour, budgets);
    return show(root, h("h1", "Overview"), numbersOf(agents, hour, budgets, worries), attention(worries), strip(hour),
      h("div.columns", h("div.stack", agentsOf(agents), runsOf()), happenings()));
  }
  return {
    update(names) {
      // With very many agents once a second is enough for sums of all of them.
      const isDue = live.agents.size <= 500 || performance.now() - rendered > 1000;
      if (isDue || !names.has("agents")) {
        rendered = performance.now();
        render();
      }
      if (names.has("runs") || names.has("first")) asking.go();
    },
    tick() { if (new Date().getSeconds() % 15 === 0) asking.go(); },
    close: asking.stop,
  };
}

function first() {
  return h("section.panel.teach", h("h2", "Nothing runs here yet"),
    h("p", "Three commands in the project's folder make an agent, run it, and show what it cost. They need no key and no network."),
    command("naos create researcher --template research"), command('naos run researcher --input "What happens when step five of a saga fails?"'), command("naos status"));
}

// ---- Numbers -----------------------------------------------------------------------------------------------------

function numbersOf(agents, hour, budgets, worries) {
  const running = agents.filter((agent) => agent.state === "running").length;
  const runs = live.totals.runs;
  const active = (runs.running ?? 0) + (runs.queued ?? 0) + (runs.compensating ?? 0);
  const waiting = (runs.suspended ?? 0) + (runs.paused ?? 0) + (live.totals.approvals ?? 0);
  const sum = agents.reduce((sum, agent) => sum + agent.costNanoUSD, 0);
  const limit = budgets.find((one) => one.scope === "global" && one.maxNanoUSD !== null);
  const ended = hour.filter((run) => finalStatuses.has(run.status));
  const failed = ended.filter((run) => !["completed", "cancelled"].includes(run.status)).length;
  const severe = worries.filter((worry) => worry.level === "bad").length;
  return h("div.numbers",
    number("/agents?q=state:running", `${count(running)}/${count(agents.length)}`, "agents running", `${many(active, "run")} under way`),
    number(worries[0]?.href ?? "/agents", count(worries.length), "need attention", severe > 0 ? `${severe} severe` : "nothing severe", severe > 0 ? "bad" : worries.length > 0 ? "warn" : ""),
    number(live.totals.approvals > 0 ? "/approvals" : "/runs?status=suspended,paused", count(waiting), "wait for something", [live.totals.approvals > 0 && many(live.totals.approvals, "approval"), `${count(runs.paused ?? 0)} paused`, `${count(runs.suspended ?? 0)} suspended`].filter(Boolean).join(", "), waiting > 0 ? "warn" : ""),
    number("/costs", money(sum), "spent", limit ? [`${money(limit.usedNanoUSD)} of ${money(limit.maxNanoUSD)}${limit.per === "lifetime" ? "" : ` this ${limit.per}`}`, bar(budgetRatio(limit), "the project's budget")] : `${short(agents.reduce((sum, agent) => sum + agent.tokens, 0))} tokens`, limit && budgetRatio(limit) >= 0.8 ? "warn" : ""),
    number("/runs?status=failed,compensated,compensated-partial,halted,stopped", ended.length === 0 ? "–" : `${Math.round((failed / ended.length) * 100)} %`, "failed in the last hour", `${count(failed)} of ${many(ended.length, "run")}`, failed > 0 ? "bad" : ""));
}

function number(href, value, label, note, level = "") {
  return h("a.number", { href }, h("span.value", { class: level }, value), h("span.label", label), h("span.note", note));
}

function strip(hour) {
  const made = stretches(hour.filter((run) => run.endedAt), { size: 60, step: minute, now: nodeNow(), at: (run) => Date.parse(run.endedAt), word: (run) => run.status });
  const label = "Runs that ended, by minute, in the last hour";
  return panel("Last hour", columns(label, made, { step: minute, most: 3 }), numbers("hour", label, ["From", "Status", ">Runs"],
    made.flatMap((column) => column.parts.map((part) => [moment(column.at, 0), part.word, count(part.value)]))));
}

// ---- What needs a look -------------------------------------------------------------------------------------------

const whoOf = (run) => [run.name, " ", h("span.id", shortID(run.id))];

function worriesOf(agents, hour, budgets) {
  const found = [];
  const add = (level, weight, href, who, word, why, at) => found.push({ level, weight, href, who, word, why, at });
  if (live.totals.approvals > 0) add("warn", 0, "/approvals", many(live.totals.approvals, "approval"), "requested", "Somebody has to say yes or no.", null);
  for (const agent of agents) {
    const href = agentPath(agent.name);
    if (["failed", "stuck"].includes(agent.state)) add("bad", 0, href, agent.name, agent.state, agent.note ?? "It stays down until somebody starts it.", agent.lastActivity);
    else if (agent.state === "exhausted") add("bad", 1, href, agent.name, agent.state, agent.note ?? "Its budget is used up.", agent.lastActivity);
    else if (unhealthy.has(agent.state)) add("warn", 3, href, agent.name, agent.state, agent.note ?? "", agent.lastActivity);
    else if (agent.restarts.count > 0 && agent.restarts.count >= agent.restarts.max - 1) {
      const culprit = agent.restarts.recent.at(-1);
      if (culprit?.child === agent.name) add("warn", 2, href, agent.name, "warning", `${agent.restarts.count} of ${agent.restarts.max} restarts in ${agent.restarts.withinSeconds} s: ${culprit.reason}`, culprit.at);
    }
    if (budgetRatio(agent.budget) >= 0.8 && agent.state !== "exhausted") add(budgetRatio(agent.budget) >= 1 ? "bad" : "warn", 2, "/costs", agent.name, "warning", `${Math.round(budgetRatio(agent.budget) * 100)} % of its budget is used.`, agent.lastActivity);
  }
  for (const one of budgets) if (budgetRatio(one) >= 0.8) add("warn", 2, "/costs", one.scope, "warning", `${Math.round(budgetRatio(one) * 100)} % of the budget is used.`);
  for (const run of hour) {
    const why = run.error ? `${run.error.code}: ${run.error.message}` : (run.pauseReason ? pauseWords(run.pauseReason) : "");
    if (run.status === "paused") add("warn", 4, runPath(run.id), whoOf(run), "paused", why || "It goes on when it is resumed.", run.updatedAt);
    else if (run.status === "halted" || run.status === "compensated-partial") add("bad", 1, runPath(run.id), whoOf(run), run.status, why, run.endedAt ?? run.updatedAt);
    else if (run.status === "failed") add("bad", 5, runPath(run.id), whoOf(run), run.status, why, run.endedAt);
    else if (run.status === "suspended" && run.kind === "workflow") add("warn", 6, runPath(run.id), whoOf(run), "suspended", "It waits for an event, another run or a time.", run.updatedAt);
  }
  return found.sort((a, b) => a.weight - b.weight || String(b.at ?? "").localeCompare(String(a.at ?? "")));
}

function attention(worries) {
  if (worries.length === 0) return panel("Needs attention", h("p.empty", h("span.good", "✓ "), "Nothing. What fails, waits or nears its limit shows up here."));
  return panel("Needs attention", h("ul.worries", worries.slice(0, mostWorries).map((worry) => h("li", { "data-row": worry.href, "data-key": `${worry.href} ${worry.word}` },
    state(worry.word), h("a", { href: worry.href }, worry.who), h("span.why", prose(worry.why)), worry.at ? relative(worry.at) : null))),
  worries.length > mostWorries ? h("p.note", `and ${worries.length - mostWorries} more`) : null);
}

// ---- Tables ------------------------------------------------------------------------------------------------------

function agentsOf(agents) {
  const order = ["failed", "stuck", "exhausted", "backoff", "waiting", "paused", "running", "starting"];
  const rank = (agent) => (order.includes(agent.state) ? order.indexOf(agent.state) : order.length);
  const shown = [...agents].sort((a, b) => rank(a) - rank(b) || String(b.lastActivity ?? "").localeCompare(String(a.lastActivity ?? ""))).slice(0, mostAgents);
  return panel("Agents", table("Agents", ["Name", "State", "Last activity", "Cost and budget"], shown.map((agent) => h("tr", { "data-row": agent.name, "data-key": agent.name },
    cell("", { class: "name" }, agentLink(agent.name), h("span.kind", agent.kind)),
    cell("", state(agent.state), agent.note && agent.state !== "running" ? h("span.note", prose(agent.note)) : agent.step ? h("span.note", agent.step) : null),
    cell("active", { class: "short" }, relative(agent.lastActivity)),
    cell("", { class: "wide" }, spent(agent))))),
  agents.length > mostAgents ? h("p", h("a", { href: "/agents" }, `All ${count(agents.length)} agents`)) : null);
}

function runsOf() {
  const [name] = live.agents.keys();
  if (live.runs.length === 0) return panel("Recent runs", h("p.empty", "No runs yet."), h("button.act.primary", { "data-act": "start-run", "data-name": name }, `Run ${name}`), command(`naos run ${name} --input "…"`));
  return panel("Recent runs", runTable("Recent runs", "name status started took cost", live.runs.slice(0, mostRuns)),
    h("p", h("a", { href: "/runs" }, "All runs")));
}

function happenings() {
  // Before anything happened under this page's eyes: what ended last.
  const ended = live.runs.filter((run) => run.endedAt).map((run) => ({ type: "run", run: run.id, agent: run.name, status: run.status, note: run.error?.message ?? "", at: run.endedAt }));
  const since = live.events[0]?.at ?? "9";
  const events = [...live.events.slice(-mostEvents).reverse(), ...ended.filter((event) => event.at < since).sort((a, b) => b.at.localeCompare(a.at))].slice(0, mostEvents);
  return panel("Happening now", events.length === 0 ? h("p.empty", "Model and tool calls, starts and ends show up here.")
    : h("ol.events", events.map((event) => h("li", moment(event.at, 0), h("span.what", happening(event))))));
}

/** One happening in a line. */
export function happening(event) {
  if (event.type === "effect") {
    const tokens = event.kind === "model" ? ` · ${count(event.inputTokens)} → ${count(event.outputTokens)} tokens` : "";
    const mark = event.phase === "succeeded" ? "" : `${event.phase} `;
    return [agentLink(event.agent), h("span", { class: ["failed", "refused"].includes(event.phase) ? "bad" : null }, ` ${mark}${event.kind} ${event.name}`),
      h("span.quiet", `${tokens} · ${duration(event.microseconds / 1000)}${event.detail ? ` · ${event.detail}` : ""}`)];
  }
  if (event.type === "run") return [runLink(event.run, event.agent), " ", state(event.status), event.note && event.note !== event.status ? h("span.quiet", prose(` ${event.note}`)) : null];
  if (event.type === "supervisor") return [h("a", { href: "/supervisors" }, event.supervisor), ` ${event.kind} ${event.child}`, event.note ? h("span.quiet", prose(` ${event.note}`)) : null];
  if (event.type === "secret") return [`secret ${event.name}`, h("span.quiet", ` read for ${event.purpose}`)];
  if (event.type === "denial") return [agentLink(event.agent), " ", h("span.bad", prose(event.note))];
  if (event.type === "budget") return [h("a", { href: "/costs" }, event.scope), " ", h("span.bad", prose(event.note))];
  return [agentLink(event.agent), " ", state(event.state), event.note ? h("span.quiet", prose(` ${event.note}`)) : null];
}
