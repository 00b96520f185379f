// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors
//
// The node itself: where it is, what it finds, what is scheduled, and what a changed configuration would mean.

import { buttons } from "./actions.js";
import { get, post, repeating } from "./api.js";
import { confirm, toast } from "./dialogs.js";
import { absolute, cell, command, fact, h, many, me, panel, prose, relative, runLink, sample, show, state, table } from "./dom.js";
import { live } from "./live.js";

export function open({ root }) {
  let findings = null;
  let schedules = [];
  let flows = [];
  let tokens = [];
  let changes = null;
  let problem = null;
  const asking = repeating(async (signal) => {
    try { [{ findings }, { schedules }, { flows }, { tokens }] = await Promise.all(["doctor", "schedules", "flows", "tokens"].map((one) => get(`/${one}`, signal))); } catch { return; }
    render();
  }, 5000);

  function render() {
    const node = live.totals?.node;
    show(root, h("h1", "System"), h("div.columns.even", node ? nodeOf(node) : null, doctor(findings)), schedulesOf(schedules), flowsOf(flows), configuration(changes, problem), access(tokens));
  }
  async function check() {
    problem = null;
    try { changes = (await post("/reload", { dryRun: true })).changes; } catch (error) { problem = error; changes = null; }
    render();
  }
  async function apply() {
    const answer = await confirm({ title: "Take the changed configuration", text: `${many(changes.length, "change")} of nexus.config.yaml. What is no longer in the file goes on until it is pruned.`, verb: "Reload" });
    if (!answer) return;
    try {
      const report = await post("/reload", {});
      toast(`${many(report.changes.length, "change")} taken`);
      changes = null;
    } catch (error) { problem = error; }
    render();
  }
  return {
    update(names) { render(); if (["totals", "first", "reset", "runs"].some((name) => names.has(name))) asking.go(); },
    acts: { "check-config": check, "apply-config": apply },
    commands: () => !me.isOwner ? [] : [{ title: "Compare the configuration with the file", kind: "action", run: check }],
    close: asking.stop,
  };
}

function nodeOf(node) {
  return panel("Node", h("dl.facts", fact("Version", node.version), fact("Project", node.project), fact("Folder", h("code", node.directory)), fact("Process", `pid ${node.pid ?? "–"}`),
    fact("Up since", absolute(node.startedAt)), fact("Boot", h("code", node.boot ?? "–")), fact("Dashboard", h("code", node.dashboard ?? "–")), fact("Agent plane", h("code", node.agentPlane ?? "–"))));
}

function doctor(findings) {
  if (!findings) return panel("What the node finds", h("p.empty", "Asking the node…"));
  const order = ["problem", "warning", "note", "ok"];
  return panel("What the node finds", h("ul.findings", [...findings].sort((a, b) => order.indexOf(a.level) - order.indexOf(b.level)).map((one) => h("li", { "data-key": one.subject }, state(one.level), h("strong", one.subject), h("span", prose(one.finding), one.hint ? h("span.note", prose(one.hint)) : null)))));
}

function schedulesOf(schedules) {
  if (schedules.length === 0) return panel("Schedules", h("div.empty", h("p", "Nothing is started by the clock. In nexus.config.yaml:"), sample('schedules:\n  nightly: { cron: "0 3 * * *", timezone: Europe/Berlin, run: researcher, input: "What is new?" }')));
  return panel("Schedules", table("Schedules", ["Name", "State", "When", "Runs", "Next", "Latest", "~Actions"], schedules.map((one) => {
    const last = one.recent.at(-1);
    return h("tr", { "data-row": one.name, "data-key": one.name }, cell("", { class: "name" }, one.name), cell("", state(one.state), one.problem ? h("span.note", prose(one.problem)) : null),
      cell("", h("code", one.cron), h("span.note", one.timezone)), cell("runs", one.run), cell("next", { class: "short" }, one.next[0] ? [relative(one.next[0]), h("span.note", absolute(one.next[0]))] : "–"),
      cell("latest", last ? [state(last.outcome), " ", last.run ? runLink(last.run) : relative(last.dueAt)] : "–"), cell("", { class: "wide" }, buttons("schedule", one.name, ["trigger", one.state === "paused" ? "resume" : "pause"])));
  })));
}

function flowsOf(flows) {
  const shown = flows.filter((flow) => flow.kind !== "pool");
  if (shown.length === 0) return panel("Workflows and sagas", h("div.empty", h("p", "Durable steps are a workflow; with compensations they are a saga. In nexus.config.yaml:"), sample("workflows:\n  article:\n    steps:\n      - { name: plan, agent: planner }\n      - { name: write, agent: writer }")));
  return panel("Workflows and sagas", table("Workflows and sagas", ["Name", "Kind", "Steps", "~Actions"], shown.map((flow) => h("tr", { "data-row": flow.name, "data-key": flow.name }, cell("", { class: "name" }, h("a", { href: `/runs?name=${encodeURIComponent(flow.name)}&level=all` }, flow.name)), cell("", flow.kind),
    cell("", { class: "wide" }, flow.steps.map((step) => step.name).join(" → "), flow.refusals.map((why) => h("span.note.bad", prose(why)))), cell("", h("button.act", { "data-act": "start-run", "data-name": flow.name }, "Run"))))));
}

function configuration(changes, problem) {
  return panel("Configuration", h("p", "What nexus.config.yaml says now, compared with what holds."), h("div.verbs", h("button.act", { "data-act": "check-config" }, "Compare"), changes?.length > 0 ? h("button.act.primary", { "data-act": "apply-config" }, "Reload") : null),
    problem ? [h("p.bad", h("strong", problem.code), prose(` ${problem.message}`)), problem.hint ? h("p.note", prose(problem.hint)) : null] : null,
    changes ? changes.length === 0 ? h("p.good", "✓ The file says what holds.") : table("Changes", ["What", "Name", "Change", "Applies"], changes.map((change) => h("tr", cell("", change.subject), cell("", { class: "name" }, change.name), cell("", { class: "wide" }, `${change.kind}${change.detail ? `: ${change.detail}` : ""}`), cell("", change.applies)))) : null);
}

function access(tokens) {
  return panel("Access", h("p", "Whoever has .naos/token may do everything; named tokens read, and decide what is asked of their roles."),
    tokens.length > 0 ? table("Named tokens", ["Name", "Role", "Since"], tokens.map((one) => h("tr", { "data-key": one.name }, cell("", { class: "name" }, one.name), cell("", one.role), cell("", { class: "short" }, relative(one.createdAt))))) : null,
    ["naos token create NAME --role viewer", "naos dashboard --token-file FILE", ...["/api/v1/openapi.json", "/metrics"].map((path) => `curl -H "Authorization: Bearer $(cat .naos/token)" ${location.origin}${path}`)].map((line) => command(line)));
}
