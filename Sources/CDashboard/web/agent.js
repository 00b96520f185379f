// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors
//
// One agent: what it does now, its runs, lines, costs, and how it is configured.

import { buttons, verbsFor } from "/actions.js";
import { get, query as queryOf, repeating } from "/api.js";
import { bar, budget, columns, numbers, stretches, windowMeter } from "/charts.js";
import { cell, colourOf, command, count, duration, h, many, moment, money, panel, relative, runLink, short, show, state, table } from "/dom.js";
import { live } from "/live.js";
import { LogView } from "/logs.js";
import { happening } from "/overview.js";
import { ask } from "/router.js";

const tabs = [["", "Now"], ["runs", "Runs"], ["logs", "Logs"], ["cost", "Cost"], ["config", "Config"], ["events", "Events"]];
const hour = 3_600_000;

export function open({ root, values, query }) {
  const name = values.name;
  let tab = query.get("tab") ?? "";
  let detail = null;
  let runs = [];
  let problem = null;
  let log = null;
  const head = h("div");
  const body = h("div.stack");
  root.append(head, body);
  const asking = repeating(async (signal) => {
    try {
      [detail, { runs }] = await Promise.all([get(`/agents/${encodeURIComponent(name)}`, signal), get(`/runs${queryOf({ name, limit: 200, parent: "any" })}`, signal)]);
      problem = null;
    } catch (error) {
      if (error.status) problem = error;
    }
    render();
  });

  function render() {
    if (problem) {
      return show(head, h("h1", null, name), h("p.empty", null, problem.message, problem.hint ? ` ${problem.hint}` : ""), h("p", null, h("a", { href: "/agents" }, "All agents")));
    }
    if (!detail) return show(head, h("h1", null, name), h("p.empty", null, "Asking the node…"));
    const agent = { ...detail, ...live.agents.get(name) };
    show(head,
      h("div.heading", null, h("h1", null, h("span", null, name), state(agent.state)), buttons("agent", name, ["run", ...verbsFor("agent", agent.state).filter((verb) => verb !== "run")])),
      agent.note ? h("p.lead", { class: colourOf(agent.state) }, agent.note) : null,
      h("nav.tabs", { "aria-label": "Parts of the agent" }, tabs.map(([key, title]) => h("a", { href: `${location.pathname}${key ? `?tab=${key}` : ""}`, "aria-current": key === tab ? "page" : null }, title))));
    if (tab === "logs") {
      if (!log) {
        log = new LogView({ agent: name });
        body.replaceChildren(h("section.panel", { "aria-label": "Logs" }, h("div.heading", null, h("h2", null, "Logs"), h("a", { href: `/logs${queryOf({ agent: name })}` }, "With all filters")), log.element));
      }
      return undefined;
    }
    log?.stop();
    log = null;
    return show(body, { "": now, runs: runsOf, cost, config, events }[tab]?.(agent, runs) ?? now(agent, runs));
  }
  return {
    title: () => name,
    update(names) {
      render();
      if (names.has("first") || names.has("agents") || names.has("runs") || names.has("reset")) asking.go();
      log?.later();
    },
    requery(next) { tab = next.get("tab") ?? ""; render(); },
    act(what, from) {
      if (what === "tab") { ask({ tab: from.dataset.tab }); return true; }
      return log?.act(what, from) ?? false;
    },
    commands: () => verbsFor("agent", live.agents.get(name)?.state).map((verb) => ({ title: `${verb} ${name}`, kind: "action", run: () => head.querySelector(`[data-verb="${verb}"]`)?.click() })),
    close() { asking.stop(); log?.stop(); },
  };
}

const fact = (label, ...value) => h("div", { "data-key": label }, h("dt", null, label), h("dd", null, ...value));

function now(agent, runs) {
  const open = runs.filter((run) => !run.endedAt);
  return [
    panel("Now", h("dl.facts", null,
      fact("Does", agent.step ?? h("span.quiet", null, agent.state === "running" ? "nothing that the node sees" : "nothing")),
      fact("Last activity", relative(agent.lastActivity)),
      fact(["idle", "stopped", "failed", "exhausted"].includes(agent.state) ? "Latest run" : "Works on", agent.run ? runLink(agent.run) : h("span.quiet", null, "no run")),
      fact("Process", agent.pid ? `pid ${agent.pid}, attempt ${agent.attempt ?? "–"}` : h("span.quiet", null, "none")),
      fact("Last end", agent.lastExit ?? h("span.quiet", null, "none yet")),
      fact("Supervisor", h("a", { href: "/supervisors" }, agent.supervisor), h("span.quiet", null, ` · ${agent.restart}`))),
    h("div.meter-row", null, windowMeter(agent.restarts, Date.now())),
    agent.restarts.recent.length > 0 ? table("Restarts that count", ["Who", "When", "Why"], agent.restarts.recent.slice(-5).reverse().map((restart) => h("tr", null, cell("", null, restart.child), cell("", { class: "short" }, relative(restart.at)), cell("", { class: "wide" }, restart.reason)))) : null,
    agent.refusals.length > 0 ? h("ul.refusals", null, agent.refusals.map((refusal) => h("li.bad", null, `${refusal.code}: ${refusal.message}`))) : null),
    agent.budgets.length > 0 ? panel("Budgets", h("div.budgets", null, agent.budgets.map((one) => budget(one, { scope: true })))) : null,
    open.length > 0 ? panel("Under way", runTable(open)) : runsOf(agent, runs.slice(0, 5)),
  ];
}

