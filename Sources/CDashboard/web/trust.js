// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors
//
// Trust, which this version does not have: it says so, and what stands in for it meanwhile.

import { command, h, show } from "./dom.js";

export function open({ root }) {
  return {
    update: () => show(root, h("h1", "Trust"), h("section.panel.off", h("h2", h("span.glyph", { "aria-hidden": "true" }, "○ "), "Trust is off"),
      h("p", "This version checks no identities, tiers or ratings of agents; a configuration that demands them is refused."),
      h("p", "What an agent may do is limited by its budget, its tools and the paths and hosts that it is granted."),
      command("naos inspect AGENT"), command("naos doctor"))),
  };
}
