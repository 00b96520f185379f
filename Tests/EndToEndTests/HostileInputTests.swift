// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import Foundation
import NexusCore
import Testing

/// What an agent may throw at the agent plane of the real binary: the right error, nothing spent, the node serving.
@Suite(.seated)
struct HostileInputTests {
  /// Where the agent plane is, and a key of it.
  private struct Seat {
    let port: Int
    let key: String

    init(_ project: Project, _ name: String) throws {
      let json = try JSONValue(parsing: try project.read(name))
      key = try #require(json["key"]?.stringValue)
      port = try #require(json["url"]?.stringValue?.split(separator: ":").last.flatMap { Int($0) })
    }
  }

  /// One request that must not be made.
  private struct Attack {
    var name: String
    var status: Int
    var code: String
    var bytes: [UInt8]

    init(_ name: String, _ status: Int, _ code: String, _ text: String) {
      self.init(name, status, code, Array(text.utf8))
    }

    init(_ name: String, _ status: Int, _ code: String, _ bytes: [UInt8]) {
      self.name = name
      self.status = status
      self.code = code
      self.bytes = bytes
    }
  }

  private static func head(_ key: String, _ fields: String...) -> String {
    (["POST /v1/chat/completions HTTP/1.1", "Host: localhost", "Authorization: Bearer \(key)"] + fields + ["", ""])
      .joined(separator: "\r\n")
  }

  private static func post(_ key: String, _ body: String) -> String {
    head(key, "Content-Type: application/json", "Connection: close", "Content-Length: \(body.utf8.count)") + body
  }

  private static func chat(_ more: String = "", content: String = "\"q\"") -> String {
    "{\"model\":\"fake/fixed\",\"messages\":[{\"role\":\"user\",\"content\":\(content)}]\(more)}"
  }

  private static func bodies(_ key: String) -> [Attack] {
    let depth = 100_000
    let nest = String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
    let tiny = Array(repeating: "{\"role\":\"u\",\"content\":\"\"}", count: 1_100_000).joined(separator: ",")
    let keys = (0..<100_000).map { "\"k\($0)\":0" }.joined(separator: ",")
    let noText = Array(chat().utf8.dropLast(1)) + Array(",\"x\":\"".utf8) + [0xFF, 0xC0, 0x80] + Array("\"}".utf8)
    return [
      Attack(
        "29 MB of tiny messages", 400, "NX-GWY-006", post(key, "{\"model\":\"fake/fixed\",\"messages\":[\(tiny)]}")),
      Attack("deep nesting", 400, "NX-GWY-006", post(key, chat(",\"x\":\(nest)"))),
      Attack("a flood of members", 400, "NX-GWY-006", post(key, "{\(keys)}")),
      Attack(
        "invalid UTF-8", 400, "NX-GWY-006",
        Array(head(key, "Connection: close", "Content-Length: \(noText.count)").utf8) + noText),
      Attack("an escape that is none", 400, "NX-GWY-006", post(key, chat(content: "\"\\x\""))),
      Attack("n: 1000", 400, "NX-GWY-006", post(key, chat(",\"n\":1000"))),
      Attack("a negative cap", 400, "NX-GWY-006", post(key, chat(",\"max_tokens\":-1"))),
      Attack("a cap beyond all numbers", 400, "NX-GWY-006", post(key, chat(",\"max_tokens\":99999999999999999999"))),
      Attack("an unknown member", 400, "NX-BUD-005", post(key, chat(",\"wibble\":true"))),
      Attack("no JSON", 400, "NX-GWY-006", post(key, "hello")),
      Attack("a foreign key", 401, "NX-GWY-002", post("nk_" + String(repeating: "A", count: 43), chat())),
    ]
  }

