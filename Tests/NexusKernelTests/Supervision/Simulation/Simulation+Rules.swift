// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusCore
import NexusKernel
import NexusSupervisionKit

/// What has to come out even.
struct Book {
  struct Window: Hashable {
    var supervisor: SupervisorName
    var child: ChildName?
  }

  private(set) var broken: [String] = []
  private var calls: Set<CallID> = []
  private var nextCall = 0
  /// The last timer that was set for each child.
  var timers: [ChildName: SupervisionTree.Timer] = [:]
  var wanted: Set<ChildName> = []
  var crashed: Set<ChildName> = []
  struct Stamp: Hashable {
    var second: Int64
    var child: ChildName
  }
  var stamps: [Window: [Stamp]] = [:]
  var shutdowns = 0
  var endings = 0
  /// Those that were ending before the event that is being handled.
  var ending: Set<SupervisorName> = []
  /// Those that have begun anew since.
  var fresh: Set<SupervisorName> = []
  /// Supervisors whose start order has been changed under way.
  var reordered: Set<SupervisorName> = []

  mutating func breakRule(_ text: String) { broken.append(text) }

  mutating func newCall() -> CallID {
    nextCall += 1
    calls.insert(CallID(nextCall))
    return CallID(nextCall)
  }

  mutating func answer(_ id: CallID, _ answer: SupervisorMachine.CallAnswer) {
    if calls.remove(id) == nil { breakRule("call \(id.number) is answered a second time, with \(answer)") }
  }

  mutating func settleWant(_ child: ChildName) {
    if wanted.remove(child) == nil { breakRule("\(word(child)) is answered, but nobody wants it") }
  }

  var openCalls: Int { calls.count }
}

extension Simulation {
  private func isAlive(_ child: ChildName) -> Bool {
    if case .supervisor(let name) = child, let phase = tree.phase(of: name) {
      if case .down = phase { return false }
      return true
    }
    return processes[child] != nil
  }

  /// No supervisor has the task of the attempt any more, so its run goes on beside the tree.
  func isFree(_ attempt: ChildName) -> Bool {
    attempt.agent.map { tree.state(of: .agent($0)) == nil } == true && tree.state(of: attempt) == nil
  }

  /// Nobody is started below a supervisor that is not up.
  mutating func checkStart(_ child: ChildName) {
    guard let parent = tree.supervisor(of: child) else {
      return book.breakRule("\(word(child)) is started, but has no supervisor")
    }
    if book.ending.contains(parent), !book.fresh.contains(parent), tree.phase(of: parent) == .ending {
      book.breakRule("\(word(child)) is started while \(parent) is ending")
    }
    // One further up may be ending, and not have come to this one yet.
    var place: SupervisorName? = parent
    while let supervisor = place {
      if case .down = tree.phase(of: supervisor) {
        book.breakRule("\(word(child)) is started while \(supervisor) is down")
      }
      place = tree.supervisor(of: .supervisor(supervisor))
    }
  }

  /// Only what has a process is stopped, and in a shutdown nobody before those behind it.
  mutating func checkStop(_ child: ChildName, isAsked: Bool) {
    guard processes[child] != nil else {
      return book.breakRule("\(word(child)) is to be stopped, but has no process")
    }
    guard isAsked, let supervisor = tree.supervisor(of: child), book.ending.contains(supervisor),
      tree.phase(of: supervisor) == .ending, !book.fresh.contains(supervisor),
      !tree.isDynamic(supervisor), !book.reordered.contains(supervisor),
      let siblings = tree.children(of: supervisor), let place = siblings.firstIndex(where: { $0.name == child })
    else { return }
    for later in siblings[(place + 1)...] where isAlive(later.name) && tree.state(of: later.name) != .running {
      book.breakRule("\(word(child)) is asked to end while \(word(later.name)) behind it still has to")
    }
    for later in siblings[(place + 1)...] where isAlive(later.name) && tree.state(of: later.name) == .running {
      if processes[later.name]?.isDead != true {
        book.breakRule("\(word(child)) is asked to end before \(word(later.name)), which is behind it")
      }
    }
  }

  // MARK: Windows

  func window(_ supervisor: SupervisorName, _ child: ChildName) -> (Book.Window, RestartIntensity)? {
    guard let flags = tree.flags(of: supervisor) else { return nil }
    let place = place(of: child, below: supervisor)
    return (Book.Window(supervisor: supervisor, child: flags.countsEachChild ? place : nil), flags.intensity)
  }

  /// Whose restarts those of the child are: of an attempt those of its task.
  func place(of child: ChildName, below supervisor: SupervisorName) -> ChildName {
    tree.isDynamic(supervisor) ? child : child.agent.map { ChildName.agent($0) } ?? child
  }

