// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusAPI
package import NexusCore
internal import Synchronization

/// The login codes and sessions of the dashboard.
///
/// Codes are in memory and end with the node; sessions are kept in a file, so that an open page goes on with the next.
package final class LoginSessions: Sendable {
  /// The two secrets of a session: the cookie's, which the browser sends by itself, and the page's, which it does not.
  package struct Opened: Sendable {
    package let cookie: String
    package let secret: String
  }

  /// Whose a session is.
  enum Holder: Sendable, Hashable {
    case owner
    /// Whoever has the named token with this digest.
    case token(SecretDigest)

    init(token: SecretDigest?) { self = token.map { .token($0) } ?? .owner }

    var token: SecretDigest? { if case .token(let digest) = self { digest } else { nil } }
  }

  private struct Code {
    let end: Instant
    let holder: Holder
  }

  private struct Session {
    var secret: SecretDigest
    let holder: Holder
    var lastUse: Instant
  }

  private struct State {
    /// By digest.
    var codes: [SecretDigest: Code] = [:]
    /// By the digest of the cookie.
    var sessions: [SecretDigest: Session] = [:]
    var savedAt: Instant
  }

  private let clock: any NexusClock
  private let random: any RandomSource
  private let file: SessionFile?
  private let state: Mutex<State>

  /// - Parameters:
  ///   - clock: Ends codes and sessions.
  ///   - random: Makes codes and secrets.
  ///   - file: Where sessions are kept for the next node; nil for nowhere.
  package init(clock: any NexusClock, random: any RandomSource, file: SessionFile? = nil) {
    self.clock = clock
    self.random = random
    self.file = file
    let (now, wallNow) = (clock.now(), clock.wallNow())
    var initial = State(savedAt: now)
    for kept in file?.load() ?? [] {
      // A clock that was set back makes no session older than it is.
      let idle = max(.zero, wallNow - kept.lastUse)
      guard idle < OperatorLimits.sessionIdleLifetime, initial.sessions.count < OperatorLimits.sessions else {
        continue
      }
      initial.sessions[kept.cookie] = Session(
        secret: kept.secret, holder: Holder(token: kept.token),
        lastUse: Instant(nanoseconds: (now - Instant(nanoseconds: 0) - idle).wholeNanoseconds))
    }
    state = Mutex(initial)
  }

  /// A code of 128 bits that opens one session within two minutes.
  package func issueCode() -> String { issueCode(for: .owner) }

  func issueCode(for holder: Holder) -> String {
    let code = Secrets.make(words: 2, from: random)
    let now = clock.now()
    state.withLock { state in
      state.codes = state.codes.filter { $0.value.end > now }
      if state.codes.count >= OperatorLimits.loginCodes,
        let oldest = state.codes.min(by: { $0.value.end < $1.value.end })
      {
        state.codes[oldest.key] = nil
      }
      state.codes[Secrets.digest(code)] = Code(end: now + OperatorLimits.loginCodeLifetime, holder: holder)
    }
    return code
  }

  /// Uses a code up and opens a session.
  package func redeem(_ code: String) throws(OperationError) -> Opened {
    let opened = Opened(cookie: Secrets.make(words: 4, from: random), secret: Secrets.make(words: 4, from: random))
    let now = clock.now()
    let isValid = state.withLock { state in
      guard let known = state.codes.removeValue(forKey: Secrets.digest(code)), known.end > now else { return false }
      state.sessions = state.sessions.filter { $0.value.lastUse + OperatorLimits.sessionIdleLifetime > now }
      if state.sessions.count >= OperatorLimits.sessions,
        let idlest = state.sessions.min(by: { $0.value.lastUse < $1.value.lastUse })
      {
        state.sessions[idlest.key] = nil
      }
      state.sessions[Secrets.digest(opened.cookie)] = Session(
        secret: Secrets.digest(opened.secret), holder: known.holder, lastUse: now)
      save(&state, at: now)
      return true
    }
    guard isValid else { throw .loginRefused }
    return opened
  }

  /// Whose session the cookie is of; with a secret, if that is the same session's.
  func holder(cookie: String, secret: String?) -> Holder? {
    let now = clock.now()
    return state.withLock { state in
      let key = Secrets.digest(cookie)
      guard var session = state.sessions[key] else { return nil }
      guard session.lastUse + OperatorLimits.sessionIdleLifetime > now else {
        state.sessions[key] = nil
        return nil
      }
      if let secret, session.secret != Secrets.digest(secret) { return nil }
      session.lastUse = now
      state.sessions[key] = session
      if now - state.savedAt >= OperatorLimits.sessionSaveInterval { save(&state, at: now) }
      return session.holder
    }
  }

  package func close(cookie: String) {
    state.withLock { state in
      state.sessions[Secrets.digest(cookie)] = nil
      save(&state, at: clock.now())
    }
  }

  /// Under the lock, so that an older state never replaces a newer one; it is seldom.
  private func save(_ state: inout State, at now: Instant) {
    guard let file else { return }
    state.savedAt = now
    let wallNow = clock.wallNow()
    let kept = state.sessions.map { cookie, session in
      KeptSession(
        cookie: cookie, secret: session.secret, token: session.holder.token,
        lastUse: wallNow + .nanoseconds(-(now - session.lastUse).wholeNanoseconds))
    }
    file.save(kept.sorted { $0.lastUse < $1.lastUse })
  }

  /// How many sessions are open, for the metrics.
  package var count: Int { state.withLock { $0.sessions.count } }
}
