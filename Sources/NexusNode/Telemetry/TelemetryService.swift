// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import Logging
internal import NexusAPI
internal import NexusCore
internal import NexusHTTP
internal import NexusKernel
internal import NexusTelemetry
internal import ServiceLifecycle

/// Sends traces, metrics and logs to a collector by OTLP/HTTP, if `OTEL_EXPORTER_OTLP_ENDPOINT` names one.
struct TelemetryService: Service {
  private static let timeout = Duration.seconds(10)

  let parts: NodeParts
  let operations: any NodeOperations
  let endpoint: String
  let headers: HeaderFields
  let interval: Duration

  /// Nil where the environment names no collector.
  init?(parts: NodeParts, operations: any NodeOperations) {
    func value(_ name: String) -> String? {
      parts.options.environment.first { $0.name == name }.flatMap { $0.value.isEmpty ? nil : $0.value }
    }
    guard let endpoint = value("OTEL_EXPORTER_OTLP_ENDPOINT") else { return nil }
    self.parts = parts
    self.operations = operations
    self.endpoint = endpoint.hasSuffix("/") ? String(endpoint.dropLast()) : endpoint
    interval = .milliseconds(value("OTEL_BSP_SCHEDULE_DELAY").flatMap { Int64($0) } ?? 5000)
    var headers: HeaderFields = ["content-type": "application/x-protobuf"]
    for pair in (value("OTEL_EXPORTER_OTLP_HEADERS") ?? "").split(separator: ",") {
      let parts = pair.split(separator: "=", maxSplits: 1).map { $0.drop { $0 == " " } }
      if parts.count == 2 { headers.append(name: String(parts[0]), value: String(parts[1])) }
    }
    self.headers = headers
  }

  func run() async throws {
    let plan = parts.options.plan
    let recorder = Recorder(
      OTLPRecorder(
        project: plan.name, version: NaosVersion.current, instance: parts.boot.text,
        isFlow: { name in parts.plan.flows.contains { $0.name == name } }, now: parts.clock.wallNow()))
    let events = try await operations.events(EventFilter(includesLogs: false))
    await withDiscardingTaskGroup { group in
      group.addTask(name: "telemetry:events") {
        for await event in events { await recorder.take(event, at: parts.clock.wallNow(), random: parts.random) }
      }
      group.addTask(name: "telemetry:exports") {
        while (try? await parts.clock.sleep(until: parts.clock.now() + interval)) != nil { await export(recorder) }
      }
      try? await gracefulShutdown()
      group.cancelAll()
    }
    await export(recorder)
  }

  private func export(_ recorder: Recorder) async {
    for export in await recorder.flush(at: parts.clock.wallNow()) {
      do {
        let request = try HTTPRequestMessage(
          method: "POST", url: endpoint + export.path, headers: headers, body: export.body)
        let answer = try await HTTPClient().execute(request, timeout: Self.timeout)
        guard answer.status < 300 else { throw HTTPClientError(.closed, "it answered with \(answer.status)") }
        await recorder.arrived()
      } catch {
        // Said once for each time that it goes away.
        if await recorder.failed() { NodeLog.logger.warning("telemetry does not reach \(endpoint): \(error)") }
      }
    }
  }

  private actor Recorder {
    private var recorder: OTLPRecorder
    private var isLost = false

    init(_ recorder: OTLPRecorder) { self.recorder = recorder }

    func take(_ event: NodeEvent, at now: WallTime, random: any RandomSource) {
      recorder.take(event, at: now, random: random)
    }
    func flush(at now: WallTime) -> [OTLPRecorder.Export] { recorder.flush(at: now) }
    func arrived() { isLost = false }

    /// Whether it is news.
    func failed() -> Bool {
      recorder.lost(1)
      defer { isLost = true }
      return !isLost
    }
  }
}
