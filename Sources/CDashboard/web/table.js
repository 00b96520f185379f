// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors
//
// A table of any length of which only the rows in sight exist. It scrolls in a box of its own.

import { h, me, morph, show } from "./dom.js";

/** Rows kept ready above and below those in sight. */
const spare = 5;

const gap = () => h("tr.gap", { "aria-hidden": "true" }, h("td"));

export class VirtualTable {
  /**
   * @param {{label: string, heads: any[], key: (row: any) => string, value: (row: any) => any,
   *   row: (value: any) => any[], className?: string}} options
   */
  constructor(options) {
    this.options = options;
    this.rows = [];
    this.height = 45;
    this.chosen = new Set();
    /** What is shown of which row: a row that is the same value as before is not made again. */
    this.made = new Map();
    /** In the place of the rows above and below. */
    this.above = gap();
    this.below = gap();
    this.body = h("tbody");
    this.table = h("table.virtual", { "aria-label": options.label, class: options.className },
      h("thead", h("tr", options.heads)), this.body);
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

  heads(heads) { morph(this.table.tHead, h("thead", h("tr", heads))); }

  put(rows) {
    this.rows = rows;
    this.table.setAttribute("aria-rowcount", String(rows.length + 1));
    this.render();
  }

  render() {
    const first = Math.max(0, Math.floor(this.box.scrollTop / this.height) - spare);
    const seen = Math.ceil((this.box.clientHeight || innerHeight) / this.height) + 2 * spare;
    const last = Math.min(this.rows.length, first + seen);
    const next = new Map();
    const wanted = [this.above];
    for (let index = first; index < last; index += 1) {
      const made = this.rowAt(index);
      next.set(made.key, made);
      wanted.push(made.element);
    }
    wanted.push(this.below);
    this.made = next;
    this.above.hidden = first === 0;
    this.above.style.height = `${first * this.height}px`;
    this.below.hidden = last === this.rows.length;
    this.below.style.height = `${(this.rows.length - last) * this.height}px`;
    const focus = document.activeElement;
    // What goes away goes first: a row that stays is then not moved, which would take the focus from it.
    const stays = new Set(wanted);
    for (const element of [...this.body.children]) if (!stays.has(element)) element.remove();
    let here = this.body.firstChild;
    for (const element of wanted) {
      if (element === here) here = here.nextSibling;
      else this.body.insertBefore(element, here);
    }
    if (focus !== document.activeElement && this.body.contains(focus)) focus.focus({ preventScroll: true });
    this.measure();
  }

  rowAt(index) {
    const key = this.options.key(this.rows[index]);
    const value = this.options.value(this.rows[index]);
    const isChosen = this.chosen.has(key);
    const before = this.made.get(key);
    const element = before?.element ?? h("tr", { "data-key": key, "data-row": key });
    const version = `${this.version} ${me.isOwner}`;
    if (before?.value !== value || before.version !== version) show(element, this.options.row(value));
    if (element.dataset.index !== String(index)) {
      element.dataset.index = String(index);
      element.setAttribute("aria-rowindex", String(index + 2));
    }
    element.classList.toggle("chosen", isChosen);
    return { key, value, element, version };
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
