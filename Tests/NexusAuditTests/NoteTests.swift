// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusAudit
import Testing

/// Signed notes and the keys that sign them.
@Suite struct NoteTests {
  /// The key and the note of the specification's reference implementation (`golang.org/x/mod/sumdb/note`).
  static let knownKey = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
  static let knownNote = """
    If you think cryptography is the answer to your problem,
    then you don't know what your problem is.

    — PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=

    """

  static func signer(_ name: String = "naos/test/1", seed: UInt8 = 7) throws -> SignerKey {
    try #require(SignerKey(name: name, seed: Array(repeating: seed, count: SignerKey.seedBytes)))
  }

  @Test func `a note of the reference implementation is accepted`() throws {
    let key = try #require(VerifierKey(Self.knownKey))
    #expect(key.description == Self.knownKey)
    let note = try #require(SignedNote(parsing: Self.knownNote))
    #expect(note.isSigned(by: key))
    #expect(note.description == Self.knownNote)
  }

  @Test func `keys are read back from their texts`() throws {
    let signer = try Self.signer()
    #expect(SignerKey(signer.secretText)?.verifier == signer.verifier)
    #expect(VerifierKey(signer.verifier.description) == signer.verifier)
    #expect(!signer.description.contains(signer.secretText.suffix(20)))
  }

  @Test func `a key with any byte of its text changed is none`() throws {
    let signer = try Self.signer()
    for text in [signer.secretText, signer.verifier.description] {
      let bytes = Array(text.utf8)
      for index in bytes.indices {
        var changed = bytes
        changed[index] ^= 1
        let other = String(decoding: changed, as: UTF8.self)
        #expect(VerifierKey(other) != signer.verifier)
        #expect(SignerKey(other)?.verifier != signer.verifier)
      }
    }
  }

  @Test func `a note with any byte changed is not signed`() throws {
    let signer = try Self.signer()
    let checkpoint = Checkpoint(origin: "naos/test/1", size: 42, root: .leaf([1]))
    let note = try #require(SignedNote(checkpoint.text, by: signer))
    #expect(note.isSigned(by: signer.verifier))
    let bytes = Array(note.description.utf8)
    for index in bytes.indices {
      for bit in [UInt8(1), 4, 64] {
        var changed = bytes
        changed[index] ^= bit
        let read = SignedNote(parsing: String(decoding: changed, as: UTF8.self))
        let isAccepted = read?.isSigned(by: signer.verifier) == true
        #expect(!isAccepted, "byte \(index)")
      }
    }
  }

  @Test func `a note that was cut off anywhere is not signed`() throws {
    let signer = try Self.signer()
    let note = try #require(SignedNote("one line\n", by: signer))
    let bytes = Array(note.description.utf8)
    for count in 0..<bytes.count {
      let read = SignedNote(parsing: String(decoding: bytes.prefix(count), as: UTF8.self))
      #expect(read?.isSigned(by: signer.verifier) != true)
    }
  }

  @Test func `another key's signature does not count`() throws {
    let note = try #require(SignedNote("one line\n", by: try Self.signer()))
    #expect(!note.isSigned(by: try Self.signer(seed: 8).verifier))
    #expect(!note.isSigned(by: try Self.signer("naos/test/2").verifier))
  }

  @Test(
    arguments: [
      "", "origin\n", "origin\n1\n", "origin\n01\nAAAA\n", "origin\n-1\nAAAA\n", "origin\n1\nAAAA\n",
      "\n1\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n",
      "origin\n1\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=",
      "origin\n1\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFV=\n",
    ])
  func `what is no checkpoint is not read as one`(text: String) {
    #expect(Checkpoint(text: text) == nil)
  }

  @Test func `a checkpoint is read back from its text`() throws {
    let checkpoint = Checkpoint(origin: "naos/test/1", size: 0, root: .empty)
    #expect(checkpoint.text == "naos/test/1\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n")
    #expect(Checkpoint(text: checkpoint.text) == checkpoint)
    #expect(Checkpoint(text: checkpoint.text + "an extension\n") == checkpoint)
  }
}
