// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
internal import NexusKernel

/// How a judgement stands in the journal: what was found on the first line, a value that was rejected on the second.
enum GateFormat {
  /// Fills the members of the entry's line in.
  ///
  /// - Returns: the value that was rejected; nil if it proceeds.
  static func put(_ judgement: GateJudgement, of path: StepPath, in head: inout JSONObject) -> JSONValue? {
    head["type"] = "judged"
    head["path"] = .string(path.text)
    head["subject"] = .string(judgement.subject.rawValue)
    head["number"] = .int(Int64(judgement.number))
    head["verdict"] = .string(judgement.verdict.rawValue)
    head["consequence"] = .string(judgement.consequence.rawValue)
    head["reason"] = judgement.reason.map { .string($0.rawValue) }
    head["retryAfterNanoseconds"] = judgement.retryAfter.map { .int($0.wholeNanoseconds) }
    head["findings"] = .array(judgement.findings.map(form))
    return judgement.rejected
  }

  private static func form(_ finding: GateFinding) -> JSONValue {
    [
      "validator": .string(finding.validator), "verdict": .string(finding.verdict.rawValue),
      "errors": .array(finding.errors), "isCutOff": .bool(finding.isCutOff), "isObserved": .bool(finding.isObserved),
    ]
  }

  static func judged(_ members: inout MemberReader, value: JSONValue?) throws(FormatError) -> RunEntry {
    let path = StepPath(try members.string("path"))
    var judgement = GateJudgement(
      subject: try members.choice("subject"), number: Int(try members.integer("number")),
      findings: try findings(try members.value("findings")), verdict: try members.choice("verdict"),
      consequence: try members.choice("consequence"), rejected: value)
    if let reason = try members.optionalString("reason") {
      guard let reason = GateJudgement.Reason(rawValue: reason) else { throw FormatError("its reason is unknown") }
      judgement.reason = reason
    }
    judgement.retryAfter = try members.optionalInteger("retryAfterNanoseconds").map(Duration.nanoseconds(_:))
    guard judgement.mayProceed == (value == nil) else {
      throw FormatError("a judgement keeps the value that it rejects, and no other")
    }
    return .judged(path: path, judgement)
  }

  private static func findings(_ value: JSONValue) throws(FormatError) -> [GateFinding] {
    guard let list = value.arrayValue else { throw FormatError("its findings are no list") }
    var findings: [GateFinding] = []
    for form in list {
      var members = try MemberReader(form)
      guard let errors = try members.value("errors").arrayValue else { throw FormatError("its errors are no list") }
      findings.append(
        GateFinding(
          validator: try members.string("validator"), verdict: try members.choice("verdict"), errors: errors,
          isCutOff: try members.bool("isCutOff"), isObserved: try members.bool("isObserved")))
      try members.finish()
    }
    return findings
  }
}
