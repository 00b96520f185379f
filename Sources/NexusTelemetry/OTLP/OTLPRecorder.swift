// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore

/// Turns what happens on the node into traces, metrics and logs with the names of OpenTelemetry's GenAI conventions.
///
/// It records names, counts and times, never content: no inputs, outputs, arguments, lines of agents, and no notes, which
/// may hold such text.
package struct OTLPRecorder: Sendable {
  /// What one export sends to one address below the collector's.
  package struct Export: Sendable {
    package let path: String
    package let body: [UInt8]
  }

  /// Records that wait; the oldest give way and are counted.
  private static let mostRecords = 2048
  /// Series of one metric; what comes beyond is counted as `_other`.
  private static let mostSeries = 500

  private let resource: OTLPEncoding.Resource
  private let isFlow: @Sendable (String) -> Bool
  private let keepsRecords: Bool
  private let start: WallTime
  private var spans: [OTLPSpan] = []
  private var events: [OTLPEvent] = []
  private(set) var metrics: [OTLPMetric: [OTLPAttributes: OTLPSeries]] = [:]
  /// When the runs that are under way began.
  private var begun: [RunID: WallTime] = [:]

  /// - Parameters:
  ///   - project: The name of the project.
  ///   - version: This program's.
  ///   - instance: What tells this start of the node from others.
  ///   - isFlow: Whether a name is that of a workflow, saga or pool; every other run is one of an agent. It is asked
  ///     when a run is over: a reload may have changed what there is.
  ///   - now: The time, from which the sums count.
  ///   - keepsRecords: Whether spans and logs are wanted, too, and not the sums alone.
  package init(
    project: String, version: String, instance: String, isFlow: @escaping @Sendable (String) -> Bool, now: WallTime,
    keepsRecords: Bool = true
  ) {
    resource = OTLPEncoding.Resource(
      attributes: [
        OTLPAttribute("service.name", "naos"), OTLPAttribute("service.version", version),
        OTLPAttribute("service.instance.id", instance), OTLPAttribute("nexus.project", project),
      ], version: version)
    self.isFlow = isFlow
    self.keepsRecords = keepsRecords
    start = now
  }

  /// - Parameters:
  ///   - event: What happened.
  ///   - now: When.
  ///   - random: Makes the ids of spans.
  package mutating func take(_ event: NodeEvent, at now: WallTime, random: some RandomSource) {
    switch event {
    case .effect(let effect): take(effect, at: now, id: random.bytes(8))
    case .run(let run): take(run, at: now)
    case .agent(let agent):
      record(
        OTLPEvent(
          at: now, name: "nexus.agent.state", body: "\(agent.agent.text) is \(agent.state)",
          isWarning: ["failed", "exhausted", "stuck", "backoff"].contains(agent.state),
          attributes: [
            OTLPAttribute("gen_ai.agent.name", agent.agent.text), OTLPAttribute("nexus.agent.state", agent.state),
          ]))
    case .supervisor(let report):
      add(
        .reports,
        [
          OTLPAttribute("nexus.supervisor.name", report.supervisor.text),
          OTLPAttribute("nexus.supervisor.report", report.kind),
        ], 1)
      record(
        OTLPEvent(
          at: now, name: "nexus.supervisor.report", body: "\(report.supervisor.text): \(report.kind) \(report.child)",
          isWarning: true,
          attributes: [
            OTLPAttribute("nexus.supervisor.name", report.supervisor.text),
            OTLPAttribute("nexus.supervisor.report", report.kind),
            OTLPAttribute("nexus.supervisor.child", report.child),
          ]))
    case .budget(let budget):
      record(
        OTLPEvent(
          at: now, name: "nexus.budget.alert", body: budget.note, isWarning: true,
          attributes: [
            OTLPAttribute("nexus.budget.scope", budget.scope), OTLPAttribute("nexus.budget.window", budget.per),
            OTLPAttribute("nexus.budget.percent", budget.percent.map(String.init) ?? "forecast"),
          ]))
    case .secret(let secret):
      record(
        OTLPEvent(
          at: now, name: "nexus.secret.read", body: "\(secret.name) for \(secret.purpose)", isWarning: false,
          attributes: [
            OTLPAttribute("nexus.secret.name", secret.name), OTLPAttribute("nexus.secret.purpose", secret.purpose),
          ]))
    case .denial(let denial):
      record(
        OTLPEvent(
          at: now, name: "nexus.sandbox.denied", body: denial.note, isWarning: true,
          attributes: [
            OTLPAttribute("gen_ai.agent.name", denial.caller.agent.text),
            OTLPAttribute("nexus.sandbox.rule", denial.rule.rawValue),
            OTLPAttribute("nexus.sandbox.target", denial.target),
          ]))
    // What it means for the run is told by the run.
    case .approval, .log: break
    }
  }

  // MARK: Calls

  private mutating func take(_ effect: EffectEvent, at now: WallTime, id: [UInt8]) {
    // A replayed call was not made, and one that begins is told of when it is over.
    guard effect.phase == .succeeded || effect.phase == .failed || effect.phase == .refused else { return }
    let isError = effect.phase != .succeeded
    let seconds = Double(effect.duration.wholeNanoseconds) / 1e9
    var names: OTLPAttributes
    var attributes: OTLPAttributes = [OTLPAttribute("gen_ai.agent.name", effect.caller.agent.text)]
    if let run = effect.caller.run { attributes.append(OTLPAttribute("gen_ai.conversation.id", run.text)) }
    let name: String
    if effect.kind == .tool {
      name = "execute_tool \(effect.name)"
      names = [OTLPAttribute("gen_ai.operation.name", "execute_tool"), OTLPAttribute("gen_ai.tool.name", effect.name)]
      if isError { names.append(OTLPAttribute("error.type", effect.phase.rawValue)) }
      observe(.tool, Array(names.dropFirst()), seconds)
    } else {
      let (provider, model) = Self.split(effect.name)
      name = "chat \(model)"
      names = [
        OTLPAttribute("gen_ai.operation.name", "chat"), OTLPAttribute("gen_ai.provider.name", provider),
        OTLPAttribute("gen_ai.request.model", model),
      ]
      let modality = names + [OTLPAttribute("gen_ai.token.modality", "text")]
      if isError { names.append(OTLPAttribute("error.type", effect.phase.rawValue)) }
      observe(.inference, names, seconds)
      add(.inputTokens, modality, Double(effect.inputTokens.value))
      add(.outputTokens, modality, Double(effect.outputTokens.value))
      attributes += [
        OTLPAttribute("gen_ai.usage.input_tokens", effect.inputTokens.value),
        OTLPAttribute("gen_ai.usage.output_tokens", effect.outputTokens.value),
      ]
      // Nothing is no price: it may be unknown, and must not read as free of charge.
      if effect.cost > .zero {
        let dollars = Double(effect.cost.value) / 1e9
        add(.cost, Array(names.prefix(3)), dollars)
        attributes.append(OTLPAttribute("nexus.cost.usd", dollars))
      }
    }
    record(
      OTLPSpan(
        trace: OTLPIdentity.trace(of: effect.caller.run?.text ?? effect.caller.agent.text), id: id,
        parent: effect.caller.run.map { OTLPIdentity.span(of: $0.text) }, name: name,
        kind: effect.kind == .tool ? .internal : .client,
        start: WallTime(microseconds: now.microseconds - Int64(effect.duration.wholeNanoseconds / 1000)), end: now,
        attributes: names + attributes, isError: isError))
  }

  private static func split(_ name: String) -> (provider: String, model: String) {
    let parts = name.split(separator: "/", maxSplits: 1)
    return parts.count == 2 ? (String(parts[0]), String(parts[1])) : ("unknown", name)
  }

  // MARK: Runs

  private static let ends: Set<String> = [
    "completed", "failed", "compensated", "compensated-partial", "cancelled", "stopped",
  ]

  private mutating func take(_ run: RunEvent, at now: WallTime) {
    let name = run.agent.text
    record(
      OTLPEvent(
        at: now, name: "nexus.run.status", body: "\(run.run.text) of \(name) is \(run.status)",
        isWarning: ["failed", "compensated", "compensated-partial", "stopped", "halted"].contains(run.status),
        attributes: [
          OTLPAttribute("gen_ai.conversation.id", run.run.text), OTLPAttribute("nexus.run.status", run.status),
        ],
        trace: OTLPIdentity.trace(of: run.run.text)))
    guard Self.ends.contains(run.status) else {
      if begun.count < Self.mostRecords { begun[run.run] = begun[run.run] ?? now }
      return
    }
    let start = begun.removeValue(forKey: run.run) ?? now
    let isFlow = isFlow(name)
    let isError = run.status != "completed" && run.status != "cancelled"
    var names = [OTLPAttribute(isFlow ? "gen_ai.workflow.name" : "gen_ai.agent.name", name)]
    if isError { names.append(OTLPAttribute("error.type", run.status)) }
    observe(
      isFlow ? .workflow : .agent, names, Double(now.microseconds - start.microseconds) / 1e6)
    let operation = isFlow ? "invoke_workflow" : "invoke_agent"
    record(
      OTLPSpan(
        trace: OTLPIdentity.trace(of: run.run.text), id: OTLPIdentity.span(of: run.run.text), parent: nil,
        name: "\(operation) \(name)", kind: .internal, start: start, end: now,
        attributes: [OTLPAttribute("gen_ai.operation.name", operation)] + names + [
          OTLPAttribute("gen_ai.conversation.id", run.run.text), OTLPAttribute("nexus.run.status", run.status),
        ], isError: isError))
  }

  // MARK: Records

  private mutating func record(_ span: OTLPSpan) {
    guard keepsRecords else { return }
    spans.append(span)
    guard spans.count > Self.mostRecords else { return }
    spans.removeFirst()
    lost(1)
  }

  private mutating func record(_ event: OTLPEvent) {
    guard keepsRecords else { return }
    events.append(event)
    guard events.count > Self.mostRecords else { return }
    events.removeFirst()
    lost(1)
  }

  /// Counts records that never arrive.
  package mutating func lost(_ count: Int) { add(.dropped, [], Double(count)) }

  private mutating func add(_ metric: OTLPMetric, _ attributes: OTLPAttributes, _ amount: Double) {
    let key = self.key(metric, attributes)
    if case .sum(let sum) = metrics[metric, default: [:]][key] {
      metrics[metric]?[key] = .sum(sum + amount)
    } else {
      metrics[metric]?[key] = .sum(amount)
    }
  }

  private mutating func observe(_ metric: OTLPMetric, _ attributes: OTLPAttributes, _ value: Double) {
    let key = self.key(metric, attributes)
    var (count, sum, buckets): (UInt64, Double, [UInt64]) = (0, 0, Array(repeating: 0, count: metric.bounds.count + 1))
    if case .histogram(let before, let total, let sorted) = metrics[metric, default: [:]][key] {
      (count, sum, buckets) = (before, total, sorted)
    }
    buckets[metric.bounds.firstIndex { value <= $0 } ?? metric.bounds.count] += 1
    metrics[metric]?[key] = .histogram(count: count + 1, sum: sum + value, buckets: buckets)
  }

  private mutating func key(_ metric: OTLPMetric, _ attributes: OTLPAttributes) -> OTLPAttributes {
    let known = metrics[metric, default: [:]]
    if known[attributes] != nil || known.count < Self.mostSeries {
      metrics[metric] = known
      return attributes
    }
    return attributes.map { OTLPAttribute($0.name, "_other") }
  }

  // MARK: Exports

  /// What waits, as requests; the sums go on.
  package mutating func flush(at now: WallTime) -> [Export] {
    var exports: [Export] = []
    if !spans.isEmpty { exports.append(Export(path: "/v1/traces", body: OTLPEncoding.traces(spans, of: resource))) }
    if !events.isEmpty { exports.append(Export(path: "/v1/logs", body: OTLPEncoding.logs(events, of: resource))) }
    if !metrics.isEmpty {
      let body = OTLPEncoding.metrics(metrics, from: start, to: now, of: resource)
      exports.append(Export(path: "/v1/metrics", body: body))
    }
    spans = []
    events = []
    return exports
  }
}

/// Ids of traces and spans that follow from what they are about, so that all that belongs to a run is one trace.
enum OTLPIdentity {
  static func trace(of text: String) -> [UInt8] { hash(text, seed: 1) + hash(text, seed: 2) }
  static func span(of text: String) -> [UInt8] { hash(text, seed: 3) }

  /// FNV-1a, which no one has to trust: ids only have to differ.
  private static func hash(_ text: String, seed: UInt64) -> [UInt8] {
    var hash: UInt64 = 0xCBF2_9CE4_8422_2325 ^ (seed &* 0x9E37_79B9_7F4A_7C15)
    for byte in text.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
    // No id may be all zeros.
    return stride(from: UInt64(0), to: 64, by: 8).map { UInt8(truncatingIfNeeded: (hash | 1) >> $0) }
  }
}
