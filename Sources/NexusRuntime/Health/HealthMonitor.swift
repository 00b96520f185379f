// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore
package import NexusKernel
internal import Synchronization

/// What a monitor asks the world with.
package struct HealthPorts: Sendable {
  package let launcher: any ProcessLauncher
  package let probes: any ProbeClient
  package let clock: any NexusClock

  package init(launcher: any ProcessLauncher, probes: any ProbeClient, clock: any NexusClock) {
    self.launcher = launcher
    self.probes = probes
    self.clock = clock
  }
}

/// Why a process had to be ended.
package enum HealthVerdict: Sendable, Hashable {
  case startFailed(String)
  case notAlive(String)

  package var reason: String {
    switch self {
    case .startFailed(let reason), .notAlive(let reason): reason
    }
  }
}

/// Watches the health of one process: performs what its machine decides, and tells the machine what happens.
///
/// Signs of life may come from any thread; none waits for anything.
package final class HealthMonitor: Sendable {
  /// How much is kept of what a probe says went wrong.
  package static let maxReason = 200

  private struct State: Sendable {
    var machine: HealthMachine
    /// What `run` has not performed yet.
    ///
    /// It is short: the machine has at most one timer and one run of each source outstanding.
    var pending: [HealthMachine.Action] = []
    var verdict: HealthVerdict?
    var hasStarted = false
  }

  private let spec: HealthSpec
  private let request: LaunchRequest
  private let ports: HealthPorts
  private let state: Mutex<State>
  private let news: AsyncStream<Void>
  private let continuation: AsyncStream<Void>.Continuation

  /// A monitor of the process that `request` starts; `exec` probes run where and how it runs.
  package init(spec: HealthSpec?, request: LaunchRequest, ports: HealthPorts) {
    self.spec = spec ?? HealthSpec()
    self.request = request
    self.ports = ports
    state = Mutex(State(machine: HealthMachine(spec: self.spec)))
    // One is enough to say that there is something to do.
    (news, continuation) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
  }

  /// Set from the moment at which the process must be ended; it says why, whatever the process makes of SIGTERM.
  package var verdict: HealthVerdict? { state.withLock { $0.verdict } }

  /// Whether its startup probe has passed, or it runs and has none.
  package var hasStarted: Bool { state.withLock { $0.hasStarted } }

  // MARK: What happens

  package func heartbeat() { deliver(.heartbeat) }
  package func activity() { deliver(.activity) }
  package func callStarted() { deliver(.callStarted) }
  package func callEnded() { deliver(.callEnded) }
  package func streamBegan() { deliver(.streamBegan) }
  package func streamEnded() { deliver(.streamEnded) }
  package func setWorking(_ isWorking: Bool) { deliver(.working(isWorking)) }

  /// The process was asked to end: it is not probed any more, and takes no more tasks.
  package func stopping() { deliver(.stopping) }

  private func deliver(_ event: HealthMachine.Event) {
    let hasNews = state.withLock { state in
      let actions = state.machine.handle(event, at: ports.clock.now())
      for case .found(let finding) in actions {
        state.verdict = finding.verdict ?? state.verdict
        if finding == .started { state.hasStarted = true }
      }
      state.pending += actions
      return !actions.isEmpty
    }
    if hasNews { continuation.yield() }
  }

  // MARK: What is done about it

  /// Watches a process for as long as `body` takes, which is its life; called once, when the process runs.
  ///
  /// A process that is not well is taken down by `shutdown`: asked, then killed after its time. When this returns,
  /// nothing of the probes is left.
  ///
  /// - Parameters:
  ///   - process: what is watched.
  ///   - shutdown: how it is ended.
  ///   - report: takes the findings in order, before anything is done about them; must not wait for the process.
  ///   - body: returns when the process has ended.
  /// - Returns: what `body` returned.
  package func watch<Result: Sendable>(
    _ process: any LaunchedProcess, shutdown: ShutdownPolicy,
    _ report: @escaping @Sendable (HealthMachine.Finding) async -> Void,
    while body: @escaping @Sendable () async -> Result
  ) async -> Result {
    await withTaskGroup(of: Void.self) { group in
      group.addTask(name: "health:\(request.label)") { await self.run(process, shutdown, report) }
      // Not in a task of its own, which would be one more turn between an end and the next start.
      let result = await body()
      group.cancelAll()
      return result
    }
  }

  private func run(
    _ process: any LaunchedProcess, _ shutdown: ShutdownPolicy,
    _ report: @Sendable (HealthMachine.Finding) async -> Void
  ) async {
    deliver(.started)
    await withDiscardingTaskGroup { group in
      for await _ in news {
        for action in takePending() {
          switch action {
          case .found(let finding):
            await report(finding)
            if finding.endsProcess {
              group.addTask(name: "end:\(request.label)") { await self.end(process, by: shutdown) }
            }
          case .wake(let source, let moment):
            group.addTask(name: "health-timer:\(request.label)") { await self.wait(for: source, until: moment) }
          case .run(let kind, let number, let deadline):
            group.addTask(name: "\(kind.rawValue):\(request.label)") { await self.probe(kind, number, deadline) }
          }
        }
      }
      group.cancelAll()
    }
  }

  private func end(_ process: any LaunchedProcess, by shutdown: ShutdownPolicy) async {
    switch shutdown {
    case .brutalKill: process.signal(.kill)
    case .infinity: process.signal(.terminate)
    case .timeout(let limit):
      process.signal(.terminate)
      do {
        try await ports.clock.sleep(until: ports.clock.now() + limit)
        process.signal(.kill)
      } catch {
        // Cancelled: the process has ended in time.
      }
    }
  }

  private func takePending() -> [HealthMachine.Action] {
    state.withLock { state in
      defer { state.pending = [] }
      return state.pending
    }
  }

  private func wait(for source: HealthMachine.Source, until moment: Instant) async {
    do {
      try await ports.clock.sleep(until: moment)
    } catch {
      // Cancelled: the process is gone, and nobody wants to know any more.
      return
    }
    deliver(.due(source))
  }

  // MARK: Probes

  /// Runs a probe to its end; the answer is told as soon as there is one, the end when nothing of the run is left.
  private func probe(_ kind: ProbeKind, _ number: ProbeMachine.RunNumber, _ deadline: Instant) async {
    guard let spec = spec.probe(kind) else { return }
    await withTaskGroup(of: ProbeMachine.Answer?.self) { group in
      group.addTask(name: "ask:\(request.label)") { await self.ask(spec, kind) }
      group.addTask(name: "timeout:\(request.label)") { [clock = ports.clock] in
        do { try await clock.sleep(until: deadline) } catch { return nil }
        return .timedOut
      }
      var isAnswered = false
      for await answer in group {
        guard let answer, !isAnswered, !Task.isCancelled else { continue }
        isAnswered = true
        deliver(.answered(kind, number, answer))
        group.cancelAll()
      }
    }
    if !Task.isCancelled { deliver(.ended(kind, number)) }
  }

  private func ask(_ spec: ProbeSpec, _ kind: ProbeKind) async -> ProbeMachine.Answer {
    switch spec.check {
    case .http(let target):
      do {
        let status = try await ports.probes.get(target, timeout: spec.timeout)
        return (200..<400).contains(status) ? .succeeded : .failed("status \(status)")
      } catch {
        return .failed(Self.cut(error.message))
      }
    case .exec(let command): return await exec(command, kind)
    // A heartbeat is waited for; its machine asks for no run.
    case .heartbeat: return .unknown("a heartbeat cannot be asked for")
    }
  }

  private func exec(_ command: [String], _ kind: ProbeKind) async -> ProbeMachine.Answer {
    var request = request
    request.arguments = command
    request.standardInput = []
    // A probe of a module is a program of its sandbox.
    request.module = nil
    // What it writes is not the agent's output.
    request.enclosure?.output = nil
    request.label += ":\(kind.rawValue)"
    let process: any LaunchedProcess
    do {
      process = try await ports.launcher.launch(request, output: DroppedOutput())
    } catch {
      switch error.stage {
      case .lookup, .workingDirectory, .exec: return .failed(Self.cut("cannot start: \(error.message)"))
      // That is the node's trouble, and says nothing of the agent.
      case .standardStreams, .fork, .launcher, .ceiling, .enclosure, .module: return .unknown(error.message)
      }
    }
    let exit = await withTaskCancellationHandler {
      await process.waitForExit()
    } onCancel: {
      process.signal(.kill)
    }
    return exit.status == .exited(code: 0) ? .succeeded : .failed(exit.status.description)
  }

  /// The start of a text, counted in scalars: a single character may carry megabytes of marks.
  private static func cut(_ text: String) -> String {
    String(String.UnicodeScalarView(text.unicodeScalars.prefix(maxReason)))
  }
}

extension HealthMachine.Finding {
  var verdict: HealthVerdict? {
    switch self {
    case .startFailed(let reason): .startFailed(reason)
    case .notAlive(let reason): .notAlive(reason)
    case .started, .ready, .notReady, .leaving, .stuck, .active: nil
    }
  }

  var endsProcess: Bool { verdict != nil }
}

/// Takes what an `exec` probe writes, and keeps none of it.
private final class DroppedOutput: OutputReceiver {
  func received(_ bytes: [UInt8], from stream: OutputStream) {}
}
