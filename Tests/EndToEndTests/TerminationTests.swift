// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import Foundation
import NexusCore
import Testing

/// Agents in a sandbox with hosts whose TLS ends at the gate, below a real node.
@Suite(.seated)
struct TerminationTests {
  static let secret = "sk-live-c4narYc4narY0123456789"

  static func with(
    agent: String, grant: String = "methods: [GET, POST], paths: [/v1/*, /big/*]", secrets: Bool = true,
    limits: String = "{}", python: String? = nil, _ body: (Project, GrantedHost) async throws -> Void
  ) async throws {
    try await Project.with { project in
      let host = try await GrantedHost(for: project)
      try project.copy(Checkout.support(agent), to: "agent.py")
      let added =
        "secrets: [{ name: api-key, host: example.test, inject: \"header:Authorization\", prefix: \"Bearer \" }]"
      try project.write(
        """
        name: gate
        server: { port: 0 }
        agents:
          reacher:
            command: [\(try python ?? Checkout.python()), agent.py]
            env: { \(host.environment) }
            sandbox:
              net:
                - { host: example.test, port: \(host.secure), resolve: [127.0.0.1], tls: terminate, ca: cert.pem, \(grant) }
              \(secrets ? added : "")
              limits: \(limits)
            retry: 1

        """, to: "nexus.config.yaml")
      if secrets {
        let set = try await project.naos("secret", "set", "api-key", input: secret)
        #expect(set.status == 0, "\(set.err)")
      }
      try await SandboxTests.needSandbox(project)
      try await body(project, host)
    }
  }

  @Test func `unmodified clients trust the gate, and methods, paths and secrets hold in TLS`() async throws {
    try await Self.with(agent: "terminated.py") { project, host in
      let node = try await project.up()
      let run = try await project.naos("run", "reacher", "-o", "json")
      #expect(run.status == 0, "\(run.err)\(run.out)")
      Self.judge(try #require(run.json["output"]?.objectValue), host)
      let id = try #require(run.json["id"]?.stringValue)
      // Every request that came had the secret, whatever the agent said.
      let heard = host.lines.filter { $0.hasPrefix("authorization ") }
      #expect(heard.count == host.requests.count && heard.allSatisfy { $0 == "authorization Bearer \(Self.secret)" })
      #expect(!host.requests.contains { $0.contains("/v2/") || $0.contains("DELETE") }, "\(host.requests)")
      try await Self.judgeReports(project, id, host)
      node.signal(SIGTERM)
      try await node.end()
    }
  }

  /// What has to come of the requests of `terminated.py`.
  static func judge(_ found: JSONObject, _ host: GrantedHost) {
    func text(_ what: String) -> String { found[what]?.stringValue ?? "missing" }
    for (what, answer) in [
      ("urllib", "hello 0"), ("urllib post", "hello 300000"), ("urllib big", "20000000"),
      ("requests", "hello 0, hello 0"), ("requests refused", "200 403 200"),
    ] { #expect(text(what) == answer, "\(what): \(text(what))") }
    for (client, answers) in [
      ("curl", ["hello 0"]), ("curl http2", ["1.1 0"]), ("curl twice", ["hello 0hello 0"]),
      ("curl websocket", ["403"]), ("node", ["hello 0"]), ("node refused", ["200 403 200"]),
    ] where found[client] != nil { #expect(answers.contains(text(client)), "\(client): \(text(client))") }
    let place = "https://example.test:\(host.secure)"
    #expect(text("path").hasPrefix("403 naos: ") && text("path").contains("the path is not granted at \(place)"))
    #expect(text("method").hasPrefix("403 naos: ") && text("method").contains("method"), "\(text("method"))")
    #expect(found["echoed"] == true, "a host that says what it was asked says the secret, too")
    #expect(!text("environment").contains(secret))
    #expect(text("environment").contains("/etc/naos/ca.pem"))
  }

  private static func judgeReports(_ project: Project, _ id: String, _ host: GrantedHost) async throws {
    let flows = try await project.naos("audit", "tail", "--event", "sandbox.flow", "-n", "100", "-o", "jsonl").out
    #expect(flows.contains("\"secrets\":[\"api-key\"]"), "\(flows)")
    let denied = try await project.naos("audit", "tail", "--event", "sandbox.denied", "-n", "100", "-o", "jsonl").out
    for word in ["GET https://example.test:\(host.secure)/v2/a", "DELETE https://example.test:\(host.secure)/v1/a"] {
      #expect(denied.contains(word), "\(word): \(denied)")
    }
    let read = try await project.naos("audit", "tail", "--event", "secret.read", "-n", "100", "-o", "jsonl").out
    #expect(read.contains("\"api-key\"") && read.contains("the gate of reacher"), "\(read)")
    let logs = try await project.naos("logs", "reacher", "-n", "1000").out
    #expect(logs.contains("the host says Bearer [redacted]"), "\(logs)")
    let explained = try await project.naos("sandbox", "explain", id)
    #expect(explained.out.contains("DELETE https://example.test"), "\(explained.out)\(explained.err)")
    let listed = try await project.naos("secret", "list").out
    #expect(listed.contains("agent reacher"), "\(listed)")
    let shown = try await project.naos("config", "show").out
    for text in [flows, denied, read, logs, explained.out, explained.err, listed, shown] {
      #expect(!text.contains(secret) && !text.contains("of-the-agent"))
    }
    for file in try FileManager.default.subpathsOfDirectory(atPath: project.path(".naos")) {
      guard let bytes = FileManager.default.contents(atPath: project.path(".naos/" + file)) else { continue }
      #expect(bytes.range(of: Data(secret.utf8)) == nil, "\(file) holds the secret")
      #expect(!file.hasPrefix("trust/"), "\(file) is left")
    }
  }
}
