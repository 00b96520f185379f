// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore

/// What the journal of a run says of whether it can be trusted, and of the places that it can go back to.
package enum IntegrityEntry: Sendable, Hashable {
  /// Nothing of the run goes on, not even its compensations, until a person decides.
  case halted(IntegrityDoubt)
  /// A person has the run go on all the same; from here on it is held to these rules.
  case haltAccepted(by: String, reason: String, policy: String?)
  /// A step is over, and what the run has come to is sealed.
  case checkpointed(CheckpointSeal)
  /// A person has the run go back: what was done after the checkpoint is undone.
  case rollbackStarted(to: Int, by: String, reason: String)
  /// The run stands as it stood at the checkpoint; what these steps did could not be undone.
  case rolledBack(to: Int, standing: [StepPath])
  /// The agent of a step has read something; of a key the last that it read counts.
  case contextRead(step: StepPath, ContextItem)
}

/// A checkpoint as the journal keeps it.
package struct CheckpointSeal: Sendable, Hashable {
  /// From 1 on; 0 is the beginning of the run.
  ///
  /// It only grows, also behind a roll-back.
  package var number: Int
  /// The step that is over.
  package var step: StepPath
  /// A validator has let the step's output pass.
  package var isVerified: Bool
  /// Of what is sealed and the digest of the checkpoint before.
  package var digest: String

  package init(number: Int, step: StepPath, isVerified: Bool, digest: String) {
    self.number = number
    self.step = step
    self.isVerified = isVerified
    self.digest = digest
  }

  /// What a digest is taken of, in canonical JSON behind a tag of its own.
  static func bytes(
    number: Int, step: StepPath, isVerified: Bool, outcome: StepOutcome, reads: [ContextItem], epoch: Int,
    policy: String?, before: String
  ) -> [UInt8] {
    let read = reads.sorted { $0.key < $1.key }.map { item in
      JSONObject.Member(key: item.key, value: item.version.map(JSONValue.int) ?? .string(item.digest ?? ""))
    }
    let form: JSONValue = [
      "number": .int(Int64(number)), "step": .string(step.text), "isVerified": .bool(isVerified),
      "status": .string(outcome.word), "output": outcome.output,
      "reads": .object(JSONObject(uniqueMembers: read)), "epoch": .int(Int64(epoch)),
      "policy": policy.map { .string($0) } ?? .null, "before": .string(before),
    ]
    return Array("naos-checkpoint-v1\n".utf8) + form.encoded(.canonical)
  }
}

extension RunEntry {
  static func halted(_ doubt: IntegrityDoubt) -> RunEntry { .integrity(.halted(doubt)) }

  /// A step of a flow has come to an end of its own that its successors may read.
  var endedStep: StepPath? {
    switch self {
    case .stepCompleted(let path, _), .stepSkipped(let path, _), .stepMarkedDone(let path, _, _): path
    default: nil
    }
  }
}
