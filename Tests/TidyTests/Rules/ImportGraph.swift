// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

/// Which module may see which: `docs/internals/ARCHITECTURE.md` as a table.
enum ImportGraph {
  /// The modules of this package that each module may import; arrows only point up.
  static let internalImports: [String: Set<String>] = [
    "NexusCore": [],
    "NexusDiagnostics": ["NexusCore", "CErrorPages"],
    "NexusKernel": ["NexusCore"],
    "NexusAudit": ["NexusCore"],
    "NexusStore": ["NexusCore", "NexusAudit", "NexusKernel"],
    "NexusStoreSQLite": ["NexusCore", "NexusAudit", "NexusKernel", "NexusStore", "CSQLite"],
    "NexusConfig": ["NexusCore", "NexusDiagnostics", "NexusKernel", "NexusGates", "CYAML"],
    "NexusTelemetry": ["NexusCore"],
    "NexusAPI": ["NexusCore"],
    "NexusLocalModels": ["NexusCore"],
    "NexusSandbox": ["NexusCore", "CGuard"],
    "NexusWasm": ["NexusCore", "CGuard", "CWasmtime"],
    "NexusHTTP": ["NexusCore"],
    "NexusEgress": ["NexusCore", "NexusHTTP"],
    "NexusGateway": ["NexusCore", "NexusKernel", "NexusStore", "NexusLocalModels"],
    "NexusRuntime": ["NexusCore", "NexusKernel", "NexusStore"],
    "NexusTools": ["NexusCore", "NexusHTTP", "NexusLocalModels"],
    "NexusGates": ["NexusCore", "NexusDiagnostics"],
    "NexusSkills": ["NexusCore", "NexusConfig", "NexusDiagnostics", "NexusGates", "CTemplates"],
    // Swift among the templates is source of skills, which stands alone.
    "CTemplates": [],
    "NexusLLMAgent": ["NexusCore", "NexusHTTP"],
    "NexusServer": ["NexusCore", "NexusAPI", "NexusTelemetry", "CDashboard"],
    "NexusNode": [
      "NexusCore", "NexusAudit", "NexusDiagnostics", "NexusKernel", "NexusStore", "NexusStoreSQLite", "NexusConfig",
      "NexusGates", "NexusTelemetry", "NexusAPI", "NexusLocalModels", "NexusSandbox", "NexusWasm", "NexusHTTP",
      "NexusEgress",
      "NexusGateway", "NexusRuntime",
      "NexusTools", "NexusSkills", "NexusServer",
    ],
    "NexusCLI": [
      "NexusCore", "NexusAPI", "NexusConfig", "NexusDiagnostics", "NexusGates", "NexusKernel", "NexusNode",
      "NexusHTTP", "NexusLLMAgent", "NexusSkills", "CTemplates",
    ],
    "NexusTestKit": ["NexusCore", "NexusAudit", "NexusKernel", "NexusStore", "NexusRuntime"],
    "NexusSupervisionKit": ["NexusCore", "NexusKernel"],
    "NexusFlowKit": ["NexusCore", "NexusKernel"],
    "naos": ["NexusCLI", "CGuard", "CAllocator"],
    "naos-store-fixture": ["NexusCore", "NexusStore", "NexusStoreSQLite", "NexusTestKit"],
    "naos-bench": [
      "NexusCore", "NexusAudit", "NexusGates", "NexusKernel", "NexusStore", "NexusStoreSQLite", "CAllocator",
    ],
    "naos-bench-flows": [
      "NexusCore", "NexusKernel", "NexusStore", "NexusStoreSQLite", "NexusRuntime", "NexusGateway", "NexusTestKit",
      "CAllocator",
    ],
    "naos-bench-proxy": ["CAllocator"],
    "naos-bench-process": ["NexusCore", "NexusSandbox"],
    "naos-bench-wasm": ["NexusCore", "NexusSandbox", "NexusWasm", "CWasmtime"],
  ]

  /// Heavy dependencies stay in leaves, so that an edit of the kernel builds in seconds.
  static let externalImports: [String: Set<String>] = [
    "NIOCore": ["NexusHTTP", "NexusEgress", "NexusGateway", "NexusServer", "NexusNode"],
    "NIOPosix": ["NexusHTTP", "NexusEgress", "NexusGateway", "NexusServer", "NexusNode"],
    "NIOHTTP1": ["NexusHTTP", "NexusGateway", "NexusServer"],
    "NIOTLS": ["NexusEgress", "NexusGateway"],
    "NIOSSL": ["NexusHTTP", "NexusEgress", "NexusGateway"],
    "Hummingbird": ["NexusServer"],
    "HummingbirdCore": ["NexusServer"],
    "HTTPTypes": ["NexusServer"],
    "ArgumentParser": ["NexusCLI"],
    "ServiceLifecycle": ["NexusNode"],
    "UnixSignals": ["NexusNode"],
    "Crypto": [
      "NexusAudit", "NexusStoreSQLite", "NexusWasm", "NexusSkills", "NexusEgress", "NexusGateway", "NexusServer",
      "NexusNode",
    ],
    "Logging": ["NexusTelemetry", "NexusServer", "NexusNode"],
    "DequeModule": ["NexusKernel", "NexusGateway", "NexusRuntime"],
    "HeapModule": ["NexusKernel"],
  ]

