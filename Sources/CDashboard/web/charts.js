// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors
//
// Pictures of numbers, each with its table for those who would rather read.

import { absolute, clock, colourOf, count, duration, h, money, nodeNow, relative, short, sumOf, table } from "./dom.js";

/** The numbers behind a picture. */
export function numbers(key, label, heads, rows) {
  return h("details.numbers-of", { "data-key": key }, h("summary", "As a table"),
    rows.length === 0 ? h("p.quiet", "Nothing in this time.") : table(label, heads, rows.map((cells) => h("tr", cells.map((text, index) => h("td", { class: heads[index].startsWith(">") ? "num" : null }, text))))));
}

/** How full something is. */
export function bar(ratio, label, className = "") {
  const share = Math.min(1, Math.max(0, ratio));
  const level = share >= 1 ? "over" : share >= 0.8 ? "near" : "";
  return h("progress", { class: `${className} ${level}`.trim(), max: "1", value: share.toFixed(4), "aria-label": `${label}: ${Math.round(share * 100)} %` });
}

/** What one budget has used, in words and as a bar. */
export function budget(status, { scope = false } = {}) {
  if (!status) return h("span.quiet", "no budget");
  const parts = limitsOf(status).map((key) => {
    const [words, unit] = measures[key];
    return `${words(status[`used${key}`])} of ${words(status[`max${key}`])}${unit}`;
  });
  return h("div.budget", scope ? h("span.name", status.scope.replace(/^agent:/, "")) : null,
    h("span", parts.join(" · "), h("span.quiet", { lifetime: " in all", hour: " an hour" }[status.per] ?? ` a ${status.per}`)),
    bar(budgetRatio(status), `${status.scope}, used`), status.hard ? null : h("span.note", "soft: it only alerts"));
}

/** One budget, how long it lasts, and what can be done about it. */
export function budgetCard(one) {
  const { scope, per, forecast, override } = one;
  const notes = [`at the limit: ${one.onLimit}`, one.heldNanoUSD > 0 && `${money(one.heldNanoUSD)} held by calls under way`,
    one.exhausted ? "used up" : { exhausts: ["used up ", relative(forecast?.at), " at this pace"], lasts: "lasts at this pace" }[forecast?.state],
    one.resetsAt && ["starts anew ", relative(one.resetsAt)],
    override && ["set by hand ", relative(override.at), override.reason ? ` (${override.reason})` : ""]].filter(Boolean);
  const data = { "data-scope": scope, "data-per": per };
  return h("div.budget-card", { "data-key": `${scope} ${per}` }, budget(one, { scope: true }),
    h("p.note", notes.map((note, index) => (index > 0 ? [" · ", note] : note))),
    h("div.verbs", h("button.act", { ...data, "data-act": "edit-budget", "data-dollars": one.maxNanoUSD === null ? "" : one.maxNanoUSD / 1e9, "data-tokens": one.maxTokens ?? "", "aria-label": `Edit the budget of ${scope}, ${per}` }, "Edit"),
      override ? h("button.act", { ...data, "data-act": "clear-budget" }, "Take back") : null));
}

/** What an agent has spent, beside its own budget if it has one. */
export function spent(agent) {
  return agent.budget?.scope.startsWith("agent:") ? budget(agent.budget) : h("span", money(agent.costNanoUSD));
}

/** What a budget limits, with its words; what calls under way hold is in what is used. */
const measures = { NanoUSD: [money, ""], Tokens: [short, " tokens"], Requests: [short, " requests"] };
const limitsOf = (status) => Object.keys(measures).filter((key) => status[`max${key}`] != null);

export function budgetRatio(status) {
  if (!status) return 0;
  if (status.exhausted) return 1;
  return Math.max(0, ...limitsOf(status).map((key) => (status[`max${key}`] > 0 ? status[`used${key}`] / status[`max${key}`] : 1)));
}

/**
 * Columns of what happened in equal stretches of time, stacked by kind.
 *
 * @param {{at: number, parts: {word: string, value: number, colour: string}[]}[]} columns
 */
