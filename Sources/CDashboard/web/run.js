// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors
//
// One run: its steps forwards and backwards, when they ran, what they gave, what they called, and the journal.

import { buttons, forkRun, isFinal, settleStep, verbsFor } from "./actions.js";
import { get, query as queryOf, repeating } from "./api.js";
import { numbers } from "./charts.js";
import { absolute, cell, colourOf, command, count, download, duration, fact, h, json, many, missing, moment, money, nodeNow, panel, pauseWords, prose, relative, runLink, runPath, short, shortID, show, state, table, tabs } from "./dom.js";
import { actionOf, attemptsOf, childOf, isCompensation, lanes, timelineOf, votes } from "./lanes.js";
import { live } from "./live.js";
import { LogView, logPanel } from "./logs.js";
import { ask } from "./router.js";
import { runTable } from "./rows.js";

const journalPage = 1000;
/** So much of a journal is read at once; the rest is a click away. */
const mostEntries = 5000;
const shownEntries = 200;

export function open({ root, values, query }) {
  const id = values.id;
  let asked = query;
  let run = null;
  let flow = null;
  let children = [];
  let journal = [];
  let problem = null;
  let log = null;
  let entries = shownEntries;
  const head = h("div");
  const body = h("div.stack");
  root.append(head, body);

  const asking = repeating(async (signal) => {
    try {
      const next = await get(`/runs/${encodeURIComponent(id)}`, signal);
      if (flow === null && next.kind !== "agent") flow = (await get("/flows", signal)).flows.find((one) => one.name === next.name && one.kind === next.kind) ?? {};
      [{ runs: children }] = await Promise.all([get(`/runs${queryOf({ parent: id, limit: 100 })}`, signal), readJournal(next, signal)]);
      run = next;
      problem = null;
    } catch (error) {
      if (error.status) problem = error;
    }
    render();
  });

  async function readJournal(next, signal) {
    while ((journal.at(-1)?.sequence ?? 0) < next.journal.head && journal.length < mostEntries) {
      const page = await get(`/runs/${encodeURIComponent(id)}/journal?after=${journal.at(-1)?.sequence ?? 0}&limit=${journalPage}`, signal);
      if (page.entries.length === 0) return;
      journal = [...journal, ...page.entries];
    }
  }

  function render() {
    if (problem || !run) return show(head, missing(`Run ${shortID(id)}`, problem, "/runs", "All runs"));
    const tab = asked.get("tab") ?? "";
    show(head, heading(run, flow), tabs("Parts of the run", runPath(id), [["", "Steps"], ["data", "Input and output"], ["calls", `Calls ${run.effects.length || ""}`.trim()], ["journal", `Journal ${count(run.journal.entries)}`], ["logs", "Logs"]], tab));
    if (tab === "logs") {
      if (!log) {
        log = new LogView({ run: id });
        body.replaceChildren(logPanel(log));
      }
      return undefined;
    }
    log?.stop();
    log = null;
    return show(body, { data, calls, journal: () => journalOf(run, journal, entries, asked.get("at")) }[tab]?.(run) ?? steps(run, flow, children, attemptsOf(journal), asked.get("step")));
  }

  return {
    title: () => `${run ? run.name : "Run"} ${shortID(id)}`,
    update(names) {
      render();
      if (names.has("first") || names.has("reset") || names.has("runs") || live.touched.has(id)) asking.go();
      log?.later();
    },
    requery(next) { asked = next; render(); },
    tick() { if (run && !isFinal(run.status)) { render(); if (new Date().getSeconds() % 3 === 0) asking.go(); } },
    get log() { return log; },
    acts: {
      step({ path }) {
        ask({ step: path, tab: null });
        document.getElementById(`step-${path}`)?.scrollIntoView({ block: "nearest" });
      },
      fork: ({ path }) => forkRun(id, path),
      skip: ({ path }) => settleStep(id, path, "skip"),
      "mark-done": ({ path }) => settleStep(id, path, "mark-done"),
      download: () => download(`${id}.journal.json`, JSON.stringify(journal, null, 2), "application/json"),
      "older-entries"() { entries += shownEntries * 5; render(); },
    },
    commands: () => (run ? verbsFor("run", run.status).map((verb) => ({ title: `${verb} this run`, kind: "action", run: () => head.querySelector(`[data-verb="${verb}"]`)?.click() })) : []),
    close() { asking.stop(); log?.stop(); },
  };
}

