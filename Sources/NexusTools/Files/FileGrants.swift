// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

/// Which paths an agent may read, and how they are shown to it.
struct FileGrants: Sendable {
  private let workingDirectory: [String]
  private let roots: [[String]]

  init(_ access: ToolAccess) {
    workingDirectory = Self.components(access.workingDirectory)
    // Sorted by name, and a root inside another is left out: a file must not be found twice.
    let all = access.readPaths.map(Self.components).sorted { $0.lexicographicallyPrecedes($1) }
    var kept: [[String]] = []
    for root in all where !kept.contains(where: { root.starts(with: $0) }) { kept.append(root) }
    roots = kept
  }

  var isEmpty: Bool { roots.isEmpty }

  /// The components of an absolute path, with `.` and `..` taken out.
  static func components(_ path: String) -> [String] {
    var components: [String] = []
    for component in path.split(separator: "/") {
      switch component {
      case ".": continue
      case "..": _ = components.popLast()
      default: components.append(String(component))
      }
    }
    return components
  }

  /// A place below a granted root.
  struct Place: Sendable, Hashable {
    let root: [String]
    let below: [String]
    var rootPath: String { "/" + root.joined(separator: "/") }
  }

  var everything: [Place] { roots.map { Place(root: $0, below: []) } }

  func place(of path: String) throws(ToolFailure) -> Place {
    let absolute = Self.components(
      path.hasPrefix("/") ? path : "/" + workingDirectory.joined(separator: "/") + "/" + path)
    guard let root = roots.first(where: { absolute.starts(with: $0) }) else {
      let granted = roots.map { shown(Place(root: $0, below: [])) }.joined(separator: ", ")
      throw ToolFailure(
        roots.isEmpty
          ? "no folder is granted to this agent" : "'\(path)' is outside the granted folders: \(granted)")
    }
    return Place(root: root, below: Array(absolute.dropFirst(root.count)))
  }

  /// The path as the agent sees it: relative to its working directory where it lies below.
  func shown(_ place: Place) -> String {
    let absolute = place.root + place.below
    guard absolute.starts(with: workingDirectory) else { return "/" + absolute.joined(separator: "/") }
    let relative = absolute.dropFirst(workingDirectory.count).joined(separator: "/")
    return relative.isEmpty ? "." : relative
  }
}
