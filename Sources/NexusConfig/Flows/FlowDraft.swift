// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusDiagnostics
internal import NexusKernel

/// A workflow, saga or pool while it is made, with the places of what it says.
struct FlowDraft {
  var definition: FlowDefinition
  var steps: [StepDraft] = []
  /// Of steps that do not say.
  var onError = OnStepError.stop
  /// Something of it could not be read, so what seems to be missing may have been meant.
  var isIncomplete = false

  init(_ definition: FlowDefinition) { self.definition = definition }

  var names: [String] { steps.map(\.step.name) }
}

struct StepDraft {
  var step: FlowStep
  let fields: Fields
  /// Where it says its name.
  let location: SourceLocation
  var uses: [ReferenceUse] = []
}

/// Something that a step refers to.
struct ReferenceUse {
  /// What may be referred to depends on where that is done.
  enum Place: Sendable {
    case step
    /// The list of a `forEach`, of which there is no element yet.
    case items
    case compensation
  }

  let reference: Reference
  let location: SourceLocation
  let place: Place
}

/// A step that runs another flow.
struct FlowCall {
  let name: String
  let location: SourceLocation
}
