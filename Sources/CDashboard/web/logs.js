// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors
//
// What agents write: a list of any length that follows its end until somebody scrolls up.

import { get, query as queryOf } from "./api.js";
import { copy } from "./dialogs.js";
import { absolute, agentPath, chip, clock, count, h, many, show, visible } from "./dom.js";
import { live } from "./live.js";
import { identity, mostLines } from "./picture.js";
import { ask } from "./router.js";

const lineHeight = 20;
const spare = 20;
const firstLines = 2000;
/** How lines look that are not of the standard error. */
const kinds = { stdout: "out", naos: "own" };
/** A beat of the stream brings at most so many. */
const mostBeat = 1000;
/** With broken lines no two are equally high, so only so many are shown. */
const mostWrapped = 1500;

/** Colours and cursor movements of terminals say nothing here. */
const plain = (text) => text.replace(/\u001b(?:\[[0-9;?]*[ -/]*[@-~]|\][^\u0007]*\u0007?)/g, "");
/** A line that belongs to the one before it: the middle of a trace. */
const goesOn = (line, before) => before && before.agent === line.agent && before.attempt === line.attempt && (before.stream === "naos") === (line.stream === "naos") && /^[ \t]+\S|^\t|^(Caused by|[A-Za-z.]*(Error|Exception)\b)/.test(line.text);

/** The lines of one agent, one run or all, in a box that is as high as its place allows. */
export class LogView {
  constructor({ agent = "", run = "", stream = "", match = "", wrap = false, newestFirst = false } = {}) {
    this.wanted = { agent, run, stream, match, wrap, newestFirst };
    this.lines = [];
    this.items = [];
    this.follows = true;
    this.unseen = 0;
    this.opened = new Set();
    /** The newest lines that the node gave, and how often. */
    this.known = new Map();
    this.sheet = h("div.sheet");
    this.box = h("div.log", { tabindex: "0", role: "log", "aria-label": "Log lines", "aria-live": "off" }, this.sheet);
    this.more = h("button.chip.more-lines", { "data-act": "follow", hidden: true });
    this.told = h("p.found");
    this.element = h("div.log-view", this.told, h("div.log-box", this.box, this.more));
    this.box.addEventListener("scroll", () => this.scrolled(), { passive: true });
    this.watch = new ResizeObserver(() => this.later());
    this.watch.observe(this.box);
    this.take = (lines, skipped) => this.arrive(lines, skipped);
    live.lineListeners.add(this.take);
    this.fetch();
  }

  stop() {
    live.lineListeners.delete(this.take);
    this.watch.disconnect();
    cancelAnimationFrame(this.frame);
    this.stopped = true;
  }

  async fetch() {
    const { agent, run } = this.wanted;
    const mine = (this.asked = (this.asked ?? 0) + 1);
    this.failed = false;
    this.early = [];
    try {
      const page = await get(`/logs${queryOf({ agent, run, limit: firstLines })}`);
      if (mine !== this.asked || this.stopped) return;
      this.known.clear();
      for (const line of page.lines.slice(-mostBeat)) this.known.set(identity(line), (this.known.get(identity(line)) ?? 0) + 1);
      this.lines = [...this.older(page.lines), ...page.lines, ...this.early.filter((line) => this.isNew(line))];
    } catch {
      this.failed = true;
    }
    this.early = null;
    this.unseen = 0;
    this.sort();
  }

  /** The stream brings a line a little later than the node has it: perhaps it is here already. */
  isNew(line) {
    const times = this.known.get(identity(line));
    if (times) this.known.set(identity(line), times - 1);
    return !times;
  }

  /** What is known of before the lines that the node gave; if they do not meet, a mark stands between them. */
  older([first]) {
    if (!first || this.lines.length === 0) return [];
    const index = this.lines.findLastIndex((line) => identity(line) === identity(first));
    if (index >= 0) return this.lines.slice(0, index);
    return this.lines[0].at < first.at ? [...this.lines, { skipped: true, at: first.at, agent: "", text: "", stream: "" }] : [];
  }

  /** Another choice of lines; where the node has to be asked for them, it is. */
  want(wanted) {
    const before = this.wanted;
    this.wanted = { ...before, ...wanted };
    if (before.agent !== this.wanted.agent || before.run !== this.wanted.run) {
      this.lines = [];
      this.fetch();
    }
    this.follows = true;
    this.sort();
  }

  concerns(line) {
    const { agent, run } = this.wanted;
    return (!agent || line.agent === agent) && (!run || line.run === run);
  }

