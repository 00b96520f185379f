// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusCore
import NexusKernel
import Testing

/// A machine with a store that can lose power, an upstream that bills, and clocks that step.
///
/// It checks the promise after every step: what the upstream may bill for the calls of a window stays within the
/// greatest limit there was, but for what calls took beyond their bounds.
struct BudgetWorld {
  enum Change {
    case hold(EffectID, bound: Spend, counters: [CounterKey])
    case charge(EffectID, Spend, counters: [CounterKey])
  }
  struct Commit {
    var change: Change
    var marks: [BudgetMark]
    var isSynced: Bool
  }

  var dice: Dice
  var machine: BudgetMachine
  var rules: [BudgetRule] = []
  var seconds: Int64 = 0
  var wallAhead: Int64 = 0
  var names = 0

  /// Decided by the machine, on the way to the store; several threads hand them over in any order.
  var handedOut: [Commit] = []
  /// In the order in which the store takes them.
  var queue: [Commit] = []
  /// What the store has, with the number of its first entries that survive a power loss.
  var disk: [Commit] = []
  var syncedCount = 0

  /// Calls that went upstream and have not ended.
  var upstream: [EffectID: (bound: Spend, counters: [CounterKey])] = [:]
  var billed: [CounterKey: Spend] = [:]
  var violations: [CounterKey: Spend] = [:]
  var greatest: [CounterKey: SpendLimit] = [:]
  var newestIndex: [String: Int64] = [:]
  var admitted = 0
  var restarts = 0
  /// What runs keep for their compensations, whatever becomes of the node.
  var reserves: [RunID: [AgentName: CompensationReserve]] = [:]
  var undoings = 0

  init(seed: UInt64) {
    dice = Dice(seed)
    machine = BudgetMachine(rules: [])
    changeRules()
  }

  var now: ClockReading { reading(seconds, wallAhead: wallAhead) }

  mutating func changeRules() {
    let scopes: [BudgetScope] = [.agent(alice), .agent(bob), .supervisor(.root), .global]
    rules = (0..<dice.roll(1...4)).map { _ in
      let scope = scopes[Int(dice.roll(0...3))]
      let window = BudgetWindow.allCases[Int(dice.roll(0...5))]
      return rule(
        scope, window, cost: dice.chance(70) ? dice.roll(50...2000) : nil,
        tokens: dice.chance(40) ? dice.roll(50...2000) : nil, requests: dice.chance(20) ? dice.roll(1...20) : nil,
        dice.chance(15) ? .alert : .refuse)
    }
    machine.setRules(rules)
    take(machine.wake(at: now))
  }

  mutating func step() {
    switch dice.roll(1...100) {
    case 1...26: arrive()
    case 27...30: undo()
    case 31...33: keep()
    case 34: release()
    case 35...50: handOver()
    case 51...66: if !queue.isEmpty { land(queue.removeFirst(), succeeds: !dice.chance(4)) }
    case 67...86: endOne()
    case 87...90: seconds += dice.roll(1...4000)
    case 91: wallAhead += dice.roll(-90_000...90_000)
    case 92: machine.confirmClock(now)
    case 93...94: changeRules()
    case 95: leaveLine()
    case 96...98: restart(sameKernelBoot: true)
    default: restart(sameKernelBoot: false)
    }
  }

  private mutating func handOver() {
    guard !handedOut.isEmpty else { return }
    queue.append(handedOut.remove(at: Int(dice.roll(0...Int64(handedOut.count - 1)))))
  }

