// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
internal import NexusKernel

/// How the entries stand in the journal that say whether a run can be trusted.
enum IntegrityFormat {
  static func put(_ entry: IntegrityEntry, in head: inout JSONObject) {
    switch entry {
    case .halted(let doubt):
      head["type"] = "halted"
      head["condition"] = .string(doubt.condition.rawValue)
      head["step"] = doubt.step.map { .string($0.text) }
      head["note"] = .string(doubt.note)
    case .haltAccepted(let who, let reason, let policy):
      head["type"] = "haltAccepted"
      head["by"] = .string(who)
      head["reason"] = .string(reason)
      head["policy"] = policy.map { .string($0) }
    case .checkpointed(let seal):
      head["type"] = "checkpointed"
      head["number"] = .int(Int64(seal.number))
      head["step"] = .string(seal.step.text)
      head["isVerified"] = .bool(seal.isVerified)
      head["digest"] = .string(seal.digest)
    case .rollbackStarted(let number, let who, let reason):
      head["type"] = "rollbackStarted"
      head["to"] = .int(Int64(number))
      head["by"] = .string(who)
      head["reason"] = .string(reason)
    case .rolledBack(let number, let standing):
      head["type"] = "rolledBack"
      head["to"] = .int(Int64(number))
      head["standing"] = .array(standing.map { .string($0.text) })
    case .contextRead(let step, let item):
      head["type"] = "contextRead"
      head["step"] = .string(step.text)
      head["key"] = .string(item.key)
      head["version"] = item.version.map { .int($0) }
      head["digest"] = item.digest.map { .string($0) }
      head["observedMicroseconds"] = .int(item.observedAt.microseconds)
      head["validUntilMicroseconds"] = item.validUntil.map { .int($0.microseconds) }
      head["source"] = .string(item.source)
    }
  }

  /// Nil for the type of another entry.
  static func entry(_ type: String, _ members: inout MemberReader) throws(FormatError) -> IntegrityEntry? {
    switch type {
    case "halted":
      return .halted(
        IntegrityDoubt(
          try members.choice("condition"), step: try members.optionalString("step").map { StepPath($0) },
          note: try members.string("note")))
    case "haltAccepted":
      return .haltAccepted(
        by: try members.string("by"), reason: try members.string("reason"),
        policy: try members.optionalString("policy"))
    case "checkpointed":
      return .checkpointed(
        CheckpointSeal(
          number: Int(try members.integer("number")), step: StepPath(try members.string("step")),
          isVerified: try members.bool("isVerified"), digest: try members.string("digest")))
    case "rollbackStarted":
      return .rollbackStarted(
        to: Int(try members.integer("to")), by: try members.string("by"), reason: try members.string("reason"))
    case "rolledBack":
      return .rolledBack(
        to: Int(try members.integer("to")), standing: try members.strings("standing").map(StepPath.init(_:)))
    case "contextRead":
      return .contextRead(
        step: StepPath(try members.string("step")),
        ContextItem(
          key: try members.string("key"), version: try members.optionalInteger("version"),
          digest: try members.optionalString("digest"),
          observedAt: WallTime(microseconds: try members.integer("observedMicroseconds")),
          validUntil: try members.optionalInteger("validUntilMicroseconds").map { WallTime(microseconds: $0) },
          source: try members.string("source")))
    default: return nil
    }
  }
}
