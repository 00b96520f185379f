// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore
package import NexusKernel
package import NexusStore

extension SQLiteStore {
  package func approval(_ id: ApprovalID) async throws(StoreError) -> ApprovalRecord? {
    try await read { connection throws(StoreError) in try connection.approval(id) }
  }

  package func approvalCount(_ statuses: Set<ApprovalStatus>) async throws(StoreError) -> Int {
    try await read { connection throws(StoreError) in
      var count = 0
      for status in statuses {
        count +=
          try connection.first(.approvalCount, [.text(status.rawValue)]) { row throws(StoreError) in
            Int(row.integer(0))
          } ?? 0
      }
      return count
    }
  }

  package func approvals(_ query: ApprovalQuery) async throws(StoreError) -> [ApprovalRecord] {
    try await read { connection throws(StoreError) in try connection.approvals(query) }
  }
}