  private mutating func arrive() {
    names += 1
    let bound = RequestBound(
      input: TokenCount(dice.roll(0...40)), output: TokenCount(dice.roll(0...300)), choices: dice.roll(1...2),
      inputPrice: PicoUSDPerToken(dice.roll(0...2500)), outputPrice: PicoUSDPerToken(dice.roll(0...2500)),
      perRequest: NanoUSD(dice.roll(0...60)), minimumOutput: dice.chance(50) ? TokenCount(dice.roll(0...30)) : nil)
    let request = call(
      "call\(names)", bound, agent: dice.chance(60) ? alice : bob,
      run: dice.chance(70) ? RunID("run_\(dice.roll(1...3))") : nil)
    guard case .admitted(let grant) = machine.admit(request, at: now) else { return }
    take(grant)
    // What is kept for compensations is not there for anything else.
    for view in machine.views() where grant.counters.contains(view.key) {
      for rule in view.rules where !rule.isSoft {
        let left = rule.limit.minus(view.spent + view.held + view.kept)
        #expect(grant.bound.cost == .zero || left.cost ?? .zero >= .zero, "\(view) lent what it keeps")
        #expect(grant.bound.tokens == .zero || left.tokens ?? .zero >= .zero, "\(view) lent what it keeps")
      }
    }
  }

  // MARK: Compensations

  private func undoer(_ agent: AgentName, _ run: RunID) -> BudgetSubject {
    BudgetSubject(agent: agent, supervisors: [.root], run: run, isCompensating: true)
  }

  private mutating func keep() {
    let run = RunID("run_\(dice.roll(1...3))")
    let agent = dice.chance(50) ? alice : bob
    let amount = Spend(cost: NanoUSD(dice.roll(0...300)), tokens: TokenCount(dice.roll(0...300)))
    let reserve = CompensationReserve(agent: agent, amount: amount, usesHeadroom: dice.chance(30))
    guard machine.keep(reserve, of: undoer(agent, run), isForced: false, at: now) == nil else { return }
    var sum = reserves[run]?[agent] ?? CompensationReserve(agent: agent)
    sum.amount = Spend(cost: max(sum.amount.cost, amount.cost), tokens: max(sum.amount.tokens, amount.tokens))
    sum.usesHeadroom = sum.usesHeadroom || reserve.usesHeadroom
    reserves[run, default: [:]][agent] = sum
  }

  private mutating func release() {
    let run = RunID("run_\(dice.roll(1...3))")
    machine.releaseReserve(of: run)
    reserves[run] = nil
    take(machine.wake(at: now))
  }

  /// A compensation asks for a part of what is kept for it, and gets it.
  private mutating func undo() {
    guard let run = reserves.keys.sorted(by: { $0.text < $1.text }).first, let agents = reserves[run],
      let agent = agents.keys.sorted(by: { $0.text < $1.text }).first,
      let left = machine.reserveLeft(of: undoer(agent, run))
    else { return }
    names += 1
    let bound = RequestBound(
      input: TokenCount(dice.roll(0...left.tokens.value)), output: .zero,
      perRequest: NanoUSD(dice.roll(0...left.cost.value)))
    let mustBeThere = limitsHold(for: agent)
    let decision = machine.admit(
      BudgetRequest(id: EffectID("call\(names)"), subject: undoer(agent, run), bound: bound), at: now)
    if case .admitted(let grant) = decision {
      undoings += 1
      return take(grant)
    }
    #expect(!mustBeThere, "\(run) was refused \(bound.most) of the \(left) that it keeps: \(decision)")
  }

  /// No limit was lowered below what is spent, held and kept, by a person or by what calls took beyond their bounds.
  private func limitsHold(for agent: AgentName) -> Bool {
    var all = Spend.zero
    for (run, agents) in reserves {
      for agent in agents.keys { all = all + (machine.reserveLeft(of: undoer(agent, run)) ?? .zero) }
    }
    let mine = rules.filter { !$0.isSoft && [.agent(agent), .supervisor(.root), .global].contains($0.scope) }
    let views = machine.views()
    return mine.allSatisfy { rule in
      // No reserve keeps requests.
      rule.limit.requests == nil && rule.limit.admits(all)
        && views.allSatisfy { view in
          guard view.rules.contains(rule) else { return true }
          let left = rule.limit.minus(view.spent + view.held + all)
          return left.cost ?? .zero >= .zero && left.tokens ?? .zero >= .zero
        }
    }
  }

