// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore

/// Everything about one agent: what `naos inspect` says.
package struct AgentDetail: Sendable, Hashable {
  package var status: AgentStatus
  /// The process of the open attempt.
  package var pid: Int?
  /// The attempt that is open.
  package var attempt: Int?
  /// `task` or `service`.
  package var mode: String
  /// The program and its arguments; empty for an `llm` agent.
  package var command: [String]
  package var workingDirectory: String
  package var template: String?
  /// The model of an `llm` agent.
  package var model: String?
  package var tools: [String]
  /// Names only: values may be secrets.
  package var environment: [String]
  package var readPaths: [String]
  package var hosts: [String]
  package var supervisor: String
  /// `permanent`, `transient`, `temporary`.
  package var restart: String
  package var budgets: [BudgetStatus]
  /// How its last attempt ended, for people.
  ///
  /// Untrusted text.
  package var lastExit: String?
  /// Why it cannot run at all, if so.
  package var refusals: [RunFailure]
  package var recentRuns: [RunRow]

  package init(status: AgentStatus, mode: String, workingDirectory: String, supervisor: String, restart: String) {
    self.status = status
    self.mode = mode
    self.workingDirectory = workingDirectory
    self.supervisor = supervisor
    self.restart = restart
    command = []
    tools = []
    environment = []
    readPaths = []
    hosts = []
    budgets = []
    refusals = []
    recentRuns = []
  }
}

extension AgentDetail: WireValue {
  package var json: JSONValue {
    guard case .object(var object) = status.json else { preconditionFailure("an agent's status is an object") }
    object["pid"] = .of(pid)
    object["attempt"] = .of(attempt)
    object["mode"] = .string(mode)
    object["command"] = .of(command)
    object["workingDirectory"] = .string(workingDirectory)
    object["template"] = .of(template)
    object["model"] = .of(model)
    object["tools"] = .of(tools)
    object["environment"] = .of(environment)
    object["grants"] = ["readPaths": .of(readPaths), "hosts": .of(hosts)]
    object["supervisor"] = .string(supervisor)
    object["restart"] = .string(restart)
    object["budgets"] = .of(budgets)
    object["lastExit"] = .of(lastExit)
    object["refusals"] = .of(refusals)
    object["recentRuns"] = .of(recentRuns)
    return .object(object)
  }

  package init(json: JSONValue) throws(WireError) {
    let reader = try WireReader(json, "agent")
    status = try AgentStatus(json: json)
    pid = try reader.optionalInteger("pid").map { Int(clamping: $0) }
    attempt = try reader.optionalInteger("attempt").map { Int(clamping: $0) }
    mode = try reader.text("mode")
    command = try reader.texts("command")
    workingDirectory = try reader.text("workingDirectory")
    template = try reader.optionalText("template")
    model = try reader.optionalText("model")
    tools = try reader.texts("tools")
    environment = try reader.texts("environment")
    let grants = try WireReader(reader.value("grants") ?? [:], "agent.grants")
    readPaths = try grants.texts("readPaths")
    hosts = try grants.texts("hosts")
    supervisor = try reader.text("supervisor")
    restart = try reader.text("restart")
    budgets = try reader.list("budgets")
    lastExit = try reader.optionalText("lastExit")
    refusals = try reader.list("refusals")
    recentRuns = try reader.list("recentRuns")
  }
}
