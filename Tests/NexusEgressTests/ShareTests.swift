// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import Glibc
import NexusCore
import NexusEgress
import Synchronization
import Testing

/// What sandboxes have together, and that none takes it all.
@Suite(.timeLimit(.minutes(2)))
struct ShareTests {
  private let told = Told()
  private let host: Plug

  init() throws { host = try Plug.listening() }

  /// One door of a sandbox of its own for each name.
  private func open(_ names: [String], at gate: EgressGate, as agent: String) async throws -> (
    doors: any OpenDoors, ports: [Int]
  ) {
    let sockets = try names.map { _ in try Plug.listening() }
    let doors = names.enumerated().map { index, name in
      var grant = HostGrant(host: name, port: host.port, language: .tcp)
      grant.ranges = [AddressRange("127.0.0.0/8")].compactMap { $0 }
      return Enclosure.Door(place: "127.1.0.\(index + 1):\(grant.port)", destination: .host(grant))
    }
    let enclosure = Enclosure(
      doors: doors, holder: Caller(agent: AgentName(agent), run: nil, step: .main, attempt: AttemptNumber(1)))
    return (await gate.open(enclosure, sockets: sockets.map { dup($0.number) }), sockets.map(\.port))
  }

  @Test func `a sandbox leaves connections to the next, and one that ends gives its own back`() async throws {
    var limits = EgressLimits()
    limits.allConnections = 6
    let gate = EgressGate(
      watcher: told, clock: SystemClock(), resolver: ScriptedResolver([["127.0.0.1"]]), limits: limits)
    let first = try await open(["a.test"], at: gate, as: "a")
    let second = try await open(["b.test"], at: gate, as: "b")
    // Three of six are free when it has three.
    let held = try (0..<3).map { _ in try Plug.connected(to: first.ports[0]) }
    let served = try (0..<3).map { _ in try host.accepted() }
    let late = try Plug.connected(to: first.ports[0])
    #expect(late.receiveAll() == "")
    #expect(try await told.nextDenial().rule == .connections)
    let other = try Plug.connected(to: second.ports[0])
    let end = try host.accepted()
    end.send("hello")
    #expect(other.receive("hello"))
    first.doors.close()
    for one in held { #expect(one.receiveAll() == "") }
    for one in served { #expect(one.receiveAll() == "") }
    let after = try (0..<2).map { _ in try Plug.connected(to: second.ports[0]) }
    let others = try after.map { _ in try host.accepted() }
    for one in others + [end] { one.send("again") }
    for one in after + [other] { #expect(one.receive("again")) }
    second.doors.close()
    await gate.shutDown()
  }

  @Test func `many runs of one agent are one holder, and a new agent always finds a place`() async throws {
    var limits = EgressLimits()
    limits.allConnections = 8
    let gate = EgressGate(
      watcher: told, clock: SystemClock(), resolver: ScriptedResolver([["127.0.0.1"]]), limits: limits)
    var runs: [(doors: any OpenDoors, ports: [Int])] = []
    for _ in 0..<6 { runs.append(try await open(["a.test"], at: gate, as: "a")) }
    var held: [(agent: Plug, host: Plug)] = []
    func hold(_ port: Int) throws {
      held.append((try Plug.connected(to: port), try host.accepted()))
      // The gate is done with it before the next one comes.
      held.last?.host.send("hi")
      #expect(held.last?.agent.receive("hi") == true)
    }
    for run in runs.prefix(4) { try hold(run.ports[0]) }
    // Four of eight are free when it has four, in whatever runs.
    for run in runs.suffix(2) {
      #expect(try Plug.connected(to: run.ports[0]).receiveAll() == "")
      #expect(try await told.nextDenial().rule == .connections)
    }
    // Others take the rest: two, one, one.
    var others: [any OpenDoors] = []
    for (name, count) in [("b", 2), ("c", 1), ("d", 1)] {
      let other = try await open(["b.test"], at: gate, as: name)
      others.append(other.doors)
      for _ in 0..<count { try hold(other.ports[0]) }
    }
    // The first one has said something of late.
    held[0].host.send("now")
    #expect(held[0].agent.receive("now"))
    let late = try await open(["e.test"], at: gate, as: "e")
    let agent = try Plug.connected(to: late.ports[0])
    try host.accepted().send("hello")
    #expect(agent.receive("hello"))
    // It has the place of whoever has most, and there of the one that was silent for longest.
    #expect(held[1].agent.receiveAll() == "" && held[1].host.receiveAll() == "")
    let denial = try await told.nextDenial()
    #expect(denial.rule == .connections && denial.target == "a.test" && denial.caller.agent == AgentName("a"))
    for (index, pair) in held.enumerated() where index != 1 {
      pair.host.send("still")
      #expect(pair.agent.receive("still"))
    }
    // That is its part, with five who have any.
    #expect(try Plug.connected(to: late.ports[0]).receiveAll() == "")
    for doors in runs.map(\.doors) + others + [late.doors] { doors.close() }
    await gate.shutDown()
  }

  @Test func `without files for it there is no connection`() async throws {
    let isFull = Switch()
    let gate = EgressGate(
      watcher: told, clock: SystemClock(), resolver: ScriptedResolver([["127.0.0.1"]]),
      hasFiles: { !isFull.isOn })
    let only = try await open(["a.test"], at: gate, as: "a")
    let early = try Plug.connected(to: only.ports[0])
    #expect(early.receiveAll() == "")
    #expect(try await told.nextDenial().rule == .connections)
    isFull.turnOff()
    let late = try Plug.connected(to: only.ports[0])
    try host.accepted().send("hello")
    #expect(late.receive("hello"))
    only.doors.close()
    await gate.shutDown()
  }

  @Test func `the share of the gate fits into the open files`() {
    for (files, expected) in [(640, 80), (100_000, 4096), (4, 1), (-9, 1)] {
      var limits = EgressLimits()
      limits.fit(openFiles: files)
      #expect(limits.allConnections == expected)
    }
  }

  @Test func `names that nobody answers for hold up no other sandbox, and are not asked for in vain`() async throws {
    var limits = EgressLimits()
    limits.connecting = .milliseconds(300)
    let resolver = StuckResolver()
    let gate = EgressGate(watcher: told, clock: SystemClock(), resolver: resolver, limits: limits)
    let slow = try await open((0..<40).map { "slow\($0).test" }, at: gate, as: "a")
    let fast = try await open(["fast.test"], at: gate, as: "b")
    let waiting = try slow.ports.map { try Plug.connected(to: $0) }
    // All have been heard when all have been given up.
    for one in waiting { #expect(one.receiveAll() == "") }
    #expect(resolver.names.count == limits.lookups)
    let other = try Plug.connected(to: fast.ports[0])
    try host.accepted().send("hello")
    #expect(other.receive("hello"))
    resolver.letGo()
    slow.doors.close()
    fast.doors.close()
    await gate.shutDown()
    #expect(resolver.names.count == limits.lookups + 1)
  }
}

extension ShareTests {
  @Test func `look-ups are those of agents, and some are kept for agents that have none`() async throws {
    var limits = EgressLimits()
    limits.connecting = .milliseconds(300)
    let resolver = StuckResolver()
    let gate = EgressGate(watcher: told, clock: SystemClock(), resolver: resolver, limits: limits)
    var sandboxes: [(doors: any OpenDoors, ports: [Int])] = []
    var waiting: [Plug] = []
    func open(_ count: Int, as agent: String) async throws {
      for number in 0..<count {
        let names = (0..<6).map { "slow\($0).\(agent)\(number).test" }
        let sandbox = try await self.open(names, at: gate, as: agent)
        sandboxes.append(sandbox)
        waiting += try sandbox.ports.map { try Plug.connected(to: $0) }
      }
      // All have been heard when all have been given up.
      for one in waiting { #expect(one.receiveAll() == "") }
      waiting = []
    }
    // Ten runs of one agent have no more than one, also those that have ended.
    try await open(10, as: "a")
    #expect(resolver.names.count == limits.lookups)
    for sandbox in sandboxes { sandbox.doors.close() }
    try await open(1, as: "a")
    #expect(resolver.names.count == limits.lookups)
    for number in 1..<8 { try await open(1, as: "b\(number)") }
    #expect(resolver.names.count < limits.resolverThreads)
    let last = try await self.open(["fast.test"], at: gate, as: "c")
    let other = try Plug.connected(to: last.ports[0])
    try host.accepted().send("hello")
    #expect(other.receive("hello"))
    resolver.letGo()
    for doors in sandboxes.map(\.doors) + [last.doors] { doors.close() }
    await gate.shutDown()
  }

  @Test func `whoever waits for a look-up gets the next one that ends, of whatever run`() async throws {
    var limits = EgressLimits()
    limits.lookups = 1
    let resolver = StuckResolver()
    let gate = EgressGate(watcher: told, clock: SystemClock(), resolver: resolver, limits: limits)
    let first = try await open(["slow.test"], at: gate, as: "a")
    let slow = try Plug.connected(to: first.ports[0])
    // It is under way.
    while resolver.names.isEmpty { await Task.yield() }
    let second = try await open(["fast.test"], at: gate, as: "a")
    let fast = try Plug.connected(to: second.ports[0])
    fast.endOutput()
    #expect(resolver.names == ["slow.test"])
    resolver.letGo()
    let served = try (0..<2).map { _ in try host.accepted() }
    for one in served { one.send("hello") }
    for one in [slow, fast] { #expect(one.receive("hello")) }
    #expect(resolver.names == ["slow.test", "fast.test"])
    first.doors.close()
    second.doors.close()
    await gate.shutDown()
  }
}

private final class Switch: Sendable {
  private let value = Mutex(true)
  var isOn: Bool { value.withLock { $0 } }
  func turnOff() { value.withLock { $0 = false } }
}
