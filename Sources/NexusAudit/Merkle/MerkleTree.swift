// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

/// A tree whose leaves are known, but for those before its base, of which only the perfect trees are.
///
/// It makes proofs; it hashes every leaf once for each.
package struct MerkleTree: Sendable {
  package let base: CompactRange
  package private(set) var leaves: [MerkleHash]

  package init(base: CompactRange = CompactRange(), leaves: [MerkleHash] = []) {
    self.base = base
    self.leaves = leaves
  }

  package var size: Int64 { base.size + Int64(leaves.count) }

  package mutating func append(_ leaf: MerkleHash) { leaves.append(leaf) }

  /// The root of the first leaves; nil where it takes leaves that are gone.
  package func root(size: Int64) -> MerkleHash? {
    guard (0...self.size).contains(size) else { return nil }
    return size == 0 ? .empty : hash(0..<size)
  }

  /// The way from a leaf to the root of the first `size` leaves (RFC 9162, section 2.1.3.1).
  package func inclusionProof(of index: Int64, size: Int64) -> [MerkleHash]? {
    guard size > 0, size <= self.size, (0..<size).contains(index) else { return nil }
    var range = 0..<size
    var proof: [MerkleHash] = []
    while range.upperBound - range.lowerBound > 1 {
      let middle = Self.split(range)
      let isLeft = index < middle
      guard let sibling = hash(isLeft ? middle..<range.upperBound : range.lowerBound..<middle) else { return nil }
      proof.append(sibling)
      range = isLeft ? range.lowerBound..<middle : middle..<range.upperBound
    }
    return proof.reversed()
  }

  /// What shows that the first `old` leaves are the beginning of the first `size` (RFC 9162, section 2.1.4.1).
  package func consistencyProof(from old: Int64, to size: Int64) -> [MerkleHash]? {
    guard size <= self.size, old > 0, old <= size else { return nil }
    var range = 0..<size
    var proof: [MerkleHash] = []
    var isWhole = true
    while range.upperBound != old {
      let middle = Self.split(range)
      if old <= middle {
        guard let right = hash(middle..<range.upperBound) else { return nil }
        proof.append(right)
        range = range.lowerBound..<middle
      } else {
        guard let left = hash(range.lowerBound..<middle) else { return nil }
        proof.append(left)
        range = middle..<range.upperBound
        isWhole = false
      }
    }
    if !isWhole {
      guard let hash = hash(range) else { return nil }
      proof.append(hash)
    }
    return proof.reversed()
  }

  /// Where a range divides: the largest power of two that is smaller than it.
  private static func split(_ range: Range<Int64>) -> Int64 {
    let count = range.upperBound - range.lowerBound
    return range.lowerBound + 1 << (63 - (count - 1).leadingZeroBitCount)
  }

  private func hash(_ range: Range<Int64>) -> MerkleHash? {
    if range.lowerBound >= base.size {
      var compact = CompactRange()
      for index in range { compact.append(leaves[Int(index - base.size)]) }
      return compact.root
    }
    if let known = known(range) { return known }
    guard range.upperBound - range.lowerBound > 1 else { return nil }
    let middle = Self.split(range)
    guard let left = hash(range.lowerBound..<middle), let right = hash(middle..<range.upperBound) else { return nil }
    return .node(left, right)
  }

  /// The perfect tree of the base that is exactly that range.
  private func known(_ range: Range<Int64>) -> MerkleHash? {
    var start: Int64 = 0
    for (hash, bit) in zip(base.hashes, (0..<63).reversed().filter { base.size >> $0 & 1 == 1 }) {
      let end = start + 1 << bit
      if range == start..<end { return hash }
      start = end
    }
    return nil
  }
}
