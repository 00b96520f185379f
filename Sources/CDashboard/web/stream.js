// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors
//
// Reads the node's stream with fetch, because an EventSource cannot send the session's header.

/** Nothing for this long means that the connection is dead: the node beats every 15 seconds. */
const silence = 40_000;
const firstDelay = 500;
const longestDelay = 10_000;

export class Unauthorised extends Error {}

/** Headers of every call; the cookie goes along by itself. */
export function headers() {
  return { "x-naos-session": localStorage.getItem("naos-session") ?? "" };
}

/**
 * Follows the stream for ever, and connects again whenever it ends.
 *
 * @param {(name: string, data: any) => void} take
 * @param {(state: "live" | "waiting", seconds?: number) => void} tell
 */
export async function follow(take, tell) {
  let delay = firstDelay;
  for (;;) {
    try {
      await once(take, () => {
        delay = firstDelay;
        tell("live");
      });
    } catch (error) {
      if (error instanceof Unauthorised) throw error;
    }
    tell("waiting", Math.round(delay / 1000));
    await new Promise((resume) => setTimeout(resume, delay * (0.75 + Math.random() / 2)));
    delay = Math.min(delay * 2, longestDelay);
  }
}

async function once(take, opened) {
  const abort = new AbortController();
  let timer = setTimeout(() => abort.abort(), silence);
  try {
    const answer = await fetch("/api/v1/stream", { headers: headers(), signal: abort.signal, cache: "no-store" });
    if (answer.status === 401) throw new Unauthorised();
    if (!answer.ok) throw new Error(`status ${answer.status}`);
    opened();
    const decoder = new TextDecoder();
    const reader = answer.body.getReader();
    let text = "";
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      clearTimeout(timer);
      timer = setTimeout(() => abort.abort(), silence);
      text += decoder.decode(value, { stream: true });
      let end;
      while ((end = text.indexOf("\n\n")) >= 0) {
        dispatch(text.slice(0, end), take);
        text = text.slice(end + 2);
      }
    }
  } finally {
    clearTimeout(timer);
    abort.abort();
  }
}

function dispatch(frame, take) {
  let name = "";
  let data = "";
  for (const line of frame.split("\n")) {
    if (line.startsWith("event: ")) name = line.slice(7);
    else if (line.startsWith("data: ")) data += line.slice(6);
  }
  if (name !== "") take(name, JSON.parse(data));
}
