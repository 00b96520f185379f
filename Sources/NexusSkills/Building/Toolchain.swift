// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import Glibc
internal import NexusConfig
internal import NexusCore

/// The compilers of skills, as they are on this machine.
struct Toolchain: Sendable {
  /// What every module is compiled for: no system, nothing but WebAssembly.
  static let target = "wasm32-unknown-none-wasm"

  let clang: String
  let linker: String
  /// Nil where the language does not need it.
  let swiftc: String?
  /// Unicode's tables, linked where a skill asks what texts mean; nil if the toolchain has none.
  let unicodeTables: String?

  /// Finds the tools for a language in `PATH`.
  ///
  /// - Throws: `SkillProblem` that names what is missing and how to get it.
  static func find(
    for language: SkillManifest.Language, environment: [String: String]
  ) throws(SkillProblem) -> Toolchain {
    let folders = (environment["PATH"] ?? "").split(separator: ":").map(String.init).filter { $0.hasPrefix("/") }
    func program(_ name: String, near other: String? = nil) -> String? {
      // A toolchain's own clang and linker fit each other; what else is in PATH may be of any age.
      let own = other.flatMap { resolved($0) }.map { String($0[..<($0.lastIndex(of: "/") ?? $0.endIndex)]) }
      return ((own.map { [$0] } ?? []) + folders).map { $0 + "/" + name }.first { unsafe access($0, X_OK) == 0 }
    }
    let swiftc = program("swiftc")
    if language == .swift, swiftc == nil { throw missing("swiftc", for: language) }
    guard let clang = program("clang", near: swiftc) else { throw missing("clang", for: language) }
    guard let linker = program("wasm-ld", near: clang) else { throw missing("wasm-ld", for: language) }
    guard language == .swift, let swiftc else {
      return Toolchain(clang: clang, linker: linker, swiftc: nil, unicodeTables: nil)
    }
    let library = resolved(swiftc).flatMap { path -> String? in
      let parts = path.split(separator: "/").dropLast(2)
      return "/" + parts.joined(separator: "/") + "/lib/swift/embedded"
    }
    guard let library, Files.isDirectory(library) else {
      throw SkillProblem(
        "NX-SKL-003", "\(swiftc) comes without Embedded Swift",
        hint: "Install a toolchain of swift.org, 6.3 or newer, and put its usr/bin first in PATH.")
    }
    let tables = "\(library)/\(target)/libswiftUnicodeDataTables.a"
    return Toolchain(
      clang: clang, linker: linker, swiftc: swiftc, unicodeTables: Files.exists(tables) ? tables : nil)
  }

  /// Finds what makes components of Python.
  static func component(environment: [String: String]) throws(SkillProblem) -> String {
    let tool = "componentize-py"
    let folders = (environment["PATH"] ?? "").split(separator: ":").map(String.init).filter { $0.hasPrefix("/") }
    guard let found = folders.map({ $0 + "/" + tool }).first(where: { unsafe access($0, X_OK) == 0 }) else {
      throw SkillProblem(
        "NX-SKL-003", "there is no `\(tool)` in PATH, and a skill in python is built with it",
        hint: "`python3 -m venv componentize && componentize/bin/pip install componentize-py==0.25.1`, and put "
          + "componentize/bin in PATH.")
    }
    return found
  }

  private static func missing(_ tool: String, for language: SkillManifest.Language) -> SkillProblem {
    SkillProblem(
      "NX-SKL-003", "there is no `\(tool)` in PATH, and a skill in \(language.rawValue) is built with it",
      hint: language == .swift || tool == "swiftc"
        ? "Install a Swift toolchain of swift.org, 6.3 or newer: swiftc, clang and wasm-ld are all in it."
        : "Install a Swift toolchain of swift.org, or clang and lld of your system, and put them in PATH.")
  }

  /// Where a link leads in the end.
  private static func resolved(_ path: String) -> String? {
    guard let real = unsafe realpath(path, nil) else { return nil }
    defer { unsafe free(real) }
    return unsafe String(cString: real)
  }
}
