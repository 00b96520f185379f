// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NIOCore
internal import Synchronization

/// The places at a listener: whoever has shown a key keeps one, and of all others the oldest goes when there is no more
/// room.
///
/// So connections on which nothing is said, or nothing that opens anything, keep nobody out who has a key.
final class ConnectionRoom: Sendable {
  private struct State {
    var next = 0
    /// By the order in which they came.
    var strangers: [Int: any Channel] = [:]
    /// Where each connection stands that is open; nil for one that has shown a key.
    var places: [ObjectIdentifier: Int?] = [:]
  }

  private let most: Int
  private let state = Mutex(State())

  init(most: Int) { self.most = most }

  /// Takes a new connection in; it goes at once itself if all others have shown a key.
  func enter(_ channel: any Channel) {
    let id = ObjectIdentifier(channel)
    let evicted = state.withLock { state -> (any Channel)? in
      state.strangers[state.next] = channel
      state.places[id] = .some(state.next)
      state.next += 1
      guard state.places.count > most, let oldest = state.strangers.keys.min() else { return nil }
      guard let stranger = state.strangers.removeValue(forKey: oldest) else { return nil }
      state.places[ObjectIdentifier(stranger)] = nil
      return stranger
    }
    evicted?.close(promise: nil)
    channel.closeFuture.whenComplete { [self] _ in leave(id) }
  }

  /// The connection has shown a key.
  func recognise(_ channel: any Channel) {
    state.withLock { state in
      guard let place = state.places[ObjectIdentifier(channel)], let number = place else { return }
      state.strangers[number] = nil
      state.places[ObjectIdentifier(channel)] = .some(nil)
    }
  }

  private func leave(_ id: ObjectIdentifier) {
    state.withLock { state in
      if let place = state.places.removeValue(forKey: id), let number = place { state.strangers[number] = nil }
    }
  }
}
