// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors
//
// What can be done: which verbs fit a state, what they mean, the question before each, and what came of it.

import { get, post } from "./api.js";
import { confirm, menu, toast } from "./dialogs.js";
import { finalStatuses, h, many, me, runPath, shortID } from "./dom.js";
import { live } from "./live.js";
import { go } from "./router.js";

/** More than this many at once have to be typed. */
const typedAbove = 10;

const agentVerbs = {
  run: { title: "Run", states: null },
  start: { title: "Start", states: ["stopped", "failed", "exhausted", "paused"] },
  restart: {
    title: "Stop", states: ["running", "starting", "waiting", "backoff", "stuck"], verb: "stop", body: {},
    text: "It is asked to end; its supervisor may start it again.",
  },
  stop: {
    title: "Stop and keep down", states: ["running", "starting", "waiting", "backoff", "stuck", "idle"],
    body: { noRestart: true }, text: "It is asked to end and stays down until somebody starts it.",
  },
  kill: {
    title: "Kill", states: ["running", "starting", "waiting", "stopping", "stuck"], verb: "stop", danger: true,
    body: { force: true, noRestart: true }, text: "Its process is killed at once and stays down until somebody starts it.",
  },
};

const runVerbs = {
  resume: { title: "Resume", states: ["paused"], text: "The run goes on; what it did already is replayed free of charge." },
  accept: {
    title: "Resume all the same", states: ["halted"], verb: "resume", danger: true, text: "The run goes on, whatever it was halted for. Why is written down.",
    fields: [{ name: "accept", label: "Why it may go on" }],
  },
  rollback: {
    title: "Go back", states: ["halted", "paused", "failed"], danger: true, text: "What it did after the checkpoint is undone, the last first, and done anew.",
    fields: [{ name: "checkpoint", label: "Checkpoint, 0 for the beginning", kind: "number" }, { name: "reason", label: "Why" }],
  },
  pause: { title: "Pause", states: ["queued", "running", "suspended", "compensating"], text: "Its attempts are ended, and it waits until it is resumed." },
  retry: { title: "Retry", states: ["failed", "cancelled", "paused"], text: "The run goes on where it failed." },
  cancel: { title: "Cancel", states: ["queued", "running", "suspended", "paused"], danger: true, text: "The run is asked to end. A saga takes back first what it did." },
  kill: { title: "Kill", states: ["queued", "running", "suspended", "paused", "compensating"], danger: true, text: "The run ends now. Nothing is taken back." },
  restart: { title: "Run again", states: null, text: "A new run of the same definition and input begins." },
  signal: {
    title: "Send event", states: ["running", "suspended", "paused", "queued"], text: "A step that waits for this event goes on with what it carries.",
    fields: [{ name: "name", label: "Name of the event" }, { name: "payload", label: "What it carries, as JSON", kind: "area", value: "{}" }],
  },
};

const supervisorVerbs = {
  start: { title: "Start", states: ["stopped", "failed"], text: "It starts, and its children in their order." },
  reset: { title: "Reset counter", states: null, text: "Its restarts so far no longer count, and those of the supervisors below it." },
  stop: { title: "Stop", states: ["running", "starting"], danger: true, body: {}, text: "All its children are asked to end, the last one first." },
  kill: { title: "Kill", states: ["running", "starting", "stopping"], verb: "stop", danger: true, body: { force: true }, text: "All its children are killed at once." },
};

const poolVerbs = {
  scale: { title: "Scale", text: "Changes how many workers it has.", fields: [{ name: "size", label: "Workers", kind: "number" }] },
  drain: { title: "Drain", text: "It takes no more tasks and does those that wait." },
  resume: { title: "Take work again", text: "It takes tasks again." },
};

const scheduleVerbs = {
  trigger: { title: "Run now", text: "A run starts now, whatever the clock says." },
  pause: { title: "Pause", text: "It starts nothing until it is resumed." },
  resume: { title: "Resume", text: "It goes on with what is due from now on." },
};

const kinds = {
  agent: { verbs: agentVerbs, path: "agents" }, run: { verbs: runVerbs, path: "runs" },
  supervisor: { verbs: supervisorVerbs, path: "supervisors" }, pool: { verbs: poolVerbs, path: "pools" },
  schedule: { verbs: scheduleVerbs, path: "schedules" },
};

const shownAs = (kind, name) => (kind === "run" ? shortID(name) : name);

