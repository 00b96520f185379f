// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusAPI

extension OperatorPlane {
  var statusRoutes: [Route] {
    let operations = operations
    return [
      Route("GET", "/api/v1/status", "The node, its agents and how many runs there are.") { _ throws(OperationError) in
        .json(try await operations.status())
      },
      Route("GET", "/api/v1/doctor", "What the node finds when it examines itself.") { _ throws(OperationError) in
        .json(try await operations.doctor())
      },
    ]
  }
}
