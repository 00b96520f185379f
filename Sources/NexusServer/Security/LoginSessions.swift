// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusAPI
package import NexusCore
internal import Synchronization

/// The login codes and sessions of the dashboard, in memory: they end with the node.
package final class LoginSessions: Sendable {
  /// The two secrets of a session: the cookie's, which the browser sends by itself, and the page's, which it does not.
  package struct Opened: Sendable {
    package let cookie: String
    package let secret: String
  }

  private struct Session {
    var secret: SecretDigest
    var lastUse: Instant
  }

  private struct State {
    /// By digest; the value is when the code stops to be valid.
    var codes: [SecretDigest: Instant] = [:]
    /// By the digest of the cookie.
    var sessions: [SecretDigest: Session] = [:]
  }

  private let clock: any NexusClock
  private let random: any RandomSource
  private let state = Mutex(State())

  package init(clock: any NexusClock, random: any RandomSource) {
    self.clock = clock
    self.random = random
  }

  /// A code of 128 bits that opens one session within two minutes.
  package func issueCode() -> String {
    let code = Secrets.make(words: 2, from: random)
    let now = clock.now()
    state.withLock { state in
      state.codes = state.codes.filter { $0.value > now }
      if state.codes.count >= OperatorLimits.loginCodes, let oldest = state.codes.min(by: { $0.value < $1.value }) {
        state.codes[oldest.key] = nil
      }
      state.codes[Secrets.digest(code)] = now + OperatorLimits.loginCodeLifetime
    }
    return code
  }

  /// Uses a code up and opens a session.
  package func redeem(_ code: String) throws(OperationError) -> Opened {
    let opened = Opened(cookie: Secrets.make(words: 4, from: random), secret: Secrets.make(words: 4, from: random))
    let now = clock.now()
    let isValid = state.withLock { state in
      guard let end = state.codes.removeValue(forKey: Secrets.digest(code)), end > now else { return false }
      state.sessions = state.sessions.filter { $0.value.lastUse + OperatorLimits.sessionIdleLifetime > now }
      if state.sessions.count >= OperatorLimits.sessions,
        let idlest = state.sessions.min(by: { $0.value.lastUse < $1.value.lastUse })
      {
        state.sessions[idlest.key] = nil
      }
      state.sessions[Secrets.digest(opened.cookie)] = Session(secret: Secrets.digest(opened.secret), lastUse: now)
      return true
    }
    guard isValid else { throw .loginRefused }
    return opened
  }

  /// Whether the cookie is that of a session; with a secret, whether that is the same session's.
  package func accepts(cookie: String, secret: String?) -> Bool {
    let now = clock.now()
    return state.withLock { state in
      let key = Secrets.digest(cookie)
      guard var session = state.sessions[key] else { return false }
      guard session.lastUse + OperatorLimits.sessionIdleLifetime > now else {
        state.sessions[key] = nil
        return false
      }
      if let secret, session.secret != Secrets.digest(secret) { return false }
      session.lastUse = now
      state.sessions[key] = session
      return true
    }
  }

  package func close(cookie: String) {
    state.withLock { $0.sessions[Secrets.digest(cookie)] = nil }
  }

  /// How many sessions are open, for the metrics.
  package var count: Int { state.withLock { $0.sessions.count } }
}
