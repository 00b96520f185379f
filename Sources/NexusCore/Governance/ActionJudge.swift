// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

/// An action that an agent wants to take.
package struct ProposedAction: Sendable, Hashable {
  package var tool: String
  package var arguments: JSONValue
  package var agent: AgentName
  package var run: RunID?
  package var step: StepPath
  package var attempt: AttemptNumber
  /// What the run did before, the oldest first.
  package var history: [PastAction]
  package var now: WallTime
  /// What the agent may still use.
  package var budget = BudgetStanding()

  package init(
    tool: String, arguments: JSONValue, agent: AgentName, run: RunID?, step: StepPath, attempt: AttemptNumber,
    history: [PastAction], now: WallTime
  ) {
    self.tool = tool
    self.arguments = arguments
    self.agent = agent
    self.run = run
    self.step = step
    self.attempt = attempt
    self.history = history
    self.now = now
  }
}

/// An action that the run has announced.
package struct PastAction: Sendable, Hashable {
  package var tool: String
  /// `intent`, `succeeded`, `failed`, `unknown`.
  package var state: String
  package var step: StepPath
  package var at: WallTime
  package init(tool: String, state: String, step: StepPath, at: WallTime) {
    self.tool = tool
    self.state = state
    self.step = step
    self.at = at
  }
}

/// How far the limits on money and tokens that bind an agent are used up, but for those of each run.
package struct BudgetStanding: Sendable, Hashable {
  /// The part of the tightest limit that is used or held: 0 where there is none, 1 at the limit.
  package var used = 0.0
  /// What the tightest limits leave; infinite where there is none.
  package var dollarsLeft = Double.infinity
  package var tokensLeft = Double.infinity

  package init() {}
}

/// What the rules say of an action.
package struct ActionVerdict: Sendable, Hashable {
  package enum Answer: Sendable, Hashable {
    case permitted
    /// A person of this approval policy has to say yes.
    case needsApproval(policy: String)
    case forbidden(code: String)
    /// The arguments are not what the tool takes: told to whoever made them up.
    case invalidArguments
  }

  package var answer: Answer
  /// Which boundary says so; nil if none does.
  package var boundary: String?
  package var reason: String
  package var effect: EffectClass

  package init(_ answer: Answer, boundary: String? = nil, reason: String = "", effect: EffectClass) {
    self.answer = answer
    self.boundary = boundary
    self.reason = reason
    self.effect = effect
  }
}

/// Judges actions by the rules of a project; the same action is always judged the same.
package protocol ActionJudge: Sendable {
  /// SHA-256 of the rules' canonical form, in hexadecimal.
  var policyHash: String { get }
  var onForbidden: GovernanceSpec.OnForbidden { get }
  /// What follows if what a step has read does not hold any more when it is about to act.
  var onStaleContext: GovernanceSpec.OnForbidden { get }
  /// The doubts that halt a run.
  var stopWhen: Set<StopCondition> { get }
  /// Whether an action of this name may ever happen.
  func knows(_ tool: String) -> Bool
  /// Whether any rule asks for what may still be used.
  var asksForBudget: Bool { get }
  /// Nil for a tool that nobody declared.
  func effect(of tool: String) -> EffectClass?
  func judge(_ action: ProposedAction) -> ActionVerdict
}
