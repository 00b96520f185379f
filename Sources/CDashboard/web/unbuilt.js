// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors
//
// Pages whose subject this version does not have: they say so, and what stands in for it meanwhile.

import { command, h, show } from "./dom.js";

const subjects = {
  "/trust": {
    title: "Trust", off: "Trust is off",
    text: "This version checks no identities, tiers or ratings of agents. A configuration that demands them is refused, and so is every run that it covers.",
    instead: "What an agent may do is limited by its budget, its tools and the paths and hosts that it is granted.",
    commands: ["naos inspect AGENT", "naos doctor"], link: ["/agents", "Agents"],
  },
};

export function open({ root, path }) {
  const subject = subjects[path];
  function update() {
    show(root, h("h1", subject.title),
      h("section.panel.off", h("h2", h("span.glyph", { "aria-hidden": "true" }, "○ "), subject.off),
        h("p", subject.text), h("p", subject.instead), subject.commands.map((line) => command(line)),
        h("p", h("a", { href: subject.link[0] }, subject.link[1]))));
  }
  return { update, title: () => subject.title };
}
