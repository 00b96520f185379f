// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
internal import Synchronization

/// The threads that look names up for all agents together.
///
/// They are those of agents, in whatever run. Nobody can call back a thread that waits for a name server, so half of them
/// are for agents that have none: what an agent has beyond its first comes out of the other half, and of that none has
/// more than are free.
final class LookupPlaces: Sendable {
  /// Somebody who waits for a place of an agent.
  final class Waiter: Sendable {
    let agent: AgentName
    fileprivate let enter: @Sendable () -> Void

    /// `enter` is told, on any thread, that the place is there, and is the waiter's to give back.
    init(of agent: AgentName, enter: @escaping @Sendable () -> Void) {
      self.agent = agent
      self.enter = enter
    }
  }

  private struct State {
    let limit: Int
    let most: Int
    var held: [AgentName: Int] = [:]
    /// Places that are not the first of their agent.
    var beyond = 0
    /// None of them may enter; whoever can does so when a place is given back.
    var line: [Waiter] = []

    mutating func enter(_ agent: AgentName) -> Bool {
      let count = held[agent] ?? 0
      guard count < most, held.count + beyond < limit else { return false }
      if count > 0 {
        guard count < limit / 2 - beyond else { return false }
        beyond += 1
      }
      held[agent] = count + 1
      return true
    }

    /// - Returns: those in line who have a place now.
    mutating func leave(_ agent: AgentName) -> [Waiter] {
      guard let count = held[agent] else { return [] }
      held[agent] = count > 1 ? count - 1 : nil
      if count > 1 { beyond -= 1 }
      var entered: [Waiter] = []
      var left: [Waiter] = []
      for waiter in line {
        if enter(waiter.agent) { entered.append(waiter) } else { left.append(waiter) }
      }
      line = left
      return entered
    }
  }

  private let state: Mutex<State>

  /// So many in all, and at most so many of one agent.
  init(limit: Int, most: Int) { state = Mutex(State(limit: limit, most: most)) }

  /// Takes a place; false if the agent may have no more.
  func enter(_ agent: AgentName) -> Bool { state.withLock { $0.enter(agent) } }

  /// Takes a place, or stands in line for one.
  func enter(_ waiter: Waiter) -> Bool {
    state.withLock { state in
      if state.enter(waiter.agent) { return true }
      state.line.append(waiter)
      return false
    }
  }

  func leave(_ agent: AgentName) {
    for waiter in state.withLock({ $0.leave(agent) }) { waiter.enter() }
  }

  /// Of one who waits for nothing any more; without effect if it has its place already.
  func withdraw(_ waiter: Waiter) { state.withLock { $0.line.removeAll { $0 === waiter } } }
}
