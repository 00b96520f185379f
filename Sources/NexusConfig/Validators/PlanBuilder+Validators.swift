// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
internal import NexusDiagnostics
internal import NexusGates
internal import NexusKernel

extension PlanBuilder {
  /// The validators, each compiled against its schema and laid upon what it guards.
  mutating func buildValidators() {
    var drafts: [GateDraft] = []
    for item in named("validators", nil) {
      guard let draft = validator(item) else { continue }
      drafts.append(draft)
    }
    let places = Dictionary(drafts.enumerated().map { ($1.spec.gate.name, $0) }) { first, _ in first }
    for use in gateUses {
      for (name, location) in use.names {
        guard let place = places[name] else {
          reportUnknownValidator(name, at: location)
          continue
        }
        if let target = target(of: use.place) { add(target, to: &drafts[place], at: location) }
      }
    }
    for draft in drafts where draft.spec.targets.isEmpty && !diagnostics.hasErrors {
      report(
        Diagnostic(
          "NX-GAT-080", .warning, "the validator `\(draft.spec.gate.name)` guards nothing", at: draft.location,
          help: "give it a `target`, or name it under `validate` of a step or an agent"))
    }
    plan.validators = drafts.map(\.spec)
    guard !diagnostics.hasErrors else { return }
    layUpon(drafts)
  }

  private mutating func reportUnknownValidator(_ name: String, at location: SourceLocation) {
    let names = documents.flatMap { $0.value("validators")?.entries?.map(\.key) ?? [] }
    // One that could not be made is reported already.
    guard !names.contains(name), !ignoresUnknownValidators else { return }
    report(
      Diagnostic(
        "NX-GAT-080", "there is no validator `\(name)`", at: location, help: "write it under `validators`",
        suggestion: Suggestion.nearest(to: name, among: names)))
  }

  // MARK: One validator

  private mutating func validator(_ item: Named) -> GateDraft? {
    let fields = item.fields
    let before = diagnostics.count
    refuseUnbuilt(fields)
    var definition = Validator.Definition()
    let subject = Self.subject(of: fields)
    definition.scope = subject == .output ? .run : .runInput
    definition.format = fields.word("format", as: Validator.Format.self) ?? .json
    definition.onInvalid =
      fields.word("onInvalid", as: Verdict.self) ?? (subject == .output ? .retry : .stop)
    definition.onError = fields.word("onError", as: Verdict.self) ?? .stop
    definition.assertsFormats = fields.boolean("assertFormats") ?? false
    buildSchema(of: &definition, fields)
    var rules = RulesBuilder()
    for rule in fields.value("rules")?.list ?? [] { rules.add(rule) }
    for diagnostic in rules.diagnostics { report(diagnostic) }
    definition.rules = rules.rules
    buildConfidence(of: &definition, fields)
    if !fields.has("schema"), !fields.has("rules"), !fields.has("confidence"), definition.format == .text {
      report(
        Diagnostic(
          "NX-GAT-081", "the validator `\(item.name)` asks nothing of a text", at: item.location,
          help: "give it a `schema`, `rules` or a `confidence`"))
    }
    compile(definition, rules, fields)
    guard diagnostics[before...].allSatisfy({ $0.severity != .error }) else { return nil }
    var gate = GateDefinition(name: item.name, program: definition.pinned)
    gate.variables = Set(
      GateVariable.allCases.filter { variable in
        definition.texts.contains { $0.contains(variable.rawValue) }
      })
    buildConsequences(of: &gate, fields)
    buildFreshness(of: &gate, definition, subject, fields)
    var draft = GateDraft(spec: ValidatorSpec(gate: gate), location: item.location, subject: subject)
    draft.asksForRetry = placeOfRetry(definition, fields, item.location)
    if let value = fields.value("target") {
      for target in value.list ?? [value] {
        guard let text = target.text else { continue }
        for found in targets(text, at: target.location) { add(found, to: &draft, at: target.location) }
      }
    }
    return draft
  }

  private static func subject(of fields: Fields) -> GateSubject {
    guard let value = fields.value("target") else { return .output }
    return (value.list?.first ?? value).text?.hasSuffix(".input") == true ? .input : .output
  }

  private mutating func refuseUnbuilt(_ fields: Fields) {
    let reasons = [
      ("escalate", "whoever runs the node decides about what is escalated", "remove it: naos runs decide RUN STEP")
    ]
    for (key, reason, help) in reasons {
      guard let field = fields.field(key) else { continue }
      report(
        Diagnostic(
          "NX-GAT-082", "`\(field.written)` cannot be kept: \(reason)", at: field.keyLocation, help: help))
    }
  }

