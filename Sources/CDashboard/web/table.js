// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors
//
// A table of any length of which only the rows in sight exist. It scrolls in a box of its own.

import { h, morph, show } from "/dom.js";

/** Rows kept ready above and below those in sight. */
const spare = 8;

export class VirtualTable {
  /**
   * @param {{label: string, heads: any[], key: (row: any) => string, row: (row: any) => any[], link: (row: any) => string,
   *   className?: string}} options
   */
  constructor(options) {
    this.options = options;
    this.rows = [];
    this.height = 45;
    this.chosen = new Set();
    this.body = h("tbody");
    this.table = h("table.virtual", { "aria-label": options.label, class: options.className },
      h("thead", null, h("tr", null, options.heads)), this.body);
    this.box = h("div.rows", { tabindex: "0", role: "region", "aria-label": options.label }, this.table);
    this.box.addEventListener("scroll", () => this.later(), { passive: true });
    this.watch = new ResizeObserver(() => this.later());
    this.watch.observe(this.box);
  }

  stop() {
    this.watch.disconnect();
    cancelAnimationFrame(this.frame);
  }

  later() {
    if (this.frame) return;
    this.frame = requestAnimationFrame(() => {
      this.frame = 0;
      this.render();
    });
  }

  heads(heads) { morph(this.table.tHead, h("thead", null, h("tr", null, heads))); }

  put(rows) {
    this.rows = rows;
    this.table.setAttribute("aria-rowcount", String(rows.length + 1));
    this.render();
  }

  render() {
    const first = Math.max(0, Math.floor(this.box.scrollTop / this.height) - spare);
    const seen = Math.ceil((this.box.clientHeight || innerHeight) / this.height) + 2 * spare;
    const last = Math.min(this.rows.length, first + seen);
    const made = [];
    if (first > 0) made.push(h("tr.gap", { "aria-hidden": "true", "data-key": " above", size: { height: `${first * this.height}px` } }, h("td")));
    for (let index = first; index < last; index += 1) {
      const row = this.rows[index];
      const key = this.options.key(row);
      made.push(h("tr", {
        "aria-rowindex": String(index + 2), "data-key": key, "data-row": key, "data-index": index,
        class: this.chosen.has(key) ? "chosen" : null,
      }, this.options.row(row)));
    }
    const below = this.rows.length - last;
    if (below > 0) made.push(h("tr.gap", { "aria-hidden": "true", "data-key": " below", size: { height: `${below * this.height}px` } }, h("td")));
    show(this.body, made);
    this.measure();
  }

  /** All rows are equally high; how high is what the style makes of the first one. */
  measure() {
    const row = this.body.querySelector("tr[data-row]");
    const height = row?.offsetHeight;
    if (height && Math.abs(height - this.height) > 0.5) {
      this.height = height;
      this.later();
    }
  }

  /** Moves the focus by so many rows, also to one that does not exist yet. */
  move(step) {
    const now = document.activeElement?.closest?.("[data-row]");
    const index = now && this.body.contains(now) ? Number(now.dataset.index) + step : Math.floor(this.box.scrollTop / this.height) + (step < 0 ? -1 : 0);
    const target = Math.max(0, Math.min(this.rows.length - 1, index));
    const top = target * this.height;
    const head = this.table.tHead.offsetHeight;
    if (top < this.box.scrollTop) this.box.scrollTop = top;
    else if (top + this.height + head > this.box.scrollTop + this.box.clientHeight) this.box.scrollTop = top + this.height + head - this.box.clientHeight;
    this.render();
    this.body.querySelector(`tr[data-index="${target}"] a`)?.focus({ preventScroll: true });
  }
}
