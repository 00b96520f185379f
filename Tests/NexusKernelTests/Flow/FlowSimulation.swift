// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusCore
import NexusFlowKit
import NexusKernel
import Testing

/// Walks one random flow to its end in a hostile world: attempts fail, time jumps, people interfere, and the node is
/// killed between any two commits, with the last one lost or kept.
struct FlowSimulation {
  /// Steps of the world after which a walk has hung.
  static let maxTurns = 3_000

  var player: FlowPlayer
  var random: SplitMix
  /// Effects that happened outside, by idempotency key: the attempts that made them happen, as they were started.
  var effects: [String: Set<Int>] = [:]
  /// How children ended.
  var fates: [RunID: RunStatus] = [:]
  var killsLeft: Int
  var troubleLeft: Int
  var turns = 0
  /// How often the state of the run will be doubted still, and whether a person may have it go back then.
  var doubtsLeft = 0
  let goesBack: Bool

  init(seed: UInt64, doubts: Int = 0, goesBack: Bool = false) throws {
    random = SplitMix(seed: seed)
    doubtsLeft = doubts
    self.goesBack = goesBack
    let definition = try RandomFlow.make(&random)
    player = FlowPlayer(
      definition, input: ["list": ["x", "y", "z"]], rules: doubts > 0 ? Self.doubting : Self.trusting)
    killsLeft = Int.random(in: 0...4, using: &random)
    troubleLeft = Int.random(in: 0...5, using: &random)
  }

  /// - Returns: what went wrong, or nil.
  mutating func walk() -> String? {
    while turns < Self.maxTurns {
      turns += 1
      if player.open.count > player.definition.maxParallel { return "\(player.open.count) attempts at a time" }
      if turns.isMultiple(of: 4), let problem = checkRecovery() { return problem }
      if player.isSettled, player.open.isEmpty {
        if player.status.isFinal {
          // What was done anew has other keys and ends a second time; what holds of it `HaltRules` say.
          return checkRecovery() ?? (wentBack ? nil : checkRules())
        }
        revive()
        continue
      }
      if killsLeft > 0, chance(12) {
        killsLeft -= 1
        player.recover()
        continue
      }
      // What happens next is lost with its commit; that it happened outside is not.
      if killsLeft > 0, chance(12) {
        killsLeft -= 1
        player.losesNextCommit = true
      }
      if doubtsLeft > 0, chance(8) {
        doubt()
        continue
      }
      if troubleLeft > 0, chance(10) {
        troubleLeft -= 1
        interfere()
        continue
      }
      if !goOn() { return "nothing can happen any more, and the run is \(player.status)" }
    }
    return "no end after \(Self.maxTurns) turns"
  }

  /// A person has had it go back to a checkpoint, whether or not it came there.
  private var wentBack: Bool {
    player.journal.contains { entry in
      guard case .integrity(.rollbackStarted) = entry.entry else { return false }
      return true
    }
  }

  mutating func chance(_ oneIn: Int) -> Bool { Int.random(in: 0..<oneIn, using: &random) == 0 }

  // MARK: The world

  private mutating func goOn() -> Bool {
    let openSteps = player.open.keys.sorted { $0.text < $1.text }
    let wakes = player.wakes.keys.sorted { $0.text < $1.text }
    let children = player.children.keys.sorted { $0.text < $1.text }
    let kind = Int.random(in: 0..<3, using: &random)
    if !openSteps.isEmpty, kind == 0 || (wakes.isEmpty && children.isEmpty) {
      endAttempt(openSteps[Int.random(in: 0..<openSteps.count, using: &random)])
      return true
    }
    if !wakes.isEmpty, kind == 1 || children.isEmpty {
      player.passTime(of: wakes[Int.random(in: 0..<wakes.count, using: &random)])
      return true
    }
    if let child = children.first {
      endChild(child)
      return true
    }
    if !openSteps.isEmpty {
      endAttempt(openSteps[0])
      return true
    }
    // Only a person's word or an event can help now.
    if decide() { return true }
    let before = player.journal.count
    for name in ["go0", "go1"] { player.play(.event(name: name, id: nil, payload: "now")) }
    return player.journal.count > before
  }

