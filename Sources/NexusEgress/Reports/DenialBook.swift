// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore

/// The denials of one sandbox: each is told when it comes for the first time, and from then on counted.
package struct DenialBook: Sendable {
  /// Different ones beyond that are counted together.
  package static let maxTargets = 100
  /// What is shown of a target.
  static let maxText = 200
  private static let others = "(others)"

  private struct Key: Hashable {
    let rule: DenialEvent.Rule
    let target: String
    let port: Int?
  }

  private let caller: Caller
  private var counts: [Key: Int] = [:]
  /// In the order of their coming.
  private var order: [Key] = []

  package init(of caller: Caller) { self.caller = caller }

  /// Counts a denial; what is to be told at once, if it is a new one.
  package mutating func note(_ rule: DenialEvent.Rule, _ target: String, port: Int?) -> DenialEvent? {
    var key = Key(rule: rule, target: Self.shown(target), port: port)
    if counts[key] == nil, counts.count >= Self.maxTargets { key = Key(rule: rule, target: Self.others, port: nil) }
    if let count = counts[key] {
      counts[key] = count + 1
      return nil
    }
    counts[key] = 0
    order.append(key)
    return event(key, 1)
  }

  /// What has not been told yet.
  package mutating func flush() -> [DenialEvent] {
    order.compactMap { key in
      guard let count = counts[key], count > 0 else { return nil }
      counts[key] = 0
      return event(key, count)
    }
  }

  private func event(_ key: Key, _ count: Int) -> DenialEvent {
    DenialEvent(caller: caller, rule: key.rule, target: key.target, port: key.port, count: count)
  }

  private static func shown(_ text: String) -> String {
    let plain = text.unicodeScalars.prefix(maxText).map { (0x20..<0x7F).contains($0.value) ? $0 : "?" }
    return String(String.UnicodeScalarView(plain))
  }
}
