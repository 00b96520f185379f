// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore

/// One thing that `naos doctor` looked at.
package struct DoctorFinding: Sendable, Hashable {
  package enum Level: String, Sendable, CaseIterable { case ok, note, warning, problem }

  /// For example `store` or `ports`.
  package var subject: String
  package var level: Level
  /// What was found, in one sentence.
  package var finding: String
  /// What to do about it.
  package var hint: String?

  package init(_ subject: String, _ level: Level, _ finding: String, hint: String? = nil) {
    self.subject = subject
    self.level = level
    self.finding = finding
    self.hint = hint
  }
}

extension DoctorFinding: WireValue {
  package var json: JSONValue {
    [
      "subject": .string(subject), "level": .string(level.rawValue), "finding": .string(finding), "hint": .of(hint),
    ]
  }

  package init(json: JSONValue) throws(WireError) {
    let reader = try WireReader(json, "finding")
    subject = try reader.text("subject")
    level = Level(rawValue: try reader.text("level")) ?? .note
    finding = try reader.text("finding")
    hint = try reader.optionalText("hint")
  }
}

/// What `naos doctor` says.
package struct DoctorReport: Sendable, Hashable {
  package var findings: [DoctorFinding]

  package init(findings: [DoctorFinding]) { self.findings = findings }

  package var hasProblems: Bool { findings.contains { $0.level == .problem } }
}

extension DoctorReport: WireValue {
  package var json: JSONValue { ["ok": .bool(!hasProblems), "findings": .of(findings)] }

  package init(json: JSONValue) throws(WireError) {
    let reader = try WireReader(json, "doctor")
    findings = try reader.list("findings")
  }
}
