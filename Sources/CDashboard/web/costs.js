// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors
//
// What was spent, by whom, and how long the budgets last.

import { get, repeating } from "/api.js";
import { bar, budget, budgetRatio, columns, numbers, stretches } from "/charts.js";
import { agentPath, cell, command, count, duration, h, many, moment, money, panel, short, show, table } from "/dom.js";
import { ask } from "/router.js";

const spans = { hour: { title: "Last hour", size: 60, step: 60_000 }, day: { title: "Last 24 hours", size: 24, step: 3_600_000 }, week: { title: "Last 7 days", size: 28, step: 21_600_000 } };
const mostRuns = 1000;

export function open({ root, query }) {
  let asked = query;
  let costs = null;
  let page = { runs: [], next: null };
  const asking = repeating(async (signal) => {
    try { [costs, page] = await Promise.all([get("/costs", signal), get(`/runs?limit=${mostRuns}`, signal)]); } catch { return; }
    render();
  }, 2000);

  function render() {
    if (!costs) return show(root, h("h1", null, "Costs"), h("p.empty", null, "Asking the node…"));
    const span = spans[asked.get("span")] ? asked.get("span") : "hour";
    const heading = h("div.heading", null, h("h1", null, "Costs"), h("button.act", { type: "button", "data-act": "csv" }, "Download as CSV"));
    if (costs.tokens === 0) return show(root, heading, teach(), budgets(costs, [], null));
    const rate = paceOf(page.runs);
    return show(root, heading, h("div.numbers", null,
      number(money(costs.costNanoUSD), "spent in all", `${count(costs.costNanoUSD)} nano-dollars`), number(short(costs.tokens), "tokens", count(costs.tokens)),
      number(count(costs.models.reduce((sum, row) => sum + row.calls, 0)), "model calls", many(costs.models.length, "model")), number(money(rate * 3_600_000), "an hour", "at the pace of the last hour")),
    spend(page, span), budgets(costs, page.runs, rate), h("div.columns.even", null, byAgent(costs), byModel(costs)));
  }
  return {
    title: () => "Costs",
    update(names) { if (["agents", "runs", "first", "reset"].some((name) => names.has(name))) asking.go(); },
    requery(next) { asked = next; render(); },
    act(name, from) {
      if (name === "span") { ask({ span: from.dataset.span === "hour" ? null : from.dataset.span }); return true; }
      if (name === "csv" && costs) { download(costs); return true; }
      return false;
    },
    close: asking.stop,
  };
}

const number = (value, label, note) => h("div.number", null, h("span.value", null, value), h("span.label", null, label), h("span.note", null, note));

/** Nano-dollars a millisecond, from the runs of the last hour. */
function paceOf(runs) {
  const since = Date.now() - 3_600_000;
  const fresh = runs.filter((run) => Date.parse(run.createdAt) >= since);
  const first = Math.min(...fresh.map((run) => Date.parse(run.createdAt)));
  return fresh.length === 0 ? 0 : fresh.reduce((sum, run) => sum + run.costNanoUSD, 0) / Math.max(600_000, Date.now() - first);
}

function spend(page, span) {
  const { size, step, title } = spans[span];
  const made = stretches(page.runs, { size, step, now: Date.now(), at: (run) => Date.parse(run.createdAt), word: () => "spent", value: (run) => run.costNanoUSD })
    .map((column) => ({ ...column, parts: column.parts.map((part) => ({ ...part, colour: "accent" })) }));
  const label = "Cost of the runs that began then";
  return panel("Spend", h("div.chips", { role: "group", "aria-label": "Time shown" }, Object.entries(spans).map(([key, one]) => h("button.chip", { type: "button", "data-act": "span", "data-span": key, "aria-pressed": key === span ? "true" : "false" }, one.title))),
    columns(`${label}, ${title.toLowerCase()}`, made, { step, name: money, height: 90 }),
    page.next ? h("p.note", null, `From the newest ${count(mostRuns)} runs; what older ones cost is in the sums below.`) : null,
    numbers("spend", label, ["From", ">Cost"], made.flatMap((column) => column.parts.map((part) => [moment(column.at, 0), money(part.value)]))));
}

