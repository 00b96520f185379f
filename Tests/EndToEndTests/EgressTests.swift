// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import Foundation
import NexusCore
import Testing

/// Agents in a sandbox with granted hosts, below a real node.
@Suite(.seated)
struct EgressTests {
  static func with(
    agent: String, limits: String = "{}", extra: String = "", python: String? = nil,
    _ body: (Project, GrantedHost) async throws -> Void
  ) async throws {
    try await Project.with { project in
      let host = try await GrantedHost(for: project)
      try project.copy(Checkout.support(agent), to: "agent.py")
      try project.write(
        """
        name: gate
        server: { port: 0 }
        agents:
          reacher:
            command: [\(try python ?? Checkout.python()), agent.py]
            env: { \(host.environment) }
            sandbox:
              net: [\(host.grants)\(extra)]
              limits: \(limits)
            retry: 1

        """, to: "nexus.config.yaml")
      try await SandboxTests.needSandbox(project)
      try await body(project, host)
    }
  }

  @Test func `unmodified clients reach the granted host, and no other`() async throws {
    try await Self.with(agent: "egress.py") { project, host in
      let run = try await project.naos("run", "reacher", "-o", "json")
      #expect(run.status == 0, "\(run.err)\(run.out)")
      Self.judge(try #require(run.json["output"]?.objectValue))
      #expect(host.requests.contains("request GET /a example.test:\(host.plain)"))
      let id = try #require(run.json["id"]?.stringValue)
      let flows = try await project.naos("audit", "tail", "--event", "sandbox.flow", "-n", "100", "-o", "jsonl").out
      for word in ["\"example.test\"", "\"127.0.0.1\"", "\"closed\"", id] {
        #expect(flows.contains(word), "\(word): \(flows)")
      }
      let explained = try await project.naos("sandbox", "explain", id, "--learn")
      #expect(
        explained.out.contains("+        - { host: elsewhere.test, port: 443 }"), "\(explained.out)\(explained.err)")
      let needs = try await project.naos("sandbox", "needs", "-o", "json")
      #expect(try needs.json["agents"]?.arrayValue?.first?["agent"]?.stringValue == "reacher", "\(needs.out)")
    }
  }

  /// What has to come of the requests of `egress.py`.
  static func judge(_ found: JSONObject) {
    for (what, answer) in [
      ("urllib http", "hello 0"), ("urllib https", "hello 0"), ("urllib post", "hello 300000"),
      ("urllib big", "20000000"), ("raw", "220 hello\r\nping\n"), ("elsewhere", "URLError"),
      ("another port", "URLError"),
    ] { #expect(found[what]?.stringValue == answer, "\(what)") }
    let posts = Array(repeating: "hello 9", count: 20)
    for (client, separator) in [("requests", " "), ("curl", ""), ("node", " ")] {
      if let answer = found["\(client) posts"]?.stringValue, answer != "ModuleNotFoundError" {
        #expect(answer == posts.joined(separator: separator), "\(client): \(answer)")
      }
    }
    for client in ["requests", "curl", "node"] {
      for kind in ["http", "https"] {
        // Which of them are there is told by the tests below.
        guard let answer = found["\(client) \(kind)"]?.stringValue, answer != "ModuleNotFoundError" else { continue }
        #expect(answer == "hello 0", "\(client) \(kind)")
      }
    }
    if let answer = found["curl without proxy"]?.stringValue { #expect(answer == "hello 0") }
    if let answer = found["node elsewhere"]?.stringValue { #expect(answer == "ENOTFOUND") }
  }

  @Test func `methods, paths, bytes and requests hold, and a private address is not reached by its name`() async throws
  {
    let script = """
      import json, os, urllib.request
      def get(url, method="GET", data=None):
          try:
              request = urllib.request.Request(url, method=method, data=data)
              return urllib.request.urlopen(request, timeout=20).status
          except urllib.error.HTTPError as error:
              return error.code
          except Exception as error:
              return type(error).__name__
      base = "http://rules.test:" + os.environ["PORT"]
      found = {
          "get": get(base + "/v1/x"), "path": get(base + "/v2/x"), "up": get(base + "/v1/../v2"),
          "method": get(base + "/v1/x", "DELETE"), "own": get("http://" + os.environ["OWN"] + ":" + os.environ["PORT"]),
          "big": get(base + "/v1/x", "POST", b"x" * 2000000), "after": get(base + "/v1/x"),
      }
      json.dump(found, open(os.environ["NAOS_OUTPUT"], "w"))
      """
    try await Project.with { project in
      let host = try await GrantedHost(for: project)
      try project.write(script, to: "agent.py")
      // A name that the machine's own resolver knows, and that leads to its loopback.
      let own = "ip6-localhost"
      try project.write(
        """
        name: gate
        server: { port: 0 }
        agents:
          reacher:
            command: [\(try Checkout.python()), agent.py]
            env: { PORT: "\(host.plain)", OWN: \(own) }
            sandbox:
              net:
                - { host: rules.test, port: \(host.plain), protocol: http, resolve: [127.0.0.1], methods: [GET, POST], paths: [/v1/*] }
                - { host: \(own), port: \(host.plain) }
              limits: { netBytes: 1MB }
            retry: 1

        """, to: "nexus.config.yaml")
      try await SandboxTests.needSandbox(project)
      let run = try await project.naos("run", "reacher", "-o", "json")
      #expect(run.status == 0, "\(run.err)\(run.out)")
      let found = try #require(run.json["output"])
      for (what, status) in [("get", 200), ("path", 403), ("up", 403), ("method", 403)] {
        #expect(found[what]?.intValue == Int64(status), "\(what): \(String(describing: found[what]))")
      }
      #expect(
        try String(contentsOfFile: "/etc/hosts", encoding: .utf8).contains(own) == (found["own"]?.intValue == 403))
      #expect(found["big"]?.stringValue != nil && found["after"]?.intValue != 200, "\(found)")
      #expect(host.requests.count == 1, "\(host.requests)")
    }
  }

  @Test(arguments: ["requests", "curl", "node"])
  func `the clients of the test above are all there`(_ client: String) async throws {
    if client == "requests" {
      let python = try Checkout.python()
      let project = try Project()
      defer { try? FileManager.default.removeItem(atPath: project.folder) }
      let found = try project.start([python, "-c", "import requests"])
      guard try await found.end().exit == .code(0) else { try Test.cancel("no requests for \(python)") }
    } else {
      guard Checkout.onPath(client) != nil else { try Test.cancel("no \(client) on this machine") }
    }
  }
}
