// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusAPI
internal import NexusCore
internal import NexusDiagnostics
internal import NexusKernel
internal import NexusRuntime
internal import NexusStore

// What people are asked, and who they are.
extension LocalOperations {
  func approvals(_ filter: ApprovalFilter) async throws(OperationError) -> ApprovalList {
    try await reading { () async throws(StoreError) in try await ApprovalReports.list(filter, in: parts.store) }
  }

  func approval(_ id: ApprovalID) async throws(OperationError) -> ApprovalReport {
    let record = try await reading { () async throws(StoreError) in try await parts.store.approval(id) }
    guard let report = record.flatMap(ApprovalReports.report) else { throw .unknownApproval(id) }
    return report
  }

  func decide(
    _ id: ApprovalID, _ decision: ApprovalDecision, by who: OperatorIdentity
  ) async throws(OperationError) -> ApprovalReport {
    let choice: ApprovalChoice =
      switch decision.verb {
      case .approve: .approve
      case .deny: .deny
      case .edit: .edit(arguments: decision.arguments ?? .null)
      }
    let decided: ApprovalMachine
    do throws(ApprovalProblem) {
      decided = try await parts.runtime.approvals.decide(
        id, choice, by: who, digest: decision.digest, reason: decision.reason)
    } catch {
      throw OperationError(error)
    }
    return try await approval(decided.request.id)
  }

  func state(after key: String?, limit: Int) async throws(OperationError) -> StateList {
    try await reading { () async throws(StoreError) in
      try await StateReports.list(after: key, limit: limit, in: parts.store)
    }
  }

  func state(_ key: String) async throws(OperationError) -> StateReport {
    let report = try await reading { () async throws(StoreError) in try await StateReports.report(key, in: parts.store)
    }
    guard let report else { throw .unknownKey(key) }
    return report
  }

  func tokens() async throws(OperationError) -> TokenList { parts.tokens.list() }

  func createToken(_ wish: TokenWish) async throws(OperationError) -> CreatedToken {
    try await parts.tokens.create(wish)
  }

  func revokeToken(_ name: String) async throws(OperationError) -> TokenReport { try await parts.tokens.revoke(name) }
}

extension OperationError {
  init(_ problem: ApprovalProblem) {
    let kind: Kind =
      switch problem.kind {
      case .notFound: .notFound
      case .conflict: .conflict
      case .refused: .refused
      case .invalid: .usage
      case .unavailable: .rateLimited
      case .storage: .failed
      }
    self.init(
      kind, code: problem.code, title: ErrorCatalogue.title(for: problem.code) ?? "Not done", detail: problem.message)
  }
}
