// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
internal import Synchronization

/// Requests, and what they have sent and received.
private struct RequestCount {
  private var requests = 0
  private var bytes: Int64 = 0

  /// - Returns: what there is too much of, if anything; what is too much counts, too.
  mutating func charge(requests: Int, bytes: Int, _ caps: EgressCaps) -> RequestUsage.Over? {
    self.requests += requests
    self.bytes += Int64(bytes)
    if let most = caps.requests, self.requests > most { return .requests }
    if let most = caps.bytes, self.bytes > most { return .bytes }
    return nil
  }
}

/// What one call of a skill has sent and received.
package final class RequestMeter: Sendable {
  private let used = Mutex(RequestCount())

  package init() {}

  func charge(requests: Int, bytes: Int, _ caps: EgressCaps) -> RequestUsage.Over? {
    used.withLock { $0.charge(requests: requests, bytes: bytes, caps) }
  }
}

/// What attempts have sent and received; the ones that were heard the longest time ago are forgotten first.
struct RequestUsage: Sendable {
  enum Over { case requests, bytes }

  static let mostAttempts = 4096

  private struct Key: Hashable {
    let agent: AgentName
    let run: RunID?
    let step: StepPath
    let attempt: AttemptNumber
  }

  private struct Used {
    var count = RequestCount()
    var heard = 0
  }

  private var attempts: [Key: Used] = [:]
  private var heard = 0

  /// - Returns: what there is too much of, if anything; what is too much counts, too.
  mutating func charge(requests: Int, bytes: Int, to caller: Caller, _ caps: EgressCaps) -> Over? {
    if caps.requests == nil, caps.bytes == nil { return nil }
    let key = Key(agent: caller.agent, run: caller.run, step: caller.step, attempt: caller.attempt)
    if attempts[key] == nil, attempts.count >= Self.mostAttempts,
      let oldest = attempts.min(by: { $0.value.heard < $1.value.heard })
    {
      attempts[oldest.key] = nil
    }
    heard += 1
    var used = attempts[key] ?? Used()
    used.heard = heard
    defer { attempts[key] = used }
    return used.count.charge(requests: requests, bytes: bytes, caps)
  }
}
