// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore

/// An action of an agent that is about to become an effect: a tool call, or a call of another agent.
package struct EffectProposal: Sendable {
  package var caller: Caller
  /// `http.get`, `agents.writer`.
  package var tool: String
  package var arguments: JSONValue
  /// What it will be announced as.
  package var effect: EffectID
  /// Which call of its step it is, however often it is asked for: digest and occurrence.
  package var slot: String

  package init(caller: Caller, tool: String, arguments: JSONValue, effect: EffectID, slot: String) {
    self.caller = caller
    self.tool = tool
    self.arguments = arguments
    self.effect = effect
    self.slot = slot
  }
}

/// What the rules, and the people whom they ask, say of an action.
package enum EffectRuling: Sendable {
  case permitted(EffectPermit)
  /// The arguments are not what the tool takes: an answer for whoever made them up.
  case invalid(message: String)
  /// A person said no, or nobody said anything in time: an answer for the agent, which goes on without.
  case denied(code: String, message: String)
  /// A rule says no.
  case forbidden(BudgetRefusal)
  /// A person has to say yes first, and nothing of the run may wait for that.
  case waits(EffectWait)
}

/// Leave to take an action once.
package struct EffectPermit: Sendable {
  /// With these arguments, which a person may have changed.
  package var arguments: JSONValue
  /// Written in the same commit as the announcement: if they do not fit any more, nothing is announced.
  package var mutations: [Mutation]

  package init(arguments: JSONValue, mutations: [Mutation] = []) {
    self.arguments = arguments
    self.mutations = mutations
  }
}

/// An action that waits for people.
package struct EffectWait: Sendable {
  package var approval: ApprovalID
  /// When the wait ends whatever people do; nil for never.
  package var until: WallTime?
  package var message: String

  package init(approval: ApprovalID, until: WallTime?, message: String) {
    self.approval = approval
    self.until = until
    self.message = message
  }
}

/// Asked before an action is announced, and after it is known that its record does not hold it already.
///
/// Whoever asks says what became of the effect: what is permitted counts as done until then.
package protocol EffectGate: Sendable {
  /// False if nothing is ruled here: every action is permitted as it is.
  var isClosed: Bool { get }
  /// Whether an action of this name may ever happen: whatever may not is not offered to models.
  func knows(_ tool: String) -> Bool
  func rule(on proposal: EffectProposal) async -> EffectRuling
  /// The action was permitted, and has not been announced.
  func withdrew(_ proposal: EffectProposal)
  /// The caller asks for an action that was under way when a node died: nobody knows whether it was done.
  func isUncertain(_ tool: String, of caller: Caller) async
}

/// Where nothing is ruled.
package struct OpenGate: EffectGate {
  package init() {}
  package var isClosed: Bool { false }
  package func knows(_ tool: String) -> Bool { true }
  package func rule(on proposal: EffectProposal) async -> EffectRuling {
    .permitted(EffectPermit(arguments: proposal.arguments))
  }
  package func withdrew(_ proposal: EffectProposal) {}
  package func isUncertain(_ tool: String, of caller: Caller) async {}
}
