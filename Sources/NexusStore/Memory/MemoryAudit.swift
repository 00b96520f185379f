// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusAudit
internal import NexusCore

/// The audit log of the store in memory.
struct MemoryAudit {
  struct KeptPayload {
    let sequence: Int64
    let run: RunID?
    let payload: AuditPayload
  }

  private(set) var head: AuditHead?
  private(set) var rows: [AuditRow] = []
  private(set) var checkpoints: [AuditCheckpointRow] = []
  private(set) var payloads: [String: KeptPayload] = [:]

  mutating func apply(_ change: AuditChange) {
    switch change {
    case .begin(let fresh):
      head = fresh
      rows = []
      checkpoints = []
    case .append(let records): for record in records { append(record) }
    case .checkpoint(let row): checkpoints = Array((checkpoints + [row]).suffix(StoreLimits.auditCheckpoints))
    case .prune(let base):
      head?.prune(to: base)
      rows.removeAll { $0.sequence < base.size }
      checkpoints.removeAll { $0.size < base.size }
      payloads = payloads.filter { $0.value.sequence >= base.size }
    case .erase(let digests): for digest in digests { payloads[digest] = nil }
    }
  }

  private mutating func append(_ record: AuditRecord) {
    guard var head else { return }
    let row = head.append(record)
    rows.append(row)
    if let payload = record.payload {
      payloads[AuditDigest.of(payload)] = KeptPayload(sequence: row.sequence, run: record.run, payload: payload)
    }
    self.head = head
  }
}
