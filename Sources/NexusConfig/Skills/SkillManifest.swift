// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore

/// What the `skill.yaml` of a skill says.
package struct SkillManifest: Sendable, Hashable {
  package static let fileName = "skill.yaml"
  /// The folder of a project that its skills are in, each in one of its own.
  package static let folder = "skills"

  package enum Language: String, Sendable, CaseIterable { case swift, c, python }

  /// What a skill may use of its host.
  package enum Grant: String, Sendable, CaseIterable {
    /// The time of day.
    case time

    /// The function of the module `naos` that it opens.
    package var imports: [String] {
      switch self {
      case .time: ["time"]
      }
    }
  }

  /// What every skill may use of its host.
  package static let freeImports = ["fail", "log"]

  package var name: String
  package var version: String
  package var description: String
  package var language: Language
  package var input: JSONValue
  package var output: JSONValue
  package var limits: SkillLimits
  package var grants: Set<Grant>
  /// The hosts that it may send requests to.
  package var hosts: [HostGrant] = []
  /// The models that it may ask; the first where it names none.
  package var models: [String] = []
  /// Whether it may read and write state.
  package var hasState = false

  /// What opens the network to it, by `net`.
  static let requestImports = ["http", "response"]
  /// What opens models to it, by `models`.
  static let modelImports = ["llm", "response"]
  /// What opens state to it, by `state`.
  static let stateImports = ["kv_get", "kv_set"]

  /// Functions of its host that its module may import.
  package var allowedImports: Set<String> {
    var allowed = Set(Self.freeImports + grants.flatMap(\.imports))
    if !hosts.isEmpty { allowed.formUnion(Self.requestImports) }
    if !models.isEmpty { allowed.formUnion(Self.modelImports) }
    if hasState { allowed.formUnion(Self.stateImports) }
    return allowed
  }

  /// It asks nobody, or no more than to be told something, so that a call of it can be made again.
  ///
  /// What it has asked models is answered from the record of the run then.
  package var onlyReads: Bool {
    guard !hasState else { return false }
    return hosts.allSatisfy { !$0.methods.isEmpty && Set($0.methods).isSubset(of: ["GET", "HEAD", "OPTIONS"]) }
  }

  /// The key of its manifest by which its module may import that; nil if there is none.
  package static func key(opening name: String) -> String? {
    if requestImports.contains(name) { return "net: [{ host: …, port: 443, protocol: tls }]" }
    if modelImports.contains(name) { return "models: [openai/gpt-4o-mini]" }
    if stateImports.contains(name) { return "state: true" }
    return Grant.allCases.first { $0.imports.contains(name) }.map { "grants: [\($0.rawValue)]" }
  }

  /// The file of its module, in its folder.
  package var moduleFile: String { name + ".wasm" }
}

extension SkillManifest {
  /// Whether a skill may have that name.
  package static func accepts(name: String) -> Bool { NameRule.plain.accepts(name) }
}
