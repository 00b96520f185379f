// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore

/// The members that the body of a call may have.
///
/// An agent that misspells one would be understood to say nothing, so whatever is not known is refused.
struct CallMembers: Sendable {
  /// How much of a member that is not known is repeated, in scalars.
  private static let maxShown = 64

  enum Kind: Sendable {
    case any
    case text
    case flag
    /// Seconds, or a duration in words.
    case time
    case number
    case word(oneOf: [String])
  }

  private let members: [(name: String, kind: Kind)]

  init(_ members: (String, Kind)...) { self.members = members.map { (name: $0.0, kind: $0.1) } }

  static let sleep = CallMembers(("until", .any), ("name", .text))
  static let call = CallMembers(("input", .any), ("parentClose", .word(oneOf: ["cancel", "abandon"])))
  static let heartbeat = CallMembers(("note", .text), ("progress", .number))
  static let log = CallMembers(("message", .text))
  static let result = CallMembers(("output", .any))
  static let approval = CallMembers(
    ("name", .text), ("approval", .text), ("tool", .text), ("arguments", .any), ("reason", .text), ("evidence", .any))
  static let state = CallMembers(("value", .any), ("version", .number), ("validUntil", .any))
  static let context = CallMembers(
    ("key", .text), ("version", .number), ("digest", .text), ("observedAt", .text), ("validUntil", .any),
    ("source", .text))
  static let failure = CallMembers(
    ("message", .text), ("error", .text), ("code", .text), ("retryable", .flag), ("retryAfter", .time),
    ("applied", .flag))

  /// Why a body is not understood; nil if it is.
  func refusal(of body: JSONValue) -> AgentReply? {
    guard case .object(let object) = body else { return Self.problem("the body of this call is an object") }
    for given in object {
      guard let member = members.first(where: { $0.name == given.key }) else { return unknown(given.key) }
      // Null says as much as nothing at all.
      if !given.value.isNull, let wrong = Self.complaint(about: given.value, member.kind) {
        return Self.problem("`\(given.key)` is \(wrong)")
      }
    }
    return nil
  }

  private func unknown(_ name: String) -> AgentReply {
    let names = members.map(\.name)
    let meant = Suggestion.nearest(to: name, among: names).map { ": did you mean `\($0)`?" }
    let known = names.map { "`\($0)`" }.joined(separator: ", ")
    let shown = AgentCallRouter.cut(name, Self.maxShown)
    return Self.problem("this call has no member `\(shown)`\(meant ?? "; it may have \(known)")")
  }

  private static func complaint(about value: JSONValue, _ kind: Kind) -> String? {
    switch kind {
    case .any: return nil
    case .text: return value.stringValue == nil ? "a text" : nil
    case .flag: return value.boolValue == nil ? "true or false" : nil
    case .number: return value.doubleValue == nil ? "a number" : nil
    case .time:
      if value.doubleValue != nil { return nil }
      return value.stringValue.flatMap(DurationText.parse) == nil
        ? "a number of seconds, or a duration such as 1m30s" : nil
    case .word(let words):
      guard let text = value.stringValue else { return words.map { "`\($0)`" }.joined(separator: " or ") }
      if words.contains(text) { return nil }
      let meant = Suggestion.nearest(to: text, among: words).map { ": did you mean `\($0)`?" }
      return words.map { "`\($0)`" }.joined(separator: " or ") + (meant ?? "")
    }
  }

  static func problem(_ detail: String) -> AgentReply {
    .problem(status: 400, code: "NX-API-001", title: "Not understood", detail: detail)
  }
}
