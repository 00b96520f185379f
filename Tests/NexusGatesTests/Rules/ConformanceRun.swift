// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusCore
import NexusGates

/// One conformance test, carried out.
struct ConformanceRun {
  private let test: ConformanceFile.Case
  private var json: JSONValue { test.json }

  init(_ test: ConformanceFile.Case) { self.test = test }

  /// Reads the zone files of the system.
  static let zones = TimeZoneSource { ConformanceFile.bytes(of: "/usr/share/zoneinfo/\($0)") }

  /// Why a test is not run.
  static func reason(_ test: ConformanceFile.Case) -> String {
    let words: [(String, String)] = [
      ("enum", "needs protobuf enums"), ("wrapper", "needs protobuf wrappers"),
    ]
    let text = (test.file + test.section + test.expression).lowercased()
    return words.first { text.contains($0.0) }?.1 ?? "needs protobuf messages"
  }

  private func environment() throws -> RuleEnvironment {
    var variables: [RuleVariable] = []
    var functions: [RuleFunction] = []
    for declaration in json["typeEnv"]?.arrayValue ?? [] {
      let name = declaration["name"]?.stringValue ?? ""
      if let type = declaration["ident"]?["type"] {
        variables.append(RuleVariable(name, try ConformanceValue.type(type)))
      }
      let signatures = try (declaration["function"]?["overloads"]?.arrayValue ?? []).map { overload in
        FunctionSignature(
          try (overload["params"]?.arrayValue ?? []).map(ConformanceValue.type),
          try ConformanceValue.type(overload["resultType"] ?? .null))
      }
      if !signatures.isEmpty { functions.append(RuleFunction(name, signatures)) }
    }
    for binding in json["bindings"]?.objectValue ?? JSONObject()
    where !variables.contains(where: { $0.name == binding.key }) {
      variables.append(RuleVariable(binding.key))
    }
    var environment = RuleEnvironment(
      variables: variables, functions: functions, container: json["container"]?.stringValue ?? "",
      zones: Self.zones)
    environment.checksTypes = json["disableCheck"]?.boolValue != true
    environment.hasBlocks = test.file == "block_ext"
    environment.refusesBadLiterals = false
    return environment
  }

  /// What is wrong with the answer; nil if it is right.
  func complaint() -> String? {
    do { return try carriedOut() } catch { return "\(error)" }
  }

  private func carriedOut() throws -> String? {
    let environment = try environment()
    let rule: CompiledRule
    do throws(RuleDiagnostics) { rule = try CompiledRule(test.expression, in: environment) } catch {
      // One test expects of the checker what it calls an error of evaluation.
      let isExpected = json["evalError"]?["errors"]?.arrayValue?.first?["message"]?.stringValue?.hasPrefix(
        "found no matching overload")
      return isExpected == true ? nil : "refused: \(error)"
    }
    if let deduced = json["typedResult"]?["deducedType"] {
      let wanted = try ConformanceValue.type(deduced)
      if rule.type != wanted { return "the type is \(rule.type), not \(wanted)" }
    }
    if json["checkOnly"]?.boolValue == true { return nil }
    var bindings: [String: RuleValue] = [:]
    for binding in json["bindings"]?.objectValue ?? JSONObject() {
      bindings[binding.key] = try ConformanceValue.value(binding.value["value"] ?? .null)
    }
    let outcome = rule.evaluate(RuleBindings(environment, bindings))
    return judged(outcome.result)
  }

  private func judged(_ result: Result<RuleValue, RuleFault>) -> String? {
    switch result {
    case .failure(let fault): return json["evalError"] == nil ? "fault: \(fault.kind) \(fault)" : nil
    case .success(let value):
      if json["evalError"] != nil { return "no error but \(value)" }
      do {
        let wanted = try (json["value"] ?? json["typedResult"]?["result"]).map(ConformanceValue.value) ?? .bool(true)
        return value.isSame(as: wanted) ? nil : "\(value), not \(wanted)"
      } catch { return "\(error)" }
    }
  }
}

extension RuleValue {
  /// Of the same types all through, and equal; NaN is NaN, and zeros have signs.
  func isSame(as other: RuleValue) -> Bool {
    switch (self, other) {
    case (.double(let left), .double(let right)):
      return left.isNaN ? right.isNaN : left == right && left.sign == right.sign
    case (.list(let left), .list(let right)):
      return left.count == right.count && zip(left, right).allSatisfy { $0.isSame(as: $1) }
    case (.map(let left), .map(let right)):
      return left.entries.count == right.entries.count
        && left.entries.allSatisfy { entry in
          right.entries.contains { entry.key.isSame(as: $0.key) && entry.value.isSame(as: $0.value) }
        }
    default: return typeName == other.typeName && isEqual(to: other)
    }
  }
}
