// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusConfig
package import NexusCore

/// A test of a skill: what goes in, and what has to come out.
package struct SkillCase: Sendable, Hashable {
  static let folder = "tests"
  static let maxCases = 2000
  static let maxFileBytes = 4 << 20

  package enum Input: Sendable, Hashable {
    case value(JSONValue)
    /// Bytes as they are: to see what the module makes of what is no JSON.
    case raw(String)
  }

  package enum Expected: Sendable, Hashable {
    case output(JSONValue)
    /// The code of an error, of the skill or of its input schema.
    case error(String)
  }

  package let name: String
  /// In the skill's folder.
  package let file: String
  package let input: Input
  package let expected: Expected

  /// The cases of a skill, from all `tests/*.json`, in the order of their names.
  ///
  /// Each file is a case or a list of them.
  package static func all(of skill: SkillFolder) throws(SkillProblem) -> [SkillCase] {
    var cases: [SkillCase] = []
    let path = skill.path + "/" + folder
    guard Files.isDirectory(path) else { return [] }
    let names: [String]
    do { names = try Files.list(path) } catch { throw SkillProblem("NX-SKL-010", "\(error)") }
    for name in names where name.hasSuffix(".json") && !name.hasPrefix(".") {
      let shown = "\(folder)/\(name)"
      let value: JSONValue
      do { value = try JSONValue(parsing: try Files.read(path + "/" + name, limit: maxFileBytes)) } catch {
        throw SkillProblem("NX-SKL-010", "\(shown) cannot be read as JSON: \(error)")
      }
      let stem = String(name.dropLast(".json".count))
      for (index, element) in (value.arrayValue ?? [value]).enumerated() {
        cases.append(try Self(element, in: shown, else: value.arrayValue == nil ? stem : "\(stem) \(index + 1)"))
      }
      guard cases.count <= maxCases else {
        throw SkillProblem("NX-SKL-010", "there are more than \(maxCases) cases")
      }
    }
    return cases
  }

  private static let keys = ["name", "input", "raw", "output", "error"]

  private init(_ value: JSONValue, in file: String, else name: String) throws(SkillProblem) {
    func wrong(_ what: String) -> SkillProblem {
      SkillProblem(
        "NX-SKL-010", "\(file): the case `\(name)` \(what)",
        hint: "Write {\"name\": …, \"input\": …, \"output\": …}, or \"error\": \"CODE\" for the output.")
    }
    guard let object = value.objectValue else { throw wrong("is no object") }
    if let unknown = object.keys.first(where: { !Self.keys.contains($0) }) {
      throw wrong("has an unknown key `\(unknown)`")
    }
    if let given = object["name"], given.stringValue == nil { throw wrong("has a name that is no text") }
    switch (object["input"], object["raw"]?.stringValue) {
    case (let input?, nil) where object["raw"] == nil: self.input = .value(input)
    case (nil, let raw?): input = .raw(raw)
    default: throw wrong("needs either `input` or `raw`, a text")
    }
    switch (object["output"], object["error"]?.stringValue) {
    case (let output?, nil) where object["error"] == nil: expected = .output(output)
    case (nil, let code?): expected = .error(code)
    default: throw wrong("needs either `output` or `error`, a code")
    }
    self.name = object["name"]?.stringValue ?? name
    self.file = file
  }
}

/// What came of a case.
package struct SkillCaseResult: Sendable, Hashable {
  package let name: String
  package let file: String
  /// Why it failed; nil if it passed.
  package let complaint: String?

  package var passed: Bool { complaint == nil }
}

extension SkillCase {
  /// Runs the case and compares.
  ///
  /// The module is asked also where the input does not fit its schema: whoever calls it past that must get an error, no
  /// trap.
  package func run(by caller: SkillCaller) async -> SkillCaseResult {
    var complaint: String?
    let manifest = caller.skill.manifest
    let host = SkillHost(
      state: manifest.hasState ? CaseState() : nil, requests: manifest.hosts.isEmpty ? nil : NoRequests(),
      models: manifest.models.isEmpty ? nil : NoModels())
    switch input {
    case .raw(let text): complaint = compare(await caller.run(Array(text.utf8), host: host))
    case .value(let value):
      if let misfit = caller.inputComplaint(about: value) {
        complaint =
          switch expected {
          case .output: "the input does not fit its schema: \(misfit)"
          case .error(let code): await misfitComplaint(value, code, caller)
          }
      } else {
        complaint = compare(await caller.run(value.encoded(), host: host))
      }
    }
    return SkillCaseResult(name: name, file: file, complaint: complaint)
  }

  private func misfitComplaint(_ value: JSONValue, _ code: String, _ caller: SkillCaller) async -> String? {
    switch await caller.run(value.encoded()) {
    case .refused(let own, _) where own == code || code == "invalid_input": nil
    case .refused(let own, let message): "expected the error `\(code)`, got `\(own)`: \(message)"
    case .output(let output): "the input does not fit its schema, and the module answers \(Self.shown(output))"
    case .broken(let code, let message): "\(code): \(message)"
    }
  }

  private func compare(_ answer: SkillAnswer) -> String? {
    switch (expected, answer) {
    case (.output(let wanted), .output(let got)):
      guard let difference = JSONDifference.first(between: wanted, and: got) else { return nil }
      func shown(_ value: JSONValue?) -> String { value.map(Self.shown) ?? "nothing" }
      return "at \(difference.path) expected \(shown(difference.recorded)), got \(shown(difference.found))"
    case (.error(let wanted), .refused(let code, let message)):
      return wanted == code ? nil : "expected the error `\(wanted)`, got `\(code)`: \(message)"
    case (.output, .refused(let code, let message)): return "expected an output, got the error `\(code)`: \(message)"
    case (.error(let wanted), .output(let got)): return "expected the error `\(wanted)`, got \(Self.shown(got))"
    case (_, .broken(let code, let message)): return "\(code): \(message)"
    }
  }

  private static func shown(_ value: JSONValue) -> String { String(value.text().prefix(200)) }
}

/// There is no node here that would ask one, nor anybody who pays.
private struct NoModels: SkillModels {
  func ask(_ request: JSONValue, within time: Duration) async -> ToolOutcome {
    ToolOutcome(succeeded: false, content: ["error": "tests of skills ask no models", "code": "unreachable"])
  }
}

/// What a case stores: it finds nothing, and leaves nothing behind.
private actor CaseState: SkillState {
  private static let mostKeys = 10_000
  private var values: [String: [UInt8]] = [:]

  func value(of key: String, within time: Duration) -> SkillValue { values[key].map(SkillValue.value) ?? .missing }

  func set(_ value: [UInt8], of key: String, within time: Duration) -> Bool {
    guard values.count < Self.mostKeys || values[key] != nil else { return false }
    values[key] = value
    return true
  }
}

/// A test reaches no host: what comes of it has to be the same tomorrow.
private struct NoRequests: SkillRequests {
  func send(_ arguments: JSONValue, within time: Duration) async -> ToolOutcome {
    ToolOutcome(
      succeeded: false, content: ["error": "tests of skills send no requests", "code": "unreachable"])
  }
}
