// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
internal import NexusStore

/// The reading connection, on a thread of its own.
///
/// Every read is one snapshot, and begins after every commit that was acknowledged before it.
actor StoreReader {
  private nonisolated let executor = StoreExecutor(name: "naos-reader")
  private var connection: SQLiteConnection?
  private let vfs: String?

  nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe executor.asUnownedSerialExecutor() }

  init(vfs: String?) { self.vfs = vfs }

  /// Opens the database; `settlesLog` brings what a dead process acknowledged into it first, for where nobody has opened
  /// it for writing.
  func open(path: String, settlesLog: Bool = false) throws(StoreError) {
    if settlesLog, Files.exists(path + "-journal") {
      // A node was killed while it made the database: a change that was cut off is taken back by whoever reads first,
      // who has to be able to write.
      _ = try Migration.check(try SQLiteConnection(path: path, mode: .readWrite, vfs: vfs))
    }
    let connection = try SQLiteConnection(path: path, mode: .readOnly, vfs: vfs)
    try Migration.checkForReading(connection)
    if settlesLog, try connection.hasUnsettledLog() {
      try SQLiteConnection(path: path, mode: .readWrite, vfs: vfs).settleLog()
    }
    self.connection = connection
  }

  func read<Answer: Sendable>(
    _ body: @Sendable (SQLiteConnection) throws(StoreError) -> Answer
  ) throws(StoreError) -> Answer {
    guard let connection else { throw StoreError(.closed, "the store is closed") }
    try connection.run(.beginRead)
    let answer: Answer
    do throws(StoreError) {
      answer = try body(connection)
    } catch {
      if connection.isInTransaction { _ = try? connection.run(.rollback) }
      throw error
    }
    try connection.run(.commit)
    return answer
  }

  func close() { connection = nil }
}
