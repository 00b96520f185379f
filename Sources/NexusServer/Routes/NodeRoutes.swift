// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusAPI
internal import NexusCore

extension OperatorPlane {
  var nodeRoutes: [Route] {
    let operations = operations
    return [
      Route(
        "POST", "/api/v1/reload",
        "Takes the changed configuration; `dryRun` says only what it would mean, `prune` stops what is no longer in it."
      ) { request throws(OperationError) in
        let body = try request.json()
        return .json(
          try await operations.reload(prune: try Self.flag(body, "prune"), dryRun: try Self.flag(body, "dryRun")))
      },
      Route(
        "POST", "/api/v1/shutdown",
        "Takes the node down in order; with `handOver` a node for one run does not wait for the end of its runs.",
        statuses: [202]
      ) { request throws(OperationError) in
        let body = request.body.isEmpty ? JSONValue.object(JSONObject()) : try request.json()
        if try Self.flag(body, "handOver") { try await operations.handOver() } else { try await operations.shutdown() }
        return .json(["status": "stopping"], status: 202)
      },
    ]
  }
}