  private mutating func endAttempt(_ path: StepPath) {
    guard let order = player.open[path] else { return }
    if let stop = player.stopped[path], stop != .notNeeded || chance(2) {
      if chance(4) { return player.end(path, .interrupted(AttemptOutcome.neverBegan)) }
      if chance(3) { hasEffect(order) }
      return player.end(path, .crashed(.exitOne))
    }
    if player.machine.canBeUndone(path), chance(10) {
      // Nobody can pay for its undo, so it does not begin.
      let refusal = BudgetRefusal(
        reason: .reserve, scope: "global", action: chance(2) ? .pause : .refuse, message: "no room")
      return player.end(path, .budgetStopped(refusal))
    }
    switch Int.random(in: 0..<10, using: &random) {
    case 0: player.end(path, .crashed(.neverStarted))
    case 1:
      hasEffect(order)
      player.end(path, .crashed(.exitOne))
    case 2: player.end(path, .crashed(.badOutput))
    case 3: player.end(path, .askedRetry(RunError(code: "NX-AGT-004", message: "busy", retryAfter: .seconds(7))))
    case 4:
      hasEffect(order)
      player.end(path, .interrupted("a sibling"))
    case 5: player.play(.attemptTimedOut(path, order.attempt))
    default:
      hasEffect(order)
      player.succeed(path, answer(to: path))
    }
  }

  /// The attempt does what it was made for, outside.
  private mutating func hasEffect(_ order: StepOrder) {
    guard let start = player.started.lastIndex(of: order) else { return }
    effects[order.idempotencyKey ?? "", default: []].insert(start)
  }

  private mutating func answer(to path: StepPath) -> JSONValue {
    if path.text.hasSuffix(".probe") { return ["applied": .bool(chance(2)), "output": "found"] }
    if path == ".judge" { return ["groups": [["m0", "m1", "m2"], ["m3", "m4"]]] }
    return chance(3) ? "odd" : "same"
  }

  private mutating func endChild(_ path: StepPath) {
    // The node may learn of the start long before it learns of the end.
    let mayBeLost = player.losesNextCommit
    player.startChild(path)
    guard !mayBeLost, chance(2) else { return }
    guard let child = player.children[path] else { return }
    // It has ended as it has, even if the node forgets that it heard of it.
    let status: RunStatus = fates[child] ?? (chance(4) ? .failed : chance(8) ? .compensated : .completed)
    fates[child] = status
    // Whatever a child did that did not go back stands.
    if status != .compensated { effects["\(FlowPlayer.run)/\(path)"] = [0] }
    player.endChild(path, status, status == .completed ? "child" : nil)
  }

  /// A person decides about something that a validator has escalated.
  private mutating func decide() -> Bool {
    let escalated = player.machine.escalated
    guard !escalated.isEmpty else { return false }
    let path = escalated[Int.random(in: 0..<escalated.count, using: &random)]
    let before = player.journal.count
    let decision = [GateDecision.accept, .accept, .retry, .stop][Int.random(in: 0..<4, using: &random)]
    let mayBeLost = player.losesNextCommit
    player.play(.decide(path, by: "ann", decision, note: ""))
    // Whoever is asked about an input cannot have it made anew.
    if decision == .retry, !mayBeLost, player.journal.count == before {
      player.play(.decide(path, by: "ann", .accept, note: ""))
    }
    return mayBeLost || player.journal.count > before
  }

  private mutating func interfere() {
    switch Int.random(in: 0..<8, using: &random) {
    case 7: _ = decide()
    case 0: player.play(.cancel(by: "ann"))
    case 1: player.play(.kill(by: "ann"))
    case 2: player.play(.pause(by: "ann"))
    case 3: player.play(.timeout)
    case 4: player.play(.nodeStopping)
    case 5: player.play(.event(name: "go0", id: "once", payload: "early"))
    default:
      player.play(
        .supervisorGaveUp(AgentName("agent-s0"), RunError(code: "NX-SUP-001", message: "gave up", isRetryable: false)))
    }
  }

  /// The run rests and is not over: a node, or a person, takes it up again.
  private mutating func revive() {
    if player.status == .halted { return settleDoubt() }
    let isPaused = player.status == .paused
    player.crash()
    guard isPaused else {
      _ = player.play(.claimed(trapped: false))
      return
    }
    let stuck = player.journal.compactMap { entry -> StepPath? in
      switch entry.entry {
      case .attemptStarted(let path, _, _), .stepBegun(let path): player.machine.canResolve(path) ? path : nil
      default: nil
      }
    }
    switch Int.random(in: 0..<6, using: &random) {
    case 4: player.play(.cancel(by: "ann"))
    case 5: player.play(.kill(by: "ann"))
    case 0 where stuck.last != nil:
      player.play(.skip(stuck[stuck.count - 1], by: "ann", reason: "by hand"))
    case 1 where stuck.last != nil:
      player.play(.markDone(stuck[stuck.count - 1], by: "ann", output: "by hand"))
    case 2: player.play(.retry(by: "ann", newKeys: false))
    default: player.play(.resume(by: "ann"))
    }
  }
}
