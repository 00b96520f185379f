// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import DequeModule
package import NexusCore

/// What the journal of a workflow, saga or pool adds up to.
///
/// `apply` is the only way in which it changes, live and in recovery alike. Every change costs the same however long the
/// journal is: what can begin is kept in lists, and nothing is ever searched for.
package struct FlowState: Sendable {
  /// How many events may wait in a run for a step that takes them.
  package static let maxBufferedEvents = 1_000
  /// How many ids of events a run remembers; one that comes again later than that is taken again.
  package static let maxEventIDs = 10_000

  let definition: FlowDefinition
  let input: JSONValue
  let paths: UnitPaths
  /// The steps that wait for each step.
  private(set) var dependents: [[Int]]

  package internal(set) var status = RunStatus.queued
  package internal(set) var pauseReason: PauseReason?
  package internal(set) var limitCountsFrom: WallTime?
  package internal(set) var output: JSONValue?
  package internal(set) var error: RunError?
  package internal(set) var cancelRequested = false
  /// Who wants the run ended without going back.
  package internal(set) var killRequested: String?
  /// Agents of its steps have called others.
  package internal(set) var calls = 0
  /// The effects that the run began with.
  package internal(set) var kept: KeptEffects?
  package internal(set) var traps = 0
  package internal(set) var attempts = 0
  package internal(set) var tokens = TokenCount.zero
  package internal(set) var cost = NanoUSD.zero
  /// Part of every idempotency key; raised when a person wants new ones.
  package internal(set) var epoch = 0
  /// Why the saga goes back; nil while it goes forward.
  package internal(set) var cause: RunError?
  /// The members of a pool that agree, once that is decided.
  package internal(set) var winners: [StepPath]?

  var steps: [StepState]
  var units: UnitTable
  /// What validators made of what came out of units.
  var gates: [UnitKey: GateHistory] = [:]
  /// Units that have begun and are not over.
  var active = UnitSet()
  /// Units with an attempt that has started and not ended.
  var open = UnitSet()
  /// Forward units that failed for good, in that order.
  var failed: [UnitKey] = []
  /// Forward units in the order of their completion.
  var completed: [UnitKey] = []
  /// Steps whose predecessors are over and that have not begun.
  var ready: Deque<Int> = []
  /// Steps that are not over.
  var unfinished: Int
  /// The pivot of the saga is behind: there is no way back.
  var isBehindPivot = false
  /// How often a unit has come to an end; it only grows.
  var over = 0
  /// Compensations that are over: done or done without.
  var undone = UnitSet()
  /// A compensation was skipped or given up.
  var isPartial = false
  var events: [String: Deque<JSONValue>] = [:]
  /// The ids of the last events, and their order.
  var eventIDs: Set<String> = []
  var eventOrder: Deque<String> = []
  /// Units that wait for events, by name, in the order in which they began; the first of each is active.
  var waiters: [String: Deque<UnitKey>] = [:]
  var bufferedEvents = 0
  /// The elements of a `forEach` that has begun: what they were made of is over, so they stay the same, and to make
  /// them again for each element would cost the more the longer the list is.
  var lists: [Int: [JSONValue]] = [:]
  /// The last path that an entry named: the entries of one step follow each other.
  var lastPath: (path: StepPath, key: UnitKey)?
  /// Durable steps that agents recorded.
  var recorded: [StepPath: JSONValue] = [:]

  /// What the attempts under way have read, by key.
  var reads: [UnitKey: [String: ContextItem]] = [:]
  /// Why the run is halted.
  package internal(set) var haltedFor: StopCondition?
  /// The rules about actions that the run is held to.
  package internal(set) var policy: String?
  /// When the last entry was written.
  var lastAt: WallTime?
  /// The checkpoints that stand, and how many there ever were.
  var line: [CheckpointMark] = []
  var checkpointCount = 0
  /// The last checkpoint that was sealed, and with what.
  var sealed = 0
  var lastSeal = ""
  /// The checkpoint that the run is going back to.
  package internal(set) var rollback: Int?
  package internal(set) var rollbacks = 0

  init(definition: FlowDefinition, input: JSONValue) {
    self.definition = definition
    self.input = input
    paths = UnitPaths(definition)
    units = UnitTable(steps: definition.steps.count)
    dependents = Array(repeating: [], count: definition.steps.count)
    steps = definition.steps.map { StepState(unmet: $0.needs.count) }
    unfinished = definition.steps.count
    for (index, step) in definition.steps.enumerated() {
      for need in step.needs { dependents[need].append(index) }
      if step.needs.isEmpty { ready.append(index) }
    }
  }

  /// Nothing is under way, and what is left waits for a time, an event or another run.
  var isWaiting: Bool { open.isEmpty && !active.isEmpty }

  func outcome(of step: Int) -> StepOutcome? { steps[step].outcome }

  /// Units in doubt of which only a person can say whether they had their effect.
  var askedAbout: [UnitKey] {
    active.filter { key in
      guard key.role == .forward, !open.contains(key), units[key]?.isUnknown == true else { return false }
      switch definition.steps[key.step].onUnknown {
      case .ask: return true
      case .probe:
        // It failed for good, or did not answer what it was asked.
        guard let probe = units[key.with(.probe)] else { return false }
        return probe.failure != nil || probe.outcome.map { $0.output["applied"]?.boolValue == nil } ?? false
      case .retrySameKey, .fail: return false
      }
    }
  }
}

