// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore

/// One entry of an approval's record, in words.
package struct ApprovalNote: Sendable, Hashable {
  package var at: WallTime
  /// `requested`, `agreed` or `denied`, for example.
  package var event: String
  package var by: String?
  package var detail: String?

  package init(at: WallTime, event: String, by: String? = nil, detail: String? = nil) {
    self.at = at
    self.event = event
    self.by = by
    self.detail = detail
  }
}

extension ApprovalNote: WireValue {
  package var json: JSONValue {
    ["at": .string(at.iso8601), "event": .string(event), "by": .of(by), "detail": .of(detail)]
  }

  package init(json: JSONValue) throws(WireError) {
    let reader = try WireReader(json, "note")
    at = try reader.time("at")
    event = try reader.text("event")
    by = try reader.optionalText("by")
    detail = try reader.optionalText("detail")
  }
}

/// A question to people: what would be done, who wants it, who may decide, and how it stands.
package struct ApprovalReport: Sendable, Hashable {
  package var id: ApprovalID
  /// `requested`, `escalated`, `approved`, `denied`, `edited`, `expired`, `cancelled`, `void` or `consumed`.
  package var status: String
  package var run: RunID
  package var step: String
  package var agent: String
  package var tool: String
  /// All of them, as the tool would get them.
  ///
  /// Beside them goes their text, for clients whose numbers are not exact.
  package var arguments: JSONValue
  package var effect: String
  package var requester: String
  package var reason: String
  package var evidence: JSONValue
  /// Its name in `approvals`.
  package var policy: String
  /// The roles that may decide now.
  package var approvers: [String]
  package var quorum: Int
  /// Who said yes.
  package var approvedBy: [String]
  /// What an approval is bound to.
  package var digest: String
  package var policyHash: String
  package var requestedAt: WallTime
  /// Nil for never.
  package var expiresAt: WallTime?
  package var settledAt: WallTime?
  /// Who brought it to its end, and what they said.
  package var decidedBy: String?
  package var decisionReason: String?
  /// The question that has taken its place, and the one whose place it has taken.
  package var next: ApprovalID?
  package var replaces: ApprovalID?
  /// The effect that it was used for.
  package var usedFor: String?
  package var record: [ApprovalNote]

  package init(id: ApprovalID, status: String, run: RunID, step: String, agent: String, requestedAt: WallTime) {
    self.id = id
    self.status = status
    self.run = run
    self.step = step
    self.agent = agent
    self.requestedAt = requestedAt
    (tool, effect, requester, reason, policy, digest, policyHash) = ("", "", "", "", "", "", "")
    (arguments, evidence) = (.null, .null)
    (approvers, approvedBy, record) = ([], [], [])
    quorum = 1
  }

  /// People may still decide.
  package var isOpen: Bool { status == "requested" || status == "escalated" }
}

extension ApprovalReport: WireValue {
  package var json: JSONValue {
    [
      "id": .string(id.text), "status": .string(status), "run": .string(run.text), "step": .string(step),
      "agent": .string(agent), "tool": .string(tool), "arguments": arguments,
      "argumentsText": .string(arguments.text(.pretty)), "effect": .string(effect),
      "requester": .string(requester), "reason": .string(reason), "evidence": evidence, "policy": .string(policy),
      "approvers": .of(approvers), "quorum": .int(Int64(quorum)), "approvedBy": .of(approvedBy),
      "digest": .string(digest), "policyHash": .string(policyHash), "requestedAt": .string(requestedAt.iso8601),
      "expiresAt": .of(expiresAt), "settledAt": .of(settledAt), "decidedBy": .of(decidedBy),
      "decisionReason": .of(decisionReason), "next": .of(next), "replaces": .of(replaces), "usedFor": .of(usedFor),
      "record": .of(record),
    ]
  }

  package init(json: JSONValue) throws(WireError) {
    let reader = try WireReader(json, "approval")
    self.init(
      id: ApprovalID(try reader.text("id")), status: try reader.text("status"), run: RunID(try reader.text("run")),
      step: try reader.text("step"), agent: try reader.text("agent"), requestedAt: try reader.time("requestedAt"))
    tool = try reader.text("tool")
    arguments = reader.value("arguments") ?? .null
    effect = try reader.text("effect")
    requester = try reader.text("requester")
    reason = try reader.text("reason")
    evidence = reader.value("evidence") ?? .null
    policy = try reader.text("policy")
    approvers = try reader.texts("approvers")
    quorum = try reader.count("quorum")
    approvedBy = try reader.texts("approvedBy")
    digest = try reader.text("digest")
    policyHash = try reader.text("policyHash")
    expiresAt = try reader.optionalTime("expiresAt")
    settledAt = try reader.optionalTime("settledAt")
    decidedBy = try reader.optionalText("decidedBy")
    decisionReason = try reader.optionalText("decisionReason")
    next = try reader.optionalText("next").map { ApprovalID($0) }
    replaces = try reader.optionalText("replaces").map { ApprovalID($0) }
    usedFor = try reader.optionalText("usedFor")
    record = try reader.list("record")
  }
}

/// Approvals, the newest first.
package struct ApprovalList: Sendable, Hashable {
  package var approvals: [ApprovalReport]
  /// Where the next page begins; nil at the end.
  package var cursor: String?
  package init(approvals: [ApprovalReport], cursor: String? = nil) {
    self.approvals = approvals
    self.cursor = cursor
  }
}

extension ApprovalList: WireValue {
  package var json: JSONValue { ["approvals": .of(approvals), "cursor": .of(cursor)] }

  package init(json: JSONValue) throws(WireError) {
    let reader = try WireReader(json, "approvals")
    approvals = try reader.list("approvals")
    cursor = try reader.optionalText("cursor")
  }
}

/// Which approvals are wanted.
package struct ApprovalFilter: Sendable, Hashable {
  package static let maxLimit = 200

  /// Those that people may still decide about, or all.
  package var onlyOpen: Bool
  package var run: RunID?
  package var limit: Int
  package var cursor: String?

  package init(onlyOpen: Bool = true, run: RunID? = nil, limit: Int = 50, cursor: String? = nil) {
    self.onlyOpen = onlyOpen
    self.run = run
    self.limit = limit
    self.cursor = cursor
  }
}

/// What a person makes of a question.
package struct ApprovalDecision: Sendable, Hashable {
  package enum Verb: String, Sendable, CaseIterable { case approve, deny, edit }

  package var verb: Verb
  /// Of an edit: all arguments, as they are to be.
  package var arguments: JSONValue?
  /// With it, only exactly what has this digest is decided about.
  package var digest: String?
  package var reason: String

  package init(_ verb: Verb, arguments: JSONValue? = nil, digest: String? = nil, reason: String = "") {
    self.verb = verb
    self.arguments = arguments
    self.digest = digest
    self.reason = reason
  }

  package var body: JSONValue {
    var object: JSONObject = ["digest": .of(digest), "reason": .string(reason)]
    object["arguments"] = arguments
    return .object(object)
  }

  package init(verb: Verb, body: JSONValue) throws(WireError) {
    let reader = try WireReader(body, "decision")
    self.verb = verb
    digest = try reader.optionalText("digest")
    reason = try reader.optionalText("reason") ?? ""
    arguments = body["arguments"]
    if verb == .edit, arguments == nil {
      throw WireError(path: "decision.arguments", message: "expected the arguments")
    }
  }
}
