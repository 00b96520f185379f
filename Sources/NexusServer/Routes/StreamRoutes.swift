// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusAPI
internal import NexusCore

extension OperatorPlane {
  var streamRoutes: [Route] {
    let (operations, clock, hub, credentials) = (operations, clock, hub, credentials)
    return [
      Route(
        "GET", "/api/v1/stream",
        "The dashboard's stream: `snapshot`, then `agents`, `totals`, `runs`, `events`, `log`; `reset` starts afresh.",
        contentType: "text/event-stream"
      ) { request throws(OperationError) in
        let last = request.headers["last-event-id"]
        let isWelcome = credentials.watch(request)
        return .events { connection throws(OperationError) in
          try await hub.open(connection, after: last, while: isWelcome)
        }
      },
      Route(
        "GET", "/api/v1/events", "What happens on the node, as server-sent events `event`.",
        query: [
          ("agent", "Only about this agent."), ("run", "Only about this run."),
          ("logs", "`false` leaves log lines out."),
        ], contentType: "text/event-stream"
      ) { request throws(OperationError) in
        let filter = EventFilter(
          agent: request.query["agent"].map { AgentName($0) }, run: request.query["run"].map { RunID($0) },
          includesLogs: try request.flag("logs", default: true))
        let events = try await operations.events(filter)
        let isWelcome = credentials.watch(request)
        return .events { connection throws(OperationError) in
          EventQueue("event", events, clock: clock, connection: connection, while: isWelcome)
        }
      },
    ]
  }
}
