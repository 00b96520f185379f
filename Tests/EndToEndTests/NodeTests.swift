// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import Foundation
import NexusCore
import Testing

/// A node that is started, looked at and taken down.
@Suite(.seated)
struct NodeTests {
  private static let config = """
    name: node
    server: { port: 0 }
    agents:
      echo:
        command: [cat]

    """

  @Test func `up in the background, a second up refused, down`() async throws {
    try await Project.with(Self.config) { project in
      let up = try await project.naos("up", "-d")
      #expect(up.status == 0, "\(up.err)")
      let status = try await project.naos("status", "-o", "json").json
      #expect(status["node"]?["running"] == true)
      let pid = try #require(status["node"]?["pid"]?.intValue)
      for command in [["up"], ["up", "-d"]] {
        let second = try await project.naos(command)
        #expect(second.status == 6, "\(second.err)")
        #expect(second.err.contains("\(pid)"))
      }
      #expect(try await project.naos("run", "echo", "--input", "through the node").out == "through the node\n")
      let down = try await project.naos("down")
      #expect(down.status == 0, "\(down.err)")
      #expect(!FileManager.default.fileExists(atPath: "/proc/\(pid)/exe"))
      let after = try await project.naos("status", "-o", "json").json
      #expect(after["node"]?["running"] == false)
      #expect(after["runs"]?["completed"] == 1)
      #expect(try await project.naos("down").status == 9)
    }
  }

