// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusAPI
internal import NexusCore

extension OperatorPlane {
  var auditRoutes: [Route] {
    let operations = operations
    return [
      Route(
        "GET", "/api/v1/audit", "Entries of the audit log, oldest first: the newest ones, or those behind a number.",
        query: [
          ("event", "Only events whose name begins so."), ("run", "Only of this run."),
          ("agent", "Only of this agent."),
          ("actor", "Only by this actor."), ("text", "Only entries in which this occurs."),
          ("after", "Entries behind this number, from the oldest."), ("before", "The newest before this number."),
          ("limit", "At most this many, up to \(AuditQuery.maxLimit)."),
        ]
      ) { request throws(OperationError) in
        func sequence(_ name: String) throws(OperationError) -> Int64? {
          guard request.query[name] != nil else { return nil }
          return Int64(try request.number(name, default: 0, in: -1...Int.max))
        }
        return .json(
          try await operations.audit(
            AuditQuery(
              event: request.query["event"], run: request.query["run"].map { RunID($0) },
              agent: request.query["agent"].map { AgentName($0) }, actor: request.query["actor"],
              text: request.query["text"], after: try sequence("after"), before: try sequence("before"),
              limit: try request.number("limit", default: 100, in: 1...AuditQuery.maxLimit))))
      },
      Route("GET", "/api/v1/audit/check", "Checks the whole audit log; says what is wrong, and where.") {
        _ throws(OperationError) in
        .json(try await operations.checkAudit())
      },
      Route(
        "GET", "/api/v1/audit/{entry}/proof",
        "What shows somebody who has only the key that an entry is in the log: `{entry, index, checkpoint, proof}`."
      ) { request throws(OperationError) in
        guard let sequence = Int64(request.parameter("entry")), sequence >= 0 else {
          throw .misunderstood("An entry has a number.")
        }
        return .json(try await operations.proveAudit(sequence))
      },
      Route(
        "POST", "/api/v1/audit/erase",
        "Erases what is kept beside the log, of one digest or of a run: `{payload}` or `{run}`; the log stays whole."
      ) { request throws(OperationError) in
        let json = try request.json()
        let wish: EraseAudit
        do throws(WireError) { wish = try EraseAudit(json: json) } catch { throw .misunderstood("\(error).") }
        return .json(try await operations.eraseAudit(wish))
      },
    ]
  }
}
