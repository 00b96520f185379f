// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
internal import NexusDiagnostics
internal import NexusKernel

extension PlanBuilder {
  static let scriptedModel = "local/scripted"

  /// The built-in provider: all that can be said of it is what its scripted model plays.
  mutating func buildLocal(_ entry: ShapedEntry) {
    guard let fields = entry.value.fields else { return }
    guard let script = fields.field("script") else {
      report(
        Diagnostic(
          "NX-CFG-201", "`local` is the built-in provider", at: entry.keyLocation, help: "choose another name"))
      return
    }
    for name in fields.order where name != "script" {
      guard let field = fields.field(name) else { continue }
      report(
        Diagnostic(
          "NX-CFG-115", "`\(field.written)` has no place here: `local` is built in", at: field.keyLocation,
          help: "remove it"))
    }
    // Set even if the script is wrong: a model that names it has one.
    plan.localScript = .array([])
    guard let value = script.value else { return }
    guard let rules = value.text.map({ rules(inFile: $0, at: value.location) }) ?? value.list else { return }
    check(rules, at: value.location)
    plan.localScript = .array(rules.compactMap(\.json))
  }

  private mutating func rules(inFile path: String, at location: SourceLocation) -> [Shaped]? {
    let source: SourceFile
    switch readOwnFile(path, "scripts", at: location) {
    case .success(let read): source = read
    case .failure(let diagnostic):
      report(diagnostic)
      return nil
    }
    sources.append(source)
    let stream = YAMLReader.read(source)
    for diagnostic in stream.diagnostics { report(diagnostic) }
    guard !stream.diagnostics.hasErrors else { return nil }
    guard let document = stream.documents.first, !document.isNull else { return [] }
    if stream.documents.count > 1 {
      report(
        Diagnostic(
          "NX-CFG-217", "a script is one document", at: stream.documents[1].location,
          help: "remove the `---` above it, or the document"))
    }
    var shaper = Shaper(environment: environment)
    let shaped = shaper.shape(document, as: ConfigKeys.scriptFile, of: "script")
    for diagnostic in shaper.diagnostics { report(diagnostic) }
    guard let shaped else { return nil }
    return shaped.list ?? shaped.fields?.value("rules")?.list
  }

  private mutating func check(_ rules: [Shaped], at location: SourceLocation) {
    if rules.isEmpty {
      report(Diagnostic("NX-CFG-217", "the script has no rules", at: location, help: "write `- answer: TEXT`"))
    }
    if rules.count > ConfigLimits.maxScriptRules {
      report(
        Diagnostic(
          "NX-CFG-217", "the script has more than \(ConfigLimits.maxScriptRules) rules",
          at: rules[ConfigLimits.maxScriptRules].location, help: "let a rule answer more than one request"))
    }
    for rule in rules {
      guard let fields = rule.fields else { continue }
      if let calls = fields.field("toolCalls"), let answer = fields.field("answer") {
        report(
          Diagnostic(
            "NX-CFG-115", "a rule answers with `answer` or with `toolCalls`",
            at: max(calls.keyLocation, answer.keyLocation),
            notes: [.init("the other one is here", at: min(calls.keyLocation, answer.keyLocation))],
            help: "make it two rules, the first with `times: 1`"))
      }
      // One of the unknown keys may be the mistyped answer.
      if !fields.has("answer"), !fields.has("toolCalls"), !fields.has("fault"), !fields.has("recorded"),
        !fields.hasUnknownKeys
      {
        report(Diagnostic("NX-CFG-102", "a rule needs `answer`, `toolCalls` or `fault`", at: rule.location))
      }
      checkRecorded(fields, at: rule.location)
    }
  }

  /// What is said of an answer that was recorded is not said of another one, and the other way round.
  private mutating func checkRecorded(_ fields: Fields, at location: SourceLocation) {
    let own = ["path", "step", "model", "request", "digest", "status", "headers", "stream", "body", "bodyHex"]
    let others = ["match", "answer", "toolCalls", "fault", "delayMs", "tokensPerSecond", "retryAfterMs", "times"]
    let isRecorded = fields.has("recorded")
    for name in isRecorded ? others : own {
      guard let field = fields.field(name) else { continue }
      report(
        Diagnostic(
          "NX-CFG-115", "`\(field.written)` has no place in \(isRecorded ? "a recorded call" : "such a rule")",
          at: field.keyLocation, help: "remove it"))
    }
    guard isRecorded, !fields.hasUnknownKeys else { return }
    let needed = ["path", "status"].filter { !fields.has($0) }
    let body = fields.has("body") || fields.has("bodyHex") ? [] : ["body"]
    let request = fields.has("request") || fields.has("digest") ? [] : ["request"]
    for name in needed + request + body {
      report(Diagnostic("NX-CFG-102", "a recorded call needs `\(name)`", at: location))
    }
  }

  /// A model that nothing plays would fail every call.
  mutating func checkScript(of model: String, at location: SourceLocation) {
    guard model == Self.scriptedModel, plan.localScript == nil else { return }
    report(
      Diagnostic(
        "NX-CFG-217", "`\(model)` has no script to play", at: location,
        help: "give it one: `providers: { local: { script: FILE } }`"))
  }
}
