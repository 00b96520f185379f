// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import Glibc
package import NexusCore

/// Which of the paths that a program missed in its sandbox are hidden there, and which are nowhere.
package struct MissedPaths {
  private let outside: OutsidePaths
  private let kept: Set<String>
  private let host: HostPaths

  package init(enclosure: Enclosure, workingDirectory: String, mounts: MountTable = MountTable()) {
    outside = OutsidePaths(enclosure, workingDirectory: workingDirectory)
    kept = Set(enclosure.kept.map(outside.resolved))
    var facts = stat()
    let isKnown = unsafe stat(outside.real, &facts) == 0
    host = HostPaths(for: outside.real, mounts: mounts, owner: isKnown ? facts.st_uid : geteuid())
  }

  /// What to grant, as a denial; nil where the host does not have it either, or no grant would help.
  package func denial(_ refusal: Refusal) -> ProgramDenial? {
    // What came after too many others, which are counted together.
    guard refusal.text.hasPrefix("/") else { return ProgramDenial(.fs, refusal.text) }
    let isWriting = refusal.kind != .reading
    let path = outside(refusal.text)
    if isWriting, kept.contains(path) || isStartupFile(refusal.text) { return ProgramDenial(.fs, "\(path) (kept)") }
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

  /// Whether a path of the sandbox is one that stays as it is in a folder that it may write to.
  private func isStartupFile(_ path: String) -> Bool {
    guard let folder = outside.folder(showing: path), folder.isWritable else { return false }
    return StartupPlace.holds(String(path.dropFirst(folder.place.count)))
  }

  private func isShown(_ path: String, toWrite: Bool) -> Bool {
    let shown = outside.folders.filter { $0.isWritable || !toWrite }.map(\.path) + (toWrite ? [] : [outside.real])
    return shown.contains { path == $0 || path.hasPrefix($0 + "/") }
  }

  private static func isHidden(_ path: String) -> Bool {
    path.split(separator: "/").contains { BoxView.isSecret(String($0)) }
  }
}
