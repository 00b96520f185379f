// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusAPI
internal import NexusCore

extension OperatorPlane {
  var supervisorRoutes: [Route] {
    let operations = operations
    return [
      Route("GET", "/api/v1/supervisors", "The tree of supervisors, the root first.") { _ throws(OperationError) in
        .json(try await operations.supervision())
      },
      Route("POST", "/api/v1/supervisors/{name}/start", "Starts a supervisor that is down.") {
        request throws(OperationError) in
        .json(try await operations.startSupervisor(request.supervisor))
      },
      Route("POST", "/api/v1/supervisors/{name}/reset", "Forgets the restarts that count for a supervisor.") {
        request throws(OperationError) in
        .json(try await operations.resetSupervisor(request.supervisor))
      },
      Route(
        "POST", "/api/v1/supervisors/{name}/stop",
        "Stops a supervisor and everything below it; `force` kills at once."
      ) { request throws(OperationError) in
        let body = try request.json()
        return .json(
          try await operations.stopSupervisor(request.supervisor, force: try Self.flag(body, "force")))
      },
    ]
  }
}
