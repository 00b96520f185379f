// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import Glibc
internal import NexusConfig
internal import NexusCore

/// Compiles the source of a skill into its module.
///
/// The same source, kit and toolchain give the same bytes, wherever the folder is.
package struct SkillBuilder: Sendable {
  /// The part of the memory that calls use; a deeper recursion traps, because it is at the bottom.
  static let stackBytes = 256 << 10

  let tools: ToolRunner
  let environment: [String: String]

  package init(tools: ToolRunner, environment: [String: String]) {
    self.tools = tools
    self.environment = environment
  }

  package struct Product: Sendable, Hashable {
    package var bytes: Int
    /// What compilers had to say about a source that they took: warnings.
    package var transcript: String
  }

  /// Builds the module of a skill and puts it into its folder, whole or not at all.
  ///
  /// - Parameters:
  ///   - skill: what is built.
  ///   - directory: where the tools run, so that the places in their messages are relative to it; absolute.
  /// - Returns: what was made.
  /// - Throws: `SkillProblem`, with the compilers' own words where the source does not compile.
  package func build(_ skill: SkillFolder, from directory: String) async throws(SkillProblem) -> Product {
    if skill.manifest.language == .python { return try await buildComponent(skill, from: directory) }
    let toolchain = try Toolchain.find(for: skill.manifest.language, environment: environment)
    let sources = try skill.sources().map(\.path)
    let scratch = try Self.makeScratch(environment)
    defer { try? Files.removeTree(scratch) }
    do throws(FileError) {
      for (name, bytes) in SkillKit.support(of: skill.manifest.language) {
        try Files.write(bytes, to: scratch + "/" + name)
      }
    } catch {
      throw SkillProblem("NX-SKL-004", "the kit cannot be written: \(error)")
    }
    let place = Self.relative(skill.path, to: directory)
    var steps = BuildSteps(tools: tools, toolchain: toolchain, scratch: scratch, directory: directory, prefix: place)
    try await steps.compileC([scratch + "/kit.c"], isKit: true)
    let paths = sources.map { place + $0 }
    if skill.manifest.language == .swift {
      try await steps.compileC([scratch + "/swift.c"], isKit: true)
      try await steps.compileSwift([scratch + "/Naos.swift"] + paths.filter { $0.hasSuffix(".swift") })
    } else {
      try await steps.compileC(paths.filter { $0.hasSuffix(".c") }, isKit: false)
    }
    let linked = try await steps.link()
    guard let module = WasmReader(linked) else {
      throw SkillProblem("NX-SKL-004", "the linker made something that is no module", transcript: steps.transcript)
    }
    if let problem = skill.unmetDemand(of: module) { throw problem }
    return Product(bytes: try keep(linked, of: skill), transcript: steps.transcript)
  }

  /// Puts the module into the folder.
  ///
  /// - Returns: its size.
  func keep(_ module: [UInt8], of skill: SkillFolder) throws(SkillProblem) -> Int {
    let bytes = try skill.stamped(module)
    do throws(FileError) { try Files.write(bytes, to: skill.modulePath) } catch {
      throw SkillProblem("NX-SKL-004", "the module cannot be written: \(error)")
    }
    return bytes.count
  }

  /// A fresh folder that nobody else may enter.
  package static func makeScratch(_ environment: [String: String]) throws(SkillProblem) -> String {
    let parent = environment["TMPDIR"].flatMap { $0.hasPrefix("/") ? $0 : nil } ?? "/tmp"
    var template = Array((parent + "/naos-skill-XXXXXX").utf8CString)
    let made = unsafe template.withUnsafeMutableBufferPointer { buffer -> Bool in
      guard let start = buffer.baseAddress else { return false }
      return unsafe mkdtemp(start) != nil
    }
    guard made else {
      throw SkillProblem("NX-SKL-004", "no folder can be made in \(parent): \(FileError.lastError(parent).message)")
    }
    return String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  /// A folder as it is named from a directory, with a slash at its end; empty for the directory itself.
  static func relative(_ folder: String, to directory: String) -> String {
    if folder == directory { return "" }
    let base = directory == "/" ? "/" : directory + "/"
    return (folder.hasPrefix(base) ? String(folder.dropFirst(base.count)) : folder) + "/"
  }
}

/// The steps of one build.
private struct BuildSteps {
  let tools: ToolRunner
  let toolchain: Toolchain
  let scratch: String
  let directory: String
  /// Before the paths of sources, where it must not be seen in the module.
  let prefix: String
  private(set) var transcript = ""
  private var objects: [String] = []

  init(tools: ToolRunner, toolchain: Toolchain, scratch: String, directory: String, prefix: String) {
    self.tools = tools
    self.toolchain = toolchain
    self.scratch = scratch
    self.directory = directory
    self.prefix = prefix
  }

  private mutating func run(_ program: String, _ arguments: [String]) async throws(SkillProblem) {
    let ending = try await tools.run(program, arguments, in: directory)
    transcript += ending.words + ending.output
    guard !ending.succeeded else { return }
    let name = program.split(separator: "/").last.map(String.init) ?? program
    let errors = transcript.split(separator: "\n").count { $0.contains(": error:") }
    let what = errors == 0 ? "\(name) ended with \(ending.status)" : "\(errors) error\(errors == 1 ? "" : "s")"
    throw SkillProblem(
      "NX-SKL-004", "the source does not compile: \(what)", hint: "Mend what is named above.", transcript: transcript)
  }

  mutating func compileC(_ paths: [String], isKit: Bool) async throws(SkillProblem) {
    for path in paths {
      let object = "\(scratch)/\(objects.count).o"
      let warnings = isKit ? ["-w"] : ["-Wall", "-Wextra"]
      try await run(
        toolchain.clang,
        [
          "--target=\(Toolchain.target)", "-std=c17", "-Os", "-ffreestanding", "-fno-builtin", "-mbulk-memory",
          "-ffunction-sections", "-fdata-sections", "-fno-color-diagnostics", "-I", scratch,
          "-ffile-prefix-map=\(scratch)/=", "-ffile-prefix-map=\(prefix.isEmpty ? directory + "/" : prefix)=",
        ] + warnings + ["-c", path, "-o", object])
      objects.append(object)
    }
  }

  mutating func compileSwift(_ paths: [String]) async throws(SkillProblem) {
    guard let swiftc = toolchain.swiftc else { return }
    let object = "\(scratch)/\(objects.count).o"
    try await run(
      swiftc,
      [
        "-target", Toolchain.target, "-enable-experimental-feature", "Embedded", "-enable-experimental-feature",
        "Extern", "-swift-version", "6", "-wmo", "-parse-as-library", "-Osize", "-module-name", "skill",
        "-diagnostic-style", "llvm", "-no-color-diagnostics", "-module-cache-path", scratch + "/modules",
        "-file-prefix-map", "\(scratch)/=", "-file-prefix-map", "\(prefix.isEmpty ? directory + "/" : prefix)=",
        // Else the object has a hash in it of everything that it was compiled with, paths included.
        "-Xfrontend", "-disable-incremental-llvm-codegen", "-Xcc", "-ffreestanding",
      ] + paths + ["-c", "-o", object])
    objects.append(object)
    if let tables = toolchain.unicodeTables { objects.append(tables) }
  }

  mutating func link() async throws(SkillProblem) -> [UInt8] {
    let module = scratch + "/module.wasm"
    try await run(
      toolchain.linker,
      [
        "--no-entry", "--export=naos_alloc", "--export=naos_run", "-z", "stack-size=\(SkillBuilder.stackBytes)",
        "--stack-first", "--strip-all", "--gc-sections",
      ] + objects + ["-o", module])
    do { return try Files.read(module, limit: SkillFolder.maxModuleBytes) } catch {
      throw SkillProblem("NX-SKL-004", "the module cannot be read: \(error)")
    }
  }
}
