// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

/// What a log says of itself at a size (C2SP tlog-checkpoint): its origin, how many entries it has, and their root.
package struct Checkpoint: Sendable, Hashable {
  /// Names the log, once for all: no other log ever has the same.
  package var origin: String
  package var size: Int64
  package var root: MerkleHash

  package init(origin: String, size: Int64, root: MerkleHash) {
    self.origin = origin
    self.size = size
    self.root = root
  }

  /// The text that is signed.
  package var text: String { "\(origin)\n\(size)\n\(StandardBase64.encode(root.bytes))\n" }

  /// Reads a text; nil for one that is none.
  ///
  /// Lines behind the third are extensions and stay unread.
  package init?(text: String) {
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    guard lines.count >= 4, lines.last == "", !lines[0].isEmpty, let size = Int64(lines[1]), size >= 0,
      "\(size)" == lines[1], let bytes = StandardBase64.decode(lines[2]), let root = MerkleHash(bytes)
    else { return nil }
    self.init(origin: String(lines[0]), size: size, root: root)
  }
}
