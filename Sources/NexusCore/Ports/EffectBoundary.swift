// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

/// Who crosses the boundary: what a virtual key stands for.
package struct Caller: Sendable, Hashable {
  package let agent: AgentName
  /// Nil for the key of a service itself: its calls are metered to the agent and never replayed.
  package let run: RunID?
  package let step: StepPath
  package let attempt: AttemptNumber
  /// It undoes a step, so it may spend what budgets keep for that.
  package let isCompensating: Bool
  /// Who has called the run, or one above it: what it spends counts in their budgets of each run, too.
  package let payers: [Payer]
  /// The workflows, sagas and pools that it belongs to, with the steps of them: those of its run and of the runs above it.
  package let flows: [FlowPart]
  /// Its model calls are answered from the record, or not at all.
  package let isRecorded: Bool

  /// An agent that has called another run, with its own.
  package struct Payer: Sendable, Hashable {
    package let agent: AgentName
    package let run: RunID
    package init(agent: AgentName, run: RunID) {
      self.agent = agent
      self.run = run
    }
  }

  /// A flow, or a step of one, in one of its runs.
  package struct FlowPart: Sendable, Hashable {
    /// As budgets name it: `workflow:publish`, `step:publish/research`.
    package let scope: String
    package let run: RunID
    package init(scope: String, run: RunID) {
      self.scope = scope
      self.run = run
    }
  }

  package init(
    agent: AgentName, run: RunID?, step: StepPath, attempt: AttemptNumber, isCompensating: Bool = false,
    payers: [Payer] = [], flows: [FlowPart] = [], isRecorded: Bool = false
  ) {
    self.flows = flows
    self.isRecorded = isRecorded
    self.agent = agent
    self.run = run
    self.step = step
    self.attempt = attempt
    self.isCompensating = isCompensating
    self.payers = payers
  }
}

/// What an attempt needs to reach the agent plane.
package struct AttemptAccess: Sendable {
  package let key: VirtualKey
  /// `http://127.0.0.1:4201`, without a path.
  package let baseURL: String

  package init(key: VirtualKey, baseURL: String) {
    self.key = key
    self.baseURL = baseURL
  }
}

/// Why a budget said no, in the words of its counter.
package struct BudgetRefusal: Sendable, Hashable {
  package enum Reason: String, Sendable {
    case exhausted, busy, tooBig
    /// There is no room for what the run has to keep for its compensations, so the step did not begin.
    case reserve
    /// The agent goes round in circles.
    case loop
    /// The run has made all the calls that it may make.
    case ceiling
    /// The run is answered from a cassette, and this is not on it.
    case cassette
    /// The rules about actions forbid what the agent wanted to do.
    case policy
  }
  package let reason: Reason
  /// `agent:researcher`, `run:run_…`, `global`.
  package let scope: String
  /// What the budget's owner wants to happen now.
  package let action: OnLimit
  package let message: String
  /// Which of the codes of its reason it is; nil where there is only one.
  package let ownCode: String?

  /// The scope of what the rules say of a step as a whole, which does not begin then.
  package static let ruledStep = "step"

  /// The rules forbid the step itself: nothing of it was begun.
  package var isOfRuledStep: Bool { reason == .policy && scope == Self.ruledStep }

  /// What the agent wanted is forbidden, and its run is stopped for it, whatever it makes of that.
  package var endsRun: Bool { reason == .policy && action == .kill }

  /// It is for want of money, tokens or requests, and not for what the agent does.
  package var isForWant: Bool {
    switch reason {
    case .exhausted, .busy, .tooBig, .reserve: true
    case .loop, .ceiling, .cassette, .policy: false
    }
  }

  /// The code of what ends for it.
  package var code: String {
    if let ownCode { return ownCode }
    return switch reason {
    case .exhausted, .busy, .tooBig: "NX-BUD-001"
    case .reserve: "NX-BUD-020"
    case .loop: "NX-GWY-052"
    case .ceiling: "NX-GWY-053"
    case .cassette: "NX-GWY-054"
    case .policy: "NX-GAT-092"
    }
  }

  package init(reason: Reason, scope: String, action: OnLimit, message: String, ownCode: String? = nil) {
    self.ownCode = ownCode
    self.reason = reason
    self.scope = scope
    self.action = action
    self.message = message
  }
}

/// What the budgets keep for the compensations that an agent may have to make for a run.
package struct CompensationReserve: Sendable, Hashable {
  package var agent: AgentName
  package var amount: Spend
  /// Some compensation does not say what it needs: a part of each limit is kept from everything else.
  package var usesHeadroom: Bool
  /// What compensations of the run have drawn from it on a node before this one.
  package var drawn = Spend.zero
  /// The flows that its calls will belong to.
  package var flows: [Caller.FlowPart] = []

  package init(agent: AgentName, amount: Spend = .zero, usesHeadroom: Bool = false) {
    self.agent = agent
    self.amount = amount
    self.usesHeadroom = usesHeadroom
  }
}

/// What happens when a budget is used up.
package enum OnLimit: String, Sendable, CaseIterable { case refuse, pause, throttle, alert, kill }

