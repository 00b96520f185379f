// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
package import NexusKernel
package import NexusStore

extension SQLiteStore {
  package func context(_ keys: [String]) async throws(StoreError) -> [String: ContextRecord] {
    try await read { connection throws(StoreError) in
      var found: [String: ContextRecord] = [:]
      for key in Set(keys) {
        found[key] = try connection.first(.findContext, [.text(key)]) { row throws(StoreError) in
          try ContextFormat.decode(row.blob(1), revision: Int(row.integer(0)))
        }
      }
      return found
    }
  }

  package func contextKeys(after key: String?, limit: Int) async throws(StoreError) -> [String] {
    try await read { connection throws(StoreError) in
      try connection.all(.contextKeys, [.text(key ?? ""), .limit(limit)]) { row throws(StoreError) in row.text(0) }
    }
  }

  package func contextCount() async throws(StoreError) -> Int {
    try await read { connection throws(StoreError) in
      try connection.first(.contextCount) { row throws(StoreError) in Int(row.integer(0)) } ?? 0
    }
  }
}