function budgets(costs, runs, rate) {
  const all = [...costs.budgets, ...costs.agents.flatMap((row) => row.budgets)];
  if (all.length === 0) return panel("Budgets", h("div.empty", null, h("p", null, "There is no budget, so nothing stops an agent from spending. In nexus.config.yaml:"), h("pre.json", { tabindex: "0" }, 'cost:\n  budgets:\n    global: "$10/day"\n    researcher: "$2/day"')));
  return panel("Budgets", h("div.budgets", null, all.sort((a, b) => budgetRatio(b) - budgetRatio(a)).map((one) => h("div.budget-card", { "data-key": one.scope }, budget(one, { scope: true }),
    h("p.note", null, [`at the limit: ${one.onLimit}`, one.heldNanoUSD > 0 ? `${money(one.heldNanoUSD)} held by calls under way` : "", one.exhausted ? "used up" : forecast(one, rate)].filter(Boolean).join(" · "))))),
  h("p.note", null, "The limit stands before each call: what it may cost at most is held first. Budgets are set in nexus.config.yaml and taken by naos reload."));
}

function forecast(one, rate) {
  if (one.scope !== "global" || one.maxNanoUSD === null || !rate) return "";
  const left = one.maxNanoUSD - one.usedNanoUSD;
  return left > 0 ? `lasts ${duration(left / rate)} more at the pace of the last hour` : "";
}

function byAgent(costs) {
  const rows = costs.agents.filter((row) => row.tokens > 0 || row.costNanoUSD > 0).sort((a, b) => b.costNanoUSD - a.costNanoUSD || b.tokens - a.tokens);
  const most = Math.max(1, ...rows.map((row) => row.costNanoUSD));
  return panel("By agent", table("Costs by agent", ["Agent", ">Calls", ">Tokens", ">Cost", "~Share"], [...rows.map((row) => h("tr", { "data-row": row.name, "data-key": row.name },
    cell("", { class: "name" }, h("a", { href: `${agentPath(row.name)}?tab=cost` }, row.name)), cell("calls", { class: "num" }, count(row.calls)), cell("tokens", { class: "num" }, short(row.tokens)), cell("", { class: "num" }, money(row.costNanoUSD)), cell("", { class: "took" }, bar((row.costNanoUSD / most) * 0.79, "share")))),
  h("tr.sum", { "data-key": " sum" }, cell("", { class: "name" }, "Sum"), cell("calls", { class: "num" }, count(rows.reduce((sum, row) => sum + row.calls, 0))), cell("tokens", { class: "num" }, short(rows.reduce((sum, row) => sum + row.tokens, 0))), cell("", { class: "num" }, money(rows.reduce((sum, row) => sum + row.costNanoUSD, 0))), cell("", null))]));
}

function byModel(costs) {
  return panel("By model", table("Costs by model", ["Model", ">Calls", ">Tokens", ">Cost"], costs.models.map((row) => h("tr", { "data-key": row.name },
    cell("", { class: "name" }, row.name), cell("calls", { class: "num" }, count(row.calls)), cell("tokens", { class: "num" }, short(row.tokens)), cell("", { class: "num" }, money(row.costNanoUSD))))));
}

function download(costs) {
  const quote = (text) => `"${String(text).replace(/^[=+\-@\t\r]/, "'$&").replaceAll('"', '""')}"`;
  const lines = [["kind", "name", "calls", "tokens", "nano_usd"], ...costs.agents.map((row) => ["agent", row.name, row.calls, row.tokens, row.costNanoUSD]), ...costs.models.map((row) => ["model", row.name, row.calls, row.tokens, row.costNanoUSD])];
  const address = URL.createObjectURL(new Blob([lines.map((line) => line.map(quote).join(",")).join("\r\n")], { type: "text/csv" }));
  h("a", { href: address, download: "costs.csv" }).click();
  setTimeout(() => URL.revokeObjectURL(address), 1000);
}

function teach() {
  return h("section.panel.teach", null, h("h2", null, "Nothing was spent yet"), h("p", null, "Every model call of an agent goes through the node, which counts it before and after. The offline model costs nothing and is counted all the same:"), command('naos run researcher --input "…"'), command("naos status"));
}
