// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore

/// What the limits keep for the compensations of runs, so that a saga can be undone when everything else is spent.
///
/// A reserve is kept in every limit that binds the agent that compensates, whatever window it is now: it follows into
/// the next one. Calls of a compensation draw from it, and what they did not use comes back to it.
struct ReserveBook: Sendable {
  struct Entry: Sendable {
    let subject: BudgetSubject
    /// The most that was ever asked for.
    var asked = Spend.zero
    /// What no call has drawn yet.
    var left = Spend.zero
    var usesHeadroom = false
    var places: [Place] = []

    /// Nothing that the limit counts is asked for beyond it.
    func covers(_ spend: Spend, of limit: SpendLimit) -> Bool {
      (limit.cost == nil || spend.cost <= left.cost) && (limit.tokens == nil || spend.tokens <= left.tokens)
        && (limit.requests == nil || spend.requests <= left.requests)
    }
  }

  /// The counters of one limit, in whichever window.
  struct Place: Sendable, Hashable {
    let scope: String
    let window: WindowName
    init(_ place: RuleBook.Place, run: RunID?) {
      scope = place.counterScope(run: run)
      window = place.name
    }
  }

  private struct Draw: Sendable {
    let run: RunID
    let agent: AgentName
    let amount: Spend
  }

  private var entries: [RunID: [AgentName: Entry]] = [:]
  private var kept: [Place: Spend] = [:]
  /// How many keep the headroom of a limit free.
  private var headrooms: [Place: Int] = [:]
  private var draws: [EffectID: Draw] = [:]

  var isEmpty: Bool { entries.isEmpty }

  func entry(of subject: BudgetSubject) -> Entry? { subject.run.flatMap { entries[$0]?[subject.agent] } }

  /// What a limit keeps from a call, but for the reserve that is the call's own.
  func kept(at place: Place, within limit: SpendLimit, from subject: BudgetSubject) -> Spend {
    var amount = kept[place] ?? .zero
    guard subject.isCompensating else {
      return (headrooms[place] ?? 0) > 0 ? amount + limit.headroom : amount
    }
    if let own = entry(of: subject), own.places.contains(place) { amount = amount - own.left }
    return amount
  }

  /// What stands aside at a counter for compensations, without the headroom.
  func kept(at key: CounterKey, _ window: WindowName) -> Spend {
    kept[Place(scope: key.scope, window: window)] ?? .zero
  }

  /// What stands aside for compensations in a limit that all runs share, with the headroom where it is kept free.
  func kept(scope: String, _ window: WindowName, within limit: SpendLimit) -> Spend {
    let place = Place(scope: scope, window: window)
    let amount = kept[place] ?? .zero
    return (headrooms[place] ?? 0) > 0 ? amount + limit.headroom : amount
  }

  // MARK: Changes

  /// Raises the reserve of an agent for a run to an amount; a lower one changes nothing.
  mutating func raise(_ reserve: CompensationReserve, of subject: BudgetSubject, at places: [Place]) {
    guard let run = subject.run else { return }
    remove(run, subject.agent)
    let growth = growth(reserve, of: subject)
    var entry = entries[run]?[subject.agent] ?? Entry(subject: subject)
    entry.left = entry.left + growth
    entry.asked = entry.asked + reserve.amount.excess(over: entry.asked)
    entry.usesHeadroom = entry.usesHeadroom || reserve.usesHeadroom
    entry.places = places
    entries[run, default: [:]][subject.agent] = entry
    add(run, subject.agent)
  }

  /// What the reserve would grow by.
  func growth(_ reserve: CompensationReserve, of subject: BudgetSubject) -> Spend {
    // What was drawn before anything was kept here is spent; what is drawn later, calls say.
    guard let known = entry(of: subject) else { return reserve.amount.excess(over: reserve.drawn) }
    return reserve.amount.excess(over: known.asked)
  }

  /// The run needs no reserve any more.
  mutating func release(_ run: RunID) {
    for agent in entries[run]?.keys ?? [:].keys { remove(run, agent) }
    entries[run] = nil
  }

  /// The limits have changed: what binds whom has to be looked up again.
  mutating func move(_ places: (BudgetSubject) -> [Place]) {
    (kept, headrooms) = ([:], [:])
    for (run, agents) in entries {
      for (agent, entry) in agents {
        entries[run]?[agent]?.places = places(entry.subject)
        add(run, agent)
      }
    }
  }

  // MARK: Calls

  /// A call of a compensation was let through: it takes what it can from its reserve.
  mutating func draw(_ amount: Spend, for id: EffectID, of subject: BudgetSubject) {
    guard subject.isCompensating, let run = subject.run, let entry = entry(of: subject) else { return }
    let amount = amount.atMost(entry.left)
    guard amount != .zero else { return }
    draws[id] = Draw(run: run, agent: subject.agent, amount: amount)
    change(run, subject.agent) { $0 = $0 - amount }
  }

  /// The call has ended: what it had drawn and not used is kept again.
  mutating func settle(_ id: EffectID, actual: Spend) {
    guard let draw = draws.removeValue(forKey: id), entries[draw.run]?[draw.agent] != nil else { return }
    let unused = draw.amount.excess(over: actual)
    change(draw.run, draw.agent) { $0 = $0 + unused }
  }

  private mutating func change(_ run: RunID, _ agent: AgentName, _ body: (inout Spend) -> Void) {
    remove(run, agent)
    if var left = entries[run]?[agent]?.left {
      body(&left)
      entries[run]?[agent]?.left = left
    }
    add(run, agent)
  }

  private mutating func add(_ run: RunID, _ agent: AgentName) {
    guard let entry = entries[run]?[agent] else { return }
    for place in entry.places {
      kept[place] = (kept[place] ?? .zero) + entry.left
      if entry.usesHeadroom { headrooms[place, default: 0] += 1 }
    }
  }

  private mutating func remove(_ run: RunID, _ agent: AgentName) {
    guard let entry = entries[run]?[agent] else { return }
    for place in entry.places {
      let rest = (kept[place] ?? .zero) - entry.left
      kept[place] = rest == .zero ? nil : rest
      if entry.usesHeadroom, let count = headrooms[place] { headrooms[place] = count > 1 ? count - 1 : nil }
    }
  }
}

extension ReserveBook.Place {
  init(scope: String, window: WindowName) {
    self.scope = scope
    self.window = window
  }
}

extension SpendLimit {
  /// The part of a limit that is kept for compensations which do not say what they need: a tenth.
  static let headroomShare: Int64 = 10

  var headroom: Spend {
    Spend(
      cost: NanoUSD(max(0, (cost?.value ?? 0) / Self.headroomShare)),
      tokens: TokenCount(max(0, (tokens?.value ?? 0) / Self.headroomShare)),
      requests: max(0, (requests ?? 0) / Self.headroomShare))
  }
}

extension Spend {
  /// What is missing to `other` on each axis; never negative.
  func excess(over other: Spend) -> Spend {
    let difference = self - other
    return Spend(
      cost: max(.zero, difference.cost), tokens: max(.zero, difference.tokens), requests: max(0, difference.requests))
  }

  /// The lesser of both on each axis.
  func atMost(_ other: Spend) -> Spend {
    Spend(
      cost: min(cost, other.cost), tokens: min(tokens, other.tokens), requests: min(requests, other.requests))
  }
}
