// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

extension OTLPRecorder {
  /// What `# HELP` says; a metric without one is not for scraping.
  private static let help = [
    OTLPMetric.inference.name: "Duration of model calls.",
    OTLPMetric.inputTokens.name: "Tokens that models were sent.",
    OTLPMetric.outputTokens.name: "Tokens that models answered with.",
    OTLPMetric.tool.name: "Duration of tool calls.",
    OTLPMetric.agent.name: "Duration of runs of agents.",
    OTLPMetric.workflow.name: "Duration of runs of workflows, sagas and pools.",
    OTLPMetric.reports.name: "What supervisors reported: ends and failed starts of children, and giving up.",
  ]

  /// The sums in the Prometheus text format, by the rule of OpenTelemetry: points become underscores, the unit and
  /// `_total` are part of the name.
  package func prometheusText() -> String {
    var text = ""
    for (metric, series) in metrics.sorted(by: { $0.key.name < $1.key.name }) {
      guard let help = Self.help[metric.name] else { continue }
      let name =
        Self.word(metric.name) + (metric.unit == "s" ? "_seconds" : "") + (metric.bounds.isEmpty ? "_total" : "")
      text += "# HELP \(name) \(help)\n# TYPE \(name) \(metric.bounds.isEmpty ? "counter" : "histogram")\n"
      let lines = series.map { attributes, value in Self.lines(name, metric, attributes, value) }
      for line in lines.sorted() { text += line }
    }
    return text
  }

  private static func lines(
    _ name: String, _ metric: OTLPMetric, _ attributes: OTLPAttributes, _ series: OTLPSeries
  ) -> String {
    let labels = attributes.map { "\(word($0.name))=\"\(escaped($0.value))\"" }
    func sample(_ suffix: String, _ value: String, bound: String? = nil) -> String {
      let all = labels + (bound.map { ["le=\"\($0)\""] } ?? [])
      return "\(name)\(suffix)\(all.isEmpty ? "" : "{\(all.joined(separator: ","))}") \(value)\n"
    }
    switch series {
    case .sum(let sum): return sample("", "\(sum)")
    case .histogram(let count, let sum, let buckets):
      var text = ""
      var below: UInt64 = 0
      for (bound, number) in zip(metric.bounds, buckets) {
        below += number
        text += sample("_bucket", "\(below)", bound: "\(bound)")
      }
      return text + sample("_bucket", "\(count)", bound: "+Inf") + sample("_sum", "\(sum)")
        + sample("_count", "\(count)")
    }
  }

  private static func word(_ name: String) -> String { String(name.map { $0 == "." ? "_" : $0 }) }

  private static func escaped(_ value: OTLPValue) -> String {
    switch value {
    case .int(let number): return "\(number)"
    case .double(let number): return "\(number)"
    case .text(let text):
      var result = ""
      for scalar in text.unicodeScalars {
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
