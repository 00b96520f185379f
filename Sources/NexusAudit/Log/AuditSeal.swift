// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import Crypto
package import NexusCore

/// What only the owner of the log's key can put on the end of it.
///
/// A checkpoint is signed from time to time; the seal is renewed with every append, in the same commit. Without it
/// whoever can write the database could add entries behind the last checkpoint.
package struct AuditSeal: Sendable {
  private let key: SymmetricKey

  package init(_ signer: SignerKey) { key = signer.sealKey }

  package func seal(_ head: AuditHead) -> [UInt8] {
    Array(HMAC<SHA256>.authenticationCode(for: head.sealed, using: key))
  }

  package func accepts(_ seal: [UInt8], of head: AuditHead) -> Bool {
    HMAC<SHA256>.isValidAuthenticationCode(seal, authenticating: head.sealed, using: key)
  }
}

package enum AuditDigest {
  /// Under which a payload is kept, in hexadecimal.
  package static func of(_ payload: AuditPayload) -> String {
    Hexadecimal.encode(Array(SHA256.hash(data: payload.salt + payload.bytes)))
  }
}
