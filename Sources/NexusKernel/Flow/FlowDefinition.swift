// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore

/// A workflow, a saga or a fan-out pool, checked: what a run of it is pinned to.
///
/// It is interpreted, never compiled into code, and it carries everything that its steps refer to, so that neither an
/// edit of the file nor a new binary changes a run that is under way.
package struct FlowDefinition: Sendable, Hashable {
  /// How many attempts of one run may be under way at a time, where the definition does not say.
  package static let defaultMaxParallel = 16
  /// The most steps that a definition may have.
  package static let maxSteps = 10_000

  /// `workflow`, `saga` or `pool`.
  package var kind: RunKind
  package var name: String
  /// In the order of the file; the members of a pool are its steps.
  package var steps: [FlowStep]
  /// What becomes of the run when a step has failed for good.
  package var onExhausted: OnExhausted
  /// What a saga does when a compensation has failed for good.
  package var onCompensationFailure: OnCompensationFailure
  /// The longest that the whole run may take; nil for no limit.
  package var timeout: Duration?
  package var maxParallel: Int
  /// How the results of a fan-out pool become one; nil for everything else.
  package var decision: PoolDecision?
  /// Its one step waits for a worker of the queue pool of its name.
  package var isQueued: Bool
  /// The pinned definitions of the agents that it names (`AgentSpec.definition`).
  package var agents: [AgentName: JSONValue]
  /// The validators of its steps, by name.
  package var gates: [String: GateDefinition]
  /// The pinned definitions of the workflows, sagas and pools that its steps run.
  package var children: [String: FlowDefinition]
  /// Not empty: every run of it is refused with these reasons.
  package var refusals: [PlanRefusal]

  package init(kind: RunKind, name: String, steps: [FlowStep] = []) {
    self.kind = kind
    self.name = name
    self.steps = steps
    onExhausted = .fail
    onCompensationFailure = .pause
    timeout = nil
    maxParallel = Self.defaultMaxParallel
    decision = nil
    isQueued = false
    agents = [:]
    gates = [:]
    children = [:]
    refusals = []
  }

  /// All members get the same input, and their answers become one.
  package var isFanOut: Bool { decision != nil }

  /// The events that its steps wait for.
  package var eventNames: Set<String> {
    Set(steps.compactMap { step in if case .event(let name) = step.action { name } else { nil } })
  }

  /// What the pinned definition of an agent says of its attempts; nil if it has none that this version reads.
  func retry(of agent: AgentName) -> StepRetry? {
    agents[agent]?["retry"].flatMap(RetryPolicy.init(definition:)).map { StepRetry(policy: $0) }
  }

  /// How long an attempt of an agent may take, by its pinned definition; nil for no limit.
  func timeout(of agent: AgentName) -> Duration? { agents[agent]?["timeout"]?.intValue.map { .nanoseconds($0) } }
}

/// What becomes of a run when a step's retries are used up.
package enum OnExhausted: String, Sendable, CaseIterable {
  /// The run fails and keeps everything; `runs retry` goes on from the failed step.
  case fail
  /// The run is paused with the reason `exhausted`.
  case pause
}

/// What a saga does when a compensation keeps failing.
package enum OnCompensationFailure: String, Sendable, CaseIterable {
  /// The run is paused with the reason `compensation`; later compensations are not begun.
  case pause
  /// The failure is reported and the compensations before it go on: the run ends `compensated-partial`.
  case proceed = "continue"
}

/// One step of a definition.
package struct FlowStep: Sendable, Hashable {
  package var name: String
  package var action: StepAction
  /// The indexes of the steps that must be over before this one begins.
  package var needs: [Int]
  /// Nil: always.
  package var condition: Condition?
  /// Nil: the step is done once.
  package var forEach: ForEach?
  /// Nil: the run's input, the output of the one step before, or those of all before by name.
  package var input: ValueTemplate?
  package var retry: StepRetry
  package var limits: StepLimits
  package var onError: OnStepError
  package var onUnknown: OnUnknown
  /// The key that the step's effects are known by outside; nil for the one made of run and path.
  package var idempotencyKey: ValueTemplate?
  /// Of sagas: what the step's success means for going back.
  package var commitment: SagaCommitment
  package var compensation: CompensationStep?
  /// What becomes of a child run when this one ends before it.
  package var parentClose: ParentClose
  /// The validators of what comes out of it, in order.
  package var gates: [String]
  /// Those of what goes into it.
  package var inputGates: [String]

  package init(name: String, action: StepAction, needs: [Int] = []) {
    self.name = name
    self.action = action
    self.needs = needs
    condition = nil
    forEach = nil
    input = nil
    retry = StepRetry()
    limits = StepLimits()
    onError = .stop
    onUnknown = .retrySameKey
    idempotencyKey = nil
    commitment = .compensatable
    compensation = nil
    parentClose = .cancel
    gates = []
    inputGates = []
  }
}

/// What a step does.
package enum StepAction: Sendable, Hashable {
  /// An attempt of an agent.
  case agent(AgentName)
  /// A run of its own: of a workflow, saga or pool.
  case run(String)
  /// A durable sleep, of a fixed length or as long as a reference says (a duration, or a time in ISO 8601).
  case sleep(ValueTemplate)
  /// Waits for an event of that name; its payload is the step's output.
  case event(String)
}

/// A step that is done once for each element of a list.
package struct ForEach: Sendable, Hashable {
  /// The most elements that a list may have.
  package static let maxItems = 100_000

  /// What evaluates to the list.
  package var items: ValueTemplate
  /// How many elements may be worked on at a time.
  package var parallel: Int
  package init(items: ValueTemplate, parallel: Int = 8) {
    self.items = items
    self.parallel = parallel
  }
}

