// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors
//
// One stream for all tabs: browsers allow six connections to a host, and a stream takes one for itself.

import { Picture } from "./picture.js";
import { Unauthorised, follow } from "./stream.js";

const ports = new Set();
const picture = new Picture();
let session = null;
let running = null;
let told = null;

export function serve() {
  self.addEventListener("connect", ({ ports: [port] }) => attend(port));
}

function attend(port) {
  port.addEventListener("message", ({ data }) => {
    if (data.bye) {
      ports.delete(port);
      if (ports.size === 0) stop();
      return;
    }
    ports.add(port);
    if (data.session !== session || !running) start(data.session);
    else if (told) port.postMessage(told);
    const whole = picture.snapshot();
    if (whole) port.postMessage({ name: "snapshot", data: whole });
  });
  port.start();
}

function send(message) { for (const port of ports) port.postMessage(message); }

function stop() {
  running?.abort();
  running = null;
  picture.forget();
}

async function start(secret) {
  stop();
  session = secret;
  const mine = new AbortController();
  running = mine;
  try {
    await follow(secret, (name, data) => {
      if (mine.signal.aborted) return;
      picture.take(name, data);
      send({ name, data });
    }, (state, milliseconds, skew) => {
      if (mine.signal.aborted) return;
      told = { state, skew, until: milliseconds ? Date.now() + milliseconds : 0 };
      send(told);
    }, mine.signal);
  } catch (error) {
    if (running === mine) running = null;
    told = null;
    send(error instanceof Unauthorised ? { unauthorised: true } : { state: "waiting", until: 0 });
  }
}
