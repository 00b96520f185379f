// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
internal import NexusKernel

/// How the journal entries read that say whether a run can be trusted.
enum IntegrityWords {
  static func words(_ entry: IntegrityEntry) -> FlowJournalWords.Words {
    switch entry {
    case .halted(let doubt):
      return (
        "halted", doubt.error.message,
        [
          "condition": .string(doubt.condition.rawValue), "step": doubt.step.map { .string($0.text) } ?? .null,
          "note": .string(doubt.note),
        ]
      )
    case .haltAccepted(let who, let reason, _):
      return ("halt-accepted", "by \(who): \(reason)", ["by": .string(who), "reason": .string(reason)])
    case .checkpointed(let seal):
      return (
        "checkpoint", "\(seal.number) after \(seal.step)\(seal.isVerified ? ", verified" : "")",
        [
          "number": .int(Int64(seal.number)), "step": .string(seal.step.text), "verified": .bool(seal.isVerified),
          "digest": .string(seal.digest),
        ]
      )
    case .contextRead(let step, let item):
      let version = item.version.map { " in version \($0)" } ?? ""
      return (
        "context-read", "\(step) · \(item.key)\(version), from \(item.source)",
        [
          "step": .string(step.text), "key": .string(item.key), "version": item.version.map { .int($0) } ?? .null,
          "digest": item.digest.map { .string($0) } ?? .null, "observedAt": .string(item.observedAt.iso8601),
          "validUntil": item.validUntil.map { .string($0.iso8601) } ?? .null, "source": .string(item.source),
        ]
      )
    case .rollbackStarted(let number, let who, let reason):
      return (
        "rollback-started", "to checkpoint \(number), by \(who): \(reason)",
        ["checkpoint": .int(Int64(number)), "by": .string(who), "reason": .string(reason)]
      )
    case .rolledBack(let number, let standing):
      let names = standing.map(\.text).joined(separator: ", ")
      return (
        "rolled-back", "to checkpoint \(number)" + (standing.isEmpty ? "" : "; not undone: \(names)"),
        ["checkpoint": .int(Int64(number)), "standing": .array(standing.map { .string($0.text) })]
      )
    }
  }
}
