// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import FoundationEssentials

/// The repository as it lies on the disk.
struct SourceTree: Sendable {
  let files: [SourceFile]
  /// Every folder below the root that holds a file, relative to it.
  let folders: Set<String>
  /// Pictures that documents may show.
  let pictures: Set<String>

  private static let roots = ["Sources", "Tests", "docs", "bench", "scripts", "examples", ".ci"]
  private static let single = [
    "Package.swift", "Makefile", "README.md", "CONTRIBUTING.md", "CHANGELOG.md", "LICENSE", ".editorconfig",
    ".gitignore", ".swift-format",
  ]
  private static let textEndings = [
    ".swift", ".c", ".h", ".md", ".sh", ".py", ".yaml", ".yml", ".json", ".js", ".css", ".html", ".modulemap", ".lua",
    ".conf", ".txt", ".expected", ".toml", ".erl", "/run", "Makefile", "LICENSE", ".editorconfig", ".gitignore",
    ".swift-format",
  ]
  /// `packed` is what `scripts/embed-dashboard.sh` makes of files that are in the tree themselves.
  private static let ignoredFolders: Set<Substring> = [
    "packed", ".venv", "__pycache__", ".naos", "node_modules", ".build",
  ]

  static let shared = SourceTree(root: rootPath)

  static var rootPath: String {
    var parts = #filePath.split(separator: "/", omittingEmptySubsequences: false)
    while !parts.isEmpty, parts.removeLast() != "Tests" {}
    return parts.joined(separator: "/")
  }

  init(files: [SourceFile], pictures: Set<String> = []) {
    self.files = files
    self.pictures = pictures
    folders = Self.folders(of: files)
  }

  private init(root: String) {
    var paths = Self.single
    for folder in Self.roots {
      let below = (try? FileManager.default.subpathsOfDirectory(atPath: root + "/" + folder)) ?? []
      paths += below.map { folder + "/" + $0 }
    }
    pictures = Set(paths.filter { $0.hasSuffix(".png") })
    files = paths.sorted().compactMap { path in
      guard Self.textEndings.contains(where: { path.hasSuffix($0) }),
        Self.ignoredFolders.isDisjoint(with: path.split(separator: "/")),
        let data = FileManager.default.contents(atPath: root + "/" + path),
        let text = String(validating: data, as: UTF8.self)
      else { return nil }
      return SourceFile(path: path, text: text)
    }
    folders = Self.folders(of: files)
  }

  private static func folders(of files: [SourceFile]) -> Set<String> {
    var folders: Set<String> = []
    for file in files {
      var parts = file.path.split(separator: "/").dropLast()
      while !parts.isEmpty {
        folders.insert(parts.joined(separator: "/"))
        parts = parts.dropLast()
      }
    }
    return folders
  }

  var swift: [SourceFile] { files.filter(\.isSwift) }
  var documents: [SourceFile] { files.filter(\.isDocument) }

  func file(_ path: String) -> SourceFile? { files.first { $0.path == path } }
}
