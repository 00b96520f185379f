// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import Crypto
package import NexusConfig
internal import NexusCore

/// A skill as it lies on the disk: its manifest, its source and its module.
package struct SkillFolder: Sendable, Hashable {
  /// All sources together.
  static let maxSourceBytes = 4 << 20
  static let maxSources = 200
  static let maxModuleBytes = 32 << 20
  private static let sourceFolder = "src"
  private static let stampSection = "naos:source"

  /// Absolute.
  package let path: String
  package let manifest: SkillManifest

  package init(path: String, manifest: SkillManifest) {
    self.path = path
    self.manifest = manifest
  }

  package var modulePath: String { path + "/" + manifest.moduleFile }

  /// How the module stands to the source.
  package enum State: String, Sendable {
    case built
    /// The source is not what the module was made from.
    case stale
    case missing
    /// The file is no module of a skill.
    case broken
  }

  package var state: State {
    guard let bytes = try? Files.read(modulePath, limit: Self.maxModuleBytes) else {
      return Files.exists(modulePath) ? .broken : .missing
    }
    guard let module = WasmReader(bytes), unmetDemand(of: module) == nil else { return .broken }
    let stamp = module.custom.first { $0.name == Self.stampSection }?.content
    guard let digest = try? sourceDigest() else { return .stale }
    return stamp == Array(digest.utf8) ? .built : .stale
  }

  package var moduleSize: Int? { (try? Files.read(modulePath, limit: Self.maxModuleBytes))?.count }

  /// Refuses a module that cannot be what the manifest promises.
  package func checkModule() throws(SkillProblem) {
    // What a component imports, the engine looks at; to read all of it for each call would take longer than the call.
    if manifest.language == .python, Files.exists(modulePath) { return }
    let bytes: [UInt8]
    do { bytes = try Files.read(modulePath, limit: Self.maxModuleBytes) } catch {
      throw SkillProblem(
        "NX-SKL-005", "the skill `\(manifest.name)` has no module that can be read: \(error)",
        hint: "Build it: `naos skill build`.")
    }
    guard let module = WasmReader(bytes) else {
      throw SkillProblem(
        "NX-SKL-005", "\(manifest.moduleFile) is not a WebAssembly module", hint: "Build it again: `naos skill build`.")
    }
    if let problem = unmetDemand(of: module) { throw problem }
  }

  /// What the module wants and is not granted, or lacks.
  func unmetDemand(of module: WasmReader) -> SkillProblem? {
    if manifest.language == .python, manifest.opensHost { return SkillBuilder.noGrants }
    if module.isComponent, manifest.language == .python { return nil }
    if module.isComponent {
      return SkillProblem(
        "NX-SKL-006", "the module is a component, which a skill in \(manifest.language.rawValue) is not",
        hint: "Build it with `naos skill build`.")
    }
    let allowed = manifest.allowedImports
    let unmet = module.imports.filter { $0.module != "naos" || !allowed.contains($0.name) }
    // Several grants open what answers are read with, so that says nothing of which one is meant.
    if let wanted = unmet.first(where: { $0.name != "response" }) ?? unmet.first {
      let key = wanted.module == "naos" ? SkillManifest.key(opening: wanted.name) : nil
      return SkillProblem(
        "NX-SKL-006", "the module imports `\(wanted.module).\(wanted.name)`, which is not granted",
        hint: key.map { "Grant it in skill.yaml: `\($0)`." }
          ?? "A skill may use nothing but what naos offers: see `naos explain NX-SKL-006`.")
    }
    for needed in ["memory", "naos_alloc", "naos_run"] where !module.exports.contains(needed) {
      return SkillProblem(
        "NX-SKL-006", "the module exports no `\(needed)`", hint: "Build it with `naos skill build`.")
    }
    return nil
  }

  // MARK: Source

  /// The sources, by their paths in the folder, sorted.
  func sources() throws(SkillProblem) -> [(path: String, bytes: [UInt8])] {
    let ending = "." + manifest.language.sourceEnding
    var files: [(path: String, bytes: [UInt8])] = []
    var total = 0
    do throws(FileError) {
      for name in try Files.list(path + "/" + Self.sourceFolder) where !name.hasPrefix(".") {
        guard name.hasSuffix(ending) || name.hasSuffix(".h") else { continue }
        let bytes = try Files.read(path + "/" + Self.sourceFolder + "/" + name, limit: Self.maxSourceBytes)
        total += bytes.count
        files.append((Self.sourceFolder + "/" + name, bytes))
      }
    } catch {
      throw SkillProblem("NX-SKL-002", "the source of `\(manifest.name)` cannot be read: \(error)")
    }
    guard files.contains(where: { $0.path.hasSuffix(ending) }) else {
      throw SkillProblem(
        "NX-SKL-002", "there is no source of `\(manifest.name)`: no \(Self.sourceFolder)/*\(ending) in \(path)",
        hint: "Write it there, or say in skill.yaml what `lang` it is in.")
    }
    guard files.count <= Self.maxSources, total <= Self.maxSourceBytes else {
      throw SkillProblem(
        "NX-SKL-002",
        "the source of `\(manifest.name)` has more than \(Self.maxSources) files or \(Self.maxSourceBytes) bytes")
    }
    return files
  }

  /// Names the source together with the kit that it is built with.
  func sourceDigest() throws(SkillProblem) -> String {
    var hash = SHA256()
    func take(_ name: String, _ bytes: [UInt8]) {
      hash.update(data: Array("\(name)\n\(bytes.count)\n".utf8))
      hash.update(data: bytes)
    }
    take(manifest.language.rawValue, [])
    for (name, bytes) in SkillKit.support(of: manifest.language).sorted(by: { $0.key < $1.key }) { take(name, bytes) }
    for source in try sources() { take(source.path, source.bytes) }
    return hash.finalize().map { byte in
      let digits = String(byte, radix: 16)
      return digits.count == 1 ? "0" + digits : digits
    }.joined()
  }

  /// The module with a note of what it was made from.
  func stamped(_ module: [UInt8]) throws(SkillProblem) -> [UInt8] {
    module + WasmReader.customSection(Self.stampSection, Array(try sourceDigest().utf8))
  }
}

extension SkillManifest {
  /// Whether it has more of its host than every skill.
  var opensHost: Bool { !grants.isEmpty || !hosts.isEmpty || !models.isEmpty || hasState }
}

extension SkillManifest.Language {
  var sourceEnding: String {
    switch self {
    case .swift: "swift"
    case .c: "c"
    case .python: "py"
    }
  }
}
