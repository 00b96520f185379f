// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import Glibc
import NexusCore
import NexusKernel
import NexusRuntime
import NexusSupervisionKit
import NexusTestKit
import Synchronization

/// The world of the conformance suite with the runtime's own host and real processes.
///
/// The test's own are the clock, the answers of startup probes and, for refusals, what a budget says of an attempt.
final class RealWorld: SupervisionWorld, Sendable {
  private let host: SupervisorHost
  private let fixture: RuntimeFixture
  private let processes: RealProcesses
  private let probes: RealProbes
  private let recorder: Recorder
  private let clock: ManualClock
  private let specs: [AgentSpec]
  private let own = Mutex(Own())
  /// Where the attempts of runs take place; whoever runs the case runs it beside.
  let work = WorkHost()

  private struct Own {
    /// The numbers of calls, by label; apart from those that the host gives itself.
    var calls: [String: CallID] = [:]
    var nextCall = 1_000_000
    var refused: [SupervisionTree.Fault] = []
    var attempts: [ChildName: Int] = [:]
    var stops: [AttemptStops] = []
  }

  init(
    _ fixture: RuntimeFixture, _ processes: RealProcesses, _ probes: RealProbes, _ recorder: Recorder,
    specs: [AgentSpec]
  ) {
    self.fixture = fixture
    host = fixture.runtime.supervisors
    clock = fixture.clock
    self.processes = processes
    self.probes = probes
    self.recorder = recorder
    self.specs = specs
    let boundary = fixture.boundary
    probes.setRefusal { child in
      Self.refuse(child, processes, boundary)
      Self.signal(child, SIGUSR1, processes)
    }
  }

  // MARK: What happens

  func plant(_ tree: [SupervisionTree.Branch]) async {
    await host.watch { [recorder] in recorder.saw($0, $1) }
    let faults = await host.plant(tree)
    own.withLock { $0.refused = faults }
  }

  func perform(_ stimulus: Stimulus) async {
    await host.define(specs.map { needless($0) })
    switch stimulus {
    case .start: await host.handle(.start)
    case .shutdown: await host.handle(.shutdown)
    case .end(let child, let exit): end(child, exit)
    case .crashAttempt(let child, _): end(child, .abnormal("exit 1"))
    case .nextStarts(let child, let outcomes): recorder.nextStarts(child, outcomes)
    case .whenAsked(let child, let outcome): whenAsked(child, outcome)
    case .call(let label, let call): await host.handle(.call(newCall(label), call))
    case .startChild(let label, let spec, let supervisor):
      await host.handle(.startChild(newCall(label), spec, under: supervisor))
    case .startInstance(let label, let supervisor, let arguments):
      await host.handle(.startInstance(newCall(label), under: supervisor, arguments: arguments))
    case .advance(let time): await advance(to: clock.now() + time)
    case .reconfigure(let branches): await host.withTree { $0.reconfigure(branches) }
    case .wantAttempt(let child):
      recorder.wants(child)
      work.spawn("run:\(child)") { await self.attempt(child) }
    }
  }

  /// An agent that needs no process has become a task, which is started by its runs alone.
  private func needless(_ spec: AgentSpec) -> AgentSpec {
    var spec = spec
    spec.mode = recorder.needless.contains(spec.name) ? .task : .service
    return spec
  }

  private func newCall(_ label: String) -> CallID {
    own.withLock { own in
      own.nextCall += 1
      own.calls[label] = CallID(own.nextCall)
      return CallID(own.nextCall)
    }
  }

  func settle() async {
    repeat {
      await recorder.settle()
      // The recorder sees what was decided; once the host can be asked again, it has also been performed.
      await host.withTree { _ in }
    } while !recorder.isSettled
  }

  /// From one moment at which something is due to the next.
  private func advance(to end: Instant) async {
    await settle()
    while let due = recorder.nextDue, due <= end {
      clock.advance(by: due - clock.now())
      for (child, what) in recorder.takeDue(at: clock.now()) {
        switch what {
        case .obeys: signal(child, SIGUSR2)
        case .fails: signal(child, SIGUSR1)
        case .comesUp: probes.comesUp(child)
        }
      }
      await settle()
    }
    clock.advance(by: end - clock.now())
  }

