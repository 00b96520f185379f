// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import Logging
internal import NexusAPI
internal import NexusCore

/// A request that changes something, and whose outcome is not in the audit log yet.
struct AuditedRequest: Sendable {
  let trail: any AuditTrail
  /// As it was written down, or will be.
  let record: AuditRecord
  /// Whether it stands in the log already: what anybody may ask does so only once it was granted.
  let isWritten: Bool

  func answered(_ reply: OperatorReply) { tell("done", status: reply.status, code: nil) }

  func refused(_ error: OperationError) {
    if isWritten { tell("refused", status: error.kind.httpStatus, code: error.code) }
  }

  private func tell(_ outcome: String, status: Int, code: String?) {
    var record = record
    if isWritten { record.event = .operatorOutcome }
    record.payload = nil
    record.outcome = outcome
    record.code = code
    record.details["status"] = .int(Int64(status))
    trail.note(record)
  }
}

extension OperatorPlane {
  /// A longer body is not kept beside the log: inputs of runs are, with the run.
  private static let keptBodyBytes = 16 << 10

  /// What makes something stop is done even where the log takes nothing: a full disk must not keep agents going.
  private static let stopping: Set<String> = [
    "/api/v1/shutdown", "/api/v1/agents/{name}/stop", "/api/v1/supervisors/{name}/stop", "/api/v1/pools/{name}/drain",
    "/api/v1/runs/{id}/pause", "/api/v1/runs/{id}/cancel", "/api/v1/runs/{id}/kill",
    "/api/v1/schedules/{name}/pause",
  ]

  /// Writes a request that changes something into the audit log, before it is answered.
  ///
  /// Every such route passes here, so that none can forget it.
  ///
  /// - Throws: the log takes nothing, and so nothing is changed, unless it makes something stop.
  func writeDown(_ request: OperatorRequest, for route: Route) async throws(OperationError) -> AuditedRequest? {
    guard let audit, route.method != "GET" else { return nil }
    // Of an open route nobody has looked at the credentials.
    let actor = route.access == .open ? AuditActor("unknown", .unknown, .code) : credentials.actor(of: request)
    var record = AuditRecord(
      .operatorRequest, by: actor, run: await run(of: request, for: route),
      agent: route.path.hasPrefix("/api/v1/agents/") ? request.parameters["name"].map { AgentName($0) } : nil,
      subject: "\(route.method) \(route.path)", details: ["request": .string(audit.reference())])
    if actor.authn == .session, let session = credentials.session(of: request) {
      record.details["session"] = .string(session)
    }
    if let name = request.parameters["name"] { record.details["name"] = .string(String(name.prefix(64))) }
    if route.path.hasPrefix(Self.approvals), let id = request.parameters["id"] {
      record.details["approval"] = .string(String(id.prefix(64)))
    }
    guard route.access != .open else { return AuditedRequest(trail: audit, record: record, isWritten: false) }
    if route.path != "/api/v1/runs", !request.body.isEmpty, request.body.count <= Self.keptBodyBytes {
      record.payload = audit.payload(request.body)
    }
    do throws(AuditRefusal) { try await audit.record(record) } catch {
      if Self.stopping.contains(route.path) {
        logger.error("\(route.path) is done and not in the audit log: \(error.message)")
        return nil
      }
      throw OperationError(
        .failed, code: error.code, title: "The audit log takes nothing, so nothing is changed", detail: error.message,
        hint: "naos audit verify says what is wrong with it.")
    }
    return AuditedRequest(trail: audit, record: record, isWritten: true)
  }

  private static let approvals = "/api/v1/approvals/"

  /// The run that a request is about, so that everything about it is found and erased with it.
  private func run(of request: OperatorRequest, for route: Route) async -> RunID? {
    guard let id = request.parameters["id"] else { return nil }
    if route.path.hasPrefix("/api/v1/runs/") { return RunID(id) }
    guard route.path.hasPrefix(Self.approvals) else { return nil }
    // Of one that is not there, nothing will be done.
    return try? await operations.approval(ApprovalID(id)).run
  }

  /// Who may not ask, or not from there.
  func noteRefusal(_ error: OperationError, of request: OperatorRequest) {
    guard let audit, error.kind == .authentication || error.kind == .forbidden else { return }
    audit.note(
      AuditRecord(
        .accessRefused, by: AuditActor("unknown", .unknown, .none),
        subject: "\(request.method) \(request.path.prefix(128))", verdict: "deny", code: error.code))
  }
}

extension Credentials {
  /// Who asks, of a request that was let in.
  ///
  /// People are known by the names of their tokens, also in the sessions that those opened.
  func actor(of request: OperatorRequest) -> AuditActor {
    if Self.bearer(request) != nil { return AuditActor(request.asker.name, .operator, .token) }
    if !request.asker.isOwner || cookie(of: request) != nil {
      return AuditActor(request.asker.name, .operator, .session)
    }
    return AuditActor("unknown", .unknown, .code)
  }

  /// Tells the sessions of one person apart, and opens nothing.
  func session(of request: OperatorRequest) -> String? {
    cookie(of: request).map { Base64.encodeURL(Array(Secrets.digest($0).bytes.prefix(6))) }
  }
}
