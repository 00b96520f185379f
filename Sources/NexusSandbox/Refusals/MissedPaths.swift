// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import Glibc
package import NexusCore

/// Which of the paths that a program missed in its sandbox are hidden there, and which are nowhere.
package struct MissedPaths {
  private let folders: [Enclosure.Folder]
  private let kept: Set<String>
  private let workingDirectory: String
  /// The working directory without links, which are the operator's; those below it may be the program's.
  private let real: String
  private let host: HostPaths

  package init(enclosure: Enclosure, workingDirectory: String, mounts: MountTable = MountTable()) {
    let real = FilePlaces.real(workingDirectory) ?? workingDirectory
    func resolved(_ path: String) -> String { Self.resolved(path, workingDirectory, real) }
    folders = enclosure.folders.map {
      Enclosure.Folder(path: resolved($0.path), place: $0.place, isWritable: $0.isWritable)
    }
    kept = Set(enclosure.kept.map(resolved))
    self.workingDirectory = workingDirectory
    self.real = real
    var facts = stat()
    let isKnown = unsafe stat(real, &facts) == 0
    host = HostPaths(for: real, mounts: mounts, owner: isKnown ? facts.st_uid : geteuid())
  }

  /// What to grant, as a denial; nil where the host does not have it either, or no grant would help.
  package func denial(_ refusal: Refusal) -> ProgramDenial? {
    // What came after too many others, which are counted together.
    guard refusal.text.hasPrefix("/") else { return ProgramDenial(.fs, refusal.text) }
    let isWriting = refusal.kind != .reading
    let path = outside(refusal.text)
    if isWriting, kept.contains(path) { return ProgramDenial(.fs, "\(path) (kept)") }
    let denial = ProgramDenial(.fs, "\(path) (\(isWriting ? "rw" : "ro"))")
    // Whether it is there is no more told than looked at: who reads of denials is not to learn it from what agents guess.
    if KeyPlaces.hold(path), !isShown(path, toWrite: false) || Self.isHidden(Files.parent(of: path)) { return denial }
    switch host.look(path) {
    case .unseen: return nil
    // What is shown and yet not to be had lacks a permission, which no grant gives, or is hidden by its name.
    case .there: return isShown(path, toWrite: isWriting) && !Self.isHidden(path) ? nil : denial
    case .missing: return refusal.kind == .making ? folderDenial(of: path) : nil
    }
  }

  /// What is to be made needs the folder that it is made in.
  private func folderDenial(of path: String) -> ProgramDenial? {
    let folder = Files.parent(of: path)
    guard folder != "/", host.look(folder) == .there, !isShown(folder, toWrite: true) || Self.isHidden(folder) else {
      return nil
    }
    return ProgramDenial(.fs, "\(folder) (rw)")
  }

  /// Where a path of the sandbox is outside.
  private func outside(_ path: String) -> String {
    let above = folders.filter { path == $0.place || path.hasPrefix($0.place + "/") }
    guard let folder = above.max(by: { $0.place.utf8.count < $1.place.utf8.count }) else {
      return Self.resolved(path, workingDirectory, real)
    }
    return folder.path + path.dropFirst(folder.place.count)
  }

  private static func resolved(_ path: String, _ directory: String, _ real: String) -> String {
    guard path == directory || path.hasPrefix(directory + "/") else { return path }
    return real + path.dropFirst(directory.count)
  }

  private func isShown(_ path: String, toWrite: Bool) -> Bool {
    let shown = folders.filter { $0.isWritable || !toWrite }.map(\.path) + (toWrite ? [] : [real])
    return shown.contains { path == $0 || path.hasPrefix($0 + "/") }
  }

  private static func isHidden(_ path: String) -> Bool {
    path.split(separator: "/").contains { BoxView.isSecret(String($0)) }
  }
}
