// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusAPI
internal import NexusCore

extension OperatorPlane {
  var approvalRoutes: [Route] {
    let operations = operations
    return [
      Route(
        "GET", "/api/v1/approvals", "Questions to people, newest first: those that are open, or all.",
        query: [
          ("all", "`true` for those that are settled, too."), ("run", "Only that run's."),
          ("limit", "At most this many, up to \(ApprovalFilter.maxLimit)."), ("cursor", "Where the page begins."),
        ]
      ) { request throws(OperationError) in
        let limit = try request.number("limit", default: 50, in: 1...ApprovalFilter.maxLimit)
        return .json(
          try await operations.approvals(
            ApprovalFilter(
              onlyOpen: try !request.flag("all", default: false), run: request.query["run"].map { RunID($0) },
              limit: limit, cursor: request.query["cursor"])))
      },
      Route("GET", "/api/v1/approvals/{id}", "One question, with its whole record.") { request throws(OperationError) in
        .json(try await operations.approval(ApprovalID(request.parameter("id"))))
      },
    ] + ApprovalDecision.Verb.allCases.map { decisionRoute($0) } + tokenRoutes
  }

  private func decisionRoute(_ verb: ApprovalDecision.Verb) -> Route {
    let operations = operations
    let summary =
      switch verb {
      case .approve: "Says yes to exactly what is asked."
      case .deny: "Says no."
      case .edit: "Has it done with other arguments: a new question, to which whoever asks has said yes."
      }
    return Route("POST", "/api/v1/approvals/{id}/\(verb.rawValue)", access: .decision, summary) {
      request throws(OperationError) in
      let decision: ApprovalDecision
      let body = try request.json()
      do throws(WireError) { decision = try ApprovalDecision(verb: verb, body: body) } catch {
        throw .misunderstood("\(error).")
      }
      return .json(try await operations.decide(ApprovalID(request.parameter("id")), decision, by: request.asker))
    }
  }

  private var tokenRoutes: [Route] {
    let operations = operations
    return [
      Route("GET", "/api/v1/tokens", "The named tokens of the operator plane, without their secrets.") {
        _ throws(OperationError) in .json(try await operations.tokens())
      },
      Route(
        "POST", "/api/v1/tokens", access: .token, "Makes a named token; only this answer has its secret.",
        statuses: [201]
      ) { request throws(OperationError) in
        let body = try request.json()
        let wish: TokenWish
        do throws(WireError) { wish = try TokenWish(json: body) } catch { throw .misunderstood("\(error).") }
        return .json(try await operations.createToken(wish), status: 201)
      },
      Route("DELETE", "/api/v1/tokens/{name}", access: .token, "Revokes a named token: it opens nothing any more.") {
        request throws(OperationError) in .json(try await operations.revokeToken(request.decoded("name")))
      },
    ]
  }
}
