// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors
//
// Every page: its address, the key behind `g`, and what makes it.

// In the order in which the whole program compresses best.
import { open as logs } from "./logs.js";
import { open as agent } from "./agent.js";
import { open as agents } from "./agents.js";
import { open as costs } from "./costs.js";
import { open as run } from "./run.js";
import { open as overview } from "./overview.js";
import { open as pools } from "./pools.js";
import { open as trust } from "./trust.js";
import { open as approvals } from "./approvals.js";
import { open as runs } from "./runs.js";
import { open as audit } from "./audit.js";
import { open as supervisors } from "./supervisors.js";
import { open as system } from "./system.js";

export const all = [
  { path: "/", title: "Overview", key: "o", open: overview },
  { path: "/agents", title: "Agents", key: "a", open: agents },
  { path: "/agents/{name}", open: agent },
  { path: "/supervisors", title: "Supervisors", key: "s", open: supervisors },
  { path: "/runs", title: "Runs", key: "r", open: runs },
  { path: "/runs/{id}", open: run },
  { path: "/pools", title: "Pools", key: "p", open: pools },
  { path: "/approvals", title: "Approvals", key: "!", open: approvals },
  { path: "/costs", title: "Costs", key: "c", open: costs },
  { path: "/logs", title: "Logs", key: "l", open: logs },
  { path: "/trust", title: "Trust", key: "t", open: trust },
  { path: "/audit", title: "Audit", key: "u", open: audit },
  { path: "/system", title: "System", key: "y", open: system },
];
