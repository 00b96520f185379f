// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore

/// The limits in force, found by whom and which window they bind.
struct RuleBook: Sendable {
  /// The rules of one scope and window share one counter for each index of the window.
  struct Place: Sendable, Hashable {
    /// As `BudgetScope.text` has it.
    var scope: String
    var window: BudgetWindow
    /// The name of the zone whose clock it goes by; nil for UTC.
    var zone: String?

    var name: WindowName { WindowName(window, zone: zone) }
  }

  /// One percentage of one rule.
  struct Threshold: Sendable, Hashable {
    var rule: Int
    var percent: Int
  }

  let rules: [BudgetRule]
  /// Whether any of them has models to fall back to.
  let hasDowngrades: Bool
  private var positions: [Place: [Int]] = [:]
  private var hardLimits: [Place: SpendLimit] = [:]
  private var spacings: [Place: SpendLimit] = [:]
  private var windows: [String: [Place]] = [:]
  private var zones: [String: TimeZoneRules] = [:]
  /// What binds an agent, looked up once; forgotten when there are too many.
  private var remembered: [AgentName: Bindings] = [:]
  private static let rememberedAgents = 4096

  /// The counters of an agent's calls, but for the run and the time.
  struct Bindings: Sendable {
    fileprivate let supervisors: [SupervisorName]
    let places: [(place: Place, limit: SpendLimit)]
    /// The tightest hard limits over all of them.
    let hardLimit: SpendLimit

    /// Those that begin anew with each run.
    var ofEachRun: [(place: Place, limit: SpendLimit)] { places.filter { $0.place.window == .run } }
  }

  init(_ rules: [BudgetRule]) {
    self.rules = rules
    hasDowngrades = rules.contains { $0.downgrade != nil }
    for (position, rule) in rules.enumerated() {
      let place = Place(scope: rule.scope.text, window: rule.window, zone: rule.zone?.name)
      if let zone = rule.zone { zones[zone.name] = zone.rules }
      if positions[place] == nil { windows[place.scope, default: []].append(place) }
      positions[place, default: []].append(position)
      if !rule.isSoft { hardLimits[place] = (hardLimits[place] ?? .none).tightened(by: rule.limit) }
      if rule.isSpaced { spacings[place] = (spacings[place] ?? .none).tightened(by: rule.limit) }
    }
  }

  func positions(at place: Place) -> [Int] { positions[place] ?? [] }

  /// The clock of a place; nil for UTC, also where no budget goes by that zone any more.
  func rules(of place: Place) -> TimeZoneRules? { place.zone.flatMap { zones[$0] } }

  /// Those of a scope, whichever windows they have.
  func places(of scope: String) -> [Place] { windows[scope] ?? [] }

  /// The tightest of the limits that may refuse.
  func hardLimit(at place: Place) -> SpendLimit { hardLimits[place] ?? .none }

  /// The tightest of the limits whose calls are spread over the window; nil where there is none.
  func spacing(at place: Place) -> SpendLimit? { spacings.isEmpty ? nil : spacings[place] }

  /// What binds the calls of a subject.
  mutating func bindings(of subject: BudgetSubject) -> Bindings {
    if let known = remembered[subject.agent], known.supervisors == subject.supervisors { return known }
    let places = places(of: subject).map { (place: $0, limit: hardLimit(at: $0)) }
    let bindings = Bindings(
      supervisors: subject.supervisors, places: places,
      hardLimit: places.reduce(.none) { $0.tightened(by: $1.limit) })
    if remembered.count >= Self.rememberedAgents { remembered = [:] }
    remembered[subject.agent] = bindings
    return bindings
  }

  /// The counters of a flow, or of a step of one.
  func places(ofFlow scope: String) -> [(place: Place, limit: SpendLimit)] {
    places(of: scope).map { ($0, hardLimit(at: $0)) }
  }

  /// The scopes and windows that a call of the subject counts in.
  ///
  /// An agent always has its lifetime counted, so that its tokens and its cost are known without any budget.
  private func places(of subject: BudgetSubject) -> [Place] {
    let agent = BudgetScope.agent(subject.agent).text
    var places = [Place(scope: agent, window: .lifetime)]
    places += self.places(of: agent).filter { $0.window != .lifetime }
    for scope in subject.supervisors.map({ BudgetScope.supervisor($0).text }) + [BudgetScope.global.text] {
      places += self.places(of: scope)
    }
    return places
  }
}

extension RuleBook {
  /// Where something is kept for the compensations of a subject: in its own limits and those of its flows.
  mutating func reservePlaces(of subject: BudgetSubject) -> [ReserveBook.Place] {
    var places = bindings(of: subject).places.map { ReserveBook.Place($0.place, run: subject.run) }
    for flow in subject.flows {
      for found in self.places(ofFlow: flow.scope) {
        let place = ReserveBook.Place(found.place, run: flow.run)
        if !places.contains(place) { places.append(place) }
      }
    }
    return places
  }
}

extension RuleBook.Place {
  init(_ place: BudgetPlace) { self.init(scope: place.scope.text, window: place.window, zone: place.zone?.name) }

  /// The scope of the counter: that of the budget, and for a window of one run the run before it.
  func counterScope(run: RunID?) -> String {
    guard window == .run else { return scope }
    // Calls outside every run share one counter rather than escape the budget.
    return "run:\(run?.text ?? "none")/\(scope)"
  }

  /// The place of a counter that was read back from the store; nil for a window this version does not know.
  init?(of key: CounterKey) {
    guard let name = WindowName(text: key.window) else { return nil }
    var scope = key.scope
    if name.window == .run, let slash = scope.firstIndex(of: "/") {
      scope = String(scope[scope.index(after: slash)...])
    }
    self.init(scope: scope, window: name.window, zone: name.zone)
  }
}
