// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore

/// The export requests of OTLP 1.x as protocol buffers.
///
/// Field numbers are those of `opentelemetry/proto/*/v1`; the tests decode what is written with its official package.
enum OTLPEncoding {
  /// Who exports: `service.name` and the like.
  struct Resource: Sendable {
    let attributes: OTLPAttributes
    let version: String
  }

  static func traces(_ spans: [OTLPSpan], of resource: Resource) -> [UInt8] {
    request(resource) { scope in for span in spans { scope.message(2) { write(span, to: &$0) } } }
  }

  static func logs(_ events: [OTLPEvent], of resource: Resource) -> [UInt8] {
    request(resource) { scope in for event in events { scope.message(2) { write(event, to: &$0) } } }
  }

  static func metrics(
    _ metrics: [OTLPMetric: [OTLPAttributes: OTLPSeries]], from start: WallTime, to end: WallTime,
    of resource: Resource
  ) -> [UInt8] {
    request(resource) { scope in
      for (metric, series) in metrics.sorted(by: { $0.key.name < $1.key.name }) {
        scope.message(2) { write(metric, series, from: start, to: end, into: &$0) }
      }
    }
  }

  /// All three requests have the same frame: a resource, a scope, and the records in field 2.
  private static func request(_ resource: Resource, _ records: (inout ProtobufWriter) -> Void) -> [UInt8] {
    var request = ProtobufWriter()
    request.message(1) { one in
      one.message(1) { write(resource.attributes, field: 1, to: &$0) }
      one.message(2) { scope in
        scope.message(1) {
          $0.text(1, "naos")
          $0.text(2, resource.version)
        }
        records(&scope)
      }
    }
    return request.bytes
  }

  private static func nanoseconds(_ time: WallTime) -> UInt64 { UInt64(max(0, time.microseconds)) * 1000 }

  private static func write(_ attributes: OTLPAttributes, field: UInt64, to writer: inout ProtobufWriter) {
    for attribute in attributes {
      writer.message(field) { pair in
        pair.text(1, attribute.name)
        pair.message(2) { value in
          switch attribute.value {
          case .text(let text): value.text(1, text)
          case .int(let number): value.number(3, number)
          case .double(let number): value.double(4, number)
          }
        }
      }
    }
  }

  private static func write(_ span: OTLPSpan, to writer: inout ProtobufWriter) {
    writer.data(1, span.trace)
    writer.data(2, span.id)
    if let parent = span.parent { writer.data(4, parent) }
    writer.text(5, span.name)
    writer.number(6, span.kind.rawValue)
    writer.fixed(7, nanoseconds(span.start))
    writer.fixed(8, nanoseconds(span.end))
    write(span.attributes, field: 9, to: &writer)
    if span.isError { writer.message(15) { $0.number(3, 2) } }
  }

  private static func write(_ event: OTLPEvent, to writer: inout ProtobufWriter) {
    writer.fixed(1, nanoseconds(event.at))
    writer.number(2, event.isWarning ? 13 : 9)
    writer.text(3, event.isWarning ? "WARN" : "INFO")
    writer.message(5) { $0.text(1, event.body) }
    write(event.attributes, field: 6, to: &writer)
    if let trace = event.trace { writer.data(9, trace) }
    writer.fixed(11, nanoseconds(event.at))
    writer.text(12, event.name)
  }

  private static func write(
    _ metric: OTLPMetric, _ series: [OTLPAttributes: OTLPSeries], from start: WallTime, to end: WallTime,
    into writer: inout ProtobufWriter
  ) {
    writer.text(1, metric.name)
    writer.text(3, metric.unit)
    writer.message(metric.bounds.isEmpty ? 7 : 9) { data in
      for (attributes, value) in series {
        data.message(1) { point in
          point.fixed(2, nanoseconds(start))
          point.fixed(3, nanoseconds(end))
          switch value {
          case .sum(let sum):
            point.double(4, sum)
            write(attributes, field: 7, to: &point)
          case .histogram(let count, let sum, let buckets):
            point.fixed(4, count)
            point.double(5, sum)
            point.packed(6, buckets)
            point.packed(7, metric.bounds.map(\.bitPattern))
            write(attributes, field: 9, to: &point)
          }
        }
      }
      // Cumulative, and for sums: only ever growing.
      data.number(2, 2)
      if metric.bounds.isEmpty { data.number(3, 1) }
    }
  }
}
