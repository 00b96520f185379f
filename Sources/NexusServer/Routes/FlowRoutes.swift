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
      },
      Route("GET", "/api/v1/schedules", "The schedules, and how they stand.") {
        _ throws(OperationError) in .json(try await operations.schedules())
      },
    ]
      + ScheduleChange.allCases.map { change in
        Route("POST", "/api/v1/schedules/{name}/\(change.rawValue)", change.summary) { request throws(OperationError) in
          .json(try await operations.change(schedule: request.parameter("name"), change))
        }
      } + QueuePoolChange.verbs.map { poolRoute($0.0, $0.1) }
  }

  private func poolRoute(_ verb: String, _ summary: String) -> Route {
    let operations = operations
    return Route("POST", "/api/v1/pools/{name}/\(verb)", summary) { request throws(OperationError) in
      let body = try request.json()
      let change: QueuePoolChange?
      do throws(WireError) { change = try QueuePoolChange(verb: verb, body: body) } catch {
        throw .misunderstood("\(error).")
      }
      guard let change else { throw .misunderstood("There is no verb `\(verb)`.") }
      return .json(try await operations.change(pool: request.parameter("name"), change))
    }
  }
}
