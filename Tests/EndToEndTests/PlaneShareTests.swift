// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import Foundation
import NexusCore
import Testing

/// One agent with its own key cannot take the agent plane from the others.
@Suite(.seated)
struct PlaneShareTests {
  private static let common = """
    import json, os, socket, urllib.parse, urllib.request
    url, key = os.environ["NAOS_URL"], os.environ["NAOS_TOKEN"]
    def tell(found): json.dump(found, open(os.environ["NAOS_OUTPUT"], "w"))

    """

  /// Holds more connections than there are, each with its key, until the other one is done.
  private static let loud =
    common + """
      at = urllib.parse.urlsplit(url)
      ask = "GET /v1/models HTTP/1.1\\r\\nHost: %s\\r\\nAuthorization: Bearer %s\\r\\n\\r\\n" % (at.netloc, key)
      held = []
      for _ in range(200):
          one = socket.create_connection((at.hostname, at.port), timeout=20)
          try:
              one.sendall(ask.encode())
              if one.recv(100): held.append(one)
          except OSError: pass
      open("held", "w").close()
      open("done").read()
      tell(len(held))
      """

  private static let quiet =
    common + """
      open("held").read()
      found = []
      for _ in range(5):
          request = urllib.request.Request(url + "/v1/models", headers={"Authorization": "Bearer " + key})
          try: found.append(urllib.request.urlopen(request, timeout=20).status)
          except OSError as error: found.append(repr(error))
      open("done", "w").close()
      tell(found)
      """

  @Test func `an agent that holds all connections keeps no other out, and its log says so`() async throws {
    try await Project.with { project in
      try project.write(Self.loud, to: "loud.py")
      try project.write(Self.quiet, to: "quiet.py")
      let python = try Checkout.python()
      try project.write(
        """
        name: plane
        server: { port: 0 }
        agents:
          loud: { command: [\(python), loud.py], retry: 1 }
          quiet: { command: [\(python), quiet.py], retry: 1 }

        """, to: "nexus.config.yaml")
      for name in ["held", "done"] {
        let made = unsafe mkfifo(project.path(name), 0o600)
        #expect(made == 0)
      }
      let node = try project.start(["/bin/sh", "-c", "ulimit -n 1024; exec \(Checkout.naos) up"])
      try await node.wait(for: "the node") { $0.errText.contains("node up") ? true : nil }
      async let taking = project.naos("run", "loud", "-o", "json")
      let quiet = try await project.naos("run", "quiet", "-o", "json")
      let answers = try quiet.json["output"]?.arrayValue
      #expect(answers == Array(repeating: 200, count: 5), "\(quiet.err)\(quiet.out)")
      let loud = try await taking
      let held = try loud.json["output"]
      #expect(held == 200, "\(loud.err)\(loud.out)")
      let logs = try await project.naos("logs", "loud").out
      #expect(logs.contains("denied: the agent plane: too many connections at a time"), "\(logs)")
      let denied = try await project.naos("audit", "tail", "--event", "sandbox.denied", "-o", "jsonl").out
      let rows = try denied.split(separator: "\n").map { try JSONValue(parsing: String($0)) }
      #expect(rows.map { $0["agent"]?.stringValue } == ["loud"])
      #expect(rows.first?["details"]?["rule"]?.stringValue == "connections")
      node.signal(SIGTERM)
      #expect(try await node.end().exit == .code(0))
    }
  }
}
