// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

/// Whether an attempt may begin.
package enum Admission: Sendable, Hashable {
  case admitted
  /// The supervisor is down, or gave up on the agent.
  case refused(reason: String)
  /// It was told to stop while it waited.
  case withdrawn
}

/// The wait of an attempt for leave to begin: whoever speaks first decides, the one who gives it, or the one who stops
/// the attempt before it began.
typealias AttemptTicket = FirstAnswer<Admission>
