// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors
//
// What was spent, by whom, how long the budgets last, and what stands in the books.

import { get, query as queryOf, repeating } from "./api.js";
import { bar, budgetCard, budgetRatio, columns, numbers, pace, stretches } from "./charts.js";
import { agentPath, cell, chip, command, count, download, h, many, moment, money, nodeNow, panel, relative, runLink, sample, short, show, sumOf, table } from "./dom.js";
import { ask } from "./router.js";

const spans = { hour: { title: "Last hour", size: 60, step: 60_000 }, day: { title: "Last 24 hours", size: 24, step: 3_600_000 }, week: { title: "Last 7 days", size: 28, step: 21_600_000 } };
const mostCharges = 2000;
const shownCharges = 25;

// What a charge rests on; `usage` needs no word.
const bases = { hold: "all that was held for it", released: "released", unresolved: "unknown: charged in full", adjustment: "corrected", resolution: "resolved" };

export function open({ root, query }) {
  let asked = query;
  let costs = null;
  let charges = [];
  let shown = shownCharges;
  const asking = repeating(async (signal) => {
    try {
      [costs, { charges }] = await Promise.all([get("/costs", signal), get(`/costs/history${queryOf({ agent: asked.get("agent"), limit: mostCharges })}`, signal)]);
    } catch { return; }
    render();
  }, 2000);

  function render() {
    if (!costs) return show(root, h("h1", "Costs"), h("p.empty", "Asking the node…"));
    const span = spans[asked.get("span")] ? asked.get("span") : "hour";
    const heading = h("div.heading", h("h1", "Costs"), h("div.verbs", h("button.act", { "data-act": "edit-budget", "data-scope": "global" }, "Set a budget"), h("button.act", { "data-act": "csv" }, "Download as CSV")));
    if (costs.tokens === 0) return show(root, heading, teach(), budgets(costs));
    const since = (days) => money(sumOf(charges.filter((one) => Date.parse(one.at) > nodeNow() - days * 86_400_000), (one) => one.costNanoUSD));
    return show(root, heading, h("div.numbers",
      number(money(costs.costNanoUSD), "spent in all"), number(short(costs.tokens), "tokens", count(costs.tokens)),
      number(count(sumOf(costs.models, (row) => row.calls)), "model calls", many(costs.models.length, "model")),
      costs.unresolved.calls > 0 ? number(money(costs.unresolved.costNanoUSD), "of unknown cost", `${many(costs.unresolved.calls, "call")}, charged in full`, "warn")
        : number(since(1), "in the last 24 hours", `7 days: ${since(7)}, 30 days: ${since(30)}${charges.length < mostCharges ? "" : `, of the newest ${count(mostCharges)} charges`}`)),
    spend(charges, span), forecast(costs, charges, asked.get("agent")), budgets(costs), alerts(costs), h("div.columns.even", byAgent(costs), byModel(costs)), history());
  }

  function history() {
    const agent = asked.get("agent");
    return panel("Charges", agent ? h("p", chip(["Only ", agent, " ✕"], { "data-act": "agent" }, true)) : null,
      charges.length === 0 ? h("p.empty", "No charge is like that.") : table("Charges", ["When", "Agent", "Run", "Model", ">Tokens", ">Cost"], charges.slice(0, shown).map((one) => h("tr", { "data-row": one.id, "data-key": one.id },
        cell("", { class: "short" }, moment(one.at, 0)), cell("", { class: "name" }, one.agent || "–"), cell("run", one.run ? runLink(one.run) : "–"),
        cell("", { class: "wide", title: one.rates ? `${one.rates} (${one.priceSource})` : null }, one.model || "–", one.basis === "usage" ? null : h("span.note", [bases[one.basis] ?? one.basis, one.reason].filter(Boolean).join(": "))),
        cell("tokens", { class: "num" }, short(one.tokens)), cell("", { class: "num" }, money(one.costNanoUSD))))),
      charges.length > shown ? h("button.act", { "data-act": "more" }, `${count(Math.min(charges.length - shown, shownCharges * 4))} older ones`) : null,
      command("naos cost history"));
  }

  return {
    update(names) { if (["agents", "runs", "first", "reset"].some((name) => names.has(name))) asking.go(); },
    requery(next) { asked = next; render(); asking.go(); },
    acts: {
      span: ({ span }) => ask({ span: span === "hour" ? null : span }),
      agent: ({ agent }) => ask({ agent }),
      more() { shown += shownCharges * 4; render(); },
      csv() { if (costs) download("costs.csv", csvOf(costs), "text/csv"); },
      changed: () => asking.go(),
    },
    close: asking.stop,
  };
}

const number = (value, label, note, level = "") => h("div.number", h("span.value", { class: level }, value), h("span.label", label), h("span.note", note));

