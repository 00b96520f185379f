// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors
//
// Calls of the node's API, and what went wrong with them.

/** Headers of every call; the cookie goes along by itself. */
export function headers() {
  return { "x-naos-session": localStorage.getItem("naos-session") ?? "" };
}

/** A refusal or a failure, as the node explains it. */
export class Problem extends Error {
  constructor(body, status) {
    super(body?.detail || body?.title || `The node answered with ${status}.`);
    this.status = status;
    this.code = body?.code ?? "";
    this.hint = body?.hint ?? "";
    this.title = body?.title ?? "";
  }
}

async function call(method, path, body, signal, extra = {}) {
  const answer = await fetch(`/api/v1${path}`, {
    method, signal, cache: "no-store",
    headers: { ...headers(), ...extra, ...(body === undefined ? {} : { "content-type": "application/json" }) },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  const text = await answer.text();
  let value = null;
  try { value = text === "" ? null : JSON.parse(text); } catch { /* Not JSON: the status has to do. */ }
  if (answer.status === 401) location.replace("/login");
  if (!answer.ok) throw new Problem(value, answer.status);
  return value;
}

export const get = (path, signal) => call("GET", path, undefined, signal);
export const post = (path, body = {}, extra = {}) => call("POST", path, body, undefined, extra);
export const remove = (path) => call("DELETE", path);

/** A query from what is not empty. */
export function query(values) {
  const set = Object.entries(values).filter(([, value]) => value !== null && value !== undefined && value !== "");
  return set.length === 0 ? "" : `?${new URLSearchParams(set)}`;
}

/**
 * Something that is asked for again and again, but one question at a time and not faster than `pause`.
 *
 * @param {(signal: AbortSignal) => Promise<void>} ask
 */
export function repeating(ask, pause = 1000) {
  const abort = new AbortController();
  let busy = false;
  let again = false;
  let timer = 0;
  async function go() {
    if (busy) { again = true; return; }
    busy = true;
    again = false;
    await ask(abort.signal);
    timer = setTimeout(() => {
      busy = false;
      if (again && !abort.signal.aborted) go();
    }, pause);
  }
  return { go, stop() { clearTimeout(timer); abort.abort(); } };
}
