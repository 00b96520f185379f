// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import CGuard
internal import Glibc
package import NexusCore

/// Looks at paths that a program in a sandbox chose, and does not let it choose anything else by them: no link is followed,
/// no other machine is asked, nothing is mounted, and nothing is seen that the owner of the program's folder may not see.
package struct HostPaths {
  package enum Sight: Sendable, Hashable {
    case there, missing
    /// It was not looked at.
    case unseen
  }

  private let mounts: MountTable
  /// Where that is mounted which holds the program's folder: whatever it is, the node works on it.
  private let home: String
  private let owner: uid_t

  package init(for workingDirectory: String, mounts: MountTable, owner: UInt32) {
    self.mounts = mounts
    self.owner = owner
    home = mounts.place(of: workingDirectory)
  }

  /// A path has to be whole and plain: without `.`, `..` and links.
  package func look(_ path: String) -> Sight {
    let names = path.split(separator: "/")
    let isPlain = path.hasPrefix("/") && !names.contains { $0 == "." || $0 == ".." }
    guard isPlain, mayEnter("/") else { return .unseen }
    var sight = naos_sight()
    var place = ""
    var number = unsafe naos_look_at(-1, "/", false, &sight)
    for name in names {
      guard number >= 0 else { break }
      let folder = Descriptor(number)
      guard sight.mode & S_IFMT == S_IFDIR else { return sight.mode & S_IFMT == S_IFLNK ? .unseen : .missing }
      guard maySearch(sight) else { return .unseen }
      place += "/" + name
      let isMounted = mounts.isMounted(place)
      if isMounted, !mayEnter(place) { return .unseen }
      number = unsafe naos_look_at(folder.number, String(name), isMounted, &sight)
    }
    guard number >= 0 else { return number == -ENOENT ? .missing : .unseen }
    close(number)
    return sight.mode & S_IFMT == S_IFLNK ? .unseen : .there
  }

  private func mayEnter(_ place: String) -> Bool {
    !mounts.mountsByItself(place) && (mounts.isOwn(place) || place == home)
  }

  /// A node of root may look everywhere, and would tell of it to whoever reads its log.
  private func maySearch(_ folder: naos_sight) -> Bool {
    owner == 0 || folder.mode & S_IXOTH != 0 || (folder.owner == owner && folder.mode & S_IXUSR != 0)
  }
}
