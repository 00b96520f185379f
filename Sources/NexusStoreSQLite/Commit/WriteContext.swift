// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
internal import NexusKernel
internal import NexusStore

extension MutationWriter {
  /// Renews what is kept under a key of the project's state, or begins it.
  func write(_ write: ContextWrite) throws(StoreError) {
    let key = write.record.key
    let values: [SQLiteValue] = [
      .text(key), .integer(Int64(write.revision)), .integer(write.record.current?.number ?? 0),
      .blob(ContextFormat.encode(write.record)),
    ]
    guard write.record.revision > 0 else {
      do throws(StoreError) { try connection.run(.insertContext, values) } catch {
        guard error.code == .duplicate else { throw error }
        throw StoreError(.duplicate, "the key `\(key)` exists")
      }
      return
    }
    let changed = try connection.run(.updateContext, values + [.integer(Int64(write.record.revision))])
    guard changed == 1 else { throw Self.changed(key) }
  }

  func check(_ hold: ContextHold) throws(StoreError) {
    let found = try connection.first(.contextVersion, [.text(hold.key)]) { row throws(StoreError) in row.integer(0) }
    guard found ?? 0 == hold.version else { throw Self.changed(hold.key) }
  }

  private static func changed(_ key: String) -> StoreError {
    StoreError(.staleGuard, "the key `\(key)` is not what it was")
  }
}
