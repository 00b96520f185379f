// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

/// Error codes and their pages, links, and the tone of what people read.
enum Documents {
  static let readmeLimit = 150

  /// Stable codes in a text, with their lines.
  static func codes(in file: SourceFile) -> [(code: String, line: Int)] {
    file.bytes.offsets(of: "NX-").compactMap { offset in
      let rest = file.bytes[offset...].prefix(10)
      guard rest.count == 10, isCode(Array(rest)) else { return nil }
      let after = offset + 10
      if after < file.bytes.count, file.bytes[after].isIdentifierByte { return nil }
      return (String(decoding: rest, as: UTF8.self), file.line(of: offset))
    }
  }

  private static func isCode(_ bytes: [UInt8]) -> Bool {
    bytes[3..<6].allSatisfy { (0x41...0x5A).contains($0) } && bytes[6] == UInt8(ascii: "-")
      && bytes[7..<10].allSatisfy { (0x30...0x39).contains($0) }
  }

  static func codeFindings(in tree: SourceTree) -> [Finding] {
    let pages = Set(tree.documents.compactMap { pageCode(of: $0.path) })
    var used: Set<String> = []
    var findings: [Finding] = []
    for file in tree.swift where file.isSource {
      for (code, line) in codes(in: file) where used.insert(code).inserted && !pages.contains(code) {
        findings.append(Finding(path: file.path, line: line, message: "\(code) has no page docs/errors/\(code).md"))
      }
    }
    for page in pages.subtracting(used).sorted() {
      findings.append(Finding(path: "docs/errors/\(page).md", line: 1, message: "no source uses \(page)"))
    }
    return findings
  }

  private static func pageCode(of path: String) -> String? {
    let prefix = "docs/errors/NX-"
    guard path.hasPrefix(prefix), path.hasSuffix(".md") else { return nil }
    return String(path.dropFirst(prefix.count - 3).dropLast(3))
  }

  static func pageFindings(in file: SourceFile) -> [Finding] {
    guard let code = pageCode(of: file.path) else { return [] }
    var missing: [String] = []
    if !file.text.hasPrefix("# \(code): ") { missing.append("a first line `# \(code): title`") }
    for part in ["What happened", "Why", "What to do"] where !file.text.contains(part) { missing.append("`\(part)`") }
    return missing.map { Finding(path: file.path, line: 1, message: "the page lacks \($0)") }
  }

  /// Every page of an error must be in the table that is built into the binary, and nothing else.
  static func tableFindings(in tree: SourceTree) -> [Finding] {
    let path = "Sources/CErrorPages/pages.c"
    guard let table = tree.file(path) else { return [Finding(path: path, line: 1, message: "the table is missing")] }
    let listed = Set(codes(in: table).map(\.code))
    let pages = Set(tree.documents.compactMap { pageCode(of: $0.path) })
    return pages.symmetricDifference(listed).sorted().map {
      let message = pages.contains($0) ? "\($0) is not in the table" : "\($0) has no page"
      return Finding(path: path, line: 1, message: message)
    }
  }

  /// Every module of the dashboard must be imported by another or be where a page begins; every other file is a page, or
  /// named by one.
  static func dashboardFindings(in tree: SourceTree) -> [Finding] {
    let folder = "Sources/CDashboard/web/"
    let files = tree.files.filter { $0.path.hasPrefix(folder) }
    guard files.contains(where: { $0.path == folder + "index.html" }) else {
      return [Finding(path: folder, line: 1, message: "the page is missing")]
    }
    return files.compactMap { file in
      let name = file.path.dropFirst(folder.count)
      let isUsed =
        name.hasSuffix(".html")
        || files.contains { $0.text.contains("from \"./\(name)\"") || $0.text.contains("=\"/\(name)\"") }
      return isUsed ? nil : Finding(path: file.path, line: 1, message: "nothing of the dashboard uses it")
    }
  }

  /// Relative links that lead nowhere.
  static func linkFindings(in file: SourceFile, tree: SourceTree) -> [Finding] {
    guard file.isDocument else { return [] }
    let folder = file.path.split(separator: "/").dropLast().map(String.init)
    return file.bytes.offsets(of: "](").compactMap { offset in
      let target = String(decoding: file.bytes[(offset + 2)...].prefix { $0 != UInt8(ascii: ")") }, as: UTF8.self)
      if target.contains("://") || target.hasPrefix("#") || target.hasPrefix("mailto:") || target.isEmpty { return nil }
      let path = resolve(String(target.prefix { $0 != "#" }), from: folder)
      if tree.file(path) != nil || tree.folders.contains(path) || tree.pictures.contains(path) { return nil }
      return Finding(path: file.path, line: file.line(of: offset), message: "the link \(target) leads nowhere")
    }
  }

  private static func resolve(_ target: String, from folder: [String]) -> String {
    var parts = folder
    for part in target.split(separator: "/") where part != "." {
      if part == ".." { _ = parts.popLast() } else { parts.append(String(part)) }
    }
    return parts.joined(separator: "/")
  }

  /// Pages speak of what is; the future belongs into issues.
  static let promises = [
    "coming soon", "in the future", "roadmap", "will be added", "not yet implemented", "planned for",
  ]

  static func toneFindings(in file: SourceFile) -> [Finding] {
    guard file.isDocument else { return [] }
    var findings: [Finding] = []
    for (number, line) in file.lines.enumerated() {
      let lower = line.lowercased()
      for promise in promises where lower.contains(promise) {
        findings.append(Finding(path: file.path, line: number + 1, message: "`\(promise)`: say what there is"))
      }
      if line.unicodeScalars.contains(where: \.properties.isEmojiPresentation) {
        findings.append(Finding(path: file.path, line: number + 1, message: "no emoji"))
      }
    }
    if file.path == "README.md", file.lineCount > readmeLimit {
      findings.append(Finding(path: file.path, line: 1, message: "the README has more than \(readmeLimit) lines"))
    }
    return findings
  }
}

/// What no file of the repository says.
enum Outsiders {
  /// Folders of one machine, in two halves because this file is checked as well.
  static let machinePaths = ["/wo" + "rk/", "/ro" + "ot/", "/op" + "t/", "/tmp/b" + "/", "/home/" + "user"]

  /// The project speaks of itself, not of how it came about.
  static let phrases = [
    "co-auth" + "ored-by", "generated w" + "ith", "ai assis" + "tant", "as an a" + "i ", "this ses" + "sion of",
    "sub" + "agent", "the br" + "ief says", "house hel" + "per",
  ]

  static func findings(in file: SourceFile) -> [Finding] {
    let lower = Array(file.text.lowercased().utf8)
    return (machinePaths + phrases).flatMap { word in
      lower.offsets(of: word).map {
        let line = 1 + lower[..<$0].count { $0 == UInt8(ascii: "\n") }
        return Finding(path: file.path, line: line, message: "`\(word)` does not belong into the project")
      }
    }
  }
}
