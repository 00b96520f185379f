// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors
//
// Runs, newest first, a page at a time; the choice is a part of the address.

import { bulk, bulkButton, menuButton } from "./actions.js";
import { get, query as queryOf, repeating } from "./api.js";
import { cell, chip, command, count, h, many, nodeNow, runPath, runStatuses, show, state } from "./dom.js";
import { live } from "./live.js";
import { ask } from "./router.js";
import { runTable } from "./rows.js";

const pageSize = 50;
const kinds = ["agent", "workflow", "saga", "pool"];
const spans = { "1h": 36e5, "24h": 864e5, "7d": 6048e5 };

export function open({ root, query }) {
  let asked = query;
  let page = null;
  let problem = null;
  const chosen = new Set();
  const field = h("input", { type: "search", "data-filter": true, "aria-label": "Only runs of this name, or one run by its id", placeholder: "name of an agent or workflow, or run_…", spellcheck: "false", autocomplete: "off", value: query.get("name") ?? "" });
  const chips = h("div.facets");
  const under = h("div.under");
  const body = h("section.panel", { "aria-label": "Runs" });
  root.append(h("div.heading", h("h1", "Runs"), h("label.search", field), h("button.act.primary", { "data-act": "start-run" }, "Start a run")), chips, under, body);

  const asking = repeating(async (signal) => {
    const parameters = asked.toString();
    try {
      const next = await get(`/runs${queryOf({
        status: asked.get("status"), kind: asked.get("kind"), name: asked.get("name"), cursor: asked.get("cursor"),
        parent: asked.get("level") === "all" ? "any" : null, limit: pageSize,
      })}`, signal);
      if (parameters !== asked.toString()) return asking.go();
      const since = spans[asked.get("since")];
      page = since ? within(next, nodeNow() - since) : next;
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
      chip([state(word), h("span.many", count(counts[word] ?? 0))], { "data-act": "status", "data-word": word, "data-key": word }, statuses.includes(word)))),
    h("div.chips", { role: "group", "aria-label": "Kinds" }, kinds.map((word) => chip(word, { "data-act": "kind", "data-word": word }, wanted.includes(word))),
      chip("with those that runs started", { "data-act": "level" }, asked.get("level") === "all")),
    h("div.chips", { role: "group", "aria-label": "Started" }, Object.keys(spans).map((word) => chip(`last ${word}`, { "data-act": "since", "data-word": word }, asked.get("since") === word))));
    showUnder();
    if (problem) return show(body, h("p.empty.bad", problem));
    if (!page) return show(body, h("p.empty", "Asking the node…"));
    if (page.runs.length === 0) return show(body, [...asked.keys()].length > 0 ? h("p.empty", "No run is like that. ", h("a", { href: "/runs" }, "Show all runs")) : teach());
    return show(body, rowsOf(page.runs), h("div.pager",
      asked.get("cursor") ? h("a.act", { href: `/runs${queryOf({ ...Object.fromEntries(asked), cursor: "" })}` }, "Newest") : null,
      page.next ? h("button.act", { "data-act": "older" }, "Older") : null));
  }

  function showUnder() {
    const words = page ? `${many(page.runs.length, "run")}${page.next ? " on this page" : ""}` : "";
    if (chosen.size === 0) return show(under, h("p.found", words));
    return show(under, h("div.tools", h("span", `${chosen.size} chosen`), ["cancel", "retry", "resume", "kill"].map((verb) => bulkButton("run", verb)),
      h("button.plain", { "data-act": "choose-none" }, "Choose none")));
  }

  const box = (run) => cell("", { class: "choice" }, h("button.box", { role: "checkbox", "data-act": "choose", "data-name": run.id, "aria-checked": String(chosen.has(run.id)), "aria-label": `Choose run ${run.id}` }, chosen.has(run.id) ? "☑" : "☐"));
  const rowsOf = (runs) => runTable("Runs", "name status started took share attempts tokens cost", runs, { first: ["~Chosen", box], last: ["~Actions", (run) => cell("", { class: "more" }, menuButton("run", run.id, run.status))], chosen, name: "runs" });

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
    acts: {
      status: ({ word }) => toggle("status", word),
      kind: ({ word }) => toggle("kind", word),
      since: ({ word }) => ask({ since: asked.get("since") === word ? null : word, cursor: null }),
      level: () => ask({ level: asked.get("level") === "all" ? null : "all", cursor: null }),
      older() { ask({ cursor: page.next }); scrollTo(0, 0); },
      choose: ({ name }) => choose(name),
      "choose-none"() { chosen.clear(); render(); },
      bulk: ({ verb }) => bulk("run", verb, [...chosen]).then(() => { chosen.clear(); asking.go(); }),
    },
    close: asking.stop,
  };
}

/** Those that began since then; they are in the order of their beginnings. */
function within(page, since) {
  const runs = page.runs.filter((run) => Date.parse(run.createdAt) >= since);
  return { runs, next: runs.length < page.runs.length ? null : page.next };
}

function teach() {
  return h("div.empty", h("p", "A run is one piece of work of an agent, a workflow, a saga or a pool. It survives crashes."),
    command('naos run researcher --input "What happens when step five of a saga fails?"'));
}