function heading(run, flow) {
  const waits = run.steps.filter((step) => ["waiting", "suspended"].includes(step.status));
  const ended = run.endedAt ? Date.parse(run.endedAt) : nodeNow();
  // What each waits for, as the definition says it; a list's elements wait for the same.
  const plan = (step) => flow?.steps?.find((one) => one.name === step.path.replace(/\[\d+\]$/, ""))?.action ?? "";
  const event = (step) => (plan(step).startsWith("event ") ? plan(step).slice("event ".length) : null);
  const hasEvent = waits.some(event);
  return [
    h("div.heading", h("h1", h("span", run.name), state(run.status)), buttons("run", run.id, verbsFor("run", run.status).filter((verb) => (verb !== "signal" || !hasEvent) && (verb !== "rollback" || run.checkpoints?.length > 0)))),
    h("p.lead.quiet", `${run.kind} · `, h("code", run.id), h("button.plain", { "data-act": "copy", "data-text": run.id, "aria-label": "Copy the run's id" }, "Copy"),
      run.parent ? [" · started by ", runLink(run.parent)] : null),
    run.error ? h("p.lead", { class: colourOf(run.status) === "bad" ? "bad" : "warn" }, h("strong", run.error.code), prose(` ${run.error.message} `), h("span.quiet", h("code", `naos explain ${run.error.code}`))) : null,
    run.status === "paused" ? h("p.lead.warn", `Paused: ${pauseWords(run.pauseReason)}. `, prose(run.pauseNote ?? "")) : null,
    waits.map((step) => h("p.lead.warn", "◆ ", h("strong", actionOf(step.path)), step.run ? [" waits for ", childOf(step)] : event(step) ? [" waits for the event ", h("code", event(step))] : " waits", step.dueAt ? [event(step) ? ", for at most until " : " until ", moment(step.dueAt, 0), " (", relative(step.dueAt), ")"] : "", " ",
      event(step) ? h("button.act", { "data-act": "do", "data-kind": "run", "data-verb": "signal", "data-name": run.id, "data-given-name": event(step) }, "Send event") : null)),
    h("dl.facts.row",
      fact("Started", relative(run.startedAt)), fact(run.endedAt ? "Took" : "For", duration(ended - Date.parse(run.startedAt))),
      fact("Steps", `${run.steps.filter((step) => step.status === "completed" && !isCompensation(step)).length} of ${run.steps.filter((step) => !isCompensation(step)).length}`),
      fact("Attempts", count(run.attempts)), fact("Tokens", short(run.cost.tokens), h("span.quiet", run.cost.replayed > 0 ? ` · ${run.cost.replayed} replayed` : "")), fact("Cost", money(run.cost.costNanoUSD))),
  ];
}

function steps(run, flow, children, attempts, chosen) {
  const now = nodeNow();
  if (run.steps.length === 0) return panel("Steps", h("p.empty", "No step has begun yet."));
  const many = run.steps.length > 1 || run.kind === "saga";
  return [
    run.kind === "pool" && flow?.strategy && run.steps.length > 1 ? panel("Votes", votes(run, flow)) : null,
    many ? panel(run.kind === "saga" ? "Forwards and back" : "Steps in their order", lanes(run, flow, now)) : null,
    panel("Timeline", timelineOf(run, attempts, now), numbers("times", "When each step ran", ["Step", "From", "To", ">Took"], run.steps.filter((step) => step.startedAt).map((step) => [step.path, moment(step.startedAt), step.endedAt ? moment(step.endedAt) : "goes on", step.endedAt ? duration(Date.parse(step.endedAt) - Date.parse(step.startedAt)) : "–"]))),
    panel("Steps", run.steps.map((step) => stepOf(run, step, attempts.get(step.path), step.path === chosen || (!many && step.path === run.steps[0].path), flow))),
    children.length > 0 ? panel("Runs that it started", runTable("Runs that it started", "name status started cost", children)) : null,
  ];
}

