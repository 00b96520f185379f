// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusDiagnostics
internal import NexusKernel

extension PlanBuilder {
  /// The least time that entries are kept: a log that forgets at once is none.
  private static let leastRetention = Duration.seconds(86_400)
  private static let leastPause = Duration.seconds(1)

  mutating func buildAudit() {
    guard let fields = single("audit")?.fields else { return }
    if let anchor = fields.value("anchor"), let path = anchor.text {
      let whole = project.resolved(path)
      if whole == project.state || whole.hasPrefix(project.state + "/") {
        report(
          Diagnostic(
            "NX-CFG-150", "the anchor of the audit log cannot be in `.naos`", at: anchor.location,
            label: "is kept there already", help: "name a file outside the project's state"))
      }
      plan.audit.anchor = whole
    }
    if let every = fields.duration("every") { plan.audit.every = every }
    if let retention = fields.duration("retention") { plan.audit.retention = retention }
    if let announces = fields.boolean("announce") { plan.audit.announces = announces }
    for (key, value, least) in [
      ("every", plan.audit.every, Self.leastPause),
      ("retention", plan.audit.retention ?? Self.leastRetention, Self.leastRetention),
    ] where value < least {
      guard let place = fields.value(key)?.location else { continue }
      report(
        Diagnostic(
          "NX-CFG-151", "`audit.\(key)` is too short", at: place,
          label: "has to be at least \(key == "every" ? "1s" : "1d")",
          help: "leave it out for the default"))
    }
  }
}