/// The sums of one attempt.
package struct AttemptTally: Sendable, Hashable {
  /// Effects answered from the journal.
  package var replayed = 0
  /// Effects that were done anew and have their outcome.
  package var made = 0
  package var tokens = TokenCount.zero
  package var cost = NanoUSD.zero
  /// Recorded model calls that a cassette has and the attempt did not make.
  package var unplayed = 0
  /// The last refusal for want of budget, if there was one.
  package var refusal: BudgetRefusal?

  package init() {}

  /// How many effects the attempt got through.
  package var passed: Int { replayed + made }
}

/// The one boundary that every effect of an agent crosses: identified, replayed, checked, budgeted, journaled, settled.
package protocol EffectBoundary: Sendable {
  /// Mints the key of one attempt, with the run's recorded effects before it.
  ///
  /// `rewind` says how many of the last model outcomes to drop first; 0 replays everything. Fewer are dropped where an
  /// effect that is not a model call stands in the way. The answer says how many were.
  func openAttempt(_ caller: Caller, rewind: Int) async throws -> (access: AttemptAccess, dropped: Int)

  /// Mints the key of the first attempt of a run's step, at once: nothing can be recorded of it yet.
  ///
  /// Nil where even that takes time; `openAttempt` then.
  func openFirstAttempt(_ caller: Caller) -> AttemptAccess?

  /// The sums so far; nil for an unknown key.
  func tally(of key: VirtualKey) -> AttemptTally?

  /// Keeps what the compensations of a run need in the budgets that bind them, until it is released.
  ///
  /// - Parameters:
  ///   - reserves: one for each agent that compensates; asked again with more, the rest is kept.
  ///   - run: the run.
  ///   - isForced: they were kept before, by the node before this one.
  /// - Returns: the budget that has no room for it: `busy` if it may have some soon; nil if everything is kept.
  func keep(_ reserves: [CompensationReserve], for run: RunID, isForced: Bool) -> BudgetRefusal?

  /// The run is over, or cannot go back any more.
  func releaseReserve(of run: RunID)

  /// Revokes the key. Calls still under way upstream are brought to their end and recorded for the next attempt.
  func closeAttempt(_ key: VirtualKey) -> AttemptTally
}

extension EffectBoundary {
  package func openFirstAttempt(_ caller: Caller) -> AttemptAccess? { nil }
  package func keep(_ reserves: [CompensationReserve], for run: RunID, isForced: Bool) -> BudgetRefusal? { nil }
  package func releaseReserve(of run: RunID) {}
}

/// A request of an agent to the node itself: `/agent/v1/…` without what the boundary answers.
package struct AgentCall: Sendable {
  package let method: String
  /// Behind `/agent/v1/`, percent-decoded: `["steps", "draft"]`.
  package let path: [String]
  package let query: [String: String]
  package let body: [UInt8]
  package let caller: Caller
  package let key: VirtualKey

  package init(
    method: String, path: [String], query: [String: String], body: [UInt8], caller: Caller, key: VirtualKey
  ) {
    self.method = method
    self.path = path
    self.query = query
    self.body = body
    self.caller = caller
    self.key = key
  }
}

package struct AgentReply: Sendable {
  package let status: Int
  /// Nil sends no body.
  package let body: JSONValue?

  package init(status: Int, body: JSONValue? = nil) {
    self.status = status
    self.body = body
  }

  /// A problem of RFC 9457 with our stable code.
  package static func problem(status: Int, code: String, title: String, detail: String) -> AgentReply {
    AgentReply(
      status: status,
      body: [
        "type": .string("about:blank"), "title": .string(title), "status": .int(Int64(status)),
        "detail": .string(detail), "code": .string(code),
      ])
  }
}

/// Answers agent calls; the runtime is behind it.
package protocol AgentCallHandler: Sendable {
  func handle(_ call: AgentCall) async -> AgentReply
}

/// A tool as a model is told of it.
package struct ToolDefinition: Sendable, Hashable {
  /// The name within naos: `files.search`.
  package let name: String
  package let description: String
  /// A JSON Schema of the arguments object.
  package let parameters: JSONValue

  package init(name: String, description: String, parameters: JSONValue) {
    self.name = name
    self.description = description
    self.parameters = parameters
  }
}

/// What a tool call came to; a failure is an answer for the model, not an error of the node.
package struct ToolOutcome: Sendable, Hashable {
  package let succeeded: Bool
  package let content: JSONValue
  package init(succeeded: Bool, content: JSONValue) {
    self.succeeded = succeeded
    self.content = content
  }
}

/// The attempt that has called a tool, as far as the tool may act in its name at the agent plane.
package protocol ToolAttempt: Sendable {
  /// Mints a key that stands for the attempt within this call: what is asked for with it is the attempt's own, is
  /// answered from the record when the call is made again, and is told from what the agent itself asks for.
  ///
  /// It holds until it is closed, and no longer than the attempt.
  func openKey() -> VirtualKey
  func close(_ key: VirtualKey)
}

/// Performs tool calls within the grants of the agent; the boundary records them.
package protocol ToolPerformer: Sendable {
  func definitions(for agent: AgentName) -> [ToolDefinition]
  func perform(
    _ tool: String, arguments: JSONValue, for caller: Caller, of attempt: any ToolAttempt
  ) async -> ToolOutcome
  /// Whether a call changes nothing anywhere, so that nobody is harmed if it is made again.
  func onlyReads(_ tool: String, of agent: AgentName) -> Bool
}

extension ToolPerformer {
  package func onlyReads(_ tool: String, of agent: AgentName) -> Bool {
    tool.hasPrefix("files.") || tool == "http.get"
  }
}
