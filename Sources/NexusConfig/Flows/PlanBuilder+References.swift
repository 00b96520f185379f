// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
internal import NexusDiagnostics
internal import NexusKernel

extension PlanBuilder {
  /// Holds everything that steps refer to against what there is at that time.
  mutating func checkReferences(_ draft: FlowDraft) {
    guard draft.steps.contains(where: { !$0.uses.isEmpty }) else { return }
    let before = Predecessors(draft.steps.map(\.step))
    let places = Dictionary(draft.names.enumerated().map { ($1, $0) }) { first, _ in first }
    for (index, item) in draft.steps.enumerated() {
      for use in item.uses {
        if let name = use.reference.root.step {
          check(use, to: name, from: index, draft, before, places)
        } else {
          checkPlace(use, of: item.step)
        }
      }
    }
  }

  private mutating func check(
    _ use: ReferenceUse, to name: String, from index: Int, _ draft: FlowDraft, _ before: Predecessors,
    _ places: [String: Int]
  ) {
    guard let place = places[name] else {
      if !draft.isIncomplete { reportUnknownStep(name, of: draft, at: use.location) }
      return
    }
    guard !draft.isIncomplete, !before.contains(place, before: index) else { return }
    let step = draft.steps[index].step
    if place == index {
      if use.place == .compensation { return }
      report(
        Diagnostic(
          "NX-CFG-242", "`\(use.reference.text)` is of the step itself", at: use.location,
          help: "it has no result before it has begun"))
      return
    }
    report(
      Diagnostic(
        "NX-CFG-242", "`\(name)` may not be over when `\(step.name)` begins", at: use.location,
        notes: [.init("`\(name)` is here", at: draft.steps[place].location)],
        help: before.contains(index, before: place)
          ? "it comes later" : "add `\(name)` to the `needs` of `\(step.name)`"))
  }

  private mutating func checkPlace(_ use: ReferenceUse, of step: FlowStep) {
    let word = use.reference.root.text
    switch use.reference.root {
    case .item, .index:
      if step.forEach != nil, use.place != .items { return }
      report(
        Diagnostic(
          "NX-CFG-243", "`\(word)` is of an element of `forEach`, and there is none here", at: use.location,
          help: use.place == .items
            ? "the list is made before its elements are worked on" : "give `\(step.name)` a `forEach`"))
    case .compensatedInput, .compensatedOutput, .compensatedError:
      if use.place == .compensation { return }
      report(
        Diagnostic(
          "NX-CFG-243", "`\(word)` is of the step that a compensation undoes, and this is none", at: use.location,
          help: "there are run.input, run.id, steps.NAME.output, steps.NAME.status, item and index",
          suggestion: word == "input" ? "run.input" : nil))
    case .runInput, .runID, .stepOutput, .stepStatus: break
    }
  }
}
