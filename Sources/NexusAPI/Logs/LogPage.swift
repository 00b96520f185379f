// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore

/// Which log lines are wanted.
package struct LogQuery: Sendable, Hashable {
  /// The most lines of one page.
  package static let maxLimit = 10_000

  package var agent: AgentName?
  package var run: RunID?
  package var step: StepPath?
  /// The newest lines, if no cursor is given.
  package var limit: Int
  /// The `next` of the page before: lines after it.
  package var cursor: String?
  /// Only lines of these agents; nil for all.
  package var only: Set<String>?

  package init(
    agent: AgentName? = nil, run: RunID? = nil, step: StepPath? = nil, limit: Int = 200, cursor: String? = nil
  ) {
    self.agent = agent
    self.run = run
    self.step = step
    self.limit = min(max(limit, 1), Self.maxLimit)
    self.cursor = cursor
  }
}

extension LogEvent: WireValue {
  package var json: JSONValue {
    [
      "at": .of(at), "agent": .string(agent.text), "run": .of(run), "attempt": .of(attempt?.value),
      "step": .of(step?.text),
      "stream": .string(stream.rawValue), "text": .string(text),
    ]
  }

  package init(json: JSONValue) throws(WireError) {
    let reader = try WireReader(json, "line")
    self.init(
      at: try reader.time("at"), agent: AgentName(try reader.text("agent")),
      run: try reader.optionalText("run").map { RunID($0) },
      step: try reader.optionalText("step").map { StepPath($0) },
      attempt: try reader.optionalInteger("attempt").map { AttemptNumber(Int(clamping: $0)) },
      stream: LogStream(rawValue: try reader.text("stream")) ?? .standardError, text: try reader.text("text"))
  }
}

/// Some log lines, oldest first.
package struct LogPage: Sendable {
  package var lines: [LogEvent]
  /// Ask again with this to get what came later.
  package var next: String?

  package init(lines: [LogEvent], next: String? = nil) {
    self.lines = lines
    self.next = next
  }
}

extension LogPage: WireValue {
  package var json: JSONValue { ["lines": .of(lines), "next": .of(next)] }

  package init(json: JSONValue) throws(WireError) {
    let reader = try WireReader(json, "logs")
    lines = try reader.list("lines")
    next = try reader.optionalText("next")
  }
}
