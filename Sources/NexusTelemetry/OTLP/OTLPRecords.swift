// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore

/// A value of an attribute.
enum OTLPValue: Sendable, Hashable {
  case text(String)
  case int(Int64)
  case double(Double)
}

/// Attributes in the order in which they were given.
typealias OTLPAttributes = [OTLPAttribute]

struct OTLPAttribute: Sendable, Hashable {
  let name: String
  let value: OTLPValue

  init(_ name: String, _ value: String) { (self.name, self.value) = (name, .text(value)) }
  init(_ name: String, _ value: Int64) { (self.name, self.value) = (name, .int(value)) }
  init(_ name: String, _ value: Double) { (self.name, self.value) = (name, .double(value)) }
}

/// One piece of work that is over.
struct OTLPSpan: Sendable {
  enum Kind: Int64, Sendable {
    case `internal` = 1
    case client = 3
  }
  var trace: [UInt8]
  var id: [UInt8]
  var parent: [UInt8]?
  var name: String
  var kind: Kind
  var start: WallTime
  var end: WallTime
  var attributes: OTLPAttributes
  var isError: Bool
}

/// One happening, as a log record with a name.
struct OTLPEvent: Sendable {
  var at: WallTime
  var name: String
  var body: String
  var isWarning: Bool
  var attributes: OTLPAttributes
  var trace: [UInt8]?
}

/// One series of a metric, since the node began.
enum OTLPSeries: Sendable {
  case sum(Double)
  case histogram(count: UInt64, sum: Double, buckets: [UInt64])
}

/// What a metric is called, and how its values are sorted.
struct OTLPMetric: Sendable, Hashable {
  let name: String
  let unit: String
  /// The upper ends of a histogram's buckets; empty for a sum.
  let bounds: [Double]

  private static func doubling(from first: Double, to last: Double) -> [Double] {
    var bounds = [first]
    while let next = bounds.last.map({ $0 * 2 }), next <= last * 1.001 { bounds.append(next) }
    return bounds
  }

  static let inference = OTLPMetric(
    name: "gen_ai.client.inference.duration", unit: "s", bounds: doubling(from: 0.01, to: 81.92))
  static let inputTokens = OTLPMetric(name: "gen_ai.client.inference.usage.input_tokens", unit: "{token}", bounds: [])
  static let outputTokens = OTLPMetric(name: "gen_ai.client.inference.usage.output_tokens", unit: "{token}", bounds: [])
  static let tool = OTLPMetric(
    name: "gen_ai.execute_tool.duration", unit: "s", bounds: doubling(from: 0.01, to: 81.92))
  static let agent = OTLPMetric(name: "gen_ai.invoke_agent.duration", unit: "s", bounds: doubling(from: 0.1, to: 409.6))
  static let workflow = OTLPMetric(
    name: "gen_ai.invoke_workflow.duration", unit: "s", bounds: [1, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 7200])
  static let reports = OTLPMetric(name: "nexus.supervisor.reports", unit: "{report}", bounds: [])
  static let cost = OTLPMetric(name: "nexus.cost", unit: "USD", bounds: [])
  static let dropped = OTLPMetric(name: "nexus.telemetry.dropped", unit: "{record}", bounds: [])
}