function spend(charges, span) {
  const { size, step, title } = spans[span];
  const made = stretches(charges, { size, step, now: nodeNow(), at: (one) => Date.parse(one.at), word: () => "spent", value: (one) => one.costNanoUSD, colour: "accent" });
  const label = "What was charged";
  return panel("Spend", h("div.chips", { role: "group", "aria-label": "Time shown" }, Object.entries(spans).map(([key, one]) => chip(one.title, { "data-act": "span", "data-span": key }, key === span))),
    columns(`${label}, ${title.toLowerCase()}`, made, { step, name: money, height: 90 }),
    charges.length === mostCharges ? h("p.note", `From the newest ${count(mostCharges)} charges; older ones are in the sums below.`) : null,
    numbers("spend", label, ["From", ">Cost"], made.flatMap((column) => column.parts.map((part) => [moment(column.at, 0), money(part.value)]))));
}

/** The project's budget of money, or else the one that is used the most: what was spent of it, and where that leads. */
function forecast(costs, charges, only) {
  const all = [...costs.budgets, ...costs.agents.flatMap((row) => row.budgets)].filter((one) => one.maxNanoUSD > 0 && /^(global$|agent:)/.test(one.scope)).sort((a, b) => budgetRatio(b) - budgetRatio(a));
  const one = all.find(({ scope }) => scope === (only ? `agent:${only}` : "global")) ?? all[0];
  if (!one) return null;
  const mine = charges.filter((charge) => one.scope === "global" || one.scope === `agent:${charge.agent}`);
  const label = `What ${one.scope.replace(/^agent:/, "")} has used of ${money(one.maxNanoUSD)}${one.per === "lifetime" ? "" : ` this ${one.per}`}`;
  const points = pace(one, mine, nodeNow());
  return panel("Limit and forecast", points.picture(label), numbers("forecast", label, ["When", ">Used"], points.rows));
}

function alerts(costs) {
  if (costs.alerts.length === 0) return null;
  return panel("Alerts", table("Alerts", ["When", "Budget", "What"], costs.alerts.map((one) => h("tr", { "data-key": `${one.at} ${one.scope}` }, cell("", { class: "short" }, relative(one.at)), cell("", { class: "name" }, one.scope, " ", h("span.kind", one.per)), cell("", { class: "wide" }, one.percent ? `${one.percent} % was used` : ["used up ", relative(one.usedUpAt), " at the pace of then"])))));
}

function budgets(costs) {
  const all = [...costs.budgets, ...costs.agents.flatMap((row) => row.budgets)];
  if (all.length === 0) return panel("Budgets", h("p", "No budget binds anybody. Set one here, or in nexus.config.yaml:"), sample('cost:\n  budgets:\n    global: "$10/day"\n    researcher: "$2/day"'));
  return panel("Budgets", h("div.budgets", all.sort((a, b) => budgetRatio(b) - budgetRatio(a)).map(budgetCard)),
    h("p.note", "The limit stands before each call: what it may cost at most is held first."));
}

function byAgent(costs) {
  const rows = costs.agents.filter((row) => row.tokens > 0 || row.costNanoUSD > 0).sort((a, b) => b.costNanoUSD - a.costNanoUSD || b.tokens - a.tokens);
  const most = Math.max(1, ...rows.map((row) => row.costNanoUSD));
  const used = (row) => [cell("calls", { class: "num" }, count(row.calls)), cell("tokens", { class: "num" }, short(row.tokens)), cell("", { class: "num" }, money(row.costNanoUSD))];
  const sum = Object.fromEntries(["calls", "tokens", "costNanoUSD"].map((key) => [key, sumOf(rows, (row) => row[key])]));
  return panel("By agent", table("Costs by agent", ["Agent", ">Calls", ">Tokens", ">Cost", "~Share"], [...rows.map((row) => h("tr", { "data-row": row.name, "data-key": row.name },
    cell("", { class: "name" }, h("a", { href: `${agentPath(row.name)}?tab=cost` }, row.name)), used(row), cell("", { class: "took" }, bar((row.costNanoUSD / most) * 0.79, "share")))),
  h("tr.sum", { "data-key": " sum" }, cell("", { class: "name" }, "Sum"), used(sum), cell(""))]));
}

function byModel(costs) {
  return panel("By model", table("Costs by model", ["Model", ">Calls", ">Tokens", ">Cost"], costs.models.map((row) => h("tr", { "data-key": row.name },
    cell("", { class: "name" }, row.name), cell("calls", { class: "num" }, count(row.calls)), cell("tokens", { class: "num" }, short(row.tokens)), cell("", { class: "num" }, money(row.costNanoUSD))))));
}

function csvOf(costs) {
  const quote = (text) => `"${String(text).replace(/^[=+\-@\t\r]/, "'$&").replaceAll('"', '""')}"`;
  const lines = ["agents", "models"].flatMap((kind) => costs[kind].map((row) => [kind.slice(0, -1), row.name, row.calls, row.tokens, row.costNanoUSD]));
  return [["kind", "name", "calls", "tokens", "nano_usd"], ...lines].map((line) => line.map(quote).join(",")).join("\r\n");
}

function teach() {
  return h("section.panel.teach", h("h2", "Nothing was spent yet"), h("p", "The node counts every model call, before and after:"), command('naos run researcher --input "…"'), command("naos status"));
}
