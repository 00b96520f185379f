// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import FoundationEssentials
import NexusConfig
import NexusCore
import NexusSkills
import Testing

/// A skill in a folder of its own, as a test describes it.
struct SkillBench {
  static let manifest = """
    name: probe
    version: 1.0.0
    description: Probes.
    lang: c
    input: { type: object, properties: { n: { type: integer } }, required: [n] }
    output: { type: integer }
    """

  /// Makes the folder, runs the body and leaves nothing behind.
  static func with<Value>(
    _ manifest: String = manifest, module: [UInt8]? = Module().bytes, _ body: (String) async throws -> Value
  ) async throws -> Value {
    let root = FileManager.default.temporaryDirectory.path + "/naos-skill-test-" + UUID().uuidString.lowercased()
    let folder = root + "/probe"
    try FileManager.default.createDirectory(atPath: folder + "/src", withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: root) }
    try Files.write(Array(manifest.utf8), to: folder + "/skill.yaml")
    try Files.write(Array("void f(void) {}\n".utf8), to: folder + "/src/probe.c")
    if let module { try Files.write(module, to: folder + "/probe.wasm") }
    return try await body(folder)
  }

  static func read(_ folder: String) throws -> SkillFolder {
    let reading = SkillReading(folder: folder, shownAs: "probe")
    return SkillFolder(path: folder, manifest: try #require(reading.manifest, "\(reading.diagnostics)"))
  }
}

/// The head of a module: what it imports and exports.
struct Module {
  var imports: [(module: String, name: String)] = [("naos", "fail")]
  var exports = ["memory", "naos_alloc", "naos_run"]

  var bytes: [UInt8] {
    func text(_ text: String) -> [UInt8] { [UInt8(text.utf8.count)] + Array(text.utf8) }
    func section(_ id: UInt8, _ content: [UInt8]) -> [UInt8] { [id, UInt8(content.count)] + content }
    var wanted = [UInt8(imports.count)]
    for one in imports { wanted += text(one.module) + text(one.name) + [0, 0] }
    var offered = [UInt8(exports.count)]
    for name in exports { offered += text(name) + [0, 0] }
    let header: [UInt8] = [0, 0x61, 0x73, 0x6D, 1, 0, 0, 0]
    return header + section(2, wanted) + section(7, offered)
  }
}

/// An engine that answers as a test says.
struct ScriptedEngine: SkillEngine {
  let answer: @Sendable ([UInt8]) throws(SkillFailure) -> [UInt8]

  func call(
    _ module: SkillModule, input: [UInt8], limits: SkillLimits, host: SkillHost
  ) async throws(SkillFailure) -> SkillResult {
    SkillResult(output: try answer(input))
  }
}