  @Test func `the dashboard's link logs in once; nothing else opens without a credential`() async throws {
    try await Project.with(Self.config) { project in
      let node = try await project.up()
      let link = try await project.naos("dashboard", "--no-open").out.trimmingCharacters(in: .whitespacesAndNewlines)
      let parts = link.split(separator: "#").map(String.init)
      let code = try #require(parts.last)
      let port = try #require(parts.first?.split(separator: "/").dropFirst().first?.split(separator: ":").last)
        .description
      let number = try #require(Int(port))
      let host = "Host: localhost:\(port)\nConnection: close\n"
      #expect(await http(number, "GET /healthz HTTP/1.1\n\(host)\n").hasPrefix("HTTP/1.1 200"))
      #expect(await http(number, "GET /readyz HTTP/1.1\n\(host)\n").hasPrefix("HTTP/1.1 200"))
      #expect(await http(number, "GET /api/v1/status HTTP/1.1\n\(host)\n").hasPrefix("HTTP/1.1 401"))
      #expect(await http(number, "GET / HTTP/1.1\n\(host)\n").hasPrefix("HTTP/1.1 303"))
      let evil = "Host: evil.example\nConnection: close\n"
      #expect(await http(number, "GET /healthz HTTP/1.1\n\(evil)\n").hasPrefix("HTTP/1.1 403"))

      let body = "{\"code\":\"\(code)\"}"
      let login =
        "POST /login HTTP/1.1\n\(host)Origin: http://localhost:\(port)\nContent-Type: application/json\n"
        + "Content-Length: \(body.utf8.count)\n\n\(body)"
      let first = await http(number, login)
      #expect(first.hasPrefix("HTTP/1.1 201"), "\(first.prefix(300))")
      let cookie = try #require(first.split(separator: "\r\n").first { $0.lowercased().hasPrefix("set-cookie:") })
      for attribute in ["HttpOnly", "SameSite=Strict"] { #expect(cookie.contains(attribute)) }
      let second = await http(number, login)
      #expect(second.hasPrefix("HTTP/1.1 401") || second.hasPrefix("HTTP/1.1 403"), "a code works once")
      let session = cookie.dropFirst("set-cookie:".count).split(separator: ";")[0].trimmingCharacters(in: .whitespaces)
      let page = await http(number, "GET / HTTP/1.1\n\(host)Cookie: \(session)\n\n")
      #expect(page.hasPrefix("HTTP/1.1 200") && page.contains("<html"), "\(page.prefix(300))")

      let token = try project.read(".naos/token").trimmingCharacters(in: .whitespacesAndNewlines)
      let status = await http(number, "GET /api/v1/status HTTP/1.1\n\(host)Authorization: Bearer \(token)\n\n")
      #expect(status.hasPrefix("HTTP/1.1 200") && status.contains("\"echo\""))
      node.signal(SIGTERM)
      #expect(try await node.end().exit == .code(0))
      // One that was cut short is made anew.
      try project.write("short\n", to: ".naos/token")
      #expect(try await project.naos("run", "echo", "--input", "x").status == 0)
      #expect(try project.read(".naos/token").utf8.count > 32)
    }
  }

  @Test func `an address of another machine is refused whatever the Host is`() async throws {
    try await Project.with(Self.config) { project in
      let node = try await project.up()
      let url = try await project.naos("status", "-o", "json").json["node"]?["dashboard"]?.stringValue ?? ""
      let port = try #require(Int(url.split(separator: ":").last.map(String.init) ?? ""), "\(url)")
      let targets = [
        ("http://evil.example/healthz", 403), ("http://evil.example/login", 403), ("HTTP://evil.example:\(port)/", 403),
        ("https://localhost/healthz", 403), ("http://localhost:\(port)/healthz", 200), ("/healthz", 200),
      ]
      for (target, status) in targets {
        let answer = await http(port, "GET \(target) HTTP/1.1\nHost: localhost\nConnection: close\n\n")
        #expect(answer.hasPrefix("HTTP/1.1 \(status) "), "\(target): \(answer.prefix(80))")
      }
      node.signal(SIGTERM)
      #expect(try await node.end().exit == .code(0))
    }
  }

  @Test func `a port in use is a coded error that names it`() async throws {
    let taken = try TakenPort()
    let config = Self.config.replacing("port: 0", with: "port: \(taken.port)")
    try await Project.with(config) { project in
      let up = try await project.naos("up")
      #expect(up.status != 0)
      #expect(up.err.contains("\(taken.port)"))
      #expect(up.err.contains("NX-"), "\(up.err)")
      let detached = try await project.naos("up", "-d")
      #expect(detached.status == up.status)
      #expect(detached.err.contains("NX-"), "\(detached.err)")
      #expect(try await project.naos("run", "echo", "--input", "x").out == "x\n", "a node for one run takes any port")
    }
  }

  @Test func `runs that are started at once share one node`() async throws {
    try await Project.with(Self.config) { project in
      let lifeline = try Lifeline(in: project)
      try project.write(
        Self.config + """
            slow:
              command: [sh, -c, 'read word; echo "$$ started" >"$LINE"; read go <"$GO"; echo "$word"']
              env: { LINE: \(lifeline.path), GO: \(project.path("go")) }

          """, to: "nexus.config.yaml")
      let fifo = try project.start(["/usr/bin/mkfifo", project.path("go")])
      try await fifo.end()
      let first = try project.startNaos("run", "slow", "--input", "one\n")
      try await lifeline.announcements(1)
      let second = try await project.naos("run", "echo", "--input", "two")
      #expect(second.status == 0 && second.out == "two\n", "\(second.err)")
      let release = try project.start(["/bin/sh", "-c", "echo go >go"])
      try await release.end()
      let ended = try await first.end()
      #expect(ended.exit == .code(0), "\(ended.errText)")
      #expect(ended.outText == "one\n")
    }
  }

  @Test func `eight runs at once on no node all end well`() async throws {
    try await Project.with(Self.config) { project in
      let outputs = try await withThrowingTaskGroup(of: Outcome.self) { group in
        for number in 0..<8 { group.addTask { try await project.naos("run", "echo", "--input", "run \(number)") } }
        return try await group.reduce(into: []) { $0.append($1) }
      }
      #expect(outputs.allSatisfy { $0.status == 0 }, "\(outputs.filter { $0.status != 0 }.map(\.err))")
      #expect(Set(outputs.map(\.out)) == Set((0..<8).map { "run \($0)\n" }))
    }
  }
}
