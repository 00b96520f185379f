// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusCore
import NexusFlowKit
import NexusKernel
import Testing

/// Plays a flow as the shell does: handle, keep the entries, remember what was asked for.
struct FlowPlayer {
  static let run = RunID("run_1")
  let definition: FlowDefinition
  let input: JSONValue
  /// What the project wants the run halted for; the node after this one may have other rules.
  var rules: IntegrityRules
  var machine: FlowMachine
  var journal: [JournalEntry] = []
  var now = WallTime(microseconds: 1_000_000)
  var actions: [DurableAction] = []
  /// Attempts under way, by step.
  var open: [StepPath: StepOrder] = [:]
  var wakes: [StepPath: WallTime] = [:]
  var children: [StepPath: RunID] = [:]
  var stopped: [StepPath: StepStop] = [:]
  /// What children were told when the run was to end, the last word of each.
  var stoppedChildren: [StepPath: ParentClose] = [:]
  /// Children that go on in the world, whatever this node knows of them.
  var living: Set<RunID> = []
  private var ended: Set<RunID> = []
  var isSettled = false
  /// The node is killed before the next commit, or the store loses it.
  var losesNextCommit = false
  /// Every attempt that was ever started, in order.
  var started: [StepOrder] = []

  init(
    _ definition: FlowDefinition, input: JSONValue = ["topic": "bees"], claim: Bool = true,
    rules: IntegrityRules = IntegrityRules()
  ) {
    self.definition = definition
    self.input = input
    self.rules = rules
    machine = FlowMachine(run: Self.run, definition: definition, input: input, judge: SampleJudge(), rules: rules)
    append([
      .created(
        RunCreation(
          kind: definition.kind, name: definition.name, input: input, definition: DefinitionHash("d"),
          policy: rules.policy))
    ])
    machine = recovered()
    if claim { play(.claimed(trapped: false)) }
  }

  private mutating func append(_ entries: [RunEntry]) {
    for entry in entries {
      journal.append(
        JournalEntry(sequence: JournalSequence(Int64(journal.count + 1)), at: now, entry: entry))
    }
  }

  /// The machine that a node comes to from the journal alone.
  func recovered() -> FlowMachine {
    var machine = FlowMachine(
      run: Self.run, definition: definition, input: input, judge: SampleJudge(), rules: rules)
    for entry in journal { machine.apply(entry) }
    return machine
  }

  @discardableResult
  mutating func play(_ event: DurableEvent) -> [DurableAction] {
    isSettled = false
    let decision = machine.handle(event, at: now)
    if losesNextCommit {
      losesNextCommit = false
      recover()
      return []
    }
    append(decision.entries)
    actions = decision.actions
    for action in decision.actions { perform(action) }
    return decision.actions
  }

  private mutating func perform(_ action: DurableAction) {
    switch action {
    case .startAttempt(let order):
      #expect(open[order.step] == nil, "\(order.step) has an attempt under way already")
      open[order.step] = order
      started.append(order)
    case .stopAttempt(let path, let why):
      #expect(open[path] != nil, "\(path) has nothing to stop")
      stopped[path] = why
    case .wake(let path, let delay): wakes[path] = now + delay
    case .startChild(let path, let name, _, let key):
      let child = RunID("run_of_\(name)_\(key)")
      children[path] = child
      if !ended.contains(child) { living.insert(child) }
    case .awaitChild(let path, let run): children[path] = run
    case .stopChild(let path, let child, let policy):
      stoppedChildren[path] = policy
      if policy == .abandon {
        children[path] = nil
        living.remove(child)
      }
    case .settle: isSettled = true
    }
  }

  /// The node is killed: only the journal is left.
  mutating func crash() {
    machine = recovered()
    (open, wakes, stopped, isSettled) = ([:], [:], [:], false)
    children = [:]
  }

  mutating func recover() {
    crash()
    play(.claimed(trapped: false))
  }

  // MARK: What the world does

  mutating func end(_ path: StepPath, _ outcome: AttemptOutcome, _ output: JSONValue? = nil, passed: Int = 0) {
    open[path] = nil
    stopped[path] = nil
    play(.attemptEnded(path, AttemptEnd(outcome: outcome, passed: passed), output: output))
  }

  mutating func succeed(_ path: StepPath, _ output: JSONValue = .null) { end(path, .succeeded, output) }

  mutating func crash(_ path: StepPath, _ error: RunError = .exitOne) { end(path, .crashed(error)) }

  /// The child of a step is known, and goes on.
  mutating func startChild(_ path: StepPath) {
    guard let child = children[path] else { return }
    play(.childStarted(path, child))
  }

  /// The child of a step ends, and the node learns of it.
  mutating func endChild(_ path: StepPath, _ status: RunStatus, _ output: JSONValue? = nil) {
    guard let child = children.removeValue(forKey: path) else { return }
    living.remove(child)
    ended.insert(child)
    play(.childEnded(path, ChildEnd(status: status, output: output, error: status == .completed ? nil : .exitOne)))
  }

  /// The time comes that was asked for.
  mutating func passTime(of path: StepPath) {
    guard let due = wakes.removeValue(forKey: path) else { return }
    now = max(now, due)
    play(.due(path))
  }

  var status: RunStatus { machine.outlook.status }
  var openSteps: [String] { open.keys.map(\.text).sorted() }

  /// What the journal says, in short.
  var words: [String] { journal.map { JournalWord.of($0.entry) } }
}

extension StepPath: ExpressibleByStringLiteral {
  public init(stringLiteral value: String) { self.init(value) }
}