/** The verbs that fit something in this state. */
export function verbsFor(kind, word) {
  return !me.isOwner ? [] : Object.entries(kinds[kind].verbs).filter(([, verb]) => !verb.states || verb.states.includes(word)).map(([name]) => name);
}

/** Buttons for those verbs; what they do is found by `data-act` when they are pressed. */
export function buttons(kind, name, verbs) {
  return h("div.verbs", verbs.map((verb) => {
    const { title, danger } = kinds[kind].verbs[verb];
    return h("button.act", { class: danger ? "danger" : null, "data-act": "do", "data-kind": kind, "data-verb": verb, "data-name": name, "data-key": `do-${verb}` }, title);
  }));
}

export const bulkButton = (kind, verb) => {
  const { title, danger } = kinds[kind].verbs[verb];
  return h("button.act", { "data-act": "bulk", "data-verb": verb, class: danger ? "danger" : null }, title);
};

export const menuButton = (kind, name, word) => h("button.plain", {
  "data-act": "menu", "data-kind": kind, "data-name": name, "data-state": word, "aria-label": `What can be done with ${kind === "run" ? "run " : ""}${name}`, disabled: verbsFor(kind, word).length === 0,
}, "⋯");

/** The same as a menu, for the row that has the focus. */
export function actionMenu(kind, name, word) {
  const verbs = verbsFor(kind, word);
  if (verbs.length === 0) return;
  menu(shownAs(kind, name), verbs.map((verb) => ({ title: kinds[kind].verbs[verb].title, run: () => act(kind, verb, name) })));
}

/** Asks, does it, and says what came of it. */
export async function act(kind, verb, name, given = {}) {
  if (kind === "agent" && verb === "run") return startRun(name);
  const what = kinds[kind].verbs[verb];
  const shown = shownAs(kind, name);
  return asked({
    title: `${what.title}: ${shown}`, text: what.text, verb: what.title, danger: what.danger,
    fields: what.fields?.map((field) => ({ ...field, value: given[`given${field.name[0].toUpperCase()}${field.name.slice(1)}`] ?? field.value })),
  }, async (answer) => {
    const result = await perform(kind, verb, name, answer);
    toast(`${what.title}: ${shown} is ${result?.status ?? result?.state ?? "done"}`);
    if (verb === "restart" && kind === "run" && result?.id) go(runPath(result.id));
  });
}

// ---- Budgets -----------------------------------------------------------------------------------------------------

const windows = ["hour", "day", "week", "month", "lifetime", "run"];

/** Nano-dollars of what somebody typed; null for nothing. */
function nanoOf(text) {
  if (text.trim() === "") return null;
  const [, whole, part = ""] = /^\$?(\d+)(?:\.(\d{1,9}))?$/.exec(text.trim()) ?? [];
  if (whole === undefined) throw new Error(`${text} is no amount of money.`);
  return Number(whole) * 1e9 + Number(part.padEnd(9, "0"));
}

/** Sets a limit; without a window in `given`, whose and for how long is asked, too. Gives whether it was done. */
export async function editBudget({ scope, per, dollars, tokens }) {
  return asked({
    title: per ? `Budget of ${scope}, ${per}` : "Set a budget", verb: "Set",
    text: "It holds from the next call on until it is taken back. What is left empty stays as it is.",
    fields: [
      ...(per ? [] : [
        { name: "scope", label: "Whose", value: scope, options: [...new Set(["global", scope, ...[...live.agents.keys()].map((name) => `agent:${name}`)])] },
        { name: "per", label: "For each", value: "day", options: windows }]),
      { name: "dollars", label: "At most, in dollars", value: dollars }, { name: "tokens", label: "At most, in tokens", kind: "number", value: tokens },
      { name: "reason", label: "Why" },
    ],
  }, async (answer) => {
    const change = { scope, per, ...answer };
    await post("/costs/set", { scope: change.scope, per: change.per, maxNanoUSD: nanoOf(answer.dollars), maxTokens: answer.tokens === "" ? null : Number(answer.tokens), reason: answer.reason });
    toast(`The budget of ${change.scope} is set`);
  });
}

/** Back to what the configuration says. */
export async function clearBudget({ scope, per }) {
  return asked({ title: `Take the limit of ${scope} back`, text: "What nexus.config.yaml says holds again.", verb: "Take back" }, async () => {
    await post("/costs/clear", { scope, per });
    toast(`The budget of ${scope} is the configuration's again`);
  });
}

