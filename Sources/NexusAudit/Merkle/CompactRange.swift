// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

/// A tree of so many leaves, known only by the roots of the perfect trees that it is made of, the largest first.
///
/// That is all that it takes to append, in logarithmic time, and to know the root.
package struct CompactRange: Sendable, Hashable {
  package private(set) var size: Int64
  package private(set) var hashes: [MerkleHash]

  package init() {
    size = 0
    hashes = []
  }

  /// Nil unless there are as many hashes as a tree of that size has perfect trees.
  package init?(size: Int64, hashes: [MerkleHash]) {
    guard size >= 0, hashes.count == size.nonzeroBitCount else { return nil }
    self.size = size
    self.hashes = hashes
  }

  /// A range of that size whose hashes fit no leaves.
  package static func unknown(size: Int64) -> CompactRange {
    precondition(size >= 0, "a tree of less than no leaves")
    var range = CompactRange()
    range.size = size
    range.hashes = Array(repeating: .empty, count: size.nonzeroBitCount)
    return range
  }

  package mutating func append(_ leaf: MerkleHash) {
    var node = leaf
    var rest = size
    while rest & 1 == 1 {
      node = .node(hashes.removeLast(), node)
      rest >>= 1
    }
    hashes.append(node)
    size += 1
  }

  package var root: MerkleHash {
    guard var root = hashes.last else { return .empty }
    for hash in hashes.dropLast().reversed() { root = .node(hash, root) }
    return root
  }

  /// The hashes one behind the other.
  package var bytes: [UInt8] { hashes.flatMap(\.bytes) }

  /// Reads what `bytes` wrote.
  package init?(size: Int64, bytes: [UInt8]) {
    guard bytes.count.isMultiple(of: MerkleHash.byteCount) else { return nil }
    let hashes = stride(from: 0, to: bytes.count, by: MerkleHash.byteCount).compactMap { start in
      MerkleHash(Array(bytes[start..<start + MerkleHash.byteCount]))
    }
    self.init(size: size, hashes: hashes)
  }
}