export function columns(label, list, { height = 64, most = 0, name = (value) => count(value), step = 0 } = {}) {
  const width = 10;
  const top = Math.max(most, 1e-9, ...list.map((column) => sumOf(column.parts, (part) => part.value)));
  const made = list.map((column, index) => {
    let y = height;
    const total = sumOf(column.parts, (part) => part.value);
    const words = column.parts.filter((part) => part.value > 0).map((part) => `${name(part.value)} ${part.word}`).join(", ");
    const at = `${clock(column.at, 0).slice(0, 5)}${step ? `–${clock(column.at + step, 0).slice(0, 5)}` : ""}`;
    return h("g", h("title", `${at}: ${words || "nothing"}`),
      h("rect.ground", { x: index * width, y: 0, width: width - 2, height }),
      total === 0 ? h("rect.base", { x: index * width, y: height - 2, width: width - 2, height: 2 }) : null,
      column.parts.map((part) => {
        if (part.value <= 0) return null;
        const size = Math.max(3, (part.value / top) * (height - 2));
        y -= size;
        return h("rect", { class: part.colour, x: index * width, y: Math.max(0, y).toFixed(1), width: width - 2, height: Math.min(size, height).toFixed(1) });
      }));
  });
  const first = list[0];
  const last = list.at(-1);
  return h("figure.chart",
    h("svg", { viewBox: `0 0 ${list.length * width - 2} ${height}`, preserveAspectRatio: "none", role: "img", "aria-label": label }, made),
    h("figcaption", h("span", first ? clock(first.at, 0).slice(0, 5) : ""), h("span", label), h("span", last ? clock(last.at + step, 0).slice(0, 5) : "")));
}

/** Sorts things into `size` stretches of `step` milliseconds that end now. */
export function stretches(things, { size, step, now, at, word, value = () => 1, colour }) {
  const end = Math.ceil(now / step) * step;
  const start = end - size * step;
  const made = Array.from({ length: size }, (_, index) => ({ at: start + index * step, parts: new Map() }));
  for (const thing of things) {
    const index = Math.floor((at(thing) - start) / step);
    if (index < 0 || index >= size) continue;
    const key = word(thing);
    made[index].parts.set(key, (made[index].parts.get(key) ?? 0) + value(thing));
  }
  return made.map((column) => ({
    at: column.at, parts: [...column.parts].map(([key, sum]) => ({ word: key, value: sum, colour: colour ?? colourOf(key) })),
  }));
}

/**
 * How a budget was used over time, and the line from now to when it will be used up; what was used before the oldest
 * charge that is known is where the line begins.
 */
export function pace(one, charges, now) {
  const reset = one.resetsAt ? Date.parse(one.resetsAt) : null;
  const length = { hour: 36e5, day: 864e5, week: 6048e5, month: 2678.4e6 }[one.per];
  const known = charges.filter((charge) => !(Date.parse(charge.at) <= reset - length)).reverse();
  const first = Math.max(0, one.usedNanoUSD - sumOf(known, (charge) => charge.costNanoUSD));
  let used = first;
  const points = known.map((charge) => ({ at: Date.parse(charge.at), used: (used += charge.costNanoUSD) }));
  const from = points[0]?.at ?? now - 36e5;
  const dry = one.forecast?.state === "exhausts" ? Date.parse(one.forecast.at) : null;
  // The future has a third of the picture: what comes much later shows as a line that leads out of it.
  const to = Math.max(now + 1, Math.min(reset ?? Infinity, dry ?? Infinity, now + Math.max(now - from, 6e4) / 2));
  const [width, height] = [600, 90];
  const x = (at) => (((at - from) / (to - from)) * width).toFixed(1);
  const top = Math.max(one.maxNanoUSD, one.usedNanoUSD) * 1.08;
  const y = (value) => (height - (value / top) * height).toFixed(1);
  const path = points.reduce((line, point) => `${line}H${x(point.at)}V${y(point.used)}`, `M0,${y(first)}`) + `H${x(now)}`;
  const end = dry ? one.usedNanoUSD + ((one.maxNanoUSD - one.usedNanoUSD) * (to - now)) / Math.max(1, dry - now) : one.usedNanoUSD;
  const words = one.exhausted ? "used up" : dry ? ["used up ", relative(one.forecast.at), " at this pace"] : "lasts at this pace";
  return {
    rows: [...points.slice(-24).map((point) => [absolute(point.at), money(point.used)]), ["now", money(one.usedNanoUSD)], ...(dry ? [[absolute(dry), money(one.maxNanoUSD)]] : [])],
    picture: (label) => h("figure.chart", h("svg.pace", { viewBox: `0 0 ${width} ${height}`, preserveAspectRatio: "none", role: "img", "aria-label": label },
      h("line.limit", { x1: 0, x2: width, y1: y(one.maxNanoUSD), y2: y(one.maxNanoUSD) }), h("path.area", { d: `${path}V${height}H0Z` }), h("path.used", { d: path }),
      h("line.ahead", { x1: x(now), y1: y(one.usedNanoUSD), x2: x(to), y2: y(Math.min(end, top)) })),
    h("figcaption", h("span", clock(from, 0).slice(0, 5)), h("span", label, ": ", words), h("span", clock(to, 0).slice(0, 5)))),
  };
}

