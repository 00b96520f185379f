// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusCore
import NexusKernel
import NexusSupervisionKit

/// One random tree under one random schedule, with a model of the world beside it that knows nothing of the machine.
///
/// Everything depends on the seed and on the number of steps alone, so a failing run can be shortened and replayed.
struct Simulation {
  enum Happening {
    case event(SupervisionTree.Event)
    /// The process dies now, and the supervisor hears of it later.
    case dies(ChildName, life: Int, ChildExit)
    case reports(ChildName, life: Int, SupervisionTree.Event)
  }

  /// A process from its start until its supervisor has heard of its end.
  struct Process {
    var life: Int
    var isStarting: Bool
    /// It has died, which its supervisor has not heard yet.
    var isDead = false
    var hangs = false
    /// An attempt that is nobody's child.
    var isFree = false
  }

  var dice: Dice
  let plan: RandomTree
  var tree: SupervisionTree
  var now = Instant(nanoseconds: 0)
  var queue = EventQueue<Happening>()
  var processes: [ChildName: Process] = [:]
  var lives = 0
  var nextRun = 0
  /// The world has become kind: everything goes well, and at once.
  var isHealing = false
  var book = Book()
  /// Of what happened, if somebody wants to read it.
  var trace: [String]?

  init(seed: UInt64, traces: Bool = false) {
    dice = Dice(seed)
    plan = RandomTree(&dice)
    tree = SupervisionTree(plan.branches)
    if traces { trace = plan.branches.map { "\($0)" } }
  }

  /// Plays the schedule and then lets everything come to rest, twice: with the tree up, and shut down.
  ///
  /// - Returns: what was broken; empty if nothing was.
  mutating func run(steps: Int) -> [String] {
    handle(.start)
    for step in 0..<steps where book.broken.isEmpty {
      note("step \(step)")
      if dice.chance(60) { deliver() } else { disturb() }
      if step % 4 == 0 { checkStates() }
    }
    heal()
    checkRest()
    handle(.shutdown)
    heal()
    checkEnd()
    return book.broken
  }

  mutating func note(_ text: @autoclosure () -> String) {
    if trace != nil { trace?.append("\(now.nanoseconds / 1_000_000) ms: \(text())") }
  }

  // MARK: Time

  /// The next thing that is due happens.
  private mutating func deliver() {
    guard let (happening, due) = queue.next(until: Instant(nanoseconds: .max)) else { return }
    now = max(now, due)
    happen(happening)
  }

  private mutating func happen(_ happening: Happening) {
    switch happening {
    case .event(let event): handle(event)
    case .dies(let child, let life, let exit):
      guard processes[child]?.life == life, processes[child]?.isDead == false else { return }
      die(child, exit)
    case .reports(let child, let life, let event):
      guard let process = processes[child], process.life == life else { return }
      if case .started = event {
        guard !process.isDead else { return }
        processes[child]?.isStarting = false
      } else {
        processes[child] = nil
      }
      if case .attemptCrashed = event { book.crashed.insert(child) }
      handle(event)
    }
  }

  /// Everything that is under way comes to an end.
  private mutating func heal() {
    isHealing = true
    var budget = 3000
    while book.broken.isEmpty {
      for (child, process) in processes.sorted(by: { $0.value.life < $1.value.life }) where process.hangs {
        processes[child]?.hangs = false
        if process.isStarting, !process.isDead { report(child, .started(child)) }
      }
      for (child, process) in processes.sorted(by: { $0.value.life < $1.value.life })
      where !process.isDead && (tree.state(of: child) == .stopping || process.isFree) {
        die(child, .shutdown("asked"))
      }
      guard !queue.isEmpty else { break }
      deliver()
      budget -= 1
      if budget == 0 { book.breakRule("it never comes to rest") }
    }
    isHealing = false
  }

  // MARK: Processes

  private mutating func later(_ happening: Happening) {
    let delay = isHealing ? 0 : Int64(dice.pick([0, 0, 0, 1, 10, 400, 1500]))
    queue.add(happening, at: now + .milliseconds(delay))
  }

