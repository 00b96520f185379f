// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors
//
// Runs as rows: every list of runs shows the same of them in the same words.

import { bar } from "./charts.js";
import { cell, duration, h, money, pauseWords, prose, relative, runPath, shortID, short, state, table, tookOf } from "./dom.js";

/** By their name: what stands above, and what is shown of a run. */
const columns = {
  name: ["Run", (run) => cell("", { class: "name" }, h("a", { href: runPath(run.id), title: run.id }, run.name), h("span.kind", `${run.kind} · ${shortID(run.id)}`))],
  status: ["Status", (run) => {
    const why = run.error ? `${run.error.code}: ${run.error.message}` : run.pauseReason ? pauseWords(run.pauseReason) : run.waitsForNode ? "no node has it" : null;
    return cell("", { class: "status" }, state(run.status), why && h("span.note", { title: why }, prose(why)));
  }],
  started: ["Started", (run) => cell("", { class: "short" }, relative(run.createdAt))],
  took: [">Took", (run) => cell("took", { class: "num short" }, run.endedAt ? duration(tookOf(run)) : "–")],
  share: ["~Beside the longest", (run, longest) => cell("", { class: "took" }, bar((spanOf(run) / longest) * 0.79, "took, beside the longest"))],
  attempts: [">Attempts", (run) => cell("attempts", { class: "num" }, run.attempts)],
  tokens: [">Tokens", (run) => cell("tokens", { class: "num" }, short(run.tokens))],
  cost: [">Cost", (run) => cell("", { class: "num" }, money(run.costNanoUSD))],
};

const spanOf = (run) => tookOf(run, Date.parse(run.updatedAt));

/**
 * A table of these columns; `more` are further ones, before or behind them.
 *
 * @param {{first?: [string, (run: any) => any], last?: [string, (run: any) => any], chosen?: Set<string>, name?: string}} more
 */
export function runTable(label, names, runs, { first, last, chosen, name } = {}) {
  const longest = Math.max(1, ...runs.map(spanOf));
  const all = [first, ...names.split(" ").map((one) => columns[one]), last].filter(Boolean);
  return table(label, all.map(([head]) => head), runs.map((run) =>
    h("tr", { "data-row": run.id, "data-key": run.id, class: chosen?.has(run.id) ? "chosen" : null }, all.map(([, made]) => made(run, longest)))), name);
}
