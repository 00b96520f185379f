// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusCore
import NexusGateway
import NexusTestKit
import Testing

/// Who gives a place at the agent plane up for whom.
@Suite struct PlaceMachineTests {
  private static func caller(_ agent: String) -> Caller {
    Caller(agent: AgentName(agent), run: nil, step: .main, attempt: AttemptNumber(1))
  }

  /// A machine with the numbers of whoever has a place.
  private struct Bench {
    var machine: PlaceMachine
    init(_ limit: Int) { machine = PlaceMachine(limit: limit) }

    mutating func enter(isFull: Bool = false) throws -> (number: Int, closed: Int?, of: String?) {
      guard case .place(let number, let closed, let owner) = machine.enter(isFull: isFull) else { throw NoPlace() }
      return (number, closed, owner?.agent.text)
    }

    mutating func begin(_ number: Int, _ agent: String, isFull: Bool = false) -> PlaceMachine.Welcome {
      machine.begin(number, PlaceMachineTests.caller(agent)) { isFull }
    }

    /// Connections of an agent whose requests are over.
    mutating func rest(_ agent: String, _ count: Int) throws -> [Int] {
      try (0..<count).map { _ in
        let number = try enter().number
        #expect(begin(number, agent) == .kept)
        machine.rest(number)
        return number
      }
    }

    func count(_ agent: String) -> Int { machine.count(of: AgentName(agent)) }
  }

  private struct NoPlace: Error {}

  @Test func `who holds all places gives up the longest idle, down to its part`() throws {
    var bench = Bench(64)
    let held = try bench.rest("loud", 64)
    for round in 0..<32 {
      let (number, closed, owner) = try bench.enter()
      #expect(closed == held[round] && owner == "loud")
      #expect(bench.begin(number, "quiet") == .kept)
      bench.machine.rest(number)
    }
    #expect(bench.count("loud") == 32 && bench.count("quiet") == 32)
    // A third comes: both are beyond their part of it.
    let third = try bench.enter()
    #expect(third.of == "loud")
    #expect(bench.begin(third.number, "third") == .kept)
  }

