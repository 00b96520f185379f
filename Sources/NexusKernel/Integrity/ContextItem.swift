// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore

/// Something that the agent of a step has read: a part of what it went out from.
package struct ContextItem: Sendable, Hashable {
  /// The longest key, in bytes.
  package static let maxKeyBytes = 200
  /// The most items that one attempt may read.
  package static let maxPerAttempt = 256

  package var key: String
  /// The version in the project's state; nil for what was read elsewhere.
  package var version: Int64?
  package var digest: String?
  package var observedAt: WallTime
  /// From then on it does not hold any more; nil: nobody says.
  package var validUntil: WallTime?
  /// Where it comes from: `state`, or whatever the agent calls it.
  package var source: String

  package init(
    key: String, version: Int64? = nil, digest: String? = nil, observedAt: WallTime, validUntil: WallTime? = nil,
    source: String
  ) {
    self.key = key
    self.version = version
    self.digest = digest
    self.observedAt = observedAt
    self.validUntil = validUntil
    self.source = source
  }
}

/// How something that was read stands now.
package enum Freshness: String, Sendable, CaseIterable {
  case fresh
  /// The time until which it held is over, or it is older than it may be.
  case expired
  /// There is a newer version that says something else, or the one that was read was found to be wrong.
  case superseded
  /// Nobody can tell.
  case unknown

  package static func of(
    _ item: ContextItem, now standing: ContextStanding?, at time: WallTime, maxAge: Duration? = nil
  ) -> Freshness {
    if let validUntil = item.validUntil, validUntil <= time { return .expired }
    if let maxAge, time - item.observedAt > maxAge { return .expired }
    guard let version = item.version else {
      // What was read elsewhere has no versions here: how long it holds is all that can be known of it.
      return item.validUntil != nil || maxAge != nil ? .fresh : .unknown
    }
    guard let standing else { return .unknown }
    if standing.version == version || (item.digest != nil && item.digest == standing.digest) {
      // The writer may have said later how long it holds.
      return standing.validUntil.map { $0 <= time } == true ? .expired : .fresh
    }
    return .superseded
  }
}

/// What the project's state says of a key now.
package struct ContextStanding: Sendable, Hashable {
  package var version: Int64
  /// Nil: there is nothing under the key any more.
  package var digest: String?
  package var validUntil: WallTime?
  package var value: JSONValue?
  package init(version: Int64, digest: String?, validUntil: WallTime? = nil, value: JSONValue? = nil) {
    self.version = version
    self.digest = digest
    self.validUntil = validUntil
    self.value = value
  }
}

/// What a step has read, held against what holds now.
package struct ReadSet: Sendable, Hashable {
  /// By key.
  package var items: [ContextItem]
  /// Nil: the state cannot be read.
  package var standing: [String: ContextStanding]?

  package init(items: [ContextItem], standing: [String: ContextStanding]?) {
    self.items = items.sorted { $0.key < $1.key }
    self.standing = standing
  }

  /// How each item stands.
  package func freshness(at time: WallTime, maxAge: Duration? = nil) -> [(item: ContextItem, Freshness)] {
    items.map { item in
      // Of what has versions nothing can be told without the state.
      if standing == nil, item.version != nil {
        let own = Freshness.of(item, now: nil, at: time, maxAge: maxAge)
        return (item, own == .expired ? .expired : .unknown)
      }
      return (item, Freshness.of(item, now: standing?[item.key], at: time, maxAge: maxAge))
    }
  }

  /// The variable `context` of rules: what was read, and what holds now.
  package func variable(at time: WallTime) -> JSONValue {
    var object = JSONObject()
    for (item, freshness) in freshness(at: time) {
      let now = standing?[item.key]
      object[item.key] = [
        "status": .string(freshness.rawValue), "source": .string(item.source),
        "readVersion": item.version.map { .int($0) } ?? .null, "version": now.map { .int($0.version) } ?? .null,
        "value": now?.value ?? .null,
      ]
    }
    return .object(object)
  }
}
