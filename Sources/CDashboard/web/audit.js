// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors
//
// Who did what, newest first, and whether the record is whole.

import { get, query as queryOf, repeating } from "./api.js";
import { cell, count, download, h, moment, panel, runLink, show, state, table } from "./dom.js";
import { ask } from "./router.js";

const words = ["subject", "agent", "step", "verdict", "outcome", "code"];

export function open({ root, query }) {
  let asked = query;
  let page = null;
  let check = null;
  const field = h("input", { type: "search", "data-filter": true, "aria-label": "Only entries in which this occurs", placeholder: "event, actor, run, code", value: query.get("text") ?? "" });
  const body = h("div.stack");
  root.append(h("div.heading", h("h1", "Audit"), h("label.search", field), h("button.act", { "data-act": "verify" }, "Verify"), h("button.act", { "data-act": "export" }, "Download")), body);
  const asking = repeating(async (signal) => {
    try { page = await get(`/audit${queryOf({ text: asked.get("text"), before: asked.get("before"), limit: 50 })}`, signal); } catch (error) { page = error; }
    render();
  }, 2000);

  function render() {
    show(body, check && panel("Check", h("p", state(check.intact ? "ok" : "problem", check.root), check.intact ? ` ${count(check.size)} entries` : check.message),
      check.faults?.map((fault) => h("p.bad", fault.message))),
    page?.entries ? panel("Entries", table("Entries", [">No.", "When", "Event", "Who", "What", "Run"], [...page.entries].reverse().map((one) => h("tr", { "data-key": one.seq },
      cell("No.", { class: "num" }, one.seq), cell("When", moment(one.at, 0)), cell("Event", one.event), cell("Who", one.actor?.id),
      cell("What", words.map((key) => one[key]).filter(Boolean).join(" · ")), cell("Run", one.run ? runLink(one.run) : "–")))),
    page.entries[0]?.seq > 0 ? h("button.act", { "data-act": "older" }, "Older") : null) : h("p.empty", page?.message ?? "Asking the node…"));
  }
  return {
    update: asking.go,
    requery(next) { asked = next; asking.go(); },
    input(target) { if (target === field) ask({ text: field.value.trim(), before: null }, { replace: true }); },
    acts: {
      export() { if (page?.entries) download("audit.json", JSON.stringify(page.entries, null, 2), "application/json"); },
      older: () => ask({ before: String(page.entries[0].seq) }),
      async verify() {
        try { check = await get("/audit/check"); } catch (error) { check = error; }
        render();
      },
    },
    close: asking.stop,
  };
}