  private mutating func take(_ woken: [BudgetWake]) {
    for wake in woken { if let grant = wake.decision.grant { take(grant) } }
  }

  private mutating func take(_ grant: BudgetGrant) {
    admitted += 1
    for key in grant.counters {
      noteLimit(of: key)
      if key.window != "run" {
        #expect(key.index >= newestIndex[key.window] ?? .min, "a window went back")
        newestIndex[key.window] = key.index
      }
    }
    handedOut.append(
      Commit(
        change: .hold(grant.id, bound: grant.bound, counters: grant.counters), marks: grant.marks,
        isSynced: !grant.marks.isEmpty))
  }

  /// Remembers the greatest hard limit that the counter ever had; none at all lifts it for good.
  private mutating func noteLimit(of key: CounterKey) {
    let hard = rules.filter { rule in
      !rule.isSoft && rule.window.rawValue == key.window
        && (key.scope == rule.scope.text || key.scope.hasSuffix("/\(rule.scope.text)"))
    }
    let limit = hard.reduce(SpendLimit.none) { $0.tightened(by: $1.limit) }
    guard let before = greatest[key] else {
      greatest[key] = limit
      return
    }
    greatest[key] = SpendLimit(
      cost: Self.looser(before.cost, limit.cost), tokens: Self.looser(before.tokens, limit.tokens),
      requests: Self.looser(before.requests, limit.requests))
  }

  private static func looser<Amount: Comparable>(_ left: Amount?, _ right: Amount?) -> Amount? {
    guard let left, let right else { return nil }
    return max(left, right)
  }

  private mutating func land(_ commit: Commit, succeeds: Bool) {
    guard succeeds else {
      machine.resolve(commit.marks, committed: false)
      // A hold that could not be written never goes upstream.
      if case .hold(let id, _, _) = commit.change {
        _ = machine.settle(id, actual: .zero)
        take(machine.wake(at: now))
      }
      return
    }
    disk.append(commit)
    if commit.isSynced { syncedCount = disk.count }
    machine.resolve(commit.marks, committed: true)
    if case .hold(let id, let bound, let counters) = commit.change { upstream[id] = (bound, counters) }
  }

  private mutating func endOne() {
    let ids = upstream.keys.sorted()
    guard !ids.isEmpty else { return }
    let id = ids[Int(dice.roll(0...Int64(ids.count - 1)))]
    guard let call = upstream.removeValue(forKey: id) else { return }
    let actual = bill(call.bound, call.counters)
    if let ended = machine.settle(id, actual: actual) {
      handedOut.append(
        Commit(change: .charge(id, ended.actual, counters: ended.counters), marks: ended.marks, isSynced: false))
    } else {
      Issue.record("a call upstream has its hold")
    }
    take(machine.wake(at: now))
  }

  /// What the upstream takes for a call: mostly within the bound.
  private mutating func bill(_ bound: Spend, _ counters: [CounterKey]) -> Spend {
    var actual = Spend(
      cost: NanoUSD(dice.roll(0...bound.cost.value)), tokens: TokenCount(dice.roll(0...bound.tokens.value)),
      requests: 1)
    if dice.chance(30) { actual = bound }
    if dice.chance(5) { actual = actual + bound }
    actual.requests = 1
    for key in counters {
      billed[key] = (billed[key] ?? .zero) + actual
      let over = Spend(
        cost: max(.zero, actual.cost - bound.cost), tokens: max(.zero, actual.tokens - bound.tokens), requests: 0)
      violations[key] = (violations[key] ?? .zero) + over
    }
    return actual
  }

  private mutating func leaveLine() {
    for number in stride(from: names, to: max(0, names - 40), by: -1)
    where machine.whyWaiting(EffectID("call\(number)"), at: now) != nil {
      _ = machine.abandon(EffectID("call\(number)"))
      break
    }
    take(machine.wake(at: now))
  }

