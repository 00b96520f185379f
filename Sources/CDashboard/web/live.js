// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors
//
// What this tab knows of the node, kept up to date by the worker that all tabs share, or by a stream of its own.

import { headers } from "./api.js";
import { setSkew } from "./dom.js";
import { Picture, mostLines } from "./picture.js";
import { Unauthorised, follow } from "./stream.js";

export const live = new Picture(mostLines);
live.link = { state: "connecting", until: 0, lastHeard: 0, paused: false };
/** Called with every line as it comes, and with null after a time without the node. */
live.lineListeners = new Set();
/** The runs that something happened to since the listeners were called last. */
live.touched = new Set();

const listeners = new Set();
const changed = new Set();
let frame = 0;

/** Calls `listener` with the names of what changed, at most once a frame, and not while nobody looks. */
export function subscribe(listener) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

function notify(name) {
  changed.add(name);
  if (frame !== 0) return;
  frame = requestAnimationFrame(() => {
    frame = 0;
    const names = new Set(changed);
    changed.clear();
    for (const listener of [...listeners]) listener(names);
    live.touched.clear();
  });
}

function take(name, data) {
  live.link.lastHeard = Date.now();
  // What is missed while it is paused is asked for afresh when it goes on.
  if (live.link.paused) return;
  live.take(name, data);
  if (name === "log") for (const listener of live.lineListeners) listener(data.lines, data.skipped);
  if (name === "snapshot" || name === "reset") {
    live.boot = live.totals.node.boot;
    for (const listener of live.lineListeners) listener(null, 0);
    for (const part of ["agents", "totals", "runs", "events", "log", "reset"]) notify(part);
  } else {
    if (name === "events") for (const event of data.events) if (event.run) live.touched.add(event.run);
    notify(name);
  }
}

function tell(state, until, skew) {
  if (skew) setSkew(skew);
  live.link.state = state;
  live.link.until = until;
  if (state === "live") live.link.lastHeard = Date.now();
  notify("link");
}

const leave = () => location.replace("/login");
let port = null;
let own = null;

/** Follows the node; `program` is the address of the file that the shared worker runs, too. */
export function connect(program) {
  const session = headers()["x-naos-session"];
  if (typeof SharedWorker === "undefined") return followAlone(session);
  try {
    const policy = self.trustedTypes?.createPolicy("naos", { createScriptURL: () => program });
    const worker = new SharedWorker(policy?.createScriptURL("") ?? program, { type: "module", name: "naos" });
    worker.addEventListener("error", () => { if (port) { port = null; followAlone(session); } });
    port = worker.port;
    port.addEventListener("message", ({ data }) => {
      if (data.unauthorised) leave();
      else if (data.state) tell(data.state, data.until, data.skew);
      else take(data.name, data.data);
    });
    port.start();
    port.postMessage({ session });
    addEventListener("pagehide", () => port?.postMessage({ bye: true }));
    addEventListener("pageshow", (event) => { if (event.persisted) port?.postMessage({ session }); });
  } catch {
    followAlone(session);
  }
  return undefined;
}

function followAlone(session) {
  own?.abort();
  own = new AbortController();
  follow(session, take, (state, wait, skew) => tell(state, wait ? Date.now() + wait : 0, skew), own.signal)
    .catch((error) => { if (error instanceof Unauthorised) leave(); });
}

export function setPaused(paused) {
  live.link.paused = paused;
  notify("link");
  if (paused) return;
  const session = headers()["x-naos-session"];
  if (port) port.postMessage({ session });
  else followAlone(session);
}
