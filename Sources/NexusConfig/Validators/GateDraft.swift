// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
internal import NexusDiagnostics
internal import NexusKernel

/// A validator while it is made, with the places of what it says.
struct GateDraft {
  var spec: ValidatorSpec
  let location: SourceLocation
  /// What in it may ask for a retry, which not everything can do; nil if nothing does.
  var asksForRetry: SourceLocation?
}

/// Something that names the validators of its output.
struct GateUse {
  enum Place: Hashable {
    case step(flow: String, step: String)
    case agent(AgentName)
  }
  let place: Place
  let names: [(text: String, location: SourceLocation)]
}

extension Fields {
  /// The validators that are named here.
  func validators() -> [(text: String, location: SourceLocation)] {
    guard let value = value("validate") else { return [] }
    return (value.list ?? [value]).compactMap { item in item.text.map { ($0, item.location) } }
  }
}
