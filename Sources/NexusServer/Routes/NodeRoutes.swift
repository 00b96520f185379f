// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusAPI
internal import NexusCore

extension OperatorPlane {
  var nodeRoutes: [Route] {
    let operations = operations
    return [
      Route("POST", "/api/v1/shutdown", "Takes the node down in order.") { _ throws(OperationError) in
        try await operations.shutdown()
        return .json(["status": "stopping"], status: 202)
      }
    ]
  }
}
