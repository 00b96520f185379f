// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore

/// The connections that agents lost, or were refused, because they held too many: told at once, and from then on in
/// counts.
package struct CrowdingBook: Sendable {
  /// Counts of an agent are told so often at most.
  package static let pause = Duration.seconds(60)
  /// So many agents are known at most; beyond, what is left of the one that was told of longest ago is told.
  private static let mostAgents = 1024
  private static let target = "the agent plane"

  private struct Count {
    var caller: Caller
    var toldAt: Instant
    var untold = 0
  }

  private var counts: [AgentName: Count] = [:]

  package init() {}

  /// What is to be told now.
  package mutating func note(_ caller: Caller, at now: Instant) -> [DenialEvent] {
    guard var count = counts[caller.agent] else {
      var told: [DenialEvent] = []
      if counts.count >= Self.mostAgents, let oldest = counts.min(by: { $0.value.toldAt < $1.value.toldAt }) {
        counts[oldest.key] = nil
        if oldest.value.untold > 0 { told.append(Self.event(oldest.value.caller, oldest.value.untold)) }
      }
      counts[caller.agent] = Count(caller: caller, toldAt: now)
      return told + [Self.event(caller, 1)]
    }
    count.untold += 1
    count.caller = caller
    let isDue = now - count.toldAt >= Self.pause
    let event = Self.event(caller, count.untold)
    if isDue { (count.untold, count.toldAt) = (0, now) }
    counts[caller.agent] = count
    return isDue ? [event] : []
  }

  /// What has not been told yet.
  package mutating func flush() -> [DenialEvent] {
    let rest = counts.values.filter { $0.untold > 0 }.sorted { $0.toldAt < $1.toldAt }
    counts = [:]
    return rest.map { Self.event($0.caller, $0.untold) }
  }

  private static func event(_ caller: Caller, _ count: Int) -> DenialEvent {
    DenialEvent(caller: caller, rule: .connections, target: target, port: nil, count: count)
  }
}
