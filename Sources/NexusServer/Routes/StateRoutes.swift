// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusAPI
internal import NexusCore

extension OperatorPlane {
  /// What agents share; a key with slashes is percent-encoded.
  var stateRoutes: [Route] {
    let operations = operations
    return [
      Route(
        "GET", "/api/v1/state", "The keys of the state that agents share, each with its newest version.",
        query: [
          ("after", "The key behind which the page begins."),
          ("limit", "At most this many, up to \(StateList.maxLimit)."),
        ]
      ) { request throws(OperationError) in
        let limit = try request.number("limit", default: 100, in: 1...StateList.maxLimit)
        return .json(try await operations.state(after: request.query["after"], limit: limit))
      },
      Route(
        "GET", "/api/v1/state/{key}",
        "The versions of one key, with who wrote and who has read them, and which are quarantined."
      ) { request throws(OperationError) in
        .json(try await operations.state(request.decoded("key")))
      },
    ]
  }
}
