// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import Foundation
import NexusCore
import Testing

/// The attacks 59 to 70 of docs/internals/sandbox-attacks.md by an agent whose TLS ends at the gate.
@Suite(.seated)
struct TerminationAttackTests {
  private static let gone: Set<String> = ["403", "closed", "ECONNRESET", "EPIPE", "SSLError"]

  /// What may come of each attack; several where the agent may be let go before it has said all.
  private static let expected: [String: Set<String>] = [
    "as it should be": ["200"],
    "certificate": ["only the host"], "keys in view": ["none"], "changing the bundle": ["EROFS", "EACCES"],
    "changing the machine's bundle": ["EROFS", "EACCES"],
    "another sni": ["SSLError"], "no sni": ["SSLError"], "an encrypted name": ["alert"],
    "a client that trusts others only": ["untrusted"], "old TLS": ["SSLError"], "no TLS": ["closed", "ECONNRESET"],
    "HTTP/2 by itself": ["403"], "renegotiation": ["refused"], "early data": ["not taken"],
    "host": ["403"], "no host": ["403"], "a whole URL": ["403"], "tunnel": ["403"], "two lengths": ["403"],
    "a bare line feed": ["403"], "a folded line": ["403"], "a line break in the path": ["403"],
    "an encoded line break in the path": ["403"], "up the path": ["403"], "up the path, encoded": ["403"],
    "another method": ["403"], "websocket": ["403"], "a head without end": gone, "one long line": gone,
    "other letters in the coding": ["403"], "other letters in the host": ["403"],
    "a byte beyond ASCII in the path": ["403"], "an underscore in the length": ["403"],
    "up the path, a mark behind the ;": ["403"], "up the path, a mark behind the ?": ["403"],
    "up the path, a mark behind the slash": ["403"], "up the path, a mark behind the backslash": ["403"],
    "a request behind the body": gone, "a field that takes the length out": ["403"],
    "another method in a field": ["403"], "another method in a field, with underscores": ["403"],
    "another path in a field": ["403"],
    "pipelined": ["1 answers"],
    "trace": ["403"], "a field of its own": ["200"], "a field of its own, spaced": ["403"],
    "a field that ends here": ["403"], "a trailer of its own": gone, "a redirect": ["HTTPError"],
    "a slow greeting": ["closed", "ECONNRESET"], "a slow handshake": ["closed", "ECONNRESET"], "a slow head": ["403"],
    "many connections": ["closed"], "after all": ["200"],
  ]

