// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusStore

/// Where transactions stand between their acknowledgement and their commit: a file of fixed length beside the database.
///
/// A transaction that is in here survives the death of the process; the writer brings it into the database soon after.
/// The file has two halves. One is filled from its beginning while the other waits for the database to have all of it;
/// then they change places. What a half held before is not erased: its records have lower numbers.
struct WrittenLog {
  static let halfBytes = 1 << 20
  /// A longer record is committed like any other transaction.
  static let recordBytes = 128 << 10
  /// When this much waits to be brought into the database, it is brought there at once.
  static let crowdedBytes = halfBytes / 4

  private let file: LogFile
  /// The opening of the store that the records belong to.
  private let epoch: Int64
  private var half = 0
  private var position = 0
  /// The last number in each half.
  private var last: [Int64] = [0, 0]
  /// What the database has.
  private var settled: Int64 = 0
  private(set) var sequence: Int64 = 0
  /// It takes nothing more, and once what it took is in the database, nothing of it counts.
  private(set) var isOver = false

  /// An empty log; nil where there is no space for it, and everything is committed the ordinary way.
  static func begin(_ connection: SQLiteConnection, epoch: Int64) -> sending WrittenLog? {
    do throws(StoreError) {
      guard let file = try connection.openLog(creates: true) else { return nil }
      try file.clear(size: 2 * halfBytes)
      return WrittenLog(file: file, epoch: epoch)
    } catch {
      return nil
    }
  }

  private init(file: LogFile, epoch: Int64) {
    self.file = file
    self.epoch = epoch
  }

  /// Writes the record down; false if it has no place here now.
  ///
  /// After a write that failed nothing more comes into the log: the record may stand there in part or whole.
  mutating func append(_ record: inout LogRecord?) -> Bool {
    guard !isOver, let count = record?.bytes.count, count <= Self.halfBytes else { return false }
    if position + count > Self.halfBytes {
      guard last[1 - half] <= settled else { return false }
      half = 1 - half
      position = 0
    }
    record?.number(epoch: epoch, sequence: sequence + 1)
    do throws(StoreError) {
      try file.write(record?.bytes ?? [], at: half * Self.halfBytes + position)
    } catch {
      isOver = true
      return false
    }
    sequence += 1
    position += count
    last[half] = sequence
    return true
  }

  /// A commit has taken this number: the next record gets a higher one.
  mutating func skip(to sequence: Int64) { self.sequence = max(self.sequence, sequence) }

  /// The database has everything up to this number.
  mutating func settle(through sequence: Int64) { settled = max(settled, sequence) }

  /// The log takes nothing more.
  mutating func close() { isOver = true }
}

/// What is left in the written log of a store that is not open.
struct LogTail {
  /// The transactions that the database has not got, in order, the first with the number after `settled`.
  private(set) var transactions: [[Mutation]] = []

  /// - Throws: `inputOutput` or `corrupt` if there are records that cannot be read.
  init(_ connection: SQLiteConnection, epoch: Int64, settled: Int64) throws(StoreError) {
    guard let bytes = try connection.openLog(creates: false)?.contents() else { return }
    var halves: [[(sequence: Int64, body: Range<Int>)]] = []
    for start in [0, WrittenLog.halfBytes] {
      var records: [(sequence: Int64, body: Range<Int>)] = []
      var place = start
      while let record = LogRecord.read(bytes, at: place, epoch: epoch) {
        // A record of an earlier filling of this half follows the last one of the present; its number is lower.
        if let before = records.last, record.sequence <= before.sequence { break }
        records.append(record)
        place = record.body.upperBound
      }
      halves.append(records)
    }
    halves.sort { ($0.first?.sequence ?? .max) < ($1.first?.sequence ?? .max) }
    guard settled < .max else { return }
    var next = settled + 1
    for record in halves.joined() where record.sequence >= next {
      // A gap is what a power loss leaves, of the log or of a commit; nothing behind it may stand without it.
      guard record.sequence == next else { return }
      transactions.append(try LogDecoding.mutations(in: bytes, record.body))
      next += 1
    }
  }
}
