// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import ServiceLifecycle

/// Asks a service group to end from code that cannot wait for it: an API call that answers first.
enum ShutdownTrigger {
  static func fire(_ group: ServiceGroup) {
    // The one unstructured task of the node: it only sets off the group's own, structured, end.
    Task(name: "shutdown") { await group.triggerGracefulShutdown() }
  }
}
