// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore

/// The last stage of a validator: whether what the step has read still holds.
package struct FreshnessCheck: Sendable, Hashable {
  /// What follows for an output that was made out of something that does not hold any more.
  package enum Action: String, Sendable, CaseIterable {
    /// The step is tried again, and reads anew.
    case refresh
    /// The rules have been asked about what holds now; if they hold, the output passes with a warning.
    case revalidate
    case escalate
    case stop

    var verdict: Verdict {
      switch self {
      case .refresh: .retry
      case .revalidate: .warn
      case .escalate: .escalate
      case .stop: .stop
      }
    }
  }

  /// How old what was read may be; nil: as old as it says itself.
  package var maxAge: Duration?
  package var expired: Action
  package var superseded: Action
  package var unknown: Action

  package init(
    maxAge: Duration? = nil, expired: Action = .refresh, superseded: Action = .refresh, unknown: Action = .escalate
  ) {
    self.maxAge = maxAge
    self.expired = expired
    self.superseded = superseded
    self.unknown = unknown
  }

  private func action(for freshness: Freshness) -> Action? {
    switch freshness {
    case .fresh: nil
    case .expired: expired
    case .superseded: superseded
    case .unknown: unknown
    }
  }

  /// Adds what is to be said of a read set to what was found before, which it passed.
  func judge(_ read: ReadSet, after finding: GateFinding, at time: WallTime) -> GateFinding {
    var finding = finding
    for (item, freshness) in read.freshness(at: time, maxAge: maxAge) {
      guard let action = action(for: freshness) else { continue }
      let verdict = action.verdict
      finding.verdict = max(finding.verdict, verdict)
      finding.errors.append([
        "path": "", "code": .string(freshness.rawValue), "keyword": .string(item.key), "expected": "fresh",
        "message": .string(Self.words(item, freshness, read.standing?[item.key])),
        "verdict": .string(verdict.rawValue),
      ])
    }
    return finding
  }

  /// Why something that was read does not hold.
  package static func words(_ item: ContextItem, _ freshness: Freshness, _ now: ContextStanding?) -> String {
    switch freshness {
    case .fresh: "`\(item.key)` holds"
    case .expired:
      item.validUntil.map { "`\(item.key)` held until \($0.iso8601)" }
        ?? "`\(item.key)` is too old: it was read at \(item.observedAt.iso8601)"
    case .superseded:
      "`\(item.key)` was read in version \(item.version ?? 0), and is in version \(now?.version ?? 0) now"
    case .unknown: "whether `\(item.key)` still holds cannot be told"
    }
  }

  package var pinned: JSONValue {
    var object: JSONObject = [
      "expired": .string(expired.rawValue), "superseded": .string(superseded.rawValue),
      "unknown": .string(unknown.rawValue),
    ]
    object["maxAge"] = maxAge.map { .int($0.wholeNanoseconds) }
    return .object(object)
  }

  init(pinned: JSONValue) throws(UnreadableForm) {
    var reader = try PinnedReader(pinned)
    self.init(
      expired: try reader.word("expired"), superseded: try reader.word("superseded"),
      unknown: try reader.word("unknown"))
    if case .int(let age)? = reader.optional("maxAge") { maxAge = .nanoseconds(age) }
    try reader.finish()
  }
}
