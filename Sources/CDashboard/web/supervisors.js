// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors
//
// The tree of supervisors as it lives: who watches whom, how much of its window is used, and who was restarted why.

import { buttons, verbsFor } from "/actions.js";
import { get, repeating } from "/api.js";
import { windowMeter } from "/charts.js";
import { agentPath, cell, h, many, relative, runLink, show, state, table } from "/dom.js";
import { live } from "/live.js";
import { ask } from "/router.js";

const strategies = {
  "one-for-one": "Only the one that ended is restarted.", "one-for-all": "If one ends, all are restarted.",
  "rest-for-one": "The one that ended and those behind it are restarted.",
};
const animateFor = 4000;

export function open({ root, query }) {
  let view = query.get("view") ?? "";
  let list = null;
  const closed = new Set();
  const asking = repeating(async (signal) => {
    try { list = (await get("/supervisors", signal)).supervisors; } catch { return; }
    render();
  });

  function render() {
    const switcher = h("div.chips", { role: "group", "aria-label": "Shown as" }, [["", "Tree"], ["table", "Table"]].map(([key, title]) => h("button.chip", { type: "button", "data-act": "view", "data-view": key, "aria-pressed": key === view ? "true" : "false" }, title)));
    const heading = h("div.heading", null, h("h1", null, "Supervisors"), switcher);
    if (!list) return show(root, heading, h("p.empty", null, "Asking the node…"));
    const alone = list.length === 1;
    return show(root, heading, view === "table" ? flat() : h("ul.tree", null, nodeOf(list[0])), alone ? teach() : null);
  }

  function nodeOf(supervisor) {
    const { recent } = supervisor.restarts;
    const last = recent.at(-1);
    const isClosed = closed.has(supervisor.name);
    return h("li.node", { "data-key": supervisor.name, "data-row": supervisor.name },
      h("div.node-head", null,
        h("button.twist", { type: "button", "data-act": "twist", "data-name": supervisor.name, "aria-expanded": isClosed ? "false" : "true", "aria-label": `What is below ${supervisor.name}` }, isClosed ? "▸" : "▾"),
        h("strong", null, supervisor.name), state(supervisor.state), h("span.tag", { title: strategies[supervisor.strategy] }, supervisor.strategy),
        windowMeter(supervisor.restarts, Date.now()),
        supervisor.parent ? buttons("supervisor", supervisor.name, verbsFor("supervisor", supervisor.state)) : h("span.quiet", null, "never gives up")),
      supervisor.note ? h("p.note", null, supervisor.note) : null,
      last ? h("p.why", null, "Last: ", linkOf(last.child), ` ${last.reason} · `, relative(last.at),
        recent.length > 1 ? h("details", { "data-key": "recent" }, h("summary", null, `all ${recent.length}`), table("Restarts that count", ["Who", "When", "Why"], recent.slice().reverse().map((restart) => h("tr", null, cell("", null, restart.child), cell("", { class: "short" }, relative(restart.at)), cell("", { class: "wide" }, restart.reason))))) : null) : null,
      isClosed ? null : h("ul", null, supervisor.children.map((child) => childOf(child, supervisor))));
  }

  function childOf(child, parent) {
    if (child.kind === "supervisor") {
      const below = list.find((one) => one.name === child.name);
      if (below) return nodeOf(below);
    }
    const restarted = parent.restarts.recent.filter((one) => one.child === child.name);
    const isFresh = restarted.some((one) => Date.now() - Date.parse(one.at) < animateFor);
    const { note } = { note: child.note ?? live.agents.get(child.name)?.note };
    return h("li.leaf", { "data-key": `${child.kind} ${child.run ?? child.name}`, class: `${isFresh ? "restarted" : ""} ${child.kind}` },
      child.kind === "attempt" ? [h("span.quiet", null, "attempt of "), runLink(child.run)] : h("a", { href: agentPath(child.name) }, child.name),
      state(child.state), child.pid ? h("span.quiet", null, `pid ${child.pid}`) : null,
      restarted.length > 0 ? h("span.warn", null, many(restarted.length, "restart")) : null, note ? h("span.note", null, note) : null);
  }

  function flat() {
    return h("section.panel", { "aria-label": "Supervisors" }, table("Supervisors", ["Name", "State", "Below", "Strategy", "Restart window", "Gives up by", "Children"], list.map((supervisor) => h("tr", { "data-row": supervisor.name, "data-key": supervisor.name },
      cell("", { class: "name" }, supervisor.name), cell("", null, state(supervisor.state)), cell("below", null, supervisor.parent ?? "–"), cell("", null, supervisor.strategy),
      cell("", { class: "wide" }, windowMeter(supervisor.restarts, Date.now())), cell("gives up by", null, supervisor.onMaxRestarts), cell("", { class: "wide" }, supervisor.children.map((child) => child.name).join(", ") || "–")))));
  }
  const linkOf = (name) => (live.agents.has(name) ? h("a", { href: agentPath(name) }, name) : h("span", null, name));

  return {
    title: () => "Supervisors",
    update(names) {
      render();
      if (["agents", "events", "first", "reset"].some((name) => names.has(name))) asking.go();
    },
    // Restarts leave the window by time alone.
    tick() { render(); if (new Date().getSeconds() % 5 === 0) asking.go(); },
    requery(next) { view = next.get("view") ?? ""; render(); },
    act(name, from) {
      if (name === "view") { ask({ view: from.dataset.view }); return true; }
      if (name !== "twist") return false;
      if (!closed.delete(from.dataset.name)) closed.add(from.dataset.name);
      render();
      return true;
    },
    close: asking.stop,
  };
}

function teach() {
  return h("section.panel.teach", { "data-key": "teach" }, h("h2", null, "Agents that belong together"),
    h("p", null, "Agents in no supervisor stand below the root, each with a window of its own. A supervisor of yours restarts those that belong together, and gives up if it happens too often:"),
    h("pre.json", { tabindex: "0" }, "supervisors:\n  team:\n    strategy: one-for-one\n    maxRestarts: 5\n    withinSeconds: 60\n    children: [researcher, writer]"));
}
