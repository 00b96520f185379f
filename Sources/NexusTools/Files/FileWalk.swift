// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

/// Walks granted folders in a fixed order, and never for longer than its limits allow.
struct FileWalk: Sendable {
  static let maxEntries = 20_000
  static let maxDepth = 16

  let grants: FileGrants
  private var visited = 0
  /// True if a limit has kept something back.
  private(set) var isCut = false

  init(grants: FileGrants) { self.grants = grants }

  /// Calls `take` with each regular file below the place, in the order of the names; false ends the walk.
  ///
  /// Symbolic links are not followed here: what they lead to is found where it really is, or not at all.
  mutating func files(
    below place: FileGrants.Place, _ take: (_ place: FileGrants.Place, _ file: borrowing OpenedPath) throws -> Bool
  ) throws {
    let beneath = try Beneath(root: place.rootPath)
    let start = try beneath.open(place.below)
    let real = FileGrants.Place(root: place.root, below: start.components)
    if start.isFolder {
      _ = try walk(start, real, depth: 0, take)
    } else {
      _ = try take(real, start)
    }
  }

  private mutating func walk(
    _ folder: borrowing OpenedPath, _ place: FileGrants.Place, depth: Int,
    _ take: (_ place: FileGrants.Place, _ file: borrowing OpenedPath) throws -> Bool
  ) throws -> Bool {
    try Task.checkCancellation()
    guard depth < Self.maxDepth else {
      isCut = true
      return true
    }
    let (names, isCut) = try folder.names(limit: Self.maxEntries)
    if isCut { self.isCut = true }
    for name in names {
      visited += 1
      guard visited <= Self.maxEntries else {
        self.isCut = true
        return false
      }
      guard let entry = try folder.child(name) else { continue }
      let inner = FileGrants.Place(root: place.root, below: place.below + [name])
      let goesOn = entry.isFolder ? try walk(entry, inner, depth: depth + 1, take) : try take(inner, entry)
      if !goesOn { return false }
    }
    return true
  }
}