  @Test func `no attack gets past the gate in TLS, none gets the secret, and each is written down`() async throws {
    try await TerminationTests.with(agent: "terminated_attacks.py") { project, host in
      let node = try await project.up()
      let run = try await project.naos("run", "reacher", "-o", "json")
      #expect(run.status == 0, "\(run.err)\(run.out)")
      let found = try #require(run.json["output"]?.objectValue)
      for (name, outcomes) in Self.expected where name != "renegotiation" && name != "early data" {
        let outcome = found[name]?.stringValue ?? "missing"
        #expect(outcomes.contains(outcome), "\(name): \(outcome)")
      }
      for member in found {
        let outcomes = Self.expected[member.key] ?? []
        #expect(outcomes.contains(member.value.stringValue ?? ""), "\(member.key): \(member.value)")
      }
      Self.judge(host)
      let id = try #require(run.json["id"]?.stringValue)
      let denied = try await project.naos(
        "audit", "tail", "--event", "sandbox.denied", "--run", id, "-n", "1000", "-o", "jsonl"
      ).out
      for word in [
        "other.test", "(no name)", "an encrypted name", "\"sni\"", "\"host\"", "\"language\"", "\"method\"", "\"path\"",
        "\"time\"", "\"connections\"", "TRACE https://example.test:\(host.secure)/v1/a",
      ] { #expect(denied.contains(word), "\(word): \(denied)") }
      let flows = try await project.naos(
        "audit", "tail", "--event", "sandbox.flow", "--run", id, "-n", "1000", "-o", "jsonl"
      ).out
      #expect(flows.contains("\"handshake\"") && flows.contains("\"denied\""), "\(flows)")
      for text in [denied, flows, run.out, run.err] { #expect(!text.contains(TerminationTests.secret)) }
      let again = try await project.naos("run", "reacher", "-o", "json")
      #expect(again.status == 0, "\(again.err)")
      node.signal(SIGTERM)
      try await node.end()
    }
  }

  /// What reached the host: requests to it alone, below the granted paths, each with the secret and nothing of the agent's.
  private static func judge(_ host: GrantedHost) {
    #expect(!host.requests.isEmpty)
    for line in host.requests {
      let words = line.split(separator: " ")
      #expect(words.count == 4 && words[3] == "example.test:\(host.secure)", "\(line)")
      #expect(words.count == 4 && ["GET", "POST"].contains(words[1]) && words[2].hasPrefix("/v1/"), "\(line)")
    }
    let heard = host.lines.filter { $0.hasPrefix("authorization ") }
    #expect(heard.count == host.requests.count)
    #expect(heard.allSatisfy { $0 == "authorization Bearer \(TerminationTests.secret)" })
  }

  @Test func `what TLS itself says counts, and so does each request in it`() async throws {
    let script = """
      import json, os, socket, ssl, urllib.request
      name, secure = os.environ["NAME"], int(os.environ["SECURE"])
      def shake():
          with socket.create_connection((name, secure), timeout=20) as s:
              ssl.create_default_context().wrap_socket(s, server_hostname=name).close()
      def get():
          try:
              return urllib.request.urlopen(f"https://{name}:{secure}/v1/a", timeout=20).status
          except urllib.error.HTTPError as error:
              return error.code
          except OSError as error:
              return type(error).__name__
      found = {"answers": [get() for _ in range(4)]}
      shaken = 0
      try:
          while shaken < 500:
              shake()
              shaken += 1
      except OSError:
          pass
      found["shaken"] = shaken
      json.dump(found, open(os.environ["NAOS_OUTPUT"], "w"))
      """
    try await TerminationTests.with(agent: "terminated.py", limits: "{ netBytes: 200KB, requests: 3 }") {
      project, host in
      try project.write(script, to: "agent.py")
      let run = try await project.naos("run", "reacher", "-o", "json")
      #expect(run.status == 0, "\(run.err)\(run.out)")
      let found = try #require(run.json["output"])
      #expect(found["answers"] == [200, 200, 200, 403])
      #expect((1...200).contains(found["shaken"]?.intValue ?? 0), "\(found)")
      let denied = try await project.naos("audit", "tail", "--event", "sandbox.denied", "-n", "100", "-o", "jsonl").out
      #expect(denied.contains("\"requests\"") && denied.contains("\"bytes\""), "\(denied)")
    }
  }

  @Test func `a host whose certificate nobody trusted has signed gets nothing`() async throws {
    let script = """
      import json, os, urllib.request
      try:
          found = urllib.request.urlopen("https://" + os.environ["NAME"] + ":" + os.environ["SECURE"] + "/v1/a").status
      except urllib.error.HTTPError as error:
          found = "%d %s" % (error.code, error.read().decode())
      json.dump(found, open(os.environ["NAOS_OUTPUT"], "w"))
      """
    try await TerminationTests.with(agent: "terminated.py") { project, host in
      try project.write(script, to: "agent.py")
      let config = try project.read("nexus.config.yaml").replacingOccurrences(of: " ca: cert.pem,", with: "")
      try project.write(config, to: "nexus.config.yaml")
      let run = try await project.naos("run", "reacher", "-o", "json")
      let answer = try run.json["output"]?.stringValue ?? run.out + run.err
      #expect(
        answer.hasPrefix("502 ") && answer.contains("certificate is signed by nobody who is trusted"), "\(answer)")
      #expect(host.requests.isEmpty)
    }
  }

  @Test func `a secret that is not there refuses the start, where it is named`() async throws {
    try await TerminationTests.with(agent: "terminated.py") { project, _ in
      #expect(try await project.naos("secret", "delete", "api-key").status == 0)
      let outcome = try await project.naos("config", "validate")
      #expect(
        outcome.status == 3 && outcome.err.contains("error[NX-SBX-021]: there is no secret `api-key`"), "\(outcome.err)"
      )
      let up = try await project.naos("run", "reacher")
      #expect(up.status != 0 && (up.err + up.out).contains("NX-SBX-021"), "\(up.err)")
    }
  }
}
