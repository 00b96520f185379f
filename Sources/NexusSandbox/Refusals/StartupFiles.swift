// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import CGuard
internal import Glibc
package import NexusCore

/// The startup files in the folders that a sandbox may write to: those that it cannot change, and what became of the
/// others while it ran.
///
/// What is there is mounted read only. Where there is nothing, nothing can be mounted; then all that is left is to look.
package struct StartupFiles: Sendable {
  /// More files than that of one grant are not looked at, nor deeper ones.
  package static let mostFiles = 1000
  private static let mostDepth = 4
  // Glibc keeps O_PATH behind _GNU_SOURCE, which its module does not show.
  fileprivate static let pathOnly: Int32 = 0o10_000_000

  private let outside: OutsidePaths
  /// Paths on the host that the sandbox could not write to, and what it has a grant of its own for.
  private let settled: [String]
  private let before: [String: Mark]

  /// Looks at what is there now, before the sandbox is made.
  package init(_ enclosure: Enclosure, workingDirectory: String) {
    outside = OutsidePaths(enclosure, workingDirectory: workingDirectory)
    let granted = outside.folders.filter(\.isWritable).map(\.place)
    var settled = enclosure.kept.map(outside.resolved)
    for folder in outside.folders where folder.isWritable {
      let own = Self.held(in: folder, granted: granted) + Self.hidden(in: folder)
      settled += own.map { "\(folder.path)/\($0)" }
    }
    let paths = outside.folders.filter(\.isWritable).map(\.path)
    // What lies in another grant was granted by itself.
    self.settled = settled + paths.filter { path in paths.contains { path.hasPrefix($0 + "/") } }
    before = Self.marks(outside)
  }

  /// Those that were made or changed since, by whomever, as far as the sandbox could have done that; sorted.
  package func changed() -> [String] {
    Self.marks(outside).filter { path, mark in
      before[path] != mark && !settled.contains { path == $0 || path.hasPrefix($0 + "/") }
    }.map(\.key).sorted()
  }

  /// Where a path of the sandbox is outside.
  package func path(of place: String) -> String { outside(place) }

  /// Those of a folder that are to be kept as they are, relative to it; not what has a grant of its own, nor links, which
  /// nothing can be mounted on.
  static func held(in folder: Enclosure.Folder, granted: [String]) -> [String] {
    guard let root = Descriptor(opening: folder.path) else { return [] }
    return StartupPlace.all.filter { place in
      let whole = "\(folder.place)/\(place.name)"
      let isGranted = granted.contains { $0 == whole || $0.hasPrefix(whole + "/") }
      guard !isGranted, let found = Look(root, place.name) else { return false }
      return place.isFolder ? found.isFolder : found.isFile
    }.map(\.name)
  }

  /// Those of a folder that are hidden because of the name at its top, by that name.
  private static func hidden(in folder: Enclosure.Folder) -> [String] {
    guard let root = Descriptor(opening: folder.path) else { return [] }
    let tops = Set(StartupPlace.all.compactMap { $0.path.split(separator: "/").first.map(String.init) })
    return tops.filter { BoxView.isSecret($0) && Look(root, $0) != nil }
  }

  private static func marks(_ outside: OutsidePaths) -> [String: Mark] {
    var marks: [String: Mark] = [:]
    for folder in outside.folders where folder.isWritable {
      guard let root = Descriptor(opening: folder.path) else { continue }
      var left = mostFiles
      for place in StartupPlace.all {
        guard let found = Look(root, place.name) else { continue }
        add(found, "\(folder.path)/\(place.name)", mostDepth, place.isFolder, &left, &marks)
      }
    }
    return marks
  }

  private static func add(
    _ found: Look, _ path: String, _ depth: Int, _ isFolder: Bool, _ left: inout Int, _ marks: inout [String: Mark]
  ) {
    guard found.isFolder else {
      if !StartupPlace.isSample(path) { marks[path] = found.mark }
      return
    }
    guard isFolder, depth > 0 else { return }
    for name in found.names() {
      guard left > 0 else { return }
      left -= 1
      guard let next = Look(found.descriptor, name) else { continue }
      add(next, "\(path)/\(name)", depth - 1, true, &left, &marks)
    }
  }
}

/// What says that a file is another than it was, or was written to; nobody sets the time of the change.
private struct Mark: Hashable {
  let device: UInt
  let number: UInt
  let size: Int
  let seconds: Int
  let nanoseconds: Int
}

/// A look at a name below a folder; no link is followed, and nothing is mounted.
private struct Look {
  let descriptor: Descriptor
  private let facts: stat

  init?(_ folder: Descriptor, _ path: String) {
    var sight = naos_sight()
    let number = unsafe naos_look_at(folder.number, path, false, &sight)
    guard number >= 0 else { return nil }
    descriptor = Descriptor(number)
    var facts = stat()
    guard unsafe fstat(number, &facts) == 0 else { return nil }
    self.facts = facts
  }

  var isFolder: Bool { facts.st_mode & S_IFMT == S_IFDIR }
  var isFile: Bool { facts.st_mode & S_IFMT == S_IFREG }
  var mark: Mark {
    Mark(
      device: UInt(facts.st_dev), number: UInt(facts.st_ino), size: Int(facts.st_size),
      seconds: facts.st_ctim.tv_sec, nanoseconds: facts.st_ctim.tv_nsec)
  }

  func names() -> [String] {
    // By its descriptor: the name may be another's by now.
    FilePlaces.names(in: "/proc/self/fd/\(descriptor.number)").filter { $0 != "." && $0 != ".." }
  }
}

extension Descriptor {
  fileprivate convenience init?(opening folder: String) {
    let opened = unsafe open(folder, StartupFiles.pathOnly | O_DIRECTORY | O_CLOEXEC)
    guard opened >= 0 else { return nil }
    self.init(opened)
  }
}
