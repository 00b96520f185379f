// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors
//
// One agent: what it does now, its runs, lines, costs, and how it is configured.

import { buttons, verbsFor } from "./actions.js";
import { get, query as queryOf, repeating } from "./api.js";
import { budgetCard, columns, numbers, stretches, windowMeter } from "./charts.js";
import { cell, colourOf, command, count, fact, h, many, missing, moment, money, nodeNow, panel, prose, relative, runLink, sample, show, state, table, tabs } from "./dom.js";
import { live } from "./live.js";
import { LogView, logPanel } from "./logs.js";
import { happening } from "./overview.js";
import { runTable } from "./rows.js";

const parts = [["", "Now"], ["runs", "Runs"], ["logs", "Logs"], ["cost", "Cost"], ["context", "Context"], ["config", "Config"], ["events", "Events"]];
const columnsOfRuns = "name status started took share tokens cost";
const hour = 3_600_000;

export function open({ root, values, query }) {
  const name = values.name;
  let tab = query.get("tab") ?? "";
  let detail = null;
  let runs = [];
  let calls = null;
  let problem = null;
  let log = null;
  const head = h("div");
  const body = h("div.stack");
  root.append(head, body);
  const asking = repeating(async (signal) => {
    try {
      [detail, { runs }] = await Promise.all([get(`/agents/${encodeURIComponent(name)}`, signal), get(`/runs${queryOf({ name, limit: 200, parent: "any" })}`, signal)]);
      const latest = detail.run ?? runs[0]?.id;
      if (tab === "context") calls = latest ? (await get(`/runs/${encodeURIComponent(latest)}`, signal)).effects.filter((one) => one.kind === "model") : [];
      problem = null;
    } catch (error) {
      if (error.status) problem = error;
    }
    render();
  });

  function render() {
    if (problem || !detail) return show(head, missing(name, problem, "/agents", "All agents"));
    const agent = { ...detail, ...live.agents.get(name) };
    show(head,
      h("div.heading", h("h1", h("span", name), state(agent.state)), buttons("agent", name, ["run", ...verbsFor("agent", agent.state).filter((verb) => verb !== "run")])),
      agent.note ? h("p.lead", { class: colourOf(agent.state) }, prose(agent.note)) : null,
      tabs("Parts of the agent", location.pathname, parts, tab));
    if (tab === "logs") {
      if (!log) {
        log = new LogView({ agent: name });
        body.replaceChildren(logPanel(log));
      }
      return undefined;
    }
    log?.stop();
    log = null;
    return show(body, { "": now, runs: runsOf, cost, context, config, events }[tab]?.(agent, runs, calls) ?? now(agent, runs));
  }
  return {
    title: () => name,
    update(names) {
      render();
      if (names.has("first") || names.has("agents") || names.has("runs") || names.has("reset")) asking.go();
      log?.later();
    },
    requery(next) { tab = next.get("tab") ?? ""; render(); asking.go(); },
    get log() { return log; },
    acts: { changed: () => asking.go() },
    commands: () => verbsFor("agent", live.agents.get(name)?.state).map((verb) => ({ title: `${verb} ${name}`, kind: "action", run: () => head.querySelector(`[data-verb="${verb}"]`)?.click() })),
    close() { asking.stop(); log?.stop(); },
  };
}

function now(agent, runs) {
  const open = runs.filter((run) => !run.endedAt);
  return [
    panel("Now", h("dl.facts",
      fact("Does", agent.step ?? h("span.quiet", agent.state === "running" ? "nothing that the node sees" : "nothing")),
      fact("Last activity", relative(agent.lastActivity)),
      fact(["idle", "stopped", "failed", "exhausted"].includes(agent.state) ? "Latest run" : "Works on", agent.run ? runLink(agent.run) : h("span.quiet", "no run")),
      fact("Process", agent.pid ? `pid ${agent.pid}, attempt ${agent.attempt ?? "–"}` : h("span.quiet", "none")),
      fact("Last end", agent.lastExit ?? h("span.quiet", "none yet")),
      fact("Supervisor", h("a", { href: "/supervisors" }, agent.supervisor), h("span.quiet", ` · ${agent.restart}`))),
    h("div.meter-row", windowMeter(agent.restarts)),
    agent.restarts.recent.length > 0 ? table("Restarts that count", ["Who", "When", "Why"], agent.restarts.recent.slice(-5).reverse().map((restart) => h("tr", cell("", restart.child), cell("", { class: "short" }, relative(restart.at)), cell("", { class: "wide" }, restart.reason)))) : null,
    agent.refusals.length > 0 ? h("ul.refusals", agent.refusals.map((refusal) => h("li.bad", prose(`${refusal.code}: ${refusal.message}`)))) : null),
    agent.budgets.length > 0 ? panel("Budgets", h("div.budgets", agent.budgets.map(budgetCard))) : null,
    open.length > 0 ? panel("Under way", runTable("Runs", columnsOfRuns, open)) : runsOf(agent, runs.slice(0, 5)),
  ];
}

