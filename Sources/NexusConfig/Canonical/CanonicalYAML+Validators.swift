// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
internal import NexusKernel

extension CanonicalYAML {
  func validator(_ spec: ValidatorSpec) -> YAMLText {
    let (gate, program) = (spec.gate, spec.gate.program)
    func word(_ key: String) -> YAMLText { .plain(program[key]?.stringValue ?? "") }
    var members: [(String, YAMLText)] = []
    if !spec.targets.isEmpty { members.append(("target", .list(spec.targets.map { .text($0.text) }))) }
    members.append(("format", word("format")))
    if let schema = program["schema"] { members.append(("schema", YAMLText(data: schema))) }
    members.append(("assertFormats", .plain(program["assertFormats"] == true ? "true" : "false")))
    let rules = program["rules"]?.arrayValue ?? []
    if !rules.isEmpty { members.append(("rules", .list(rules.map { YAMLText(data: $0) }))) }
    if let confidence = program["confidence"] { members.append(("confidence", YAMLText(data: confidence))) }
    if let check = gate.freshness { members.append(("freshness", freshness(check))) }
    members += [("onInvalid", word("onInvalid")), ("retry", retry(gate.retry))]
    members += [
      ("onExhausted", .plain(gate.onExhausted.rawValue)), ("onError", word("onError")),
      ("mode", .plain(gate.observes ? "observe" : "enforce")),
    ]
    return .map(members)
  }

  private func freshness(_ check: FreshnessCheck) -> YAMLText {
    var members: [(String, YAMLText)] = []
    if let age = check.maxAge { members.append(("maxAge", .plain(DurationText.text(age)))) }
    members += [
      ("expired", .plain(check.expired.rawValue)), ("superseded", .plain(check.superseded.rawValue)),
      ("unknown", .plain(check.unknown.rawValue)),
    ]
    return .map(members)
  }

  private func retry(_ retry: GateRetry) -> YAMLText {
    var members: [(String, YAMLText)] = [
      ("maxAttempts", .plain(String(retry.maxAttempts))), ("feedback", .plain(retry.hasFeedback ? "errors" : "none")),
      ("noProgress", .plain(retry.noProgress.rawValue)),
    ]
    if let cost = retry.maxCost { members.append(("maxDollars", .plain(MoneyText.text(cost)))) }
    members.append(("backoff", .plain(DurationText.text(retry.backoff))))
    return .map(members)
  }
}
