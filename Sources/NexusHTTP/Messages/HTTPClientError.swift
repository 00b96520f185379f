// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

/// Why an HTTP exchange did not come to an answer.
///
/// An answer with an error status is an answer, not one of these.
package struct HTTPClientError: Error, Sendable, Hashable, CustomStringConvertible {
  package enum Code: String, Sendable {
    /// Nobody listens there, or the socket file does not exist.
    case refused
    /// The name has no address.
    case unresolved
    case timeout
    /// The certificate does not hold, or the peer does not speak TLS.
    case tls
    /// The connection ended before the answer did.
    case closed
    /// The answer is larger than the caller's limit.
    case tooLarge
    /// What came back is not HTTP/1.1, or not an event stream.
    case malformed
    /// The request cannot be written: a URL or header of the caller is wrong.
    case invalidRequest
  }

  package let code: Code
  package let message: String

  package init(_ code: Code, _ message: String) {
    self.code = code
    self.message = message
  }

  package var description: String { message }
}
