// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors
//
// Runs, newest first, a page at a time; the choice is a part of the address.

import { bulk, verbsFor } from "/actions.js";
import { get, query as queryOf, repeating } from "/api.js";
import { bar } from "/charts.js";
import { cell, command, count, duration, h, many, money, pauseWords, relative, runPath, runStatuses, shortID, short, show, state, table } from "/dom.js";
import { live } from "/live.js";
import { ask } from "/router.js";

const pageSize = 50;
const kinds = ["agent", "workflow", "saga", "pool"];

export function open({ root, query }) {
  let asked = query;
  let page = null;
  let problem = null;
  const chosen = new Set();
  const field = h("input", { type: "search", "data-filter": true, "aria-label": "Only runs of this name, or one run by its id", placeholder: "name of an agent or workflow, or run_…", spellcheck: "false", autocomplete: "off", value: query.get("name") ?? "" });
  const chips = h("div.facets");
  const under = h("div.under");
  const body = h("section.panel", { "aria-label": "Runs" });
  root.append(h("div.heading", null, h("h1", null, "Runs"), h("label.search", null, field), h("button.act.primary", { type: "button", "data-act": "start-run" }, "Start a run")), chips, under, body);

  const asking = repeating(async (signal) => {
    const parameters = asked.toString();
    try {
      const next = await get(`/runs${queryOf({
        status: asked.get("status"), kind: asked.get("kind"), name: asked.get("name"), cursor: asked.get("cursor"),
        parent: asked.get("level") === "all" ? "any" : null, limit: pageSize,
      })}`, signal);
      if (parameters !== asked.toString()) return asking.go();
      page = next;
      problem = null;
    } catch (error) {
      if (error.status) problem = error.message;
    }
    render();
    return undefined;
  }, 750);

  const listOf = (key) => (asked.get(key) ?? "").split(",").filter(Boolean);

  function render() {
    const counts = live.totals?.runs ?? {};
    const [statuses, wanted] = [listOf("status"), listOf("kind")];
    show(chips, h("div.chips", { role: "group", "aria-label": "Statuses" }, runStatuses.filter((word) => counts[word] > 0 || statuses.includes(word)).map((word) =>
      h("button.chip", { type: "button", "data-act": "status", "data-word": word, "data-key": word, "aria-pressed": statuses.includes(word) ? "true" : "false" }, state(word), h("span.many", null, count(counts[word] ?? 0))))),
    h("div.chips", { role: "group", "aria-label": "Kinds" }, kinds.map((word) => h("button.chip", { type: "button", "data-act": "kind", "data-word": word, "aria-pressed": wanted.includes(word) ? "true" : "false" }, word)),
      h("button.chip", { type: "button", "data-act": "level", "aria-pressed": asked.get("level") === "all" ? "true" : "false" }, "with those that runs started")));
    showUnder();
    if (problem) return show(body, h("p.empty.bad", null, problem));
    if (!page) return show(body, h("p.empty", null, "Asking the node…"));
    if (page.runs.length === 0) return show(body, [...asked.keys()].length > 0 ? h("p.empty", null, "No run is like that. ", h("a", { href: "/runs" }, "Show all runs")) : teach());
    return show(body, rowsOf(page.runs), h("div.pager", null,
      asked.get("cursor") ? h("a.act", { href: `/runs${queryOf({ ...Object.fromEntries(asked), cursor: "" })}` }, "Newest") : null,
      page.next ? h("button.act", { type: "button", "data-act": "older" }, "Older") : null));
  }

  function showUnder() {
    const words = page ? `${many(page.runs.length, "run")}${page.next ? " on this page" : ""}` : "";
    if (chosen.size === 0) return show(under, h("p.found", null, words));
    return show(under, h("div.tools", null, h("span", null, `${chosen.size} chosen`), ["cancel", "retry", "resume", "kill"].map((verb) => h("button.act", { type: "button", "data-act": "bulk", "data-verb": verb, class: verb === "kill" ? "danger" : null }, verb[0].toUpperCase() + verb.slice(1))),
      h("button.plain", { type: "button", "data-act": "choose-none" }, "Choose none")));
  }

  function rowsOf(runs) {
    const took = (run) => Date.parse(run.endedAt ?? run.updatedAt) - Date.parse(run.createdAt);
    const longest = Math.max(1, ...runs.map(took));
    return table("Runs", ["~Chosen", "Run", "Status", "Started", ">Took", "~Beside the longest", ">Attempts", ">Tokens", ">Cost", "~Actions"], runs.map((run) => h("tr", { "data-row": run.id, "data-key": run.id, class: chosen.has(run.id) ? "chosen" : null },
      cell("", { class: "choice" }, h("button.box", { type: "button", role: "checkbox", "data-act": "choose", "data-name": run.id, "aria-checked": chosen.has(run.id) ? "true" : "false", "aria-label": `Choose run ${run.id}` }, chosen.has(run.id) ? "☑" : "☐")),
      cell("", { class: "name" }, h("a", { href: runPath(run.id), title: run.id }, run.name), h("span.kind", null, `${run.kind} · ${shortID(run.id)}`)),
      cell("", { class: "status" }, state(run.status), run.error ? h("span.note", { title: run.error.message }, `${run.error.code}: ${run.error.message}`) : run.pauseReason ? h("span.note", null, pauseWords(run.pauseReason)) : null),
      cell("", { class: "short" }, relative(run.createdAt)), cell("took", { class: "num short" }, run.endedAt ? duration(took(run)) : "–"),
      cell("", { class: "took" }, bar((took(run) / longest) * 0.79, "took, beside the longest")), cell("attempts", { class: "num" }, run.attempts), cell("tokens", { class: "num" }, short(run.tokens)),
      cell("", { class: "num" }, money(run.costNanoUSD)),
      cell("", { class: "more" }, h("button.plain", { type: "button", "data-act": "menu", "data-kind": "run", "data-name": run.id, "data-state": run.status, "aria-label": `What can be done with run ${run.id}`, disabled: verbsFor("run", run.status).length === 0 }, "⋯")))), "runs");
  }

  const choose = (id) => {
    if (!chosen.delete(id)) chosen.add(id);
    render();
    return true;
  };
  const toggle = (key, word) => {
    const words = new Set(listOf(key));
    if (!words.delete(word)) words.add(word);
    ask({ [key]: [...words].join(","), cursor: null });
  };

  return {
    title: () => "Runs",
    update(names) {
      render();
      if (names.has("runs") || names.has("first") || names.has("reset")) asking.go();
    },
    requery(next) {
      asked = next;
      if (document.activeElement !== field) field.value = next.get("name") ?? "";
      asking.go();
    },
    tick() { if (page?.runs.some((run) => !run.endedAt)) render(); },
    input(target) {
      if (target !== field) return;
      const text = field.value.trim();
      if (/^run_[0-9a-z]{26}$/.test(text)) ask({ name: null }, { replace: true });
      else ask({ name: text, cursor: null }, { replace: true });
    },
    changed(target) {
      const text = field.value.trim();
      if (target === field && /^run_[0-9a-z]{26}$/.test(text)) location.assign(runPath(text));
    },
    choose,
    act(name, from) {
      switch (name) {
        case "status": toggle("status", from.dataset.word); return true;
        case "kind": toggle("kind", from.dataset.word); return true;
        case "level": ask({ level: asked.get("level") === "all" ? null : "all", cursor: null }); return true;
        case "older": ask({ cursor: page.next }); scrollTo(0, 0); return true;
        case "choose": return choose(from.dataset.name);
        case "choose-none": chosen.clear(); render(); return true;
        case "bulk": bulk("run", from.dataset.verb, [...chosen]).then(() => { chosen.clear(); asking.go(); }); return true;
      }
      return false;
    },
    close: asking.stop,
  };
}

function teach() {
  return h("div.empty", null, h("p", null, "A run is one piece of work of an agent, a workflow, a saga or a pool. It survives crashes: what it did stands in its journal."),
    command('naos run researcher --input "What happens when step five of a saga fails?"'));
}
