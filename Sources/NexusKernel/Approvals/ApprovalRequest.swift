// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore

/// The action that a person is asked about, in full: whoever approves it approves exactly this.
package struct ApprovalSubject: Sendable, Hashable {
  package var run: RunID
  package var step: StepPath
  /// How often a person had the run forget its idempotency keys.
  package var epoch: Int
  package var tool: String
  /// All of them, as the tool would get them.
  package var arguments: JSONValue
  package var effect: EffectClass
  /// The rules that asked for it.
  package var policyHash: String
  /// The versions of what the step has read; nothing reports them yet.
  package var readSet: [String: String] = [:]
  /// Who wants it done: an agent, or the person who started the run.
  package var requester: String

  package init(
    run: RunID, step: StepPath, epoch: Int, tool: String, arguments: JSONValue, effect: EffectClass,
    policyHash: String, requester: String
  ) {
    self.run = run
    self.step = step
    self.epoch = epoch
    self.tool = tool
    self.arguments = arguments
    self.effect = effect
    self.policyHash = policyHash
    self.requester = requester
  }

  /// What domain the digest belongs to, so that none of another kind of thing is ever equal to it.
  private static let domain = "naos/approval/v1"

  /// The bytes whose SHA-256 an approval is bound to: the domain's length in eight bytes, the domain, then RFC 8785.
  package func boundBytes(nonce: String, expiresAt: WallTime?) -> [UInt8] {
    let tag = Array(Self.domain.utf8)
    var bytes = stride(from: 56, through: 0, by: -8).map { UInt8(truncatingIfNeeded: UInt64(tag.count) >> UInt64($0)) }
    bytes += tag
    let readSet = JSONObject(
      uniqueMembers: readSet.sorted { $0.key < $1.key }.map {
        .init(key: $0.key, value: .string($0.value))
      })
    let form: JSONValue = [
      "run": .string(run.text), "step": .string(step.text), "epoch": .int(Int64(epoch)), "tool": .string(tool),
      "arguments": arguments, "effect": .string(effect.rawValue), "policyHash": .string(policyHash),
      "readSet": .object(readSet), "requester": .string(requester), "nonce": .string(nonce),
      "expiresAt": expiresAt.map { .int($0.microseconds) } ?? .null,
    ]
    return bytes + form.encoded(.canonical)
  }
}

/// A question to people, as it was asked.
package struct ApprovalRequest: Sendable, Hashable {
  package var id: ApprovalID
  package var subject: ApprovalSubject
  package var agent: AgentName
  /// Which call of its step it is about: the call's digest and occurrence.
  package var slot: String
  package var nonce: String
  /// SHA-256 of the subject's bound bytes, in hexadecimal.
  package var digest: String
  /// As it was when the question was asked.
  package var policy: ApprovalPolicy
  /// Why it is asked.
  package var reason: String
  /// What whoever asks wants people to see; untrusted.
  package var evidence: JSONValue
  package var requestedAt: WallTime
  package var expiresAt: WallTime?
  /// The question of which a person has changed the arguments to these.
  package var replaces: ApprovalID?

  package init(
    id: ApprovalID, subject: ApprovalSubject, agent: AgentName, slot: String, nonce: String, digest: String,
    policy: ApprovalPolicy, reason: String, evidence: JSONValue = .null, requestedAt: WallTime, expiresAt: WallTime?,
    replaces: ApprovalID? = nil
  ) {
    self.id = id
    self.subject = subject
    self.agent = agent
    self.slot = slot
    self.nonce = nonce
    self.digest = digest
    self.policy = policy
    self.reason = reason
    self.evidence = evidence
    self.requestedAt = requestedAt
    self.expiresAt = expiresAt
    self.replaces = replaces
  }
}

/// How far approvals go.
package enum ApprovalLimits {
  /// The longest arguments that a person is asked about, as canonical JSON: nobody reads more.
  package static let argumentBytes = 64 * 1024
  /// The longest evidence.
  package static let evidenceBytes = 64 * 1024
  /// How much of a reason is kept, in scalars.
  package static let reasonScalars = 1_000
  /// Questions of one run that may be open at a time.
  package static let openInRun = 100
  /// Decisions that did not count and are written down nevertheless; later ones are not.
  package static let rejections = 100
}
