// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

/// What a sandbox refused a program of, or rather the kernel in its name; or what somebody is to hear of.
package struct Refusal: Sendable, Hashable {
  package enum Kind: Sendable, Hashable {
    /// A system call that no program in a sandbox may make; the text is its name, and what is special about it.
    case call
    /// An address that the sandbox's network does not lead to.
    case address
    /// A path that is not there to be read, or is nowhere at all.
    case reading
    /// A path that cannot be written to, or made.
    case writing
    /// A path that cannot be made, or written to if it is there.
    case making
    /// A limit that its programs ran into and lived on; the text is the key of it, or a place.
    case limit
    /// Processes that were left when the main one had ended, and were ended with the sandbox.
    case leftRunning
    /// A startup file that is made or written; it is not refused.
    case startup
  }
  package var kind: Kind
  /// As far as it can be shown; untrusted where it is not a name of the launcher's.
  package var text: String
  package var port: Int?
  /// How often since it was told last.
  package var count: Int

  package init(_ kind: Kind, _ text: String, port: Int? = nil, count: Int = 1) {
    self.kind = kind
    self.text = text
    self.port = port
    self.count = count
  }
}

/// Takes what a sandbox refused; each thing at its first time, and what came after in a few further messages.
///
/// Called in order, from one thread at a time, before the end of the process is told; must not block.
package protocol RefusalReceiver: Sendable {
  func refused(_ refusal: Refusal)
}
