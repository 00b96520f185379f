// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import Crypto
internal import NexusCore
internal import NexusKernel
internal import NexusStore

/// A transaction that is encoded, measured and ready to be written, with whom to tell.
struct Submission: Sendable {
  let commitClass: CommitClass
  let mutations: [Mutation]
  let payloads: PreparedPayloads
  let completion: @Sendable (Result<Void, StoreError>) -> Void
  /// Its number in the written log: it is acknowledged and only waits to be brought into the database.
  var sequence: Int64?
  /// The number that its commit gives the written log, where nothing stands under it there: what the log takes
  /// afterwards is not brought back without this commit.
  var mark: Int64?
  /// Once it is in the database, nothing of the written log is brought there any more: part of a record that was not
  /// acknowledged may stand in it.
  var endsLog = false

  /// What counts against the limits of a batch.
  var entryCount: Int { max(1, payloads.entryCount) }
  var byteCount: Int { payloads.byteCount }

  /// All encoding, hashing and checking is done here, on the submitter's thread and outside every lock.
  ///
  /// - Throws: `tooLarge`.
  init(
    _ transaction: StoreTransaction, completion: @escaping @Sendable (Result<Void, StoreError>) -> Void
  ) throws(StoreError) {
    commitClass = transaction.commitClass
    mutations = transaction.mutations
    payloads = PreparedPayloads(try TransactionPayloads(transaction), transaction)
    self.completion = completion
  }

  /// The transaction as the written log takes it; nil for one that the log does not take.
  func record() -> LogRecord? { LogEncoding.record(of: mutations, about: byteCount) }

  /// Whether a refusal can come after something was written, so that there must be a way back to its beginning.
  var needsSavepoint: Bool {
    guard let first = mutations.first else { return false }
    if mutations.count > 1, mutations[1].isBeginning(of: first), byteCount < StoreLimits.runBytes {
      return mutations.dropFirst(2).contains { $0.canBeRefused }
    }
    if case .setEffectState(let ids, _) = first, ids.count > 1 { return true }
    return mutations.dropFirst().contains { $0.canBeRefused }
  }
}

extension Mutation {
  /// The first entries of the run that the other mutation inserts: where that is not refused, they are not.
  fileprivate func isBeginning(of other: Mutation) -> Bool {
    guard case .insertRun(let record) = other, case .append(let run, let fence, let entries, _) = self else {
      return false
    }
    return run == record.id && fence == record.fence && entries.first?.sequence == record.head.next
  }

  /// Whether it has a guard or a uniqueness to fail on.
  fileprivate var canBeRefused: Bool {
    switch self {
    case .insertRun, .append, .takeFence, .deleteRun, .pruneRun, .insertEffect, .setOutcome, .setEffectState,
      .placeHold, .noteApproval, .putContext, .holdContext:
      true
    case .settleHold, .setMarks, .raiseCounter, .putDefinition, .putAgent, .deleteAgent, .putComponent, .logRestart,
      .insertBoot, .audit:
      false
    }
  }
}

/// A payload with the place it goes to: its row, or the blob table by digest.
struct PreparedPayload: Sendable {
  let bytes: [UInt8]
  /// Nil where the payload stands in its row.
  let digest: BlobDigest?

  init(_ bytes: [UInt8]) {
    self.bytes = bytes
    digest = bytes.count > StoreLimits.inlinePayloadBytes ? Self.digest(of: bytes) : nil
  }

  /// What stands in the row.
  var column: SQLiteValue { digest.map { .id($0) } ?? .blob(bytes) }

  private static func digest(of bytes: [UInt8]) -> BlobDigest {
    let digits = Array("0123456789abcdef".utf8)
    var text: [UInt8] = []
    text.reserveCapacity(64)
    for byte in SHA256.hash(data: bytes) {
      text.append(digits[Int(byte >> 4)])
      text.append(digits[Int(byte & 15)])
    }
    return BlobDigest(String(decoding: text, as: UTF8.self))
  }
}

/// What one append brings to the journal.
struct PreparedAppend: Sendable {
  let rows: [JournalRow]
  /// Of all its entries.
  let byteCount: Int64
}

/// The payloads of a transaction in the order in which its mutations use them.
final class PreparedPayloads: Sendable {
  let appends: [PreparedAppend]
  /// How many entries there are in all.
  let entryCount: Int
  let values: [PreparedPayload?]
  let effects: [PreparedPayload?]
  let byteCount: Int

  init(_ payloads: TransactionPayloads, _ transaction: StoreTransaction) {
    entryCount = payloads.appends.reduce(0) { $0 + $1.places.count }
    values = payloads.values.map { $0.map(PreparedPayload.init) }
    var effects: [PreparedPayload?] = []
    var appends: [PreparedAppend] = []
    var left = payloads.appends[...]
    for mutation in transaction.mutations {
      switch mutation {
      case .append(_, _, let entries, _):
        if let encoded = left.popFirst() { appends.append(JournalRow.rows(of: entries, encoded)) }
      case .insertEffect(let row): effects.append(row.request.map(PreparedPayload.init))
      case .setOutcome(_, _, let outcome): effects.append(PreparedPayload(outcome.body))
      default: break
      }
    }
    self.effects = effects
    self.appends = appends
    byteCount = payloads.byteCount
  }

  /// For mutations without payloads.
  static let none = PreparedPayloads(values: [], effects: [], byteCount: 0)

  private init(values: [PreparedPayload?], effects: [PreparedPayload?], byteCount: Int) {
    appends = []
    entryCount = 0
    self.values = values
    self.effects = effects
    self.byteCount = byteCount
  }
}

/// Hands the payloads out, one after the other.
struct PayloadCursor {
  private let payloads: PreparedPayloads
  private var append = 0
  private var value = 0
  private var effect = 0

  init(_ payloads: PreparedPayloads) { self.payloads = payloads }

  mutating func nextAppend() -> PreparedAppend {
    defer { append += 1 }
    return payloads.appends[append]
  }

  mutating func nextValue() -> PreparedPayload? {
    defer { value += 1 }
    return payloads.values[value]
  }

  mutating func nextEffect() -> PreparedPayload? {
    defer { effect += 1 }
    return payloads.effects[effect]
  }
}