  private func stamp(_ child: ChildName, below supervisor: SupervisorName) -> Book.Stamp {
    Book.Stamp(second: now.nanoseconds / 1_000_000_000, child: place(of: child, below: supervisor))
  }

  private func counted(_ window: Book.Window, _ intensity: RestartIntensity) -> Int {
    let oldest = now.nanoseconds / 1_000_000_000 - intensity.within.components.seconds
    return book.stamps[window, default: []].count { $0.second >= oldest }
  }

  mutating func countRestart(_ supervisor: SupervisorName, _ child: ChildName) {
    guard let (window, intensity) = window(supervisor, child) else { return }
    book.stamps[window, default: []].append(stamp(child, below: supervisor))
    let count = counted(window, intensity)
    if count > intensity.maxRestarts {
      book.breakRule("\(supervisor) makes restart \(count) of \(intensity.maxRestarts), of \(word(child))")
    }
  }

  mutating func checkGivingUp(_ report: SupervisorReport) {
    guard let (window, intensity) = window(report.supervisor, report.offender) else { return }
    if counted(window, intensity) < intensity.maxRestarts {
      book.breakRule("\(report.supervisor) gives \(word(report.offender)) up too early")
    }
    // It counts, though it was not made.
    book.stamps[window, default: []].append(stamp(report.offender, below: report.supervisor))
    // Whoever was given up alone no longer counts for those that go on.
    guard let flags = tree.flags(of: report.supervisor), flags.overIntensity == .park, !flags.countsEachChild else {
      return
    }
    let place = place(of: report.offender, below: report.supervisor)
    book.stamps[window]?.removeAll { $0.child == place }
  }

  // MARK: States

  func isStale(_ event: SupervisionTree.Event) -> Bool {
    guard case .timer(let timer) = event else { return false }
    // Nobody waits for two things at once.
    if book.timers[timer.child] != timer { return true }
    guard let supervisor = tree.supervisor(of: timer.child) else { return true }
    if tree.isDynamic(supervisor), case .agent = timer.child { return tree.phase(of: supervisor) != .ending }
    switch tree.state(of: timer.child) {
    case .restarting, .stopping: return false
    default: return true
    }
  }

  /// Nobody has a process of whom the machine does not know; the contrary may be, while an end waits in a mailbox.
  mutating func checkStates() {
    for child in processes.keys {
      guard tree.state(of: child)?.isActive != true, processes[child]?.isFree == false else { continue }
      book.breakRule("\(word(child)) has a process and is \(tree.state(of: child).map(word) ?? "unknown")")
    }
  }

  /// With nothing under way any more nobody is between two states, and nobody waits for an answer.
  mutating func checkRest() {
    checkStates()
    guard book.broken.isEmpty else { return }
    for supervisor in tree.supervisors {
      let phase = tree.phase(of: supervisor)
      if phase == .starting || phase == .ending { book.breakRule("\(supervisor) hangs, \(phase.map(word) ?? "")") }
      for (child, state) in tree.children(of: supervisor) ?? [] {
        switch state {
        case .running:
          if phase != .isUp { book.breakRule("\(word(child)) runs under \(supervisor), which does not") }
          if !isAlive(child) { book.breakRule("\(word(child)) is taken for up and is not") }
        case .stopped: if isAlive(child) { book.breakRule("\(word(child)) is taken for stopped and is not") }
        case .starting, .stopping, .restarting: book.breakRule("\(word(child)) hangs, \(word(state))")
        }
      }
    }
    if book.openCalls > 0 { book.breakRule("\(book.openCalls) calls are not answered") }
    if !book.crashed.isEmpty { book.breakRule("\(book.crashed.map(word)) crashed and never hear of it") }
    for child in book.wanted {
      // Those that are held wait for a supervisor that somebody may start again.
      if let supervisor = tree.supervisor(of: child), tree.phase(of: supervisor) == .isUp {
        book.breakRule("\(word(child)) waits, though \(supervisor) is up")
      }
    }
  }

  mutating func checkEnd() {
    guard book.broken.isEmpty else { return }
    if !processes.isEmpty { book.breakRule("left behind: \(processes.keys.map(word).sorted())") }
    if book.endings != book.shutdowns + 1 {
      book.breakRule("the root ended \(book.endings) times, and was to \(book.shutdowns + 1) times")
    }
    for supervisor in tree.supervisors {
      if case .down = tree.phase(of: supervisor) { continue }
      book.breakRule("\(supervisor) is not down")
    }
    if book.openCalls > 0 { book.breakRule("\(book.openCalls) calls are not answered") }
  }
}
