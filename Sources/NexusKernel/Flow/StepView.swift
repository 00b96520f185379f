// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore

/// How one step of a run stands, for people and programs.
package struct StepView: Sendable, Hashable {
  /// `pending`, `running`, `waiting`, `completed`, `failed`, `skipped` or `interrupted`.
  package var status: String
  package var path: StepPath
  package var attempts = 0
  package var startedAt: WallTime?
  package var endedAt: WallTime?
  package var cost = NanoUSD.zero
  /// What it was given; nil before it has begun, and for a wait.
  package var input: JSONValue?
  package var output: JSONValue?
  package var error: RunError?
  /// How its compensation stands, in the words of `status`; nil if it can have none.
  package var compensation: String?
  /// The run that it is, or waits for.
  package var child: RunID?
  /// Until when it waits.
  package var dueAt: WallTime?
  /// What validators made of the last value; nil if none was judged.
  package var judgement: GateJudgement?

  init(_ path: StepPath, _ status: String) {
    self.path = path
    self.status = status
  }
}

extension FlowMachine {
  /// The most elements of lists that are shown.
  package static let maxItemViews = 1_000

  /// The steps in the order of the definition, each before its elements; behind each what was done about it, if that has
  /// begun: its probe, its compensation.
  package var stepViews: [StepView] {
    var views: [StepView] = []
    var items = 0
    for index in definition.steps.indices {
      addViews(of: UnitKey(index), to: &views)
      for item in 0..<(state.steps[index].count ?? 0) where items < Self.maxItemViews {
        let key = UnitKey(index, item: item)
        guard state.units[key] != nil else { continue }
        items += 1
        addViews(of: key, to: &views)
      }
    }
    if state.units[.judge] != nil { views.append(view(of: .judge)) }
    return views
  }

  private func addViews(of key: UnitKey, to views: inout [StepView]) {
    views.append(view(of: key))
    for role in [UnitKey.Role.probe, .back] where state.units[key.with(role)] != nil {
      views.append(view(of: key.with(role)))
    }
  }

  private func view(of key: UnitKey) -> StepView {
    var view = StepView(state.paths.path(of: key), word(of: key))
    if let unit = state.units[key] {
      view.attempts = unit.history.attempts
      view.startedAt = unit.startedAt
      view.endedAt = unit.outcome == nil && unit.failure == nil ? nil : unit.endedAt
      view.cost = unit.cost
      view.error = unit.failure ?? (unit.outcome == nil ? unit.lastError : nil)
      view.child = unit.child
      view.dueAt = unit.dueAt
      view.input = givenInput(of: key, unit)
      if case .skipped(.failed(let error))? = unit.outcome { view.error = error }
    }
    view.judgement = state.gates[key]?.last
    view.output = state.units[key]?.outcome?.output
    if key.role == .forward, key.item == nil {
      view.output = view.output ?? state.outcome(of: key.step)?.output
    }
    if key.role == .forward, definition.steps[key.step].compensation != nil { view.compensation = undoWord(of: key) }
    return view
  }

  private func givenInput(of key: UnitKey, _ unit: UnitState) -> JSONValue? {
    guard unit.startedAt != nil else { return nil }
    // It belongs to no step.
    if key.role == .judge { return judgeInput }
    switch definition.steps[key.step].action {
    case .sleep, .event: if key.role == .forward { return nil }
    case .agent, .run: break
    }
    do { return try attemptInput(of: key) } catch {
      // An input that cannot be made is the error of the step, which the view shows.
      return nil
    }
  }

  /// How the compensation stands; of a list those of its elements together, in the word of the one that needs most care.
  private func undoWord(of key: UnitKey) -> String {
    guard key.item == nil, let count = state.steps[key.step].count else { return word(of: key.with(.back)) }
    var words: Set<String> = []
    for item in 0..<count {
      let back = UnitKey(key.step, item: item, .back)
      if state.units[back] != nil { words.insert(word(of: back)) }
    }
    return ["running", "waiting", "failed", "interrupted", "skipped", "completed"].first(where: words.contains)
      ?? "pending"
  }

  private func word(of key: UnitKey) -> String {
    if let outcome = state.units[key]?.outcome { return outcome.word }
    if key.role == .forward, key.item == nil, let outcome = state.outcome(of: key.step) { return outcome.word }
    if state.units[key]?.failure != nil { return "failed" }
    if state.open.contains(key), !state.status.isFinal { return "running" }
    if state.active.contains(key) { return state.status.isFinal ? "interrupted" : "waiting" }
    if key.role == .forward, key.item == nil, state.steps[key.step].count != nil {
      guard state.status.isFinal else { return "running" }
      return state.failed.contains { $0.step == key.step } ? "failed" : "interrupted"
    }
    return state.units[key]?.startedAt == nil ? "pending" : "interrupted"
  }
}