function perform(kind, verb, name, answer) {
  const what = kinds[kind].verbs[verb];
  let body = what.body ?? {};
  if (verb === "scale") body = { size: Number(answer.size) };
  if (verb === "signal") body = { name: answer.name, payload: JSON.parse(answer.payload || "null") };
  return post(`/${kinds[kind].path}/${encodeURIComponent(name)}/${what.verb ?? verb}`, body);
}

/** Asks, and does it if the answer is yes; gives whether it was done. */
async function asked(question, work) {
  const answer = await confirm(question);
  return answer !== null && attempt(() => work(answer));
}

/** Says what went wrong, if it did; gives whether it went well. */
async function attempt(work) {
  try {
    await work();
    return true;
  } catch (error) {
    toast(`${error.message}${error.hint ? ` ${error.hint}` : ""}`, "bad");
    return false;
  }
}

/** One verb for many. */
export async function bulk(kind, verb, names) {
  const what = kinds[kind].verbs[verb];
  const noun = many(names.length, kind);
  const answer = await confirm({
    title: `${what.title}: ${noun}`, verb: what.title, danger: true, typed: names.length > typedAbove ? String(names.length) : undefined,
    text: h("div", h("p", what.text), h("p.note", names.slice(0, 8).map((name) => shownAs(kind, name)).join(", "), names.length > 8 ? ` and ${names.length - 8} more` : "")),
  });
  if (!answer) return;
  let done = 0;
  const problems = [];
  for (const name of names) {
    try {
      await perform(kind, verb, name, answer);
      done += 1;
    } catch (error) { problems.push(`${shownAs(kind, name)}: ${error.message}`); }
  }
  toast(`${what.title}: ${done} of ${noun}${problems.length > 0 ? `. ${problems[0]}` : ""}`, problems.length > 0 ? "bad" : "good");
}

/** Starts a run of an agent, a workflow, a saga or a pool. */
export async function startRun(name) {
  let names = name ? [name] : null;
  if (!names) {
    const flows = await get("/flows").catch(() => ({ flows: [] }));
    names = [...flows.flows.map((flow) => flow.name), ...live.agents.keys()];
    if (names.length === 0) return toast("There is nothing to run yet: naos create researcher --template research", "bad");
  }
  return asked({
    title: name ? `Run ${name}` : "Start a run", text: "It begins as soon as it is written down.", verb: "Run",
    fields: [
      ...(name ? [] : [{ name: "name", label: "What", options: names }]),
      { name: "input", label: "Input", kind: "area", hint: "JSON if it parses, else text." },
    ],
  }, async (answer) => {
    const run = await post("/runs", { name: name ?? answer.name, input: inputOf(answer.input) }, { "idempotency-key": crypto.randomUUID() });
    toast(`Run ${shortID(run.id)} of ${run.name} has begun`);
    go(runPath(run.id));
  });
}

function inputOf(text) {
  if (text.trim() === "") return null;
  try { return JSON.parse(text); } catch { return text; }
}

/** A new run that keeps what does not depend on this step. */
export async function forkRun(id, step) {
  await asked({ title: `Run again from ${step}`, text: `A new run begins. It keeps the results of all steps that do not need ${step}, and does the rest anew.`, verb: "Fork" }, async () => {
    const run = await post(`/runs/${encodeURIComponent(id)}/fork`, { step });
    toast(`Run ${shortID(run.id)} goes on from ${step}`);
    go(runPath(run.id));
  });
}

/** Goes on without a step that failed, or says that it is done. */
export async function settleStep(id, step, verb) {
  await asked(verb === "skip"
    ? { title: `Skip ${step}`, text: "The run goes on without it.", verb: "Skip", danger: true, fields: [{ name: "reason", label: "Why" }] }
    : { title: `${step} is done`, text: "The run goes on as if the step had returned this.", verb: "Mark done", fields: [{ name: "output", label: "Its output, as JSON", kind: "area", value: "null" }] }, async (answer) => {
    const body = verb === "skip" ? { step, reason: answer.reason } : { step, output: JSON.parse(answer.output || "null") };
    const run = await post(`/runs/${encodeURIComponent(id)}/${verb}`, body);
    toast(`${step}: the run is ${run.status}`);
  });
}

export const isFinal = (status) => finalStatuses.has(status);