/// How far a step is.
struct StepState: Sendable {
  /// How many of the steps before are not over.
  var unmet: Int
  var outcome: StepOutcome?
  /// Of a `forEach`: its elements' number, once it has begun.
  var count: Int?
  /// Of a `forEach`: elements that are over.
  var overItems = 0
  /// Of a `forEach`: the first element that may not have begun.
  var nextItem = 0
  /// Of a `forEach`: elements that have begun and are not over.
  var openItems = 0

  init(unmet: Int) { self.unmet = unmet }
}

/// How a step, or one element of it, ended.
package enum StepOutcome: Sendable, Hashable {
  case completed(JSONValue)
  case skipped(SkipReason)

  /// What later steps read.
  package var output: JSONValue {
    switch self {
    case .completed(let output): output
    case .skipped: .null
    }
  }

  package var word: String {
    switch self {
    case .completed: "completed"
    case .skipped(.failed): "failed"
    case .skipped: "skipped"
    }
  }
}

/// One unit: how often it was tried, and how it stands.
package struct UnitState: Sendable, Hashable {
  package var history = AttemptHistory()
  package var startedAt: WallTime?
  package var endedAt: WallTime?
  package var tokens = TokenCount.zero
  package var cost = NanoUSD.zero
  package var outcome: StepOutcome?
  /// It failed for good, until a person says otherwise.
  package var failure: RunError?
  /// What the last attempt ended with.
  package var lastError: RunError?
  /// When it may be tried again, sleeps no longer, or waits no longer.
  package var dueAt: WallTime?
  /// The run that it waits for.
  package var child: RunID?
  /// The runs that ended otherwise than completed, and were followed by another.
  package var failedChildren = 0
  /// It stands among those that wait for its event.
  package var isWaiter = false
  /// The last attempt was cut off: nobody knows whether it had its effect.
  package var isUnknown = false
  /// The node ended during an attempt, and nobody has said since whether the unit had its effect.
  package var wasCutOff = false
  /// An attempt of it has begun, or a run of its own.
  package var wasTried = false
  /// One of the attempts that have ended, or its run, may have had its effect.
  package var mayHaveApplied = false
  /// A person has seen the doubt about the unit, and has the run go on all the same.
  package var isAccepted = false
  /// The same of the doubt about what it has read.
  package var readIsAccepted = false
}
