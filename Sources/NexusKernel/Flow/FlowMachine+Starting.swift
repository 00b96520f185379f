// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import DequeModule
internal import NexusCore

// What begins, and when.
extension FlowMachine {
  var hasRoom: Bool { state.open.count < definition.maxParallel }

  /// Starts everything that waits for nothing but its turn: second tries, elements of lists, steps.
  mutating func startWhatCan(_ turn: inout Turn) {
    while hasRoom, !waitingForRoom.isEmpty, mayStart { begin(waitingForRoom.removeFirst(), &turn) }
    var index = 0
    while index < expanded.count, mayStart {
      let step = expanded[index]
      fill(step, &turn)
      if state.outcome(of: step) == nil { index += 1 } else { expanded.remove(at: index) }
    }
    while hasRoom, mayStart, let step = state.ready.popFirst() { begin(step: step, &turn) }
  }

  /// A step that failed just now, or a halt, keeps the next from beginning.
  private var mayStart: Bool { (state.failed.isEmpty || definition.isFanOut) && halt == nil && !isResting }

  private mutating func begin(step index: Int, _ turn: inout Turn) {
    let key = UnitKey(index)
    let step = definition.steps[index]
    guard state.outcome(of: index) == nil, state.steps[index].count == nil, !state.active.contains(key),
      !state.units.hasFailed(key)
    else { return }
    guard step.forEach != nil else {
      if holds(step.condition, key, &turn) { begin(key, &turn) }
      return
    }
    do throws(RunError) {
      if let condition = step.condition, !condition.concernsItems,
        try !condition.holds(in: FlowScope(state: state, run: run))
      {
        return note(.stepSkipped(path: state.paths.path(of: key), .condition), &turn)
      }
      let count = try state.items(of: index, run: run).count
      note(.stepExpanded(path: state.paths.path(of: key), count: count), &turn)
      if count > 0 { expanded.append(index) }
      fill(index, &turn)
    } catch {
      giveUp(key, error, &turn)
    }
  }

  /// Begins as many elements of a list as may be under way.
  private mutating func fill(_ step: Int, _ turn: inout Turn) {
    guard let count = state.steps[step].count, let forEach = definition.steps[step].forEach else { return }
    // One that cannot be made says so at the element that needs it.
    if state.lists[step] == nil { state.lists[step] = try? state.items(of: step, run: run) }
    let condition = definition.steps[step].condition.flatMap { $0.concernsItems ? $0 : nil }
    while state.steps[step].nextItem < count, state.steps[step].openItems < forEach.parallel, hasRoom, mayStart {
      let key = UnitKey(step, item: state.steps[step].nextItem)
      state.steps[step].nextItem += 1
      let unit = state.units[key]
      guard unit?.outcome == nil, unit?.failure == nil, !state.active.contains(key) else { continue }
      if holds(condition, key, &turn) { begin(key, &turn) }
    }
  }

  /// Whether a unit is to be done; one whose condition fails or cannot be told is written down.
  private mutating func holds(_ condition: Condition?, _ key: UnitKey, _ turn: inout Turn) -> Bool {
    guard let condition else { return true }
    do throws(RunError) {
      if try condition.holds(in: try state.scope(of: key, run: run)) { return true }
      note(.stepSkipped(path: state.paths.path(of: key), .condition), &turn)
    } catch {
      giveUp(key, error, &turn)
    }
    return false
  }

  /// Begins a unit, or tries it again.
  mutating func begin(_ key: UnitKey, _ turn: inout Turn) {
    switch key.role {
    case .back, .probe, .judge: startAttempt(key, &turn)
    case .forward:
      // It may have ended while it waited for its turn.
      guard !state.units.isOver(key), !handedOver.contains(key), letsIn(key, &turn) else { return }
      switch definition.steps[key.step].action {
      case .agent: startAttempt(key, &turn)
      case .run(let name): startChild(key, name, &turn)
      case .sleep(let template): sleep(key, template, &turn)
      case .event(let name): awaitEvent(key, name, &turn)
      }
    }
  }

  // MARK: Attempts

  /// The agent that a unit's attempts are made by.
  func agent(of key: UnitKey) -> AgentName? { state.agent(of: key) }

  mutating func startAttempt(_ key: UnitKey, doubtIsSettled: Bool = false, _ turn: inout Turn) {
    guard let agent = agent(of: key), mayBeTried(key) else { return }
    if state.units.isUnknown(key), !doubtIsSettled, !goesOnInDoubt(key, &turn) { return }
    let path = state.paths.path(of: key)
    do throws(RunError) {
      let attempts = state.units.look(at: key) { $0.history.attempts } ?? 0
      let order = StepOrder(
        step: path, agent: agent, attempt: AttemptNumber(attempts + 1), rewind: rewind(of: key),
        input: try attemptInput(of: key), idempotencyKey: try idempotencyKey(of: key), limits: limits(of: key),
        isCompensation: key.role == .back, feedback: feedback(of: key))
      note(.attemptStarted(step: path, attempt: order.attempt, dropped: order.rewind), &turn)
      turn.act(.startAttempt(order))
    } catch {
      giveUp(key, error, &turn)
    }
  }

