// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore

/// When a connection is told of that has not ended: once it has lasted, once it has sent much, and then each time that it
/// has sent ten times as much.
///
/// So nobody hides what goes out by a connection that never ends, or that ends with the node.
struct LongFlow {
  static let time = Duration.seconds(60)
  static let firstBytes: Int64 = 1 << 20

  /// What is sent until it is told of the next time.
  private(set) var bytes = firstBytes
  private var hasLasted = false

  mutating func isDue(sent: Int64, after duration: Duration) -> Bool {
    let isLate = !hasLasted && duration >= Self.time
    let isLarge = sent >= bytes
    if isLate { hasLasted = true }
    while sent >= bytes, bytes <= .max / 10 { bytes *= 10 }
    return isLate || isLarge
  }
}

extension Flow {
  func report(_ how: String) -> EgressFlow {
    var report = EgressFlow(
      host: grant.host, port: grant.port, address: address, sent: sent, received: received, requests: requests,
      duration: sandbox.clock.now() - startedAt, end: how)
    report.hasReached = hasReached
    if hasReached, requests > 0 { report.secrets = grant.secrets.map(\.name) }
    return report
  }

  func tellIfLong() {
    guard hasReached, long.isDue(sent: sent, after: sandbox.clock.now() - startedAt) else { return }
    sandbox.tell(report(EgressFlow.open))
  }
}
