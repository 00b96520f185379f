// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore

/// What decides the course of a run: the machine of an agent's run, or that of a workflow, saga or pool.
///
/// Journal-first: `handle` has the machine in the state that its entries lead to, and the shell commits these entries
/// before it performs an action. If the commit fails the machine is thrown away with its run, and whoever takes the run
/// over comes by `apply` of the committed entries to a state of the same meaning.
package protocol DurableMachine: Sendable {
  /// What lists show of the run.
  var outlook: RunOutlook { get }
  /// From when the limit on the whole run counts: its creation, or when a person last had it go on after it stood still;
  /// nil before the first entry.
  var limitCountsFrom: WallTime? { get }
  /// The steps whose attempts are under way in this process.
  var openSteps: Set<StepPath> { get }
  /// The steps whose attempts the journal shows as under way, although their node is gone and nobody reports their end.
  var orphanedSteps: [StepPath] { get }
  /// What orphaned attempts came to, as far as their effects tell: it is written down with their end.
  mutating func note(spent: [StepPath: Spend])

  /// What the open attempt of a step has read.
  func readItems(_ path: StepPath) -> [ContextItem]
  /// What the project's state says now of what was read: for the next event. Nil: it cannot be read.
  mutating func note(standing: [String: ContextStanding]?)

  mutating func handle(_ event: DurableEvent, at now: WallTime) -> DurableDecision
  /// Applies an entry of the journal, in recovery.
  mutating func apply(_ entry: JournalEntry)

  /// What a durable step of an agent recorded.
  func recorded(_ path: StepPath) -> JSONValue?
  /// How many others the agents of the run have called, which end with it.
  var calls: Int { get }
  /// How often a person asked for new idempotency keys.
  var epoch: Int { get }
  /// How often a person had the run go back to a checkpoint.
  var rollbacks: Int { get }
  /// The rules about actions that the run is held to; nil where it began without.
  var policy: String? { get }
  /// The effects that the run began with; nil for a run that began with none.
  var kept: KeptEffects? { get }
  /// Another attempt would follow if the one under way ended with this.
  func wouldRetry(_ path: StepPath, after end: AttemptEnd) -> Bool
  /// The attempt under way was told to stop, so whatever it ends with is what was asked for.
  func isStopping(_ path: StepPath) -> Bool
}

/// What happens to a run.
package enum DurableEvent: Sendable, Hashable {
  /// The run was claimed: new, resumed, or found after a restart of the node.
  case claimed(trapped: Bool)
  case attemptEnded(StepPath, AttemptEnd, output: JSONValue?)
  /// The time that a `wake` asked for has come.
  case due(StepPath)
  /// What the agent of the step sleeps for has come before its time: people have decided.
  case woken(StepPath)
  /// The attempt has taken longer than it may.
  case attemptTimedOut(StepPath, AttemptNumber)
  /// The attempt has waited for its start longer than it may.
  case queueTimedOut(StepPath, AttemptNumber)
  case childStarted(StepPath, RunID)
  case childEnded(StepPath, ChildEnd)
  case event(name: String, id: String?, payload: JSONValue)
  case cancel(by: String)
  /// Ends the run without going back.
  case kill(by: String)
  case pause(by: String)
  case resume(by: String)
  case retry(by: String, newKeys: Bool)
  /// A person does without a step.
  case skip(StepPath, by: String, reason: String)
  /// A person says that a step is done.
  case markDone(StepPath, by: String, output: JSONValue)
  /// A person decides about a value that a validator has escalated.
  case decide(StepPath, by: String, GateDecision, note: String)
  /// The whole run took longer than it may.
  case timeout
  /// The supervisor gave up on an agent.
  case supervisorGaveUp(AgentName, RunError)
  /// The node goes down in good order; the run goes on when it is up again.
  case nodeStopping
  /// The agent of the step wants a durable step recorded.
  case recordStep(StepPath, JSONValue)
  /// The agent of the step has read something.
  case contextRead(StepPath, ContextItem)
  /// The state of the run cannot be trusted, and the project wants it halted for that.
  case doubted(IntegrityDoubt)
  /// A person has a halted run go on all the same.
  case acceptHalt(by: String, reason: String)
  /// A person has the run go back to a checkpoint.
  case rollBack(to: Int, by: String, reason: String, allowsUnverified: Bool)
}

