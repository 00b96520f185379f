// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

/// Who decided.
package struct AuditActor: Sendable, Hashable {
  package enum Kind: String, Sendable, CaseIterable {
    /// A person or a program with the operator's token or a session made with it.
    case `operator`
    /// The node itself, by its configuration.
    case node
    case agent
    /// Nobody who is known.
    case unknown
  }

  package enum Authentication: String, Sendable, CaseIterable {
    /// The bearer token.
    case token
    /// A session of the dashboard.
    case session
    /// A login code.
    case code
    /// The right to the project's files.
    case files
    /// The virtual key of an attempt.
    case key
    case none
  }

  package var id: String
  package var kind: Kind
  package var authn: Authentication

  package init(_ id: String, _ kind: Kind, _ authn: Authentication) {
    self.id = id
    self.kind = kind
    self.authn = authn
  }

  /// The node, which does what its configuration says.
  package static let node = AuditActor("node", .node, .none)
}

/// What an entry of the audit log is about; the words are stable.
package enum AuditEvent: String, Sendable, CaseIterable {
  /// The first entry of a log, and of one that begins anew behind a broken one.
  case logOpened = "log.opened"
  /// Old entries were removed as the configuration says.
  case logPruned = "log.pruned"
  /// A payload was erased; its digest stays.
  case payloadErased = "payload.erased"
  case nodeStarted = "node.started"
  case nodeStopped = "node.stopped"
  /// The node before this one did not end in order.
  case nodeCrashed = "node.crashed"
  /// An operator asks for something; written before it is done.
  case operatorRequest = "operator.request"
  /// What came of an operator's request.
  case operatorOutcome = "operator.outcome"
  /// A request without a valid credential, or from where none may come.
  case accessRefused = "access.refused"
  /// Refusals, calls, denials or connections of somebody that were too many to be written one by one, added up.
  case accessFlooded = "access.flooded"
  case gateVerdict = "gate.verdict"
  case approval
  case boundary
  /// A secret was read, for what `details` say; its value is nowhere in the log.
  case secretRead = "secret.read"
  /// A connection out of a sandbox, when it is over; a long or large one also before.
  case sandboxFlow = "sandbox.flow"
  /// What a sandbox did not let an agent do.
  case sandboxDenied = "sandbox.denied"
  /// A call was refused before it was made: by a budget, a limit on calls, a loop.
  case callRefused = "call.refused"
  case budgetStopped = "budget.stopped"
  /// An effect whose outcome nobody knows.
  case effectUnknown = "effect.unknown"
  case runStarted = "run.started"
  case runEnded = "run.ended"
  /// The run stands still, and no person said so.
  case runPaused = "run.paused"
  /// The state of the run is in doubt, and nothing of it goes on.
  case runHalted = "run.halted"
  /// The run stands as it stood at a checkpoint.
  case runRolledBack = "run.rolled-back"
  /// A person decided something about a run: written with the entry of its journal.
  case runDecision = "run.decision"
}

/// What is kept beside the log, so that it can be erased without breaking the log.
///
/// The log has only the digest of salt and bytes. The salt is random and erased together with the bytes: without it
/// nobody can find out by trying what the bytes were.
package struct AuditPayload: Sendable, Hashable {
  package static let saltBytes = 16
  /// A longer one is not kept.
  package static let maxBytes = 64 << 10

  package let salt: [UInt8]
  package let bytes: [UInt8]

  /// Nil for bytes that are too many.
  package init?(_ bytes: [UInt8], random: any RandomSource) {
    self.init(bytes, salt: random.bytes(Self.saltBytes))
  }

  /// Takes a salt that is known already.
  package init?(_ bytes: [UInt8], salt: [UInt8]) {
    guard bytes.count <= Self.maxBytes else { return nil }
    self.salt = salt
    self.bytes = bytes
  }
}

/// One thing that is to stand in the audit log.
///
/// It is a value: a decision carries it in the commit that it leads to (`Mutation.audit`), so that the log and the
/// journal cannot disagree. The log gives it its number and, unless it has one, its time. Nothing in it may be a secret
/// or the text of an agent or a person: what may have to be erased belongs in `payload`.
package struct AuditRecord: Sendable, Hashable {
  package var event: AuditEvent
  package var actor: AuditActor
  package var run: RunID?
  package var step: StepPath?
  package var agent: AgentName?
  /// What else it is about: `POST /api/v1/runs/{id}/kill`, a budget, an effect.
  package var subject: String?
  /// `pass`, `deny`, `retry`: the word of the gate that decided.
  package var verdict: String?
  /// The hash of the policy, the schema or the rules by which it was decided.
  package var policy: String?
  /// The digest of what was decided about.
  package var input: String?
  /// What was read for it, by name, with the version of each.
  package var contexts: [String: String]
  /// The approval that allowed it.
  package var approval: String?
  package var cost: NanoUSD?
  package var outcome: String?
  /// A stable error code.
  package var code: String?
  /// A few more words and numbers of our own.
  package var details: JSONObject
  /// Kept beside the log under its digest, and erasable.
  package var payload: AuditPayload?
  /// When it happened, if that was not when it was submitted.
  package var at: WallTime?
  package var monotonic: Instant?

  package init(
    _ event: AuditEvent, by actor: AuditActor = .node, run: RunID? = nil, step: StepPath? = nil,
    agent: AgentName? = nil, subject: String? = nil, verdict: String? = nil, policy: String? = nil,
    input: String? = nil, contexts: [String: String] = [:], approval: String? = nil, cost: NanoUSD? = nil,
    outcome: String? = nil, code: String? = nil, details: JSONObject = [:], payload: AuditPayload? = nil,
    at: WallTime? = nil, monotonic: Instant? = nil
  ) {
    self.event = event
    self.actor = actor
    self.run = run
    self.step = step
    self.agent = agent
    self.subject = subject
    self.verdict = verdict
    self.policy = policy
    self.input = input
    self.contexts = contexts
    self.approval = approval
    self.cost = cost
    self.outcome = outcome
    self.code = code
    self.details = details
    self.payload = payload
    self.at = at
    self.monotonic = monotonic
  }
}