function stepOf(run, step, attempts, isOpen, flow) {
  const plan = flow?.steps?.find((one) => one.name === actionOf(step.path));
  const agent = isCompensation(step) ? plan?.compensation : plan?.action.replace(/^agent /, "");
  const known = [...(attempts?.values() ?? [])];
  const canFork = isFinal(run.status) && run.kind !== "agent" && !isCompensation(step) && step.status !== "pending";
  const canSettle = step.status === "failed" && ["paused", "failed"].includes(run.status);
  return h("details.step", { id: `step-${step.path}`, "data-key": step.path, open: isOpen },
    h("summary", { "data-row": step.path }, h("span.step-name", isCompensation(step) ? h("span.warn", "← ") : null, actionOf(step.path)), state(step.status),
      h("span.quiet", [plan && (isCompensation(step) ? `agent ${agent}` : plan.action), step.startedAt ? duration((step.endedAt ? Date.parse(step.endedAt) : nodeNow()) - Date.parse(step.startedAt)) : "", step.attempts > 1 ? `${step.attempts} attempts` : ""].filter(Boolean).join(" · ")),
      h("span.space"), h("span", step.costNanoUSD > 0 ? money(step.costNanoUSD) : "")),
    step.error ? h("p.bad", h("strong", step.error.code), prose(` ${step.error.message}`)) : null,
    step.verdict ? h("p", "Verdict: ", step.verdict) : null,
    step.run ? h("p", "It is ", childOf(step), step.dueAt ? [", at most until ", relative(step.dueAt)] : null) : step.dueAt ? h("p", "At most until ", relative(step.dueAt), ` (${absolute(step.dueAt)})`) : null,
    step.input !== null && step.input !== undefined ? [h("h3", "Input"), json(step.input)] : null,
    step.output !== null ? [h("h3", "Output"), json(step.output)] : null,
    known.length > 0 ? table(`Attempts of ${step.path}`, [">Attempt", "Began", ">Took", "Ended", ">Calls", ">Tokens", ">Cost"], known.map((one) => h("tr",
      cell("attempt", { class: "num" }, one.attempt), cell("began", { class: "short" }, moment(one.from)), cell("took", { class: "num" }, one.to ? duration(Date.parse(one.to) - Date.parse(one.from)) : "–"),
      cell("", { class: "wide" }, one.to ? state(one.outcome) : state("running"), one.reason ? h("span.note", prose(one.reason)) : null),
      cell("calls", { class: "num" }, one.to ? `${one.effects}${one.replayed > 0 ? `, ${one.replayed} replayed` : ""}` : "–"), cell("tokens", { class: "num" }, one.to ? short(one.tokens ?? 0) : "–"), cell("", { class: "num" }, one.to ? money(one.cost ?? 0) : "–")))) : null,
    canFork || canSettle ? h("div.verbs",
      canFork ? h("button.act", { "data-act": "fork", "data-path": step.path }, "Run again from here") : null,
      canSettle ? [h("button.act", { "data-act": "skip", "data-path": step.path }, "Skip"), h("button.act", { "data-act": "mark-done", "data-path": step.path }, "Mark done")] : null) : null);
}

function data(run) {
  return [panel("Input", json(run.input)), panel("Output", run.output === null ? h("p.empty", isFinal(run.status) ? "It ended without an output." : "None yet.") : json(run.output))];
}

function calls(run) {
  if (run.effects.length === 0) return panel("Calls", h("p.empty", "No calls of models or tools. Those by way of OPENAI_BASE_URL or ANTHROPIC_BASE_URL are metered and replayed."));
  const longest = Math.max(1, ...run.effects.map((effect) => effect.milliseconds ?? 0));
  return panel("Calls", table("Calls", ["When", "What", "Status", ">Attempt", ">Tokens in", ">Out", ">Took", ">Cost"], run.effects.map((effect) => h("tr", { "data-key": effect.id },
    cell("", { class: "short" }, moment(effect.at)), cell("", { class: "name wide" }, effect.name, h("span.kind", effect.kind)), cell("", state(effect.status)), cell("attempt", { class: "num" }, effect.attempt),
    cell("in", { class: "num" }, count(effect.inputTokens)), cell("out", { class: "num" }, count(effect.outputTokens)),
    cell("took", { class: effect.milliseconds === longest && longest > 100 ? "num warn" : "num" }, effect.milliseconds === null ? "–" : duration(effect.milliseconds)), cell("", { class: "num" }, money(effect.costNanoUSD))))),
  h("p.note", `${many(run.effects.length, "call")} · ${count(run.cost.inputTokens)} → ${count(run.cost.outputTokens)} tokens · ${money(run.cost.costNanoUSD)} · ${run.cost.replayed} answered from the journal`));
}

function journalOf(run, journal, shown, at) {
  const wanted = Number(at ?? 0);
  const list = journal.slice(-Math.max(shown, wanted > 0 ? journal.length - wanted + 20 : 0));
  return panel("Journal", h("div.heading", h("p.note", `${many(run.journal.entries, "entry", "entries")}, only ever added to. The run is what they say.`),
    h("button.act", { "data-act": "download" }, "Download as JSON")),
  journal.length > list.length ? h("button.act", { "data-act": "older-entries" }, `${count(journal.length - list.length)} older entries`) : null,
  h("ol.journal", list.map((item) => h("li", { "data-key": item.sequence, "data-row": item.sequence, class: item.sequence === wanted ? "chosen" : null, id: `entry-${item.sequence}` },
    h("a.sequence", { href: `${runPath(run.id)}?tab=journal&at=${item.sequence}`, title: "A link to this entry" }, item.sequence),
    h("details", { open: item.sequence === wanted }, h("summary", moment(item.at), h("span.kind-of", { class: kindColour(item.kind) }, item.kind), h("span.summary", item.summary)), json(item.entry))))),
  command(`naos runs journal ${run.id}`));
}

const kindColour = (kind) => (/failed|halted/.test(kind) ? "bad" : /compensat|paus|cancel|wait/.test(kind) ? "warn" : /completed|created/.test(kind) ? "good" : "quiet");

