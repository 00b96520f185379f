// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
internal import NexusGateway
internal import NexusRuntime
internal import NexusSandbox
internal import NexusTelemetry

/// Writes down what came out of sandboxes and what did not: in the audit log, the agent's own log, and to whoever watches.
struct SandboxReports: EgressWatcher {
  let audit: AuditDesk
  let logs: AgentLogStore
  let events: EventHub
  /// Where it is found out what paths there are that agents missed.
  let slowWork = SlowWork()

  func flow(_ report: EgressFlow, of caller: Caller) {
    var details: JSONObject = [
      "port": .int(Int64(report.port)), "sent": .int(report.sent), "received": .int(report.received),
      "requests": .int(Int64(report.requests)), "milliseconds": .int(report.duration.wholeMilliseconds),
      "reached": .bool(report.hasReached),
    ]
    details["address"] = report.address.map { .string($0.description) }
    if !report.secrets.isEmpty { details["secrets"] = .array(report.secrets.map { .string($0) }) }
    audit.note(
      AuditRecord(
        .sandboxFlow, by: Self.actor(caller), run: caller.run, step: Self.step(caller), agent: caller.agent,
        subject: report.host, verdict: report.end == "denied" ? "deny" : "pass", outcome: report.end, details: details))
  }

  func denied(_ denial: DenialEvent) {
    var denial = denial
    // An agent to whom a host told a secret may ask for a path that holds it.
    denial.target = logs.shown(denial.target)
    let caller = denial.caller
    var details: JSONObject = ["rule": .string(denial.rule.rawValue), "count": .int(Int64(denial.count))]
    details["port"] = denial.port.map { .int(Int64($0)) }
    audit.note(
      AuditRecord(
        .sandboxDenied, by: Self.actor(caller), run: caller.run, step: Self.step(caller), agent: caller.agent,
        subject: denial.target, verdict: "deny", details: details))
    events.publish(.denial(denial))
    logs.ownLine(
      agent: caller.agent, run: caller.run, step: Self.step(caller), attempt: caller.attempt,
      text: "naos: \(denial.note)")
  }

  func ended(_ caller: Caller) { audit.settle(agent: caller.agent, run: caller.run) }

  fileprivate static func actor(_ caller: Caller) -> AuditActor { AuditActor(caller.agent.text, .agent, .none) }

  fileprivate static func step(_ caller: Caller) -> StepPath? { caller.run.map { _ in caller.step } }
}

extension AuditRecord {
  /// `subject` is what was asked for, without the secrets that an agent may know.
  init(_ refused: RefusedAccess, shown subject: String) {
    let caller = refused.sandbox
    self.init(
      .accessRefused, by: caller.map(SandboxReports.actor) ?? AuditActor("unknown", .unknown, .none), run: caller?.run,
      step: caller.flatMap(SandboxReports.step), agent: caller?.agent, subject: subject, verdict: "deny",
      code: refused.code, details: ["plane": "agent"])
  }
}