  /// What waited for its turn may be over by now, or its question answered.
  private func mayBeTried(_ key: UnitKey) -> Bool {
    guard !state.open.contains(key), !isEscalated(key), state.status != .halted else { return false }
    guard key.role == .probe else { return !state.units.isOver(key) }
    return isInDoubt(key.with(.forward))
  }

  /// A person, or a probe, is to say whether the unit had its effect.
  func isInDoubt(_ key: UnitKey) -> Bool {
    state.active.contains(key) && !state.open.contains(key) && state.units.isUnknown(key)
  }

  /// The attempt before was cut off; whether the unit may simply be tried again.
  private mutating func goesOnInDoubt(_ key: UnitKey, _ turn: inout Turn) -> Bool {
    guard key.role == .forward else { return true }
    switch definition.steps[key.step].onUnknown {
    case .retrySameKey: return true
    case .probe: startAttempt(key.with(.probe), &turn)
    case .ask: if !doubts(key, &turn) { begin(.paused(.unknown, note: ""), &turn) }
    case .fail:
      if doubts(key, &turn) { return false }
      let error = RunError(
        code: "NX-RUN-033", message: "the attempt was cut off, and nobody knows whether it had its effect",
        isRetryable: false)
      giveUp(key, error, &turn)
    }
    return false
  }

  /// What an attempt of the unit is given.
  func attemptInput(of key: UnitKey) throws(RunError) -> JSONValue {
    switch key.role {
    case .forward: return try state.input(of: key, run: run)
    case .back:
      let scope = try state.compensatedScope(of: key, run: run)
      if let template = definition.steps[key.step].compensation?.input { return try template.value(in: scope) }
      var input: JSONObject = [
        "input": scope.compensated?.input ?? .null, "output": scope.compensated?.output ?? .null,
        "error": scope.compensated?.error ?? .null,
      ]
      // No result, and never taken for one; but whoever undoes the step has to know what it did.
      input["rejected"] = state.gates[key.with(.forward)]?.rejected
      return .object(input)
    case .probe:
      let forward = key.with(.forward)
      return [
        "input": try state.input(of: forward, run: run), "idempotencyKey": .string(try idempotencyKey(of: forward)),
      ]
    case .judge: return judgeInput
    }
  }

  /// The same for every attempt, so that an effect is known again.
  private func idempotencyKey(of key: UnitKey) throws(RunError) -> String {
    if key.role == .forward, let template = definition.steps[key.step].idempotencyKey {
      let value = try template.value(in: try state.scope(of: key, run: run))
      return value.stringValue ?? value.text()
    }
    let path = state.paths.path(of: key).text
    let suffix = state.gates[key]?.keySuffix ?? ""
    return state.epoch == 0
      ? .linked(run.text, "/", path, suffix) : .linked(run.text, "/e", String(state.epoch), "/", path, suffix)
  }

  private func limits(of key: UnitKey) -> StepLimits {
    switch key.role {
    case .forward: definition.steps[key.step].limits
    case .back: definition.steps[key.step].compensation?.limits ?? StepLimits()
    case .probe, .judge: StepLimits(attempt: agent(of: key).flatMap { definition.timeout(of: $0) })
    }
  }

  // MARK: Children, sleep, events

  private mutating func startChild(_ key: UnitKey, _ name: String, _ turn: inout Turn) {
    let path = state.paths.path(of: key)
    do throws(RunError) {
      let input = try state.input(of: key, run: run)
      if !state.active.contains(key) || state.units[key]?.dueAt != nil { note(.stepBegun(path: path), &turn) }
      handedOver.insert(key)
      turn.act(.startChild(path, name: name, input: input, idempotencyKey: try childKey(of: key)))
    } catch {
      giveUp(key, error, &turn)
    }
  }

  /// A run that failed is not found again when a person has the step retried: the next one is another run.
  private func childKey(of key: UnitKey) throws(RunError) -> String {
    let failures = state.units[key]?.failedChildren ?? 0
    return try idempotencyKey(of: key) + (failures == 0 ? "" : "#\(failures + 1)")
  }

  private mutating func sleep(_ key: UnitKey, _ template: ValueTemplate, _ turn: inout Turn) {
    let path = state.paths.path(of: key)
    do throws(RunError) {
      let until = try SleepLength.end(
        of: try template.value(in: try state.scope(of: key, run: run)), from: turn.now)
      note(.timerSet(path: path, until: until), &turn)
      handedOver.insert(key)
      turn.act(.wake(path, after: max(.zero, until - turn.now)))
    } catch {
      giveUp(key, error, &turn)
    }
  }

  private mutating func awaitEvent(_ key: UnitKey, _ name: String, _ turn: inout Turn) {
    let path = state.paths.path(of: key)
    if let payload = state.events[name]?.first {
      note(.stepBegun(path: path), &turn)
      return note(.stepCompleted(path: path, output: payload), &turn)
    }
    guard let limit = definition.steps[key.step].limits.attempt else { return note(.stepBegun(path: path), &turn) }
    note(.timerSet(path: path, until: turn.now + limit), &turn)
    handedOver.insert(key)
    turn.act(.wake(path, after: limit))
  }
}
