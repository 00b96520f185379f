// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
internal import NexusDiagnostics
internal import NexusKernel

extension PlanBuilder {
  /// Shorter ones would do little but probe.
  private static let shortestInterval = Duration.milliseconds(100)
  private static let shortestTimeout = Duration.milliseconds(1)
  private static let shortestSilence = Duration.seconds(1)

  mutating func buildHealth(of spec: inout AgentSpec, _ item: Named) {
    guard item.fields.has("health") || item.fields.has("heartbeat") else { return }
    var health = HealthSpec()
    if let fields = item.fields.fields("health") {
      for kind in ProbeKind.allCases {
        guard let field = fields.field(kind.rawValue) else { continue }
        guard checkUse(of: kind, at: field, spec), let probe = field.value?.fields else { continue }
        let built = self.probe(probe, item)
        switch kind {
        case .startup: health.startup = built
        case .liveness: health.liveness = built
        case .readiness: health.readiness = built
        }
      }
      buildStuck(of: &health, fields)
    }
    if let value = item.fields.value("heartbeat"), checkHeartbeats(at: value.location, spec) {
      health.heartbeat = item.fields.duration("heartbeat")
      checkLength(of: item.fields, "heartbeat", atLeast: Self.shortestSilence)
    }
    spec.health = health
  }

  private mutating func buildStuck(of health: inout HealthSpec, _ fields: Fields) {
    switch fields.value("stuckAfter")?.content {
    case .duration(let duration): health.stuckAfter = duration
    case .text: health.stuckAfter = nil
    default: break
    }
    checkLength(of: fields, "stuckAfter", atLeast: Self.shortestSilence)
    guard let onStuck = fields.word("onStuck", as: OnStuck.self) else { return }
    health.onStuck = onStuck
    if health.stuckAfter == nil, onStuck == .restart, let field = fields.field("onStuck") {
      reportNoEffect(field, "`stuckAfter` is off", help: "remove it, or say after what time it is stuck")
    }
  }

  // MARK: What fits the agent

  private mutating func checkUse(of kind: ProbeKind, at field: Fields.Field, _ spec: AgentSpec) -> Bool {
    if case .llm = spec.kind {
      report(
        Diagnostic(
          "NX-CFG-115", "an llm agent has nothing to probe: its process is a part of naos", at: field.keyLocation,
          help: "remove the probe; `timeout` and `stuckAfter` watch an llm agent"))
      return false
    }
    if kind == .readiness, spec.mode == .task {
      reportNoEffect(field, "a task gets its one input at its start", help: "readiness belongs to `mode: service`")
      return false
    }
    return true
  }

  private mutating func checkHeartbeats(at location: SourceLocation, _ spec: AgentSpec) -> Bool {
    guard case .llm = spec.kind else { return true }
    report(
      Diagnostic(
        "NX-CFG-115", "an llm agent sends no heartbeats", at: location,
        help: "remove `heartbeat`; `timeout` and `stuckAfter` watch an llm agent"))
    return false
  }

  private mutating func reportNoEffect(_ field: Fields.Field, _ why: String, help: String) {
    report(
      Diagnostic("NX-CFG-213", .warning, "`\(field.written)` has no effect: \(why)", at: field.keyLocation, help: help))
  }

  // MARK: Probes

  private static let checks = ["http", "exec", "heartbeat"]

  private mutating func probe(_ fields: Fields, _ item: Named) -> ProbeSpec? {
    guard let check = check(fields, item) else { return nil }
    var probe = ProbeSpec(check: check)
    if let delay = fields.duration("initialDelay") { probe.initialDelay = delay }
    if let interval = fields.duration("interval") { probe.interval = interval }
    if let timeout = fields.duration("timeout") { probe.timeout = timeout }
    if let failures = fields.integer("failureThreshold") { probe.failureThreshold = failures }
    if let successes = fields.integer("successThreshold") { probe.successThreshold = successes }
    checkLength(of: fields, "interval", atLeast: Self.shortestInterval)
    checkLength(of: fields, "timeout", atLeast: Self.shortestTimeout)
    if let field = fields.field("timeout"), check == .heartbeat {
      reportNoEffect(
        field, "a heartbeat is waited for, not asked for", help: "`interval` and `failureThreshold` say for how long")
      probe.timeout = ProbeSpec(check: check).timeout
    } else if check != .heartbeat, probe.timeout > probe.interval {
      reportLongTimeout(fields, probe)
    }
    return probe
  }

  private mutating func reportLongTimeout(_ fields: Fields, _ probe: ProbeSpec) {
    guard let field = fields.field("timeout") ?? fields.field("interval"), let value = field.value else { return }
    let other = field.written == fields.field("interval")?.written ? nil : fields.value("interval")
    report(
      Diagnostic(
        "NX-CFG-231", .warning,
        "a run may take \(DurationText.text(probe.timeout)), and the next is due after \(DurationText.text(probe.interval))",
        at: value.location, notes: other.map { [.init("the interval is here", at: $0.location)] } ?? [],
        help: "make `interval` at least as long as `timeout`"))
  }

