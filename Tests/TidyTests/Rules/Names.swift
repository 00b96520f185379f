// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

/// What files, folders and types may not be called.
enum Names {
  /// Overloaded words: fine inside a type, wrong on their own.
  static let bareTypeNames: Set<Substring> = ["Task", "Job", "Event", "Context", "Manager", "Handler", "Service"]
  static let folderNames: Set<Substring> = [
    "Utils", "Util", "Utilities", "Helpers", "Helper", "Managers", "Common", "Misc", "Extensions", "Shared",
  ]
  private static let kinds: Set<Substring> = ["struct", "class", "enum", "actor", "protocol", "typealias"]

  static func typeFindings(in file: SourceFile) -> [Finding] {
    guard file.isSwift, file.isSource else { return [] }
    var depth = 0
    var findings: [Finding] = []
    for (number, line) in file.codeLines.enumerated() {
      if depth == 0, let name = declaredType(in: line), bareTypeNames.contains(name) {
        findings.append(
          Finding(path: file.path, line: number + 1, message: "a top-level type called \(name): say of what"))
      }
      depth += line.utf8.count { $0 == UInt8(ascii: "{") } - line.utf8.count { $0 == UInt8(ascii: "}") }
    }
    return findings
  }

  private static func declaredType(in line: Substring) -> Substring? {
    let words = line.split(whereSeparator: { !($0.isLetter || $0.isNumber || $0 == "_") })
    guard let kind = words.firstIndex(where: { kinds.contains($0) }), kind + 1 < words.count else { return nil }
    return words[kind + 1]
  }

  static func folderFindings(in tree: SourceTree) -> [Finding] {
    tree.folders.sorted().compactMap { folder in
      guard let last = folder.split(separator: "/").last, folderNames.contains(last) else { return nil }
      return Finding(path: folder, line: 1, message: "a folder is named by the idea that it holds, not \(last)")
    }
  }
}

/// What every file begins with, and the file that every module has.
enum Headers {
  private static let endings = [".swift", ".c", ".h", ".sh", ".py", ".lua", "/run", ".js", ".css"]

  static func findings(in file: SourceFile) -> [Finding] {
    guard endings.contains(where: { file.path.hasSuffix($0) }), !isTemplate(file.path) else { return [] }
    let lines = file.lines.prefix(3)
    guard
      lines.contains(where: { $0.contains("SPDX-License-Identifier: Apache-2.0") }),
      lines.contains(where: { $0.contains("Copyright the Nexus OS authors") })
    else { return [Finding(path: file.path, line: 1, message: "the two lines of the SPDX header are missing")] }
    return []
  }

  /// What `naos create` writes belongs to the user, not to us.
  private static func isTemplate(_ path: String) -> Bool {
    path.hasPrefix("Sources/CTemplates/templates/") || path.hasPrefix("examples/")
  }

  static func canaryFindings(in tree: SourceTree) -> [Finding] {
    Set(tree.swift.filter(\.isSource).compactMap(\.module)).sorted().compactMap { module in
      guard module.hasPrefix("Nexus") else { return nil }
      let path = "Sources/\(module)/HouseCanary.swift"
      guard let canary = tree.file(path), canary.text.contains("#if !hasFeature("),
        canary.text.contains("\"\(module) is built without the house settings")
      else { return Finding(path: path, line: 1, message: "\(module) has no canary for the house settings") }
      return nil
    }
  }
}
