// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

/// How far a connection has come.
enum FlowState {
  case greeting, connecting, relaying
  /// Refused; the agent is let read why.
  case leaving
  case over
}
