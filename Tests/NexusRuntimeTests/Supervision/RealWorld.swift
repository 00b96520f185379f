// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import Glibc
import NexusCore
import NexusKernel
import NexusRuntime
import NexusSupervisionKit
import NexusTestKit

/// The world of the conformance suite with the runtime's own host and real processes; only the clock is the test's.
struct RealWorld: SupervisionWorld {
  let host: SupervisorHost
  let processes: RealProcesses
  let recorder: Recorder
  let clock: ManualClock
  private let labels = Labels()

  init(host: SupervisorHost, processes: RealProcesses, clock: ManualClock) {
    self.host = host
    self.processes = processes
    self.clock = clock
    recorder = Recorder(clock: clock)
  }

  /// The numbers of calls, by label.
  private final class Labels {
    var ids: [String: CallID] = [:]
    /// Apart from those that the host gives itself.
    private var next = 1_000_000
    func new(_ label: String) -> CallID {
      next += 1
      ids[label] = CallID(next)
      return CallID(next)
    }
  }

  func lacks(_ stimulus: Stimulus) -> String? { Self.obstacle(to: stimulus) }

  /// Why a case cannot run here; nil if it can.
  static func obstacle(of each: SupervisionCase) -> String? {
    each.steps.lazy.compactMap { if case .perform(let stimulus) = $0 { obstacle(to: stimulus) } else { nil } }.first
  }

  private static func obstacle(to stimulus: Stimulus) -> String? {
    switch stimulus {
    case .nextStarts(_, let outcomes):
      outcomes.allSatisfy { $0 == .succeeds || $0 == .fails } ? nil : "a start that takes time or needs no process"
    case .end(_, .shutdown): "a process cannot say that it bows out"
    case .end(_, .refused): "a refusal comes from the gateway"
    case .startInstance: "the configuration knows no dynamic supervisors"
    case .wantAttempt, .crashAttempt: "attempts belong to runs"
    default: nil
    }
  }

  func plant(_ tree: [SupervisionTree.Branch]) async {
    await host.watch { [recorder] in recorder.saw($0, $1) }
    await host.withTree { $0 = SupervisionTree(tree) }
  }

  func perform(_ stimulus: Stimulus) async {
    switch stimulus {
    case .start: await host.handle(.start)
    case .shutdown: await host.handle(.shutdown)
    case .end(let child, let exit): end(child, exit)
    case .nextStarts(let child, let outcomes):
      if let agent = child.agent { processes.nextStarts(agent, fail: outcomes.map { $0 == .fails }) }
    case .whenAsked(let child, let outcome): whenAsked(child, outcome)
    case .call(let label, let call): await host.handle(.call(labels.new(label), call))
    case .startChild(let label, let spec, let supervisor):
      if let agent = spec.name.agent { try? processes.whenAsked(agent, "143") }
      await host.handle(.startChild(labels.new(label), spec, under: supervisor))
    case .advance(let time): await advance(to: clock.now() + time)
    case .reconfigure(let branches): await host.withTree { $0.reconfigure(branches) }
    case .startInstance, .wantAttempt, .crashAttempt: break
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
      for child in recorder.takeDelayed(at: clock.now()) { signal(child, SIGUSR2) }
      await settle()
    }
    clock.advance(by: end - clock.now())
  }

  private func end(_ child: ChildName, _ exit: ChildExit) {
    guard recorder.isEnding(child) else { return }
    switch exit {
    case .normal: signal(child, SIGUSR2)
    case .killed: signal(child, SIGKILL)
    default: signal(child, SIGUSR1)
    }
  }

  private func signal(_ child: ChildName, _ number: Int32) {
    guard let agent = child.agent, let process = processes.process(of: agent) else { return }
    kill(process.pid, number)
  }

  private func whenAsked(_ child: ChildName, _ outcome: AskOutcome) {
    recorder.whenAsked(child, outcome)
    guard let agent = child.agent else { return }
    switch outcome {
    case .obeys: try? processes.whenAsked(agent, "143")
    case .obeysAfter, .ignores: try? processes.whenAsked(agent, "stay")
    case .ends(.normal): try? processes.whenAsked(agent, "0")
    case .ends: try? processes.whenAsked(agent, "3")
    }
  }

  func takeLog() -> [String] { recorder.take { take(&$0.log) } }
  func takeReports() -> [String] { recorder.take { take(&$0.reports) } }
  func takeFailed() -> [String] { recorder.take { take(&$0.failed) } }
  func takeAttempts() -> [String] { [] }
  func answer(_ label: String) -> SupervisorMachine.CallAnswer? {
    labels.ids[label].flatMap { id in recorder.take { $0.answers[id] } }
  }
  func restarts() -> Int { recorder.take { $0.restarts } }
  func view() async -> SupervisionTree { await host.withTree { $0 } }

  private func take(_ list: inout [String]) -> [String] {
    defer { list = [] }
    return list
  }

  /// Ends what a case has left running.
  func tearDown() async {
    await host.handle(.shutdown)
    await settle()
    await advance(to: clock.now() + .seconds(1_000_000))
  }
}
