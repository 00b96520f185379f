// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusConfig
package import NexusCore
internal import NexusGates

/// What a call of a skill came to.
package enum SkillAnswer: Sendable, Hashable {
  case output(JSONValue)
  /// The skill, or its input schema, says no: an answer like any other.
  case refused(code: String, message: String)
  /// The skill is not what it says that it is, or could not be run at all.
  case broken(code: String, message: String)
}

/// Calls one skill: the input by its schema, the module in the engine, the output by its schema.
package struct SkillCaller: Sendable {
  /// How many reasons of a schema are told.
  static let maxReasons = 3
  /// How deep an output may be nested.
  static let maxDepth = JSONValue.maxDepth
  static let maxMessage = 2000

  package let skill: SkillFolder
  private let engine: any SkillEngine
  private let tenant: String
  private let input: Schema
  private let output: Schema

  /// - Parameters:
  ///   - skill: its module is checked before the first call.
  ///   - engine: runs it.
  ///   - tenant: whose it is: modules of different tenants never share a process.
  /// - Throws: `SkillProblem` if its schemas cannot be used.
  package init(_ skill: SkillFolder, engine: any SkillEngine, tenant: String) throws(SkillProblem) {
    self.skill = skill
    self.engine = engine
    self.tenant = tenant
    do throws(SchemaLoadError) {
      input = try Schema(skill.manifest.input)
      output = try Schema(skill.manifest.output)
    } catch {
      throw SkillProblem(
        "NX-SKL-001", "a schema of `\(skill.manifest.name)` cannot be used: \(error.problems.first?.description ?? "")")
    }
  }

  /// - Parameters:
  ///   - value: the input.
  ///   - host: what the call reaches beside its log.
  ///   - denied: is told what the skill was not let do, before the answer.
  /// - Returns: what came of it.
  package func call(
    _ value: JSONValue, host: SkillHost = SkillHost(), denied: @Sendable (ProgramDenial) -> Void = { _ in }
  ) async -> SkillAnswer {
    // The module may have been built anew.
    do throws(SkillProblem) { try skill.checkModule() } catch {
      return .broken(code: error.code, message: error.message)
    }
    if let complaint = inputComplaint(about: value) {
      return .refused(code: "invalid_input", message: "the input does not fit its schema: \(complaint)")
    }
    return await run(value.encoded(), host: host, denied: denied)
  }

  package func inputComplaint(about value: JSONValue) -> String? { Self.complaint(about: value, under: input) }

  /// Runs the module on these bytes, whatever they are.
  package func run(
    _ bytes: [UInt8], host: SkillHost = SkillHost(), denied: @Sendable (ProgramDenial) -> Void = { _ in }
  ) async -> SkillAnswer {
    do throws(SkillFailure) {
      let result = try await engine.call(
        SkillModule(name: skill.manifest.name, path: skill.modulePath, tenant: tenant), input: bytes,
        limits: skill.manifest.limits, host: host)
      return judge(result.output)
    } catch {
      if let denial = error.denied { denied(denial) }
      guard error.reason == .refused else { return .broken(code: error.code, message: error.message) }
      // The engine says whose failure it is; here it is plain.
      let prefix = "\(skill.manifest.name) failed: "
      return Self.refusal(
        String(error.message.hasPrefix(prefix) ? error.message.dropFirst(prefix.count) : error.message[...]))
    }
  }

  private func judge(_ bytes: [UInt8]) -> SkillAnswer {
    let value: JSONValue
    do throws(JSONError) { value = try JSONValue(parsing: bytes) } catch {
      return .broken(code: "NX-SKL-008", message: "the output is not JSON: \(error)")
    }
    if let complaint = Self.complaint(about: value, under: output) {
      return .broken(code: "NX-SKL-008", message: "the output does not fit its schema: \(complaint)")
    }
    return .output(value)
  }

  /// The text that a skill fails with is `code: message`; any other is a message alone.
  static func refusal(_ text: String) -> SkillAnswer {
    let message = String(text.prefix(maxMessage))
    guard let colon = message.utf8.firstIndex(of: UInt8(ascii: ":")) else {
      return .refused(code: "failed", message: message)
    }
    let code = message[..<colon]
    let isCode = code.utf8.allSatisfy {
      (UInt8(ascii: "a")...UInt8(ascii: "z")).contains($0) || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0)
        || $0 == UInt8(ascii: "_")
    }
    guard isCode, !code.isEmpty, code.utf8.count <= 64 else { return .refused(code: "failed", message: message) }
    return .refused(code: String(code), message: String(message[message.index(after: colon)...].drop { $0 == " " }))
  }

  private static func complaint(about value: JSONValue, under schema: Schema) -> String? {
    let outcome = schema.validate(value)
    guard !outcome.isValid else { return nil }
    return outcome.issues.prefix(maxReasons).map { issue in
      let place = issue.instancePath.pointer
      return place.isEmpty ? issue.message : "\(place): \(issue.message)"
    }.joined(separator: "; ")
  }
}
