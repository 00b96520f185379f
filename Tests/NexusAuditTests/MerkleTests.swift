// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusAudit
import Testing

/// The tree of RFC 6962 and 9162, by the vectors that certificate transparency has always used and by its own laws.
@Suite struct MerkleTests {
  /// The leaves of the known-answer vectors.
  static let entries: [[UInt8]] = [
    [], [0x00], [0x10], [0x20, 0x21], [0x30, 0x31], [0x40, 0x41, 0x42, 0x43],
    [0x50, 0x51, 0x52, 0x53, 0x54, 0x55, 0x56, 0x57], Array(0x60...0x6F),
  ]

  static let roots = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
  ]

  @Test func `the roots are those of the known answers`() {
    var range = CompactRange()
    #expect(range.root.description == Self.roots[0])
    for (index, entry) in Self.entries.enumerated() {
      range.append(.leaf(entry))
      #expect(range.root.description == Self.roots[index + 1])
    }
  }

  @Test func `proofs are those of the known answers`() throws {
    let tree = MerkleTree(leaves: Self.entries.map(MerkleHash.leaf))
    let inclusion = try #require(tree.inclusionProof(of: 5, size: 8))
    #expect(
      inclusion.map(\.description) == [
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
      ])
    let consistency = try #require(tree.consistencyProof(from: 6, to: 8))
    #expect(
      consistency.map(\.description) == [
        "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
      ])
  }

  /// Every tree up to this many leaves is tried with every leaf, every older size and every base.
  static let most: Int64 = 33

  @Test func `every proof holds, for every leaf of every size`() throws {
    let leaves = (0..<Self.most).map { MerkleHash.leaf(Array("entry \($0)".utf8)) }
    var range = CompactRange()
    for size in 1...Self.most {
      range.append(leaves[Int(size - 1)])
      let tree = MerkleTree(leaves: Array(leaves.prefix(Int(size))))
      #expect(tree.root(size: size) == range.root)
      for index in 0..<size {
        let proof = try #require(tree.inclusionProof(of: index, size: size))
        let leaf = leaves[Int(index)]
        #expect(MerkleProof.includes(leaf, at: index, size: size, root: range.root, proof: proof))
        #expect(!MerkleProof.includes(.leaf([1]), at: index, size: size, root: range.root, proof: proof))
        #expect(!MerkleProof.includes(leaf, at: index + 1, size: size, root: range.root, proof: proof))
        #expect(!MerkleProof.includes(leaf, at: index, size: size, root: .empty, proof: proof))
        #expect(!MerkleProof.includes(leaf, at: index, size: size, root: range.root, proof: proof + [leaf]))
        if !proof.isEmpty {
          #expect(!MerkleProof.includes(leaf, at: index, size: size, root: range.root, proof: Array(proof.dropLast())))
        }
      }
    }
  }

  @Test func `every older tree is shown to be the beginning of every newer one, and no other is`() throws {
    let leaves = (0..<Self.most).map { MerkleHash.leaf(Array("entry \($0)".utf8)) }
    let tree = MerkleTree(leaves: leaves)
    let roots = (0...Self.most).map { tree.root(size: $0) ?? .empty }
    for new in 1...Self.most {
      for old in 1...new {
        let proof = try #require(tree.consistencyProof(from: old, to: new))
        let (before, after) = (roots[Int(old)], roots[Int(new)])
        #expect(MerkleProof.isConsistent(from: (old, before), to: (new, after), proof: proof))
        #expect(!MerkleProof.isConsistent(from: (old, .leaf([1])), to: (new, after), proof: proof))
        #expect(!MerkleProof.isConsistent(from: (old, before), to: (new, .leaf([1])), proof: proof))
        #expect(!MerkleProof.isConsistent(from: (old, before), to: (new, after), proof: proof + [before]))
        if old < new {
          #expect(!MerkleProof.isConsistent(from: (old, before), to: (new, after), proof: Array(proof.dropLast())))
        }
      }
    }
  }

  @Test func `a tree whose first leaves are gone makes the same proofs of the others`() throws {
    let leaves = (0..<Self.most).map { MerkleHash.leaf(Array("entry \($0)".utf8)) }
    let whole = MerkleTree(leaves: leaves)
    for base in 0...Self.most {
      var range = CompactRange()
      for leaf in leaves.prefix(Int(base)) { range.append(leaf) }
      let rest = MerkleTree(base: range, leaves: Array(leaves.dropFirst(Int(base))))
      #expect(rest.size == Self.most)
      #expect(rest.root(size: Self.most) == whole.root(size: Self.most))
      for index in base..<Self.most {
        #expect(
          rest.inclusionProof(of: index, size: Self.most) == whole.inclusionProof(of: index, size: Self.most))
      }
      for old in max(1, base)...Self.most {
        #expect(
          rest.consistencyProof(from: old, to: Self.most) == whole.consistencyProof(from: old, to: Self.most))
      }
    }
  }

  @Test func `a compact range is read back from its bytes, and from no others`() {
    var range = CompactRange()
    for number in 0..<11 { range.append(.leaf([UInt8(number)])) }
    #expect(CompactRange(size: 11, bytes: range.bytes) == range)
    #expect(CompactRange(size: 12, bytes: range.bytes) == nil)
    #expect(CompactRange(size: 11, bytes: Array(range.bytes.dropLast())) == nil)
  }
}
