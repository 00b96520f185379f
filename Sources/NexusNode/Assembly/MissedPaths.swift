// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import Glibc
internal import NexusCore

/// Which of the paths that a program missed in its sandbox are hidden there, and which are nowhere.
struct MissedPaths {
  let enclosure: Enclosure
  let workingDirectory: String

  /// What to grant, as a denial; nil where the host does not have it either, or no grant would help.
  func denial(_ refusal: Refusal) -> ProgramDenial? {
    guard refusal.text.hasPrefix("/") else { return nil }
    let isWriting = refusal.kind == .writing
    let path = outside(refusal.text)
    if let real = Self.real(path) {
      // What is shown and yet not read is not read for want of permission, or is hidden by its name.
      if !isWriting, isShown(real), !Self.isHidden(real) { return nil }
      return ProgramDenial(.fs, "\(real) (\(isWriting ? "rw" : "ro"))")
    }
    guard isWriting, let slash = path.lastIndex(of: "/"), slash > path.startIndex,
      let folder = Self.real(String(path[..<slash]))
    else { return nil }
    return ProgramDenial(.fs, "\(folder) (rw)")
  }

  /// Where a path of the sandbox is outside.
  private func outside(_ path: String) -> String {
    let above = enclosure.folders.filter { path == $0.place || path.hasPrefix($0.place + "/") }
    guard let folder = above.max(by: { $0.place.utf8.count < $1.place.utf8.count }) else { return path }
    return folder.path + path.dropFirst(folder.place.count)
  }

  private func isShown(_ path: String) -> Bool {
    (enclosure.folders.map(\.path) + [workingDirectory]).contains { path == $0 || path.hasPrefix($0 + "/") }
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
