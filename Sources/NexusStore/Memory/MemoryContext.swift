// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
package import NexusKernel

extension MemoryState {
  /// What is kept under a key after a write.
  func record(after write: ContextWrite) throws(StoreError) -> ContextRecord {
    let found = context[write.record.key]
    if write.record.revision == 0 {
      guard found == nil else { throw StoreError(.duplicate, "the key `\(write.record.key)` exists") }
    } else {
      guard found?.revision == write.record.revision else { throw Self.changed(write.record.key) }
    }
    // As a database has it: what cannot be read again is found here.
    return try ContextFormat.decode(ContextFormat.encode(write.record), revision: write.revision)
  }

  func check(_ hold: ContextHold) throws(StoreError) {
    guard context[hold.key]?.current?.number ?? 0 == hold.version else { throw Self.changed(hold.key) }
  }

  private static func changed(_ key: String) -> StoreError {
    StoreError(.staleGuard, "the key `\(key)` is not what it was")
  }
}

extension InMemoryStore {
  package func context(_ keys: [String]) async throws(StoreError) -> [String: ContextRecord] {
    try read { state in state.context.filter { keys.contains($0.key) } }
  }

  package func contextKeys(after key: String?, limit: Int) async throws(StoreError) -> [String] {
    try read { state in
      let order = state.context.keys.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
      let rest = order.filter { one in key.map { $0.utf8.lexicographicallyPrecedes(one.utf8) } ?? true }
      return Array(rest.prefix(max(0, limit)))
    }
  }

  package func contextCount() async throws(StoreError) -> Int { try read { $0.context.count } }
}
