// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore

/// Where the paths of a sandbox are on the host.
struct OutsidePaths: Sendable {
  /// What the sandbox shows, with their paths on the host free of the operator's links.
  let folders: [Enclosure.Folder]
  /// The working directory without links, which are the operator's; those below it may be the program's.
  let real: String
  private let workingDirectory: String

  init(_ enclosure: Enclosure, workingDirectory: String) {
    let real = FilePlaces.real(workingDirectory) ?? workingDirectory
    folders = enclosure.folders.map {
      Enclosure.Folder(
        path: Self.resolved($0.path, workingDirectory, real), place: $0.place, isWritable: $0.isWritable)
    }
    self.real = real
    self.workingDirectory = workingDirectory
  }

  /// The folder that shows `path`, which is one of the sandbox; nil for what every sandbox has.
  func folder(showing path: String) -> Enclosure.Folder? {
    let above = folders.filter { path == $0.place || path.hasPrefix($0.place + "/") }
    return above.max { $0.place.utf8.count < $1.place.utf8.count }
  }

  /// Where a path of the sandbox is outside.
  func callAsFunction(_ path: String) -> String {
    guard let folder = folder(showing: path) else { return resolved(path) }
    return folder.path + path.dropFirst(folder.place.count)
  }

  /// A path of the host without the links above the working directory.
  func resolved(_ path: String) -> String { Self.resolved(path, workingDirectory, real) }

  private static func resolved(_ path: String, _ directory: String, _ real: String) -> String {
    guard path == directory || path.hasPrefix(directory + "/") else { return path }
    return real + path.dropFirst(directory.count)
  }
}
