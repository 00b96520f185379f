// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore

/// The node, as far as others may know it.
package struct NodeStatus: Sendable, Hashable {
  /// False if the answer was read from the store and no node is there.
  package var isRunning: Bool
  package var version: String
  /// The project's name.
  package var project: String
  /// The project's folder.
  package var directory: String
  package var pid: Int?
  package var boot: BootID?
  package var startedAt: WallTime?
  /// `http://localhost:4200`; nil where the node serves no dashboard.
  package var dashboard: String?
  /// `http://127.0.0.1:4201`.
  package var agentPlane: String?
  /// True if it executes only the runs that it was started for.
  package var isForOneRun: Bool

  package init(
    isRunning: Bool, version: String, project: String, directory: String, pid: Int? = nil, boot: BootID? = nil,
    startedAt: WallTime? = nil, dashboard: String? = nil, agentPlane: String? = nil, isForOneRun: Bool = false
  ) {
    self.isRunning = isRunning
    self.version = version
    self.project = project
    self.directory = directory
    self.pid = pid
    self.boot = boot
    self.startedAt = startedAt
    self.dashboard = dashboard
    self.agentPlane = agentPlane
    self.isForOneRun = isForOneRun
  }
}

extension NodeStatus: WireValue {
  package var json: JSONValue {
    [
      "running": .bool(isRunning), "version": .string(version), "project": .string(project),
      "directory": .string(directory), "pid": .of(pid), "boot": .of(boot), "startedAt": .of(startedAt),
      "dashboard": .of(dashboard), "agentPlane": .of(agentPlane), "forOneRun": .bool(isForOneRun),
    ]
  }

  package init(json: JSONValue) throws(WireError) {
    let reader = try WireReader(json, "node")
    isRunning = try reader.flag("running")
    version = try reader.text("version")
    project = try reader.text("project")
    directory = try reader.text("directory")
    pid = try reader.optionalInteger("pid").map { Int(clamping: $0) }
    boot = try reader.optionalText("boot").map { BootID($0) }
    startedAt = try reader.optionalTime("startedAt")
    dashboard = try reader.optionalText("dashboard")
    agentPlane = try reader.optionalText("agentPlane")
    isForOneRun = try reader.flag("forOneRun", default: false)
  }
}

/// How many runs there are of each status; statuses without runs are left out.
package struct RunCounts: Sendable, Hashable {
  /// By status, in the order of the contract.
  package var byStatus: [StatusCount]

  package struct StatusCount: Sendable, Hashable {
    package var status: String
    package var count: Int
    package init(status: String, count: Int) {
      self.status = status
      self.count = count
    }
  }

  package init(_ byStatus: [StatusCount] = []) { self.byStatus = byStatus }

  package var total: Int { byStatus.reduce(0) { $0 + $1.count } }
  package func count(of status: String) -> Int { byStatus.first { $0.status == status }?.count ?? 0 }
}

extension RunCounts: WireValue {
  package var json: JSONValue {
    var object: JSONObject = ["total": .int(Int64(total))]
    for entry in byStatus { object[entry.status] = .int(Int64(entry.count)) }
    return .object(object)
  }

  package init(json: JSONValue) throws(WireError) {
    guard case .object(let object) = json else { throw WireError(path: "runs", message: "expected an object") }
    byStatus = object.compactMap { member in
      guard member.key != "total", let count = member.value.intValue else { return nil }
      return StatusCount(status: member.key, count: Int(clamping: count))
    }
  }
}

/// What `naos status` says.
package struct StatusReport: Sendable, Hashable {
  package var node: NodeStatus
  package var agents: [AgentStatus]
  package var runs: RunCounts
  package var approvals: Int

  package init(node: NodeStatus, agents: [AgentStatus], runs: RunCounts = RunCounts(), approvals: Int = 0) {
    self.node = node
    self.agents = agents
    self.runs = runs
    self.approvals = approvals
  }
}

extension StatusReport: WireValue {
  package var json: JSONValue {
    ["node": node.json, "agents": .of(agents), "runs": runs.json, "approvals": .int(Int64(approvals))]
  }

  package init(json: JSONValue) throws(WireError) {
    let reader = try WireReader(json, "status")
    node = try reader.nested("node")
    agents = try reader.list("agents")
    runs = try reader.nested("runs")
    approvals = try reader.count("approvals")
  }
}