/// How often a step is tried, and after which errors not again.
package struct StepRetry: Sendable, Hashable {
  package var policy: RetryPolicy
  /// By how much of itself a wait is shortened or lengthened at most: 0 … 1.
  package var jitter: Double
  package var nonRetryable: [ErrorPattern]
  package init(policy: RetryPolicy = RetryPolicy(), jitter: Double = 0, nonRetryable: [ErrorPattern] = []) {
    self.policy = policy
    self.jitter = jitter
    self.nonRetryable = nonRetryable
  }
}

/// An error that a step's retry policy names.
package enum ErrorPattern: Sendable, Hashable {
  /// A stable code: `NX-AGT-005`, or the code that a service reported.
  case code(String)
  /// The exit code of the process.
  case exit(Int32)

  /// `exit 3`, or a code.
  package init?(_ text: String) {
    let words = text.split(separator: " ")
    if words.count == 2, words[0] == "exit", let code = Int32(words[1]) {
      self = .exit(code)
    } else if words.count == 1, words[0] == text {
      self = .code(text)
    } else {
      return nil
    }
  }

  package var text: String {
    switch self {
    case .code(let code): code
    case .exit(let code): "exit \(code)"
    }
  }

  package func matches(_ error: RunError) -> Bool {
    switch self {
    case .code(let code): error.code == code
    case .exit(let code): error.exit == code
    }
  }
}

/// How long a step may take; nil for no limit.
package struct StepLimits: Sendable, Hashable {
  /// One attempt, from its start to its end.
  package var attempt: Duration?
  /// From when an attempt could start to when it does.
  package var queue: Duration?
  /// An attempt without a heartbeat or any other activity; streamed tokens count.
  package var heartbeat: Duration?
  package init(attempt: Duration? = nil, queue: Duration? = nil, heartbeat: Duration? = nil) {
    self.attempt = attempt
    self.queue = queue
    self.heartbeat = heartbeat
  }
}

/// What a step that has failed for good means for its run.
package enum OnStepError: String, Sendable, CaseIterable {
  /// No step begins any more, and when those under way are over, the run fails or compensates.
  case stop
  /// Its output is null, and the run goes on.
  case skip
  /// It is tried again without end, at the longest wait of its policy; errors that cannot be retried stop the run.
  case retry
}

/// What to do with an attempt that was cut off, so that nobody knows whether it had its effect.
package enum OnUnknown: Sendable, Hashable {
  /// Tried again under the same idempotency key, which makes the second effect none.
  case retrySameKey
  /// The named agent finds out: it gets `{input, idempotencyKey}` and answers `{applied, output}`.
  case probe(AgentName)
  /// The run is paused with the reason `unknown` until a person says.
  case ask
  /// The step has failed.
  case fail
}

/// What a saga step's success means for going back.
package enum SagaCommitment: String, Sendable, CaseIterable {
  /// It can be undone.
  case compensatable
  /// Behind it there is no way back.
  case pivot
  /// It stands behind the pivot and is tried until it succeeds.
  case retriable
}

/// How a saga step is undone.
package struct CompensationStep: Sendable, Hashable {
  package var agent: AgentName
  /// Nil: `{input, output, error}` of its step.
  package var input: ValueTemplate?
  package var retry: StepRetry
  package var limits: StepLimits
  /// Whether the step that failed is compensated, too.
  package var ofFailed: CompensateFailed
  /// What budgets keep for it; nil where it does not say, so that it may use the headroom of its limits.
  package var reserve: Spend?
  package init(agent: AgentName) {
    self.agent = agent
    input = nil
    retry = StepRetry()
    limits = StepLimits()
    ofFailed = .auto
    reserve = nil
  }
}

/// Whether the failed step itself is compensated.
package enum CompensateFailed: String, Sendable, CaseIterable {
  /// If it may have had an effect: its attempt had started, and did not say that nothing was applied.
  case auto
  case always, never
}

package enum ParentClose: String, Sendable, CaseIterable {
  /// Asked to end, and waited for.
  case cancel
  case kill
  /// Goes on by itself.
  case abandon
}

/// How the results of a pool's members become one.
package struct PoolDecision: Sendable, Hashable {
  package var strategy: PoolStrategy
  /// How many members must agree; only for `quorum`.
  package var quorum: Int
  package var equality: PoolEquality
  package init(strategy: PoolStrategy, quorum: Int = 0, equality: PoolEquality = .canonical) {
    self.strategy = strategy
    self.quorum = quorum
    self.equality = equality
  }
}

package enum PoolStrategy: String, Sendable, CaseIterable { case all, first, majority, quorum }

/// When two outputs of a pool count as the same.
package enum PoolEquality: Sendable, Hashable {
  /// Equal as canonical JSON.
  case canonical
  /// Equal at this place of theirs: `answer.city`.
  case path([ReferencePart])
  /// Equal after these changes, in order.
  case normalised([PoolNormaliser])
  /// The named agent says which agree: it gets `{votes}` and answers `{groups: [[member, …], …]}`.
  case agent(AgentName)
}

/// A change to an output before it is compared.
package enum PoolNormaliser: String, Sendable, CaseIterable {
  /// Texts lose white space at both ends, and runs of it become one space.
  case whitespace
  /// Texts are compared in lower case.
  case lowercase
  /// Texts lose punctuation.
  case punctuation
  /// Texts that are numbers become numbers, and whole numbers equal their fractions (1.0 is 1).
  case number
}
