// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusAPI
internal import NexusCore

extension OperatorPlane {
  var costRoutes: [Route] {
    let operations = operations
    return [
      Route("GET", "/api/v1/costs", "What was used, by agent and by model, and the budgets with their forecasts.") {
        _ throws(OperationError) in
        .json(try await operations.costs())
      },
      Route(
        "GET", "/api/v1/costs/history", "What was charged and corrected, newest first.",
        query: [
          ("agent", "Only that agent's."), ("run", "Only that run's."),
          ("limit", "At most this many, up to \(CostQuery.maxLimit)."),
        ]
      ) { request throws(OperationError) in
        let limit = try request.number("limit", default: 50, in: 1...CostQuery.maxLimit)
        return .json(
          try await operations.costHistory(
            CostQuery(
              agent: request.query["agent"].map { AgentName($0) }, run: request.query["run"].map { RunID($0) },
              limit: limit)))
      },
    ] + CostChange.verbs.map { costRoute($0.verb, $0.summary) }
  }

  private func costRoute(_ verb: String, _ summary: String) -> Route {
    let operations = operations
    return Route("POST", "/api/v1/costs/\(verb)", summary) { request throws(OperationError) in
      let body = try request.json()
      let change: CostChange?
      do throws(WireError) { change = try CostChange(verb: verb, body: body) } catch {
        throw .misunderstood("\(error).")
      }
      guard let change else { throw .misunderstood("There is no verb `\(verb)`.") }
      return .json(try await operations.change(costs: change))
    }
  }
}
