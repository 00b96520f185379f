// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusAPI
import NexusCore
import NexusServer
import Synchronization
import Testing

/// Dashboards get the latest value of what changed, however slow they are.
@Suite struct StreamTests {
  private static func line(_ number: Int) -> NodeEvent {
    .log(
      LogEvent(
        at: WallTime(microseconds: Int64(number)), agent: AgentName("a"), run: nil, attempt: nil,
        stream: .standardError, text: "line \(number)"))
  }

  private static func agent(_ name: String, tokens: Int64 = 0) -> AgentStatus {
    AgentStatus(name: AgentName(name), kind: "llm", state: .running, tokens: TokenCount(tokens))
  }

  /// The frames in the bytes of one write: their names and data.
  private static func frames(_ bytes: [UInt8]?) throws -> [(name: String, data: JSONValue)] {
    try String(decoding: bytes ?? [], as: UTF8.self).split(separator: "\n\n").compactMap { frame in
      let lines = frame.split(separator: "\n")
      guard let name = lines.first(where: { $0.hasPrefix("event: ") }),
        let data = lines.first(where: { $0.hasPrefix("data: ") })
      else { return nil }
      return (String(name.dropFirst(7)), try JSONValue(parsing: String(data.dropFirst(6))))
    }
  }

  @Test func `a stream begins with everything and goes on with what changed`() async throws {
    let fixture = PlaneFixture(agents: [Self.agent("a"), Self.agent("b")])
    let stream = try await fixture.hub.open(StreamConnection {})
    let first = try Self.frames(await stream.next())
    #expect(first.map(\.name) == ["snapshot"])
    #expect(first[0].data["status"]?["agents"]?.arrayValue?.count == 2)
    stream.written()
    await fixture.hub.tick()
    _ = await stream.next()
    stream.written()
    for tokens in 1...50 {
      fixture.node.state.withLock { $0.report.agents[1] = Self.agent("b", tokens: Int64(tokens)) }
      await fixture.hub.take(.agent(AgentEvent(agent: AgentName("b"), state: "running")))
    }
    await fixture.hub.tick()
    let second = try Self.frames(await stream.next())
    let agents = try #require(second.first { $0.name == "agents" }?.data.arrayValue)
    #expect(agents.count == 1)
    #expect(agents[0]["tokens"] == 50)
  }

  @Test func `a flood leaves the newest lines and says how many it lost`() async throws {
    let fixture = PlaneFixture(agents: [Self.agent("a")])
    let stream = try await fixture.hub.open(StreamConnection {})
    _ = await stream.next()
    stream.written()
    let count = OperatorLimits.backlogLines * 20
    for number in 0..<count { await fixture.hub.take(Self.line(number)) }
    await fixture.hub.tick()
    let log = try #require(try Self.frames(await stream.next()).first { $0.name == "log" }?.data)
    let lines = try #require(log["lines"]?.arrayValue)
    #expect(lines.count == OperatorLimits.backlogLines)
    #expect(lines.first?["text"] == .string("line \(count - OperatorLimits.backlogLines)"))
    #expect(lines.last?["text"] == .string("line \(count - 1)"))
    #expect(log["skipped"] == .int(Int64(count - OperatorLimits.backlogLines)))
  }

  @Test func `a slow dashboard starts afresh instead of catching up`() async throws {
    let fixture = PlaneFixture(agents: [Self.agent("a")])
    let stream = try await fixture.hub.open(StreamConnection {})
    // The first write is never finished: the client takes nothing.
    _ = await stream.next()
    for number in 0..<5000 { await fixture.hub.take(Self.line(number)) }
    fixture.clock.advance(OperatorLimits.slowAfter)
    await fixture.hub.tick()
    stream.written()
    await fixture.hub.tick()
    let frames = try Self.frames(await stream.next())
    #expect(frames.map(\.name) == ["reset"])
  }

