// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore

/// What a request without an equal on the cassette is compared with: the recorded calls that nobody has asked for yet.
struct CassetteSearch: Sendable {
  /// A recorded call.
  struct Recorded: Sendable {
    let id: EffectID
    /// `POST /v1/chat/completions`.
    let name: String
    /// Nil where it was too long to be recorded.
    let request: [UInt8]?
  }

  enum Finding: Sendable, Hashable {
    /// It is this one, but for the secrets that were taken out of the recorded one.
    case same(EffectID)
    /// It is none of them; in words, how it differs from the next one.
    case none(String)
  }

  let name: String
  let body: [UInt8]

  func finding(among calls: [Recorded]) -> Finding {
    guard let next = calls.first else { return .none("the cassette has no more calls") }
    guard let asked = try? JSONValue(parsing: body) else { return .none("its body is not JSON") }
    for call in calls where call.name == name {
      guard let request = call.request, let recorded = try? JSONValue(parsing: request) else { continue }
      if JSONDifference.first(between: recorded, and: asked) == nil { return .same(call.id) }
    }
    guard next.name == name else { return .none("the next recorded request is \(next.name), this one is \(name)") }
    guard let request = next.request else { return .none("the next recorded request has another digest") }
    guard let recorded = try? JSONValue(parsing: request) else { return .none("the next recorded request is not JSON") }
    let difference = JSONDifference.first(between: recorded, and: asked)
    return .none(difference.map { "\($0)" } ?? "it differs from the next recorded request")
  }
}
