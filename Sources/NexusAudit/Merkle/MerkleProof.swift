// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

/// Checks of proofs, as a verifier that has no leaves makes them.
package enum MerkleProof {
  /// Whether the leaf is at its place in the tree of that size and root (RFC 9162, section 2.1.3.2).
  package static func includes(
    _ leaf: MerkleHash, at index: Int64, size: Int64, root: MerkleHash, proof: [MerkleHash]
  ) -> Bool {
    guard index >= 0, index < size else { return false }
    var number = index
    var last = size - 1
    var hash = leaf
    for sibling in proof {
      guard last != 0 else { return false }
      if number & 1 == 1 || number == last {
        hash = .node(sibling, hash)
        while number & 1 == 0, number != 0 {
          number >>= 1
          last >>= 1
        }
      } else {
        hash = .node(hash, sibling)
      }
      number >>= 1
      last >>= 1
    }
    return last == 0 && hash == root
  }

  /// Whether the tree of the first size and root is the beginning of the second (RFC 9162, section 2.1.4.2).
  package static func isConsistent(
    from old: (size: Int64, root: MerkleHash), to new: (size: Int64, root: MerkleHash), proof: [MerkleHash]
  ) -> Bool {
    if old.size == new.size { return proof.isEmpty && old.root == new.root }
    guard old.size > 0, old.size < new.size else { return false }
    // The root of a perfect tree is a part of the newer one, and is left out of the proof.
    var path = proof
    if old.size & (old.size - 1) == 0 { path.insert(old.root, at: 0) }
    guard let first = path.first else { return false }
    var number = old.size - 1
    var last = new.size - 1
    while number & 1 == 1 {
      number >>= 1
      last >>= 1
    }
    var (before, after) = (first, first)
    for sibling in path.dropFirst() {
      guard last != 0 else { return false }
      if number & 1 == 1 || number == last {
        before = .node(sibling, before)
        after = .node(sibling, after)
        while number & 1 == 0, number != 0 {
          number >>= 1
          last >>= 1
        }
      } else {
        after = .node(after, sibling)
      }
      number >>= 1
      last >>= 1
    }
    return last == 0 && before == old.root && after == new.root
  }
}
