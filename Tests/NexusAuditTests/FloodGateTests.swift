// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusAudit
import NexusCore
import Testing

/// What is written of what may come in floods, and what is only added up.
@Suite struct FloodGateTests {
  /// What came out of a gate.
  struct Written {
    var rows: [AuditRecord] = []
    var told: [AuditRecord] = []

    mutating func take(_ records: [AuditRecord]) {
      for record in records { if record.event == .accessFlooded { told.append(record) } else { rows.append(record) } }
    }

    func dropped(_ agent: String? = nil) -> Int64 { sum("dropped", agent) }

    func sum(_ key: String, _ agent: String? = nil) -> Int64 {
      told.filter { agent == nil || $0.agent?.text == agent }.reduce(0) { $0 + ($1.details[key]?.intValue ?? 0) }
    }

    func count(_ agent: String) -> Int { rows.count { $0.agent?.text == agent } }
  }

  private static func flow(
    _ agent: String = "a", run: String? = "r", host: String = "h.test", sent: Int64 = 10, reached: Bool = true,
    secrets: [String] = [], end: String = "closed"
  ) -> AuditRecord {
    var details: JSONObject = [
      "port": 443, "sent": .int(sent), "received": 1, "requests": 1, "reached": .bool(reached),
    ]
    if !secrets.isEmpty { details["secrets"] = .array(secrets.map { .string($0) }) }
    return AuditRecord(
      .sandboxFlow, run: run.map { RunID($0) }, agent: AgentName(agent), subject: host, outcome: end, details: details)
  }

  private static func denial(_ agent: String, run: String = "r", count: Int64 = 1) -> AuditRecord {
    AuditRecord(
      .sandboxDenied, run: RunID(run), agent: AgentName(agent), subject: "ptrace", verdict: "deny",
      details: ["rule": "syscall", "count": .int(count)])
  }

  private static func at(_ milliseconds: Int64) -> Instant { Instant(nanoseconds: milliseconds * 1_000_000) }

  @Test func `one agent's flood costs no other a row, nor itself in another run`() {
    var gate = FloodGate()
    var written = Written()
    for index in 0..<5_000 { written.take(gate.admit(Self.denial("loud"), at: Self.at(Int64(index) / 100))) }
    for index in 0..<400 {
      written.take(gate.admit(Self.denial("quiet"), at: Self.at(50 + Int64(index))))
      written.take(gate.admit(Self.denial("loud", run: "r2"), at: Self.at(50 + Int64(index))))
    }
    #expect(written.count("quiet") == 400 && written.dropped("quiet") == 0)
    #expect(written.rows.count { $0.run == RunID("r2") } == 400)
    written.take(gate.settle(at: Self.at(1_000)))
    #expect(written.rows.count + Int(written.dropped()) == 5_800)
    #expect(written.told.allSatisfy { $0.agent == AgentName("loud") && $0.run == RunID("r") })
  }

  @Test func `refused connections hide no upload`() {
    var gate = FloodGate()
    var written = Written()
    for index in 0..<10_000 {
      written.take(gate.admit(Self.flow(reached: false, end: "denied"), at: Self.at(Int64(index) / 10)))
    }
    // One that was passed on before it was refused is not like those.
    for end in ["closed", "denied"] {
      let upload = Self.flow(sent: 5_000_000, end: end)
      #expect(gate.admit(upload, at: Self.at(1_000)) == [upload])
    }
  }

  @Test func `what is dropped is told with its places and secrets, and adds up`() throws {
    var gate = FloodGate()
    var written = Written()
    for index in 0..<6_000 {
      let flow = Self.flow(
        host: "h\(index % 3).test", sent: 100, secrets: index % 3 == 0 ? ["key"] : [])
      written.take(gate.admit(flow, at: Self.at(0)))
    }
    #expect(written.rows.count == 2_000 && written.told.isEmpty)
    written.take(gate.settle(agent: AgentName("other"), run: RunID("r"), at: Self.at(5)))
    #expect(written.told.isEmpty)
    written.take(gate.settle(agent: AgentName("a"), run: RunID("r"), at: Self.at(7)))
    let told = try #require(written.told.first)
    #expect(told.subject == "sandbox.flow" && told.run == RunID("r") && told.agent == AgentName("a"))
    #expect(told.details["dropped"] == 4_000 && told.details["sent"] == 400_000)
    #expect(told.details["received"] == 4_000 && told.details["milliseconds"] == 7)
    let places = told.details["places"]?.arrayValue ?? []
    #expect(Set(places.compactMap { $0["host"]?.stringValue }) == ["h0.test", "h1.test", "h2.test"])
    let secret = places.filter { $0["secrets"] == ["key"] }
    #expect(secret.compactMap { $0["host"]?.stringValue } == ["h0.test"])
    #expect(places.reduce(0) { $0 + ($1["dropped"]?.intValue ?? 0) } == 4_000)
    // It is told once.
    #expect(gate.settle(at: Self.at(8)).isEmpty)
  }