  arrive(lines, skipped) {
    // What was written meanwhile did not come.
    if (!lines) return this.fetch();
    const mine = lines.filter((line) => this.concerns(line) && (this.early || this.isNew(line)));
    if (skipped > 0) mine.unshift({ skipped, at: lines[0]?.at ?? new Date().toISOString(), agent: "", text: "", stream: "" });
    if (mine.length === 0) return undefined;
    if (this.early) { this.early.push(...mine); return undefined; }
    for (const line of mine) this.lines.push(line);
    if (this.lines.length > mostLines) this.lines.splice(0, this.lines.length - Math.floor(mostLines * 0.9));
    if (!this.follows) this.unseen += mine.length;
    this.dirty = true;
    this.later();
    return undefined;
  }

  /** Chooses and folds: an item is a line with those that go on with it. */
  sort() {
    const { stream, match, newestFirst } = this.wanted;
    let pattern = null;
    this.problem = null;
    if (match) try { pattern = new RegExp(match, "i"); } catch (error) { this.problem = error.message; }
    this.items = [];
    let head = null;
    let before = null;
    for (const line of this.lines) {
      if (stream && line.stream !== stream && !line.skipped) continue;
      if (goesOn(line, before) && head) {
        head.rest.push(line);
        before = line;
        continue;
      }
      before = line;
      head = { line, rest: [] };
      this.items.push(head);
    }
    if (pattern) this.items = this.items.filter((item) => !item.line.skipped && (pattern.test(item.line.text) || item.rest.some((line) => pattern.test(line.text))));
    if (newestFirst) this.items.reverse();
    this.rows = this.items.flatMap((item) => (this.opened.has(item.line) ? [{ item }, ...item.rest.map((line) => ({ line }))] : [{ item }]));
    this.dirty = false;
    this.later();
  }

  later() {
    if (this.frame || this.stopped) return;
    this.frame = requestAnimationFrame(() => {
      this.frame = 0;
      if (this.dirty) this.sort();
      this.render();
    });
  }

  get end() { return this.wanted.newestFirst ? 0 : this.box.scrollHeight - this.box.clientHeight; }

  scrolled() {
    const distance = this.wanted.newestFirst ? this.box.scrollTop : this.end - this.box.scrollTop;
    // The height may just have changed under a box that follows.
    if (!this.moving) this.setFollow(distance < lineHeight * 1.5);
    this.moving = false;
    this.later();
  }

  setFollow(follows) {
    if (follows) this.unseen = 0;
    if (follows === this.follows) return;
    this.follows = follows;
    this.later();
  }

  toEnd() {
    this.setFollow(true);
    this.later();
  }

  render() {
    const rows = this.rows ?? [];
    const { wrap, match } = this.wanted;
    this.box.classList.toggle("wrap", wrap);
    const shown = wrap ? (this.wanted.newestFirst ? rows.slice(0, mostWrapped) : rows.slice(-mostWrapped)) : rows;
    if (!wrap) this.sheet.style.height = `${shown.length * lineHeight}px`;
    else this.sheet.style.height = "";
    if (this.follows && Math.abs(this.box.scrollTop - this.end) > 1) {
      this.moving = true;
      this.box.scrollTop = this.end;
    }
    const first = wrap ? 0 : Math.max(0, Math.floor(this.box.scrollTop / lineHeight) - spare);
    const last = wrap ? shown.length : Math.min(shown.length, first + Math.ceil(this.box.clientHeight / lineHeight) + 2 * spare);
    show(this.sheet, shown.slice(first, last).map((row, index) => this.rowOf(row, wrap ? null : (first + index) * lineHeight)));
    if (wrap && this.follows) this.box.scrollTop = this.end;
    const words = this.problem ? `No pattern: ${this.problem}` : this.failed ? "The lines could not be read." : rows.length === 0 ? "" : match || this.wanted.stream ? `${many(this.items.length, "line")} of ${count(this.lines.length)}` : many(this.lines.length, "line");
    show(this.told, h("span", { class: this.problem || this.failed ? "bad" : null }, words));
    this.box.hidden = rows.length === 0;
    const teach = this.element.querySelector(".empty");
    if (rows.length === 0 && !teach) this.element.append(h("p.empty", this.lines.length > 0 ? "No line is like that." : "No lines yet: what agents write to their standard error shows up here."));
    if (rows.length > 0) teach?.remove();
    this.more.hidden = this.follows || rows.length === 0;
    const label = this.unseen > 0 ? `${count(this.unseen)} new ${this.wanted.newestFirst ? "↑" : "↓"}` : `To the ${this.wanted.newestFirst ? "top ↑" : "end ↓"}`;
    if (this.more.textContent !== label) this.more.textContent = label;
  }