  private func end(_ child: ChildName, _ exit: ChildExit) {
    guard recorder.isEnding(child) else { return }
    switch exit {
    case .normal: signal(child, SIGUSR2)
    case .killed: signal(child, SIGKILL)
    // What `exit(Pid, shutdown)` is in OTP: asked by somebody else than the supervisor.
    case .shutdown: signal(child, SIGTERM)
    case .refused:
      Self.refuse(child, processes, fixture.boundary)
      signal(child, SIGUSR1)
    default: signal(child, SIGUSR1)
    }
  }

  /// From now on the budget of the child's attempt has said no.
  private static func refuse(_ child: ChildName, _ processes: RealProcesses, _ boundary: FakeBoundary) {
    guard let key = processes.key(of: child), let agent = child.agent else { return }
    var tally = AttemptTally()
    tally.refusal = BudgetRefusal(
      reason: .exhausted, scope: "agent:\(agent)", action: .refuse, message: "over budget")
    boundary.setLive(key, tally)
  }

  private func signal(_ child: ChildName, _ number: Int32) { Self.signal(child, number, processes) }

  private static func signal(_ child: ChildName, _ number: Int32, _ processes: RealProcesses) {
    if let process = processes.process(of: child) { kill(process.pid, number) }
  }

  private func whenAsked(_ child: ChildName, _ outcome: AskOutcome) {
    recorder.whenAsked(child, outcome)
    processes.leave(child, with: outcome == .ends(.normal) ? SIGUSR2 : nil)
    switch outcome {
    case .obeys: try? processes.whenAsked(child, "143")
    case .obeysAfter, .ignores: try? processes.whenAsked(child, "stay")
    // It has ended before it could hear anything.
    case .ends(.normal): break
    case .ends: try? processes.whenAsked(child, "3")
    }
  }

  /// One attempt, as a run makes it: with leave, and with its end told to the supervisor.
  private func attempt(_ child: ChildName) async {
    guard case .attempt(let agent, let run, let step) = child, let spec = specs.first(where: { $0.name == agent })
    else { return }
    let stops = AttemptStops()
    let number = own.withLock { own in
      own.stops.append(stops)
      own.attempts[child, default: 0] += 1
      return own.attempts[child, default: 1]
    }
    guard await host.admit(child, stops) == .admitted else { return }
    let order = AttemptRunner.Order(
      StepOrder(step: step, agent: nil, attempt: AttemptNumber(number), rewind: 0), agent: PinnedAgent(spec), run: run,
      input: .null)
    let report = await AttemptRunner(services: fixture.services, board: fixture.runtime.board)
      .run(order, stops: stops) { _ in }
    if let failure = report.failure, !stops.wasInterrupted {
      _ = await host.attemptCrashed(child, reason: failure.message)
    } else {
      await host.release(child, stops.wasInterrupted ? .shutdown("interrupted") : .normal)
    }
  }

  // MARK: What is seen

  func takeLog() -> [String] { recorder.take { take(&$0.log) } }
  func takeReports() -> [String] { recorder.take { take(&$0.reports) } }
  func takeFailed() -> [String] { recorder.take { take(&$0.failed) } }
  func takeAttempts() -> [String] { recorder.take { take(&$0.attempts) } }
  func answer(_ label: String) -> SupervisorMachine.CallAnswer? {
    own.withLock { $0.calls[label] }.flatMap { id in recorder.take { $0.answers[id] } }
  }
  func restarts() -> Int { recorder.take { $0.restarts } }
  func view() async -> SupervisionTree { await host.withTree { $0 } }

  /// A tree that was refused is not there, so a start brings nothing of it about.
  func faults() async -> [String] {
    let refused = own.withLock { $0.refused }
    await host.handle(.start)
    await settle()
    let started = processes.launched == 0 ? [] : ["\(processes.launched) processes were started"]
    return refused.map(\.description) + started
  }

  private func take(_ list: inout [String]) -> [String] {
    defer { list = [] }
    return list
  }

  /// Ends what a case has left running.
  func tearDown() async {
    await host.handle(.shutdown)
    await settle()
    await advance(to: clock.now() + .seconds(1_000_000))
    // Attempts that still wait for leave.
    for stops in own.withLock({ $0.stops }) { stops.request(.kill) }
    work.finish()
  }
}
