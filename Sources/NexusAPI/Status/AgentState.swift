// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore

/// The states of an agent, as contracts name them.
package enum AgentState: String, Sendable, CaseIterable {
  case idle, starting, running, waiting, backoff, paused, stopping, stopped, failed, exhausted, stuck
}

/// One restart that counts in a window.
package struct RestartNote: Sendable, Hashable {
  /// Who was restarted: an agent or a supervisor.
  package var child: String
  package var at: WallTime
  /// How it had ended: `exit 1`, `signal 9`, what its probe said.
  ///
  /// Untrusted text.
  package var reason: String

  package init(child: String, at: WallTime, reason: String) {
    self.child = child
    self.at = at
    self.reason = reason
  }
}

extension RestartNote: WireValue {
  package var json: JSONValue { ["child": .string(child), "at": .of(at), "reason": .string(reason)] }

  package init(json: JSONValue) throws(WireError) {
    let reader = try WireReader(json, "restart")
    child = try reader.text("child")
    at = try reader.time("at")
    reason = try reader.text("reason")
  }
}

/// How many restarts count now in the window that those of an agent count in, and how many may.
///
/// It is the window of its supervisor, with all children, or its own if no supervisor lists it.
package struct RestartStatus: Sendable, Hashable {
  package var count: Int
  package var max: Int
  package var withinSeconds: Int
  /// The restarts that `count` counts, the oldest first; at most the last `maxRecent`.
  package var recent: [RestartNote]

  /// How many restarts of a window are told one by one.
  package static let maxRecent = 100

  package init(count: Int = 0, max: Int = 3, withinSeconds: Int = 60, recent: [RestartNote] = []) {
    self.count = count
    self.max = max
    self.withinSeconds = withinSeconds
    self.recent = recent
  }
}

extension RestartStatus: WireValue {
  package var json: JSONValue {
    [
      "count": .int(Int64(count)), "max": .int(Int64(max)), "withinSeconds": .int(Int64(withinSeconds)),
      "recent": .of(recent),
    ]
  }

  package init(json: JSONValue) throws(WireError) {
    let reader = try WireReader(json, "restarts")
    count = try reader.count("count")
    max = try reader.count("max")
    withinSeconds = try reader.count("withinSeconds")
    recent = try reader.list("recent")
  }
}

/// One agent as `naos status` and the dashboard show it.
package struct AgentStatus: Sendable, Hashable {
  package var name: AgentName
  /// The word of the configuration: `process` or `llm`.
  package var kind: String
  package var state: AgentState
  /// Why it is in this state, for people: `retry in 4 s`, `exited (signal 9)`.
  ///
  /// Untrusted text.
  package var note: String?
  /// What it does now: `model local/extractive`, `files.search saga`.
  ///
  /// Untrusted text.
  package var step: String?
  package var lastActivity: WallTime?
  package var restarts: RestartStatus
  package var tokens: TokenCount
  package var cost: NanoUSD
  /// The budget of the agent that is nearest to its limit.
  package var budget: BudgetStatus?
  /// The run that it works on.
  package var run: RunID?

  package init(
    name: AgentName, kind: String, state: AgentState, note: String? = nil, step: String? = nil,
    lastActivity: WallTime? = nil, restarts: RestartStatus = RestartStatus(), tokens: TokenCount = .zero,
    cost: NanoUSD = .zero, budget: BudgetStatus? = nil, run: RunID? = nil
  ) {
    self.name = name
    self.kind = kind
    self.state = state
    self.note = note
    self.step = step
    self.lastActivity = lastActivity
    self.restarts = restarts
    self.tokens = tokens
    self.cost = cost
    self.budget = budget
    self.run = run
  }
}

extension AgentStatus: WireValue {
  package var json: JSONValue {
    [
      "name": .string(name.text), "kind": .string(kind), "state": .string(state.rawValue), "step": .of(step),
      "lastActivity": .of(lastActivity), "restarts": restarts.json, "tokens": .int(tokens.value),
      "costNanoUSD": .int(cost.value), "budget": .of(budget), "run": .of(run), "note": .of(note),
    ]
  }

  package init(json: JSONValue) throws(WireError) {
    let reader = try WireReader(json, "agent")
    name = AgentName(try reader.text("name"))
    kind = try reader.text("kind")
    guard let state = AgentState(rawValue: try reader.text("state")) else {
      throw WireError(path: "agent.state", message: "unknown state")
    }
    self.state = state
    note = try reader.optionalText("note")
    step = try reader.optionalText("step")
    lastActivity = try reader.optionalTime("lastActivity")
    restarts = try reader.nested("restarts")
    tokens = TokenCount(try reader.integer("tokens"))
    cost = NanoUSD(try reader.integer("costNanoUSD"))
    budget = try reader.optionalNested("budget")
    run = try reader.optionalText("run").map { RunID($0) }
  }
}
