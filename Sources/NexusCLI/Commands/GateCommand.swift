// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import ArgumentParser
internal import NexusAPI
internal import NexusConfig
internal import NexusCore
internal import NexusDiagnostics
internal import NexusGates

/// `naos gate`: whether an output may proceed.
struct GateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "gate", abstract: "Check outputs against schemas, rules and validators.",
    subcommands: [GateCheckCommand.self, GateTestCommand.self, GateReplayCommand.self, GateCalibrateCommand.self])
}

struct GateCheckCommand: NaosCommand {
  static let configuration = CommandConfiguration(
    commandName: "check", abstract: "Check JSON values, one a line, and print one verdict a line; needs no project.",
    discussion: """
      Prints {"verdict", "errors"} for each line that is not empty. Exits 0 if every value may go on, else 10.

        echo '{"total": 3}' | naos gate check --schema invoice.json --rules rules.yaml
      """)

  @Option(help: "A JSON Schema: draft 2020-12, or what its $schema names.")
  var schema: String?

  @Option(help: "A YAML file of rules: a list of { id, expr, when, message, path, onFail }.")
  var rules: String?

  @Option(help: "Another document that the schema refers to, known by its $id; may be repeated.")
  var document: [String] = []

  @Flag(help: "Let `format` assert, not just annotate.")
  var assertFormats = false

  @Flag(help: "Take each line as a text, not as JSON.")
  var text = false

  @Argument(help: "The file of values; - or nothing is the standard input.")
  var file = "-"

  @OptionGroup var global: GlobalOptions

  func perform(_ context: CommandContext) async throws {
    guard schema != nil || rules != nil else {
      throw CommandFailure.usage("Name what to check against.", hint: "Give --schema FILE, --rules FILE or both.")
    }
    let validator = try loadValidator()
    let console = context.console
    var report = GateReport(validator: validator, console: console)
    do {
      try LineReader(path: file, maxBytes: SchemaLimits.maxInstanceBytes).forEach { line in
        report.judge(line)
      } after: {
        report.flush()
      }
    } catch {
      throw CommandFailure.usage("The values cannot be read: \(error).")
    }
    report.finish()
    console.say(
      "\(report.passed) of \(report.total) pass" + (report.passed < report.total ? " · naos explain NX-GAT-060" : ""))
    if report.passed < report.total { throw CommandFailure(exit: .refused) }
  }

  // MARK: What to check against

  private func loadValidator() throws -> Validator {
    var definition = Validator.Definition()
    definition.format = text ? .text : .json
    if let schema { (definition.schema, definition.schemaValue) = try load(schema: schema) }
    guard let rules else { return try make(definition, nil) }
    let reading = RulesFile.read(rules)
    guard let file = reading.file else {
      throw CommandFailure(diagnostics: reading.diagnostics, files: reading.sources)
    }
    definition.rules = file.rules
    return try make(definition, file)
  }

  private func make(_ definition: Validator.Definition, _ file: RulesFile?) throws -> Validator {
    do throws(GateRuleProblems) { return try Validator(definition) } catch {
      throw CommandFailure(diagnostics: file?.diagnostics(of: error) ?? [], files: file.map { [$0.source] } ?? [])
    }
  }

  private func load(schema path: String) throws -> (Schema, JSONValue) {
    var options = Schema.Options()
    options.assertsFormats = assertFormats
    var problems: [Diagnostic] = []
    for path in document {
      guard let value = read(path, into: &problems) else { continue }
      guard let identifier = value["$id"]?.stringValue else {
        problems.append(Diagnostic("NX-GAT-054", "`\(path)` has no `$id`, so nothing can refer to it"))
        continue
      }
      options.documents[identifier] = value
    }
    guard let value = read(path, into: &problems), problems.isEmpty else {
      throw CommandFailure(diagnostics: problems, files: [])
    }
    do throws(SchemaLoadError) { return (try Schema(value, options: options), value) } catch {
      throw CommandFailure(
        diagnostics: error.problems.map {
          Diagnostic($0.code.rawValue, "\($0.message), at \($0.document.isEmpty ? path : $0.document)#\($0.pointer)")
        }, files: [])
    }
  }

  private func read(_ path: String, into problems: inout [Diagnostic]) -> JSONValue? {
    do throws(FileError) {
      let bytes = try Files.read(path, limit: SchemaLimits.maxSchemaBytes)
      do throws(JSONError) { return try JSONValue(parsing: bytes) } catch {
        problems.append(Diagnostic("NX-GAT-051", "`\(path)`: \(error)"))
      }
    } catch {
      problems.append(Diagnostic("NX-CFG-002", "`\(path)` cannot be read: \(error)", help: "check its path"))
    }
    return nil
  }
}

/// Judges line after line and prints what comes of it.
private struct GateReport {
  let validator: Validator
  let console: Console
  private(set) var total = 0
  private(set) var passed = 0
  private var pending: [UInt8] = []
  private var all: [JSONValue] = []

  init(validator: Validator, console: Console) {
    self.validator = validator
    self.console = console
  }

  mutating func judge(_ line: LineReader.Line) {
    let judgement: Judgement
    switch line {
    case .whole(let bytes): judgement = validator.judge(bytes)
    case .tooLong(let bytes): judgement = validator.judgement(ofTooMany: bytes)
    }
    total += 1
    if judgement.verdict <= .warn { passed += 1 }
    switch console.format {
    case .table, .jsonl: pending += Array((console.shown(judgement.json.text(.compact)) + "\n").utf8)
    case .json, .yaml: all.append(judgement.json)
    }
  }

  /// What came so far, so that a pipe gets each verdict as soon as its value was there.
  mutating func flush() {
    guard !pending.isEmpty else { return }
    console.output.write(pending)
    pending.removeAll(keepingCapacity: true)
  }

  func finish() {
    switch console.format {
    case .table, .jsonl: break
    case .json, .yaml: console.emit(.array(all)) { "" }
    }
  }
}
