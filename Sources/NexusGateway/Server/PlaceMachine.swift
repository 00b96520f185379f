// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore

/// Who has a place at the agent plane, and who gives one up for somebody who comes when all are taken.
///
/// Each agent that holds connections has a part of the places, and so have those who may come: the places, divided by
/// one more than the agents. Nobody loses a connection within its part; who holds most beyond it gives one up, one
/// without a request first.
package struct PlaceMachine: Sendable {
  package enum Entry: Sendable, Equatable {
    /// It has a place. `closed` gives its own up for it; `of` is whose that was, unless a stranger's.
    case place(Int, closed: Int?, of: Caller?)
    case refused
  }

  package enum Welcome: Sendable, Equatable {
    case kept
    /// Its agent holds more than its part, has a request under way on each, and may have no further one.
    case refused
    /// Somebody else has its place.
    case gone
  }

  private struct Place {
    var caller: Caller?
    var isBusy = false
  }

  private struct Holding {
    /// Without a request, the longest idle first.
    var idle = NumberLine()
    /// With one under way, the newest last.
    var busy = NumberLine()
    var count: Int { idle.count + busy.count }
  }

  private let limit: Int
  /// So many places are never all held by agents beyond their part: who comes can show its key before others follow.
  private let reserve: Int
  private var next = 0
  private var places: [Int: Place] = [:]
  /// Those that have shown no key, in the order of their coming.
  private var strangers = NumberLine()
  /// Those that were refused and are not closed yet: they cost no stranger a place.
  private var refused = NumberLine()
  private var holdings: [AgentName: Holding] = [:]

  package init(limit: Int) {
    self.limit = limit
    reserve = max(1, limit / 16)
  }

  package var count: Int { places.count }

  package func count(of agent: AgentName) -> Int { holdings[agent]?.count ?? 0 }

  /// The part of each agent that holds any.
  package var part: Int { part(isFull: places.count >= limit) }

  private func part(isFull: Bool) -> Int { max(1, (isFull ? places.count : limit) / (holdings.count + 1)) }

  /// Somebody comes; `isFull` says that there are no files for one more, however many places there are.
  package mutating func enter(isFull: Bool) -> Entry {
    var closed: Int?
    var owner: Caller?
    if isFull || places.count >= limit {
      guard let number = giver() else { return .refused }
      owner = places[number]?.caller
      closed = number
      leave(number)
    }
    let number = next
    next += 1
    places[number] = Place()
    strangers.append(number)
    return .place(number, closed: closed, of: owner)
  }

  /// Whose place is given to who comes.
  private func giver() -> Int? {
    if let number = refused.first { return number }
    let oldest = strangers.first
    if strangers.count >= reserve, let oldest { return oldest }
    return crowder() ?? oldest
  }

  /// A connection of the agent that holds most beyond its part; of those that have idle ones, if any has.
  ///
  /// This looks at agents, not at connections; and only where all places are taken.
  private func crowder() -> Int? {
    let part = part(isFull: true)
    var most: (agent: AgentName, holding: Holding)?
    for (agent, holding) in holdings where holding.count > part {
      guard let known = most else {
        most = (agent, holding)
        continue
      }
      let (has, had) = (holding.idle.first != nil, known.holding.idle.first != nil)
      if has != had {
        if has { most = (agent, holding) }
      } else if holding.count > known.holding.count
        || holding.count == known.holding.count && agent.text < known.agent.text
      {
        most = (agent, holding)
      }
    }
    return most.flatMap { $0.holding.idle.first ?? $0.holding.busy.last }
  }

  /// The connection shows the key of a caller, with a request; `isFull` is asked if it has shown none before.
  package mutating func begin(_ number: Int, _ caller: Caller, isFull: () -> Bool) -> Welcome {
    guard let place = places[number] else { return .gone }
    if place.caller == nil, isOver(caller.agent, isFull: isFull) {
      release(number, place)
      refused.append(number)
      return .refused
    }
    release(number, place)
    places[number] = Place(caller: caller, isBusy: true)
    holdings[caller.agent, default: Holding()].busy.append(number)
    return .kept
  }

  private func isOver(_ agent: AgentName, isFull: () -> Bool) -> Bool {
    guard let holding = holdings[agent], holding.idle.first == nil else { return false }
    if places.count > limit - reserve, holding.count >= part(isFull: false) { return true }
    return holding.count >= part(isFull: true) && isFull()
  }

  /// The answer to its request is out.
  package mutating func rest(_ number: Int) {
    guard let place = places[number], place.isBusy, let agent = place.caller?.agent else { return }
    places[number]?.isBusy = false
    holdings[agent]?.busy.remove(number)
    holdings[agent]?.idle.append(number)
  }

  /// The connection is closed, or about to be.
  package mutating func leave(_ number: Int) {
    guard let place = places.removeValue(forKey: number) else { return }
    release(number, place)
  }

  private mutating func release(_ number: Int, _ place: Place) {
    guard let agent = place.caller?.agent else {
      strangers.remove(number)
      refused.remove(number)
      return
    }
    if place.isBusy { holdings[agent]?.busy.remove(number) } else { holdings[agent]?.idle.remove(number) }
    if holdings[agent]?.count == 0 { holdings[agent] = nil }
  }
}

/// Numbers in the order of their coming; each may leave from where it stands, at once.
struct NumberLine: Sendable {
  private var links: [Int: (before: Int?, after: Int?)] = [:]
  private(set) var first: Int?
  private(set) var last: Int?

  var count: Int { links.count }

  mutating func append(_ number: Int) {
    links[number] = (last, nil)
    if let last { links[last]?.after = number } else { first = number }
    last = number
  }

  mutating func remove(_ number: Int) {
    guard let link = links.removeValue(forKey: number) else { return }
    if let before = link.before { links[before]?.after = link.after } else { first = link.after }
    if let after = link.after { links[after]?.before = link.before } else { last = link.before }
  }
}
