// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
internal import NexusDiagnostics
internal import NexusKernel

// Who decides about what.
extension PlanBuilder {
  private static let rolePrefix = "role:"

  private static let webhookPrefix = "webhook:"

  mutating func buildApprovals() {
    for item in named("webhooks", nil) { if let webhook = webhook(item) { plan.webhooks.append(webhook) } }
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
    policy.channels = channels(fields)
    checkTimes(of: policy, fields)
    return diagnostics[before...].allSatisfy { $0.severity != .error } ? policy : nil
  }

  private mutating func refuseUnbuilt(_ fields: Fields) {
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

  private mutating func webhook(_ item: Named) -> WebhookSpec? {
    guard let value = item.fields.value("url"), let text = value.text, let place = item.fields.value("secret"),
      case .text(let secret, let isExternal) = place.content
    else { return nil }
    guard let url = ProviderURL(text), url.isEncrypted || url.isLoopback else {
      report(
        Diagnostic(
          "NX-APR-024", "`url` is no address that questions may be sent to", at: value.location,
          help: "write https:// and a host; http:// is for this machine alone"))
      return nil
    }
    if !isExternal {
      var diagnostic = Diagnostic(
        "NX-CFG-209", .warning, "a secret stands in the file", at: place.location,
        help: "put it in the environment or .env and write ${NAME}")
      diagnostic.hidesSource = true
      report(diagnostic)
    }
    guard secret.utf8.count >= Self.shortestSecret else {
      report(
        Diagnostic(
          "NX-APR-024", "a secret of \(secret.utf8.count) bytes signs nothing", at: place.location,
          help: "use at least \(Self.shortestSecret): openssl rand -hex 32"))
      return nil
    }
    return WebhookSpec(name: item.name, url: url.text, secret: SecretText(secret))
  }

  /// A shorter secret could be guessed.
  private static let shortestSecret = 16

  /// Webhooks as `webhook:NAME`; what is none is reported.
  private mutating func channels(_ fields: Fields) -> [String] {
    guard let value = fields.value("channels") else { return [] }
    let names = documents.flatMap { $0.value("webhooks")?.entries?.map(\.key) ?? [] } + plan.webhooks.map(\.name)
    var channels: [String] = []
    for entry in value.list ?? [value] {
      guard let text = entry.text else { continue }
      let name = text.hasPrefix(Self.webhookPrefix) ? String(text.dropFirst(Self.webhookPrefix.count)) : text
      guard text.hasPrefix(Self.webhookPrefix), names.contains(name) else {
        report(
          Diagnostic(
            "NX-APR-022", "`\(text)` is nothing that can be told", at: entry.location,
            help: "write `webhook:NAME`, of `webhooks`; the terminal and the dashboard show what waits anyway",
            suggestion: Suggestion.nearest(to: name, among: names).map { Self.webhookPrefix + $0 }))
        continue
      }
      if !channels.contains(name) { channels.append(name) }
    }
    return channels
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
