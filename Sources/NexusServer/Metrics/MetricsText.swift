// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusAPI
package import NexusCore

/// The node's state in the Prometheus text format, version 0.0.4.
///
/// No ids of runs and no untrusted text but agents' names, which the configuration bounds.
package enum MetricsText {
  /// How the dashboards' streams stand.
  package struct Streams: Sendable {
    package var open = 0
    package var dropped = 0

    package init(open: Int = 0, dropped: Int = 0) {
      self.open = open
      self.dropped = dropped
    }
  }

  package static func render(
    status: StatusReport, costs: CostReport, version: String, streams: Streams, process: ProcessFigures?,
    meter: NodeMeter = NodeMeter()
  ) -> String {
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
    for agent in status.agents.prefix(mostAgents) {
      text.sample("nexus_agent_restarts_in_window", [("agent", agent.name.text)], "\(agent.restarts.count)")
    }
    text.family("nexus_tokens_total", "counter", "Tokens used by an agent.")
    for row in costs.agents.prefix(mostAgents) {
      text.sample("nexus_tokens_total", [("agent", row.name)], "\(row.tokens.value)")
    }
    if costs.agents.count > mostAgents {
      let rest = costs.agents.dropFirst(mostAgents).reduce(0) { $0 + $1.tokens.value }
      text.sample("nexus_tokens_total", [("agent", "_other")], "\(rest)")
    }
    text.family("nexus_cost_usd_total", "counter", "Money spent on a model, in US dollars.")
    for row in costs.models {
      let parts = row.name.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
      text.sample(
        "nexus_cost_usd_total",
        [("provider", parts.count == 2 ? String(parts[0]) : ""), ("model", String(parts.last ?? ""))],
        String(row.cost.description.filter { $0 != "$" }))
    }
    text.family("nexus_budget_used_ratio", "gauge", "How much of a budget is gone, of its money or its tokens.")
    for budget in costs.budgets + costs.agents.prefix(mostAgents).flatMap(\.budgets) {
      text.sample(
        "nexus_budget_used_ratio", [("scope", budget.scope), ("per", budget.per)], "\(used(budget))")
    }
    text.family("nexus_budget_alert_percent", "gauge", "The highest alert that was told of a budget in its window.")
    for (place, percent) in highestAlerts(costs.alerts) {
      text.sample("nexus_budget_alert_percent", [("scope", place.scope), ("per", place.per)], "\(percent)")
    }
    text.family("nexus_budget_forecast_alert", "gauge", "1 if it was told that a budget will be used up before long.")
    for place in Set(costs.alerts.filter { $0.usedUpAt != nil && $0.run == nil }.map(BudgetPlaceLabel.init)).sorted() {
      text.sample("nexus_budget_forecast_alert", [("scope", place.scope), ("per", place.per)], "1")
    }
    text.family("nexus_approvals_pending", "gauge", "Approvals that wait for a person.")
    text.sample("nexus_approvals_pending", [], "\(status.approvals)")
    text.family("nexus_sse_clients", "gauge", "Dashboards that are connected.")
    text.sample("nexus_sse_clients", [], "\(streams.open)")
    text.family(
      "nexus_sse_dropped_total", "counter", "Lines and happenings of which no dashboard was told: too many at once.")
    text.sample("nexus_sse_dropped_total", [], "\(streams.dropped)")
    add(meter, to: &text)
    if let process { add(process, to: &text) }
    return text.text
  }

  private static func add(_ meter: NodeMeter, to text: inout Writer) {
    for counter in NodeMeter.Counter.allCases {
      text.family(counter.name, "counter", counter.help)
      for series in meter.counts(of: counter) {
        text.sample(counter.name, zip(counter.labels, series.labels).map { (name: $0, value: $1) }, "\(series.count)")
      }
    }
    for timer in NodeMeter.Timer.allCases {
      let all = meter.distribution(of: timer)
      text.family(timer.name, "histogram", timer.help)
      var below = 0
      for (bound, number) in zip(timer.bounds, all.buckets) {
        below += number
        text.sample(timer.name + "_bucket", [("le", "\(bound)")], "\(below)")
      }
      text.sample(timer.name + "_bucket", [("le", "+Inf")], "\(all.count)")
      text.sample(timer.name + "_sum", [], "\(all.seconds)")
      text.sample(timer.name + "_count", [], "\(all.count)")
    }
  }

  private static func add(_ process: ProcessFigures, to text: inout Writer) {
    text.family("process_cpu_seconds_total", "counter", "Processor time of the node, in seconds.")
    text.sample("process_cpu_seconds_total", [], "\(process.processorSeconds)")
    text.family("process_resident_memory_bytes", "gauge", "Memory of the node that is in use.")
    text.sample("process_resident_memory_bytes", [], "\(process.residentBytes)")
    text.family("process_virtual_memory_bytes", "gauge", "Addresses that the node has taken.")
    text.sample("process_virtual_memory_bytes", [], "\(process.virtualBytes)")
    guard let start = process.startSeconds else { return }
    text.family("process_start_time_seconds", "gauge", "When the node began, in seconds since 1970.")
    text.sample("process_start_time_seconds", [], "\(start)")
  }

  /// An agent beyond it has no samples of its own: what scrapes the metrics keeps each for a long time.
  private static let mostAgents = 500

  /// The larger of both shares; 1 for a limit of nothing.
  private static func used(_ budget: BudgetStatus) -> Double {
    func share(_ used: Int64, _ most: Int64?) -> Double {
      guard let most else { return 0 }
      return most > 0 ? Double(used) / Double(most) : 1
    }
    return max(
      share(budget.usedNanoUSD.value, budget.maxNanoUSD?.value), share(budget.usedTokens.value, budget.maxTokens?.value)
    )
  }

  /// A budget by its labels; budgets of single runs have none, for there is no end of them.
  private struct BudgetPlaceLabel: Hashable, Comparable {
    var scope: String
    var per: String
    init(_ alert: BudgetAlertNote) { (scope, per) = (alert.scope, alert.per) }
    static func < (left: Self, right: Self) -> Bool { (left.scope, left.per) < (right.scope, right.per) }
  }

  private static func highestAlerts(_ alerts: [BudgetAlertNote]) -> [(BudgetPlaceLabel, Int)] {
    var highest: [BudgetPlaceLabel: Int] = [:]
    for alert in alerts where alert.run == nil {
      if let percent = alert.percent {
        highest[BudgetPlaceLabel(alert), default: 0] = max(percent, highest[BudgetPlaceLabel(alert)] ?? 0)
      }
    }
    return highest.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
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
