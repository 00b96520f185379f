// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
internal import NexusKernel
internal import NexusStore

// What a driver writes along when its run goes back.
extension RunDriver {
  /// Of the steps that a run has gone back behind nothing is answered from the record any more: they are done anew.
  ///
  /// Marked in the commit of the entry that says so; their cost stays.
  func forgotten(by entries: [RunEntry], _ machine: any DurableMachine) async throws(StoreError) -> [Mutation] {
    guard entries.contains(where: \.isRollback), let flow = machine as? FlowMachine else { return [] }
    let kept = Set(flow.checkpoints.compactMap(\.step))
    let gone = try await services.store.effects(of: run)
      .filter { $0.record.state != .rewound && !kept.contains($0.step) }.map(\.record.id)
    return gone.isEmpty ? [] : [.setEffectState(gone, .rewound)]
  }

  /// Halts the run for a doubt that was found outside of it; returns once that is written down.
  func halt(for doubt: IntegrityDoubt) async { _ = await ask(.doubted(doubt)) }
}

extension RunEntry {
  /// The run stands at a checkpoint again.
  var isRollback: Bool { if case .integrity(.rolledBack) = self { true } else { false } }
}

/// Whether a journal is whole.
enum JournalCheck {
  /// Looks for entries that are missing.
  ///
  /// - Parameters:
  ///   - journal: its entries, in order.
  ///   - head: the number of the last entry, as the row of the run has it.
  /// - Returns: what is missing of it; nil if nothing is, or if a person has seen it.
  static func gap(in journal: [JournalEntry], head: JournalSequence) -> IntegrityDoubt? {
    var expected = JournalSequence.none.next
    var doubt: IntegrityDoubt?
    for entry in journal {
      if entry.sequence != expected, doubt == nil {
        doubt = IntegrityDoubt(
          .journalGap, note: "its journal goes on with entry \(entry.sequence) where \(expected) is to stand")
      }
      if case .integrity(.haltAccepted) = entry.entry { doubt = nil }
      expected = entry.sequence.next
    }
    // The row may be older than the journal, which was read behind it.
    guard doubt == nil, head > journal.last?.sequence ?? .none else { return doubt }
    return IntegrityDoubt(
      .journalGap, note: "its journal ends with entry \(journal.last?.sequence ?? .none), and \(head) were written")
  }
}

extension RunDriver.Message {
  /// A person has the run go on, or go back, whatever is in doubt about it.
  var isOfPersonInDoubt: Bool {
    switch self {
    case .asked(.acceptHalt, _), .asked(.rollBack, _): true
    default: false
    }
  }
}
