// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors
//
// What waits for people, the oldest first: exactly what would be done, and yes, no or otherwise.

import { get, post, repeating } from "./api.js";
import { confirm, toast } from "./dialogs.js";
import { agentLink, empty, fact, h, json, me, moment, relative, runLink, show, state } from "./dom.js";

// Whoever decides sees all of it.
const most = 1e6;

const verbs = {
  approve: { title: "Approve", text: "It is done once, with exactly these arguments." },
  edit: { title: "Edit", text: "It is done with these arguments instead, if the boundaries permit them.", area: true },
  deny: { title: "Deny", text: "It is not done, and the agent is told why.", danger: true },
};

/** An agent's own question has no tool. */
const what = (one) => one.tool === "agent.action" ? `${one.agent} asks` : one.tool;

export function open({ root }) {
  let list = null;
  let all = false;
  const asking = repeating(async (signal) => {
    try { list = (await get(`/approvals?all=${all}&limit=200`, signal)).approvals.reverse(); } catch { return; }
    render();
  }, 250);

  const mayDecide = (one) => !one.settledAt && (me.isOwner || one.approvers.some((who) => who.replace(/^role:/, "") === me.role));

  async function decide(verb, id) {
    const one = list.find((other) => other.id === id);
    const act = verbs[verb];
    const answer = await confirm({
      title: `${act.title}: ${what(one)}`, text: h("div", h("p", act.text), act.area ? null : json(one.argumentsText, most)), verb: act.title, danger: act.danger,
      fields: [act.area ? { name: "arguments", label: "Arguments, as JSON", kind: "area", value: one.argumentsText } : null, { name: "reason", label: "Why" }].filter(Boolean),
    });
    if (!answer) return;
    try {
      const body = { digest: one.digest, reason: answer.reason };
      if (act.area) body.arguments = JSON.parse(answer.arguments);
      toast(`${what(one)}: ${(await post(`/approvals/${encodeURIComponent(id)}/${verb}`, body)).status}`);
    } catch (error) { toast(error.message, "bad"); }
    asking.go();
  }

  const acts = Object.fromEntries(Object.keys(verbs).map((verb) => [verb, (data) => decide(verb, data.id)]));
  acts.all = () => { all = !all; asking.go(); };

  function render() {
    show(root, h("h1", "Approvals"),
      h("p", h("button.chip", { "data-act": "all", "aria-pressed": String(all) }, "Settled too")),
      !list ? h("p.empty", "Asking the node…") : list.length === 0 ? empty("Nothing waits for you.", "naos approvals list --all") : list.map((one) =>
        h("section.panel", { "aria-label": one.id, "data-key": one.id, "data-row": one.id },
          h("div.heading", h("h2", what(one), " ", state(one.status)), !mayDecide(one) ? null : h("div.verbs", Object.entries(verbs).map(([verb, { title, danger }]) =>
            h("button.act", { class: danger ? "danger" : null, "data-act": verb, "data-id": one.id }, title)))),
          h("p", one.reason), json(one.argumentsText, most), one.evidence ? json(one.evidence, most) : null,
          h("dl.facts.row", fact("Agent", agentLink(one.agent)), fact("Run", runLink(one.run)), fact("Effect", one.effect),
            fact("Asked", relative(one.requestedAt)), fact("Expires", one.expiresAt ? moment(one.expiresAt, 0) : "never"),
            fact("Decides", `${one.approvers.join(", ")}: ${one.approvedBy.length} of ${one.quorum}`),
            one.decidedBy ? fact("Decided", one.decidedBy, one.decisionReason ? `: ${one.decisionReason}` : "") : null),
          h("p.note", one.id, " · ", one.digest))));
  }
  render();
  /** `y` and `n` decide about the one with the focus, or the only one. */
  function key(letter) {
    const open = (list ?? []).filter(mayDecide);
    const id = document.activeElement?.closest?.("[data-row]")?.dataset.row ?? (open.length === 1 ? open[0].id : null);
    const verb = { y: "approve", n: "deny" }[letter];
    if (!verb || !open.some((one) => one.id === id)) return false;
    decide(verb, id);
    return true;
  }
  return { acts, key, update(names) { if (["totals", "runs", "first", "reset"].some((name) => names.has(name))) asking.go(); render(); }, close: asking.stop };
}
