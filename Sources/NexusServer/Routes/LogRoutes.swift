// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusAPI
internal import NexusCore

extension OperatorPlane {
  var logRoutes: [Route] {
    let (operations, clock, credentials) = (operations, clock, credentials)
    let query = [
      (name: "agent", meaning: "Only lines of this agent."), (name: "run", meaning: "Only lines of this run."),
      (name: "step", meaning: "Only lines of this step."),
    ]
    return [
      Route(
        "GET", "/api/v1/logs", "Log lines, oldest first.",
        query: query + [
          ("limit", "At most this many, up to 10000."), ("cursor", "The `next` of the page before: lines after it."),
        ]
      ) { request throws(OperationError) in
        var wanted = Self.logQuery(request)
        wanted.limit = try request.number("limit", default: 200, in: 1...LogQuery.maxLimit)
        wanted.cursor = request.query["cursor"]
        return .json(try await operations.logs(wanted))
      },
      Route(
        "GET", "/api/v1/logs/follow", "Lines as they are written, as server-sent events `line`.", query: query,
        contentType: "text/event-stream"
      ) {
        request throws(OperationError) in
        let lines = try await operations.followLogs(Self.logQuery(request))
        let isWelcome = credentials.watch(request)
        return .events { connection throws(OperationError) in
          EventQueue("line", lines, clock: clock, connection: connection, while: isWelcome)
        }
      },
    ]
  }

  private static func logQuery(_ request: OperatorRequest) -> LogQuery {
    LogQuery(
      agent: request.query["agent"].map { AgentName($0) }, run: request.query["run"].map { RunID($0) },
      step: request.query["step"].map { StepPath($0) })
  }
}
