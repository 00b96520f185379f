// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusAPI
internal import NexusCore

/// The node's state in the Prometheus text format, version 0.0.4.
///
/// No ids of runs and no untrusted text but agents' names, which the configuration bounds.
package enum MetricsText {
  package static func render(status: StatusReport, costs: CostReport, version: String, streams: Int) -> String {
    var text = Writer()
    text.family("nexus_build_info", "gauge", "The version that runs; always 1.")
    text.sample("nexus_build_info", [("version", version)], "1")
    text.family("nexus_agents", "gauge", "Agents by state.")
    for state in AgentState.allCases {
      text.sample("nexus_agents", [("state", state.rawValue)], "\(status.agents.count { $0.state == state })")
    }
    text.family("nexus_runs", "gauge", "Runs by status.")
    for entry in status.runs.byStatus { text.sample("nexus_runs", [("status", entry.status)], "\(entry.count)") }
    text.family("nexus_agent_restarts_in_window", "gauge", "Restarts of an agent within its window.")
    for agent in status.agents {
      text.sample("nexus_agent_restarts_in_window", [("agent", agent.name.text)], "\(agent.restarts.count)")
    }
    text.family("nexus_tokens_total", "counter", "Tokens used by an agent.")
    for row in costs.agents { text.sample("nexus_tokens_total", [("agent", row.name)], "\(row.tokens.value)") }
    text.family("nexus_cost_usd_total", "counter", "Money spent on a model, in US dollars.")
    for row in costs.models {
      text.sample("nexus_cost_usd_total", [("model", row.name)], String(row.cost.description.filter { $0 != "$" }))
    }
    text.family("nexus_approvals_pending", "gauge", "Approvals that wait for a person.")
    text.sample("nexus_approvals_pending", [], "\(status.approvals)")
    text.family("nexus_sse_clients", "gauge", "Dashboards that are connected.")
    text.sample("nexus_sse_clients", [], "\(streams)")
    return text.text
  }

  private struct Writer {
    var text = ""

    mutating func family(_ name: String, _ type: String, _ help: String) {
      text += "# HELP \(name) \(help)\n# TYPE \(name) \(type)\n"
    }

    mutating func sample(_ name: String, _ labels: [(name: String, value: String)], _ value: String) {
      let list = labels.map { "\($0.name)=\"\(Self.escaped($0.value))\"" }.joined(separator: ",")
      text += list.isEmpty ? "\(name) \(value)\n" : "\(name){\(list)} \(value)\n"
    }

    private static func escaped(_ value: String) -> String {
      var result = ""
      for scalar in value.unicodeScalars {
        switch scalar {
        case "\\": result += "\\\\"
        case "\"": result += "\\\""
        case "\n": result += "\\n"
        default: result.unicodeScalars.append(scalar)
        }
      }
      return result
    }
  }
}
