// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors
//
// All agents in a list of any length, with a filter whose text is a part of the address.

import { verbsFor, bulk } from "/actions.js";
import { get, repeating } from "/api.js";
import { budgetRatio, spent } from "/charts.js";
import { agentPath, cell, command, count, h, many, relative, short, show, state, unhealthy } from "/dom.js";
import { parse } from "/filter.js";
import { live } from "/live.js";
import { ask } from "/router.js";
import { VirtualTable } from "/table.js";

const sorts = {
  name: { title: "Name", of: (agent) => agent.name },
  state: { title: "State", of: (agent) => `${unhealthy.has(agent.state) ? 0 : agent.state === "running" ? 1 : 2}${agent.state}` },
  supervisor: { title: "Supervisor", of: (agent, teams) => teams.get(agent.name) ?? "" },
  activity: { title: "Last activity", of: (agent) => agent.lastActivity ?? "", down: true },
  restarts: { title: "Restarts", of: (agent) => agent.restarts.count, down: true },
  tokens: { title: "Tokens", of: (agent) => agent.tokens, down: true, num: true },
  cost: { title: "Cost and budget", of: (agent) => agent.costNanoUSD, down: true },
};
const columnOrder = ["name", "state", "supervisor", "step", "activity", "restarts", "tokens", "cost", "more"];

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
  const told = h("p.found", null);
  const tools = h("div.tools", null);
  const teach = h("div");
  root.append(h("div.heading", null, h("h1", null, "Agents"), h("label.search", null, field)), facets, h("div.under", null, told, tools), list.box, teach);

  const asking = repeating(async (signal) => {
    try {
      const { supervisors } = await get("/supervisors", signal);
      teams.clear();
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
    show(told, h("span", { class: problem ? "bad" : null }, words), text && !problem ? h("button.plain", { type: "button", "data-act": "clear" }, "Show all") : null);
    for (const name of [...list.chosen]) if (!live.agents.has(name)) list.chosen.delete(name);
    showTools();
    list.box.hidden = rows.length === 0;
    show(teach, rows.length > 0 ? null : all.length > 0 ? h("p.empty", null, "No agent is like that.")
      : h("div.empty", null, h("p", null, "An agent is a program, or a prompt with a model, that the node keeps alive. Make the first one:"), command("naos create researcher --template research")));
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
      h("button.chip", { type: "button", "data-act": "facet", "data-state": word, "data-key": word, "aria-pressed": chosen.includes(word) ? "true" : "false" }, state(word), h("span.many", null, count(number)))));
  }

  function showTools() {
    if (list.chosen.size === 0) return show(tools);
    return show(tools, h("span", null, `${list.chosen.size} chosen`), ["start", "stop", "kill"].map((verb) => h("button.act", { type: "button", "data-act": "bulk", "data-verb": verb, class: verb === "kill" ? "danger" : null }, { start: "Start", stop: "Stop", kill: "Kill" }[verb])),
      h("button.plain", { type: "button", "data-act": "choose-all" }, "Choose all shown"), h("button.plain", { type: "button", "data-act": "choose-none" }, "Choose none"));
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

  const choose = (name) => {
    if (!list.chosen.delete(name)) list.chosen.add(name);
    render();
    return true;
  };

  return {
    title: () => "Agents",
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
    act(name, from) {
      switch (name) {
        case "facet": facet(from.dataset.state); return true;
        case "clear": field.value = ""; ask({ q: null }); return true;
        case "sort": {
          const same = (asked.get("sort") ?? "name") === from.dataset.sort;
          ask({ sort: from.dataset.sort === "name" ? null : from.dataset.sort, up: same && asked.get("up") !== "no" ? "no" : null });
          return true;
        }
        case "choose": choose(from.dataset.name); return true;
        case "choose-all": for (const name of list.rows) list.chosen.add(name); render(); return true;
        case "choose-none": list.chosen.clear(); render(); return true;
        case "bulk": bulk("agent", from.dataset.verb, [...list.chosen]).then(() => { list.chosen.clear(); render(); }); return true;
      }
      return false;
    },
    close() { list.stop(); asking.stop(); clearTimeout(waiting); },
  };
}

function headOf(name, order, up) {
  if (name === "step") return h("th.does", { scope: "col" }, "Step");
  if (name === "more") return h("th.more", { scope: "col" }, h("span.unseen", null, "Actions"));
  const sort = sorts[name];
  return h("th", { scope: "col", class: `${name}${sort.num ? " num" : ""}`, "aria-sort": name === order ? (up > 0 ? "ascending" : "descending") : null },
    h("button.head", { type: "button", "data-act": "sort", "data-sort": name }, sort.title, h("span", { "aria-hidden": "true" }, name === order ? (up > 0 ? " ↑" : " ↓") : "")));
}

function rowOf(agent, team) {
  const { count: used, max, withinSeconds } = agent.restarts;
  return [
    cell("", { class: "name" }, h("a", { href: agentPath(agent.name), title: agent.name }, agent.name), h("span.kind", null, agent.kind)),
    cell("", { class: "state" }, state(agent.state), agent.note && agent.state !== "running" ? h("span.note", { title: agent.note }, agent.note) : null),
    cell("", { class: "supervisor" }, team ?? "–"),
    cell("", { class: "does", title: agent.step }, agent.step ?? "–"),
    cell("", { class: "activity" }, relative(agent.lastActivity)),
    cell("", { class: agent.restarts.recent.some((one) => one.child === agent.name) ? "restarts warn" : "restarts", title: `${used} of ${max} in ${withinSeconds} s, by all below its supervisor` }, `${used} of ${max}`),
    cell("", { class: "tokens num" }, short(agent.tokens)),
    cell("", { class: "cost" }, spent(agent)),
    cell("", { class: "more" }, h("button.plain", { type: "button", "data-act": "menu", "data-kind": "agent", "data-name": agent.name, "data-state": agent.state, "aria-label": `What can be done with ${agent.name}`, disabled: verbsFor("agent", agent.state).length === 0 }, "⋯")),
  ];
}
