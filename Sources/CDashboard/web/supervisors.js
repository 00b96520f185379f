// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors
//
// The tree of supervisors as it lives: who watches whom, how much of its window is used, and who was restarted why.

import { buttons, verbsFor } from "./actions.js";
import { get, repeating } from "./api.js";
import { windowMeter } from "./charts.js";
import { agentPath, cell, chip, h, many, nodeNow, prose, relative, runLink, sample, show, state, table } from "./dom.js";
import { live } from "./live.js";
import { ask } from "./router.js";

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
    const switcher = h("div.chips", { role: "group", "aria-label": "Shown as" }, [["", "Tree"], ["table", "Table"]].map(([key, title]) => chip(title, { "data-act": "view", "data-view": key }, key === view)));
    const heading = h("div.heading", h("h1", "Supervisors"), switcher);
    if (!list) return show(root, heading, h("p.empty", "Asking the node…"));
    const alone = list.length === 1;
    return show(root, heading, view === "table" ? flat() : h("ul.tree", nodeOf(list[0])), alone ? teach() : null);
  }

  function nodeOf(supervisor) {
    const { recent } = supervisor.restarts;
    const last = recent.at(-1);
    const isClosed = closed.has(supervisor.name);
    return h("li.node", { "data-key": supervisor.name, "data-row": supervisor.name },
      h("div.node-head",
        h("button.twist", { "data-act": "twist", "data-name": supervisor.name, "aria-expanded": isClosed ? "false" : "true", "aria-label": `What is below ${supervisor.name}` }, isClosed ? "▸" : "▾"),
        h("strong", supervisor.name), state(supervisor.state), h("span.tag", { title: strategies[supervisor.strategy] }, supervisor.strategy),
        windowMeter(supervisor.restarts),
        supervisor.parent ? null : h("span.quiet", "never gives up"),
        buttons("supervisor", supervisor.name, verbsFor("supervisor", supervisor.state).filter((verb) => (verb === "reset" ? recent.length > 0 : supervisor.parent)))),
      supervisor.note ? h("p.note", prose(supervisor.note)) : null,
      last ? h("p.why", "Last: ", linkOf(last.child), ` ${last.reason} · `, relative(last.at),
        recent.length > 1 ? h("details", { "data-key": "recent" }, h("summary", `all ${recent.length}`), table("Restarts that count", ["Who", "When", "Why"], recent.slice().reverse().map((restart) => h("tr", cell("", restart.child), cell("", { class: "short" }, relative(restart.at)), cell("", { class: "wide" }, restart.reason))))) : null) : null,
      isClosed ? null : h("ul", supervisor.children.map((child) => childOf(child, supervisor))));
  }

  function childOf(child, parent) {
    if (child.kind === "supervisor") {
      const below = list.find((one) => one.name === child.name);
      if (below) return nodeOf(below);
    }
    const restarted = parent.restarts.recent.filter((one) => one.child === child.name);
    const isFresh = restarted.some((one) => nodeNow() - Date.parse(one.at) < animateFor);
    const { note } = { note: child.note ?? live.agents.get(child.name)?.note };
    return h("li.leaf", { "data-key": `${child.kind} ${child.run ?? child.name}`, class: `${isFresh ? "restarted" : ""} ${child.kind}` },
      child.kind === "attempt" ? [h("span.quiet", "attempt of "), runLink(child.run)] : h("a", { href: agentPath(child.name) }, child.name),
      state(child.state), child.pid ? h("span.quiet", `pid ${child.pid}`) : null,
      restarted.length > 0 ? h("span.warn", many(restarted.length, "restart")) : null, note ? h("span.note", prose(note)) : null);
  }

  function flat() {
    return h("section.panel", { "aria-label": "Supervisors" }, table("Supervisors", ["Name", "State", "Below", "Strategy", "Restart window", "Gives up by", "Children"], list.map((supervisor) => h("tr", { "data-row": supervisor.name, "data-key": supervisor.name },
      cell("", { class: "name" }, supervisor.name), cell("", state(supervisor.state)), cell("below", supervisor.parent ?? "–"), cell("", supervisor.strategy),
      cell("", { class: "wide" }, windowMeter(supervisor.restarts)), cell("gives up by", supervisor.onMaxRestarts), cell("", { class: "wide" }, supervisor.children.map((child) => child.name).join(", ") || "–")))));
  }
  const linkOf = (name) => (live.agents.has(name) ? h("a", { href: agentPath(name) }, name) : h("span", name));

  return {
    update(names) {
      render();
      if (["agents", "events", "first", "reset"].some((name) => names.has(name))) asking.go();
    },
    // Restarts leave the window by time alone.
    tick() { render(); if (new Date().getSeconds() % 5 === 0) asking.go(); },
    requery(next) { view = next.get("view") ?? ""; render(); },
    acts: {
      view: (data) => ask({ view: data.view }),
      twist({ name }) {
        if (!closed.delete(name)) closed.add(name);
        render();
      },
    },
    close: asking.stop,
  };
}

function teach() {
  return h("section.panel.teach", { "data-key": "teach" }, h("h2", "Agents that belong together"),
    h("p", "A supervisor restarts agents that belong together, and gives up if that happens too often:"),
    sample("supervisors:\n  team:\n    strategy: one-for-one\n    maxRestarts: 5\n    withinSeconds: 60\n    children: [researcher, writer]"));
}
