// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors
//
// The address says everything about what is shown: the page, what it is about, its filters. Nothing else remembers it.

/** What `pages.js` lists. */
export let pages = [];

function match(path) {
  const parts = path.split("/");
  for (const page of pages) {
    const pattern = page.path.split("/");
    if (pattern.length !== parts.length) continue;
    const values = {};
    const fits = pattern.every((part, index) => {
      if (!part.startsWith("{")) return part === parts[index];
      try { values[part.slice(1, -1)] = decodeURIComponent(parts[index]); } catch { return false; }
      return parts[index] !== "";
    });
    if (fits) return { page, values };
  }
  return null;
}

let listener = () => {};
let shown = null;

/** What the address says now. */
function place() {
  const found = match(location.pathname) ?? { page: pages[0], values: {} };
  return { ...found, query: new URLSearchParams(location.search) };
}

export function start(all, listen) {
  pages = all;
  listener = listen;
  history.scrollRestoration = "manual";
  addEventListener("popstate", (event) => arrive(event.state?.scroll ?? 0));
  addEventListener("scroll", remember, { passive: true });
  arrive(history.state?.scroll ?? 0);
}

let remembering = 0;
function remember() {
  clearTimeout(remembering);
  remembering = setTimeout(() => history.replaceState({ ...history.state, scroll: Math.round(scrollY) }, ""), 150);
}

function arrive(scroll) {
  clearTimeout(remembering);
  const now = place();
  const isSame = shown !== null && shown === location.pathname;
  shown = location.pathname;
  listener(now, { isSame, scroll });
}

/** Goes to an address of the dashboard. */
export function go(address, { replace = false } = {}) {
  if (address === location.pathname + location.search) return arrive(scrollY);
  history[replace ? "replaceState" : "pushState"]({ scroll: 0 }, "", address);
  return arrive(replace ? scrollY : 0);
}

/**
 * Changes a part of what the address asks for. Typing replaces, so that Back leads to the page before and not through
 * every letter; a choice is a step of its own.
 */
export function ask(changes, { replace = false } = {}) {
  const query = new URLSearchParams(location.search);
  for (const [key, value] of Object.entries(changes)) {
    if (value === null || value === "" || value === undefined) query.delete(key); else query.set(key, value);
  }
  const text = query.toString();
  go(location.pathname + (text === "" ? "" : `?${text}`), { replace });
}
