// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors
//
// All agents in a list of any length, with a filter whose text is a part of the address.

import { bulk, bulkButton, menuButton } from "./actions.js";
import { get, repeating } from "./api.js";
import { budgetRatio, spent } from "./charts.js";
import { agentPath, cell, chip, command, count, duration, h, many, p95, prose, relative, short, show, state, tookOf, unhealthy } from "./dom.js";
import { parse } from "./filter.js";
import { live } from "./live.js";
import { ask } from "./router.js";
import { VirtualTable } from "./table.js";

const sorts = {
  name: { title: "Name", of: (agent) => agent.name },
  state: { title: "State", of: (agent) => `${unhealthy.has(agent.state) ? 0 : agent.state === "running" ? 1 : 2}${agent.state}` },
  supervisor: { title: "Supervisor", of: (agent, teams) => teams.get(agent.name) ?? "" },
  activity: { title: "Last activity", of: (agent) => agent.lastActivity ?? "", down: true },
  restarts: { title: "Restarts", of: (agent) => agent.restarts.count, down: true },
  tokens: { title: "Tokens", of: (agent) => agent.tokens, down: true, num: true },
  p95: { title: "p95", of: (agent) => speeds.get(agent.name) ?? -1, down: true, num: true },
  cost: { title: "Cost and budget", of: (agent) => agent.costNanoUSD, down: true },
};
const columnOrder = ["name", "state", "supervisor", "step", "activity", "restarts", "tokens", "p95", "cost", "more"];
/** What 95 of 100 of the latest runs of each agent stayed below. */
const speeds = new Map();

/** Up to so many the list is sorted at every change. */
const fewAgents = 500;

export function open({ root, query }) {
  let asked = query;
  const teams = new Map();
  const fields = {
    name: (agent) => agent.name, state: (agent) => agent.state, kind: (agent) => agent.kind,
    team: (agent) => teams.get(agent.name) ?? "", step: (agent) => agent.step ?? "", run: (agent) => agent.run ?? "",
    cost: (agent) => agent.costNanoUSD / 1e9, tokens: (agent) => agent.tokens, restarts: (agent) => agent.restarts.count,
    budget: (agent) => Math.round(budgetRatio(agent.budget) * 100),
  };
  const list = new VirtualTable({
    label: "Agents", heads: [], key: (name) => name, value: (name) => live.agents.get(name), className: "agents",
    row: (agent) => rowOf(agent, teams.get(agent.name)),
  });
  let sorted = 0;
  let waiting = 0;
  const field = h("input", {
    type: "search", "data-filter": true, "aria-label": "Filter agents", spellcheck: "false", autocomplete: "off",
    placeholder: "state:failed team:desk cost>1 words", value: query.get("q") ?? "",
  });
  const facets = h("div.chips", { role: "group", "aria-label": "States" });
  const told = h("p.found");
  const tools = h("div.tools");
  const teach = h("div");
  root.append(h("div.heading", h("h1", "Agents"), h("label.search", field)), facets, h("div.under", told, tools), list.box, teach);

  const asking = repeating(async (signal) => {
    try {
      const [{ supervisors }, { runs }] = await Promise.all([get("/supervisors", signal), get("/runs?limit=500&parent=any&kind=agent", signal)]);
      teams.clear();
      speeds.clear();
      const times = new Map();
      for (const run of runs) if (run.endedAt) times.set(run.name, [...(times.get(run.name) ?? []), tookOf(run)]);
      for (const [name, all] of times) speeds.set(name, p95(all));
      list.version = (list.version ?? 0) + 1;
      for (const supervisor of supervisors) for (const child of supervisor.children) if (child.kind === "agent") teams.set(child.name, supervisor.name);
      render();
    } catch { /* The chip says that the node does not answer. */ }
  }, 10_000);
  asking.go();

  function render() {
    const all = [...live.agents.values()];
    const text = asked.get("q") ?? "";
    const { test, problem } = parse(text, fields);
    const order = sorts[asked.get("sort")] ? asked.get("sort") : "name";
    const rows = all.filter(test);
    const up = (sorts[order].down ? -1 : 1) * (asked.get("up") === "no" ? -1 : 1);
    const of = sorts[order].of;
    rows.sort((a, b) => {
      const [left, right] = [of(a, teams), of(b, teams)];
      return (left < right ? -up : left > right ? up : 0) || (a.name < b.name ? -1 : 1);
    });
    list.heads(columnOrder.map((name) => headOf(name, order, up)));
    list.put(rows.map((agent) => agent.name));
    sorted = performance.now();
    showFacets(all, text);
    const words = problem ?? (rows.length === all.length ? many(all.length, "agent") : `${count(rows.length)} of ${many(all.length, "agent")}`);
    show(told, h("span", { class: problem ? "bad" : null }, words), text && !problem ? h("button.plain", { "data-act": "clear" }, "Show all") : null);
    for (const name of [...list.chosen]) if (!live.agents.has(name)) list.chosen.delete(name);
    showTools();
    list.box.hidden = rows.length === 0;
    show(teach, rows.length > 0 ? null : all.length > 0 ? h("p.empty", "No agent is like that.")
      : h("div.empty", h("p", "An agent is a program, or a prompt with a model, that the node keeps alive. Make the first one:"), command("naos create researcher --template research")));
  }

  /** Many agents are sorted once a second; in between only what is seen of them changes. */
  function renderSoon() {
    const wait = live.agents.size <= fewAgents ? 0 : sorted + 1000 - performance.now();
    if (wait <= 0) return render();
    list.render();
    if (!waiting) waiting = setTimeout(() => { waiting = 0; render(); }, wait);
    return undefined;
  }

  function showFacets(all, text) {
    const counts = new Map();
    for (const agent of all) counts.set(agent.state, (counts.get(agent.state) ?? 0) + 1);
    const chosen = /(?:^|\s)state:([a-z,]+)(?:\s|$)/.exec(text)?.[1].split(",") ?? [];
    show(facets, [...counts].sort(([a], [b]) => (unhealthy.has(b) - unhealthy.has(a)) || a.localeCompare(b)).map(([word, number]) =>
      chip([state(word), h("span.many", count(number))], { "data-act": "facet", "data-state": word, "data-key": word }, chosen.includes(word))));
  }

  function showTools() {
    if (list.chosen.size === 0) return show(tools);
    return show(tools, h("span", `${list.chosen.size} chosen`), ["start", "stop", "kill"].map((verb) => bulkButton("agent", verb)),
      h("button.plain", { "data-act": "choose-all" }, "Choose all shown"), h("button.plain", { "data-act": "choose-none" }, "Choose none"));
  }

  function facet(word) {
    const text = asked.get("q") ?? "";
    const found = /(?:^|\s)state:([a-z,]+)(?=\s|$)/.exec(text);
    const chosen = new Set(found?.[1].split(",") ?? []);
    if (!chosen.delete(word)) chosen.add(word);
    const rest = text.replace(/(?:^|\s)state:[a-z,]+(?=\s|$)/, "").trim();
    const part = chosen.size > 0 ? `state:${[...chosen].join(",")}` : "";
    field.value = [part, rest].filter(Boolean).join(" ");
    ask({ q: field.value });
  }

  const chooseNone = () => { list.chosen.clear(); render(); };
  const choose = (name) => {
    if (!list.chosen.delete(name)) list.chosen.add(name);
    render();
    return true;
  };

  return {
    update(names) {
      if (names.size === 0 || names.has("first") || names.has("reset")) render();
      else if (names.has("agents")) renderSoon();
    },
    requery(next) {
      asked = next;
      if (document.activeElement !== field) field.value = next.get("q") ?? "";
      list.box.scrollTop = 0;
    },
    input(target) { if (target === field) ask({ q: field.value.trim() }, { replace: true }); },
    move: (step) => list.move(step),
    choose,
    tick: () => asking.go(),
    acts: {
      facet: (data) => facet(data.state),
      clear() { field.value = ""; ask({ q: null }); },
      sort({ sort }) {
        const same = (asked.get("sort") ?? "name") === sort;
        ask({ sort: sort === "name" ? null : sort, up: same && asked.get("up") !== "no" ? "no" : null });
      },
      "choose-all"() { for (const name of list.rows) list.chosen.add(name); render(); },
      "choose-none": chooseNone,
      bulk: ({ verb }) => bulk("agent", verb, [...list.chosen]).then(chooseNone),
    },
    close() { list.stop(); asking.stop(); clearTimeout(waiting); },
  };
}

