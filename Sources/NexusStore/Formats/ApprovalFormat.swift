// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
package import NexusKernel

/// How the entries of an approval's record stand in the database: one JSON object each, times in microseconds since 1970.
///
/// Decoding is strict, as that of the journal's entries is.
package enum ApprovalFormat {
  /// The version that is written.
  package static let version: Int64 = 1

  package static func encode(_ entry: ApprovalEntry) -> [UInt8] {
    var object = members(of: entry)
    object["v"] = .int(version)
    return JSONValue.object(object).encoded()
  }

  /// - Throws: `corrupt` if the bytes are no entry that this version knows.
  package static func decode(_ bytes: [UInt8]) throws(StoreError) -> ApprovalEntry {
    let json: JSONValue
    do { json = try JSONValue(parsing: bytes) } catch { throw corrupt("\(error)") }
    do throws(FormatError) {
      var members = try MemberReader(json)
      guard try members.integer("v") == version else { throw FormatError("its version is unknown") }
      let entry = try entry(&members)
      try members.finish()
      return entry
    } catch {
      throw corrupt(error.message)
    }
  }

  private static func corrupt(_ message: String) -> StoreError {
    StoreError(.corrupt, "an entry of an approval cannot be read: \(message)")
  }

  // MARK: Writing

  private static func members(of entry: ApprovalEntry) -> JSONObject {
    switch entry {
    case .requested(let request): return ["entry": "requested", "request": self.request(request)]
    case .warned(let percent): return ["entry": "warned", "percent": .int(Int64(percent))]
    case .escalated(let percent): return ["entry": "escalated", "percent": .int(Int64(percent))]
    case .agreed(let who, let reason): return by(who, "agreed", reason)
    case .approved: return ["entry": "approved"]
    case .denied(let who, let reason): return by(who, "denied", reason)
    case .edited(let who, let next, let reason):
      var object = by(who, "edited", reason)
      object["next"] = .string(next.text)
      return object
    case .expired: return ["entry": "expired"]
    case .cancelled(let reason): return ["entry": "cancelled", "reason": .string(reason)]
    case .voided(let reason): return ["entry": "voided", "reason": .string(reason)]
    case .consumed(let effect): return ["entry": "consumed", "effect": .string(effect.text)]
    case .rejected(let who, let refusal):
      return [
        "entry": "rejected", "by": .string(who.name), "role": .string(who.role), "refusal": .string(refusal.rawValue),
      ]
    }
  }

  private static func by(_ who: OperatorIdentity, _ entry: String, _ reason: String) -> JSONObject {
    ["entry": .string(entry), "by": .string(who.name), "role": .string(who.role), "reason": .string(reason)]
  }

  private static func request(_ request: ApprovalRequest) -> JSONValue {
    let subject = request.subject
    var object: JSONObject = [
      "id": .string(request.id.text), "run": .string(subject.run.text), "step": .string(subject.step.text),
      "epoch": .int(Int64(subject.epoch)), "tool": .string(subject.tool), "arguments": subject.arguments,
      "effect": .string(subject.effect.rawValue), "policyHash": .string(subject.policyHash),
      "readSet": .object(
        JSONObject(
          uniqueMembers: subject.readSet.sorted { $0.key < $1.key }.map { .init(key: $0.key, value: .string($0.value)) }
        )),
      "requester": .string(subject.requester), "agent": .string(request.agent.text), "slot": .string(request.slot),
      "nonce": .string(request.nonce), "digest": .string(request.digest), "policy": policy(request.policy),
      "reason": .string(request.reason), "evidence": request.evidence,
      "requestedAt": .int(request.requestedAt.microseconds),
    ]
    object["expiresAt"] = request.expiresAt.map { .int($0.microseconds) }
    object["replaces"] = request.replaces.map { .string($0.text) }
    return .object(object)
  }

  private static func policy(_ policy: ApprovalPolicy) -> JSONValue {
    var object: JSONObject = [
      "name": .string(policy.name), "approvers": .array(policy.approvers.map { .string($0) }),
      "quorum": .int(Int64(policy.quorum)), "requesterMayApprove": .bool(policy.requesterMayApprove),
      "warnAt": .array(policy.warnAt.map { .int(Int64($0)) }),
      "escalateTo": .array(policy.escalateTo.map { .string($0) }),
      "channels": .array(policy.channels.map { .string($0) }),
    ]
    object["expiresInNanoseconds"] = policy.expiresIn.map { .int($0.wholeNanoseconds) }
    object["escalateAt"] = policy.escalateAt.map { .int(Int64($0)) }
    return .object(object)
  }

  // MARK: Reading

  private static func entry(_ members: inout MemberReader) throws(FormatError) -> ApprovalEntry {
    switch try members.string("entry") {
    case "requested": return .requested(try request(try members.value("request")))
    case "warned": return .warned(percent: Int(try members.integer("percent")))
    case "escalated": return .escalated(percent: Int(try members.integer("percent")))
    case "agreed": return .agreed(by: try who(&members), reason: try members.string("reason"))
    case "approved": return .approved
    case "denied": return .denied(by: try who(&members), reason: try members.string("reason"))
    case "edited":
      return .edited(
        by: try who(&members), next: ApprovalID(try members.string("next")), reason: try members.string("reason"))
    case "expired": return .expired
    case "cancelled": return .cancelled(reason: try members.string("reason"))
    case "voided": return .voided(reason: try members.string("reason"))
    case "consumed": return .consumed(EffectID(try members.string("effect")))
    case "rejected": return .rejected(by: try who(&members), try members.choice("refusal"))
    default: throw FormatError("\"entry\" has an unknown value")
    }
  }

  private static func who(_ members: inout MemberReader) throws(FormatError) -> OperatorIdentity {
    OperatorIdentity(name: try members.string("by"), role: try members.string("role"))
  }

  private static func request(_ json: JSONValue) throws(FormatError) -> ApprovalRequest {
    var members = try MemberReader(json)
    var subject = ApprovalSubject(
      run: RunID(try members.string("run")), step: StepPath(try members.string("step")),
      epoch: Int(try members.integer("epoch")), tool: try members.string("tool"),
      arguments: try members.value("arguments"), effect: try members.choice("effect"),
      policyHash: try members.string("policyHash"), requester: try members.string("requester"))
    for member in try members.value("readSet").objectValue ?? JSONObject() {
      guard let text = member.value.stringValue else { throw FormatError("\"readSet\" holds more than strings") }
      subject.readSet[member.key] = text
    }
    let request = ApprovalRequest(
      id: ApprovalID(try members.string("id")), subject: subject, agent: AgentName(try members.string("agent")),
      slot: try members.string("slot"), nonce: try members.string("nonce"), digest: try members.string("digest"),
      policy: try policy(try members.value("policy")), reason: try members.string("reason"),
      evidence: try members.value("evidence"),
      requestedAt: WallTime(microseconds: try members.integer("requestedAt")),
      expiresAt: try members.optionalInteger("expiresAt").map(WallTime.init(microseconds:)),
      replaces: try members.optionalString("replaces").map(ApprovalID.init(_:)))
    try members.finish()
    return request
  }

  private static func policy(_ json: JSONValue) throws(FormatError) -> ApprovalPolicy {
    var members = try MemberReader(json)
    var policy = ApprovalPolicy(name: try members.string("name"), approvers: try members.strings("approvers"))
    policy.quorum = Int(try members.integer("quorum"))
    policy.requesterMayApprove = try members.bool("requesterMayApprove")
    policy.expiresIn = try members.optionalInteger("expiresInNanoseconds").map { .nanoseconds($0) }
    guard case .array(let warnings) = try members.value("warnAt") else { throw FormatError("\"warnAt\" is not a list") }
    for warning in warnings {
      guard case .int(let percent) = warning else { throw FormatError("\"warnAt\" holds more than numbers") }
      policy.warnAt.append(Int(percent))
    }
    policy.escalateAt = try members.optionalInteger("escalateAt").map { Int($0) }
    policy.escalateTo = try members.strings("escalateTo")
    policy.channels = try members.strings("channels")
    try members.finish()
    return policy
  }
}
