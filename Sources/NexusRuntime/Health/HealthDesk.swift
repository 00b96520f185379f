// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore
package import NexusKernel
internal import Synchronization

/// Knows the monitor of every process that runs, and brings it the signs of life that come from elsewhere.
package final class HealthDesk: Sendable {
  private struct Entry: Sendable {
    let run: RunID?
    let monitor: HealthMonitor
    var isStuck = false
  }

  private let ports: HealthPorts
  private let entries = Mutex<[AgentName: [Entry]]>([:])
  /// Tasks of services whose steps promise signs of life.
  private let pulses = Mutex<[Attempt: TaskPulse]>([:])

  package init(ports: HealthPorts) { self.ports = ports }

  /// A monitor of the process that `request` starts for `caller`; `close` gives it back.
  ///
  /// A task has work from its start to its end, a service while somebody says so.
  package func open(_ spec: AgentSpec, caller: Caller, request: LaunchRequest) -> HealthMonitor {
    let monitor = HealthMonitor(spec: spec.health, request: request, ports: ports)
    if caller.run != nil { monitor.setWorking(true) }
    entries.withLock { $0[caller.agent, default: []].append(Entry(run: caller.run, monitor: monitor)) }
    return monitor
  }

  /// The process is gone, and with it what was the matter with it.
  package func close(_ monitor: HealthMonitor, of agent: AgentName, on board: AgentBoard) {
    show(.active, by: monitor, of: agent, on: board)
    entries.withLock { entries in
      entries[agent]?.removeAll { $0.monitor === monitor }
      if entries[agent]?.isEmpty ?? false { entries[agent] = nil }
    }
  }

  // MARK: Signs of life

  /// Whose signs of life they are: who pays for a caller does not matter here.
  private struct Attempt: Hashable {
    private let agent: AgentName
    private let run: RunID?
    private let step: StepPath
    private let number: AttemptNumber

    init(_ caller: Caller) {
      agent = caller.agent
      run = caller.run
      step = caller.step
      number = caller.attempt
    }
  }

  /// Listens for signs of life of one task, until `forget`.
  func listen(to caller: Caller) -> TaskPulse {
    let pulse = TaskPulse(clock: ports.clock)
    pulses.withLock { $0[Attempt(caller)] = pulse }
    return pulse
  }

  func forget(_ caller: Caller) { pulses.withLock { $0[Attempt(caller)] = nil } }

  private func pulse(of caller: Caller) -> TaskPulse? { pulses.withLock { $0.isEmpty ? nil : $0[Attempt(caller)] } }

  package func heartbeat(from caller: Caller) {
    pulse(of: caller)?.beat()
    for monitor in monitors(of: caller) { monitor.heartbeat() }
  }

  /// Something happened that only a working agent brings about: a recorded step, a log line, an answer.
  package func activity(of caller: Caller) {
    pulse(of: caller)?.beat()
    for monitor in monitors(of: caller) { monitor.activity() }
  }

  package func effect(_ event: EffectEvent) {
    if let pulse = pulse(of: event.caller) {
      switch event.phase {
      case .started: pulse.callStarted()
      case .succeeded, .failed: pulse.callEnded()
      case .replayed, .refused: pulse.beat()
      }
    }
    for monitor in monitors(of: event.caller) {
      switch event.phase {
      case .started: monitor.callStarted()
      case .succeeded, .failed: monitor.callEnded()
      // These are over at once, and were never begun.
      case .replayed, .refused: monitor.activity()
      }
    }
  }

  /// The answer of a model call that was announced begins to come piece by piece.
  package func streamBegan(for caller: Caller) {
    pulse(of: caller)?.streamBegan()
    for monitor in monitors(of: caller) { monitor.streamBegan() }
  }

  /// All pieces are there, or no more will come; the end of the call is told behind it.
  package func streamEnded(for caller: Caller) {
    pulse(of: caller)?.streamEnded()
    for monitor in monitors(of: caller) { monitor.streamEnded() }
  }

  /// Whether a service holds tasks.
  package func setWorking(_ isWorking: Bool, service agent: AgentName) {
    let monitors = entries.withLock { $0[agent, default: []].filter { $0.run == nil }.map(\.monitor) }
    for monitor in monitors { monitor.setWorking(isWorking) }
  }

  /// A service has one process, whichever of its tasks the call is for; a task has one for each run.
  private func monitors(of caller: Caller) -> [HealthMonitor] {
    entries.withLock { entries in
      (entries[caller.agent] ?? []).compactMap { $0.run == nil || $0.run == caller.run ? $0.monitor : nil }
    }
  }

  // MARK: What people see

  /// Shows a finding at the agent.
  ///
  /// Of an agent with several processes it shows the worst: it is stuck as long as one of them is.
  package func show(
    _ finding: HealthMachine.Finding, by monitor: HealthMonitor, of agent: AgentName, on board: AgentBoard
  ) {
    switch finding {
    case .started:
      board.update(agent) { if $0.state == .starting { $0.state = .running } }
    case .ready, .leaving:
      board.update(agent) { if $0.reason.hasPrefix(Self.notReady) { $0.reason = "" } }
    case .notReady(let reason):
      board.update(agent) { $0.reason = Self.notReady + reason }
    case .stuck(let reason):
      mark(monitor, of: agent, isStuck: true)
      board.update(agent) {
        guard $0.state == .running else { return }
        $0.state = .stuck
        $0.reason = reason
      }
    case .active:
      guard !mark(monitor, of: agent, isStuck: false) else { return }
      board.update(agent) {
        guard $0.state == .stuck else { return }
        $0.state = .running
        $0.reason = ""
      }
    case .startFailed(let reason), .notAlive(let reason):
      board.update(agent) { $0.reason = reason }
    }
  }

  private static let notReady = "not ready: "

  /// Whether any process of the agent is stuck afterwards.
  @discardableResult
  private func mark(_ monitor: HealthMonitor, of agent: AgentName, isStuck: Bool) -> Bool {
    entries.withLock { entries in
      guard let index = entries[agent]?.firstIndex(where: { $0.monitor === monitor }) else { return false }
      entries[agent]?[index].isStuck = isStuck
      return entries[agent]?.contains(where: \.isStuck) ?? false
    }
  }
}

/// Passes on what a process writes, and takes it for a sign of life.
package final class WatchedOutput: OutputReceiver {
  private let receiver: any OutputReceiver
  private let monitor: HealthMonitor

  package init(_ receiver: any OutputReceiver, _ monitor: HealthMonitor) {
    self.receiver = receiver
    self.monitor = monitor
  }

  package func received(_ bytes: [UInt8], from stream: OutputStream) {
    monitor.activity()
    receiver.received(bytes, from: stream)
  }

  /// No sign of life: it is the node that says it.
  package func said(_ text: String) { receiver.said(text) }
}
