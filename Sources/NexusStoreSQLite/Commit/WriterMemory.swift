// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusAudit
internal import NexusCore
internal import NexusStore

/// The row of a run as a guard needs it; one object, because every append looks at it and changes it.
///
/// It is changed only once the row is: what fails in between leaves it as the row was.
final class KnownRun {
  let key: Int64
  let fence: Int64
  var head: Int64
  var journalBytes: Int64
  var facet: RunFacet
  /// The key of the facet.
  var facetKey: Int64
  let input: StoredPayload?
  var output: StoredPayload?

  init(
    key: Int64, fence: Int64, head: Int64, journalBytes: Int64, facet: RunFacet, facetKey: Int64,
    input: StoredPayload?, output: StoredPayload?
  ) {
    self.key = key
    self.fence = fence
    self.head = head
    self.journalBytes = journalBytes
    self.facet = facet
    self.facetKey = facetKey
    self.input = input
    self.output = output
  }
}

/// What the writing connection knows of rows that it wrote or read, so that an append needs no look at the row first.
///
/// It holds for the open transaction and after its commit. After anything that failed or was rolled back it is forgotten
/// as a whole; the guards of the statements themselves stay in force.
final class WriterMemory {
  /// When more runs than this are known, all are forgotten: the ones under way are soon known again.
  static let runs = 16_384

  private var runs: [RunID: KnownRun] = [:]
  private(set) var facets: [RunFacet: Int64] = [:]
  private(set) var audit = KnownAudit.unknown
  /// What the end of the audit log is sealed with; nil for a store that has no key.
  ///
  /// It is never forgotten.
  var seal: AuditSeal?

  func run(_ id: RunID) -> KnownRun? { runs[id] }

  func know(_ id: RunID, _ run: KnownRun) {
    if runs.count >= Self.runs { runs.removeAll(keepingCapacity: true) }
    runs[id] = run
  }

  func know(_ facet: RunFacet, _ key: Int64) { facets[facet] = key }

  func know(audit: KnownAudit) { self.audit = audit }

  func forget(_ id: RunID) { runs[id] = nil }

  func forgetAll() {
    runs.removeAll(keepingCapacity: true)
    facets.removeAll(keepingCapacity: true)
    audit = .unknown
  }
}
