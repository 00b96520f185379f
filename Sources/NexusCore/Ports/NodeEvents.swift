// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

/// Something that happened on the node and that someone may be watching: live progress, the dashboard, `logs -f`.
///
/// Events are hints for people. They may be dropped when a watcher is slow; the journal is the truth.
package enum NodeEvent: Sendable {
  case effect(EffectEvent)
  case run(RunEvent)
  case agent(AgentEvent)
  case supervisor(SupervisorEvent)
  case budget(BudgetEvent)
  case secret(SecretEvent)
  case approval(ApprovalEvent)
  case denial(DenialEvent)
  case log(LogEvent)
}

/// One crossing of the boundary, when it is decided and again when it is over.
package struct EffectEvent: Sendable {
  package enum Phase: String, Sendable { case started, succeeded, failed, replayed, refused }
  package enum Kind: String, Sendable { case model, tool, request }
  package var caller: Caller
  package var phase: Phase
  package var kind: Kind
  /// The model's or the tool's name.
  package var name: String
  /// A few words for people: the query of a search, the path of a file.
  ///
  /// Untrusted text.
  package var detail: String
  /// What came of it in a few words, for example `3 hits`; untrusted text.
  package var result: String
  package var inputTokens: TokenCount
  package var outputTokens: TokenCount
  package var cost: NanoUSD
  package var duration: Duration

  package init(
    caller: Caller, phase: Phase, kind: Kind, name: String, detail: String = "", result: String = "",
    inputTokens: TokenCount = .zero,
    outputTokens: TokenCount = .zero, cost: NanoUSD = .zero, duration: Duration = .zero
  ) {
    self.caller = caller
    self.phase = phase
    self.kind = kind
    self.name = name
    self.detail = detail
    self.result = result
    self.inputTokens = inputTokens
    self.outputTokens = outputTokens
    self.cost = cost
    self.duration = duration
  }
}

/// A run took a step that a watcher of the run wants to see.
package struct RunEvent: Sendable {
  package let run: RunID
  package let agent: AgentName
  /// The status as contracts name it, such as `running` or `completed`.
  package let status: String
  /// A few words: `attempt 2`, `exited (signal 9)`.
  package let note: String

  package init(run: RunID, agent: AgentName, status: String, note: String = "") {
    self.run = run
    self.agent = agent
    self.status = status
    self.note = note
  }
}

/// An agent changed its state.
package struct AgentEvent: Sendable {
  package let agent: AgentName
  /// The state as contracts name it, such as `idle`, `running` or `backoff`.
  package let state: String
  package let note: String

  package init(agent: AgentName, state: String, note: String = "") {
    self.agent = agent
    self.state = state
    self.note = note
  }
}

/// A supervisor reports: a child ended or did not start, or there were too many restarts.
package struct SupervisorEvent: Sendable {
  package let supervisor: SupervisorName
  /// `start_error`, `child_terminated`, `shutdown_error` or `shutdown`, the words of OTP's reports.
  package let kind: String
  package let child: String
  /// The reason; untrusted text.
  package let note: String

  package init(supervisor: SupervisorName, kind: String, child: String, note: String) {
    self.supervisor = supervisor
    self.kind = kind
    self.child = child
    self.note = note
  }
}

/// A budget comes near to its limit; told once for a window and a limit.
package struct BudgetEvent: Sendable {
  /// Whose: `agent:researcher`, `global`.
  package let scope: String
  /// The window: `day`, `run`.
  package let per: String
  /// The run whose window it is; nil for other windows.
  package let run: RunID?
  /// The share of the limit that is spent; nil for a forecast.
  package let percent: Int?
  /// When it will be used up at the pace of late; nil for a share.
  package let usedUpAt: WallTime?
  /// The same in words.
  package let note: String

  package init(scope: String, per: String, run: RunID?, percent: Int?, usedUpAt: WallTime?, note: String) {
    self.scope = scope
    self.per = per
    self.run = run
    self.percent = percent
    self.usedUpAt = usedUpAt
    self.note = note
  }
}

/// A secret was read; its value is nowhere in it.
package struct SecretEvent: Sendable {
  package let name: String
  /// What it was read for: `provider openai`.
  package let purpose: String

  package init(name: String, purpose: String) {
    self.name = name
    self.purpose = purpose
  }
}

/// People are asked for something, or an answer of theirs has come.
package struct ApprovalEvent: Sendable {
  package let id: ApprovalID
  package let run: RunID
  package let agent: AgentName
  /// What is to be done.
  package let tool: String
  /// How the question stands, as contracts name it: `requested`, `approved`.
  package let status: String
  /// When it expires; nil for never.
  package let expiresAt: WallTime?
  /// What has happened, in words.
  package let note: String

  package init(
    id: ApprovalID, run: RunID, agent: AgentName, tool: String, status: String, expiresAt: WallTime?, note: String
  ) {
    self.id = id
    self.run = run
    self.agent = agent
    self.tool = tool
    self.status = status
    self.expiresAt = expiresAt
    self.note = note
  }
}

/// Where a line of an agent's log comes from.
package enum LogStream: String, Sendable, CaseIterable {
  case standardOutput = "stdout"
  case standardError = "stderr"
  /// The node itself says it about the agent; nothing that an agent writes gets there.
  case node = "naos"
}

/// One line that an agent wrote, or that the node did about it.
///
/// Untrusted text.
package struct LogEvent: Sendable {
  package let at: WallTime
  package let agent: AgentName
  package let run: RunID?
  /// Nil outside of runs, and in lines of before steps were told.
  package let step: StepPath?
  package let attempt: AttemptNumber?
  package let stream: LogStream
  package let text: String

  package init(
    at: WallTime, agent: AgentName, run: RunID?, step: StepPath? = nil, attempt: AttemptNumber?,
    stream: LogStream, text: String
  ) {
    self.at = at
    self.agent = agent
    self.run = run
    self.step = step
    self.attempt = attempt
    self.stream = stream
    self.text = text
  }
}

/// Where events go.
///
/// Never blocks, never fails.
package protocol EventSink: Sendable {
  func publish(_ event: NodeEvent)
}
