// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusAPI
package import NexusCore

/// Decides whether a request may have what it asks for.
package struct Credentials: Sendable {
  package static let sessionHeader = "x-naos-session"

  private let token: SecretDigest
  /// Who has a named token, by the SHA-256 of its secret in hexadecimal.
  private let named: @Sendable (String) -> OperatorIdentity?
  /// Of this node alone: browsers share cookies among the ports of a host, and two nodes must not log each other out.
  package let cookieName: String
  package let sessions: LoginSessions

  /// A token of fewer bytes is no secret.
  package static let shortestToken = 32

  /// - Parameters:
  ///   - token: The content of `.naos/token`; at least `shortestToken` bytes.
  ///   - sessions: The dashboard's sessions.
  ///   - named: Who has a named token, by the SHA-256 of its secret in hexadecimal.
  package init(
    token: String, sessions: LoginSessions, named: @escaping @Sendable (String) -> OperatorIdentity? = { _ in nil }
  ) {
    self.named = named
    precondition(token.utf8.count >= Self.shortestToken, "an operator token this short is no secret")
    self.token = Secrets.digest(token)
    cookieName = "naos_" + Base64.encodeURL(Array(Secrets.digest("cookie of " + token).bytes.prefix(6)))
    self.sessions = sessions
  }

  /// Who asks; nil where nobody has to say.
  @discardableResult
  package func check(_ request: OperatorRequest, for access: RouteAccess) throws(OperationError) -> OperatorIdentity? {
    if access == .open { return nil }
    let who: OperatorIdentity
    if let given = Self.bearer(request) {
      guard let found = self.holder(of: Secrets.digest(given)) else {
        throw .unauthenticated("The token is not this node's.")
      }
      who = found
    } else {
      guard access != .token, access != .login else { throw .unauthenticated("This needs the bearer token.") }
      who = try session(of: request, for: access)
    }
    if !who.isOwner { try Self.check(who, request, for: access) }
    return who
  }

  /// Whether what a request shows is still good: for what goes on long after it was asked for.
  func watch(_ request: OperatorRequest) -> @Sendable () -> Bool {
    { (try? check(request, for: .api)) != nil }
  }

  private func holder(of digest: SecretDigest) -> OperatorIdentity? { digest == token ? .owner : named(digest.hex) }

  /// The named token that a request shows; nil for the owner's.
  func namedToken(of request: OperatorRequest) -> SecretDigest? {
    guard let given = Self.bearer(request) else { return nil }
    let digest = Secrets.digest(given)
    return digest == token ? nil : digest
  }

  private func session(of request: OperatorRequest, for access: RouteAccess) throws(OperationError) -> OperatorIdentity
  {
    guard let cookie = cookie(of: request) else { throw .unauthenticated("The request carries no credential.") }
    let secret = request.headers[Self.sessionHeader]
    // Browsers send a cookie to every port of a host, so it says too little by itself.
    guard access == .page || secret != nil else {
      throw .unauthenticated("A cookie alone opens no data: the page's session secret is missing.")
    }
    guard let holder = sessions.holder(cookie: cookie, secret: access == .page ? nil : secret) else {
      throw .unauthenticated("The session has ended.")
    }
    guard case .token(let digest) = holder else { return .owner }
    // A session is as good as the token that opened it.
    guard let who = named(digest.hex) else {
      sessions.close(cookie: cookie)
      throw .unauthenticated("The token of this session was revoked.")
    }
    return who
  }

  /// A named token reads, and decides about what is asked of its role; everything else is the owner's.
  private static func check(
    _ who: OperatorIdentity, _ request: OperatorRequest, for access: RouteAccess
  ) throws(OperationError) {
    let reads = request.method == "GET" || request.method == "HEAD"
    switch access {
    case .open, .page, .decision, .own, .login: return
    case .api where reads: return
    case .api, .token:
      throw OperationError(
        .forbidden, code: "NX-API-030", title: "Not for this token",
        detail: "\(who) reads, and decides about approvals; this is for the owner of the node.",
        hint: "Ask whoever has .naos/token.")
    }
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
