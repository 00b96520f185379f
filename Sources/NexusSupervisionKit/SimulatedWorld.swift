// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
package import NexusKernel

/// The world of the conformance suite in memory: the tree, processes that are only noted, and a clock that jumps.
package final class SimulatedWorld: SupervisionWorld {
  private enum Happening {
    case event(SupervisionTree.Event)
    /// About a process, unless it has another life by then.
    case ofLife(ChildName, Int, SupervisionTree.Event)
  }

  private var tree = SupervisionTree([])
  private var now = Instant(nanoseconds: 0)
  private var queue = EventQueue<Happening>()
  /// Those that have a process, and which one it is.
  private var lives: [ChildName: Int] = [:]
  private var born = 0
  private var starts: [ChildName: [StartOutcome]] = [:]
  private var asks: [ChildName: AskOutcome] = [:]
  private var labels: [String] = []
  private var answers: [String: SupervisorMachine.CallAnswer] = [:]
  private var log: [String] = []
  private var reports: [String] = []
  private var failed: [String] = []
  private var attempts: [String] = []
  private var restartCount = 0
  private var refused: [SupervisionTree.Fault] = []

  package init() {}

  package func plant(_ branches: [SupervisionTree.Branch]) {
    refused = SupervisionTree.faults(in: branches)
    if refused.isEmpty { tree = SupervisionTree(branches) }
  }
  package func faults() -> [String] { refused.map(\.description) }
  package func view() -> SupervisionTree { tree }
  package func tearDown() {}
  package func restarts() -> Int { restartCount }
  package func answer(_ label: String) -> SupervisorMachine.CallAnswer? { answers[label] }
  package func takeLog() -> [String] { take(&log) }
  package func takeReports() -> [String] { take(&reports) }
  package func takeFailed() -> [String] { take(&failed) }
  package func takeAttempts() -> [String] { take(&attempts) }

  private func take(_ list: inout [String]) -> [String] {
    defer { list = [] }
    return list
  }

  package func perform(_ stimulus: Stimulus) {
    switch stimulus {
    case .start: handle(.start)
    case .shutdown: handle(.shutdown)
    case .end(let child, let exit): end(child, exit)
    case .nextStarts(let child, let outcomes): starts[child, default: []] += outcomes
    case .whenAsked(let child, let outcome): asks[child] = outcome
    case .call(let label, let call): handle(.call(id(label), call))
    case .startChild(let label, let spec, let supervisor): handle(.startChild(id(label), spec, under: supervisor))
    case .startInstance(let label, let supervisor, let arguments):
      handle(.startInstance(id(label), under: supervisor, arguments: arguments))
    case .advance(let time): advance(to: now + time)
    case .reconfigure(let branches): tree.reconfigure(branches)
    case .wantAttempt(let child): handle(.attemptWanted(child))
    case .crashAttempt(let child, let reason):
      guard lives.removeValue(forKey: child) != nil else { return }
      log.append("end \(word(child))")
      handle(.attemptCrashed(child, reason: reason))
    }
  }

  package func settle() { advance(to: now) }

  private func advance(to end: Instant) {
    while let (happening, due) = queue.next(until: end) {
      now = due
      switch happening {
      case .event(let event): handle(event)
      case .ofLife(let child, let life, let event):
        guard lives[child] == life else { continue }
        if case .exited = event { bury(child) }
        if case .ignored = event { lives[child] = nil }
        handle(event)
      }
    }
    now = end
  }

  private func id(_ label: String) -> CallID {
    labels.append(label)
    return CallID(labels.count - 1)
  }

  private func end(_ child: ChildName, _ exit: ChildExit) {
    guard lives[child] != nil else { return }
    bury(child)
    handle(.exited(child, exit))
  }

  private func bury(_ child: ChildName) {
    lives[child] = nil
    log.append("end \(word(child))")
  }

  private func handle(_ event: SupervisionTree.Event) {
    for action in tree.handle(event, at: now) { perform(action) }
  }

  private func later(_ child: ChildName, _ event: SupervisionTree.Event, after time: Duration = .zero) {
    guard let life = lives[child] else { return }
    queue.add(.ofLife(child, life, event), at: now + time)
  }

  private func perform(_ action: SupervisionTree.Action) {
    switch action {
    case .start(let child): start(child)
    case .ask(let child): ask(child)
    case .kill(let child):
      log.append("kill \(word(child))")
      later(child, .exited(child, .killed("SIGKILL")))
    case .setTimer(let timer, let time): queue.add(.event(.timer(timer)), at: now + time)
    case .logRestart: restartCount += 1
    case .failed(let child, _): failed.append(word(child))
    case .report(let report): reports.append("\(report.kind.rawValue) \(word(report.offender))")
    case .answer(let id, let answer): answers[labels[id.number]] = answer
    case .admitAttempt(let child):
      born += 1
      lives[child] = born
      attempts.append("admit \(word(child))")
    case .refuseAttempt(let child, _): attempts.append("refuse \(word(child))")
    case .mayRetry(let child): attempts.append("retry \(word(child))")
    case .changed, .removed, .logFresh, .logApart, .isUp, .ended: break
    }
  }

  private func start(_ child: ChildName) {
    log.append("start \(word(child))")
    born += 1
    lives[child] = born
    var outcomes = starts[child] ?? []
    let outcome = outcomes.isEmpty ? .succeeds : outcomes.removeFirst()
    starts[child] = outcomes
    switch outcome {
    case .succeeds: later(child, .started(child))
    case .comesUpAfter(let time): later(child, .started(child), after: time)
    case .fails: later(child, .exited(child, .startFailed("no such file")))
    case .failsAfter(let time): later(child, .exited(child, .startFailed("no such file")), after: time)
    case .isRefused: later(child, .exited(child, .refused("over budget")))
    case .isIgnored: later(child, .ignored(child))
    case .hangs: break
    }
  }

  private func ask(_ child: ChildName) {
    log.append("ask \(word(child))")
    switch asks[child] ?? .obeys {
    case .obeys: later(child, .exited(child, .shutdown("asked")))
    case .obeysAfter(let time): later(child, .exited(child, .shutdown("asked")), after: time)
    case .ends(let exit): later(child, .exited(child, exit))
    case .ignores: break
    }
  }
}
