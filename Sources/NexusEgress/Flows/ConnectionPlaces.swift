// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NIOCore
internal import NexusCore
internal import Synchronization

/// The places for connections that all agents have together.
///
/// They are those of agents, in whatever run: many runs of one agent have no more of them than one. An agent may have as
/// many as are free, and, whatever others have, its part: all places, divided by one more than there are agents that have
/// any. If none is free for that, whoever has most gives one back, of the connections that it has least used of late.
final class ConnectionPlaces: Sendable {
  /// The place of one connection.
  final class Place: Sendable {
    let agent: AgentName
    fileprivate let takeBack: @Sendable (Place) -> Void
    private let usedAt: Atomic<UInt64>

    /// `takeBack` is told, on any thread, that it is another's now.
    init(of agent: AgentName, at now: NIODeadline, takeBack: @escaping @Sendable (Place) -> Void) {
      self.agent = agent
      self.takeBack = takeBack
      usedAt = Atomic(now.uptimeNanoseconds)
    }

    func use(at now: NIODeadline) { usedAt.store(now.uptimeNanoseconds, ordering: .relaxed) }
    fileprivate var lastUse: UInt64 { usedAt.load(ordering: .relaxed) }
  }

  private struct State {
    let limit: Int
    var agents: [AgentName: [ObjectIdentifier: Place]] = [:]
    var taken = 0

    mutating func enter(_ place: Place) -> (isIn: Bool, lost: Place?) {
      let held = agents[place.agent]?.count ?? 0
      let free = limit - taken
      var lost: Place?
      if held >= free {
        let part = max(1, limit / (agents.count + 1))
        guard held < part else { return (false, nil) }
        if free == 0 {
          // Nobody gives away what is their own part.
          guard let most = agents.max(by: { ($0.value.count, $0.key) < ($1.value.count, $1.key) })?.value,
            most.count > part, let idlest = most.values.min(by: { $0.lastUse < $1.lastUse })
          else { return (false, nil) }
          leave(idlest)
          lost = idlest
        }
      }
      agents[place.agent, default: [:]][ObjectIdentifier(place)] = place
      taken += 1
      return (true, lost)
    }

    mutating func leave(_ place: Place) {
      guard agents[place.agent]?.removeValue(forKey: ObjectIdentifier(place)) != nil else { return }
      if agents[place.agent]?.isEmpty == true { agents[place.agent] = nil }
      taken -= 1
    }
  }

  private let state: Mutex<State>

  init(limit: Int) { state = Mutex(State(limit: limit)) }

  /// Takes a place; false if its agent may have no more.
  func enter(_ place: Place) -> Bool {
    let (isIn, lost) = state.withLock { $0.enter(place) }
    // Until its connection is closed there is one more than there are places: a quarter of the files is for all of them.
    if let lost { lost.takeBack(lost) }
    return isIn
  }

  /// Gives a place back, unless it is another's already.
  func leave(_ place: Place) { state.withLock { $0.leave(place) } }
}
