// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import Foundation
import NexusCore
import Testing

/// Secrets of agents that are modules, below a real node.
@Suite(.seated)
struct ModuleSecretTests {
  private static let secret = TerminationTests.secret

  private static func with(
    _ requests: (GrantedHost) -> [String] = { _ in [] }, isSet: Bool = true,
    _ body: (Project, GrantedHost) async throws -> Void
  ) async throws {
    try await Project.with { outside in
      let host = try await GrantedHost(for: outside)
      let (start, data) = WasmAgentTests.asking(requests(host))
      let place = "host: example.test, resolve: [127.0.0.1], paths: [/v1/*]"
      let sandbox = """
        { net: [{ \(place), port: \(host.secure), tls: terminate, ca: "\(outside.path("cert.pem"))" }, \
        { \(place), port: \(host.plain), protocol: http }], \
        secrets: [{ name: api-key, host: example.test, port: \(host.secure), inject: "header:Authorization", prefix: "Bearer " }] }
        """
      try await WasmAgentTests.project(start, sandbox: sandbox, data: data) { project in
        if isSet {
          let set = try await project.naos("secret", "set", "api-key", input: Self.secret)
          #expect(set.status == 0, "\(set.err)")
        }
        try await body(project, host)
      }
    }
  }

  @Test func `the node adds them to its requests, and they are nowhere else`() async throws {
    try await Self.with { host in
      let place = "example.test:\(host.secure)"
      return [
        #"{"url":"https://\#(place)/v1/a","headers":{"AUTHORIZATION":"of-the-agent"}}"#,
        #"{"url":"https://\#(place)/v1/echo"}"#, #"{"url":"https://\#(place)/v2/a"}"#,
        #"{"url":"http://example.test:\#(host.plain)/v1/echo"}"#,
      ]
    } _: { project, host in
      let node = try await project.up(environment: WasmAgentTests.environment)
      let run = try await project.naos("run", "x", "-o", "json")
      #expect(run.status == 0, "\(run.err)\(run.out)")
      let answers = try #require(run.json["output"]?.arrayValue)
      try #require(answers.count == 4, "\(run.out)")
      #expect(answers[0]["content"]?["body"] == "hello 0", "\(run.out)")
      #expect(answers[1]["content"]?["body"] == "Bearer [redacted]", "\(run.out)")
      #expect(answers[2]["content"]?["code"] == "denied", "\(run.out)")
      #expect(answers[3]["content"]?["body"] == "", "\(run.out)")
      // To the granted port alone, and in the place of what the module said.
      let heard = host.lines.filter { $0.hasPrefix("authorization ") }
      #expect(heard == Array(repeating: "authorization Bearer \(Self.secret)", count: 2), "\(host.lines)")
      let id = try #require(run.json["id"]?.stringValue)
      let flows = try await project.naos("audit", "tail", "--event", "sandbox.flow", "-n", "100", "-o", "jsonl").out
      #expect(flows.contains("\"secrets\":[\"api-key\"]"), "\(flows)")
      let read = try await project.naos("audit", "tail", "--event", "secret.read", "-n", "100", "-o", "jsonl").out
      #expect(read.contains("the gate of x"), "\(read)")
      let journal = try await project.naos("runs", "journal", id, "-o", "json").out
      let shown = try await project.naos("config", "show").out
      #expect(shown.contains("name: api-key"), "\(shown)")
      for text in [run.out, run.err, flows, read, journal, shown] { #expect(!text.contains(Self.secret)) }
      node.signal(SIGTERM)
      try await node.end()
      for file in try FileManager.default.subpathsOfDirectory(atPath: project.path(".naos")) {
        guard let bytes = FileManager.default.contents(atPath: project.path(".naos/" + file)) else { continue }
        #expect(bytes.range(of: Data(Self.secret.utf8)) == nil, "\(file) holds the secret")
        #expect(!file.hasPrefix("trust/"), "nobody speaks for the hosts of a module")
      }
    }
  }

  @Test func `one that is not there refuses the start`() async throws {
    try await Self.with(isSet: false) { project, _ in
      let run = try await project.naos("run", "x", "-o", "json")
      #expect(run.status != 0 && (run.err + run.out).contains("NX-SBX-021"), "\(run.err)\(run.out)")
    }
  }
}