/** The restart window of a supervisor: each restart where it stands in it, and how many more it bears. */
export function windowMeter(restarts) {
  const { count: used, max, withinSeconds, recent } = restarts;
  const level = used >= max ? "bad" : used > max * 0.6 ? "warn" : used > 0 ? "some" : "";
  const start = nodeNow() - withinSeconds * 1000;
  const words = `${used} of ${max} restarts in ${withinSeconds} s`;
  return h("div.window", { class: level },
    h("svg", { viewBox: "0 0 200 14", role: "img", "aria-label": words },
      h("title", words), h("rect.ground", { x: 0, y: 6, width: 200, height: 2 }),
      h("line.edge", { x1: 0.5, y1: 1, x2: 0.5, y2: 13 }), h("line.edge", { x1: 199.5, y1: 1, x2: 199.5, y2: 13 }),
      recent.map((restart) => {
        const share = Math.min(1, Math.max(0, (Date.parse(restart.at) - start) / (withinSeconds * 1000)));
        return h("circle", { cx: (share * 192 + 4).toFixed(1), cy: 7, r: 4 }, h("title", `${restart.child}: ${restart.reason}, ${absolute(restart.at)}`));
      })),
    h("span.window-words", words));
}

/**
 * What happened when, in lanes; stretches in which nothing happened are folded.
 *
 * @param {{key: string, name: any, label: string, spans: {from: number, to: number, word: string, title: string, href?: string}[]}[]} lanes
 */
export function timeline(label, lanes, now) {
  const spans = lanes.flatMap((lane) => lane.spans);
  if (spans.length === 0) return h("p.quiet", "Nothing has begun yet.");
  const scale = foldedScale(spans, now);
  const percent = (value) => `${(value * 100).toFixed(2)}%`;
  return h("div.timeline", { role: "group", "aria-label": label }, lanes.map((lane) => h("div.lane", { "data-key": lane.key },
    h("span.lane-name", lane.name),
    h("div.track",
      scale.folds.map((fold) => h("span.fold", { title: `nothing for ${duration(fold.length)}`, size: { left: percent(fold.at), width: percent(fold.width) } })),
      lane.spans.map((span) => {
        const left = scale.place(span.from);
        return h("span.span", {
          class: colourOf(span.word), title: span.title,
          size: { left: percent(left), width: `max(4px, ${percent(Math.max(0, scale.place(span.to) - left))})` },
        });
      })))),
    h("div.lane.axis", { "aria-hidden": "true" }, h("span.lane-name"), h("div.track",
      h("span", clock(scale.first)),
      scale.folds.length > 0 ? h("span.quiet", `${scale.folds.length === 1 ? "one idle time" : `${scale.folds.length} idle times`} folded: ${scale.folds.map((fold) => duration(fold.length)).slice(0, 3).join(", ")}`) : null,
      h("span", duration(scale.last - scale.first)))));
}

/** Maps times to 0…1 so that a long stretch without any span takes little room. */
function foldedScale(spans, now) {
  const sorted = spans.map((span) => [span.from, Math.max(span.to ?? now, span.from)]).sort((a, b) => a[0] - b[0]);
  const busy = [];
  for (const [from, to] of sorted) {
    const last = busy.at(-1);
    if (last && from <= last[1]) last[1] = Math.max(last[1], to); else busy.push([from, to]);
  }
  const first = busy[0][0];
  const last = busy.at(-1)[1];
  const work = busy.reduce((sum, [from, to]) => sum + Math.max(1, to - from), 0);
  // A gap is folded where it is much longer than all the work; it then takes as much room as a fifteenth of the work.
  const folded = Math.max(1, work / 15);
  const parts = [];
  let length = 0;
  const raw = [];
  busy.forEach(([from, to], index) => {
    if (index > 0) {
      const gap = from - busy[index - 1][1];
      const isFold = gap > work / 2 && gap > 1000;
      parts.push({ from: busy[index - 1][1], to: from, at: length, length: isFold ? folded : gap });
      if (isFold) raw.push({ at: length, width: folded, length: gap });
      length += isFold ? folded : gap;
    }
    parts.push({ from, to, at: length, length: Math.max(1, to - from) });
    length += Math.max(1, to - from);
  });
  const place = (time) => {
    const part = parts.find((one) => time <= one.to) ?? parts.at(-1);
    const share = part.to > part.from ? Math.min(1, Math.max(0, (time - part.from) / (part.to - part.from))) : 0;
    return (part.at + share * part.length) / length;
  };
  return { first, last, place, folds: raw.map((fold) => ({ at: fold.at / length, width: fold.width / length, length: fold.length })) };
}

/** How many agree, and how many have to. */
export function quorumMeter(groups, needed, total) {
  const silent = total - sumOf(groups, (group) => group.count);
  return h("div.quorum", groups.map((group, index) => h("span.votes", { class: index === 0 && group.count >= needed ? "good" : "quiet", size: { flexGrow: String(group.count) }, title: `${group.count} say ${group.label}` }, `${group.count} × ${group.label}`)),
    silent > 0 ? h("span.votes.none", { size: { flexGrow: String(silent) } }, `${silent} without an answer`) : null);
}
