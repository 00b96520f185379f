// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
internal import NexusDiagnostics
internal import NexusKernel

// Who decides about what.
extension PlanBuilder {
  private static let rolePrefix = "role:"

  mutating func buildApprovals() {
    for item in named("approvals", nil) {
      if let policy = approval(item) { plan.approvals.append(policy) }
    }
  }

  private mutating func approval(_ item: Named) -> ApprovalPolicy? {
    let fields = item.fields
    let before = diagnostics.count
    refuseUnbuilt(fields)
    var policy = ApprovalPolicy(name: item.name, approvers: roles("approvers", fields))
    if let quorum = fields.integer("quorum") { policy.quorum = quorum }
    policy.requesterMayApprove = fields.boolean("requesterMayApprove") ?? false
    if fields.text("expiresIn") == "never" {
      policy.expiresIn = nil
    } else if let life = fields.duration("expiresIn") {
      policy.expiresIn = life
      if life < .seconds(1), let place = fields.value("expiresIn")?.location {
        report(
          Diagnostic(
            "NX-APR-021", "nobody can decide within \(DurationText.text(life))", at: place,
            help: "give people a second at least"))
      }
    }
    if let value = fields.value("warnAt") { policy.warnAt = (value.list ?? [value]).compactMap(\.percentage).sorted() }
    policy.escalateAt = fields.value("escalateAt")?.percentage
    policy.escalateTo = roles("escalateTo", fields)
    checkTimes(of: policy, fields)
    return diagnostics[before...].allSatisfy { $0.severity != .error } ? policy : nil
  }

  private mutating func refuseUnbuilt(_ fields: Fields) {
    if let field = fields.field("channels") {
      report(
        Diagnostic(
          "NX-APR-022", "`\(field.written)` cannot be kept: nothing sends questions to people", at: field.keyLocation,
          help: "remove it: naos approvals list, the dashboard and GET /api/v1/approvals show what waits"))
    }
    if fields.text("onExpire") == "approve", let place = fields.value("onExpire")?.location {
      report(
        Diagnostic(
          "NX-APR-022", "silence is not taken for a yes", at: place, label: "expected deny",
          help: "remove it: what nobody has approved in time is denied"))
    }
  }

  /// Roles as `role:NAME`; what is none is reported.
  private mutating func roles(_ key: String, _ fields: Fields) -> [String] {
    guard let value = fields.value(key) else { return [] }
    var roles: [String] = []
    for entry in value.list ?? [value] {
      guard let text = entry.text else { continue }
      let name = text.hasPrefix(Self.rolePrefix) ? String(text.dropFirst(Self.rolePrefix.count)) : ""
      guard NameRule.plain.accepts(name) else {
        report(
          Diagnostic(
            "NX-APR-020", "`\(text)` names nobody who could decide", at: entry.location,
            help: "write `role:NAME`; naos token create gives a token its role",
            suggestion: NameRule.plain.accepts(text) ? Self.rolePrefix + text : nil))
        continue
      }
      if !roles.contains(name) { roles.append(name) }
    }
    if roles.isEmpty, value.list?.isEmpty == true {
      report(
        Diagnostic("NX-APR-020", "nobody is named who could decide", at: value.location, help: "write `[role:ops]`"))
    }
    return roles
  }

  private mutating func checkTimes(of policy: ApprovalPolicy, _ fields: Fields) {
    if policy.expiresIn == nil {
      for key in ["warnAt", "escalateAt"] {
        guard let place = fields.value(key)?.location else { continue }
        report(
          Diagnostic(
            "NX-APR-021", "there is no part of a time that never ends", at: place,
            notes: fields.value("expiresIn").map { [.init("it never expires because of this", at: $0.location)] } ?? [],
            help: "give it an `expiresIn`, or remove `\(key)`"))
      }
    }
    if fields.has("escalateAt"), policy.escalateTo.isEmpty, let place = fields.field("escalateAt")?.keyLocation {
      report(
        Diagnostic(
          "NX-APR-021", "it is escalated to nobody", at: place, help: "name them: `escalateTo: [role:lead]`"))
    }
    if fields.has("escalateTo"), !fields.has("escalateAt"), let place = fields.field("escalateTo")?.keyLocation {
      report(
        Diagnostic(
          "NX-APR-021", "they are never asked", at: place, help: "say when: `escalateAt: 50%`"))
    }
  }
}

extension Shaped {
  fileprivate var percentage: Int? {
    if case .percentage(let value) = content { return value }
    return nil
  }
}
