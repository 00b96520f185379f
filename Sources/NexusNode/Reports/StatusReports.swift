// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusAPI
internal import NexusCore
internal import NexusGateway
internal import NexusKernel
internal import NexusRuntime
internal import NexusStore

/// Puts together what operators see of a node and of all its agents.
enum StatusReports {
  /// A running node.
  static func node(_ parts: NodeParts) -> NodeStatus {
    NodeStatus(
      isRunning: true, version: NaosVersion.current, project: parts.plan.name, directory: parts.options.project,
      pid: Int(KernelBoot.ownPID), boot: parts.boot, startedAt: parts.startedAt,
      dashboard: parts.operatorPort.map { "http://localhost:\($0)" }, agentPlane: parts.gateway.baseURL,
      isForOneRun: parts.options.purpose == .singleRun)
  }

  /// What is known of an agent when no node runs.
  static func present(
    of spec: AgentSpec, row: AgentRow?, restarts: RestartStatus
  ) -> AgentReports.Present {
    var status = NexusRuntime.AgentStatus()
    status.lastActivity = row?.lastActivity
    let remembered = row?.lastState.flatMap(NexusRuntime.AgentState.init(rawValue:))
    status.state = remembered == .exhausted || remembered == .failed ? remembered ?? .idle : .idle
    if row?.stoppedByOperator == true || spec.mode == .service { status.state = .stopped }
    return AgentReports.Present(status: status, restarts: restarts)
  }

  /// Two clocks at one moment.
  struct Moment: Sendable {
    let now: Instant
    let wall: WallTime

    init(_ clock: any NexusClock) {
      now = clock.now()
      wall = clock.wallNow()
    }
  }

  static func restarts(_ counted: CountedRestarts?, at moment: Moment) -> RestartStatus {
    guard let counted else { return RestartStatus() }
    return restarts(counted.count, counted.recent, counted.intensity, at: moment)
  }

  static func restarts(
    _ count: Int, _ recent: [RestartWindow.Restart], _ intensity: RestartIntensity, at moment: Moment
  ) -> RestartStatus {
    RestartStatus(
      count: count, max: intensity.maxRestarts, withinSeconds: Int(clamping: intensity.within.components.seconds),
      recent: recent.suffix(RestartStatus.maxRecent).map { restart in
        RestartNote(
          child: restart.child?.description ?? "", at: moment.wall + (restart.at - moment.now), reason: restart.reason)
      })
  }
}
