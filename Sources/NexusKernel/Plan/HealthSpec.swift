// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore

/// How the node finds out whether an agent's process is well.
///
/// Nothing is probed unless a probe is configured.
package struct HealthSpec: Sendable, Hashable {
  /// Gates the other two; when it fails, the start has failed.
  package var startup: ProbeSpec?
  /// When it fails, the process is ended, and its supervisor decides what follows.
  package var liveness: ProbeSpec?
  /// While it fails, no new task goes to the service.
  package var readiness: ProbeSpec?
  /// How long a working agent may do nothing that can be seen before it is `stuck`; nil for any time.
  package var stuckAfter: Duration?
  package var onStuck: OnStuck
  /// How long a working agent may go without a heartbeat before its process is ended; nil if none is expected.
  package var heartbeat: Duration?
  /// Whether every sign of activity counts as a heartbeat.
  package var activityIsHeartbeat = false

  package static let defaultStuckAfter = Duration.seconds(600)

  package init(
    startup: ProbeSpec? = nil, liveness: ProbeSpec? = nil, readiness: ProbeSpec? = nil,
    stuckAfter: Duration? = defaultStuckAfter, onStuck: OnStuck = .report, heartbeat: Duration? = nil
  ) {
    self.startup = startup
    self.liveness = liveness
    self.readiness = readiness
    self.stuckAfter = stuckAfter
    self.onStuck = onStuck
    self.heartbeat = heartbeat
  }

  package func probe(_ kind: ProbeKind) -> ProbeSpec? {
    switch kind {
    case .startup: startup
    case .liveness: liveness
    case .readiness: readiness
    }
  }
}

/// What is done about an agent that is stuck.
package enum OnStuck: String, Sendable, CaseIterable {
  /// The state is shown; the process goes on.
  case report
  /// The process is ended, and its supervisor decides what follows.
  case restart
}

package enum ProbeKind: String, Sendable, CaseIterable { case startup, liveness, readiness }

/// One probe; the times and thresholds mean what they mean in Kubernetes.
package struct ProbeSpec: Sendable, Hashable {
  package var check: ProbeCheck
  /// From the moment at which the probe may begin to its first run.
  package var initialDelay: Duration
  /// From the start of one run to the start of the next.
  package var interval: Duration
  package var timeout: Duration
  /// How many misses in a row are a failure.
  package var failureThreshold: Int
  /// How many hits in a row are a success; 1 but for readiness.
  package var successThreshold: Int

  package init(
    check: ProbeCheck, initialDelay: Duration = .zero, interval: Duration = .seconds(10),
    timeout: Duration = .seconds(1), failureThreshold: Int = 3, successThreshold: Int = 1
  ) {
    self.check = check
    self.initialDelay = initialDelay
    self.interval = interval
    self.timeout = timeout
    self.failureThreshold = failureThreshold
    self.successThreshold = successThreshold
  }
}

package enum ProbeCheck: Sendable, Hashable {
  case http(ProbeTarget)
  /// A command in the agent's folder and environment; exit 0 is a hit.
  case exec([String])
  /// The agent says by itself that it is well: `POST /agent/v1/heartbeat`.
  case heartbeat

  /// What is done, in a few words.
  package var words: String {
    switch self {
    case .http(let target): "GET \(target.url)"
    case .exec(let command): command.first ?? ""
    case .heartbeat: "heartbeat"
    }
  }
}