  @Test func `dashboards that come together share one beginning, and those that keep up one beat`() async throws {
    let fixture = PlaneFixture(agents: [Self.agent("a")])
    var streams: [DashboardStream] = []
    for _ in 0..<100 { streams.append(try await fixture.hub.open(StreamConnection {})) }
    var beginnings: Set<[UInt8]> = []
    for stream in streams {
      beginnings.insert(try #require(await stream.next()))
      stream.written()
    }
    #expect(fixture.node.state.withLock(\.asked) == 1)
    #expect(beginnings.count == 1)
    // What happens makes the beginning old.
    await fixture.hub.take(Self.line(1))
    let late = try await fixture.hub.open(StreamConnection {})
    #expect(try Self.frames(await late.next()).map(\.name) == ["snapshot"])
    #expect(fixture.node.state.withLock(\.asked) == 2)
    await fixture.hub.tick()
    var beats: Set<[UInt8]> = []
    for stream in streams { beats.insert(try #require(await stream.next())) }
    #expect(beats.count == 1)
    let first = try #require(beats.first)
    #expect(try Self.frames(first).contains { $0.name == "log" })
  }

  @Test func `a dashboard that is a few beats behind gets the latest value and every line`() async throws {
    let fixture = PlaneFixture(agents: [Self.agent("a"), Self.agent("b")])
    let stream = try await fixture.hub.open(StreamConnection {})
    _ = await stream.next()
    // The write goes on over three beats.
    for number in 1...3 {
      fixture.node.state.withLock { $0.report.agents[1] = Self.agent("b", tokens: Int64(number)) }
      await fixture.hub.take(.agent(AgentEvent(agent: AgentName("b"), state: "running")))
      await fixture.hub.take(Self.line(number))
      await fixture.hub.tick()
    }
    stream.written()
    await fixture.hub.tick()
    let frames = try Self.frames(await stream.next())
    let agents = try #require(frames.first { $0.name == "agents" }?.data.arrayValue)
    #expect(agents.last?["tokens"] == 3)
    #expect(agents.count == 2)
    let log = try #require(frames.first { $0.name == "log" }?.data)
    #expect(log["lines"]?.arrayValue?.count == 3)
    #expect(frames.count { $0.name == "agents" } == 1)
  }

  @Test func `a stuck dashboard is let go, and its place is free again`() async throws {
    let fixture = PlaneFixture(agents: [Self.agent("a")])
    let closed = Mutex(false)
    let stream = try await fixture.hub.open(StreamConnection { closed.withLock { $0 = true } })
    _ = await stream.next()
    fixture.clock.advance(OperatorLimits.stuckAfter)
    await fixture.hub.tick()
    #expect(closed.withLock { $0 })
    #expect(await stream.next() == nil)
    #expect(await fixture.hub.count == 0)
  }

  @Test func `a quiet stream beats`() async throws {
    let fixture = PlaneFixture(agents: [Self.agent("a")])
    let stream = try await fixture.hub.open(StreamConnection {})
    _ = await stream.next()
    stream.written()
    await fixture.hub.tick()
    _ = await stream.next()
    stream.written()
    fixture.clock.advance(OperatorLimits.heartbeat)
    await fixture.hub.tick()
    #expect(await stream.next() == SSEFrame.heartbeat)
  }

  @Test func `an agent that comes or goes starts the page afresh`() async throws {
    let fixture = PlaneFixture(agents: [Self.agent("a")])
    let stream = try await fixture.hub.open(StreamConnection {})
    _ = await stream.next()
    stream.written()
    await fixture.hub.tick()
    _ = await stream.next()
    stream.written()
    fixture.node.state.withLock { $0.report.agents.append(Self.agent("b")) }
    await fixture.hub.take(.agent(AgentEvent(agent: AgentName("b"), state: "idle")))
    await fixture.hub.tick()
    #expect(try Self.frames(await stream.next()).map(\.name) == ["reset"])
  }

  @Test func `streams are bounded in number, and closing the hub ends them`() async throws {
    let fixture = PlaneFixture()
    var streams: [DashboardStream] = []
    for _ in 0..<OperatorLimits.streams { streams.append(try await fixture.hub.open(StreamConnection {})) }
    await #expect(throws: OperationError.self) { try await fixture.hub.open(StreamConnection {}) }
    await fixture.hub.close()
    for stream in streams { #expect(await stream.next() == nil) }
  }

  @Test func `dashboards that begin while nothing changes share one reading of the node`() async throws {
    let fixture = PlaneFixture(agents: [Self.agent("a")])
    @Sendable func begin() async throws -> JSONValue? {
      let stream = try await fixture.hub.open(StreamConnection {})
      return try Self.frames(await stream.next()).first?.data["status"]?["agents"]?.arrayValue?.first?["tokens"]
    }
    try await withThrowingTaskGroup(of: JSONValue?.self) { group in
      for _ in 0..<8 { group.addTask { try await begin() } }
      for try await tokens in group { #expect(tokens == 0) }
    }
    #expect(fixture.node.state.withLock { $0.readings } == 1)
    // What changes is seen by whoever begins after it.
    fixture.node.state.withLock { $0.report.agents[0] = Self.agent("a", tokens: 7) }
    await fixture.hub.take(.agent(AgentEvent(agent: AgentName("a"), state: "running")))
    #expect(try await begin() == 7)
    #expect(fixture.node.state.withLock { $0.readings } == 2)
  }

  /// The ids in the bytes of one write.
  private static func ids(_ bytes: [UInt8]?) -> Set<String> {
    let lines = String(decoding: bytes ?? [], as: UTF8.self).split(separator: "\n")
    return Set(lines.filter { $0.hasPrefix("id: ") }.map { String($0.dropFirst(4)) })
  }

  private static func run(_ name: String) -> NodeEvent {
    .run(RunEvent(run: RunID(name), agent: AgentName("a"), status: "completed"))
  }

  @Test func `an id is an end of the journals that has been told for certain`() async throws {
    let fixture = PlaneFixture(agents: [Self.agent("a")])
    fixture.node.state.withLock { $0.end = 40 }
    let stream = try await fixture.hub.open(StreamConnection {})
    #expect(Self.ids(await stream.next()) == ["boot_1:40"])
    stream.written()
    // The entry is there; what tells of it may come a moment later, so this beat does not claim it.
    fixture.node.state.withLock { $0.end = 41 }
    await fixture.hub.take(Self.run("run_1"))
    await fixture.hub.tick()
    #expect(Self.ids(await stream.next()) == ["boot_1:40"])
    stream.written()
    await fixture.hub.take(Self.line(1))
    await fixture.hub.tick()
    #expect(Self.ids(await stream.next()) == ["boot_1:41"])
  }

  @Test(arguments: ["boot_1", "boot_of_before"])
  func `who was away is told what became of the runs meanwhile`(boot: String) async throws {
    let fixture = PlaneFixture(agents: [Self.agent("a")])
    fixture.node.state.withLock { state in
      state.end = 43
      state.changed = [(41, "run_seen"), (42, "run_1"), (43, "run_2")]
    }
    let stream = try await fixture.hub.open(StreamConnection {}, after: "\(boot):41")
    let frames = try Self.frames(await stream.next())
    #expect(frames.map(\.name) == ["reset", "events"])
    let events = try #require(frames.last?.data["events"]?.arrayValue)
    #expect(events.map { $0["run"] } == ["run_1", "run_2"])
    #expect(events.first?["at"] == JSONValue.of(WallTime(microseconds: 42)))
    #expect(frames.last?.data["missed"] == true)
    // Once told, it is not told again when the stream has to begin afresh.
    stream.written()
    await fixture.hub.tick()
    _ = await stream.next()
    fixture.clock.advance(OperatorLimits.slowAfter)
    await fixture.hub.tick()
    stream.written()
    await fixture.hub.tick()
    #expect(try Self.frames(await stream.next()).map(\.name) == ["reset"])
  }

  @Test(arguments: ["", "boot_1", "boot_1:", "boot_1:x", "boot_1:-1", "boot_1:99999999999999999999"])
  func `an id that no stream gave is as good as none`(id: String) async throws {
    let fixture = PlaneFixture(agents: [Self.agent("a")])
    fixture.node.state.withLock { $0.changed = [(1, "run_1")] }
    let stream = try await fixture.hub.open(StreamConnection {}, after: id)
    #expect(try Self.frames(await stream.next()).map(\.name) == ["snapshot"])
  }

  @Test func `hostile text stays one line of data`() async throws {
    let hostile = "x\n\nevent: snapshot\ndata: {}\r\n\u{202E}<img src=x onerror=alert(1)>\u{1B}[2J\u{0}"
    let bytes = SSEFrame.event("log", data: ["text": .string(hostile)])
    let frames = try Self.frames(bytes)
    #expect(frames.count == 1)
    #expect(frames[0].data["text"] == .string(hostile))
    #expect(bytes.filter { $0 == 0x0A }.count == 3)
    #expect(!bytes.contains(0x1B) && !bytes.contains(0))
  }
}
