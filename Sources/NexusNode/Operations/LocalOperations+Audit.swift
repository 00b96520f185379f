// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusAPI
internal import NexusAudit
internal import NexusCore
internal import NexusKernel
internal import NexusStore

// The audit log, as operators look at it.
extension LocalOperations {
  private var book: AuditBook { AuditBook(store: parts.store, state: parts.options.state) }

  func audit(_ query: AuditQuery) async throws(OperationError) -> AuditPage { try await book.page(query) }

  func checkAudit() async throws(OperationError) -> AuditCheckReport {
    let anchors = [parts.options.plan.audit.anchor].compactMap(\.self)
    return try await book.check(anchors: anchors.filter(Files.exists))
  }

  func proveAudit(_ sequence: Int64) async throws(OperationError) -> JSONValue { try await book.prove(sequence) }

  func eraseAudit(_ wish: EraseAudit) async throws(OperationError) -> EraseAuditReport {
    let digests = try await reading { () async throws(StoreError) in
      if let run = wish.run { return try await parts.store.auditPayloads(of: run) }
      guard let payload = wish.payload, try await parts.store.auditPayload(payload) != nil else { return [] }
      return [payload]
    }
    guard !digests.isEmpty else { return EraseAuditReport(payloads: []) }
    do throws(StoreError) {
      try await parts.audit.erase(digests, by: AuditActor(Self.operatorName, .operator, .none))
    } catch {
      throw OperationError(error)
    }
    return EraseAuditReport(payloads: digests)
  }
}