  /// The node dies; with the machine under it, what was written and not synced may be gone.
  private mutating func restart(sameKernelBoot: Bool) {
    restarts += 1
    // Commits under way may land or not; nobody hears of it, so their calls do not go upstream.
    for commit in queue.prefix(Int(dice.roll(0...Int64(queue.count)))) {
      disk.append(commit)
      if commit.isSynced { syncedCount = disk.count }
    }
    queue = []
    handedOut = []
    for (_, call) in upstream.sorted(by: { $0.key < $1.key }) { _ = bill(call.bound, call.counters) }
    upstream = [:]
    if !sameKernelBoot { disk = Array(disk.prefix(Int(dice.roll(Int64(syncedCount)...Int64(disk.count))))) }
    machine = BudgetMachine(rules: rules)
    let (counters, holds) = readDisk()
    let burned = machine.restore(counters: counters, openHolds: holds, sameKernelBoot: sameKernelBoot)
    for hold in holds {
      disk.append(Commit(change: .charge(hold.id, hold.bound, counters: hold.counters), marks: [], isSynced: true))
    }
    for burn in burned {
      names += 1
      disk.append(
        Commit(change: .charge(EffectID("burn\(names)"), burn.amount, counters: [burn.key]), marks: [], isSynced: true))
    }
    syncedCount = disk.count
    newestIndex = [:]
    for (run, agents) in reserves {
      for (agent, reserve) in agents {
        #expect(machine.keep(reserve, of: undoer(agent, run), isForced: true, at: now) == nil)
      }
    }
    // What the store says now is what the machine goes by.
    for counter in readDisk().counters {
      if let view = machine.views().first(where: { $0.key == counter.key }) { #expect(view.spent == counter.spent) }
    }
  }

  private func readDisk() -> (counters: [StoredCounter], holds: [StoredHold]) {
    var rows: [CounterKey: StoredCounter] = [:]
    var holds: [EffectID: StoredHold] = [:]
    for commit in disk {
      for mark in commit.marks {
        rows[mark.key, default: StoredCounter(key: mark.key, spent: .zero, mark: .zero)].mark = mark.mark
      }
      switch commit.change {
      case .hold(let id, let bound, let counters):
        holds[id] = StoredHold(id: id, bound: bound, counters: counters)
      case .charge(let id, let spend, let counters):
        holds[id] = nil
        for key in counters {
          let row = rows[key] ?? StoredCounter(key: key, spent: .zero, mark: .zero)
          rows[key] = StoredCounter(key: key, spent: row.spent + spend, mark: row.mark)
        }
      }
    }
    return (Array(rows.values), holds.values.sorted { $0.id < $1.id })
  }

  func check() {
    var atMost = billed
    for call in upstream.values { for key in call.counters { atMost[key] = (atMost[key] ?? .zero) + call.bound } }
    for (key, limit) in greatest {
      let over = violations[key] ?? .zero
      let allowed = limit.minus(Spend.zero - over)
      #expect(
        allowed.admits(atMost[key] ?? .zero), "\(key) may come to \(atMost[key] ?? .zero), limit \(limit), over \(over)"
      )
    }
    var held: [CounterKey: Spend] = [:]
    let open =
      upstream.values.map { ($0.bound, $0.counters) }
      + (handedOut + queue).compactMap { commit in
        if case .hold(_, let bound, let counters) = commit.change { (bound, counters) } else { nil }
      }
    for (bound, counters) in open { for key in counters { held[key] = (held[key] ?? .zero) + bound } }
    for view in machine.views() {
      #expect(view.held == held[view.key] ?? .zero)
      #expect(view.spent.cost >= .zero && view.spent.tokens >= .zero && view.spent.requests >= 0)
    }
    #expect(machine.openHolds == open.count)
    if open.isEmpty { #expect(machine.waitingCount == 0, "nobody waits for nothing") }
  }
}
