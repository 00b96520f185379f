// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore

/// What a tool asks for in the middle of its call has a digest of both: of the request, and of the call.
///
/// So it is told from the same request of the agent itself, and belongs to the call when that is replayed.
extension RequestDigest {
  /// Stands between the digest of the request and the mark of the call; no digest has it.
  private static let separator: Character = "/"
  /// So much of a digest tells the calls of one step from each other.
  private static let markLength = 16

  /// The digest of this request, made in the call of a tool that has the digest `call`.
  package func made(in call: RequestDigest) -> RequestDigest {
    RequestDigest("\(text)\(Self.separator)\(call.mark)")
  }

  /// By what requests name the call of a tool that they are made in.
  var mark: Substring { text.prefix(Self.markLength) }

  /// The mark of the call that it was made in; nil for what the agent itself has asked for.
  var call: Substring? {
    guard let place = text.utf8.lastIndex(of: UInt8(ascii: "/")) else { return nil }
    return text[text.utf8.index(after: place)...]
  }
}
