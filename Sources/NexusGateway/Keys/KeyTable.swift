// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
internal import Synchronization

/// The virtual keys that open the agent plane now.
///
/// A key is 256 random bits; looking it up by its hash tells an attacker nothing that helps to guess one.
final class KeyTable: Sendable {
  private let sessions = Mutex<[String: AttemptSession]>([:])
  private let identifiers: IdentifierSource

  init(identifiers: IdentifierSource) { self.identifiers = identifiers }

  func mint() -> VirtualKey { VirtualKey(identifiers.secret(prefix: MintedSecret.virtualKey.rawValue)) }

  func insert(_ session: AttemptSession) {
    sessions.withLock { $0[session.key.secret] = session }
  }

  func session(for secret: String) -> AttemptSession? {
    sessions.withLock { sessions in
      guard let found = sessions[secret] else { return nil }
      // What was lent is over with what it stands for.
      if let lent = found.lent, sessions[lent.by.key.secret] !== lent.by { return nil }
      return found
    }
  }

  func remove(_ key: VirtualKey) -> AttemptSession? {
    sessions.withLock { $0.removeValue(forKey: key.secret) }
  }
}
