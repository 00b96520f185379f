// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore

extension OperationError {
  /// The request cannot be understood: a wrong body, a wrong parameter.
  package static func misunderstood(_ detail: String) -> OperationError {
    OperationError(.usage, code: "NX-API-001", title: "The request is not understood", detail: detail)
  }

  /// Who asks showed no credential, or a wrong one.
  package static func unauthenticated(_ detail: String) -> OperationError {
    OperationError(
      .authentication, code: "NX-API-002", title: "Not authenticated", detail: detail,
      hint: "Open the dashboard with `naos dashboard`; scripts send the token in `.naos/token`.")
  }

  /// The request came under a name or from a page that is not this node's.
  package static func foreign(_ detail: String) -> OperationError {
    OperationError(
      .forbidden, code: "NX-API-003", title: "Refused: the request comes from elsewhere", detail: detail,
      hint: "Use http://localhost, http://127.0.0.1 or http://[::1].")
  }

  package static func noRoute(_ detail: String) -> OperationError {
    OperationError(
      .notFound, code: "NX-API-004", title: "No such route", detail: detail, hint: "See /api/v1/openapi.json.")
  }

  package static func tooLarge(_ detail: String) -> OperationError {
    OperationError(.tooLarge, code: "NX-API-005", title: "The request is too large", detail: detail)
  }

  /// No node answers in this project.
  package static func unreachable(_ detail: String) -> OperationError {
    OperationError(
      .unreachable, code: "NX-API-006", title: "No node is running", detail: detail, hint: "Start one with `naos up`.")
  }

  /// The node answered something that is not its protocol.
  package static func garbled(_ detail: String) -> OperationError {
    OperationError(
      .failed, code: "NX-API-007", title: "The node's answer is not understood", detail: detail,
      hint: "Do `naos` and the running node have the same version? Restart the node with `naos down` and `naos up -d`.")
  }

  /// A login code that is wrong, used or too old.
  package static let loginRefused = OperationError(
    .authentication, code: "NX-API-008", title: "The login link is not valid",
    detail: "It is wrong, was used before, or is older than two minutes.", hint: "Get a new one with `naos dashboard`.")

  package static func tooMany(_ detail: String) -> OperationError {
    OperationError(
      .rateLimited, code: "NX-API-009", title: "Too many at once", detail: detail, hint: "Try again later.")
  }

  package static func unknownRun(_ run: RunID) -> OperationError {
    OperationError(
      .notFound, code: "NX-API-010", title: "No such run", detail: "There is no run \(run.text) in this project.",
      hint: "List them with `naos runs list`.")
  }

  /// No agent has that name; `suggestion` is the one that was probably meant.
  package static func unknownAgent(_ name: String, suggestion: String? = nil) -> OperationError {
    OperationError(
      .notFound, code: "NX-API-011", title: "No such agent", detail: "There is no agent `\(name)` in this project.",
      hint: suggestion.map { "Did you mean `\($0)`?" } ?? "List them with `naos list`, or make one with `naos create`.")
  }

  /// A method that the route does not have.
  package static func wrongMethod(_ detail: String) -> OperationError {
    OperationError(.methodNotAllowed, code: "NX-API-012", title: "The route has no such method", detail: detail)
  }

  /// Something failed inside the node; the log has the details.
  package static func internalFailure(_ detail: String) -> OperationError {
    OperationError(
      .failed, code: "NX-API-013", title: "The node failed to answer", detail: detail, hint: "Look at `naos logs`.")
  }

  /// Asked in a state in which it cannot be done, for example resuming a run that is not paused.
  package static func conflicting(_ detail: String, hint: String? = nil) -> OperationError {
    OperationError(.conflict, code: "NX-API-014", title: "Not possible in this state", detail: detail, hint: hint)
  }

  package static func unknownKey(_ key: String) -> OperationError {
    OperationError(
      .notFound, code: "NX-GAT-107", title: "Nothing there", detail: "There is nothing under `\(key)` in this project.",
      hint: "naos state list")
  }

  package static func unknownApproval(_ id: ApprovalID) -> OperationError {
    OperationError(
      .notFound, code: "NX-APR-002", title: "No such approval", detail: "There is no approval \(id) in this project.",
      hint: "naos approvals list --all")
  }
}