  @Test func `no place of a connection is lost, however many there are, and each entry has room for its own`() throws {
    var gate = FloodGate()
    var written = Written()
    for _ in 0..<2_000 { written.take(gate.admit(Self.flow(), at: Self.at(0))) }
    let hosts = (0..<500).map { "\($0)." + String(repeating: "x", count: 200) + ".test" }
    for host in hosts { written.take(gate.admit(Self.flow(host: host, secrets: ["key"]), at: Self.at(0))) }
    written.take(gate.settle(at: Self.at(1)))
    #expect(written.dropped() == 500 && written.told.count < 25)
    var named: Set<String> = []
    for record in written.told {
      #expect(AuditEntry.encode(record, at: AuditEntry.Place(sequence: 1, epoch: 1)).count < AuditEntry.maxBytes)
      named.formUnion(record.details["places"]?.arrayValue?.compactMap { $0["host"]?.stringValue } ?? [])
    }
    #expect(named == Set(hosts))
  }

  @Test func `a sum is told when records are let in again, once a second at most`() {
    var gate = FloodGate()
    var written = Written()
    // A hundred a second for twenty seconds, of which twenty are let in.
    for index in 0..<4_000 { written.take(gate.admit(Self.flow(), at: Self.at(0 * Int64(index)))) }
    for index in 0..<2_000 { written.take(gate.admit(Self.flow(), at: Self.at(10 * Int64(index)))) }
    #expect((18...21).contains(written.told.count), "\(written.told.count)")
    #expect((380...420).contains(written.rows.count - 2_000), "\(written.rows.count)")
    written.take(gate.settle(at: Self.at(20_000)))
    #expect(written.rows.count + Int(written.dropped()) == 6_000)
    #expect(Int64(written.rows.count) * 10 + written.sum("sent") == 60_000)
  }

  @Test func `what is open yet is measured and told apart`() throws {
    var gate = FloodGate()
    var written = Written()
    for _ in 0..<5_000 { written.take(gate.admit(Self.flow(), at: Self.at(0))) }
    for _ in 0..<600 { written.take(gate.admit(Self.flow(end: EgressFlow.open), at: Self.at(0))) }
    #expect(written.rows.count { $0.outcome == "open" } == 500)
    written.take(gate.settle(at: Self.at(1)))
    #expect(written.told.filter { $0.outcome == "open" }.map { $0.details["dropped"] } == [100])
  }

  @Test func `how often is added up for denials, and nothing is limited that only operators cause`() {
    var gate = FloodGate()
    var written = Written()
    for _ in 0..<700 { written.take(gate.admit(Self.denial("a", count: 10), at: Self.at(0))) }
    for _ in 0..<3_000 { written.take(gate.admit(AuditRecord(.operatorOutcome), at: Self.at(0))) }
    #expect(written.rows.count { $0.event == .operatorOutcome } == 3_000)
    written.take(gate.settle(at: Self.at(0)))
    #expect(written.dropped() == 200 && written.sum("count") == 2_000)
  }

  @Test func `agents without number share a measure, and nothing of them is lost either`() {
    var gate = FloodGate()
    var written = Written()
    // More runs at once than have a measure of their own: the rest may write as much as one.
    for index in 0..<3_000 {
      for _ in 0..<21 {
        let refused = AuditRecord(
          .accessRefused, run: RunID("r\(index)"), agent: AgentName("a"), subject: "GET /v1/models")
        written.take(gate.admit(refused, at: Self.at(0)))
      }
    }
    #expect(written.rows.count == 1_024 * 20 + 20)
    // Whom nobody knows is none of them.
    let stranger = AuditRecord(.accessRefused, subject: "POST /login")
    #expect(gate.admit(stranger, at: Self.at(0)) == [stranger])
    // Who is quiet for a while gives its place up.
    let late = AuditRecord(.accessRefused, run: RunID("late"), agent: AgentName("a"), subject: "GET /v1/models")
    for _ in 0..<20 { #expect(gate.admit(late, at: Self.at(61_000)) == [late]) }
    written.take(gate.settle(at: Self.at(61_000)))
    #expect(written.rows.count + Int(written.dropped()) == 63_000)
  }

  @Test func `guessed keys at the agent plane hide nothing of the operator plane`() throws {
    var gate = FloodGate()
    var written = Written()
    for _ in 0..<500 {
      let guess = AuditRecord(.accessRefused, subject: "GET /v1/models", details: ["plane": "agent"])
      written.take(gate.admit(guess, at: Self.at(0)))
    }
    #expect(written.rows.count == 20)
    let login = AuditRecord(.accessRefused, subject: "POST /login")
    #expect(gate.admit(login, at: Self.at(0)) == [login])
    let told = gate.settle(at: Self.at(1))
    #expect(told.map { $0.details["plane"] } == ["agent"] && told.map { $0.details["dropped"] } == [480])
  }
}
