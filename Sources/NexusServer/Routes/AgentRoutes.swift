// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusAPI
internal import NexusCore

extension OperatorPlane {
  var agentRoutes: [Route] {
    let operations = operations
    return [
      Route("GET", "/api/v1/agents", "All agents.") { _ throws(OperationError) in
        .json(["agents": .of(try await operations.listAgents())])
      },
      Route("GET", "/api/v1/agents/{name}", "Everything about one agent.") { request throws(OperationError) in
        .json(try await operations.inspect(request.agent))
      },
      Route("POST", "/api/v1/agents/{name}/start", "Starts an agent that is down.") { request throws(OperationError) in
        .json(try await operations.startAgent(request.agent))
      },
      Route(
        "POST", "/api/v1/agents/{name}/stop",
        "Stops an agent; `force` kills at once, `noRestart` keeps it down until it is started by hand."
      ) { request throws(OperationError) in
        let body = try request.json()
        return .json(
          try await operations.stopAgent(
            request.agent, force: try Self.flag(body, "force"), noRestart: try Self.flag(body, "noRestart")))
      },
      Route(
        "DELETE", "/api/v1/agents/{name}",
        "Stops an agent and forgets it until the configuration is read again; runs and costs stay.",
        query: [("force", "true: also if runs are under way or something names it.")], statuses: [204]
      ) { request throws(OperationError) in
        try await operations.removeAgent(request.agent, force: try request.flag("force", default: false))
        return .empty
      },
    ]
  }

  /// A member of a body that is true, false or absent.
  static func flag(_ body: JSONValue, _ name: String) throws(OperationError) -> Bool {
    guard let value = body[name], !value.isNull else { return false }
    guard let flag = value.boolValue else { throw .misunderstood("`\(name)` has to be true or false.") }
    return flag
  }
}
