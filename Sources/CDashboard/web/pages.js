// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors
//
// Every page: its address, the key behind `g`, and the module that makes it.

import * as agent from "./agent.js";
import * as agents from "./agents.js";
import * as approvals from "./approvals.js";
import * as audit from "./audit.js";
import * as costs from "./costs.js";
import * as logs from "./logs.js";
import * as overview from "./overview.js";
import * as pools from "./pools.js";
import * as run from "./run.js";
import * as runs from "./runs.js";
import * as supervisors from "./supervisors.js";
import * as system from "./system.js";
import * as trust from "./trust.js";

export const all = [
  { path: "/", title: "Overview", key: "o", module: overview },
  { path: "/agents", title: "Agents", key: "a", module: agents },
  { path: "/agents/{name}", module: agent },
  { path: "/supervisors", title: "Supervisors", key: "s", module: supervisors },
  { path: "/runs", title: "Runs", key: "r", module: runs },
  { path: "/runs/{id}", module: run },
  { path: "/pools", title: "Pools", key: "p", module: pools },
  { path: "/approvals", title: "Approvals", key: "!", module: approvals },
  { path: "/costs", title: "Costs", key: "c", module: costs },
  { path: "/logs", title: "Logs", key: "l", module: logs },
  { path: "/trust", title: "Trust", key: "t", module: trust },
  { path: "/audit", title: "Audit", key: "u", module: audit },
  { path: "/system", title: "System", key: "y", module: system },
];
