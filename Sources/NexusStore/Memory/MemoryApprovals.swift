// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore
package import NexusKernel

extension MemoryState {
  /// The record of an approval with what is added to it.
  func record(after write: ApprovalWrite) throws(StoreError) -> ApprovalRecord {
    var record = approvals[write.id] ?? ApprovalRecord([])
    if write.request != nil {
      guard record.notes.isEmpty else { throw StoreError(.duplicate, "the approval \(write.id) exists") }
    } else {
      guard !record.notes.isEmpty, record.version == write.after else {
        throw StoreError(.staleGuard, "the approval \(write.id) is not what it was, or there is none")
      }
    }
    for entry in write.entries {
      // As a database has it: what cannot be read again is found here.
      let entry = try ApprovalFormat.decode(ApprovalFormat.encode(entry))
      record.notes.append(ApprovalRecord.Note(at: write.at, entry: entry))
    }
    return record
  }
}

extension InMemoryStore {
  package func approval(_ id: ApprovalID) async throws(StoreError) -> ApprovalRecord? {
    try read { $0.approvals[id] }
  }

  package func approvalCount(_ statuses: Set<ApprovalStatus>) async throws(StoreError) -> Int {
    try read { state in
      state.approvals.values.count { record in record.machine.map { statuses.contains($0.status) } ?? false }
    }
  }

  package func approvals(_ query: ApprovalQuery) async throws(StoreError) -> [ApprovalRecord] {
    try read { state in
      let wanted = state.approvals.filter { $0.value.machine.map(query.matches) ?? false }
      return wanted.sorted { $0.key > $1.key }.prefix(max(0, query.limit)).map(\.value)
    }
  }
}