  /// Comes with the toolchain.
  static let toolchain: Set<String> = [
    "Glibc", "Synchronization", "FoundationEssentials", "Dispatch", "PackageDescription",
  ]

  static func imports(of file: SourceFile) -> [(module: String, line: Int)] {
    file.codeLines.enumerated().compactMap { number, line in
      var words = line.split(separator: " ")
      while let first = words.first, first.hasPrefix("@") || accessLevels.contains(first) { words.removeFirst() }
      guard words.first == "import", words.count > 1 else { return nil }
      let name = kinds.contains(words[1]) && words.count > 2 ? words[2] : words[1]
      return (String(name.split(separator: ".")[0]), number + 1)
    }
  }

  private static let accessLevels: Set<Substring> = ["public", "package", "internal", "fileprivate", "private"]
  private static let kinds: Set<Substring> = ["struct", "class", "enum", "protocol", "func", "let", "var", "typealias"]

  static func findings(in file: SourceFile) -> [Finding] {
    guard file.isSwift, file.isSource, let module = file.module else { return [] }
    guard let allowed = internalImports[module] else {
      return [Finding(path: file.path, line: 1, message: "the module \(module) is missing in the import graph")]
    }
    return imports(of: file).compactMap { name, line in
      if toolchain.contains(name) || allowed.contains(name) { return nil }
      if externalImports[name]?.contains(module) == true { return nil }
      return Finding(path: file.path, line: line, message: "\(module) may not import \(name)")
    }
  }

  /// What `Package.swift` lets each module see, against the table; `text` is the manifest.
  static func manifestFindings(_ manifest: SourceFile) -> [Finding] {
    let declared = dependencies(in: manifest)
    var findings: [Finding] = []
    for (module, names) in declared.sorted(by: { $0.key < $1.key }) {
      guard let allowed = internalImports[module] else {
        findings.append(Finding(path: manifest.path, line: 1, message: "\(module) is missing in the import graph"))
        continue
      }
      for name in names.sorted() where !allowed.contains(name) {
        findings.append(Finding(path: manifest.path, line: 1, message: "\(module) may not depend on \(name)"))
      }
    }
    return findings
  }

  /// The quoted dependencies of each `module(…)` and executable of the manifest.
  static func dependencies(in manifest: SourceFile) -> [String: Set<String>] {
    var result: [String: Set<String>] = [:]
    for opening in ["module(", ".executableTarget("] {
      for offset in manifest.code.offsets(ofWord: opening) {
        var strings = quotedStrings(in: manifest.bytes, from: offset + opening.utf8.count)
        guard !strings.isEmpty else { continue }
        let name = strings.removeFirst()
        result[name, default: []].formUnion(strings.filter { internalImports[$0] != nil || $0.hasPrefix("C") })
      }
    }
    return result
  }

  /// The string literals up to the parenthesis that closes the call.
  private static func quotedStrings(in bytes: [UInt8], from start: Int) -> [String] {
    var strings: [String] = []
    var depth = 1
    var index = start
    while index < bytes.count, depth > 0 {
      switch bytes[index] {
      case UInt8(ascii: "("): depth += 1
      case UInt8(ascii: ")"): depth -= 1
      case UInt8(ascii: "\""):
        guard let end = bytes[(index + 1)...].firstIndex(of: UInt8(ascii: "\"")) else { return strings }
        strings.append(String(decoding: bytes[(index + 1)..<end], as: UTF8.self))
        index = end
      default: break
      }
      index += 1
    }
    return strings
  }

  /// The page that explains the graph names every module of it.
  static func pageFindings(_ page: SourceFile) -> [Finding] {
    internalImports.keys.sorted().compactMap { module in
      guard module.hasPrefix("Nexus"), !page.text.contains("| `\(module)` |") else { return nil }
      return Finding(path: page.path, line: 1, message: "the table of modules lacks \(module)")
    }
  }

  /// A cycle would let two modules see each other through a third; nil if there is none.
  static func cycle(in graph: [String: Set<String>]) -> String? {
    var finished: Set<String> = []
    func visit(_ name: String, _ path: [String]) -> String? {
      if path.contains(name) { return (path + [name]).joined(separator: " → ") }
      guard !finished.contains(name) else { return nil }
      for next in graph[name, default: []].sorted() {
        if let cycle = visit(next, path + [name]) { return cycle }
      }
      finished.insert(name)
      return nil
    }
    return graph.keys.sorted().lazy.compactMap { visit($0, []) }.first
  }
}
