// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore

/// What the references of a step stand for at the moment in which it begins.
package protocol ValueScope {
  /// The value that a reference's root stands for; nil if there is none here.
  func value(of root: ReferenceRoot) -> JSONValue?
}

/// What a reference begins with.
package enum ReferenceRoot: Sendable, Hashable {
  /// `run.input`
  case runInput
  /// `run.id`
  case runID
  /// `steps.NAME.output`; null for a step that was skipped.
  case stepOutput(String)
  /// `steps.NAME.status`: `completed`, `failed` or `skipped`.
  case stepStatus(String)
  /// `item`: the element of a `forEach`.
  case item
  /// `index`: the place of that element, from 0.
  case index
  /// `input`, `output` and `error` of the step that a compensation undoes.
  case compensatedInput, compensatedOutput, compensatedError
}

/// One step of the way into a value.
package enum ReferencePart: Sendable, Hashable {
  case member(String)
  case element(Int)
}