function runTable(runs) {
  const longest = Math.max(1, ...runs.map((run) => Date.parse(run.endedAt ?? run.updatedAt) - Date.parse(run.createdAt)));
  return table("Runs", ["Run", "Status", "Started", ">Took", "~Beside the longest", ">Tokens", ">Cost"], runs.map((run) => {
    const took = Date.parse(run.endedAt ?? run.updatedAt) - Date.parse(run.createdAt);
    return h("tr", { "data-row": run.id, "data-key": run.id },
      cell("", { class: "name" }, runLink(run.id)), cell("", null, state(run.status), run.error ? h("span.note", null, `${run.error.code}: ${run.error.message}`) : null),
      cell("", { class: "short" }, relative(run.createdAt)), cell("took", { class: "num short" }, run.endedAt ? duration(took) : "–"),
      cell("", { class: "took" }, bar(took / longest * 0.79, "took")), cell("tokens", { class: "num" }, short(run.tokens)), cell("", { class: "num" }, money(run.costNanoUSD)));
  }));
}

function runsOf(agent, runs) {
  if (runs.length === 0) {
    return panel("Runs", h("div.empty", null, h("p", null, "No runs of its own yet. Steps of workflows and sagas are runs of those."), command(`naos run ${agent.name} --input "…"`),
      h("p", null, h("button.act.primary", { type: "button", "data-act": "start-run", "data-name": agent.name }, `Run ${agent.name}`))));
  }
  return panel("Runs", runTable(runs.slice(0, 50)), h("p", null, h("a", { href: `/runs${queryOf({ name: agent.name, level: "all" })}` }, "All of its runs")));
}

function cost(agent, runs) {
  const time = Date.now();
  const spent = stretches(runs, { size: 24, step: hour, now: time, at: (run) => Date.parse(run.createdAt), word: () => "spent", value: (run) => run.costNanoUSD })
    .map((column) => ({ ...column, parts: column.parts.map((part) => ({ ...part, colour: "accent" })) }));
  const label = "Cost of its own runs, by the hour in which they began";
  return [
    panel("Cost", h("dl.facts", null, fact("In all", money(agent.costNanoUSD)), fact("Tokens", count(agent.tokens)), fact("Runs of its own", many(runs.length, "run"))),
      runs.length > 0 ? columns(label, spent, { step: hour, name: money }) : null,
      runs.length > 0 ? numbers("spent", label, ["From", ">Cost"], spent.flatMap((column) => column.parts.map((part) => [moment(column.at, 0), money(part.value)]))) : null),
    panel("Budgets", agent.budgets.length > 0 ? agent.budgets.map((one) => h("div", { "data-key": one.scope }, budget(one, { scope: true }), h("p.note", null, `At the limit: ${one.onLimit}.`)))
      : h("div.empty", null, h("p", null, "No budget binds it: it may spend what it likes. In nexus.config.yaml:"), h("pre.json", { tabindex: "0" }, `agents:\n  ${agent.name}:\n    cost: { budget: "$5/day", onLimit: pause }`))),
  ];
}

function config(agent) {
  const list = (items) => (items.length === 0 ? h("span.quiet", null, "none") : items.map((item) => h("code.item", null, item)));
  return panel("Config", h("p.note", null, "What holds now. It comes from nexus.config.yaml; naos config show prints all of it."), h("dl.facts", null,
    fact("Kind", `${agent.kind}, ${agent.mode}`), agent.model ? fact("Model", agent.model) : null,
    agent.command.length > 0 ? fact("Command", h("code", null, agent.command.join(" "))) : null,
    fact("Folder", h("code", null, agent.workingDirectory)), agent.template ? fact("Template", agent.template) : null,
    fact("Restart", agent.restart), fact("Supervisor", agent.supervisor), fact("Tools", list(agent.tools)), fact("Environment", list(agent.environment)),
    fact("May read", list(agent.grants.readPaths)), fact("May reach", list(agent.grants.hosts))));
}

function events(agent) {
  const mine = live.events.filter((event) => event.agent === agent.name || event.child === agent.name).slice(-60).reverse();
  return panel("Events", mine.length === 0 ? h("p.empty", null, "Nothing since this page was opened. What it calls, and how it starts and ends, shows up here.")
    : h("ol.events", null, mine.map((event) => h("li", null, moment(event.at), h("span.what", null, happening(event))))));
}
