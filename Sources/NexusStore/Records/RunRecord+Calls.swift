// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore

// Runs that agents have called: the key of one begins with the run, and the step, of whoever called it.
extension RunRecord {
  /// Part of the keys of all runs that agents call, and of no other.
  package static let callMark = "/.call/"

  /// An agent started it, not a step.
  package var isCalled: Bool { parent != nil && (idempotencyKey?.contains(Self.callMark) ?? false) }

  /// The step of the caller whose agent has called; nil if it was no agent that began the run.
  package var callingStep: StepPath? {
    guard isCalled, let parent, let key = idempotencyKey, key.hasPrefix(parent.text + "/") else { return nil }
    let path = key.dropFirst(parent.text.count)
    return path.hasPrefix(Self.callMark) ? .main : StepPath(String(path.dropFirst().prefix { $0 != "/" }))
  }

  /// The step of the run above it that it is a part of: the one that it is, or whose agent has called it.
  package var parentStep: StepPath? {
    if isCalled { return callingStep }
    guard let parent, let key = idempotencyKey, key.hasPrefix(parent.text + "/") else { return nil }
    return StepPath(String(key.dropFirst(parent.text.utf8.count + 1).prefix { $0 != "#" }))
  }

  /// The run that began this one, also if that one has let it go.
  package var caller: RunID? {
    if let parent { return parent }
    guard let key = idempotencyKey, key.contains(Self.callMark), let end = key.firstIndex(of: "/") else { return nil }
    return RunID(String(key[..<end]))
  }
}
