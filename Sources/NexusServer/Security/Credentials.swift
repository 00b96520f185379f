// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusAPI
internal import NexusCore

/// Decides whether a request may have what it asks for.
package struct Credentials: Sendable {
  package static let sessionHeader = "x-naos-session"

  private let token: SecretDigest
  /// Of this node alone: browsers share cookies among the ports of a host, and two nodes must not log each other out.
  package let cookieName: String
  package let sessions: LoginSessions

  /// A token of fewer bytes is no secret.
  package static let shortestToken = 32

  /// - Parameters:
  ///   - token: The content of `.naos/token`; at least `shortestToken` bytes.
  ///   - sessions: The dashboard's sessions.
  package init(token: String, sessions: LoginSessions) {
    precondition(token.utf8.count >= Self.shortestToken, "an operator token this short is no secret")
    self.token = Secrets.digest(token)
    cookieName = "naos_" + Base64.encodeURL(Array(Secrets.digest("cookie of " + token).bytes.prefix(6)))
    self.sessions = sessions
  }

  package func check(_ request: OperatorRequest, for access: RouteAccess) throws(OperationError) {
    if access == .open { return }
    if let given = Self.bearer(request) {
      guard Secrets.digest(given) == token else { throw .unauthenticated("The token is not this node's.") }
      return
    }
    guard access != .token else { throw .unauthenticated("This needs the bearer token.") }
    guard let cookie = cookie(of: request) else { throw .unauthenticated("The request carries no credential.") }
    if access == .page {
      guard sessions.accepts(cookie: cookie, secret: nil) else { throw .unauthenticated("The session has ended.") }
      return
    }
    // Browsers send a cookie to every port of a host, so it says too little by itself.
    guard let secret = request.headers[Self.sessionHeader] else {
      throw .unauthenticated("A cookie alone opens no data: the page's session secret is missing.")
    }
    guard sessions.accepts(cookie: cookie, secret: secret) else { throw .unauthenticated("The session has ended.") }
  }

  static func bearer(_ request: OperatorRequest) -> String? {
    guard let header = request.headers["authorization"] else { return nil }
    let parts = header.split(separator: " ", maxSplits: 1)
    guard parts.count == 2, parts[0].lowercased() == "bearer" else { return "" }
    return String(parts[1])
  }

  func cookie(of request: OperatorRequest) -> String? {
    guard let header = request.headers["cookie"] else { return nil }
    for pair in header.split(separator: ";") {
      let parts = pair.drop { $0 == " " }.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      if parts.count == 2, parts[0] == cookieName { return String(parts[1]) }
    }
    return nil
  }
}
