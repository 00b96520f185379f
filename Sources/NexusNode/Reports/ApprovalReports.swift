// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusAPI
internal import NexusCore
internal import NexusKernel
internal import NexusStore

/// Approvals in the words of the API.
enum ApprovalReports {
  static func list(_ filter: ApprovalFilter, in store: any Store) async throws(StoreError) -> ApprovalList {
    let limit = max(1, min(filter.limit, ApprovalFilter.maxLimit))
    let open: Set<ApprovalStatus> = Set(ApprovalStatus.allCases.filter(\.isOpen))
    let records = try await store.approvals(
      ApprovalQuery(
        statuses: filter.onlyOpen ? open : [], run: filter.run, before: filter.cursor.map { ApprovalID($0) },
        limit: limit + 1))
    let page = records.prefix(limit).compactMap { report($0) }
    return ApprovalList(approvals: page, cursor: records.count > limit ? page.last?.id.text : nil)
  }

  static func openCount(in store: any Store) async throws(StoreError) -> Int {
    try await store.approvalCount([.requested, .escalated])
  }

  static func report(_ record: ApprovalRecord) -> ApprovalReport? {
    guard let machine = record.machine else { return nil }
    let request = machine.request
    let subject = request.subject
    var report = ApprovalReport(
      id: request.id, status: machine.status.rawValue, run: subject.run, step: subject.step.text,
      agent: request.agent.text, requestedAt: request.requestedAt)
    (report.tool, report.arguments, report.effect) = (subject.tool, subject.arguments, subject.effect.rawValue)
    (report.requester, report.reason, report.evidence) = (subject.requester, request.reason, request.evidence)
    (report.policy, report.approvers, report.quorum) = (request.policy.name, machine.deciders, request.policy.quorum)
    report.approvedBy = machine.agreements.map(\.by.name)
    (report.digest, report.policyHash) = (request.digest, subject.policyHash)
    (report.expiresAt, report.settledAt) = (request.expiresAt, machine.settledAt)
    report.decidedBy = machine.decider?.name
    report.decisionReason = machine.reason.isEmpty ? nil : machine.reason
    (report.next, report.replaces, report.usedFor) = (machine.next, request.replaces, machine.effect?.text)
    report.record = record.notes.map(note)
    return report
  }

  private static func note(_ note: ApprovalRecord.Note) -> ApprovalNote {
    func by(_ event: String, _ who: OperatorIdentity, _ detail: String) -> ApprovalNote {
      ApprovalNote(at: note.at, event: event, by: who.description, detail: detail.isEmpty ? nil : detail)
    }
    func plain(_ event: String, _ detail: String? = nil) -> ApprovalNote {
      ApprovalNote(at: note.at, event: event, detail: detail)
    }
    switch note.entry {
    case .requested(let request): return plain("requested", "by \(request.subject.requester)")
    case .warned(let percent): return plain("warned", "\(percent) % of the time are over")
    case .escalated(let percent): return plain("escalated", "after \(percent) % of the time")
    case .agreed(let who, let reason): return by("agreed", who, reason)
    case .approved: return plain("approved")
    case .denied(let who, let reason): return by("denied", who, reason)
    case .edited(let who, let next, let reason):
      return by("edited", who, reason.isEmpty ? "\(next)" : "\(next): \(reason)")
    case .expired: return plain("expired")
    case .cancelled(let reason): return plain("cancelled", reason)
    case .voided(let reason): return plain("voided", reason)
    case .consumed(let effect): return plain("consumed", "for \(effect)")
    case .rejected(let who, let refusal): return by("rejected", who, refusal.rawValue)
    }
  }
}