/// How a child run ended.
package struct ChildEnd: Sendable, Hashable {
  package var status: RunStatus
  package var output: JSONValue?
  package var error: RunError?
  package var tokens: TokenCount
  package var cost: NanoUSD
  package init(
    status: RunStatus, output: JSONValue?, error: RunError?, tokens: TokenCount = .zero, cost: NanoUSD = .zero
  ) {
    self.status = status
    self.output = output
    self.error = error
    self.tokens = tokens
    self.cost = cost
  }
}

/// What the shell does, after the entries are committed.
package enum DurableAction: Sendable, Hashable {
  case startAttempt(StepOrder)
  /// Shut the open attempt of the step down.
  case stopAttempt(StepPath, StepStop)
  /// Ask for `due` after this long.
  case wake(StepPath, after: Duration)
  /// Start the run of a step, or find the one that was started under this idempotency key.
  case startChild(StepPath, name: String, input: JSONValue, idempotencyKey: String)
  /// Ask for `childEnded` of a run that was started before.
  case awaitChild(StepPath, RunID)
  case stopChild(StepPath, RunID, ParentClose)
  /// Nothing will happen any more unless a person asks.
  case settle
}

/// An attempt that is to be made.
package struct StepOrder: Sendable, Hashable {
  package var step: StepPath
  /// Nil for the agent that the run is named after.
  package var agent: AgentName?
  package var attempt: AttemptNumber
  /// How many of the last model outcomes to drop first.
  package var rewind: Int
  /// Nil for the run's input.
  package var input: JSONValue?
  /// Nil for the one made of run and step.
  package var idempotencyKey: String?
  package var limits: StepLimits
  /// It undoes a step.
  package var isCompensation: Bool
  /// What validators said of the output before; nil if there is nothing to say.
  package var feedback: JSONValue?
  package init(
    step: StepPath, agent: AgentName?, attempt: AttemptNumber, rewind: Int, input: JSONValue? = nil,
    idempotencyKey: String? = nil, limits: StepLimits = StepLimits(), isCompensation: Bool = false,
    feedback: JSONValue? = nil
  ) {
    self.feedback = feedback
    self.step = step
    self.agent = agent
    self.attempt = attempt
    self.rewind = rewind
    self.input = input
    self.idempotencyKey = idempotencyKey
    self.limits = limits
    self.isCompensation = isCompensation
  }
}

package enum StepStop: Sendable, Hashable { case cancelled, killed, timedOut, paused, givenUp, nodeStopping, notNeeded }

/// The entries that an event adds to the journal, and what to do once they are committed.
package struct DurableDecision: Sendable, Hashable {
  package var entries: [RunEntry]
  package var actions: [DurableAction]
  package init(_ entries: [RunEntry] = [], _ actions: [DurableAction] = []) {
    self.entries = entries
    self.actions = actions
  }
}

/// What a run's journal adds up to, as its row shows it.
package struct RunOutlook: Sendable, Hashable {
  package var status: RunStatus
  package var pauseReason: PauseReason?
  package var output: JSONValue?
  package var error: RunError?
  package var attempts: Int
  package var tokens: TokenCount
  package var cost: NanoUSD
  package init(
    status: RunStatus, pauseReason: PauseReason? = nil, output: JSONValue? = nil, error: RunError? = nil,
    attempts: Int = 0, tokens: TokenCount = .zero, cost: NanoUSD = .zero
  ) {
    self.status = status
    self.pauseReason = pauseReason
    self.output = output
    self.error = error
    self.attempts = attempts
    self.tokens = tokens
    self.cost = cost
  }
}
