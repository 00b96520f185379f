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

private final class Switch: Sendable {
  private let value = Mutex(true)
  var isOn: Bool { value.withLock { $0 } }
  func turnOff() { value.withLock { $0 = false } }
}
