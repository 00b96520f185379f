// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore

// What a sender learns of an event that the run did not take.
extension FlowMachine {
  /// An event of that id was taken before, so this one changes nothing.
  package func knowsEvent(_ id: String) -> Bool { state.eventIDs.contains(id) }
}
