// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusConfig
internal import NexusCore

/// Skills in Python: `componentize-py` puts the source and an interpreter into a component.
extension SkillBuilder {
  private static let tool = "componentize-py"
  /// The world that the component has, in `world.wit` of the kit.
  private static let world = "naos-skill"
  private static let entry = "src/skill.py"

  static let noGrants = SkillProblem(
    "NX-SKL-011", "a skill in Python can be granted nothing: its component may import nothing",
    hint: "Take `grants` out of skill.yaml; what it needs to know can be in its input.")

  func buildComponent(_ skill: SkillFolder, from directory: String) async throws(SkillProblem) -> Product {
    guard !skill.manifest.opensHost else { throw Self.noGrants }
    let tool = try Toolchain.component(environment: environment)
    let sources = try skill.sources()
    guard sources.contains(where: { $0.path == Self.entry }) else {
      throw SkillProblem(
        "NX-SKL-002", "there is no \(Self.entry) of `\(skill.manifest.name)`", hint: "Its function `skill` is called.")
    }
    let scratch = try Self.makeScratch(environment)
    defer { try? Files.removeTree(scratch) }
    do throws(FileError) {
      for (name, bytes) in SkillKit.support(of: .python) { try Files.write(bytes, to: scratch + "/" + name) }
      // A copy: the interpreter leaves what it compiled beside the source.
      try Files.makeDirectory(scratch + "/src")
      for source in sources { try Files.write(source.bytes, to: scratch + "/" + source.path) }
    } catch {
      throw SkillProblem("NX-SKL-004", "the kit cannot be written: \(error)")
    }
    let module = scratch + "/module.wasm"
    let ending = try await tools.run(
      tool,
      [
        "-q", "-d", scratch + "/world.wit", "-w", Self.world, "componentize", "--stub-wasi", "-p", scratch + "/src",
        "-p", scratch, "-o", module, "naos_app",
      ], in: directory)
    // The places in its messages are those of the source; the interpreter sees that as its first folder.
    let place = Self.relative(skill.path, to: directory) + "src/"
    let transcript = (ending.words + ending.output)
      .replacing(scratch + "/src/", with: place).replacing("\"/0/", with: "\"" + place)
    guard ending.succeeded else {
      throw SkillProblem(
        "NX-SKL-004", "the source does not become a component: \(Self.tool) ended with \(ending.status)",
        hint: "Mend what is named above.", transcript: transcript)
    }
    let bytes: [UInt8]
    do { bytes = try Files.read(module, limit: SkillFolder.maxModuleBytes) } catch {
      throw SkillProblem("NX-SKL-004", "the component cannot be read: \(error)", transcript: transcript)
    }
    guard WasmReader(bytes)?.isComponent == true else {
      throw SkillProblem(
        "NX-SKL-004", "\(Self.tool) made something that is no component", transcript: transcript)
    }
    return Product(bytes: try keep(bytes, of: skill), transcript: transcript)
  }
}