  private mutating func buildFreshness(
    of gate: inout GateDefinition, _ definition: Validator.Definition, _ subject: GateSubject, _ fields: Fields
  ) {
    guard let inner = fields.fields("freshness"), let place = fields.field("freshness")?.keyLocation else { return }
    guard subject == .output else {
      return report(
        Diagnostic(
          "NX-GAT-082", "`freshness` cannot be kept: nothing was read before there is an output", at: place,
          help: "let the validator guard the output"))
    }
    var check = FreshnessCheck()
    check.maxAge = inner.duration("maxAge")
    check.expired = inner.word("expired", as: FreshnessCheck.Action.self) ?? check.expired
    check.superseded = inner.word("superseded", as: FreshnessCheck.Action.self) ?? check.superseded
    check.unknown = inner.word("unknown", as: FreshnessCheck.Action.self) ?? check.unknown
    gate.freshness = check
    let revalidates = [check.expired, check.superseded, check.unknown].contains(.revalidate)
    guard revalidates, !gate.variables.contains(.context) else { return }
    report(
      Diagnostic(
        "NX-GAT-082", "`revalidate` cannot be kept: no rule reads `context`", at: place,
        help: "give the validator a rule about `context`, which is what holds now"))
  }

  private mutating func buildSchema(of definition: inout Validator.Definition, _ fields: Fields) {
    guard let value = schema("schema", fields, assertsFormats: definition.assertsFormats) else { return }
    definition.schemaValue = value
    var options = Schema.Options()
    options.assertsFormats = definition.assertsFormats
    // It was compiled just now, without a complaint.
    definition.schema = try? Schema(value, options: options)
  }

  private mutating func buildConfidence(of definition: inout Validator.Definition, _ fields: Fields) {
    guard let value = fields.value("confidence"), let inner = value.fields, let expression = inner.text("value"),
      let proceed = inner.factor("proceed"), let escalate = inner.factor("escalate")
    else { return }
    if escalate > proceed, let place = inner.value("escalate")?.location {
      report(
        Diagnostic(
          "NX-GAT-083", "a person would be asked about outputs that pass", at: place,
          notes: inner.value("proceed").map { [.init("from here on they pass", at: $0.location)] } ?? [],
          help: "make `escalate` at most `proceed`"))
    }
    definition.confidence = ConfidenceCheck(
      expression: expression, proceed: proceed, escalate: escalate,
      missing: inner.word("missing", as: Verdict.self) ?? .escalate)
  }

  private mutating func compile(_ definition: Validator.Definition, _ rules: RulesBuilder, _ fields: Fields) {
    do throws(GateRuleProblems) { _ = try Validator(definition) } catch {
      let confidence = fields.fields("confidence")?.value("value")?.location
      for problem in error.all {
        report(rules.diagnostic(of: problem, confidence: (definition.confidence?.expression ?? "", confidence)))
      }
    }
  }

  private mutating func buildConsequences(of gate: inout GateDefinition, _ fields: Fields) {
    gate.onExhausted = fields.word("onExhausted", as: Verdict.self) ?? .stop
    gate.observes = fields.text("mode") == "observe"
    if case .integer(let attempts)? = fields.value("retry")?.content { gate.retry.maxAttempts = Int(attempts) }
    guard let retry = fields.fields("retry") else { return }
    if let attempts = retry.integer("maxAttempts") { gate.retry.maxAttempts = attempts }
    if let word = retry.word("noProgress", as: NoProgress.self) { gate.retry.noProgress = word }
    gate.retry.hasFeedback = retry.text("feedback") != "none"
    gate.retry.maxCost = retry.money("maxDollars")
    if let wait = retry.duration("backoff") { gate.retry.backoff = wait }
  }

  /// Where it says, or leaves it unsaid, that an output may be asked for anew.
  private func placeOfRetry(
    _ definition: Validator.Definition, _ fields: Fields, _ location: SourceLocation
  ) -> SourceLocation? {
    let canBeInvalid = definition.schema != nil || definition.format == .json
    if canBeInvalid, definition.onInvalid == .retry { return fields.value("onInvalid")?.location ?? location }
    guard definition.rules.contains(where: { $0.onFail == .retry }) else { return nil }
    return fields.value("rules")?.location ?? location
  }
}

extension Validator.Definition {
  /// All its expressions.
  fileprivate var texts: [String] {
    rules.flatMap { [$0.expression, $0.precondition, $0.messageExpression].compactMap(\.self) }
      + (confidence.map { [$0.expression] } ?? [])
  }
}