  private mutating func report(_ child: ChildName, _ event: SupervisionTree.Event) {
    guard let life = processes[child]?.life else { return }
    later(.reports(child, life: life, event))
  }

  mutating func die(_ child: ChildName, _ exit: ChildExit) {
    guard processes[child]?.isDead == false else { return }
    note("\(word(child)) dies: \(exit)")
    processes[child]?.isDead = true
    if case .attempt = child, !exit.isClean, dice.chance(70) {
      report(child, .attemptCrashed(child, reason: exit.reason))
    } else {
      report(child, .exited(child, exit))
    }
  }

  private mutating func born(_ child: ChildName, isStarting: Bool) {
    if processes[child] != nil { book.breakRule("\(word(child)) is started while it has a process") }
    lives += 1
    processes[child] = Process(life: lives, isStarting: isStarting)
  }

  private mutating func start(_ child: ChildName) {
    checkStart(child)
    born(child, isStarting: true)
    let luck = isHealing ? 0 : dice.below(100)
    switch luck {
    case ..<72: report(child, .started(child))
    case ..<84: die(child, .startFailed("no such file"))
    case ..<88: report(child, .ignored(child))
    case ..<91: die(child, .refused("over budget"))
    case ..<96: processes[child]?.hangs = true
    default:
      report(child, .started(child))
      later(.dies(child, life: lives, .abnormal("exit 1")))
    }
  }

  private mutating func ask(_ child: ChildName) {
    checkStop(child, isAsked: true)
    guard let process = processes[child] else { return }
    switch isHealing ? 0 : dice.below(100) {
    case ..<70: later(.dies(child, life: process.life, .shutdown("asked")))
    case ..<80: later(.dies(child, life: process.life, .normal))
    case ..<88: later(.dies(child, life: process.life, .abnormal("exit 2")))
    default: break
    }
  }

  private mutating func kill(_ child: ChildName) {
    checkStop(child, isAsked: false)
    if let process = processes[child] { later(.dies(child, life: process.life, .killed("SIGKILL"))) }
  }

  // MARK: The machine

  mutating func handle(_ event: SupervisionTree.Event) {
    note("→ \(event)")
    let isStale = isStale(event)
    let actions = tree.handle(event, at: now)
    if isStale, !actions.isEmpty { book.breakRule("a timer that time has passed over did something: \(actions)") }
    book.fresh = []
    for action in actions { perform(action) }
    book.ending = []
    for case .supervisor(let name) in plan.supervisors where tree.phase(of: name) == .ending {
      book.ending.insert(name)
    }
  }

  private mutating func perform(_ action: SupervisionTree.Action) {
    if case .changed = action {} else { note("  \(action)") }
    switch action {
    case .start(let child): start(child)
    case .ask(let child): ask(child)
    case .kill(let child): kill(child)
    case .setTimer(let timer, let delay):
      book.timers[timer.child] = timer
      queue.add(.event(.timer(timer)), at: now + delay)
    case .logRestart(let supervisor, let child, _): countRestart(supervisor, child)
    case .logFresh(let supervisor):
      book.fresh.insert(supervisor)
      book.stamps = book.stamps.filter { $0.key.supervisor != supervisor }
    case .report(let report): if report.kind == .shutdown { checkGivingUp(report) }
    case .answer(let id, let answer): book.answer(id, answer)
    case .admitAttempt(let child):
      book.settleWant(child)
      let isFree = isFree(child)
      if !isFree { checkStart(child) }
      born(child, isStarting: false)
      processes[child]?.isFree = isFree
    case .refuseAttempt(let child, _):
      if book.crashed.remove(child) == nil { book.settleWant(child) }
    case .mayRetry(let child):
      if book.crashed.remove(child) == nil { book.breakRule("\(word(child)) may retry, but has not crashed") }
    case .ended: book.endings += 1
    case .changed, .removed, .failed, .isUp, .logApart: break
    }
  }
}
