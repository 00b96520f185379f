// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusAPI
internal import NexusCore

extension OperatorPlane {
  var flowRoutes: [Route] {
    let operations = operations
    return [
      Route("GET", "/api/v1/flows", "The workflows, sagas and pools of the configuration.") {
        _ throws(OperationError) in .json(try await operations.flows())
      }
    ]
  }
}