function headOf(name, order, up) {
  if (name === "step") return h("th.does", { scope: "col" }, "Step");
  if (name === "more") return h("th.more", { scope: "col" }, h("span.unseen", "Actions"));
  const sort = sorts[name];
  return h("th", { scope: "col", class: `${name}${sort.num ? " num" : ""}`, "aria-sort": name === order ? (up > 0 ? "ascending" : "descending") : null },
    h("button.head", { "data-act": "sort", "data-sort": name }, sort.title, h("span", { "aria-hidden": "true" }, name === order ? (up > 0 ? " ↑" : " ↓") : "")));
}

function rowOf(agent, team) {
  const { count: used, max, withinSeconds } = agent.restarts;
  return [
    cell("", { class: "name" }, h("a", { href: agentPath(agent.name), title: agent.name }, agent.name), h("span.kind", agent.kind)),
    cell("", { class: "state" }, state(agent.state), agent.note && agent.state !== "running" ? h("span.note", { title: agent.note }, prose(agent.note)) : null),
    cell("", { class: "supervisor" }, team ?? "–"),
    cell("", { class: "does", title: agent.step }, agent.step ?? "–"),
    cell("", { class: "activity" }, relative(agent.lastActivity)),
    cell("", { class: agent.restarts.recent.some((one) => one.child === agent.name) ? "restarts warn" : "restarts", title: `${used} of ${max} in ${withinSeconds} s, by all below its supervisor` }, `${used} of ${max}`),
    cell("", { class: "tokens num" }, short(agent.tokens)),
    cell("", { class: "p95 num", title: "95 of 100 of its latest runs took at most that long" }, speeds.has(agent.name) ? duration(speeds.get(agent.name)) : "–"),
    cell("", { class: "cost" }, spent(agent)),
    cell("", { class: "more" }, menuButton("agent", agent.name, agent.state)),
  ];
}
