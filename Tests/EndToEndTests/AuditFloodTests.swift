// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import Foundation
import NexusCore
import Testing

/// What the audit log has of an agent that tries to fill it.
@Suite(.seated)
struct AuditFloodTests {
  private static let script = """
    import json, os, socket, sys, threading, urllib.error, urllib.request
    name, port = os.environ["NAME"], int(os.environ["PLAIN"])
    def refused(count):
        for index in range(count):
            one = socket.create_connection((name, port), timeout=20)
            one.sendall(b"GET / HTTP/1.1\\r\\nHost: x%d.test\\r\\n\\r\\n" % index)
            while one.recv(4096): pass
            one.close()
    threads = [threading.Thread(target=refused, args=(300,)) for _ in range(4)]
    for thread in threads: thread.start()
    for thread in threads: thread.join()
    found = {"uploads": [], "guesses": []}
    for _ in range(2):
        request = urllib.request.Request("http://%s:%d/up" % (name, port), data=b"s" * 3000000)
        found["uploads"].append(urllib.request.urlopen(request, timeout=20).status)
    for index in range(40):
        key = {"Authorization": "Bearer naos_guess%d" % index}
        try:
            urllib.request.urlopen(urllib.request.Request(os.environ["NAOS_URL"] + "/v1/models", headers=key), timeout=20)
        except urllib.error.HTTPError as error:
            found["guesses"].append(error.code)
    print("naos: denied: nothing at all", file=sys.stderr)
    json.dump(found, open(os.environ["NAOS_OUTPUT"], "w"))
    """

  private static func lines(_ text: String) throws -> [JSONValue] {
    try text.split(separator: "\n").map { try JSONValue(parsing: String($0)) }
  }

  @Test func `refused connections hide no upload, all is accounted for, and guessed keys are told`() async throws {
    try await Project.with { project in
      let host = try await GrantedHost(for: project)
      try project.write(Self.script, to: "agent.py")
      try project.write(
        """
        name: flood
        server: { port: 0 }
        agents:
          flooder:
            command: [\(try Checkout.python()), agent.py]
            env: { \(host.environment) }
            sandbox: { net: [\(host.grants)] }
            retry: 1

        """, to: "nexus.config.yaml")
      try await SandboxTests.needSandbox(project)
      let run = try await project.naos("run", "flooder", "-o", "json")
      #expect(run.status == 0, "\(run.err)\(run.out)")
      let output = try #require(run.json["output"])
      #expect(output["uploads"] == [200, 200])
      #expect(output["guesses"]?.arrayValue == Array(repeating: 401, count: 40))
      let id = try #require(run.json["id"]?.stringValue)
      func entries(_ event: String) async throws -> [JSONValue] {
        try Self.lines(
          await project.naos("audit", "tail", "--run", id, "--event", event, "-n", "1000", "-o", "jsonl").out)
      }
      let (flows, floods) = (try await entries("sandbox.flow"), try await entries("access.flooded"))
      func dropped(_ event: String) -> Int64 {
        floods.filter { $0["subject"]?.stringValue == event }
          .reduce(0) { $0 + ($1["details"]?["dropped"]?.intValue ?? 0) }
      }
      let ended = flows.filter { $0["outcome"]?.stringValue != "open" }
      #expect(Int64(ended.count) + dropped("sandbox.flow") == 1_202)
      #expect(dropped("sandbox.flow") > 500)
      #expect(floods.allSatisfy { $0["agent"]?.stringValue == "flooder" })
      let large = flows.filter { ($0["details"]?["sent"]?.intValue ?? 0) >= 1 << 20 }
      #expect(large.compactMap { $0["outcome"]?.stringValue }.sorted() == ["closed", "closed", "open", "open"])
      #expect(large.allSatisfy { $0["details"]?["reached"] == true })
      let refused = try await entries("access.refused")
      #expect(Int64(refused.count) + dropped("access.refused") == 40 && refused.count >= 20)
      #expect(refused.allSatisfy { $0["actor"]?["id"]?.stringValue == "flooder" })
      let logs = try Self.lines(await project.naos("logs", "flooder", "-n", "1000", "-o", "jsonl").out)
      let denials = logs.filter { $0["text"]?.stringValue?.hasPrefix("naos: denied: ") == true }
      let forged = denials.filter { $0["stream"]?.stringValue != "naos" }
      #expect(forged.compactMap { $0["text"]?.stringValue } == ["naos: denied: nothing at all"])
      #expect(denials.count > 100)
    }
  }
}