  rowOf(row, top) {
    const line = row.line ?? row.item.line;
    const size = top === null ? null : { top: `${top}px` };
    if (line.skipped) return h("div.line.skip", { size }, h("span", line.skipped === true ? "… lines in between are not shown" : `… ${many(line.skipped, "line")} came faster than they could be shown`));
    const folded = row.item?.rest.length ?? 0;
    const time = h("time.fixed", { datetime: line.at, title: absolute(line.at) }, clock(line.at));
    const who = h("a.who", { href: agentPath(line.agent), title: line.run ?? line.agent, tabindex: "-1" }, line.agent, line.stream === "naos" ? "/naos" : "");
    return h("div.line", { size, class: `${kinds[line.stream] ?? ""} ${row.line ? "rest" : ""}` }, time, who,
      h("span.text", plain(visible(line.text, 1000))),
      folded > 0 ? h("button.fold-lines", { "data-act": "unfold", "data-index": this.items.indexOf(row.item), "aria-expanded": this.opened.has(line) ? "true" : "false" }, this.opened.has(line) ? "fold" : `+${folded}`) : null,
      h("button.copy-line", { "data-act": "copy", tabindex: "-1", "aria-label": "Copy the line", "data-text": visible(line.text, 100_000) }, "⧉"));
  }

  acts = {
    follow: () => this.toEnd(),
    unfold: ({ index }) => {
      const { line } = this.items[Number(index)];
      if (!this.opened.delete(line)) this.opened.add(line);
      this.sort();
    },
    "copy-all": () => copy(this.items.flatMap((item) => [item.line, ...item.rest]).map((line) => `${line.at} ${line.agent}${line.stream === "naos" ? "/naos" : ""} ${line.text}`).join("\n")),
  };
}

/** The lines of one agent or run as a part of its page. */
export function logPanel(log) {
  const { agent, run } = log.wanted;
  return h("section.panel", { "aria-label": "Logs" }, h("div.heading", h("h2", "Logs"), h("a", { href: `/logs${queryOf({ agent, run })}` }, "With all filters")), log.element);
}

export function open({ root, query }) {
  const wanted = (from) => ({
    agent: from.get("agent") ?? "", run: from.get("run") ?? "", stream: from.get("stream") ?? "", match: from.get("q") ?? "",
    wrap: from.get("wrap") === "yes", newestFirst: from.get("order") === "newest",
  });
  let now = wanted(query);
  const view = new LogView(now);
  const field = h("input", { type: "search", "data-filter": true, "aria-label": "Only lines that match this regular expression", placeholder: "words or a regular expression", spellcheck: "false", autocomplete: "off", value: now.match });
  const controls = h("div.controls");
  root.append(h("div.heading", h("h1", "Logs"), h("label.search", field)), controls, view.element);

  function render() {
    const names = new Set([...live.agents.keys()].sort());
    if (now.agent) names.add(now.agent);
    const choice = (name, label, value, options) => h("label.field", label, " ", h("select", { "data-choice": name, "data-value": value }, options.map(([key, words]) => h("option", { value: key, selected: key === value }, words))));
    show(controls,
      choice("agent", "Agent", now.agent, [["", "all"], ...[...names].map((name) => [name, name])]),
      choice("stream", "Stream", now.stream, [["", "all"], ["stderr", "stderr"], ["stdout", "stdout"], ["naos", "naos"]]),
      choice("order", "Order", now.newestFirst ? "newest" : "", [["", "oldest first"], ["newest", "newest first"]]),
      now.run ? chip(`run ${now.run.slice(-8)} ✕`, { "data-act": "drop-run" }, true) : null,
      chip("Wrap", { "data-act": "wrap" }, now.wrap),
      chip("Follow", { "data-act": "follow" }, view.follows),
      h("button.plain", { "data-act": "copy-all" }, "Copy all"));
  }
  return {
    update() { render(); view.later(); },
    tick: render,
    requery(next) {
      now = wanted(next);
      if (document.activeElement !== field) field.value = now.match;
      view.want(now);
    },
    input(target) { if (target === field) ask({ q: field.value }, { replace: true }); },
    changed(target) { if (target.dataset.choice) ask({ [target.dataset.choice]: target.value }); },
    log: view,
    acts: { wrap: () => ask({ wrap: now.wrap ? null : "yes" }), "drop-run": () => ask({ run: null }) },
    close: () => view.stop(),
  };
}
