// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
internal import NexusDiagnostics
internal import NexusKernel

extension PlanBuilder {
  /// Fills in what each step needs.
  mutating func connect(_ draft: inout FlowDraft) {
    guard draft.steps.contains(where: { $0.fields.has("needs") }) else {
      for index in draft.steps.indices.dropFirst() { draft.steps[index].step.needs = [index - 1] }
      return
    }
    let places = Dictionary(draft.names.enumerated().map { ($1, $0) }) { first, _ in first }
    for index in draft.steps.indices {
      guard let value = draft.steps[index].fields.value("needs") else { continue }
      var needs: [Int] = []
      for need in value.list ?? [value] {
        guard let name = need.text else { continue }
        guard let place = places[name] else {
          if !draft.isIncomplete { reportUnknownStep(name, of: draft, at: need.location) }
          continue
        }
        if !needs.contains(place) { needs.append(place) }
      }
      draft.steps[index].step.needs = needs
    }
    refuseCircle(&draft)
  }

  mutating func reportUnknownStep(_ name: String, of draft: FlowDraft, at location: SourceLocation) {
    report(
      Diagnostic(
        "NX-CFG-240", "there is no step `\(name)` in `\(draft.definition.name)`", at: location,
        suggestion: Suggestion.nearest(to: name, among: draft.names)))
  }

  private mutating func refuseCircle(_ draft: inout FlowDraft) {
    var probe = draft.definition
    probe.steps = draft.steps.map(\.step)
    let order = Set(probe.startOrder)
    guard order.count < probe.steps.count else { return }
    // Every step that is left needs another one that is left: going back along them comes round.
    var path: [Int] = []
    var next = probe.steps.indices.first { !order.contains($0) }
    while let step = next, !path.contains(step) {
      path.append(step)
      next = probe.steps[step].needs.first { !order.contains($0) }
    }
    guard let start = next, let from = path.firstIndex(of: start) else { return }
    let circle = (path[from...] + [start]).map { probe.steps[$0].name }
    let fields = draft.steps[start].fields
    report(
      Diagnostic(
        "NX-CFG-241", "steps need each other in a circle",
        at: fields.value("needs")?.location ?? draft.steps[start].location,
        label: circle.joined(separator: " needs "), help: "remove one of these needs: none of the steps could begin"))
    // What follows from the order of steps cannot be checked.
    draft.isIncomplete = true
    for index in draft.steps.indices { draft.steps[index].step.needs = [] }
  }

  // MARK: Sagas

  /// There is one way back as far as the pivot, and none behind it.
  mutating func checkCommitments(_ draft: FlowDraft) {
    let before = Predecessors(draft.steps.map(\.step))
    let pivots = draft.steps.indices.filter { draft.steps[$0].step.commitment == .pivot }
    for (index, item) in draft.steps.enumerated() {
      let step = item.step
      let pivot = pivots.first { before.contains($0, before: index) }
      let place = item.fields.value("kind")?.location ?? item.location
      func notes() -> [Diagnostic.Note] {
        pivot.map { [.init("the pivot is here", at: draft.steps[$0].location)] } ?? []
      }
      if step.commitment == .pivot, pivot != nil {
        report(
          Diagnostic(
            "NX-CFG-246", "`\(step.name)` is a second pivot on one path", at: place, notes: notes(),
            help: "behind the first one there is no way back: make it `retriable`"))
      }
      if step.commitment == .retriable, pivot == nil, !draft.isIncomplete {
        report(
          Diagnostic(
            "NX-CFG-246", "`\(step.name)` is retriable, but it stands behind no pivot", at: place,
            help: "before the pivot a step is compensatable: a failure goes back"))
      }
      if step.commitment == .compensatable, pivot != nil, step.compensation == nil, step.action.hasEffects {
        report(
          Diagnostic(
            "NX-CFG-246", "`\(step.name)` is compensatable, but it stands behind the pivot", at: place, notes: notes(),
            help: "nothing is undone there: write `kind: retriable`, so that it is tried until it succeeds"))
      }
      guard step.compensation != nil, let field = item.fields.field("compensation") else { continue }
      if step.commitment != .compensatable {
        report(
          Diagnostic(
            "NX-CFG-246", "a \(step.commitment.rawValue) step is never undone", at: field.keyLocation,
            help: "remove `\(field.written)`, or its `kind`"))
      } else if pivot != nil {
        report(
          Diagnostic(
            "NX-CFG-246", "`\(step.name)` stands behind the pivot, where nothing is undone", at: field.keyLocation,
            notes: notes(), help: "remove `\(field.written)`, and make the step `retriable`"))
      }
    }
  }
}

extension StepAction {
  /// It does something that could fail, or be undone.
  fileprivate var hasEffects: Bool {
    switch self {
    case .agent, .run: true
    case .sleep, .event: false
    }
  }
}

/// Which steps are over before which others begin.
struct Predecessors {
  private let words: Int
  /// A row of bits for each step.
  private var bits: [UInt64]

  /// - Parameter steps: without a circle.
  init(_ steps: [FlowStep]) {
    words = (steps.count + 63) / 64
    bits = [UInt64](repeating: 0, count: words * steps.count)
    var definition = FlowDefinition(kind: .workflow, name: "")
    definition.steps = steps
    for index in definition.startOrder {
      for need in steps[index].needs {
        for word in 0..<words { bits[index * words + word] |= bits[need * words + word] }
        bits[index * words + need / 64] |= 1 << UInt64(need % 64)
      }
    }
  }

  func contains(_ step: Int, before other: Int) -> Bool {
    bits[other * words + step / 64] & (1 << UInt64(step % 64)) != 0
  }
}
