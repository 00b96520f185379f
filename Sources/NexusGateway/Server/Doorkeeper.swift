// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NIOCore
internal import NexusCore
internal import Synchronization

/// Counts the connections of the agent plane, and makes room for a new one where all places are taken, as
/// `PlaceMachine` decides.
///
/// So neither those who only hold connections open nor an agent with a key keep another one out, nor use up the
/// descriptors of the node.
final class Doorkeeper: Sendable {
  /// A connection's place.
  struct Ticket: Sendable, Hashable {
    fileprivate let number: Int
  }

  private struct State {
    var machine: PlaceMachine
    var channels: [Int: any Channel] = [:]
    var crowding = CrowdingBook()
  }

  /// Whether the files of one more connection can be opened; where they cannot, all places are taken.
  private let hasFiles: @Sendable () -> Bool
  private let clock: any NexusClock
  /// Told whose connections are too many.
  private let denials: @Sendable (DenialEvent) -> Void
  private let state: Mutex<State>

  init(
    limit: Int, clock: any NexusClock, hasFiles: @escaping @Sendable () -> Bool,
    denials: @escaping @Sendable (DenialEvent) -> Void
  ) {
    self.hasFiles = hasFiles
    self.clock = clock
    self.denials = denials
    state = Mutex(State(machine: PlaceMachine(limit: limit)))
  }

  /// A place for a connection; nil if nobody has one too many.
  func enter(_ channel: any Channel) -> Ticket? {
    let isFull = !hasFiles()
    let now = clock.now()
    let (ticket, closed, told) = state.withLock { state -> (Ticket?, (any Channel)?, [DenialEvent]) in
      guard case .place(let number, let closed, let owner) = state.machine.enter(isFull: isFull) else {
        return (nil, nil, [])
      }
      state.channels[number] = channel
      let told = owner.map { state.crowding.note($0, at: now) } ?? []
      return (Ticket(number: number), closed.flatMap { state.channels.removeValue(forKey: $0) }, told)
    }
    closed?.close(promise: nil)
    for denial in told { denials(denial) }
    return ticket
  }

  /// The connection has a request with the valid key of a caller.
  func begin(_ ticket: Ticket, _ caller: Caller) -> PlaceMachine.Welcome {
    let (welcome, told) = state.withLock { state -> (PlaceMachine.Welcome, [DenialEvent]) in
      let welcome = state.machine.begin(ticket.number, caller) { !hasFiles() }
      return (welcome, welcome == .refused ? state.crowding.note(caller, at: clock.now()) : [])
    }
    for denial in told { denials(denial) }
    return welcome
  }

  /// The answer to its request is out; until the next one it may have to give its place up.
  func rest(_ ticket: Ticket) { state.withLock { $0.machine.rest(ticket.number) } }

  func leave(_ ticket: Ticket) {
    state.withLock { state in
      state.machine.leave(ticket.number)
      state.channels[ticket.number] = nil
    }
  }

  /// Tells what has not been told yet.
  func settle() {
    for denial in state.withLock({ $0.crowding.flush() }) { denials(denial) }
  }

  var count: Int { state.withLock { $0.machine.count } }
}
