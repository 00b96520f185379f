// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

/// The folder of a project, and how paths in its file are meant.
struct ProjectPaths: Sendable {
  /// Absolute, without a slash at its end.
  let directory: String

  init(directory: String) { self.directory = Self.normalised(directory) }

  /// The folder's name, made to fit the rule for names.
  var defaultName: String {
    let last = directory.split(separator: "/").last.map(String.init) ?? "project"
    if NameRule.plain.accepts(last) { return last }
    return NameRule.plain.repaired(last) ?? "project"
  }

  /// The absolute form of a path that is relative to the project.
  func resolved(_ path: String) -> String {
    Self.normalised(path.hasPrefix("/") ? path : directory + "/" + path)
  }

  /// The path as the file would write it; itself if it is outside the project.
  func relative(_ path: String) -> String {
    if path == directory { return "." }
    return path.hasPrefix(directory + "/") ? String(path.dropFirst(directory.count + 1)) : path
  }

  func contains(_ path: String) -> Bool { path == directory || path.hasPrefix(directory + "/") }

  /// Where naos keeps its state, which no grant may name.
  var state: String { directory + "/.naos" }

  /// Without `.`, `..` and doubled slashes, by the text alone.
  static func normalised(_ path: String) -> String {
    var parts: [Substring] = []
    for part in path.split(separator: "/") {
      switch part {
      case ".": continue
      case "..": parts = parts.dropLast()
      default: parts.append(part)
      }
    }
    return "/" + parts.joined(separator: "/")
  }
}
