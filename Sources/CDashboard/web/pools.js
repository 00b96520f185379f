// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors
//
// Pools: how the members of a fan-out voted lately, and how a queue stands.

import { buttons } from "./actions.js";
import { get, query as queryOf, repeating } from "./api.js";
import { bar, quorumMeter } from "./charts.js";
import { agentLink, cell, count, duration, fact, h, many, money, p95, relative, runLink, runPath, sample, show, state, sumOf, table } from "./dom.js";
import { votes } from "./lanes.js";
import { runTable } from "./rows.js";

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
    if (!pools) return show(root, h("h1", "Pools"), h("p.empty", "Asking the node…"));
    return show(root, h("h1", "Pools"), pools.length === 0 ? teach() : pools.map((pool) => (pool.queue ? queueOf(pool, runs.get(pool.name) ?? []) : fanOut(pool, (runs.get(pool.name) ?? []).map((run) => details.get(run.id)).filter(Boolean)))));
  }
  return {
    update(names) { if (["runs", "agents", "first", "reset", "events"].some((name) => names.has(name))) asking.go(); render(); },
    close: asking.stop,
  };
}

const frame = (pool, ...children) => h("section.panel", { "aria-label": pool.name, "data-key": pool.name }, h("div.heading", h("h2", pool.name, " ", h("span.tag", pool.strategy ?? "")), children[0]), pool.refusals.map((why) => h("p.bad", why)), children.slice(1));

function fanOut(pool, latest) {
  const start = h("button.act", { "data-act": "start-run", "data-name": pool.name }, "Run");
  if (latest.length === 0) return frame(pool, start, h("p.empty", `${many(pool.steps.length, "member")}: ${pool.steps.map((step) => step.name).join(", ")}. It has not run yet.`));
  const members = pool.steps.map((step) => step.name);
  const answerOf = (run, member) => run.steps.find((step) => step.path === member);
  const agrees = (run, step) => step?.status === "completed" && JSON.stringify(step.output) === JSON.stringify(run.output);
  const wasted = sumOf(latest, (run) => sumOf(run.steps.filter((step) => !agrees(run, step)), (step) => step.costNanoUSD));
  const agreed = (member) => latest.filter((run) => agrees(run, answerOf(run, member))).length;
  const speed = (member) => {
    const times = latest.map((run) => answerOf(run, member)).filter((step) => step?.startedAt && step.endedAt).map((step) => Date.parse(step.endedAt) - Date.parse(step.startedAt));
    return times.length === 0 ? "–" : `${duration(sumOf(times, (time) => time) / times.length)}, ${duration(p95(times))}`;
  };
  return frame(pool, start, h("h3", "The latest, ", runLink(latest[0].id), " ", relative(latest[0].startedAt)), votes(latest[0], pool),
    table(`Votes of ${pool.name}`, ["Member", ...latest.map((run) => run.id.slice(-6)), ">Agreed", ">On average, p95"], members.map((member) => h("tr", { "data-key": member },
      cell("", { class: "name" }, agentLink(pool.steps.find((step) => step.name === member).action.replace(/^agent /, ""))),
      latest.map((run) => {
        const step = answerOf(run, member);
        const same = agrees(run, step);
        return cell("", { class: `vote ${same ? "good" : "quiet"}`, title: step ? `${step.status}: ${JSON.stringify(step.output)}` : "" }, h("a", { href: runPath(run.id), class: same ? "good" : "quiet" }, same ? "✓ agrees" : step?.status === "completed" ? "✗ differs" : step?.status ?? "–"));
      }),
      cell("agreed", { class: "num" }, `${agreed(member)} of ${latest.length}`), cell("on average, p95", { class: "num" }, speed(member))))),
    h("p.note", `Answers that did not become the pool's own cost ${money(wasted)}.`));
}

function queueOf(pool, latest) {
  const { size, minSize, maxSize, draining, waiting, maxQueue, busy, loads } = pool.queue;
  const verbs = h("div.verbs", h("button.act", { "data-act": "do", "data-kind": "pool", "data-verb": "scale", "data-name": pool.name, "data-given-size": size }, "Scale"), buttons("pool", pool.name, [draining ? "resume" : "drain"]));
  return frame(pool, verbs, h("dl.facts.row",
    fact("State", state(draining ? "draining" : "active")), fact("Agent", agentLink(pool.steps[0]?.action.replace(/^agent /, "") ?? pool.name)), fact("Workers", `${size}`, h("span.quiet", ` of ${minSize} to ${maxSize}`)),
    fact("Busy", count(busy)), fact("Waiting", count(waiting), h("span.quiet", ` of ${count(maxQueue)}`))),
  h("div.workers", loads.map((load, index) => h("div.worker", { "data-key": index, class: load > 0 ? "busy" : null }, h("span.quiet", `worker ${index + 1}`), h("span", load === 0 ? "free" : many(load, "task"))))),
  waiting > 0 ? bar(waiting / maxQueue, "queue") : null,
  latest.length > 0 ? runTable(`Tasks of ${pool.name}`, "name status started took", latest) : h("p.empty", "No tasks yet."),
  h("p", h("a", { href: `/runs${queryOf({ name: pool.name, level: "all" })}` }, "All of its tasks")));
}

function teach() {
  return h("section.panel.teach", h("h2", "Several agents, one answer"), h("p", "A pool makes one answer of several, or shares tasks among workers. In nexus.config.yaml:"),
    sample("pools:\n  jury: { agents: [ada, ben, cyd], strategy: majority }\n  translators: { agent: translate, size: 2, maxSize: 8, autoScale: true }"), quorumMeter([{ label: "yes", count: 2 }, { label: "no", count: 1 }], 2, 3));
}