  private mutating func checkLength(of fields: Fields, _ key: String, atLeast shortest: Duration) {
    guard let duration = fields.duration(key), duration < shortest, let field = fields.field(key),
      let value = field.value
    else { return }
    report(
      Diagnostic(
        "NX-CFG-230", "`\(field.written)` is too short: \(DurationText.text(duration))", at: value.location,
        help: "write at least \(DurationText.text(shortest))"))
  }

  private mutating func check(_ fields: Fields, _ item: Named) -> ProbeCheck? {
    var given = Self.checks.compactMap { fields.field($0) }
    if fields.boolean("heartbeat") == false { given.removeLast() }
    guard let first = given.min(by: { $0.keyLocation < $1.keyLocation }) else {
      // One of the unknown keys may be the mistyped check.
      if !fields.hasUnknownKeys {
        report(
          Diagnostic(
            "NX-CFG-102", "\(fields.shape.title) needs one of `http`, `exec` and `heartbeat`", at: fields.location,
            help: "say what is asked, for example http: {port: 8080, path: /healthz}"))
      }
      return nil
    }
    for other in given where other.keyLocation != first.keyLocation {
      report(
        Diagnostic(
          "NX-CFG-115", "`\(other.written)` and `\(first.written)` make two probes of one", at: other.keyLocation,
          notes: [.init("the other one is here", at: first.keyLocation)], help: "keep one of the two"))
    }
    if let value = fields.value("http") { return target(value, item).map(ProbeCheck.http) }
    if let value = fields.value("exec") {
      guard let command = value.fields.map({ $0.value("command") }) ?? value else { return nil }
      let words = words(ofCommand: command)
      return words.isEmpty ? nil : .exec(words)
    }
    return fields.boolean("heartbeat") == true ? .heartbeat : nil
  }

  // MARK: HTTP

  private mutating func target(_ value: Shaped, _ item: Named) -> ProbeTarget? {
    guard let fields = value.fields else {
      guard let text = value.text else { return nil }
      guard let target = ProbeTarget(url: text) else {
        reportAddress("`\(text)` is not the URL of a probe", at: value.location)
        return nil
      }
      return isAllowed(target, at: value.location, item) ? target : nil
    }
    guard let port = fields.integer("port") else { return nil }
    var target = ProbeTarget(isSecure: fields.text("scheme") == "https", port: port)
    if let path = fields.value("path"), let text = path.text {
      guard ProbeTarget.accepts(path: text) else {
        reportAddress("`\(text)` is not the path of a probe", at: path.location)
        return nil
      }
      target.path = text
    }
    guard let host = fields.value("host"), let text = host.text else { return target }
    guard let name = HostText(text, allowsPort: false) else {
      reportAddress("`\(text)` is not a host", at: host.location)
      return nil
    }
    target.host = name.host
    return isAllowed(target, at: host.location, item) ? target : nil
  }

  private mutating func reportAddress(_ message: String, at location: SourceLocation) {
    report(
      Diagnostic(
        "NX-CFG-116", message, at: location,
        help: "write http: {port: 8080, path: /healthz}, or http://127.0.0.1:8080/healthz"))
  }

  /// A probe asks the agent's own process, which is on this machine, or what the agent itself may reach.
  private mutating func isAllowed(_ target: ProbeTarget, at location: SourceLocation, _ item: Named) -> Bool {
    guard !target.isLoopback else { return true }
    let grants = item.fields.fields("sandbox")?.value("net")?.list ?? []
    let isGranted = grants.contains { grant in
      guard let text = grant.text ?? grant.fields?.text("host"),
        let host = HostText(text, allowsPort: grant.fields == nil), host.host == target.host
      else { return false }
      guard let port = grant.fields?.integer("port") ?? host.port else { return true }
      return port == target.port
    }
    if isGranted { return true }
    report(
      Diagnostic(
        "NX-CFG-232", "the probe asks `\(target.host)`, which is neither this machine nor granted", at: location,
        help: "ask 127.0.0.1, or grant the host: sandbox: {net: [\(target.host)]}"))
    return false
  }
}

extension ProbeTarget {
  /// How long a path may be.
  private static let maxPath = 2048

  /// An `http` or `https` URL; nil if it is none that can be asked.
  init?(url text: String) {
    let isSecure = text.hasPrefix("https://")
    guard isSecure || text.hasPrefix("http://") else { return nil }
    let rest = text.dropFirst(isSecure ? 8 : 7)
    let end = rest.firstIndex { "/?#".contains($0) } ?? rest.endIndex
    guard let host = HostText(String(rest[..<end]), allowsPort: true) else { return nil }
    let path = rest[end...].hasPrefix("/") ? String(rest[end...]) : "/" + rest[end...]
    guard Self.accepts(path: path) else { return nil }
    self.init(isSecure: isSecure, host: host.host, port: host.port ?? (isSecure ? 443 : 80), path: path)
  }

  static func accepts(path: String) -> Bool {
    path.hasPrefix("/") && path.utf8.count <= maxPath
      && path.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "#") && $0 != UInt8(ascii: "\\") }
  }

  var isLoopback: Bool {
    if host == "localhost" || host == "::1" { return true }
    let parts = host.split(separator: ".", omittingEmptySubsequences: false)
    return parts.count == 4 && parts[0] == "127" && parts.allSatisfy { UInt8($0) != nil }
  }
}
