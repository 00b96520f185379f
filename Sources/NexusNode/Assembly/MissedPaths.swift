// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import Glibc
internal import NexusCore

/// Which of the paths that a program missed in its sandbox are hidden there, and which are nowhere.
struct MissedPaths {
  let enclosure: Enclosure
  let workingDirectory: String
  /// As they are when the program has ended.
  private let mounts: MountTable

  init(enclosure: Enclosure, workingDirectory: String, mounts: MountTable = MountTable()) {
    self.enclosure = enclosure
    self.workingDirectory = workingDirectory
    self.mounts = mounts
  }

  /// What to grant, as a denial; nil where the host does not have it either, or no grant would help.
  func denial(_ refusal: Refusal) -> ProgramDenial? {
    guard refusal.text.hasPrefix("/") else { return nil }
    let isWriting = refusal.kind == .writing
    let path = outside(refusal.text)
    guard isOwnersToLookAt(path) else { return nil }
    if let real = Self.real(path) {
      if isWriting, enclosure.kept.contains(where: { $0 == path || $0 == real || Self.real($0) == real }) {
        return ProgramDenial(.fs, "\(real) (kept)")
      }
      // What is shown and yet not to be had lacks a permission, which no grant gives, or is hidden by its name.
      if isShown(real, toWrite: isWriting), !Self.isHidden(real) { return nil }
      return ProgramDenial(.fs, "\(real) (\(isWriting ? "rw" : "ro"))")
    }
    guard isWriting, let slash = path.lastIndex(of: "/"), slash > path.startIndex,
      let folder = Self.real(String(path[..<slash])), !isShown(folder, toWrite: true) || Self.isHidden(folder)
    else { return nil }
    return ProgramDenial(.fs, "\(folder) (rw)")
  }

  /// Where a path of the sandbox is outside.
  private func outside(_ path: String) -> String {
    let above = enclosure.folders.filter { path == $0.place || path.hasPrefix($0.place + "/") }
    guard let folder = above.max(by: { $0.place.utf8.count < $1.place.utf8.count }) else { return path }
    return folder.path + path.dropFirst(folder.place.count)
  }

  private func isShown(_ path: String, toWrite: Bool) -> Bool {
    let folders = enclosure.folders.filter { $0.isWritable || !toWrite }.map(\.path)
    return (toWrite ? folders : folders + [workingDirectory]).contains { place in
      let real = Self.real(place) ?? place
      return path == real || path.hasPrefix(real + "/")
    }
  }

  /// Whether looking at a path tells nobody of it: a link of the agent's may lead anywhere, and the name below a place that
  /// mounts by itself may be sent to a server.
  private func isOwnersToLookAt(_ path: String) -> Bool {
    let writable = enclosure.folders.filter(\.isWritable).map(\.path)
    var above = ""
    for name in path.split(separator: "/") {
      above += "/" + name
      var facts = stat()
      guard unsafe lstat(above, &facts) == 0 else { break }
      let isLink = facts.st_mode & S_IFMT == S_IFLNK
      if isLink, writable.contains(where: { above.hasPrefix($0 + "/") }) { return false }
      if name == "..", writable.contains(where: { above.hasPrefix($0 + "/") }) { return false }
      if mounts.isMountedByItself(above) { return false }
    }
    return true
  }

  private static func isHidden(_ path: String) -> Bool {
    path.split(separator: "/").contains { $0 == ".naos" || $0 == ".git" || $0.hasPrefix(".env") }
  }

  private static func real(_ path: String) -> String? {
    guard let found = unsafe realpath(path, nil) else { return nil }
    defer { unsafe free(found) }
    return unsafe String(cString: found)
  }
}
