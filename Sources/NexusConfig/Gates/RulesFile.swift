// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
package import NexusDiagnostics
package import NexusGates

/// A file of rules: what `naos gate check --rules` reads, and where everything in it stands.
package struct RulesFile: Sendable {
  /// Rules of one file.
  package static let maxRules = 200

  package let rules: [GateRule]
  package let source: SourceFile
  /// Of each rule, where its texts stand.
  private let places: [[GateRuleProblem.Part: SourceLocation]]

  /// What came of reading a file.
  package struct Reading: Sendable {
    /// Nil if there is any error.
    package var file: RulesFile?
    package var diagnostics: [Diagnostic] = []
    package var sources: [SourceFile] = []
  }

  /// Reads the file at a path, as it is named in diagnostics; nothing is thrown.
  package static func read(_ path: String) -> Reading {
    switch DiskFiles().readText(path, shownAs: path, from: nil) {
    case .success(let source): read(source)
    case .failure(let diagnostic): Reading(diagnostics: [diagnostic])
    }
  }

  package static func read(_ source: SourceFile) -> Reading {
    var reading = Reading(sources: [source])
    let stream = YAMLReader.read(source)
    reading.diagnostics = stream.diagnostics
    guard !stream.diagnostics.hasErrors else { return reading }
    guard let document = stream.documents.first, !document.isNull else {
      reading.diagnostics.append(
        Diagnostic("NX-GAT-058", "`\(source.name)` has no rules", help: "write `- { id: NAME, expr: EXPRESSION }`"))
      return reading
    }
    if stream.documents.count > 1 {
      reading.diagnostics.append(
        Diagnostic(
          "NX-GAT-058", "a file of rules is one document", at: stream.documents[1].location,
          help: "remove the `---` above it, or the document"))
    }
    var shaper = Shaper(environment: [:])
    let shaped = shaper.shape(document, as: ConfigKeys.rulesFile, of: "rules")
    reading.diagnostics += shaper.diagnostics
    var builder = RulesBuilder()
    for rule in shaped?.list ?? shaped?.fields?.value("rules")?.list ?? [] { builder.add(rule) }
    reading.diagnostics += builder.diagnostics
    if builder.rules.isEmpty, !reading.diagnostics.hasErrors {
      reading.diagnostics.append(
        Diagnostic("NX-GAT-058", "there are no rules here", at: document.location, help: "write at least one"))
    }
    guard !reading.diagnostics.hasErrors else { return reading }
    reading.file = RulesFile(rules: builder.rules, source: source, places: builder.places)
    return reading
  }

  /// Says of rules that cannot be used where in the file they stand.
  package func diagnostics(of problems: GateRuleProblems) -> [Diagnostic] {
    problems.all.map { RulesBuilder.diagnostic(of: $0, rules, places) }
  }
}

/// Makes rules of what a file says.
struct RulesBuilder {
  var rules: [GateRule] = []
  var places: [[GateRuleProblem.Part: SourceLocation]] = []
  var diagnostics: [Diagnostic] = []
  private var names: [String: SourceLocation] = [:]

  mutating func add(_ shaped: Shaped) {
    guard let fields = shaped.fields, let id = fields.text("id"), let expression = fields.text("expr") else { return }
    guard rules.count < RulesFile.maxRules else {
      diagnostics.append(
        Diagnostic(
          "NX-GAT-058", "the file has more than \(RulesFile.maxRules) rules", at: shaped.location,
          help: "put several conditions into one rule"))
      return
    }
    let place = fields.value("id")?.location ?? shaped.location
    if let first = names.updateValue(place, forKey: id) {
      diagnostics.append(
        Diagnostic(
          "NX-CFG-201", "there is already a rule `\(id)`", at: place,
          notes: [.init("the first one is here", at: first)],
          help: "give it a name of its own"))
    }
    if let path = fields.value("path"), let text = path.text, !text.isEmpty, !text.hasPrefix("/") {
      diagnostics.append(
        Diagnostic(
          "NX-GAT-058", "`\(text)` is not a JSON Pointer", at: path.location, help: "begin it with a slash",
          suggestion: "/" + text))
    }
    rules.append(
      GateRule(
        id: id, expression: expression, precondition: fields.text("when"), message: fields.text("message"),
        messageExpression: fields.text("messageExpr"), path: fields.text("path") ?? "",
        onFail: fields.word("onFail", as: Verdict.self) ?? .stop))
    let parts: [(GateRuleProblem.Part, String)] = [
      (.precondition, "when"), (.expression, "expr"), (.messageExpression, "messageExpr"),
    ]
    places.append(
      Dictionary(
        uniqueKeysWithValues: parts.compactMap { part, key in fields.value(key).map { (part, $0.location) } }))
  }

  /// Says of a rule that cannot be used where it stands; of the confidence its text and its place are told here.
  func diagnostic(of problem: GateRuleProblem, confidence: (text: String, location: SourceLocation?)) -> Diagnostic {
    guard problem.part == .confidence else { return Self.diagnostic(of: problem, rules, places) }
    let place = confidence.location.map { Self.place(of: problem.diagnostic, in: $0, confidence.text) }
    return Diagnostic(
      "NX-GAT-059", "`value` of the confidence: \(problem.diagnostic.message)", at: place,
      help: Self.reason(for: problem.diagnostic))
  }

  static func diagnostic(
    of problem: GateRuleProblem, _ rules: [GateRule], _ places: [[GateRuleProblem.Part: SourceLocation]]
  ) -> Diagnostic {
    let rule = rules[problem.rule]
    let text =
      switch problem.part {
      case .precondition: rule.precondition ?? ""
      case .expression, .confidence: rule.expression
      case .messageExpression: rule.messageExpression ?? ""
      }
    let place = places[problem.rule][problem.part].map { Self.place(of: problem.diagnostic, in: $0, text) }
    return Diagnostic(
      "NX-GAT-059", "`\(problem.part.rawValue)` of `\(rule.id)`: \(problem.diagnostic.message)", at: place,
      help: reason(for: problem.diagnostic))
  }

  /// The place inside a text that stands on one line, plain or simply quoted; else the whole text.
  private static func place(
    of diagnostic: RuleDiagnostic, in location: SourceLocation, _ text: String
  ) -> SourceLocation {
    let length = text.unicodeScalars.count
    guard location.length == length || location.length == length + 2 else { return location }
    var inner = location
    inner.column += diagnostic.offset + (location.length - length) / 2
    inner.length = 1
    return inner
  }

  /// Why a variable that there is elsewhere is none here.
  private static func reason(for diagnostic: RuleDiagnostic) -> String? {
    guard diagnostic.kind == .undeclared else { return nil }
    guard let (_, reason) = absent.first(where: { diagnostic.message.contains("'\($0.name)'") }) else { return nil }
    return reason + "; there are output, input, steps, run and now"
  }

  private static let absent: [(name: String, reason: String)] = [
    ("previous", "nothing here knows what earlier runs came to"),
    ("context", "no call tells naos what an agent has read"),
    ("args", "it belongs to tool calls"), ("tool", "it belongs to tool calls"), ("tools", "it belongs to tool calls"),
    ("history", "it belongs to tool calls"), ("pool", "members of a pool are judged one by one"),
    ("budget", "what is left of a budget changes while a verdict has to stay the same"),
  ]
}
