// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusAPI
internal import NexusCore
internal import NexusKernel

/// How judgements of validators read to people and programs.
enum GateWords {
  static func words(_ path: StepPath, _ judgement: GateJudgement) -> (kind: String, summary: String, members: JSONValue)
  {
    var members = object(judgement)
    members["step"] = .string(path.text)
    members["rejected"] = judgement.rejected
    let place = path == .main ? "" : "\(path) · "
    var summary = place + judgement.verdict.rawValue
    if judgement.consequence != judgement.verdict {
      summary += " → \(judgement.consequence.rawValue)"
      if let reason = judgement.reason { summary += " (\(reason.rawValue))" }
    }
    if judgement.verdict > .pass, let validator = judgement.validator { summary += " · \(validator)" }
    if let complaint = judgement.firstComplaint { summary += ": \(complaint)" }
    return ("judged", summary, .object(members))
  }

  /// Shows in a step what became of its last value; a rejected one is seen as rejected, not as the step's output.
  static func show(_ judgement: GateJudgement, in report: inout StepReport) {
    report.verdict = judgement.consequence.rawValue
    var members = object(judgement)
    members["rejected"] = judgement.rejected
    report.judgement = .object(members)
  }

  private static func object(_ judgement: GateJudgement) -> JSONObject {
    var members: JSONObject = [
      "subject": .string(judgement.subject.rawValue), "verdict": .string(judgement.verdict.rawValue),
      "consequence": .string(judgement.consequence.rawValue), "number": .int(Int64(judgement.number)),
      "findings": .array(
        judgement.findings.map { finding in
          [
            "validator": .string(finding.validator), "verdict": .string(finding.verdict.rawValue),
            "observed": .bool(finding.isObserved), "errors": .array(finding.errors), "more": .bool(finding.isCutOff),
          ]
        }),
    ]
    members["reason"] = judgement.reason.map { .string($0.rawValue) }
    members["validator"] = judgement.validator.map { .string($0) }
    return members
  }
}