  @Test func `a request that was under way longer is not taken where one is idle`() throws {
    var bench = Bench(4)
    let held = try bench.rest("loud", 4)
    for number in held where number != held[2] { #expect(bench.begin(number, "loud") == .kept) }
    #expect(try bench.enter().closed == held[2])
    #expect(bench.begin(held[2], "loud") == .gone)
  }

  @Test func `where all have a request under way the newest of the largest is taken, and it may have no more`() throws {
    var bench = Bench(4)
    let held = try bench.rest("loud", 4)
    for number in held { #expect(bench.begin(number, "loud") == .kept) }
    let first = try bench.enter()
    #expect(first.closed == held[3] && first.of == "loud")
    #expect(bench.begin(first.number, "loud") == .refused)
    bench.machine.leave(first.number)
    // The place is for somebody else: nobody has to give one up again.
    let second = try bench.enter()
    #expect(second.closed == nil)
    #expect(bench.begin(second.number, "quiet") == .kept)
    #expect(bench.count("loud") == 3 && bench.count("quiet") == 1)
  }

  @Test func `strangers give way to each other, and to nobody's cost beyond a few`() throws {
    var bench = Bench(64)
    let held = try bench.rest("loud", 60)
    var strangers: [Int] = []
    for _ in 0..<4 { strangers.append(try bench.enter().number) }
    for round in 0..<200 {
      let entry = try bench.enter()
      #expect(entry.closed == strangers[round] && entry.of == nil)
      strangers.append(entry.number)
    }
    #expect(bench.count("loud") == held.count)
  }

  @Test func `who was refused goes before a stranger`() throws {
    var bench = Bench(4)
    let held = try bench.rest("loud", 3)
    for number in held { #expect(bench.begin(number, "loud") == .kept) }
    let stranger = try bench.enter().number
    #expect(bench.begin(stranger, "loud") == .refused)
    let fresh = try bench.enter()
    #expect(fresh.closed == stranger && fresh.of == nil)
    #expect(bench.begin(fresh.number, "quiet") == .kept)
  }

  @Test func `without files the places that are taken are all there are`() throws {
    var bench = Bench(4096)
    let held = try bench.rest("loud", 10)
    let entry = try bench.enter(isFull: true)
    #expect(entry.closed == held[0])
    #expect(bench.begin(entry.number, "quiet", isFull: true) == .kept)
    // One is everybody's part.
    var small = Bench(4096)
    _ = try small.rest("one", 1)
    #expect(small.machine.enter(isFull: true) == .refused)
  }

  @Test(arguments: 0..<40 as Range<UInt64>)
  func `no more than there are, nobody loses within its part, and who has none gets one`(_ seed: UInt64) throws {
    let random = SeededRandom(seed: seed)
    func pick(_ count: Int) -> Int { Int(random.next() % UInt64(count)) }
    let limit = 1 + pick(40)
    let agents = (0...pick(5)).map { "agent\($0)" }
    var machine = PlaceMachine(limit: limit)
    // What is true of each that is open: whose it is, and whether it has a request.
    var open: [Int: (agent: String?, isBusy: Bool)] = [:]
    func count(_ agent: String) -> Int { open.values.count { $0.agent == agent } }
    for step in 0..<2_000 {
      let known = open.keys.sorted()
      switch known.isEmpty ? 0 : pick(8) {
      case 0, 1, 2:
        let isFull = pick(20) == 0
        let holders = Set(open.values.compactMap(\.agent))
        let part = max(1, (isFull ? open.count : limit) / (holders.count + 1))
        let isCrowded = holders.contains { count($0) > part }
        switch machine.enter(isFull: isFull) {
        case .refused:
          #expect((isFull || open.count == limit) && !isCrowded && !open.values.contains { $0.agent == nil })
        case .place(let number, let closed, let owner):
          if let closed {
            let lost = try #require(open[closed])
            #expect(lost.agent == owner?.agent.text && (isFull || open.count == limit))
            if let agent = lost.agent {
              let seen: Comment = "seed \(seed), step \(step)"
              #expect(count(agent) > part, seen)
              // A request is taken only where nobody beyond its part is idle.
              let idle = open.values.contains { !$0.isBusy && $0.agent.map { count($0) > part } == true }
              #expect(!lost.isBusy || !idle, seen)
            }
            open[closed] = nil
          }
          open[number] = (nil, false)
          // Who has none keeps the one that it got.
          if pick(3) == 0, let fresh = agents.first(where: { count($0) == 0 }) {
            #expect(machine.begin(number, Self.caller(fresh)) { isFull } == .kept)
            open[number] = (fresh, true)
          }
        }
      case 3, 4:
        let number = known[pick(known.count)]
        let agent = open[number]?.agent ?? agents[pick(agents.count)]
        switch machine.begin(number, Self.caller(agent), isFull: { false }) {
        case .kept: open[number] = (agent, true)
        case .refused:
          #expect(open[number]?.agent == nil && !open.values.contains { $0.agent == agent && !$0.isBusy })
        case .gone: Issue.record("seed \(seed): it is there")
        }
      case 5, 6:
        let number = known[pick(known.count)]
        machine.rest(number)
        open[number]?.isBusy = false
      default:
        let number = known[pick(known.count)]
        machine.leave(number)
        open[number] = nil
      }
      #expect(machine.count == open.count && open.count <= limit)
      for agent in agents { #expect(machine.count(of: AgentName(agent)) == count(agent)) }
    }
  }

  @Test func `what an agent loses is told at once, and from then on in counts`() {
    var book = CrowdingBook()
    func at(_ seconds: Int64) -> Instant { Instant(nanoseconds: seconds * 1_000_000_000) }
    let first = book.note(Self.caller("loud"), at: at(1))
    #expect(first.map(\.count) == [1] && first.first?.rule == .connections)
    #expect(first.first?.note == "denied: the agent plane: too many connections at a time")
    for _ in 0..<5_000 { #expect(book.note(Self.caller("loud"), at: at(2)).isEmpty) }
    #expect(book.note(Self.caller("other"), at: at(3)).map(\.caller.agent.text) == ["other"])
    #expect(book.note(Self.caller("loud"), at: at(61)).map(\.count) == [5_001])
    #expect(book.note(Self.caller("loud"), at: at(62)).isEmpty)
    #expect(book.flush().map(\.count) == [1])
    #expect(book.flush().isEmpty)
  }
}
