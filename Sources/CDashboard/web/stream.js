// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors
//
// Reads the node's stream with fetch, because an EventSource cannot send the session's header.

/** Nothing for this long means that the connection is dead: the node beats every 15 seconds. */
const silence = 40_000;
const firstDelay = 500;
const longestDelay = 10_000;

export class Unauthorised extends Error {}

/**
 * Follows the stream until it is aborted, and connects again whenever it ends.
 *
 * @param {string} session
 * @param {(name: string, data: any) => void} take
 * @param {(state: "live" | "waiting", milliseconds: number, skew?: number) => void} tell how it stands, for how long it
 *   waits, and how far the node's clock is ahead
 * @param {AbortSignal} [signal]
 */
export async function follow(session, take, tell, signal) {
  let delay = firstDelay;
  // How far it has been told: what happened meanwhile comes after it.
  const place = { id: "" };
  while (!signal?.aborted) {
    try {
      await once(session, place, take, (answer) => {
        delay = firstDelay;
        tell("live", 0, Date.parse(answer.headers.get("date")) - Date.now());
      }, signal);
    } catch (error) {
      if (error instanceof Unauthorised) throw error;
    }
    if (signal?.aborted) return;
    const wait = delay * (0.75 + Math.random() / 2);
    tell("waiting", wait);
    await new Promise((resume) => setTimeout(resume, wait));
    delay = Math.min(delay * 2, longestDelay);
  }
}

async function once(session, place, take, opened, signal) {
  const abort = new AbortController();
  const stop = () => abort.abort();
  signal?.addEventListener("abort", stop);
  let timer = setTimeout(stop, silence);
  try {
    const answer = await fetch("/api/v1/stream", {
      headers: { "x-naos-session": session, ...(place.id ? { "last-event-id": place.id } : {}) }, signal: abort.signal, cache: "no-store",
    });
    if (answer.status === 401) throw new Unauthorised();
    if (!answer.ok) throw new Error(`status ${answer.status}`);
    opened(answer);
    const decoder = new TextDecoder();
    const reader = answer.body.getReader();
    let text = "";
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      clearTimeout(timer);
      timer = setTimeout(stop, silence);
      text += decoder.decode(value, { stream: true });
      let end;
      while ((end = text.indexOf("\n\n")) >= 0) {
        dispatch(text.slice(0, end), place, take);
        text = text.slice(end + 2);
      }
    }
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", stop);
    abort.abort();
  }
}

function dispatch(frame, place, take) {
  let name = "";
  let data = "";
  for (const line of frame.split("\n")) {
    if (line.startsWith("event: ")) name = line.slice(7);
    else if (line.startsWith("id: ")) place.id = line.slice(4);
    else if (line.startsWith("data: ")) data += line.slice(6);
  }
  if (name !== "") take(name, JSON.parse(data));
}
