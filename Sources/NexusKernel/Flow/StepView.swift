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
  package var output: JSONValue?
  package var error: RunError?
  /// How its compensation stands, in the words of `status`; nil if it has none.
  package var compensation: String?
  /// The run that it is, or waits for.
  package var child: RunID?
  /// Until when it waits.
  package var dueAt: WallTime?

  init(_ path: StepPath, _ status: String) {
    self.path = path
    self.status = status
  }
}

extension FlowMachine {
  /// The most elements of lists that are shown.
  package static let maxItemViews = 1_000

  /// The steps in the order of the definition, each before its elements, then its compensation if that has begun.
  package var stepViews: [StepView] {
    var views: [StepView] = []
    var items = 0
    for index in definition.steps.indices {
      views.append(view(of: UnitKey(index)))
      for item in 0..<(state.steps[index].count ?? 0) where items < Self.maxItemViews {
        let key = UnitKey(index, item: item)
        guard state.units[key] != nil else { continue }
        items += 1
        views.append(view(of: key))
      }
      let back = UnitKey(index, .back)
      if state.units[back] != nil { views.append(view(of: back)) }
    }
    if state.units[.judge] != nil { views.append(view(of: .judge)) }
    return views
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
      if case .skipped(.failed(let error))? = unit.outcome { view.error = error }
    }
    view.output = state.units[key]?.outcome?.output
    if key.role == .forward, key.item == nil {
      view.output = view.output ?? state.outcome(of: key.step)?.output
      if definition.steps[key.step].compensation != nil { view.compensation = word(of: key.with(.back)) }
    }
    return view
  }

  private func word(of key: UnitKey) -> String {
    if let outcome = state.units[key]?.outcome { return outcome.word }
    if key.role == .forward, key.item == nil, let outcome = state.outcome(of: key.step) { return outcome.word }
    if state.units[key]?.failure != nil { return "failed" }
    if state.open.contains(key), !state.status.isFinal { return "running" }
    if state.active.contains(key) { return state.status.isFinal ? "interrupted" : "waiting" }
    if key.role == .forward, key.item == nil, state.steps[key.step].count != nil { return "running" }
    return state.units[key] == nil ? "pending" : "interrupted"
  }
}