function runsOf(agent, runs) {
  if (runs.length === 0) {
    return panel("Runs", h("div.empty", h("p", "No runs of its own yet. Steps of workflows and sagas are runs of those."), command(`naos run ${agent.name} --input "…"`),
      h("p", h("button.act.primary", { "data-act": "start-run", "data-name": agent.name }, `Run ${agent.name}`))));
  }
  return panel("Runs", runTable("Runs", columnsOfRuns, runs.slice(0, 50)), h("p", h("a", { href: `/runs${queryOf({ name: agent.name, level: "all" })}` }, "All of its runs")));
}

function cost(agent, runs) {
  const time = nodeNow();
  const spent = stretches(runs, { size: 24, step: hour, now: time, at: (run) => Date.parse(run.createdAt), word: () => "spent", value: (run) => run.costNanoUSD, colour: "accent" });
  const label = "Cost of its own runs, by the hour in which they began";
  return [
    panel("Cost", h("dl.facts", fact("In all", money(agent.costNanoUSD)), fact("Tokens", count(agent.tokens)), fact("Runs of its own", many(runs.length, "run"))),
      runs.length > 0 ? columns(label, spent, { step: hour, name: money }) : null,
      runs.length > 0 ? numbers("spent", label, ["From", ">Cost"], spent.flatMap((column) => column.parts.map((part) => [moment(column.at, 0), money(part.value)]))) : null),
    panel("Budgets", agent.budgets.length > 0 ? h("div.budgets", agent.budgets.map(budgetCard))
      : [h("p", "No budget binds it. Set one here, or in nexus.config.yaml:"), sample(`agents:\n  ${agent.name}:\n    cost: { budget: "$5/day", onLimit: pause }`)],
    h("div.verbs", h("button.act", { "data-act": "edit-budget", "data-scope": `agent:${agent.name}` }, "Set a budget"))),
    h("p", h("a", { href: `/costs${queryOf({ agent: agent.name })}` }, "What it was charged")),
  ];
}

/** How much each model call of the latest run was given to read, and wrote: what grows here ends at the model's window. */
function context(agent, runs, calls) {
  if (!calls?.length) return panel("Context", h("p.empty", calls ? "Its latest run has asked no model." : "Asking the node…"));
  const label = "Tokens of each model call of the latest run, read and written";
  const last = calls.slice(-60);
  const parts = (one) => [{ word: "read", value: one.inputTokens, colour: "accent" }, { word: "written", value: one.outputTokens, colour: "good" }];
  const latest = last.at(-1);
  return panel("Context", h("dl.facts", fact("Latest call", latest.name), fact("It read", many(latest.inputTokens, "token")), fact("It wrote", many(latest.outputTokens, "token")), fact("The most read at once", many(Math.max(...calls.map((one) => one.inputTokens)), "token"))),
    // Few calls are not as wide as the page.
    columns(label, [...last, ...Array(Math.max(0, 12 - last.length)).fill(null)].map((one) => ({ at: Date.parse((one ?? latest).at), parts: one ? parts(one) : [] })), { height: 90 }),
    numbers("context", label, ["When", "Model", ">Read", ">Written"], last.map((one) => [moment(one.at), one.name, count(one.inputTokens), count(one.outputTokens)])));
}

function config(agent) {
  const list = (items) => (items.length === 0 ? h("span.quiet", "none") : items.map((item) => h("code.item", item)));
  return panel("Config", h("p.note", "What holds now. It comes from nexus.config.yaml; naos config show prints all of it."), h("dl.facts",
    fact("Kind", `${agent.kind}, ${agent.mode}`), agent.model ? fact("Model", agent.model) : null,
    agent.command.length > 0 ? fact("Command", h("code", agent.command.join(" "))) : null,
    fact("Folder", h("code", agent.workingDirectory)), agent.template ? fact("Template", agent.template) : null,
    fact("Restart", agent.restart), fact("Supervisor", agent.supervisor), fact("Tools", list(agent.tools)), fact("Environment", list(agent.environment)),
    fact("May read", list(agent.grants.readPaths)), fact("May reach", list(agent.grants.hosts))));
}

function events(agent) {
  const mine = live.events.filter((event) => event.agent === agent.name || event.child === agent.name).slice(-60).reverse();
  return panel("Events", mine.length === 0 ? h("p.empty", "Nothing since this page was opened.")
    : h("ol.events", mine.map((event) => h("li", moment(event.at), h("span.what", happening(event))))));
}
