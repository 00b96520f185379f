// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors
//
// The steps of a run as pictures: two lanes of what was done and what was taken back, the timeline, the votes of a pool.

import { quorumMeter, timeline } from "./charts.js";
import { absolute, clock, colourOf, duration, h, runLink, state } from "./dom.js";

const suffix = ".compensation";
export const isCompensation = (step) => step.path.endsWith(suffix);
export const actionOf = (path) => (path.endsWith(suffix) ? path.slice(0, -suffix.length) : path);

const took = (step, now) => (step.startedAt ? duration((step.endedAt ? Date.parse(step.endedAt) : now) - Date.parse(step.startedAt)) : "");

/** Actions lead to the right, compensations back to the left, each below what it takes back. */
export function lanes(run, flow, now) {
  const backwards = new Map(run.steps.filter(isCompensation).map((step) => [actionOf(step.path), step]));
  const actions = run.steps.filter((step) => !isCompensation(step));
  const planned = new Map((flow?.steps ?? []).map((step) => [step.name, step]));
  const isSaga = run.kind === "saga" || backwards.size > 0;
  const goesBack = backwards.size > 0 || ["compensating", "compensated", "compensated-partial"].includes(run.status);
  const order = [...backwards.values()].filter((step) => step.startedAt).sort((a, b) => a.startedAt.localeCompare(b.startedAt));
  const column = (index, row) => ({ gridColumn: String(index + 2), gridRow: String(row) });
  const box = (step, index, row, className, arrow, number) => h("a.box", {
    href: `#step-${step.path}`, "data-act": "step", "data-path": step.path, class: `${className} ${colourOf(step.status)}`, size: column(index, row), title: step.startedAt ? absolute(step.startedAt) : null,
  }, h("span.box-head", h("strong", actionOf(step.path)), h("span.arrow", { "aria-hidden": "true" }, arrow)),
  state(step.status), h("span.quiet", [number ? `undone ${number}` : "", took(step, now), step.attempts > 1 ? `${step.attempts} attempts` : ""].filter(Boolean).join(" · ")));
  return h("div.lanes-scroll", { tabindex: "0", role: "group", "aria-label": isSaga ? "Actions and compensations" : "Steps" }, h("div.lanes",
    h("span.lane-label", { size: { gridRow: "1" } }, isSaga ? "Actions →" : "Steps →"),
    isSaga ? h("span.lane-label", { size: { gridRow: "2" } }, "Compensations ←") : null,
    actions.map((step, index) => {
      const back = backwards.get(step.path);
      const plan = planned.get(step.path);
      const number = back ? order.indexOf(back) + 1 : 0;
      return [box(step, index, 1, "action", index < actions.length - 1 ? "→" : ""),
        !isSaga ? null : back ? box(back, index, 2, "undo", "←", number > 0 ? ["", "first", "second", "third"][number] ?? `${number}th` : "")
          : h("span.box.none", { size: column(index, 2) }, plan?.compensation ? [h("span", plan.compensation), h("span.quiet", goesBack ? "not needed" : step.status === "completed" ? "ready, if it goes back" : "not yet")]
            : h("span.quiet", plan?.kind === "pivot" ? "no way back from here" : "nothing to take back"))];
    })));
}

/** Every attempt as the journal tells it, by step. */
export function attemptsOf(journal) {
  const steps = new Map();
  for (const item of journal) {
    const { step, attempt } = item.entry ?? {};
    if (!step || !attempt) continue;
    if (!steps.has(step)) steps.set(step, new Map());
    const known = steps.get(step).get(attempt) ?? { attempt, sequence: item.sequence };
    if (item.kind === "attempt-started") known.from = item.at;
    if (item.kind === "attempt-ended") Object.assign(known, { to: item.at, outcome: item.entry.outcome, reason: item.entry.reason, effects: item.entry.effects, replayed: item.entry.replayed, tokens: item.entry.tokens, cost: item.entry.costNanoUSD });
    steps.get(step).set(attempt, known);
  }
  return steps;
}

export function timelineOf(run, attempts, now) {
  const made = run.steps.filter((step) => step.startedAt).map((step) => {
    const known = [...(attempts.get(step.path)?.values() ?? [])].filter((one) => one.from);
    const spans = known.length > 0
      ? known.map((one) => span(one.from, one.to, one.to ? one.outcome : step.status, `attempt ${one.attempt}`, now))
      : [span(step.startedAt, step.endedAt, step.status, step.run ? `run ${step.run}` : "", now)];
    return { key: step.path, name: [isCompensation(step) ? "← " : "", actionOf(step.path)].join(""), spans };
  }).sort((a, b) => a.spans[0].from - b.spans[0].from);
  return timeline("When each step ran", made, now);
}

function span(from, to, word, what, now) {
  const start = Date.parse(from);
  const end = to ? Date.parse(to) : now;
  return { from: start, to: end, word, title: `${[what, word, duration(end - start)].filter(Boolean).join(", ")} (${clock(from)}${to ? `–${clock(to)}` : ", goes on"})` };
}

/** How the members of a pool voted; `needed` agreeing answers make the pool's own. */
export function votes(run, flow) {
  const answers = run.steps.filter((step) => !isCompensation(step));
  const groups = new Map();
  for (const step of answers) {
    if (step.status !== "completed") continue;
    const label = JSON.stringify(step.output);
    groups.set(label, (groups.get(label) ?? 0) + 1);
  }
  const sorted = [...groups].map(([label, count]) => ({ label: label.length > 40 ? `${label.slice(0, 40)}…` : label, count })).sort((a, b) => b.count - a.count);
  const needed = flow?.strategy === "majority" ? Math.floor(answers.length / 2) + 1 : flow?.strategy === "first" ? 1 : answers.length;
  return h("div", quorumMeter(sorted, needed, answers.length),
    h("p.note", flow?.strategy === "majority" ? `A majority of ${needed} of ${answers.length} decides.` : flow?.strategy ? `Strategy: ${flow.strategy}.` : ""));
}

export const childOf = (step) => (step.run ? runLink(step.run, `run …${step.run.slice(-8)}`) : null);
