// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore

/// What the references of one unit stand for.
struct FlowScope: ValueScope {
  let state: FlowState
  let run: RunID
  var item: JSONValue?
  var index: Int?
  /// `input`, `output` and `error` of the step that a compensation undoes.
  var compensated: (input: JSONValue, output: JSONValue, error: JSONValue)?

  func value(of root: ReferenceRoot) -> JSONValue? {
    switch root {
    case .runInput: state.input
    case .runID: .string(run.text)
    case .stepOutput(let name): step(name).map(\.output)
    case .stepStatus(let name): step(name).map { .string($0.word) }
    case .item: item
    case .index: index.map { .int(Int64($0)) }
    case .compensatedInput: compensated?.input
    case .compensatedOutput: compensated?.output
    case .compensatedError: compensated?.error
    }
  }

  private func step(_ name: String) -> StepOutcome? { state.paths.index(of: name).flatMap { state.outcome(of: $0) } }
}

extension FlowState {
  /// The input of a unit, as its definition says it.
  func input(of key: UnitKey, run: RunID) throws(RunError) -> JSONValue {
    if let template = definition.steps[key.step].input { return try template.value(in: try scope(of: key, run: run)) }
    if key.item != nil, let item = try scope(of: key, run: run).item { return item }
    let needs = definition.steps[key.step].needs
    switch needs.count {
    case 0: return input
    case 1: return outcome(of: needs[0])?.output ?? .null
    default:
      var outputs = JSONObject()
      for need in needs { outputs[definition.steps[need].name] = outcome(of: need)?.output ?? .null }
      return .object(outputs)
    }
  }

  func scope(of key: UnitKey, run: RunID) throws(RunError) -> FlowScope {
    var scope = FlowScope(state: self, run: run)
    if let item = key.item {
      guard let value = try items(of: key.step, run: run).element(item) else {
        throw RunError(
          code: "NX-RUN-031", message: "the list of `\(definition.steps[key.step].name)` has no element \(item)",
          isRetryable: false)
      }
      scope.item = value
      scope.index = item
    }
    return scope
  }

  /// The elements of a `forEach`.
  func items(of step: Int, run: RunID) throws(RunError) -> [JSONValue] {
    if let known = lists[step] { return known }
    guard let forEach = definition.steps[step].forEach else { return [] }
    let value = try forEach.items.value(in: FlowScope(state: self, run: run))
    let name = definition.steps[step].name
    guard let items = value.arrayValue else {
      throw RunError(code: "NX-RUN-031", message: "`forEach` of `\(name)` is not a list", isRetryable: false)
    }
    guard items.count <= ForEach.maxItems else {
      throw RunError(
        code: "NX-RUN-031",
        message: "`forEach` of `\(name)` has \(items.count) elements; the limit is \(ForEach.maxItems)",
        isRetryable: false)
    }
    return items
  }

  /// What a compensation is given, unless its definition says otherwise.
  func compensatedScope(of key: UnitKey, run: RunID) throws(RunError) -> FlowScope {
    let forward = key.with(.forward)
    var scope = try scope(of: forward, run: run)
    let unit = units[forward]
    let error = unit?.failure ?? unit?.lastError ?? cause
    scope.compensated = (
      input: try input(of: forward, run: run), output: unit?.outcome?.output ?? .null,
      error: error.map { ["code": .string($0.code), "message": .string($0.message)] } ?? .null
    )
    return scope
  }
}

extension [JSONValue] {
  func element(_ index: Int) -> JSONValue? { indices.contains(index) ? self[index] : nil }
}
