// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors
//
// Pools: how the members of a fan-out voted lately, and how a queue stands.

import { buttons } from "/actions.js";
import { get, query as queryOf, repeating } from "/api.js";
import { bar, quorumMeter } from "/charts.js";
import { agentLink, cell, count, duration, h, many, money, relative, runLink, runPath, show, state, table } from "/dom.js";
import { votes } from "/lanes.js";

const recent = 6;

export function open({ root }) {
  let pools = null;
  const runs = new Map();
  const details = new Map();
  const asking = repeating(async (signal) => {
    try {
      const { flows } = await get("/flows", signal);
      const found = flows.filter((flow) => flow.kind === "pool");
      for (const pool of found) {
        const page = await get(`/runs${queryOf({ name: pool.name, kind: "pool", parent: "any", limit: recent })}`, signal);
        runs.set(pool.name, page.runs);
        if (pool.queue) continue;
        // A run that is over stays as it is.
        for (const run of page.runs) if (details.get(run.id)?.endedAt == null) details.set(run.id, await get(`/runs/${encodeURIComponent(run.id)}`, signal));
      }
      pools = found;
    } catch { return; }
    render();
  }, 1500);

  function render() {
    if (!pools) return show(root, h("h1", null, "Pools"), h("p.empty", null, "Asking the node…"));
    return show(root, h("h1", null, "Pools"), pools.length === 0 ? teach() : pools.map((pool) => (pool.queue ? queueOf(pool, runs.get(pool.name) ?? []) : fanOut(pool, (runs.get(pool.name) ?? []).map((run) => details.get(run.id)).filter(Boolean)))));
  }
  return {
    title: () => "Pools",
    update(names) { if (["runs", "agents", "first", "reset", "events"].some((name) => names.has(name))) asking.go(); render(); },
    close: asking.stop,
  };
}

const frame = (pool, ...children) => h("section.panel", { "aria-label": pool.name, "data-key": pool.name }, h("div.heading", null, h("h2", null, pool.name, " ", h("span.tag", null, pool.strategy ?? "")), children[0]), pool.refusals.map((why) => h("p.bad", null, why)), children.slice(1));

function fanOut(pool, latest) {
  const start = h("button.act", { type: "button", "data-act": "start-run", "data-name": pool.name }, "Run");
  if (latest.length === 0) return frame(pool, start, h("p.empty", null, `${many(pool.steps.length, "member")}: ${pool.steps.map((step) => step.name).join(", ")}. It has not run yet.`));
  const members = pool.steps.map((step) => step.name);
  const answerOf = (run, member) => run.steps.find((step) => step.path === member);
  const wasted = latest.reduce((sum, run) => sum + run.steps.filter((step) => step.status !== "completed" || JSON.stringify(step.output) !== JSON.stringify(run.output)).reduce((cost, step) => cost + step.costNanoUSD, 0), 0);
  const agreed = (member) => latest.filter((run) => answerOf(run, member)?.status === "completed" && JSON.stringify(answerOf(run, member).output) === JSON.stringify(run.output)).length;
  const speed = (member) => {
    const times = latest.map((run) => answerOf(run, member)).filter((step) => step?.startedAt && step.endedAt).map((step) => Date.parse(step.endedAt) - Date.parse(step.startedAt));
    return times.length === 0 ? "–" : duration(times.reduce((sum, time) => sum + time, 0) / times.length);
  };
  return frame(pool, start, h("h3", null, "The latest, ", runLink(latest[0].id), " ", relative(latest[0].startedAt)), votes(latest[0], pool),
    table(`Votes of ${pool.name}`, ["Member", ...latest.map((run) => run.id.slice(-6)), ">Agreed", ">On average"], members.map((member) => h("tr", { "data-key": member },
      cell("", { class: "name" }, agentLink(pool.steps.find((step) => step.name === member).action.replace(/^agent /, ""))),
      latest.map((run) => {
        const step = answerOf(run, member);
        const same = step?.status === "completed" && JSON.stringify(step.output) === JSON.stringify(run.output);
        return cell("", { class: `vote ${same ? "good" : "quiet"}`, title: step ? `${step.status}: ${JSON.stringify(step.output)}` : "" }, h("a", { href: runPath(run.id), class: same ? "good" : "quiet" }, same ? "✓ agrees" : step?.status === "completed" ? "✗ differs" : step?.status ?? "–"));
      }),
      cell("agreed", { class: "num" }, `${agreed(member)} of ${latest.length}`), cell("on average", { class: "num" }, speed(member))))),
    h("p.note", null, `Answers that did not become the pool's own cost ${money(wasted)}.`));
}

function queueOf(pool, latest) {
  const { size, minSize, maxSize, draining, waiting, maxQueue, busy, loads } = pool.queue;
  const verbs = h("div.verbs", null, h("button.act", { type: "button", "data-act": "do", "data-kind": "pool", "data-verb": "scale", "data-name": pool.name, "data-given-size": size }, "Scale"), buttons("pool", pool.name, [draining ? "resume" : "drain"]));
  return frame(pool, verbs, h("dl.facts.row", null,
    fact("State", state(draining ? "draining" : "active")), fact("Agent", agentLink(pool.steps[0]?.action.replace(/^agent /, "") ?? pool.name)), fact("Workers", `${size}`, h("span.quiet", null, ` of ${minSize} to ${maxSize}`)),
    fact("Busy", count(busy)), fact("Waiting", count(waiting), h("span.quiet", null, ` of ${count(maxQueue)}`))),
  h("div.workers", null, loads.map((load, index) => h("div.worker", { "data-key": index, class: load > 0 ? "busy" : null }, h("span.quiet", null, `worker ${index + 1}`), h("span", null, load === 0 ? "free" : many(load, "task"))))),
  waiting > 0 ? bar(waiting / maxQueue, "queue") : null,
  latest.length > 0 ? table(`Tasks of ${pool.name}`, ["Task", "Status", "Submitted", ">Took"], latest.map((run) => h("tr", { "data-row": run.id, "data-key": run.id }, cell("", { class: "name" }, runLink(run.id)), cell("", null, state(run.status)), cell("", { class: "short" }, relative(run.createdAt)), cell("took", { class: "num" }, run.endedAt ? duration(Date.parse(run.endedAt) - Date.parse(run.createdAt)) : "–")))) : h("p.empty", null, "No tasks yet."),
  h("p", null, h("a", { href: `/runs${queryOf({ name: pool.name, level: "all" })}` }, "All of its tasks")));
}

const fact = (label, ...value) => h("div", { "data-key": label }, h("dt", null, label), h("dd", null, ...value));

function teach() {
  return h("section.panel.teach", null, h("h2", null, "Several agents, one answer"), h("p", null, "A pool asks several agents the same and makes one answer of theirs, or shares tasks among workers of one agent. In nexus.config.yaml:"),
    h("pre.json", { tabindex: "0" }, "pools:\n  jury: { agents: [ada, ben, cyd], strategy: majority }\n  translators: { agent: translate, size: 2, maxSize: 8, autoScale: true }"), quorumMeter([{ label: "yes", count: 2 }, { label: "no", count: 1 }], 2, 3));
}