  private static func framing(_ key: String) -> [Attack] {
    let body = chat()
    let length = "Content-Length: \(body.utf8.count)"
    let chunks = String(body.utf8.count, radix: 16) + "\r\n" + body + "\r\n0\r\n\r\n"
    let chunked = "Transfer-Encoding: chunked"
    return [
      Attack("10 MB header", 431, "NX-GWY-041", head(key, "X: " + String(repeating: "a", count: 10_000_000))),
      Attack(
        "10 MB target", 414, "NX-GWY-042",
        "POST /v1/chat/completions?\(String(repeating: "a", count: 10_000_000)) HTTP/1.1\r\n\r\n"),
      Attack(
        "100 MB body", 413, "NX-GWY-007",
        Array(head(key, "Content-Length: 100000000").utf8) + [UInt8](repeating: 0x20, count: 100_000_000)),
      Attack(
        "100 MB in chunks", 413, "NX-GWY-007",
        head(key, chunked)
          + String(repeating: "10000\r\n" + String(repeating: "a", count: 65536) + "\r\n", count: 1526)),
      Attack("a length and chunks", 400, "NX-GWY-040", head(key, length, chunked) + chunks),
      Attack("two lengths", 400, "NX-GWY-040", head(key, length, "Content-Length: 5") + body),
      Attack("a line feed alone", 400, "NX-GWY-040", head(key, "X: a\nY: b", length) + body),
      Attack("a folded line", 400, "NX-GWY-040", head(key, "X: a\r\n b", length) + body),
      Attack("another coding", 501, "NX-GWY-043", head(key, "Transfer-Encoding: gzip, chunked") + chunks),
      Attack(
        "a flood in a chunk", 400, "NX-GWY-040",
        head(key, chunked) + "1;" + String(repeating: "a", count: 5_000_000) + "\r\n{\r\n"),
      Attack("another version", 505, "NX-GWY-043", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
      Attack("another host", 403, "NX-GWY-014", post(key, body).replacing("localhost", with: "evil.example")),
    ]
  }

  private func money(_ project: Project) async throws -> (used: Int64, held: Int64) {
    let status = try await project.naos("status", "-o", "json").json
    let budget = status["agents"]?.arrayValue?.first { $0["name"] == "seat" }?["budget"]
    return (try #require(budget?["usedNanoUSD"]?.intValue), try #require(budget?["heldNanoUSD"]?.intValue))
  }

  private func config(_ upstream: Upstream, _ lifeline: Lifeline, _ python: String) -> String {
    upstream.config + """
      name: hostile
      agents:
        seat:
          command: [\(python), seat.py]
          env: { SEAT: seat.json, ANNOUNCE: \(lifeline.path) }
          cost: { budget: { maxDollars: 1.00 } }
        brief:
          command: [\(python), seat.py]
          env: { SEAT: brief.json, BRIEF: "1" }

      """
  }

  @Test func `whatever an agent sends, the error is the right one, nothing is spent, and the node serves`() async throws
  {
    let python = try Checkout.python()
    try await Project.with { project in
      let upstream = try await Upstream(for: project)
      let lifeline = try Lifeline(in: project)
      try project.copy(Checkout.support("agents/seat.py"), to: "seat.py")
      try project.write(config(upstream, lifeline, python), to: "nexus.config.yaml")
      let node = try await project.up()
      #expect(try await project.naos("run", "brief").status == 0)
      let expired = try Seat(project, "brief.json").key
      _ = try project.startNaos("run", "seat")
      _ = try await lifeline.announcement("seated")
      let seat = try Seat(project, "seat.json")
      // Each of these takes its ten seconds, so they are under way beside the rest.
      async let slowHead = exchange(seat.port, Array("POST /v1/messages HTTP/1.1\r\nHost: loc".utf8))
      async let silent = exchange(seat.port, [])

      var served = 0
      let attacks =
        Self.bodies(seat.key) + Self.framing(seat.key)
        + [Attack("an expired key", 401, "NX-GWY-002", Self.post(expired, Self.chat()))]
      for attack in attacks {
        let answer = await exchange(seat.port, attack.bytes)
        #expect(answer.hasPrefix("HTTP/1.1 \(attack.status) "), "\(attack.name): \(answer.prefix(300))")
        #expect(answer.contains("x-naos-code: \(attack.code)\r\n"), "\(attack.name): \(answer.prefix(300))")
        #expect(upstream.calls.count == served, "\(attack.name) was made")
        let good = await exchange(seat.port, Array(Self.post(seat.key, Self.chat(content: "\"\(served)\"")).utf8))
        #expect(good.hasPrefix("HTTP/1.1 200 "), "after \(attack.name): \(good.prefix(300))")
        served += 1
      }
      // One byte a chunk is unusual and nothing more.
      let pieces = Self.chat(content: "\"bytes\"").utf8.map { "1\r\n" + String(UnicodeScalar($0)) + "\r\n" }.joined()
      let dripped = Self.head(seat.key, "Connection: close", "Transfer-Encoding: chunked") + pieces + "0\r\n\r\n"
      #expect(await exchange(seat.port, Array(dripped.utf8)).hasPrefix("HTTP/1.1 200 "))
      served += 1

      let late = await slowHead
      #expect(late.hasPrefix("HTTP/1.1 408 ") && late.contains("\"type\":\"error\""), "\(late)")
      #expect(await silent.isEmpty)
      let (used, held) = try await money(project)
      #expect(used == Int64(served) * 2_000_000)
      #expect(held == 0)
      #expect(upstream.calls.count == served)
      // Debug builds and sanitizers included; it was 800 and more.
      #expect(try peakMegabytes(node.pid) < 400)
      node.signal(SIGTERM)
      #expect(try await node.end().exit == .code(0))
    }
  }

  @Test func `a thousand silent connections do not stop a node with a thousand files`() async throws {
    let python = try Checkout.python()
    try await Project.with { project in
      let upstream = try await Upstream(for: project)
      let lifeline = try Lifeline(in: project)
      try project.copy(Checkout.support("agents/seat.py"), to: "seat.py")
      try project.write(config(upstream, lifeline, python), to: "nexus.config.yaml")
      let node = try project.start(["/bin/sh", "-c", "ulimit -n 1024; exec \(Checkout.naos) up"])
      try await node.wait(for: "the node") { $0.errText.contains("node up") ? true : nil }
      _ = try project.startNaos("run", "seat")
      _ = try await lifeline.announcement("seated")
      let seat = try Seat(project, "seat.json")
      let silent = SilentConnections(1100, to: seat.port)
      let good = await exchange(seat.port, Array(Self.post(seat.key, Self.chat()).utf8))
      #expect(good.hasPrefix("HTTP/1.1 200 "), "\(good)")
      // The journal can be opened, processes be started, people be answered.
      #expect(try await project.naos("run", "brief").status == 0)
      #expect(try await money(project).used == 2_000_000)
      silent.close()
      node.signal(SIGTERM)
      #expect(try await node.end().exit == .code(0))
    }
  }

  /// The most memory that a process has had.
  private func peakMegabytes(_ pid: pid_t) throws -> Int {
    let status = try String(contentsOfFile: "/proc/\(pid)/status", encoding: .utf8)
    let line = try #require(status.split(separator: "\n").first { $0.hasPrefix("VmHWM:") })
    return try #require(Int(line.filter(\.isNumber))) / 1024
  }
}
