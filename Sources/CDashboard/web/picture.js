// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors
//
// What the stream said so far, put together: the newest value of everything, and the newest lines and happenings.

export const mostLines = 50_000;
const mostEvents = 200;

export class Picture {
  constructor(lines = 1000) {
    this.lineLimit = lines;
    this.forget();
  }

  forget() {
    this.agents = new Map();
    this.totals = null;
    this.runs = [];
    this.events = [];
    this.lines = [];
    this.skipped = 0;
  }

  take(name, data) {
    switch (name) {
      case "snapshot":
      case "reset": {
        const { agents, ...totals } = data.status;
        this.agents = new Map(agents.map((agent) => [agent.name, agent]));
        this.totals = totals;
        this.runs = data.runs.runs;
        this.join(data.log.lines);
        if (data.events) this.events = data.events;
        break;
      }
      case "agents": for (const agent of data) this.agents.set(agent.name, agent); break;
      case "totals": this.totals = data; break;
      case "runs": this.runs = data.runs; break;
      case "events": {
        const at = new Date().toISOString();
        const fresh = data.missed ? data.events.filter((event) => this.statusOf(event.run) !== event.status) : data.events;
        this.events.push(...fresh.filter(isShown).map((event) => ({ at, ...event })));
        this.events.splice(0, this.events.length - mostEvents);
        break;
      }
      case "log": this.append(data.lines, data.skipped); break;
    }
  }

  /** What was heard of a run last. */
  statusOf(run) { return this.events.findLast((event) => event.type === "run" && event.run === run)?.status; }

  append(lines, skipped = 0) {
    if (skipped > 0 && lines.length > 0) this.lines.push({ skipped, at: lines[0].at, agent: "", text: "", stream: "" });
    for (const line of lines) this.lines.push(line);
    // A tenth at a time, so that a flood does not move the whole list for every line.
    if (this.lines.length > this.lineLimit * 1.1) this.lines.splice(0, this.lines.length - this.lineLimit);
  }

  /** Lines of a fresh start: those that are known already are not added twice. */
  join(lines) {
    const last = this.lines.at(-1);
    if (!last) return this.append(lines);
    const known = new Set(this.lines.slice(-lines.length * 2).map(identity));
    this.append(lines.filter((line) => !known.has(identity(line))));
    return undefined;
  }

  /** Everything as a stream would say it first; null before anything is known. */
  snapshot() {
    if (!this.totals) return null;
    return {
      status: { ...this.totals, agents: [...this.agents.values()] }, runs: { runs: this.runs },
      log: { lines: this.lines }, events: this.events,
    };
  }
}

/** Tells lines apart. */
export const identity = (line) => `${line.at}\n${line.agent}\n${line.text}`;

/** Starts of effects are followed by their ends, and most states of agents stand in the tables. */
function isShown(event) {
  if (event.type === "effect") return event.phase !== "started";
  if (event.type === "agent") return ["failed", "exhausted", "stuck", "backoff", "paused"].includes(event.state);
  return event.type === "run" || event.type === "supervisor" || event.type === "budget" || event.type === "denial";
}
